/*
 * Loading a dict by the file's first bytes, saving it by the name's ending, and what the formats
 * share: aligned parts, packed elements, names.
 */
#include <string.h>

#include "core/text.h"
#include "formats/format_list.h"

static const struct {
    const char *name;
    bool (*is)(const uint8_t *bytes, size_t n);
    dnnb_status (*read)(dnnb_dict *dict, dnnb__storage *s, const char *name);
    const char *endings;
    dnnb_status (*write)(const dnnb_dict *dict, dnnb__writer *w);
} formats[] = {
#define FORMAT_ROW(name, is, read, endings, write) {name, is, read, endings, write},
    DNNB__FORMAT_LIST(FORMAT_ROW)
#undef FORMAT_ROW
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

/* Limit of all tensors of a file, packed: what any file may have, and more for each byte of it. */
enum { BASE_BYTES = 256 << 20, BYTES_PER_BYTE = 64 };

/* ---- what the formats share ---- */

dnnb_status dnnb__part_align(dnnb__part *part, size_t alignment, dnnb__storage **copy) {
    *copy = NULL;
    const uint8_t *data = dnnb__storage_get_data(part->storage);
    if (part->n_bytes == 0 || (uintptr_t)(data + part->at_bytes) % alignment == 0 ||
        dnnb__storage_allows_unaligned(part->storage))
        return DNNB_OK;
    DNNB_TRY(dnnb__storage_copy(copy, part->storage, part->at_bytes, part->n_bytes));
    *part = (dnnb__part){.storage = *copy, .n_bytes = part->n_bytes};
    return DNNB_OK;
}

size_t dnnb__tensor_get_packed_bytes(const dnnb_tensor *t) {
    return dnnb_tensor_get_count(t) * dnnb_dtype_get_size(dnnb_tensor_get_dtype(t));
}

dnnb_status dnnb__tensor_pack(const dnnb_tensor *t, const void **bytes, void **copy) {
    size_t n = dnnb__tensor_get_packed_bytes(t);
    DNNB_ASSERT(!dnnb__storage_get_maker(dnnb__tensor_get_storage(t)));
    *copy = NULL;
    *bytes = dnnb_tensor_get_data(t);
    if (n == 0 || dnnb_tensor_is_contiguous(t)) return DNNB_OK;
    *copy = dnnb__alloc(n, 1);
    if (!*copy) return dnnb__fail_memory();
    *bytes = *copy;
    dnnb_status status = dnnb__tensor_copy_bytes(t, *copy, n);
    if (status != DNNB_OK) {
        dnnb__free(*copy);
        *copy = NULL;
    }
    return status;
}

static dnnb_status write_made(const dnnb__maker *maker, size_t n, dnnb__bytes_take take,
                              void *context) {
    for (size_t at = 0; at < n;) {
        dnnb__made made;
        DNNB_TRY(maker->make(maker->context, maker->index, at, &made));
        DNNB_ASSERT(made.n_bytes > 0 && made.n_bytes <= n - at);
        dnnb_status status = take(context, made.bytes, made.n_bytes);
        dnnb__free(made.copy);
        if (status != DNNB_OK) return status;
        at += made.n_bytes;
    }
    return DNNB_OK;
}

dnnb_status dnnb__tensor_write(const dnnb_tensor *t, dnnb__bytes_take take, void *context) {
    size_t n = dnnb__tensor_get_packed_bytes(t);
    const dnnb__maker *maker = dnnb__storage_get_maker(dnnb__tensor_get_storage(t));
    if (maker) return write_made(maker, n, take, context);
    const void *bytes;
    void *copy;
    DNNB_TRY(dnnb__tensor_pack(t, &bytes, &copy));
    dnnb_status status = take(context, bytes, n);
    dnnb__free(copy);
    return status;
}

dnnb_status dnnb__bytes_take_to_writer(void *writer, const void *bytes, size_t n) {
    return dnnb__writer_write(writer, bytes, n);
}

/* Length of the UTF-8 character at p, 0 when it is none. */
static size_t utf8_length(const uint8_t *p, size_t n) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : 4;
    if (length == 1) return 1;
    if (length > n || (length == 4 && p[0] >> 3 != 30)) return 0;
    uint32_t c = p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (p[i] & 63u);
    }
    bool is_surrogate = c >= 0xd800 && c < 0xe000;
    return c < least[length] || c > 0x10ffff || is_surrogate ? 0 : length;
}

bool dnnb__name_is_valid(const char *name, size_t n) {
    if (n == 0 || n > DNNB__NAME_MAX_BYTES || memchr(name, '\0', n)) return false;
    for (size_t i = 0; i < n;) {
        size_t length = utf8_length((const uint8_t *)name + i, n - i);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

/* ---- loading ---- */

/* Parallel training puts "module." before every name. */
static dnnb_status strip_prefix(dnnb_dict **dict) {
    static const char prefix[] = "module.";
    enum { N = sizeof prefix - 1 };
    size_t n = dnnb_dict_get_count(*dict);
    for (size_t i = 0; i < n; i++) {
        const char *name = dnnb_dict_get_name(*dict, i);
        if (strncmp(name, prefix, N) != 0 || name[N] == '\0') return DNNB_OK;
    }
    dnnb_dict *stripped;
    DNNB_TRY(dnnb_dict_create(&stripped));
    dnnb_status status = DNNB_OK;
    if (dnnb_dict_get_note(*dict)[0])
        status = dnnb__dict_add_note(stripped, dnnb_dict_get_note(*dict));
    for (size_t i = 0; i < n && status == DNNB_OK; i++) {
        dnnb_tensor *t = NULL;
        status = dnnb_tensor_clone(&t, dnnb_dict_get_tensor(*dict, i));
        if (status == DNNB_OK)
            status = dnnb_dict_add(stripped, dnnb_dict_get_name(*dict, i) + N, t);
        if (status != DNNB_OK) dnnb_tensor_destroy(t);
    }
    if (status == DNNB_OK) status = dnnb__dict_add_note(stripped, "prefix 'module.' taken off");
    if (status != DNNB_OK) {
        dnnb_dict_destroy(stripped);
        return status;
    }
    dnnb_dict_destroy(*dict);
    *dict = stripped;
    return DNNB_OK;
}

/* Views may repeat elements and share storages, so a small file can stand for many of them: all
 * together may take no more memory than a reader would unpack from a file of that size. */
static dnnb_status check_total(const dnnb_dict *dict, size_t n_file_bytes, const char *name) {
    size_t limit, total = 0;
    if (!dnnb__mul_size(n_file_bytes, BYTES_PER_BYTE, &limit) ||
        !dnnb__add_size(limit, BASE_BYTES, &limit))
        limit = SIZE_MAX;
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++)
        if (!dnnb__add_size(total, dnnb__tensor_get_packed_bytes(dnnb_dict_get_tensor(dict, i)),
                            &total) ||
            total > limit)
            return dnnb__fail(DNNB_ERR_LIMIT,
                              "%s: its tensors take more than %zu bytes, the limit for a file of "
                              "%zu",
                              name, limit, n_file_bytes);
    return DNNB_OK;
}

static dnnb_status fail_unknown(const uint8_t *bytes, size_t n, const char *name) {
    char shown[3 * 8 + 1] = "";
    for (size_t i = 0; i < n && i < 8; i++) (void)snprintf(shown + 3 * i, 4, "%02x ", bytes[i]);
    size_t n_shown = strlen(shown);
    if (n_shown) shown[n_shown - 1] = '\0';
    return dnnb__fail(DNNB_ERR_FORMAT,
                      "%s: expected a .pth, .safetensors, .npz or .npy file, found %s%s", name,
                      n ? "one that begins with the bytes " : "an empty file", shown);
}

dnnb_status dnnb__dict_read(dnnb_dict **out, dnnb__storage *s, const char *name) {
    const uint8_t *bytes = dnnb__storage_get_data(s);
    size_t n = dnnb__storage_get_size(s), i = 0;
    *out = NULL;
    while (i < N_FORMATS && !(n && formats[i].is(bytes, n))) i++;
    if (i == N_FORMATS) return fail_unknown(bytes, n, name);
    dnnb_dict *dict;
    DNNB_TRY(dnnb_dict_create(&dict));
    dnnb_status status = formats[i].read(dict, s, name);
    if (status == DNNB_OK && dnnb_dict_get_count(dict) == 0)
        status = dnnb__fail(DNNB_ERR_FORMAT, "%s: expected tensors, found none", name);
    if (status == DNNB_OK) status = check_total(dict, n, name);
    if (status == DNNB_OK) status = strip_prefix(&dict);
    if (status != DNNB_OK) {
        dnnb_dict_destroy(dict);
        return status;
    }
    *out = dict;
    return DNNB_OK;
}

static dnnb_status load(dnnb_dict **out, const char *path, bool allow_unaligned) {
    dnnb__map map;
    dnnb__storage *s;
    *out = NULL;
    DNNB_TRY(dnnb__map_create(&map, path));
    dnnb_status status = dnnb__storage_take_map(&s, &map);
    if (status != DNNB_OK) {
        dnnb__map_destroy(&map);
        return status;
    }
    if (allow_unaligned) dnnb__storage_allow_unaligned(s);
    status = dnnb__dict_read(out, s, path);
    dnnb__storage_release(s); /* the tensors hold it from here on */
    return status;
}

dnnb_status dnnb_dict_load(dnnb_dict **out, const char *path) {
    return load(out, path, false);
}

dnnb_status dnnb__dict_load_in_place(dnnb_dict **out, const char *path) {
    return load(out, path, true);
}

/* ---- saving ---- */

/* True when one of the endings, divided by commas, ends the path. */
static bool ends_with_any(const char *path, const char *endings) {
    const char *dot = strrchr(path, '.');
    while (dot && *endings) {
        size_t n = strcspn(endings, ",");
        char ending[16];
        if (n < sizeof ending) {
            memcpy(ending, endings, n);
            ending[n] = '\0';
            if (dnnb__text_equal_nocase(dot, ending)) return true;
        }
        endings += n + (endings[n] == ',');
    }
    return false;
}

static dnnb_status check_names(const dnnb_dict *dict, const char *path) {
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++) {
        const char *name = dnnb_dict_get_name(dict, i);
        if (!dnnb__name_is_valid(name, strlen(name)))
            return dnnb__fail(DNNB_ERR_ARGUMENT,
                              "%s: tensor %zu: its name is empty, too long or "
                              "not UTF-8",
                              path, i);
    }
    return DNNB_OK;
}

dnnb_status dnnb_dict_save(const dnnb_dict *dict, const char *path) {
    size_t i = 0;
    while (i < N_FORMATS && !ends_with_any(path, formats[i].endings)) i++;
    if (i == N_FORMATS)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a name that ends in .pth, .pt, .safetensors, .npz or .npy",
                          path);
    DNNB_TRY(check_names(dict, path));
    dnnb__writer w;
    DNNB_TRY(dnnb__writer_create(&w, path));
    dnnb_status status = formats[i].write(dict, &w);
    if (status == DNNB_OK) return dnnb__writer_commit(&w);
    dnnb__writer_destroy(&w);
    return status;
}
