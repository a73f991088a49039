/*
 * Kernels with wide instructions, and the table that chooses among them when the program runs.
 *
 * A kernel is a file an instruction set, <kernel>_<set>.c, on plain arrays: it knows nothing of
 * plans or of oneDNN. Where two sets share a loop it stands in <kernel>_loops.h, written with the
 * few vector operations that each file defines before it includes it. The table has a row for each
 * set; a row has NULL where the set has no kernel of its own, and then the row before is asked
 * (dnnb__kernels_find_...()). To add a kernel, write its file, declare it here, name it in
 * kernels.c; tests/unit/test_engine_kernels.c compares each row that the processor can run with
 * plain loops. Kernels on bfloat16 are members of the same rows.
 *
 * All of one kernel's sets give the same bits unless it is said otherwise.
 */
#ifndef DNNB_ENGINE_KERNELS_KERNELS_H
#define DNNB_ENGINE_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/isa.h"

/* The attribute of functions that a file writes for its instruction set. */
#if defined(__x86_64__) && defined(__GNUC__)
#define DNNB__HAS_X86 1
#define DNNB__AVX2    __attribute__((target("avx2,fma")))
#define DNNB__AVX512  __attribute__((target("avx2,fma,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")))
#endif

/* --- max pooling --- */

enum { DNNB__MAXPOOL_MAX_WINDOW = 256 }; /* pixels: a place in it is a byte */

/** Activations are [planes][rows][columns][block]: planes are images times blocks of channels. */
typedef struct dnnb__maxpool {
    int64_t planes, block;
    int64_t in[2], out[2];
    int64_t kernel[2], stride[2], padding[2];
    bool relu; /* the output is that of pooling and ReLU */
} dnnb__maxpool;

/** The same bits in every set. Activations are float32, or bfloat16 in the functions named so. */
typedef struct dnnb__maxpool_kernel {
    const char *name;
    int64_t lanes; /* block must be a multiple of it */
    /** One row of windows. The first of equal elements wins, and a NaN wins over all.
     *  @param where [out[1], block] the place of each maximum in its window; NULL: not wanted. */
    void (*row_forward)(const dnnb__maxpool *p, const void *in_plane, int64_t out_row, void *out,
                        uint8_t *where);
    /** The gradient of one plane of the input, summed in float32.
     *  @param out Read if p->relu. */
    void (*plane_backward)(const dnnb__maxpool *p, const void *out_gradient, const void *out,
                           const uint8_t *where, void *in_gradient);
    void (*row_forward_bf16)(const dnnb__maxpool *p, const void *in_plane, int64_t out_row,
                             void *out, uint8_t *where);
    void (*plane_backward_bf16)(const dnnb__maxpool *p, const void *out_gradient, const void *out,
                                const uint8_t *where, void *in_gradient);
} dnnb__maxpool_kernel;

extern const dnnb__maxpool_kernel dnnb__maxpool_generic, dnnb__maxpool_sse;
#ifdef DNNB__HAS_X86
extern const dnnb__maxpool_kernel dnnb__maxpool_avx2, dnnb__maxpool_avx512;
#endif

/* --- the weight gradient of a convolution --- */

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

/** Sums are in float32 in another order in each set. */
typedef struct dnnb__conv_weights_kernel {
    const char *name;
    int64_t block;
    /** Share the work out among threads; the result depends on their number at most in rounding. */
    void (*divide)(dnnb__conv_weights *w, int64_t n_threads);
    /** @param bias NULL: its gradient is not wanted. */
    void (*run)(const dnnb__conv_weights *w, const float *in, const float *out_gradient,
                float *weight_gradient, float *bias_gradient);
} dnnb__conv_weights_kernel;

#ifdef DNNB__HAS_X86
extern const dnnb__conv_weights_kernel dnnb__conv_weights_avx2;
#endif

/* --- linear layers --- */

enum { DNNB__LINEAR_IN = 48, DNNB__LINEAR_OUT = 16 }; /* of a tile of weights */

/** Weights in tiles, [in / 48][out / 16][48][16], padded with zeros; activations row-major. */
typedef struct dnnb__linear {
    int64_t rows, in, out;
    int64_t in_strips, out_strips; /* with padding */
    bool relu;
    int64_t task_strips; /* of outputs in a forward task */
} dnnb__linear;

/** An output does not depend on the other rows of its batch, to the last bit. */
typedef struct dnnb__linear_kernel {
    const char *name;
    /** @param packed [strips of in][rows][48], the input as the weight gradient wants it.
     *  @param sums   [strips of out][rows][16]. @param bias NULL for none. */
    void (*forward)(const dnnb__linear *l, const float *in, const float *weight, const float *bias,
                    float *out, float *packed, float *sums);
    /** @param in As forward packed it. @param packed [strips of out][rows][16].
     *  @param bias_gradient NULL: not wanted. */
    void (*backward_weights)(const dnnb__linear *l, const float *in, const float *out_gradient,
                             float *weight_gradient, float *bias_gradient, float *packed);
    /** @param packed [rows, rounded up to 4][strips of out][16]. */
    void (*backward_data)(const dnnb__linear *l, const float *out_gradient, const float *weight,
                          float *in_gradient, float *packed);
} dnnb__linear_kernel;

#ifdef DNNB__HAS_X86
extern const dnnb__linear_kernel dnnb__linear_avx2;
#endif

/** Elements of the weights with padding. @error DNNB_ERR_LIMIT. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_count(int64_t in, int64_t out, int64_t *count);
/** Row-major weights [out, in] to tiles, and back. */
void dnnb__linear_expand(int64_t in, int64_t out, const float *plain, float *tiled);
void dnnb__linear_contract(int64_t in, int64_t out, const float *tiled, float *plain);
dnnb__linear dnnb__linear_describe(int64_t rows, int64_t in, int64_t out, bool relu,
                                   int64_t n_threads);

/* --- the table --- */

typedef struct dnnb__kernels {
    const dnnb__maxpool_kernel *maxpool;
    const dnnb__conv_weights_kernel *conv_weights;
    const dnnb__linear_kernel *linear;
} dnnb__kernels;

/** The row of an instruction set. Only for sets that the processor has. */
const dnnb__kernels *dnnb__kernels_get_row(dnnb__isa isa);

/** The widest kernel up to `isa` that takes the block of channels; there always is one. */
const dnnb__maxpool_kernel *dnnb__kernels_find_maxpool(dnnb__isa isa, int64_t block);
/** The kernel for exactly this block of channels, NULL when there is none up to `isa`. */
const dnnb__conv_weights_kernel *dnnb__kernels_find_conv_weights(dnnb__isa isa, int64_t block);
/** NULL when there is none up to `isa`. */
const dnnb__linear_kernel *dnnb__kernels_find_linear(dnnb__isa isa);

#endif
