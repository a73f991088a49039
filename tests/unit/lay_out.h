/* Images in an engine's layout, value by value as core/image_layout.h defines it. */
#ifndef DNNB_TESTS_LAY_OUT_H
#define DNNB_TESTS_LAY_OUT_H

#include <string.h>

#include "core/bf16.h"
#include "core/image_layout.h"

/* One row-major image [channels, height, width] of float32 into `out`. */
static inline void lay_out(const dnnb__image_layout *l, const float *plain, int64_t height,
                           int64_t width, void *out) {
    memset(out, 0, dnnb__image_layout_get_bytes(l));
    for (int64_t c = 0; c < l->channels; c++)
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                int64_t py = y + l->padding[0], px = x + l->padding[1];
                int64_t channel = (py % l->stride * l->stride + px % l->stride) * l->channels + c;
                int64_t at[2] = {py / l->stride, px / l->stride};
                if (at[0] >= l->height || at[1] >= l->width) continue;
                int64_t i =
                    ((channel / l->block * l->height + at[0]) * l->width + at[1]) * l->block +
                    channel % l->block;
                float value = plain[(c * height + y) * width + x];
                if (l->is_bf16)
                    ((uint16_t *)out)[i] = dnnb__bf16_round(value);
                else
                    ((float *)out)[i] = value;
            }
}

#endif
