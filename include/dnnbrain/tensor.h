/**
 * @file
 * @ingroup tensors
 * Tensors and dicts of named tensors (state dicts).
 *
 * A tensor is a typed, strided view of a storage that tensors share by counting references; the
 * storage is memory or a mapped part of a file. Dimensions are outermost first, as in PyTorch.
 */
#ifndef DNNBRAIN_TENSOR_H
#define DNNBRAIN_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most dimensions that a tensor may have. */
#define DNNB_MAX_NDIM 5

/** Element types: code, PyTorch's name, bytes. */
#define DNNB_DTYPE_LIST(X)                                                                         \
    X(F32, "float32", 4)                                                                           \
    X(F64, "float64", 8)                                                                           \
    X(F16, "float16", 2)                                                                           \
    X(BF16, "bfloat16", 2)                                                                         \
    X(I64, "int64", 8)                                                                             \
    X(I32, "int32", 4)                                                                             \
    X(I16, "int16", 2)                                                                             \
    X(I8, "int8", 1)                                                                               \
    X(U8, "uint8", 1)                                                                              \
    X(BOOL, "bool", 1)

/** Type of a tensor's elements. */
typedef enum dnnb_dtype {
#define DNNB_DTYPE_ENUM(code, name, bytes) DNNB_##code,
    DNNB_DTYPE_LIST(DNNB_DTYPE_ENUM)
#undef DNNB_DTYPE_ENUM
} dnnb_dtype;

/** PyTorch's name of the type, such as "float32". */
DNNB_API const char *dnnb_dtype_get_name(dnnb_dtype dtype);
/** Bytes an element. */
DNNB_API size_t dnnb_dtype_get_size(dnnb_dtype dtype);

/** Dimensions, outermost first; ndim 0 is a scalar. */
typedef struct dnnb_shape {
    int64_t dim[DNNB_MAX_NDIM]; /**< the first ndim are used */
    size_t ndim;                /**< number of dimensions */
} dnnb_shape;

/** A view of a storage, which several tensors may share. */
typedef struct dnnb_tensor dnnb_tensor;

/** A new zero-filled contiguous tensor; destroy with dnnb_tensor_destroy().
 *  @error DNNB_ERR_SHAPE a negative dimension or too many elements; DNNB_ERR_MEMORY. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_tensor_create(dnnb_tensor **out, dnnb_dtype dtype,
                                                        const dnnb_shape *shape);
/** A new tensor that views the same storage. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_tensor_clone(dnnb_tensor **out, const dnnb_tensor *t);
/** Takes NULL. The storage goes with its last tensor. */
DNNB_API void dnnb_tensor_destroy(dnnb_tensor *t);

/** Type of the elements. */
DNNB_API dnnb_dtype dnnb_tensor_get_dtype(const dnnb_tensor *t);
/** The dimensions. */
DNNB_API const dnnb_shape *dnnb_tensor_get_shape(const dnnb_tensor *t);
/** Strides in elements, one a dimension. */
DNNB_API const int64_t *dnnb_tensor_get_strides(const dnnb_tensor *t);
/** Number of elements. */
DNNB_API size_t dnnb_tensor_get_count(const dnnb_tensor *t);
/** Whether the elements lie row-major without gaps. */
DNNB_API bool dnnb_tensor_is_contiguous(const dnnb_tensor *t);
/** The first element. Read only: it may lie in a mapped file. */
DNNB_API const void *dnnb_tensor_get_data(const dnnb_tensor *t);
/** The first element for writing; NULL when the storage is a mapped file. */
DNNB_API void *dnnb_tensor_get_writable(dnnb_tensor *t);

/** Copy all elements to `out` as float32, row-major; `n` must equal the count.
 *  @error DNNB_ERR_SHAPE n differs. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_tensor_read_f32(const dnnb_tensor *t, float *out,
                                                          size_t n);

/**
 * A tensor with its elements in another floating type (float32, float64, float16, bfloat16): the
 * nearest number, ties to even. float64 goes by float32. It views the same storage when it has the
 * type already.
 *
 * @param[out] out Destroy with dnnb_tensor_destroy().
 * @error DNNB_ERR_ARGUMENT a type that is not floating; DNNB_ERR_NUMERIC a finite number that is
 *        too large for the type; DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_tensor_convert(dnnb_tensor **out, const dnnb_tensor *t,
                                                         dnnb_dtype dtype);

/** Dict of named tensors in the order of insertion. */
typedef struct dnnb_dict dnnb_dict;

/** An empty dict. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dict_create(dnnb_dict **out);
/** Takes NULL. Its tensors go with it. */
DNNB_API void dnnb_dict_destroy(dnnb_dict *dict);
/** Add a tensor; the dict takes it over on success.
 *  @error DNNB_ERR_FORMAT the name is there already; DNNB_ERR_MEMORY. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dict_add(dnnb_dict *dict, const char *name,
                                                   dnnb_tensor *t);
/** Number of tensors. */
DNNB_API size_t dnnb_dict_get_count(const dnnb_dict *dict);
/** Name of tensor i, counted from 0. */
DNNB_API const char *dnnb_dict_get_name(const dnnb_dict *dict, size_t i);
/** Tensor i. */
DNNB_API const dnnb_tensor *dnnb_dict_get_tensor(const dnnb_dict *dict, size_t i);
/** The tensor of that name, NULL when there is none. */
DNNB_API const dnnb_tensor *dnnb_dict_find(const dnnb_dict *dict, const char *name);
/** A remark of the reader for people, such as the wrapper or the prefix that it took off; or "". */
DNNB_API const char *dnnb_dict_get_note(const dnnb_dict *dict);

/**
 * A dict of the same names with every floating tensor converted as dnnb_tensor_convert() does; the
 * others are views.
 *
 * @param[out] out Destroy with dnnb_dict_destroy().
 * @error As dnnb_tensor_convert(), naming the tensor.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dict_convert(dnnb_dict **out, const dnnb_dict *dict,
                                                       dnnb_dtype dtype);

/**
 * Load a state dict, by the file's first bytes and not by its name: .pth (zip, magic-number or tar
 * layout), .safetensors, .npz.
 *
 * Tensors of a .pth zip and of a .safetensors file are views of the mapped file.
 * A dict around the state dict (`state_dict`, `model`) and a prefix `module.` are taken off, and
 * dnnb_dict_get_note() says so.
 *
 * @error DNNB_ERR_IO cannot read; DNNB_ERR_FORMAT damaged, or a pickle global outside the fixed
 *        list; DNNB_ERR_LIMIT; DNNB_ERR_MEMORY.
 * @source PyTorch torch/serialization.py; the safetensors format description; numpy.lib.format.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dict_load(dnnb_dict **out, const char *path);

/**
 * Save a dict by the ending of `path`: .pth or .pt, .safetensors, .npz. Written beside the final
 * name, flushed, then renamed. What is written is a function of the tensors alone.
 *
 * @error DNNB_ERR_ARGUMENT unknown ending; DNNB_ERR_IO; DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dict_save(const dnnb_dict *dict, const char *path);

#ifdef __cplusplus
}
#endif

#endif
