/*
 * The inner loops of 8-bit resampling: rows of RGB pixels through the weights of one axis.
 *
 * Each output starts at one half, adds products with weights in fixed point, and shifts. Sums of
 * integers do not depend on their order, so every kernel gives the same pixels. image/resample.h
 * makes the weights and the passes over an image.
 */
#ifndef DNNB_KERNELS_RESAMPLE_H
#define DNNB_KERNELS_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/target.h"

enum {
    DNNB__RESAMPLE_BITS = 22,     /* after the point of a weight */
    DNNB__RESAMPLE_GROUP = 4,     /* weights are padded with zeros to a multiple of this */
    DNNB__RESAMPLE_LOW_BITS = 15, /* of a weight that is cut in two */
    DNNB__RESAMPLE_SLACK = 32     /* bytes a kernel may touch past the pixels it names */
};

/** The weights along one axis. Output i is the sum of weight[i * n_padded + j] * in[first[i] + j]
 *  over j < count[i]; weights past count[i] are zero. */
typedef struct dnnb__resample_axis {
    size_t n_out, n_padded;
    size_t n_used; /* the largest count, padded: a kernel may run over so many at each output */
    int32_t *first, *count;
    int32_t *weight;
    int16_t *low, *high; /* weight = high * 2^15 + low: what 16-bit multiply-adds take */
    size_t bounds_capacity, weight_capacity; /* elements */
} dnnb__resample_axis;

typedef struct dnnb__resample_kernel {
    const char *name;
    /** One row of RGB pixels through the horizontal weights. `in` is readable for n_used pixels and
     *  DNNB__RESAMPLE_SLACK bytes past its end, `out` writable for those bytes. */
    void (*row)(const dnnb__resample_axis *x, const uint8_t *in, uint8_t *out);
} dnnb__resample_kernel;

/** In plain C, which any processor runs. */
extern const dnnb__resample_kernel dnnb__resample_plain;
#ifdef DNNB__HAS_X86
extern const dnnb__resample_kernel dnnb__resample_avx2;
#endif

/** n_bytes columns of `count` rows, stride apart, through one output's vertical weights: a plain
 *  loop, which compilers widen well. */
void dnnb__resample_column(const int32_t *weight, size_t count, const uint8_t *rows,
                           size_t stride_bytes, size_t n_bytes, uint8_t *out);

#endif
