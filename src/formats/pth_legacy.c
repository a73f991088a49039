/*
 * .pth in the layout with a magic number (PyTorch 0.1.10 to 1.5).
 *
 * Five pickles: the magic number, a version, the system, the object, the keys of the storages. Then
 * for each key in turn the number of its elements and the elements. They are used in the mapped
 * file where the pickles' length leaves them aligned, and copied otherwise.
 * Source: torch/serialization.py of PyTorch, _legacy_save and _legacy_load.
 */
#include <stdlib.h>
#include <string.h>

#include "formats/pth_object.h"

static const uint8_t magic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
enum { MAGIC_AT = 2, VERSION = 1001, KEY_SHOWN = 40 };

typedef struct stored {
    const dnnb__value *key;
    dnnb_dtype dtype;
    int64_t n_elements;
    bool is_there; /* its elements have been found in the file */
    dnnb__part part;
    dnnb__storage *copy; /* of elements that were not aligned */
} stored;

typedef struct legacy_context {
    const char *name;
    dnnb__storage *storage;
    dnnb__cursor in;
    dnnb__pickle pickle;
    stored *table; /* in order of key */
    size_t n;
} legacy_context;

bool dnnb__pth_legacy_is(const uint8_t *bytes, size_t n) {
    return n >= MAGIC_AT + sizeof magic && bytes[0] == 0x80 &&
           memcmp(bytes + MAGIC_AT, magic, sizeof magic) == 0;
}

/* ---- the storages that the object names ---- */

static int compare_keys(const dnnb__value *a, const dnnb__value *b) {
    size_t n = a->as.bytes.n < b->as.bytes.n ? a->as.bytes.n : b->as.bytes.n;
    int order = n ? memcmp(a->as.bytes.data, b->as.bytes.data, n) : 0;
    return order ? order : (a->as.bytes.n > b->as.bytes.n) - (a->as.bytes.n < b->as.bytes.n);
}

static int compare_stored(const void *a, const void *b) {
    return compare_keys(((const stored *)a)->key, ((const stored *)b)->key);
}

static stored *find_stored(const legacy_context *c, const dnnb__value *key) {
    stored wanted = {.key = key};
    return c->n ? bsearch(&wanted, c->table, c->n, sizeof *c->table, compare_stored) : NULL;
}

static dnnb_status fail_key(const legacy_context *c, const dnnb__value *key, const char *what) {
    size_t n = key->as.bytes.n;
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: storage '%.*s': %s", c->name,
                      (int)(n < KEY_SHOWN ? n : KEY_SHOWN), (const char *)key->as.bytes.data, what);
}

/* A row for each key; what two references say of one storage must agree. */
static dnnb_status make_table(legacy_context *c) {
    size_t n_references = c->pickle.n_persistent, n_rows = 0;
    c->table = dnnb__calloc(n_references, sizeof *c->table);
    if (!c->table) return dnnb__fail_memory();
    for (size_t i = 0; i < n_references; i++) {
        dnnb__pth_id id;
        DNNB_TRY(dnnb__pth_id_read(&id, c->pickle.persistent[i]->as.id, c->name));
        c->table[n_rows++] =
            (stored){.key = id.key, .dtype = id.dtype, .n_elements = id.n_elements};
    }
    qsort(c->table, n_rows, sizeof *c->table, compare_stored);
    for (size_t i = 0; i < n_rows; i++) {
        stored *last = c->n ? &c->table[c->n - 1] : NULL, *next = &c->table[i];
        if (!last || compare_stored(last, next) != 0)
            c->table[c->n++] = *next;
        else if (last->dtype != next->dtype || last->n_elements != next->n_elements)
            return fail_key(c, last->key, "two references disagree on its type or size");
    }
    return DNNB_OK;
}

/* ---- their elements ---- */

static dnnb_status find_elements(legacy_context *c, const dnnb__value *key) {
    if (!key || key->kind != DNNB__VALUE_TEXT)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: the key of a storage is no text", c->name);
    stored *s = find_stored(c, key);
    if (!s) return fail_key(c, key, "nothing refers to it, so that its type is not known");
    if (s->is_there) return fail_key(c, key, "it is there twice");
    uint64_t n_elements = dnnb__cursor_u64(&c->in);
    size_t n_bytes;
    if (c->in.failed || n_elements != (uint64_t)s->n_elements ||
        !dnnb__mul_size((size_t)n_elements, dnnb_dtype_get_size(s->dtype), &n_bytes))
        return fail_key(c, key, "its number of elements is not the one that is referred to");
    s->part = (dnnb__part){.storage = c->storage, .at_bytes = c->in.at, .n_bytes = n_bytes};
    if (!dnnb__cursor_take(&c->in, n_bytes))
        return fail_key(c, key, "its elements reach past the end: is the file cut off?");
    s->is_there = true;
    return DNNB_OK;
}

static dnnb_status get_storage(void *context, const dnnb__value *reference, dnnb__part *out,
                               dnnb_dtype *dtype) {
    legacy_context *c = context;
    dnnb__pth_id id;
    DNNB_TRY(dnnb__pth_id_read(&id, reference, c->name));
    stored *s = find_stored(c, id.key);
    if (!s || !s->is_there) return fail_key(c, id.key, "its elements are missing");
    size_t size = dnnb_dtype_get_size(s->dtype);
    if (!s->copy) DNNB_TRY(dnnb__part_align(&s->part, size, &s->copy));
    *out = s->part;
    *dtype = s->dtype;
    if (!id.view) return DNNB_OK;
    /* (key of the view, offset, number of elements): a storage inside the storage. */
    const dnnb__value *offset = dnnb__value_get_item(id.view, 1);
    const dnnb__value *count = dnnb__value_get_item(id.view, 2);
    int64_t n = s->n_elements;
    if (!offset || offset->kind != DNNB__VALUE_INT || !count || count->kind != DNNB__VALUE_INT ||
        offset->as.integer < 0 || offset->as.integer > n || count->as.integer < 0 ||
        count->as.integer > n - offset->as.integer)
        return fail_key(c, id.key, "a view of it is damaged or reaches outside");
    out->at_bytes += (size_t)offset->as.integer * size;
    out->n_bytes = (size_t)count->as.integer * size;
    return DNNB_OK;
}

/* ---- the file ---- */

static dnnb_status read_header(legacy_context *c) {
    dnnb__value *v;
    DNNB_TRY(dnnb__pickle_read(&c->pickle, &c->in, &v)); /* the magic number, known by now */
    DNNB_TRY(dnnb__pickle_read(&c->pickle, &c->in, &v));
    if (v->kind != DNNB__VALUE_INT || v->as.integer != VERSION)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: expected version %d of the layout", c->name,
                          VERSION);
    DNNB_TRY(dnnb__pickle_read(&c->pickle, &c->in, &v));
    const dnnb__value *little = dnnb__value_find(v, "little_endian");
    if (little && little->kind == DNNB__VALUE_BOOL && !little->as.integer)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: byte order: expected 'little', found 'big'",
                          c->name);
    return DNNB_OK;
}

static dnnb_status read_file(dnnb_dict *dict, legacy_context *c) {
    dnnb__value *root, *keys;
    DNNB_TRY(read_header(c));
    DNNB_TRY(dnnb__pickle_read(&c->pickle, &c->in, &root));
    DNNB_TRY(make_table(c));
    DNNB_TRY(dnnb__pickle_read(&c->pickle, &c->in, &keys));
    if (keys->kind != DNNB__VALUE_LIST)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a list of storage keys", c->name);
    for (size_t i = 0; i < dnnb__value_get_count(keys); i++)
        DNNB_TRY(find_elements(c, dnnb__value_get_item(keys, i)));
    dnnb__pth_source source = {.name = c->name, .context = c, .get_storage = get_storage};
    return dnnb__pth_object_read(dict, &source, root);
}

dnnb_status dnnb__pth_legacy_read(dnnb_dict *dict, dnnb__storage *s, const char *name) {
    size_t n = dnnb__storage_get_size(s);
    legacy_context c = {
        .name = name, .storage = s, .in = dnnb__cursor_create(dnnb__storage_get_data(s), n)};
    dnnb__pickle_init(&c.pickle, name, n);
    dnnb_status status = read_file(dict, &c);
    for (size_t i = 0; i < c.n; i++) dnnb__storage_release(c.table[i].copy);
    dnnb__free(c.table);
    dnnb__pickle_destroy(&c.pickle);
    return status;
}
