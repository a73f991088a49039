/* The weight gradient of a convolution. Sums are in float32 in another order in each
 * instruction set. */
#ifndef DNNB_KERNELS_CONV_WEIGHTS_H
#define DNNB_KERNELS_CONV_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/target.h"

/** Activations [batch][blocks][rows][columns][block], weights [out blocks][in blocks][kernel rows]
 *  [kernel columns][block of in][block of out]. One group. */
typedef struct dnnb__conv_weights {
    int64_t batch, in_blocks, out_blocks, out_channels, in[2], out[2];
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    /* Set by `divide`. */
    int64_t rows;  /* of a chunk */
    int64_t group; /* blocks of input channels in a task */
    int64_t n_in_groups, n_out_groups;
} dnnb__conv_weights;

typedef struct dnnb__conv_weights_kernel {
    const char *name;
    int64_t block;
    /** Share the work out among threads; the result depends on their number at most in rounding. */
    void (*divide)(dnnb__conv_weights *w, int64_t n_threads);
    /** @param bias NULL: its gradient is not wanted. */
    void (*run)(const dnnb__conv_weights *w, const float *in, const float *out_gradient,
                float *weight_gradient, float *bias_gradient);
} dnnb__conv_weights_kernel;

/** In bfloat16: activations channels last, weights float32 [out / 16][in / 16][kernel rows][kernel
 *  columns][16 of out][16 of in]. One group, stride 1. */
typedef struct dnnb__conv_weights_bf16 {
    int64_t batch, in_channels, out_channels, in[2], out[2];
    int64_t kernel[2], padding[2], dilation[2];
} dnnb__conv_weights_bf16;

typedef struct dnnb__conv_weights_bf16_kernel {
    const char *name;
    /** Whether the processor has what the instruction set of its row does not promise. */
    bool (*can_run)(void);
    /** Bytes that a run needs, 64-byte aligned. */
    size_t (*count_scratch)(const dnnb__conv_weights_bf16 *w);
    /** The same bits with any number of threads. @param bias_gradient NULL: it is not wanted. */
    void (*run)(const dnnb__conv_weights_bf16 *w, const uint16_t *in, const uint16_t *out_gradient,
                float *weight_gradient, float *bias_gradient, void *scratch);
} dnnb__conv_weights_bf16_kernel;

#ifdef DNNB__HAS_X86
extern const dnnb__conv_weights_kernel dnnb__conv_weights_avx2;
extern const dnnb__conv_weights_bf16_kernel dnnb__conv_weights_amx;
#endif

#endif
