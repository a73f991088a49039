/*
 * Convolutions of 3 x 3 pixels and stride 1 in float32 with Winograd's F(2 x 2, 3 x 3): four
 * outputs of a channel take 16 multiplications a channel of input, not 36. All constants are 1 and
 * 1/2, so that rounding stays near that of plain sums. A NaN reaches the outputs that read it; of
 * an infinity they may become NaN. Source: Lavin and Gray, Fast Algorithms for Convolutional Neural
 * Networks, 2015.
 */
#ifndef DNNB_KERNELS_WINOGRAD_H
#define DNNB_KERNELS_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/target.h"

/** Activations [batch][blocks][rows][columns][block]; padding before the first row and column, and
 *  as much after the last as `out` needs. One group. */
typedef struct dnnb__winograd {
    int64_t batch, in_blocks, out_blocks, in[2], out[2], padding[2];
    int64_t n_threads;
    bool relu; /* what is below zero becomes zero; a NaN stays one */
} dnnb__winograd;

typedef struct dnnb__winograd_kernel {
    const char *name;
    int64_t block;
    /** Floats of the transformed weights of these blocks of channels. */
    size_t (*count_weights)(int64_t in_blocks, int64_t out_blocks);
    /** @param weight [out blocks][in blocks][3][3][block of in][block of out]
     *  @param turned By half a circle, as for a data gradient. */
    void (*transform)(int64_t in_blocks, int64_t out_blocks, bool turned, const float *weight,
                      float *transformed);
    /** Bytes that a run needs, 64-byte aligned. */
    size_t (*count_scratch)(const dnnb__winograd *w);
    /** An output's bits follow neither the batch nor the number of threads.
     *  @param bias [out blocks][block]; NULL: none. */
    void (*run)(const dnnb__winograd *w, const float *in, const float *transformed,
                const float *bias, float *out, void *scratch);
    /** Bytes that a gradient needs, 64-byte aligned. */
    size_t (*count_gradient_scratch)(const dnnb__winograd *w);
    /** The weight gradient; its bits follow no number of threads.
     *  @param weight_gradient As the weights of `transform`. @param bias_gradient NULL: not wanted.
     */
    void (*gradient)(const dnnb__winograd *w, const float *in, const float *out_gradient,
                     float *weight_gradient, float *bias_gradient, void *scratch);
} dnnb__winograd_kernel;

#ifdef DNNB__HAS_X86
extern const dnnb__winograd_kernel dnnb__winograd_avx512;
#endif

#endif
