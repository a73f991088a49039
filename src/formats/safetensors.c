/*
 * .safetensors: a u64 length, a JSON header of that length, then the elements of all tensors.
 *
 * Tensors are views of the mapped file where their elements lie aligned. The elements must cover
 * what follows the header without a hole or an overlap. What is written has its elements aligned:
 * the header is padded with spaces, and wider types stand first.
 * Source: the format's description in huggingface/safetensors.
 */
#include <stdlib.h>
#include <string.h>

#include "formats/formats.h"
#include "formats/json.h"

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER_BYTES = 100 * 1000 * 1000, /* the format's own limit */
    MAX_NODES = 1 << 22,                  /* a tensor takes about eight */
    ALIGNMENT = 64
};

/* The format's names of types; the others it knows have no tensor here. */
static const char *const dtype_names[] = {
    [DNNB_F32] = "F32", [DNNB_F64] = "F64",  [DNNB_F16] = "F16", [DNNB_BF16] = "BF16",
    [DNNB_I64] = "I64", [DNNB_I32] = "I32",  [DNNB_I16] = "I16", [DNNB_I8] = "I8",
    [DNNB_U8] = "U8",   [DNNB_BOOL] = "BOOL"};
enum { N_DTYPES = sizeof dtype_names / sizeof dtype_names[0] };

/* What the header says of one tensor; its elements count from the end of the header. */
typedef struct described {
    const char *name; /* borrowed from the header */
    dnnb_dtype dtype;
    dnnb_shape shape;
    uint64_t begin, end;
} described;

static uint64_t read_u64(const uint8_t *bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++) value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

bool dnnb__safetensors_is(const uint8_t *bytes, size_t n) {
    return n > LENGTH_BYTES && bytes[LENGTH_BYTES] == '{';
}

/* ---- reading ---- */

typedef struct reader {
    const char *name; /* of the file */
    dnnb__storage *storage;
    size_t data_at, data_bytes; /* what follows the header */
    described *tensors;         /* in the order of the header */
    const described **by_place; /* the same in the order of their elements */
    size_t n;
} reader;

static dnnb_status fail_tensor(const reader *r, const char *tensor, const char *what) {
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: tensor '%s': %s", r->name, tensor, what);
}

static bool read_size(const json_t *v, uint64_t *out) {
    if (!json_is_integer(v) || json_integer_value(v) < 0) return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static dnnb_status read_shape(const reader *r, const char *tensor, const json_t *v,
                              dnnb_shape *out) {
    if (!json_is_array(v)) return fail_tensor(r, tensor, "expected a list 'shape'");
    out->ndim = json_array_size(v);
    if (out->ndim > DNNB_MAX_NDIM)
        return dnnb__fail(DNNB_ERR_LIMIT,
                          "%s: tensor '%s': expected at most %d dimensions, found %zu", r->name,
                          tensor, DNNB_MAX_NDIM, out->ndim);
    for (size_t i = 0; i < out->ndim; i++) {
        uint64_t dim;
        if (!read_size(json_array_get(v, i), &dim))
            return fail_tensor(r, tensor, "a dimension is no integer of at least 0");
        out->dim[i] = (int64_t)dim;
    }
    return DNNB_OK;
}

static dnnb_status read_dtype(const reader *r, const char *tensor, const json_t *v,
                              dnnb_dtype *out) {
    const char *found = json_string_value(v);
    if (!found) return fail_tensor(r, tensor, "expected a text 'dtype'");
    for (size_t i = 0; i < N_DTYPES; i++)
        if (strcmp(found, dtype_names[i]) == 0) {
            *out = (dnnb_dtype)i;
            return DNNB_OK;
        }
    return dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: tensor '%s': the type %.16s is not supported",
                      r->name, tensor, found);
}

static dnnb_status read_description(reader *r, const char *name, const json_t *info) {
    described d = {.name = name, .dtype = DNNB_F32};
    size_t count, n_bytes;
    const json_t *offsets = json_object_get(info, "data_offsets");
    if (!dnnb__name_is_valid(name, strlen(name)))
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: a tensor's name is empty or too long", r->name);
    DNNB_TRY(read_dtype(r, name, json_object_get(info, "dtype"), &d.dtype));
    DNNB_TRY(read_shape(r, name, json_object_get(info, "shape"), &d.shape));
    if (json_array_size(offsets) != 2 || !read_size(json_array_get(offsets, 0), &d.begin) ||
        !read_size(json_array_get(offsets, 1), &d.end) || d.begin > d.end || d.end > r->data_bytes)
        return fail_tensor(r, name, "'data_offsets' are no range inside the file");
    if (!dnnb__shape_count(&d.shape, &count) ||
        !dnnb__mul_size(count, dnnb_dtype_get_size(d.dtype), &n_bytes) ||
        n_bytes != d.end - d.begin)
        return fail_tensor(r, name, "its shape and 'data_offsets' give two sizes");
    r->by_place[r->n] = &r->tensors[r->n];
    r->tensors[r->n++] = d;
    return DNNB_OK;
}

static int compare_places(const void *a, const void *b) {
    const described *x = *(const described *const *)a, *y = *(const described *const *)b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static dnnb_status check_places(const reader *r) {
    uint64_t at = 0;
    if (r->n) qsort(r->by_place, r->n, sizeof(const described *), compare_places);
    for (size_t i = 0; i < r->n; i++) {
        const described *d = r->by_place[i];
        if (d->begin != at)
            return fail_tensor(r, d->name,
                               d->begin < at ? "it overlaps another tensor"
                                             : "there is a hole in front of it");
        at = d->end;
    }
    if (at != r->data_bytes)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: expected %llu bytes of tensors, found %zu after the header", r->name,
                          (unsigned long long)at, r->data_bytes);
    return DNNB_OK;
}

static dnnb_status add_tensor(const reader *r, dnnb_dict *dict, const described *d) {
    dnnb__part part = {r->storage, r->data_at + (size_t)d->begin, (size_t)(d->end - d->begin)};
    dnnb__storage *copy;
    dnnb_tensor *t = NULL;
    DNNB_TRY(dnnb__part_align(&part, dnnb_dtype_get_size(d->dtype), &copy));
    dnnb_status status = dnnb__tensor_view_part(&t, part.storage, part.at_bytes, part.n_bytes, 0,
                                                d->dtype, &d->shape, NULL);
    dnnb__storage_release(copy);
    if (status == DNNB_OK) status = dnnb_dict_add(dict, d->name, t);
    if (status != DNNB_OK) dnnb_tensor_destroy(t);
    return status;
}

static dnnb_status check_metadata(const reader *r, json_t *metadata) {
    const char *key;
    json_t *value;
    bool is_good = json_is_object(metadata);
    json_object_foreach(metadata, key, value) is_good = is_good && json_is_string(value);
    if (is_good) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: '__metadata__': expected a dict of texts", r->name);
}

/* Places are checked before anything is copied. */
static dnnb_status read_header(reader *r, dnnb_dict *dict, json_t *header) {
    const char *name;
    json_t *info;
    r->tensors = dnnb__alloc(json_object_size(header), sizeof *r->tensors);
    r->by_place = dnnb__alloc(json_object_size(header), sizeof(const described *));
    if (!r->tensors || !r->by_place) return dnnb__fail_memory();
    json_object_foreach(header, name, info) {
        if (strcmp(name, "__metadata__") == 0)
            DNNB_TRY(check_metadata(r, info));
        else
            DNNB_TRY(read_description(r, name, info));
    }
    DNNB_TRY(check_places(r));
    for (size_t i = 0; i < r->n; i++) DNNB_TRY(add_tensor(r, dict, &r->tensors[i]));
    return DNNB_OK;
}

dnnb_status dnnb__safetensors_read(dnnb_dict *dict, dnnb__storage *s, const char *name) {
    const uint8_t *bytes = dnnb__storage_get_data(s);
    size_t n = dnnb__storage_get_size(s);
    uint64_t n_header = read_u64(bytes);
    if (n_header > n - LENGTH_BYTES || n_header > MAX_HEADER_BYTES)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: a header of %llu bytes does not fit a file of %zu bytes", name,
                          (unsigned long long)n_header, n);
    reader r = {.name = name, .storage = s, .data_at = LENGTH_BYTES + (size_t)n_header};
    r.data_bytes = n - r.data_at;
    json_t *header;
    DNNB_TRY(dnnb__json_parse(&header, bytes + LENGTH_BYTES, (size_t)n_header, MAX_NODES, name));
    dnnb_status status = read_header(&r, dict, header);
    json_decref(header);
    dnnb__free(r.tensors);
    dnnb__free(r.by_place);
    return status;
}

/* ---- writing ---- */

/* Tensors in the order of their elements in the file: wider types first, otherwise as in the dict,
 * so that each begins at a multiple of its type's size. */
static size_t *make_order(const dnnb_dict *dict) {
    size_t n = dnnb_dict_get_count(dict), n_ordered = 0;
    size_t *order = dnnb__alloc(n, sizeof *order);
    for (size_t size = 8; order && size; size /= 2)
        for (size_t i = 0; i < n; i++)
            if (dnnb_dtype_get_size(dnnb_tensor_get_dtype(dnnb_dict_get_tensor(dict, i))) == size)
                order[n_ordered++] = i;
    return order;
}

static json_t *describe(dnnb_dtype dtype, const dnnb_shape *shape, size_t begin, size_t end) {
    json_t *dims = json_array();
    for (size_t i = 0; i < shape->ndim; i++) {
        if (json_array_append_new(dims, json_integer(shape->dim[i])) == 0) continue;
        json_decref(dims);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype_names[dtype], "shape", dims,
                     "data_offsets", (json_int_t)begin, (json_int_t)end);
}

static json_t *describe_tensor(const dnnb_tensor *t, size_t begin) {
    return describe(dnnb_tensor_get_dtype(t), dnnb_tensor_get_shape(t), begin,
                    begin + dnnb__tensor_get_packed_bytes(t));
}

/* The header as an object; `order` says where the elements go. NULL when out of memory. */
static json_t *make_header(const dnnb_dict *dict, const size_t *order) {
    size_t n = dnnb_dict_get_count(dict), at = 0;
    size_t *begins = dnnb__alloc(n, sizeof *begins);
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    bool is_good = begins && header;
    for (size_t i = 0; is_good && i < n; i++) {
        begins[order[i]] = at;
        at += dnnb__tensor_get_packed_bytes(dnnb_dict_get_tensor(dict, order[i]));
    }
    for (size_t i = 0; is_good && i < n; i++)
        is_good =
            json_object_set_new(header, dnnb_dict_get_name(dict, i),
                                describe_tensor(dnnb_dict_get_tensor(dict, i), begins[i])) == 0;
    dnnb__free(begins);
    if (is_good) return header;
    json_decref(header);
    return NULL;
}

static int append_text(const char *text, size_t n, void *context) {
    dnnb__buf *out = context;
    dnnb__buf_append(out, text, n);
    return out->status == DNNB_OK ? 0 : -1;
}

/* Length, header (taken over; NULL is out of memory) and spaces up to the alignment. */
static dnnb_status print_header(dnnb__buf *out, json_t *header) {
    static const char no_length[LENGTH_BYTES];
    dnnb__buf_append(out, no_length, LENGTH_BYTES);
    int code = header ? json_dump_callback(header, append_text, out, JSON_COMPACT) : -1;
    json_decref(header);
    while (out->n_bytes % ALIGNMENT && out->status == DNNB_OK) dnnb__buf_append(out, " ", 1);
    DNNB_TRY(dnnb__buf_get_status(out));
    if (code != 0) return dnnb__fail(DNNB_ERR_MEMORY, "out of memory for a header");
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        out->data[i] = (char)((uint64_t)(out->n_bytes - LENGTH_BYTES) >> (8 * i));
    return DNNB_OK;
}

dnnb_status dnnb__safetensors_print_header(dnnb__buf *out, const dnnb__array *arrays, size_t n) {
    json_t *header = json_object();
    size_t begin = 0;
    for (size_t i = 0; header && i < n; i++) {
        size_t end = begin + arrays[i].n * dnnb_dtype_get_size(arrays[i].dtype);
        dnnb_shape shape = {{(int64_t)arrays[i].n}, 1};
        json_t *row = describe(arrays[i].dtype, &shape, begin, end);
        begin = end;
        if (json_object_set_new(header, arrays[i].name, row) == 0) continue;
        json_decref(header);
        header = NULL;
    }
    return print_header(out, header);
}

static dnnb_status write_elements(const dnnb_dict *dict, const size_t *order, dnnb__writer *w) {
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++)
        DNNB_TRY(dnnb__tensor_write(dnnb_dict_get_tensor(dict, order[i]),
                                    dnnb__bytes_take_to_writer, w));
    return DNNB_OK;
}

dnnb_status dnnb__safetensors_write(const dnnb_dict *dict, dnnb__writer *w) {
    if (dnnb_dict_find(dict, "__metadata__"))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: a tensor cannot have the name '__metadata__'",
                          w->path);
    size_t *order = make_order(dict);
    if (!order) return dnnb__fail_memory();
    dnnb__buf header;
    dnnb__buf_init(&header, MAX_HEADER_BYTES + LENGTH_BYTES);
    dnnb_status status = print_header(&header, make_header(dict, order));
    if (status != DNNB_OK) status = dnnb__fail_prefix(status, "%s", w->path);
    if (status == DNNB_OK) status = dnnb__writer_write(w, header.data, header.n_bytes);
    if (status == DNNB_OK) status = write_elements(dict, order, w);
    dnnb__buf_destroy(&header);
    dnnb__free(order);
    return status;
}
