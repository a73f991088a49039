/* Max pooling of blocks of channels. The same bits in every instruction set. */
#ifndef DNNB_KERNELS_MAXPOOL_H
#define DNNB_KERNELS_MAXPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/target.h"

/* Pixels of a window: a place in it is a byte. With ReLU there is one fewer, since the last place
 * says that the maximum was made zero. */
enum { DNNB__MAXPOOL_MAX_WINDOW = 256, DNNB__MAXPOOL_NOWHERE = 255 };

/** Activations are [planes][rows][columns][block]: planes are images times blocks of channels. */
typedef struct dnnb__maxpool {
    int64_t planes, block;
    int64_t in[2], out[2];
    int64_t kernel[2], stride[2], padding[2];
    bool relu; /* the output is that of pooling and ReLU */
} dnnb__maxpool;

/** Activations are float32, or bfloat16 in the functions named so. */
typedef struct dnnb__maxpool_kernel {
    const char *name;
    int64_t lanes; /* block must be a multiple of it */
    /** One row of windows. The first of equal elements wins, and a NaN wins over all.
     *  @param where [out[1], block] the place of each maximum in its window, DNNB__MAXPOOL_NOWHERE
     *      where ReLU made it zero; NULL: not wanted. */
    void (*row_forward)(const dnnb__maxpool *p, const void *in_plane, int64_t out_row, void *out,
                        uint8_t *where);
    /** The gradient of one plane of the input, summed in float32. */
    void (*plane_backward)(const dnnb__maxpool *p, const void *out_gradient, const uint8_t *where,
                           void *in_gradient);
    void (*row_forward_bf16)(const dnnb__maxpool *p, const void *in_plane, int64_t out_row,
                             void *out, uint8_t *where);
    void (*plane_backward_bf16)(const dnnb__maxpool *p, const void *out_gradient,
                                const uint8_t *where, void *in_gradient);
} dnnb__maxpool_kernel;

extern const dnnb__maxpool_kernel dnnb__maxpool_generic, dnnb__maxpool_sse;
#ifdef DNNB__HAS_X86
extern const dnnb__maxpool_kernel dnnb__maxpool_avx2, dnnb__maxpool_avx512;
#endif

#endif
