/*
 * Pillow's 8-bit resampling with the triangle filter, bit for bit: coefficients and the two passes.
 *
 * Method: the filter is stretched by the scale when shrinking (antialias), its weights are computed
 * and normalised in double, then rounded to fixed point with 22 bits after the point. The
 * horizontal pass comes first, over the rows that the vertical pass needs; each pass starts at one
 * half, adds products and shifts. Sums of integers do not depend on their order, so every kernel
 * gives the same pixels. Source of the arithmetic: Pillow 9.4, Image.resize with BILINEAR.
 */
#ifndef DNNB_IMAGE_RESAMPLE_H
#define DNNB_IMAGE_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "dnnbrain/image.h"

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

/** Scratch of the two passes; zeros are an empty one. */
typedef struct dnnb__resample {
    dnnb__resample_axis x, y;
    uint8_t *rows; /* what the horizontal pass wrote, stride_bytes apart */
    size_t rows_capacity_bytes;
    uint8_t *line; /* one output row, or one input row with slack */
    size_t line_capacity_bytes;
} dnnb__resample;

/** Takes one finished row of RGB pixels; rows come from the top. */
typedef void dnnb__resample_sink(void *context, size_t row, const uint8_t *pixels);

/** Resample `box` of the image (checked) to width x height and hand each row to the sink. */
DNNB_MUST_CHECK dnnb_status dnnb__resample_apply(dnnb__resample *r, const dnnb_image *image,
                                                 dnnb_box box, int64_t width_px, int64_t height_px,
                                                 dnnb__resample_sink *sink, void *context);
void dnnb__resample_destroy(dnnb__resample *r);

/** The box to use: the whole image for NULL; DNNB_ERR_ARGUMENT when it is not inside, or when a
 *  size is not positive. */
DNNB_MUST_CHECK dnnb_status dnnb__resample_check(dnnb_box *out, const dnnb_image *image,
                                                 const dnnb_box *box, int64_t width_px,
                                                 int64_t height_px);

/** One row of RGB pixels through the horizontal weights. `in` is readable for n_used pixels and
 *  DNNB__RESAMPLE_SLACK bytes past its end, `out` writable for those bytes. */
typedef void dnnb__resample_row(const dnnb__resample_axis *x, const uint8_t *in, uint8_t *out);
/** n_bytes columns of `count` rows, stride apart, through one output's vertical weights. */
typedef void dnnb__resample_column(const int32_t *weight, size_t count, const uint8_t *rows,
                                   size_t stride_bytes, size_t n_bytes, uint8_t *out);

typedef struct dnnb__resample_kernels {
    dnnb__resample_row *row;
    dnnb__resample_column *column;
} dnnb__resample_kernels;

/** The kernels in plain C, which any processor runs. */
extern const dnnb__resample_kernels dnnb__resample_plain;
/** The widest that this processor has. */
dnnb__resample_kernels dnnb__resample_choose(void);

#endif
