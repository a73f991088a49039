/*
 * .npy: a magic text, a version, the header's length, and a Python dict of three keys as text,
 * padded so that the elements start at a multiple of 64 bytes.
 *
 * Method: the dict is read by a parser of exactly what numpy writes: texts, bools and a tuple of
 * integers. An array in Fortran order becomes a view with its strides reversed.
 * Source: numpy/lib/format.py.
 */
#include "formats/npy.h"

#include <string.h>

#include "core/cursor.h"

static const char magic[] = "\x93NUMPY";
enum { N_MAGIC = 6, ALIGNMENT = 64, MAX_HEADER_BYTES = 1 << 16, SHOWN = 32 };

/* numpy's names of types, little-endian; it has none for bfloat16. */
static const struct {
    dnnb_dtype dtype;
    const char *text;
} types[] = {{DNNB_F32, "<f4"}, {DNNB_F64, "<f8"}, {DNNB_F16, "<f2"},
             {DNNB_I64, "<i8"}, {DNNB_I32, "<i4"}, {DNNB_I16, "<i2"},
             {DNNB_I8, "|i1"},  {DNNB_U8, "|u1"},  {DNNB_BOOL, "|b1"}};
enum { N_TYPES = sizeof types / sizeof types[0] };

/* ---- the header's dict ---- */

typedef struct scanner {
    const char *at, *end;
} scanner;

typedef struct npy_header {
    char type[SHOWN];
    bool has_type, has_order, has_shape;
    bool is_fortran;
    dnnb_shape shape;
    size_t ndim; /* as found, which may be more than a shape holds */
} npy_header;

static void skip_spaces(scanner *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t')) s->at++;
}

/* Take one character, after spaces. */
static bool take(scanner *s, char c) {
    skip_spaces(s);
    if (s->at == s->end || *s->at != c) return false;
    s->at++;
    return true;
}

static bool take_word(scanner *s, const char *word) {
    size_t n = strlen(word);
    skip_spaces(s);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0) return false;
    s->at += n;
    return true;
}

/* A text in single or double quotes without escapes. */
static bool take_text(scanner *s, char out[SHOWN]) {
    skip_spaces(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"')) return false;
    const char *start = s->at + 1, *close = memchr(start, *s->at, (size_t)(s->end - start));
    if (!close || close - start >= SHOWN) return false;
    memcpy(out, start, (size_t)(close - start));
    out[close - start] = '\0';
    s->at = close + 1;
    return true;
}

static bool take_integer(scanner *s, int64_t *out) {
    skip_spaces(s);
    const char *start = s->at;
    *out = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, *s->at - '0', out))
            return false;
    (void)take(s, 'L'); /* a long of Python 2 */
    return s->at > start;
}

/* "()", "(3,)", "(3, 4)" */
static bool take_shape(scanner *s, npy_header *h) {
    if (!take(s, '(')) return false;
    while (!take(s, ')')) {
        int64_t dim;
        if (h->ndim && !take(s, ',')) return false;
        if (take(s, ')')) break;
        if (!take_integer(s, &dim)) return false;
        if (h->ndim < DNNB_MAX_NDIM) h->shape.dim[h->ndim] = dim;
        h->ndim++;
    }
    h->shape.ndim = h->ndim < DNNB_MAX_NDIM ? h->ndim : DNNB_MAX_NDIM;
    return true;
}

static bool take_entry(scanner *s, npy_header *h) {
    char key[SHOWN];
    if (!take_text(s, key) || !take(s, ':')) return false;
    if (strcmp(key, "descr") == 0 && !h->has_type) {
        h->has_type = true;
        if (take_text(s, h->type)) return true;
        skip_spaces(s); /* a list of fields: named in the message of the type */
        (void)snprintf(h->type, sizeof h->type, "%s", "a structure");
        return false;
    }
    if (strcmp(key, "fortran_order") == 0 && !h->has_order) {
        h->has_order = true;
        h->is_fortran = take_word(s, "True");
        return h->is_fortran || take_word(s, "False");
    }
    if (strcmp(key, "shape") == 0 && !h->has_shape) {
        h->has_shape = true;
        return take_shape(s, h);
    }
    return false;
}

static bool take_dict(scanner *s, npy_header *h) {
    if (!take(s, '{')) return false;
    for (bool is_first = true; !take(s, '}'); is_first = false) {
        if (!is_first && !take(s, ',')) return false;
        if (!is_first && take(s, '}')) break;
        if (!take_entry(s, h)) return false;
    }
    skip_spaces(s);
    return s->at == s->end && h->has_type && h->has_order && h->has_shape;
}

/* ---- reading ---- */

bool dnnb__npy_is(const uint8_t *bytes, size_t n) {
    return n >= N_MAGIC && memcmp(bytes, magic, N_MAGIC) == 0;
}

static dnnb_status find_type(const npy_header *h, const char *name, dnnb_dtype *out) {
    for (size_t i = 0; i < N_TYPES; i++)
        if (strcmp(h->type, types[i].text) == 0 ||
            (h->type[0] == '<' && strcmp(h->type + 1, types[i].text + 1) == 0)) {
            *out = types[i].dtype;
            return DNNB_OK;
        }
    return dnnb__fail(DNNB_ERR_UNSUPPORTED,
                      "%s: expected numbers, little-endian (such as '<f4'), found %s%.16s", name,
                      strstr(h->type, "O") ? "Python objects " : "", h->type);
}

/* The header's dict; the cursor then stands at the elements. */
static dnnb_status read_header(npy_header *h, dnnb__cursor *c, const char *name) {
    const uint8_t *start = dnnb__cursor_take(c, N_MAGIC);
    bool is_npy = start && memcmp(start, magic, N_MAGIC) == 0;
    unsigned version = dnnb__cursor_u8(c);
    (void)dnnb__cursor_u8(c); /* the minor version, 0 in all */
    size_t n = dnnb__cursor_uint(c, version == 1 ? 2 : 4);
    if (!is_npy || c->failed || version < 1 || version > 3)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected the header of a numpy array", name);
    if (n > MAX_HEADER_BYTES)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: expected a header of at most %d bytes, found %zu",
                          name, MAX_HEADER_BYTES, n);
    const char *text = (const char *)dnnb__cursor_take(c, n);
    if (!text) return dnnb__fail(DNNB_ERR_FORMAT, "%s: the header reaches past the end", name);
    scanner s = {.at = text, .end = text + n};
    if (!take_dict(&s, h)) {
        dnnb_dtype ignored;
        if (strcmp(h->type, "a structure") == 0) return find_type(h, name, &ignored);
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: the header is damaged at its byte %td", name,
                          s.at - text);
    }
    if (h->ndim > DNNB_MAX_NDIM)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: expected at most %d dimensions, found %zu", name,
                          DNNB_MAX_NDIM, h->ndim);
    return DNNB_OK;
}

dnnb_status dnnb__npy_parse(dnnb_tensor **out, const dnnb__part *part, const char *name) {
    dnnb__cursor c =
        dnnb__cursor_create(dnnb__storage_get_data(part->storage) + part->at_bytes, part->n_bytes);
    npy_header h = {.ndim = 0};
    dnnb_dtype dtype = DNNB_F32;
    size_t count, n_bytes;
    *out = NULL;
    DNNB_TRY(read_header(&h, &c, name));
    DNNB_TRY(find_type(&h, name, &dtype));
    size_t size = dnnb_dtype_get_size(dtype), left = dnnb__cursor_get_left(&c);
    char text[DNNB__SHAPE_TEXT];
    dnnb__shape_print(&h.shape, text, sizeof text);
    if (!dnnb__shape_count(&h.shape, &count) || !dnnb__mul_size(count, size, &n_bytes) ||
        n_bytes != left)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: expected the elements of an array %s of %s, found %zu bytes", name,
                          text, dnnb_dtype_get_name(dtype), left);
    int64_t strides[DNNB_MAX_NDIM], step = 1;
    for (size_t i = 0; i < h.shape.ndim; i++) {
        strides[i] = step;
        if (count) step *= h.shape.dim[i];
    }
    dnnb__part elements = {part->storage, part->at_bytes + c.at, n_bytes};
    dnnb__storage *copy;
    DNNB_TRY(dnnb__part_align(&elements, size, &copy));
    dnnb_status status = dnnb__tensor_view_part(out, elements.storage, elements.at_bytes, n_bytes,
                                                0, dtype, &h.shape, h.is_fortran ? strides : NULL);
    dnnb__storage_release(copy);
    return status;
}

dnnb_status dnnb__npy_read(dnnb_dict *dict, dnnb__storage *s, const char *name) {
    dnnb__part part = {.storage = s, .n_bytes = dnnb__storage_get_size(s)};
    dnnb_tensor *t;
    DNNB_TRY(dnnb__npy_parse(&t, &part, name));
    dnnb_status status = dnnb_dict_add(dict, "arr_0", t); /* as numpy names what has no name */
    if (status != DNNB_OK) dnnb_tensor_destroy(t);
    return status;
}

/* ---- writing ---- */

dnnb_status dnnb__npy_make_header(dnnb__buf *out, const dnnb_tensor *t, const char *name) {
    const dnnb_shape *shape = dnnb_tensor_get_shape(t);
    dnnb_dtype dtype = dnnb_tensor_get_dtype(t);
    size_t i = 0;
    while (i < N_TYPES && types[i].dtype != dtype) i++;
    if (i == N_TYPES)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED,
                          "%s: numpy has no type for %s: save as .safetensors or .pth", name,
                          dnnb_dtype_get_name(dtype));
    char dims[DNNB__SHAPE_TEXT], dict[256];
    dnnb__shape_print(shape, dims, sizeof dims);
    int n_dict =
        snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                 types[i].text, dims);
    size_t n_head = N_MAGIC + 4, n = n_head + (size_t)n_dict + 1;
    size_t padded = (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    uint8_t head[N_MAGIC + 4] = {[N_MAGIC] = 1};
    memcpy(head, magic, N_MAGIC);
    head[N_MAGIC + 2] = (uint8_t)(padded - n_head);
    head[N_MAGIC + 3] = (uint8_t)((padded - n_head) >> 8);
    dnnb__buf_append(out, head, sizeof head);
    dnnb__buf_printf(out, "%s%*s\n", dict, (int)(padded - n), "");
    return dnnb__buf_get_status(out);
}

dnnb_status dnnb__npy_write(const dnnb_dict *dict, dnnb__writer *w) {
    size_t n = dnnb_dict_get_count(dict);
    if (n != 1)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: a .npy file holds one tensor, found %zu: save as .npz", w->path, n);
    const dnnb_tensor *t = dnnb_dict_get_tensor(dict, 0);
    dnnb__buf header;
    dnnb__buf_init(&header, MAX_HEADER_BYTES);
    dnnb_status status = dnnb__npy_make_header(&header, t, w->path);
    if (status == DNNB_OK) status = dnnb__writer_write(w, header.data, header.n_bytes);
    if (status == DNNB_OK) status = dnnb__tensor_write(t, dnnb__bytes_take_to_writer, w);
    dnnb__buf_destroy(&header);
    return status;
}
