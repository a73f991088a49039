/*
 * State-dict files made by hand, right and wrong, for the tests of the readers.
 * Everything is appended to a dnnb__buf; a reader is then called on a storage that holds the bytes.
 */
#ifndef DNNB_TESTS_UNIT_FORMATS_FILES_H
#define DNNB_TESTS_UNIT_FORMATS_FILES_H

#include "unit/unit.h"

#include <unistd.h>

#include "formats/formats.h"
#include "formats/pickle_write.h"

static inline void put(dnnb__buf *out, const void *bytes, size_t n) {
    dnnb__buf_append(out, bytes, n);
    assert_ok(dnnb__buf_get_status(out));
}

static inline void put_text(dnnb__buf *out, const char *text) {
    put(out, text, strlen(text));
}

/** A literal with its NULs. */
#define put_literal(out, literal) put(out, literal, sizeof(literal) - 1)

static inline void put_uint(dnnb__buf *out, uint64_t value, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(i < 8 ? value >> (8 * i) : 0);
        put(out, &byte, 1);
    }
}

static inline dnnb__storage *make_storage(const void *bytes, size_t n) {
    dnnb__storage *s;
    assert_ok(dnnb__storage_create(&s, n));
    if (n) memcpy(dnnb__storage_get_writable(s), bytes, n);
    return s;
}

/** Read bytes as dnnb_dict_load would read a file of them, named "file". */
static inline dnnb_status read_bytes(dnnb_dict **out, const void *bytes, size_t n) {
    dnnb__storage *s = make_storage(bytes, n);
    dnnb_status status = dnnb__dict_read(out, s, "file");
    dnnb__storage_release(s);
    return status;
}

/** The bytes are refused with one line that names the file and holds `text`; they go. */
static inline void refuse(dnnb__buf *bytes, dnnb_status expected, const char *text) {
    dnnb_dict *dict = NULL;
    assert_fails(read_bytes(&dict, bytes->data, bytes->n_bytes), expected, text);
    if (strncmp(dnnb_get_error(), "file", 4) != 0)
        fail_msg("the file is not named in '%s'", dnnb_get_error());
    assert_null(strchr(dnnb_get_error(), '\n'));
    assert_null(dict);
    dnnb__buf_destroy(bytes);
}

/* ---- zip archives ---- */

typedef struct zip_row {
    const char *name;
    const void *data;
    size_t n;
    unsigned method, flags;
    /* Where the headers lie: 0 for the truth. */
    uint32_t stored_bytes, n_bytes;
    bool at_previous; /* the directory points to the entry before */
} zip_row;

static inline void put_zip_fields(dnnb__buf *out, const zip_row *row) {
    uint32_t stored = row->stored_bytes ? row->stored_bytes : (uint32_t)row->n;
    put_uint(out, row->flags, 2);
    put_uint(out, row->method, 2);
    put_uint(out, 0, 4); /* date */
    put_uint(out, 0, 4); /* checksum: not looked at where entries are stored */
    put_uint(out, stored, 4);
    put_uint(out, row->n_bytes ? row->n_bytes : stored, 4);
    put_uint(out, strlen(row->name), 2);
}

static inline void put_zip(dnnb__buf *out, const zip_row *rows, size_t n) {
    uint32_t at[64] = {0};
    assert_true(n <= 64);
    for (size_t i = 0; i < n; i++) {
        at[i] = i > 0 && rows[i].at_previous ? at[i - 1] : (uint32_t)out->n_bytes;
        if (rows[i].at_previous) continue;
        put_literal(out, "PK\3\4\24\0");
        put_zip_fields(out, &rows[i]);
        put_uint(out, 0, 2); /* extra field */
        put_text(out, rows[i].name);
        put(out, rows[i].data, rows[i].n);
    }
    size_t start = out->n_bytes;
    for (size_t i = 0; i < n; i++) {
        put_literal(out, "PK\1\2\24\0\24\0");
        put_zip_fields(out, &rows[i]);
        put_uint(out, 0, 2 + 2 + 2 + 2 + 4); /* extra, comment, disk, attributes */
        put_uint(out, at[i], 4);
        put_text(out, rows[i].name);
    }
    size_t n_directory = out->n_bytes - start;
    put_literal(out, "PK\5\6\0\0\0\0");
    put_uint(out, n, 2);
    put_uint(out, n, 2);
    put_uint(out, n_directory, 4);
    put_uint(out, start, 4);
    put_uint(out, 0, 2);
}

/* ---- pickles ---- */

static inline void put_integers(dnnb__buf *out, const int64_t *integers, size_t n) {
    dnnb__pickle_put(out, DNNB__OP_MARK);
    for (size_t i = 0; i < n; i++) dnnb__pickle_put_integer(out, integers[i]);
    dnnb__pickle_put(out, DNNB__OP_TUPLE);
}

typedef struct tensor_row {
    const char *name, *key;
    int64_t n_elements, offset;
    size_t ndim;
    int64_t dim[8], stride[8];
    const char *storage; /* NULL for FloatStorage */
} tensor_row;

/** A name and a tensor, as a legacy file (with the sixth item of the reference) or a zip has it. */
static inline void put_tensor(dnnb__buf *out, const tensor_row *row, bool is_legacy) {
    dnnb__pickle_put_text(out, row->name);
    dnnb__pickle_put_global(out, "torch._utils", "_rebuild_tensor_v2");
    dnnb__pickle_put(out, DNNB__OP_MARK);
    dnnb__pickle_put(out, DNNB__OP_MARK);
    dnnb__pickle_put_text(out, "storage");
    dnnb__pickle_put_global(out, "torch", row->storage ? row->storage : "FloatStorage");
    dnnb__pickle_put_text(out, row->key);
    dnnb__pickle_put_text(out, "cpu");
    dnnb__pickle_put_integer(out, row->n_elements);
    if (is_legacy) dnnb__pickle_put(out, DNNB__OP_NONE);
    dnnb__pickle_put(out, DNNB__OP_TUPLE);
    dnnb__pickle_put(out, DNNB__OP_PERSISTENT);
    dnnb__pickle_put_integer(out, row->offset);
    put_integers(out, row->dim, row->ndim);
    put_integers(out, row->stride, row->ndim);
    dnnb__pickle_put(out, DNNB__OP_FALSE);
    dnnb__pickle_put(out, DNNB__OP_NONE);
    dnnb__pickle_put(out, DNNB__OP_TUPLE);
    dnnb__pickle_put(out, DNNB__OP_REDUCE);
}

static inline void put_tensors(dnnb__buf *out, const tensor_row *rows, size_t n, bool is_legacy) {
    dnnb__pickle_put_start(out);
    dnnb__pickle_put(out, DNNB__OP_EMPTY_DICT);
    dnnb__pickle_put(out, DNNB__OP_MARK);
    for (size_t i = 0; i < n; i++) put_tensor(out, &rows[i], is_legacy);
    dnnb__pickle_put(out, DNNB__OP_SETITEMS);
    dnnb__pickle_put(out, DNNB__OP_STOP);
}

/** A .pth whose storage "0" holds six floats. */
static inline void put_pth(dnnb__buf *out, const tensor_row *rows, size_t n) {
    static const float six[6] = {0, 1, 2, 3, 4, 5};
    dnnb__buf pickle;
    dnnb__buf_init(&pickle, 1 << 20);
    put_tensors(&pickle, rows, n, false);
    const zip_row entries[] = {{.name = "a/data.pkl", .data = pickle.data, .n = pickle.n_bytes},
                               {.name = "a/data/0", .data = six, .n = sizeof six},
                               {.name = "a/version", .data = "3\n", .n = 2}};
    put_zip(out, entries, 3);
    dnnb__buf_destroy(&pickle);
}

/** A .pth of these pickle bytes and no storage. */
static inline void put_pth_pickle(dnnb__buf *out, const void *pickle, size_t n) {
    const zip_row entries[] = {{.name = "a/data.pkl", .data = pickle, .n = n}};
    put_zip(out, entries, 1);
}

/** The head of a legacy file, up to the object. */
static inline void put_legacy_head(dnnb__buf *out) {
    put_literal(out, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
    put_literal(out, "\x80\x02M\xe9\x03.");
    put_literal(out, "\x80\x02}.");
}

/** A legacy file of one tensor of two floats. */
static inline void put_legacy(dnnb__buf *out) {
    const tensor_row row = {"w", "7", 2, 0, 1, {2}, {1}, NULL};
    put_legacy_head(out);
    put_tensors(out, &row, 1, true);
    put_literal(out, "\x80\x02]U\x01"
                     "7a.");
    put_uint(out, 2, 8);
    put(out, (const float[]){1, 2}, 8);
}

/* ---- tar archives ---- */

static inline void put_tar_member(dnnb__buf *out, const char *name, const dnnb__buf *data) {
    char head[512] = {0};
    unsigned sum = 0;
    (void)snprintf(head, 100, "%s", name);
    (void)snprintf(head + 100, 8, "%07o", 0644u);
    (void)snprintf(head + 108, 8, "%07o", 0u);
    (void)snprintf(head + 116, 8, "%07o", 0u);
    (void)snprintf(head + 124, 12, "%011o", (unsigned)data->n_bytes);
    (void)snprintf(head + 136, 12, "%011o", 0u);
    memset(head + 148, ' ', 8);
    head[156] = '0';
    memcpy(head + 257,
           "ustar\0"
           "00",
           8);
    for (size_t i = 0; i < sizeof head; i++) sum += (unsigned char)head[i];
    (void)snprintf(head + 148, 8, "%06o", sum);
    put(out, head, sizeof head);
    put(out, data->data, data->n_bytes);
    while (out->n_bytes % 512) put(out, "", 1);
}

/** A tar file of one tensor of two floats; the members, in case a test wants to change them. */
typedef struct tar_parts {
    dnnb__buf storages, tensors, object;
} tar_parts;

static inline tar_parts make_tar_parts(void) {
    tar_parts p;
    dnnb__buf_init(&p.storages, 1 << 20);
    dnnb__buf_init(&p.tensors, 1 << 20);
    dnnb__buf_init(&p.object, 1 << 20);
    put_literal(&p.storages, "\x80\x02K\x01.\x80\x02(K\x05U\x03"
                             "cpuctorch\nFloatStorage\nt.");
    put_uint(&p.storages, 2, 8);
    put(&p.storages, (const float[]){1, 2}, 8);
    put_literal(&p.storages, "\x80\x02].");
    put_literal(&p.tensors, "\x80\x02K\x01.\x80\x02(K\x09K\x05"
                            "ctorch\nFloatTensor\nt.");
    put_uint(&p.tensors, 1, 4);
    put_uint(&p.tensors, 0, 4);
    put_uint(&p.tensors, 2, 8);
    put_uint(&p.tensors, 1, 8);
    put_uint(&p.tensors, 0, 8);
    put_literal(&p.object, "\x80\x02}U\x01wU\x01"
                           "9Qs.");
    return p;
}

static inline void put_tar(dnnb__buf *out, tar_parts *p) {
    put_tar_member(out, "pickle", &p->object);
    put_tar_member(out, "tensors", &p->tensors);
    put_tar_member(out, "storages", &p->storages);
    for (size_t i = 0; i < 1024; i++) put(out, "", 1);
    dnnb__buf_destroy(&p->storages);
    dnnb__buf_destroy(&p->tensors);
    dnnb__buf_destroy(&p->object);
}

/* ---- safetensors ---- */

static inline void put_safetensors(dnnb__buf *out, const char *header, size_t n_data) {
    put_uint(out, strlen(header), 8);
    put_text(out, header);
    for (size_t i = 0; i < n_data; i++) put_literal(out, "\1");
}

#endif
