/* The weight gradient of a linear layer in bfloat16, block by block, so that whoever wants it may
 * take each block while it is in the first cache. */
#ifndef DNNB_KERNELS_LINEAR_GRADIENT_H
#define DNNB_KERNELS_LINEAR_GRADIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/linear.h"

enum {
    DNNB__LINEAR_GRADIENT_IN = 16,   /* inputs of a block */
    DNNB__LINEAR_GRADIENT_ROWS = 32, /* rows are padded to it where both factors are packed */
    DNNB__LINEAR_GRADIENT_MOST = 64  /* outputs of a block */
};

/** Activations row-major in bfloat16; the gradient in float32, in blocks of `width` outputs,
 *  [out / width][in / 16][16][width], padded with zeros. A width is 16, 32 or 64. */
typedef struct dnnb__linear_gradient {
    int64_t rows, in, out, width;
} dnnb__linear_gradient;

/** Each element is one sum over the rows in their order, whatever the threads and whoever takes
 *  it. */
typedef struct dnnb__linear_gradient_kernel {
    const char *name;
    bool (*can_run)(void);
    /** @param in_packed     [in, padded to blocks][rows, padded].
     *  @param out_packed    [out, padded to blocks][rows, padded].
     *  @param gradient      Where it is written; not when `take` is given.
     *  @param bias_gradient NULL: not wanted. */
    void (*run)(const dnnb__linear_gradient *g, const uint16_t *in, const uint16_t *out_gradient,
                uint16_t *in_packed, uint16_t *out_packed, float *gradient, float *bias_gradient,
                dnnb__linear_gradient_take take, void *context);
} dnnb__linear_gradient_kernel;

/** Rows `first`, a multiple of the width, to first + n of weights in such blocks: `plain` is
 *  [n, in]. */
void dnnb__linear_gradient_contract_rows(int64_t in, int64_t width, int64_t first, int64_t n,
                                         const float *blocks, float *plain);

#ifdef DNNB__HAS_X86
extern const dnnb__linear_gradient_kernel dnnb__linear_gradient_amx;
#endif

#endif
