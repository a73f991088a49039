/* Linear layers: forward pass, gradients, and the layout of the weights that they read. */
#ifndef DNNB_KERNELS_LINEAR_H
#define DNNB_KERNELS_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"
#include "kernels/target.h"

enum {
    DNNB__LINEAR_IN = 48, /* of a tile of weights */
    DNNB__LINEAR_OUT = 16,
    DNNB__LINEAR_ROWS = 16 /* rows are padded to it where the input's gradient packs them */
};

/** Weights in tiles, [in / 48][out / 16][48][16], padded with zeros; activations row-major. */
typedef struct dnnb__linear {
    int64_t rows, in, out;
    int64_t in_strips, out_strips; /* with padding */
    bool relu;
    /** Activations and their gradients are bfloat16; parameters, their gradients and sums stay
     *  float32. */
    bool is_bf16;
    bool f32_out;        /* the output is float32 all the same */
    int64_t task_strips; /* of outputs in a forward task */
} dnnb__linear;

/** Take elements `first` to first + n of a weight gradient, whole blocks or tiles of it, while they
 *  are in the first cache. From several threads, each element once. */
typedef void (*dnnb__linear_gradient_take)(void *context, size_t first, size_t n,
                                           const float *gradient);

/** An output does not depend on the other rows of its batch, nor any result on the threads, to the
 *  last bit. Instruction sets differ in the order of their sums. */
typedef struct dnnb__linear_kernel {
    const char *name;
    bool takes_bf16;
    /** Weights and what is packed are 64-byte aligned.
     *  @param packed [strips of in][rows][48], the input as the weight gradient wants it.
     *  @param sums   [strips of out][rows][16]. @param bias NULL for none. */
    void (*forward)(const dnnb__linear *l, const void *in, const float *weight, const float *bias,
                    void *out, float *packed, float *sums);
    /** @param in As forward packed it. @param packed [strips of out][rows][16].
     *  @param weight_gradient Where it is written; not when `take` is given.
     *  @param bias_gradient NULL: not wanted. @param take NULL: nobody takes it. */
    void (*backward_weights)(const dnnb__linear *l, const float *in, const void *out_gradient,
                             float *weight_gradient, float *bias_gradient, float *packed,
                             dnnb__linear_gradient_take take, void *context);
    /** @param packed As many elements as [rows, padded][strips of out][16]. */
    void (*backward_data)(const dnnb__linear *l, const void *out_gradient, const float *weight,
                          void *in_gradient, float *packed);
} dnnb__linear_kernel;

/** Where element `at` of activations or their gradients is. */
static inline const void *dnnb__linear_find(const dnnb__linear *l, const void *array, int64_t at) {
    return (const char *)array + at * (l->is_bf16 ? 2 : 4);
}

/** Where tiles of a gradient go; far is past the caches, where nobody reads them before all are
 *  written. */
typedef struct dnnb__linear_place {
    float *tile;
    bool is_far;
} dnnb__linear_place;

static inline dnnb__linear_place dnnb__linear_further(dnnb__linear_place place, int64_t n) {
    return (dnnb__linear_place){place.tile + n, place.is_far};
}

#ifdef DNNB__HAS_X86
extern const dnnb__linear_kernel dnnb__linear_avx2;
extern const dnnb__linear_kernel dnnb__linear_avx512;
#endif

/** Elements of the weights with padding. @error DNNB_ERR_LIMIT. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_count(int64_t in, int64_t out, int64_t *count);
/** Row-major weights [out, in] to tiles, and back. */
void dnnb__linear_expand(int64_t in, int64_t out, const float *plain, float *tiled);
void dnnb__linear_contract(int64_t in, int64_t out, const float *tiled, float *plain);
/** Rows `first`, a multiple of 16, to first + n of the weights: `plain` is [n, in]. */
void dnnb__linear_contract_rows(int64_t in, int64_t out, int64_t first, int64_t n,
                                const float *tiled, float *plain);
dnnb__linear dnnb__linear_describe(int64_t rows, int64_t in, int64_t out, bool relu,
                                   int64_t n_threads);

#endif
