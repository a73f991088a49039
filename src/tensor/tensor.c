/*
 * Storage, views and conversion to float32.
 *
 * Invariant: every element that shape and strides can name lies inside the storage; the one place
 * that checks is dnnb__tensor_view, and no other function makes a tensor.
 */
#include "tensor/tensor.h"

#include <stdatomic.h>
#include <string.h>

enum { COPY_BYTES = 4 << 20 }; /* copied between two times that pages are given back */

struct dnnb__storage {
    uint8_t *data;
    size_t n_bytes;
    dnnb__map map; /* data NULL unless a mapped file */
    bool allows_unaligned;
    dnnb__maker maker; /* make NULL unless elements are made when they are wanted */
    atomic_size_t n_references;
};

struct dnnb_tensor {
    dnnb__storage *storage;
    size_t offset_bytes;
    dnnb_dtype dtype;
    dnnb_shape shape;
    int64_t strides[DNNB_MAX_NDIM];
    size_t count;
};

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
#define DTYPE_ROW(code, name, bytes) {name, bytes},
    DNNB_DTYPE_LIST(DTYPE_ROW)
#undef DTYPE_ROW
};

const char *dnnb_dtype_get_name(dnnb_dtype dtype) {
    return dtypes[dtype].name;
}

size_t dnnb_dtype_get_size(dnnb_dtype dtype) {
    return dtypes[dtype].size;
}

/* Nothing in it yet. */
static dnnb_status create_storage(dnnb__storage **out, size_t n_bytes) {
    dnnb__storage *s = dnnb__calloc(1, sizeof *s);
    *out = s;
    if (!s) return dnnb__fail_memory();
    s->n_bytes = n_bytes;
    atomic_init(&s->n_references, 1);
    return DNNB_OK;
}

dnnb_status dnnb__storage_create_made(dnnb__storage **out, size_t n_bytes, dnnb__maker maker) {
    DNNB_TRY(create_storage(out, n_bytes));
    (*out)->maker = maker;
    return DNNB_OK;
}

const dnnb__maker *dnnb__storage_get_maker(const dnnb__storage *s) {
    return s->maker.make ? &s->maker : NULL;
}

dnnb_status dnnb__storage_create_empty(dnnb__storage **out, size_t n_bytes) {
    *out = NULL;
    void *data = dnnb__alloc(n_bytes, 1);
    if (!data) return dnnb__fail_memory();
    dnnb_status status = create_storage(out, n_bytes);
    if (status == DNNB_OK)
        (*out)->data = data;
    else
        dnnb__free(data);
    return status;
}

dnnb_status dnnb__storage_create(dnnb__storage **out, size_t n_bytes) {
    DNNB_TRY(dnnb__storage_create_empty(out, n_bytes));
    memset((*out)->data, 0, n_bytes);
    return DNNB_OK;
}

dnnb_status dnnb__storage_copy(dnnb__storage **out, const dnnb__storage *s, size_t at_bytes,
                               size_t n_bytes) {
    const uint8_t *from = dnnb__storage_get_data(s) + at_bytes;
    DNNB_TRY(dnnb__storage_create_empty(out, n_bytes));
    for (size_t at = 0; at < n_bytes; at += COPY_BYTES) {
        size_t n = n_bytes - at < COPY_BYTES ? n_bytes - at : COPY_BYTES;
        memcpy((*out)->data + at, from + at, n);
        if (s->map.data) dnnb__mem_release_pages(from + at, n);
    }
    return DNNB_OK;
}

void dnnb__storage_allow_unaligned(dnnb__storage *s) {
    s->allows_unaligned = true;
}

bool dnnb__storage_allows_unaligned(const dnnb__storage *s) {
    return s->allows_unaligned;
}

dnnb_status dnnb__storage_take_map(dnnb__storage **out, dnnb__map *map) {
    DNNB_TRY(create_storage(out, map->n_bytes));
    (*out)->map = *map;
    *map = (dnnb__map){0};
    return DNNB_OK;
}

void dnnb__storage_retain(dnnb__storage *s) {
    atomic_fetch_add(&s->n_references, 1);
}

void dnnb__storage_release(dnnb__storage *s) {
    if (!s || atomic_fetch_sub(&s->n_references, 1) != 1) return;
    dnnb__map_destroy(&s->map);
    dnnb__free(s->data);
    dnnb__free(s);
}

const uint8_t *dnnb__storage_get_data(const dnnb__storage *s) {
    return s->data ? s->data : s->map.data;
}

size_t dnnb__storage_get_size(const dnnb__storage *s) {
    return s->n_bytes;
}

uint8_t *dnnb__storage_get_writable(dnnb__storage *s) {
    return s->data;
}

bool dnnb__shape_count(const dnnb_shape *shape, size_t *out) {
    size_t count = 1;
    if (shape->ndim > DNNB_MAX_NDIM) return false;
    for (size_t i = 0; i < shape->ndim; i++) {
        if (shape->dim[i] < 0) return false;
        /* Strides are signed. */
        if (!dnnb__mul_size(count, (size_t)shape->dim[i], &count) || count > INT64_MAX)
            return false;
    }
    *out = count;
    return true;
}

bool dnnb__shape_equal(const dnnb_shape *a, const dnnb_shape *b) {
    if (a->ndim != b->ndim) return false;
    for (size_t i = 0; i < a->ndim; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

void dnnb__shape_print(const dnnb_shape *shape, char *text, size_t n) {
    size_t at = 0;
    for (size_t i = 0; i <= shape->ndim && at < n; i++) {
        int wrote;
        if (i < shape->ndim)
            wrote = snprintf(text + at, n - at, "%s%lld", i ? ", " : "(", (long long)shape->dim[i]);
        else
            wrote = snprintf(text + at, n - at, "%s",
                             shape->ndim == 0   ? "()"
                             : shape->ndim == 1 ? ",)"
                                                : ")");
        at += wrote > 0 ? (size_t)wrote : 0;
    }
}

/* Elements from the first to the one past the last that shape and strides can name. */
static bool get_extent(const dnnb_shape *shape, const int64_t *strides, size_t count, size_t *out) {
    size_t extent = count ? 1 : 0;
    for (size_t i = 0; count && i < shape->ndim; i++) {
        size_t reach;
        if (strides[i] < 0 ||
            !dnnb__mul_size((size_t)shape->dim[i] - 1, (size_t)strides[i], &reach) ||
            !dnnb__add_size(extent, reach, &extent))
            return false;
    }
    *out = extent;
    return true;
}

dnnb_status dnnb__tensor_view(dnnb_tensor **out, dnnb__storage *s, size_t offset_bytes,
                              dnnb_dtype dtype, const dnnb_shape *shape, const int64_t *strides) {
    return dnnb__tensor_view_part(out, s, 0, s->n_bytes, offset_bytes, dtype, shape, strides);
}

dnnb_status dnnb__tensor_view_part(dnnb_tensor **out, dnnb__storage *s, size_t part_bytes_at,
                                   size_t part_bytes, size_t offset_bytes, dnnb_dtype dtype,
                                   const dnnb_shape *shape, const int64_t *strides) {
    *out = NULL;
    size_t count, extent, extent_bytes, end;
    int64_t own[DNNB_MAX_NDIM] = {0};
    char text[DNNB__SHAPE_TEXT];
    DNNB_ASSERT(part_bytes_at <= s->n_bytes && part_bytes <= s->n_bytes - part_bytes_at);
    dnnb__shape_print(shape, text, sizeof text);
    if (!dnnb__shape_count(shape, &count))
        return dnnb__fail(DNNB_ERR_FORMAT, "shape %s: negative or too large", text);
    int64_t step = 1;
    for (size_t i = shape->ndim; i-- > 0;) {
        own[i] = strides ? strides[i] : step;
        if (!strides && count) step *= shape->dim[i];
    }
    if (!get_extent(shape, own, count, &extent) ||
        !dnnb__mul_size(extent, dnnb_dtype_get_size(dtype), &extent_bytes) ||
        !dnnb__add_size(extent_bytes, offset_bytes, &end) || end > part_bytes)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "shape %s at byte %zu reaches outside its storage of %zu bytes", text,
                          offset_bytes, part_bytes);
    dnnb_tensor *t = dnnb__calloc(1, sizeof *t);
    if (!t) return dnnb__fail_memory();
    dnnb__storage_retain(s);
    *t = (dnnb_tensor){.storage = s,
                       .offset_bytes = part_bytes_at + offset_bytes,
                       .dtype = dtype,
                       .shape = *shape,
                       .count = count};
    memcpy(t->strides, own, sizeof own);
    *out = t;
    return DNNB_OK;
}

dnnb_status dnnb_tensor_create(dnnb_tensor **out, dnnb_dtype dtype, const dnnb_shape *shape) {
    *out = NULL;
    size_t count, n_bytes;
    if (!dnnb__shape_count(shape, &count) ||
        !dnnb__mul_size(count, dnnb_dtype_get_size(dtype), &n_bytes))
        return dnnb__fail(DNNB_ERR_SHAPE, "tensor: a dimension is negative or the shape too large");
    dnnb__storage *s;
    DNNB_TRY(dnnb__storage_create(&s, n_bytes));
    dnnb_status status = dnnb__tensor_view(out, s, 0, dtype, shape, NULL);
    dnnb__storage_release(s);
    return status;
}

dnnb_status dnnb_tensor_clone(dnnb_tensor **out, const dnnb_tensor *t) {
    return dnnb__tensor_view(out, t->storage, t->offset_bytes, t->dtype, &t->shape, t->strides);
}

void dnnb_tensor_destroy(dnnb_tensor *t) {
    if (!t) return;
    dnnb__storage_release(t->storage);
    dnnb__free(t);
}

dnnb_dtype dnnb_tensor_get_dtype(const dnnb_tensor *t) {
    return t->dtype;
}

const dnnb_shape *dnnb_tensor_get_shape(const dnnb_tensor *t) {
    return &t->shape;
}

const int64_t *dnnb_tensor_get_strides(const dnnb_tensor *t) {
    return t->strides;
}

size_t dnnb_tensor_get_count(const dnnb_tensor *t) {
    return t->count;
}

bool dnnb_tensor_is_contiguous(const dnnb_tensor *t) {
    int64_t step = 1;
    if (t->count == 0) return true; /* and a product of the other dimensions may overflow */
    for (size_t i = t->shape.ndim; i-- > 0;) {
        if (t->shape.dim[i] != 1 && t->strides[i] != step) return false;
        step *= t->shape.dim[i];
    }
    return true;
}

const void *dnnb_tensor_get_data(const dnnb_tensor *t) {
    const uint8_t *data = dnnb__storage_get_data(t->storage);
    return data ? data + t->offset_bytes : NULL;
}

void *dnnb_tensor_get_writable(dnnb_tensor *t) {
    uint8_t *data = dnnb__storage_get_writable(t->storage);
    return data ? data + t->offset_bytes : NULL;
}

dnnb__storage *dnnb__tensor_get_storage(const dnnb_tensor *t) {
    return t->storage;
}

size_t dnnb__tensor_get_offset_bytes(const dnnb_tensor *t) {
    return t->offset_bytes;
}

bool dnnb__tensor_is_mapped(const dnnb_tensor *t) {
    return t->storage->map.data != NULL;
}

void dnnb__tensor_release_pages(const dnnb_tensor *t) {
    size_t extent;
    if (!t->storage->map.data || !get_extent(&t->shape, t->strides, t->count, &extent)) return;
    dnnb__mem_release_pages(dnnb_tensor_get_data(t), extent * dnnb_dtype_get_size(t->dtype));
}

/* IEEE binary16 to binary32; exact. */
static float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = half >> 10 & 31, mantissa = half & 1023u;
    uint32_t bits;
    float value;
    if (exponent == 0) { /* zero or subnormal: mantissa * 2^-24 */
        value = (float)mantissa * 0x1p-24f;
        return sign ? -value : value;
    }
    if (exponent == 31)
        bits = sign | 0x7f800000u | mantissa << 13;
    else
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float read_element(const uint8_t *p, dnnb_dtype dtype) {
    union {
        float f32;
        double f64;
        uint16_t u16;
        int64_t i64;
        int32_t i32;
        int16_t i16;
    } u;
    memcpy(&u, p, dnnb_dtype_get_size(dtype));
    uint32_t bits;
    float value;
    switch (dtype) {
    case DNNB_F32:
        return u.f32;
    case DNNB_F64:
        return (float)u.f64;
    case DNNB_F16:
        return half_to_float(u.u16);
    case DNNB_BF16:
        bits = (uint32_t)u.u16 << 16;
        memcpy(&value, &bits, sizeof value);
        return value;
    case DNNB_I64:
        return (float)u.i64;
    case DNNB_I32:
        return (float)u.i32;
    case DNNB_I16:
        return (float)u.i16;
    case DNNB_I8:
        return (float)(int8_t)*p;
    case DNNB_U8:
        return (float)*p;
    case DNNB_BOOL:
        return *p ? 1.0f : 0.0f;
    }
    return 0.0f;
}

/* Walk the elements in row-major order: an odometer over the indices. */
typedef struct walk {
    int64_t index[DNNB_MAX_NDIM];
    size_t offset; /* in elements from the first */
} walk;

static void walk_next(walk *w, const dnnb_tensor *t) {
    for (size_t i = t->shape.ndim; i-- > 0;) {
        w->offset += (size_t)t->strides[i];
        if (++w->index[i] < t->shape.dim[i]) return;
        w->offset -= (size_t)t->strides[i] * (size_t)t->shape.dim[i];
        w->index[i] = 0;
    }
}

dnnb_status dnnb_tensor_read_f32(const dnnb_tensor *t, float *out, size_t n) {
    if (n != t->count)
        return dnnb__fail(DNNB_ERR_SHAPE, "tensor: expected room for %zu elements, found %zu",
                          t->count, n);
    const uint8_t *data = dnnb_tensor_get_data(t);
    size_t size = dnnb_dtype_get_size(t->dtype);
    if (n && t->dtype == DNNB_F32 && dnnb_tensor_is_contiguous(t)) {
        memcpy(out, data, n * sizeof *out);
        return DNNB_OK;
    }
    walk w = {0};
    for (size_t i = 0; i < n; i++, walk_next(&w, t))
        out[i] = read_element(data + w.offset * size, t->dtype);
    return DNNB_OK;
}

dnnb_status dnnb__tensor_copy_bytes(const dnnb_tensor *t, void *out, size_t n_bytes) {
    size_t size = dnnb_dtype_get_size(t->dtype);
    if (n_bytes != t->count * size)
        return dnnb__fail(DNNB_ERR_SHAPE, "tensor: expected room for %zu bytes, found %zu",
                          t->count * size, n_bytes);
    const uint8_t *data = dnnb_tensor_get_data(t);
    if (n_bytes && dnnb_tensor_is_contiguous(t)) {
        memcpy(out, data, n_bytes);
        return DNNB_OK;
    }
    walk w = {0};
    for (size_t i = 0; i < t->count; i++, walk_next(&w, t))
        memcpy((uint8_t *)out + i * size, data + w.offset * size, size);
    return DNNB_OK;
}
