/*
 * oneDNN behind names of our own: nothing else in this folder calls it, so that what its versions 2
 * and 3 do in different ways is in dnnl_version.h, and the rest does not know which one it runs on.
 *
 * A *layout* says how a tensor lies in memory. Layouts are kept in a table of the context, so that
 * equal ones are the same pointer and nobody owns them. A *primitive* is a computation made ready
 * for given layouts; its scratch memory comes from the caller.
 * Source: oneDNN 2.6 and 3.2, oneapi/dnnl/dnnl.h.
 */
#ifndef DNNB_ENGINE_ONEDNN_DNNL_API_H
#define DNNB_ENGINE_ONEDNN_DNNL_API_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

#include "core/isa.h"
#include "engine/engine.h"

typedef const struct dnnb__layout_entry *dnnb__layout;
typedef struct dnnb__dnnl dnnb__dnnl;

/** "oneDNN 2.6.3", of the library that runs. */
const char *dnnb__onednn_get_version(void);
/** The widest instructions that it may use here: "AVX2", "AVX-512". */
const char *dnnb__onednn_get_instructions(dnnb__precision precision);
/** The widest that own kernels may use beside it, so that one limit holds for both. */
dnnb__isa dnnb__onednn_get_isa(void);
dnnb__bf16_support dnnb__onednn_get_bf16_support(void);

/** @param precision Of the activations and weights that primitives read and write. Weight
 *  gradients, biases and their gradients are float32. */
DNNB_MUST_CHECK dnnb_status dnnb__dnnl_create(dnnb__dnnl **out, dnnb__precision precision);
void dnnb__dnnl_destroy(dnnb__dnnl *dnnl);
dnnb__precision dnnb__dnnl_get_precision(const dnnb__dnnl *dnnl);
/** Ask convolutions for activations with their channels last, as with AMX, instead of for oneDNN's
 *  choice. */
void dnnb__dnnl_set_channels_last(dnnb__dnnl *dnnl, bool on);
bool dnnb__dnnl_is_channels_last(const dnnb__dnnl *dnnl);
/** Whether gradients of data are to be forward passes where they can be (conv2d_data.h), as with
 *  AMX. */
void dnnb__dnnl_set_exchanges(dnnb__dnnl *dnnl, bool on);
bool dnnb__dnnl_exchanges(const dnnb__dnnl *dnnl);
/** Whether bfloat16 is to be multiplied by own kernels that widen it to float32, where there are
 *  such (conv2d_winograd.h, linear_own.h), as with DNNB__BF16_WIDENED. */
void dnnb__dnnl_set_widens(dnnb__dnnl *dnnl, bool on);
bool dnnb__dnnl_widens(const dnnb__dnnl *dnnl);

enum { DNNB__LAYOUT_MAX_NDIM = 5 };

/** Row-major, float32. */
DNNB_MUST_CHECK dnnb_status dnnb__layout_plain(dnnb__dnnl *dnnl, dnnb__layout *out,
                                               const int64_t *dims, size_t ndim);
DNNB_MUST_CHECK dnnb_status dnnb__layout_plain_in(dnnb__dnnl *dnnl, dnnb__layout *out,
                                                  dnnb__precision precision, const int64_t *dims,
                                                  size_t ndim);
/** [n, c, h, w] with the channels in groups of `block` innermost, zero-padded to whole groups;
 *  block 1 is row-major, and a block of all channels is channels last. */
DNNB_MUST_CHECK dnnb_status dnnb__layout_blocked(dnnb__dnnl *dnnl, dnnb__layout *out,
                                                 dnnb__precision precision, const int64_t dims[4],
                                                 int64_t block);
/** True when any number of channels can be kept in groups of so many. */
bool dnnb__layout_is_block(int64_t block);
/** The block for which `layout` is a layout of the function above; 0 when there is none. */
DNNB_MUST_CHECK dnnb_status dnnb__layout_find_block(dnnb__dnnl *dnnl, dnnb__layout layout,
                                                    int64_t *block);
/** The width for which `layout` is float32 weights [out, in] in blocks, zero-padded, [out / width]
 *  [in / 16][16 in][width out]; 0 when there is none. */
DNNB_MUST_CHECK dnnb_status dnnb__layout_find_width(dnnb__dnnl *dnnl, dnnb__layout layout,
                                                    int64_t *width);
size_t dnnb__layout_get_bytes(dnnb__layout layout);
/** What dnnb__bf16_round_pairs() makes of weights in the float32 layout `kept` with rows of `row`
 *  elements; not found where it is another layout. */
DNNB_MUST_CHECK dnnb_status dnnb__layout_round(dnnb__dnnl *dnnl, dnnb__layout kept, size_t row,
                                               dnnb__layout *out, bool *found);
/** True when `rounded` is what dnnb__bf16_round_pairs() makes of weights in the float32 layout
 *  `kept`, with rows of *row elements (0: in the same order). */
DNNB_MUST_CHECK dnnb_status dnnb__layout_find_pairs(dnnb__dnnl *dnnl, dnnb__layout kept,
                                                    dnnb__layout rounded, bool *found, size_t *row);

/** Weights [out, in, kh, kw] as [in, out, kh, kw] in the same memory. */
DNNB_MUST_CHECK dnnb_status dnnb__layout_exchange(dnnb__dnnl *dnnl, dnnb__layout *out,
                                                  dnnb__layout weights);
/** True when weights [out, in, kh, kw] lie as [..][*n_positions][*n_together], where the positions
 *  are those of the kernel in order. */
bool dnnb__layout_find_positions(dnnb__layout weights, size_t *n_positions, size_t *n_together);

/** Arguments of a primitive in oneDNN's numbering, and the layout of each. */
enum { DNNB__PRIMITIVE_MAX_ARGS = 5 };

typedef struct dnnb__primitive {
    dnnl_primitive_t handle;
    const char *implementation;
    int arg[DNNB__PRIMITIVE_MAX_ARGS];
    dnnb__layout layout[DNNB__PRIMITIVE_MAX_ARGS];
    size_t n_args;
    dnnb__layout scratch; /* NULL when none is needed */
} dnnb__primitive;

void dnnb__primitive_destroy(dnnb__primitive *primitive);
/** The layout of an argument, NULL when the primitive has no such argument. */
dnnb__layout dnnb__primitive_get_layout(const dnnb__primitive *primitive, int arg);
/** True for oneDNN's last resort, a plain loop that is tens of times slower than the others. */
bool dnnb__primitive_is_slow(const dnnb__primitive *primitive);
/** True when it calls a matrix product on row-major data, so that it takes any plain layout. */
bool dnnb__primitive_is_gemm(const dnnb__primitive *primitive);

/** A place for data of a layout, without the data. */
DNNB_MUST_CHECK dnnb_status dnnb__memory_create(dnnb__dnnl *dnnl, dnnl_memory_t *out,
                                                dnnb__layout layout);
void dnnb__memory_destroy(dnnl_memory_t memory);
DNNB_MUST_CHECK dnnb_status dnnb__memory_set(dnnl_memory_t memory, void *data);

/** Compute; done on return. `what` is for the message. */
DNNB_MUST_CHECK dnnb_status dnnb__primitive_run(dnnb__dnnl *dnnl, const dnnb__primitive *primitive,
                                                const dnnl_exec_arg_t *args, size_t n_args,
                                                const char *what);

typedef struct dnnb__conv {
    int64_t batch, in_channels, in[2], out_channels, out[2];
    int64_t kernel[2], stride[2], padding_begin[2], padding_end[2], dilation[2], groups;
    bool bias, training;
} dnnb__conv;

/** Weights are [out, in, kh, kw], or [groups, out/groups, in/groups, kh, kw] when groups > 1. */
size_t dnnb__conv_get_weight_dims(const dnnb__conv *conv, int64_t dims[DNNB__LAYOUT_MAX_NDIM]);

/** Weights in square blocks of 8 or 16 channels, [out / 8][in / 8][kh][kw][8 in][8 out]; groups is
 *  1. */
DNNB_MUST_CHECK dnnb_status dnnb__layout_weights_blocked(dnnb__dnnl *dnnl, dnnb__layout *out,
                                                         const dnnb__conv *conv, int64_t block);
/** [out / 16][in / 16][kh][kw][16 out][16 in]; groups is 1. */
DNNB_MUST_CHECK dnnb_status dnnb__layout_weights_tiled(dnnb__dnnl *dnnl, dnnb__layout *out,
                                                       const dnnb__conv *conv);

/** What makes a primitive leaves an empty one when it fails. Layouts that are NULL are oneDNN's
 *  choice. The two backward passes need the forward primitive, made for
 *  training. Arguments: DNNL_ARG_SRC, _WEIGHTS, _BIAS, _DST and their gradients. */
DNNB_MUST_CHECK dnnb_status dnnb__conv_forward(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                               const dnnb__conv *conv, dnnb__layout src,
                                               dnnb__layout dst);
DNNB_MUST_CHECK dnnb_status dnnb__conv_backward_data(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                                     const dnnb__conv *conv, dnnb__layout src,
                                                     dnnb__layout dst,
                                                     const dnnb__primitive *forward);
DNNB_MUST_CHECK dnnb_status dnnb__conv_backward_weights(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                                        const dnnb__conv *conv, dnnb__layout src,
                                                        dnnb__layout dst,
                                                        const dnnb__primitive *forward);

/** Source [rows, in], weights [out, in], destination [rows, out], both ends row-major. */
typedef struct dnnb__product {
    int64_t rows, in, out;
    bool bias, relu, training;
    bool f32_out; /* of a forward pass in bfloat16 */
} dnnb__product;

/** Weights that are NULL are oneDNN's choice. */
DNNB_MUST_CHECK dnnb_status dnnb__product_forward(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                                  const dnnb__product *product,
                                                  dnnb__layout weights);
DNNB_MUST_CHECK dnnb_status dnnb__product_backward_data(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                                        const dnnb__product *product,
                                                        dnnb__layout weights,
                                                        const dnnb__primitive *forward);
DNNB_MUST_CHECK dnnb_status dnnb__product_backward_weights(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                                           const dnnb__product *product,
                                                           dnnb__layout weights,
                                                           const dnnb__primitive *forward);

/** DNNL_ARG_FROM to DNNL_ARG_TO. */
DNNB_MUST_CHECK dnnb_status dnnb__reorder(dnnb__dnnl *dnnl, dnnb__primitive *out, dnnb__layout from,
                                          dnnb__layout to);
/** Make a reorder and run it once. */
DNNB_MUST_CHECK dnnb_status dnnb__reorder_once(dnnb__dnnl *dnnl, dnnb__layout from,
                                               const float *src, dnnb__layout to, float *dst);

#endif
