/*
 * Pillow's 8-bit resampling with the triangle filter, bit for bit: coefficients and the two passes.
 *
 * Method: the filter is stretched by the scale when shrinking (antialias), its weights are computed
 * and normalised in double, then rounded to fixed point with 22 bits after the point. The
 * horizontal pass comes first, over the rows that the vertical pass needs; each pass starts at one
 * half, adds products and shifts (kernels/resample.h). Source of the arithmetic: Pillow 9.4,
 * Image.resize with BILINEAR.
 */
#ifndef DNNB_IMAGE_RESAMPLE_H
#define DNNB_IMAGE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "dnnbrain/image.h"
#include "kernels/resample.h"

/** Scratch of the two passes; zeros are an empty one. */
typedef struct dnnb__resample {
    dnnb__resample_axis x, y;
    const dnnb__resample_kernel *kernel; /* of the last image: the widest that may be used */
    uint8_t *rows;                       /* what the horizontal pass wrote, stride_bytes apart */
    size_t rows_capacity_bytes;
    uint8_t *line; /* one output row, or one input row with slack */
    size_t line_capacity_bytes;
} dnnb__resample;

/** Takes one finished row of RGB pixels; rows come from the top. */
typedef void dnnb__resample_sink(void *context, size_t row, const uint8_t *pixels);

/** Resample `box` of the image (checked) to width x height and hand each row to the sink.
 *  @error DNNB_ERR_ARGUMENT DNNBRAIN_MAX_ISA is wrong; DNNB_ERR_LIMIT; DNNB_ERR_MEMORY. */
DNNB_MUST_CHECK dnnb_status dnnb__resample_apply(dnnb__resample *r, const dnnb_image *image,
                                                 dnnb_box box, int64_t width_px, int64_t height_px,
                                                 dnnb__resample_sink *sink, void *context);
void dnnb__resample_destroy(dnnb__resample *r);

/** The box to use: the whole image for NULL; DNNB_ERR_ARGUMENT when it is not inside, or when a
 *  size is not positive. */
DNNB_MUST_CHECK dnnb_status dnnb__resample_check(dnnb_box *out, const dnnb_image *image,
                                                 const dnnb_box *box, int64_t width_px,
                                                 int64_t height_px);

#endif
