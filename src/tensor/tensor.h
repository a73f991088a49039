/* Tensors over shared storage: heap memory, or a mapped file that outlives every view of it. */
#ifndef DNNB_TENSOR_TENSOR_H
#define DNNB_TENSOR_TENSOR_H

#include "core/file.h"
#include "dnnbrain/tensor.h"

/** Bytes that tensors share; freed, or unmapped, with the last reference. */
typedef struct dnnb__storage dnnb__storage;

/** New zero-filled memory; the caller holds one reference. */
DNNB_MUST_CHECK dnnb_status dnnb__storage_create(dnnb__storage **out, size_t n_bytes);
/** The same, not filled: for what is written whole at once, by whichever threads write it. */
DNNB_MUST_CHECK dnnb_status dnnb__storage_create_empty(dnnb__storage **out, size_t n_bytes);
/** Some elements, row-major. */
typedef struct dnnb__made {
    void *bytes; /* they stay until the next are made */
    size_t n_bytes;
    void *copy; /* where they are, to be freed with dnnb__free, or NULL */
} dnnb__made;
/** Makes elements when a writer wants them, so that those of many tensors are not there at once. */
typedef struct dnnb__maker {
    /** Some or all elements from byte `at` on, which is where those before ended. */
    dnnb_status (*make)(void *context, size_t index, size_t at, dnnb__made *out);
    void *context;
    size_t index;
} dnnb__maker;
/** Without memory; the caller holds one reference. Only the writers may read tensors over it, each
 *  of which is all of its storage. */
DNNB_MUST_CHECK dnnb_status dnnb__storage_create_made(dnnb__storage **out, size_t n_bytes,
                                                      dnnb__maker maker);
/** NULL where its elements are there. */
const dnnb__maker *dnnb__storage_get_maker(const dnnb__storage *s);
/** Take over a map (emptied on success); the caller holds one reference. Read-only. */
DNNB_MUST_CHECK dnnb_status dnnb__storage_take_map(dnnb__storage **out, dnnb__map *map);
/** A copy of n_bytes of another storage, aligned as memory is. The pages of a mapped file that were
 *  copied are given back, so that the elements are in memory once. */
DNNB_MUST_CHECK dnnb_status dnnb__storage_copy(dnnb__storage **out, const dnnb__storage *s,
                                               size_t at_bytes, size_t n_bytes);
/** Whether tensors may view its elements where they do not lie aligned; false at first. Only
 *  dnnb_tensor_read_f32() and the writers may read such tensors. */
void dnnb__storage_allow_unaligned(dnnb__storage *s);
bool dnnb__storage_allows_unaligned(const dnnb__storage *s);
void dnnb__storage_retain(dnnb__storage *s);
void dnnb__storage_release(dnnb__storage *s);
const uint8_t *dnnb__storage_get_data(const dnnb__storage *s);
size_t dnnb__storage_get_size(const dnnb__storage *s);
uint8_t *dnnb__storage_get_writable(dnnb__storage *s);

/**
 * A view of a storage (retained). `strides` in elements, NULL for contiguous.
 * @error DNNB_ERR_FORMAT when any element would lie outside the storage, a dimension or stride is
 *        negative, or a size overflows.
 */
DNNB_MUST_CHECK dnnb_status dnnb__tensor_view(dnnb_tensor **out, dnnb__storage *s,
                                              size_t offset_bytes, dnnb_dtype dtype,
                                              const dnnb_shape *shape, const int64_t *strides);

/** The same, kept inside a part of the storage: a file holds the storages of many tensors.
 *  `offset_bytes` counts from the part's start; the part lies inside the storage. */
DNNB_MUST_CHECK dnnb_status dnnb__tensor_view_part(dnnb_tensor **out, dnnb__storage *s,
                                                   size_t part_bytes_at, size_t part_bytes,
                                                   size_t offset_bytes, dnnb_dtype dtype,
                                                   const dnnb_shape *shape, const int64_t *strides);

dnnb__storage *dnnb__tensor_get_storage(const dnnb_tensor *t);
size_t dnnb__tensor_get_offset_bytes(const dnnb_tensor *t);

/** True when its elements lie in a mapped file. */
bool dnnb__tensor_is_mapped(const dnnb_tensor *t);

/** Give the pages of its elements back where they are those of a mapped file; they are read again
 *  when they are used again. */
void dnnb__tensor_release_pages(const dnnb_tensor *t);

/** Product of the dimensions; false when one is negative or the product overflows. */
bool dnnb__shape_count(const dnnb_shape *shape, size_t *out);
bool dnnb__shape_equal(const dnnb_shape *a, const dnnb_shape *b);
/** "(64, 3, 11, 11)" into text, cut at n. */
void dnnb__shape_print(const dnnb_shape *shape, char *text, size_t n);
enum { DNNB__SHAPE_TEXT = 128 };

/** Copy all elements in row-major order as stored; n_bytes must be count * element size. */
DNNB_MUST_CHECK dnnb_status dnnb__tensor_copy_bytes(const dnnb_tensor *t, void *out,
                                                    size_t n_bytes);

#endif
