/* Normalising by table: an 8-bit pixel has 256 values, so each result is computed once. */
#ifndef DNNB_IMAGE_NORMALIZE_H
#define DNNB_IMAGE_NORMALIZE_H

#include "core/image_layout.h"

typedef struct dnnb__normalize {
    float mean[3], std[3];
    float f32[3][256];     /* (value / 255 - mean) / std, each step rounded as PyTorch's are */
    uint16_t bf16[3][256]; /* these, rounded once more */
} dnnb__normalize;

void dnnb__normalize_fill(dnnb__normalize *n, const float mean[3], const float std[3]);

/** One row of RGB pixels, mirrored when `flip`, to its places in an image of three channels. */
void dnnb__normalize_row(const dnnb__normalize *n, const uint8_t *pixels, int64_t width_px,
                         bool flip, const dnnb__image_layout *layout, int64_t row, void *out);

#endif
