/* A linear layer's products with its weights in bfloat16. */
#ifndef DNNB_KERNELS_LINEAR_BF16_H
#define DNNB_KERNELS_LINEAR_BF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/target.h"

enum {
    DNNB__LINEAR_BF16_WIDTH = 64, /* outputs of a block of weights */
    DNNB__LINEAR_BF16_IN = 32,    /* inputs of a whole number of blocks */
    DNNB__LINEAR_BF16_ROWS = 16   /* rows are padded to it where they are packed */
};

/** Activations row-major; weights in blocks [out / 64][in / 2][64][2], padded with zeros to whole
 *  multiples of 64 outputs and 32 inputs. */
typedef struct dnnb__linear_bf16 {
    int64_t rows, in, out;
} dnnb__linear_bf16;

/** Sums are in float32. The order of each is fixed: rows have the same bits in any batch, and with
 *  any number of threads. */
typedef struct dnnb__linear_bf16_kernel {
    const char *name;
    bool (*can_run)(void);
    /** @param bias   NULL: none.
     *  @param packed dnnb__linear_bf16_count() elements for the inputs.
     *  @param out    [rows, out] in bfloat16, or in float32 where is_f32. */
    void (*forward)(const dnnb__linear_bf16 *l, const uint16_t *in, const uint16_t *weights,
                    const float *bias, uint16_t *packed, void *out, bool is_f32);
    /** @param packed dnnb__linear_bf16_count() elements for the outputs. */
    void (*backward_data)(const dnnb__linear_bf16 *l, const uint16_t *out_gradient,
                          const uint16_t *weights, uint16_t *packed, uint16_t *in_gradient);
} dnnb__linear_bf16_kernel;

/** Elements of a packed factor of so many rows and columns. */
static inline size_t dnnb__linear_bf16_count(int64_t rows, int64_t columns) {
    int64_t r = DNNB__LINEAR_BF16_ROWS, c = DNNB__LINEAR_BF16_WIDTH;
    return (size_t)((rows + r - 1) / r * r * ((columns + c - 1) / c * c));
}

#ifdef DNNB__HAS_X86
extern const dnnb__linear_bf16_kernel dnnb__linear_bf16_amx;
#endif

#endif
