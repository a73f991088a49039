/*
 * Convolutions of stride 1 with fewer multiplications, after Winograd, in float32; activations and
 * their gradients may be kept in bfloat16, each rounded once, when it is stored. With AMX what is
 * multiplied, transformed inputs and weights, is rounded to bfloat16 too.
 *
 * In float32, and with AMX: of 3 x 3 pixels with F(2 x 2, 3 x 3) four outputs of a channel take 16
 * products a channel of input, not 36; of 5 x 5 pixels 16 outputs take 121, not 400
 * (winograd_line.h). All constants are 1 and 1/2, so that rounding stays near that of plain sums.
 * Of activations in bfloat16 that are multiplied in float32 25 outputs take 49 products, not 225,
 * or 16 take 64 (winograd_points.h), where that is less for the plane.
 *
 * A NaN reaches the outputs that read it, and others of their tile; of an infinity they may become
 * NaN. Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015.
 */
#ifndef DNNB_KERNELS_WINOGRAD_H
#define DNNB_KERNELS_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/target.h"

/** Activations [batch][blocks][rows][columns][block], or with the blocks last but one; padding
 *  before the first row and column, and as much after the last as `out` needs. One group. */
typedef struct dnnb__winograd {
    int64_t window; /* 3 or 5 */
    int64_t batch, in_blocks, out_blocks, in[2], out[2], padding[2];
    int64_t n_threads;
    bool relu;    /* what is below zero becomes zero; a NaN stays one */
    bool is_bf16; /* activations and their gradients; float32 if not */
} dnnb__winograd;

typedef struct dnnb__winograd_kernel {
    const char *name;
    /** Whether this processor can; NULL where all that have the instruction set can. */
    bool (*can_run)(void);
    int64_t block;
    /** Activations are [batch][rows][columns][blocks][block], in bfloat16 alone. */
    bool channels_last;
    /** Fewest channels of the input and of the output that it was measured to be faster with. */
    int64_t fewest_channels;
    /** The multiplications of an output plane for each pair of channels; 0: no such window. */
    int64_t (*count_products)(int64_t window, bool is_bf16, const int64_t out[2]);
    /** Floats that the transformed weights take the room of. They, and their order, follow the
     *  window, the channels and the output's plane alone. */
    size_t (*count_weights)(const dnnb__winograd *w);
    /** @param weight [out blocks][in blocks][window][window][block of in][block of out]; where
     *  channels come last [out / 16][in / 16][window][window][16 of out][16 of in], and of a turned
     *  one as the layer has them whose data gradient it makes, so [in / 16][out / 16]...
     *  @param turned By half a circle, as for a data gradient. */
    void (*transform)(const dnnb__winograd *w, bool turned, const float *weight,
                      float *transformed);
    /** Bytes that a run needs, 64-byte aligned. */
    size_t (*count_scratch)(const dnnb__winograd *w);
    /** An output's bits follow neither the batch nor the number of threads.
     *  @param bias [out blocks][block]; NULL: none. */
    void (*run)(const dnnb__winograd *w, const void *in, const float *transformed,
                const float *bias, void *out, void *scratch);
    /** Bytes that a gradient needs, 64-byte aligned. NULL where there is none. */
    size_t (*count_gradient_scratch)(const dnnb__winograd *w);
    /** The weight gradient; its bits follow no number of threads.
     *  @param weight_gradient As the weights of `transform`. @param bias_gradient NULL: not wanted.
     */
    void (*gradient)(const dnnb__winograd *w, const void *in, const void *out_gradient,
                     float *weight_gradient, float *bias_gradient, void *scratch);
} dnnb__winograd_kernel;

#ifdef DNNB__HAS_X86
extern const dnnb__winograd_kernel dnnb__winograd_avx512;
/* Its weight gradient, in winograd_gradient_avx512.c. */
size_t dnnb__winograd_count_gradient_avx512(const dnnb__winograd *w);
void dnnb__winograd_gradient_avx512(const dnnb__winograd *w, const void *in,
                                    const void *out_gradient, float *weight_gradient,
                                    float *bias_gradient, void *scratch);
extern const dnnb__winograd_kernel dnnb__winograd_amx; /* windows of three */
#endif

#endif
