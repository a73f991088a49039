/*
 * .pth in the zip layout (PyTorch 1.6 and newer).
 *
 * `<root>/data.pkl` holds the object, `<root>/data/<key>` the elements of each storage, which are
 * used where they lie in the mapped file.
 * Source: torch/serialization.py and caffe2/serialize/inline_container.cc of PyTorch.
 */
#include <string.h>

#include "formats/pth_object.h"
#include "formats/zip.h"

enum { MAX_ROOT_BYTES = 1024, MAX_KEY_BYTES = 64, MAX_PATH_BYTES = 1200 };

typedef struct zip_context {
    dnnb__zip zip;
    const char *name;
    const char *root; /* the folder of all entries; no NUL at its end */
    size_t n_root;
} zip_context;

bool dnnb__pth_zip_is(const uint8_t *bytes, size_t n) {
    return dnnb__zip_is(bytes, n);
}

/* The entry `<root>/<leaf>`, NULL when there is none. */
static dnnb__zip_entry *find_entry(const zip_context *c, const char *leaf) {
    char path[MAX_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%.*s/%s", (int)c->n_root, c->root, leaf);
    return dnnb__zip_find(&c->zip, path);
}

/* The folder that holds data.pkl: the archive's only top folder. */
static dnnb_status find_root(zip_context *c) {
    static const char leaf[] = "/data.pkl";
    for (size_t i = 0; i < c->zip.n; i++) {
        const char *entry = c->zip.entries[i].name, *slash = strchr(entry, '/');
        if (slash && strcmp(slash, leaf) == 0 && slash - entry < MAX_ROOT_BYTES) {
            c->root = entry;
            c->n_root = (size_t)(slash - entry);
            if (find_entry(c, "constants.pkl"))
                return dnnb__fail(DNNB_ERR_UNSUPPORTED,
                                  "%s: expected a state dict, found a TorchScript archive; save "
                                  "model.state_dict() instead",
                                  c->name);
            return DNNB_OK;
        }
    }
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: the zip has no entry '<folder>/data.pkl'", c->name);
}

static dnnb_status check_byte_order(zip_context *c) {
    dnnb__zip_entry *entry = find_entry(c, "byteorder");
    dnnb__part part;
    if (!entry) return DNNB_OK; /* older than 2.1: little-endian in practice */
    DNNB_TRY(dnnb__zip_get_part(&c->zip, entry, 1, &part));
    const char *text = (const char *)dnnb__storage_get_data(part.storage) + part.at_bytes;
    if (part.n_bytes == 6 && memcmp(text, "little", 6) == 0) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: byte order: expected 'little', found '%.*s'",
                      c->name, (int)(part.n_bytes < 16 ? part.n_bytes : 16), text);
}

static dnnb_status get_storage(void *context, const dnnb__value *id, dnnb__part *out,
                               dnnb_dtype *dtype) {
    zip_context *c = context;
    dnnb__pth_id parsed;
    DNNB_TRY(dnnb__pth_id_read(&parsed, id, "data.pkl"));
    size_t size = dnnb_dtype_get_size(parsed.dtype), n_bytes;
    const uint8_t *key = parsed.key->as.bytes.data;
    size_t n_key = parsed.key->as.bytes.n;
    char leaf[MAX_KEY_BYTES + 8];
    (void)snprintf(leaf, sizeof leaf, "data/%.*s",
                   (int)(n_key < MAX_KEY_BYTES ? n_key : MAX_KEY_BYTES), (const char *)key);
    dnnb__zip_entry *entry = n_key < MAX_KEY_BYTES ? find_entry(c, leaf) : NULL;
    if (!entry) return dnnb__fail(DNNB_ERR_FORMAT, "the zip has no entry '%s'", leaf);
    if (!dnnb__mul_size((size_t)parsed.n_elements, size, &n_bytes) || n_bytes != entry->n_bytes)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "entry '%s': expected %lld elements of %zu bytes, found %zu bytes", leaf,
                          (long long)parsed.n_elements, size, entry->n_bytes);
    if (parsed.view)
        return dnnb__fail(DNNB_ERR_FORMAT, "entry '%s': a view of a storage has no place here",
                          leaf);
    *dtype = parsed.dtype;
    return dnnb__zip_get_part(&c->zip, entry, size, out);
}

static dnnb_status read_object(dnnb_dict *dict, zip_context *c) {
    static const char leaf[] = "data.pkl";
    char place[MAX_PATH_BYTES];
    dnnb__part part;
    DNNB_TRY(find_root(c));
    DNNB_TRY(check_byte_order(c));
    DNNB_TRY(dnnb__zip_get_part(&c->zip, find_entry(c, leaf), 1, &part));
    (void)snprintf(place, sizeof place, "%s: %s", c->name, leaf);
    dnnb__cursor in =
        dnnb__cursor_create(dnnb__storage_get_data(part.storage) + part.at_bytes, part.n_bytes);
    dnnb__pickle pickle;
    dnnb__value *root;
    dnnb__pickle_init(&pickle, place, part.n_bytes);
    dnnb_status status = dnnb__pickle_read(&pickle, &in, &root);
    if (status == DNNB_OK) {
        dnnb__pth_source source = {.name = c->name, .context = c, .get_storage = get_storage};
        status = dnnb__pth_object_read(dict, &source, root);
    }
    dnnb__pickle_destroy(&pickle);
    return status;
}

dnnb_status dnnb__pth_zip_read(dnnb_dict *dict, dnnb__storage *s, const char *name) {
    zip_context c = {.name = name, .root = ""};
    DNNB_TRY(dnnb__zip_open(&c.zip, s, name));
    dnnb_status status = read_object(dict, &c);
    dnnb__zip_close(&c.zip);
    return status;
}
