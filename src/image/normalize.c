/* Pixels to normalised float planes, with the bits of torchvision's ToTensor and Normalize. */
#include "image/normalize.h"

#include <string.h>

#include "core/bf16.h"
#include "dnnbrain/image.h"

const float dnnb_imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
const float dnnb_imagenet_std[3] = {0.229f, 0.224f, 0.225f};

enum { CHANNELS = 3 };

void dnnb__normalize_fill(dnnb__normalize *n, const float mean[3], const float std[3]) {
    memcpy(n->mean, mean, sizeof n->mean);
    memcpy(n->std, std, sizeof n->std);
    for (size_t c = 0; c < CHANNELS; c++)
        for (size_t v = 0; v < 256; v++) {
            float scaled = (float)v / 255.0f;
            float centred = scaled - mean[c];
            n->f32[c][v] = centred / std[c];
            n->bf16[c][v] = dnnb__bf16_round(n->f32[c][v]);
        }
}

/* n pixels, `step` bytes apart, to places `apart` elements apart; `at` is where each colour's first
 * value goes. */
static void put_f32(const float (*table)[256], const uint8_t *pixel, ptrdiff_t step, int64_t n,
                    float *out, const int64_t at[3], int64_t apart) {
    const float *of_red = table[0], *of_green = table[1], *of_blue = table[2];
    float *red = out + at[0], *green = out + at[1], *blue = out + at[2];
    for (int64_t i = 0, k = 0; i < n; i++, pixel += step, k += apart) {
        red[k] = of_red[pixel[0]];
        green[k] = of_green[pixel[1]];
        blue[k] = of_blue[pixel[2]];
    }
}

static void put_bf16(const uint16_t (*table)[256], const uint8_t *pixel, ptrdiff_t step, int64_t n,
                     uint16_t *out, const int64_t at[3], int64_t apart) {
    const uint16_t *of_red = table[0], *of_green = table[1], *of_blue = table[2];
    uint16_t *red = out + at[0], *green = out + at[1], *blue = out + at[2];
    for (int64_t i = 0, k = 0; i < n; i++, pixel += step, k += apart) {
        red[k] = of_red[pixel[0]];
        green[k] = of_green[pixel[1]];
        blue[k] = of_blue[pixel[2]];
    }
}

void dnnb__normalize_row(const dnnb__normalize *n, const uint8_t *pixels, int64_t width_px,
                         bool flip, const dnnb__image_layout *layout, int64_t row, void *out) {
    int64_t s = layout->stride, block = layout->block;
    int64_t y = (row + layout->padding[0]) / s, dy = (row + layout->padding[0]) % s;
    ptrdiff_t step = (flip ? -CHANNELS : CHANNELS) * s;
    if (y >= layout->height) return;
    for (int64_t dx = 0; dx < s; dx++) {
        int64_t first, end;
        dnnb__image_layout_find_places(layout, dx, width_px, &first, &end);
        if (first == end) continue;
        int64_t x = first * s + dx - layout->padding[1];
        const uint8_t *pixel = pixels + (flip ? width_px - 1 - x : x) * CHANNELS;
        int64_t at[CHANNELS];
        for (int64_t c = 0; c < CHANNELS; c++)
            at[c] = dnnb__image_layout_find_row(layout, (dy * s + dx) * CHANNELS + c, y) +
                    first * block;
        if (layout->is_bf16)
            put_bf16(n->bf16, pixel, step, end - first, out, at, block);
        else
            put_f32(n->f32, pixel, step, end - first, out, at, block);
    }
}

void dnnb_image_normalize(const dnnb_image *image, const float mean[3], const float std[3],
                          float *out) {
    dnnb__normalize n;
    dnnb__normalize_fill(&n, mean, std);
    dnnb__image_layout plain =
        dnnb__image_layout_plain(CHANNELS, image->height_px, image->width_px);
    for (int64_t y = 0; y < image->height_px; y++)
        dnnb__normalize_row(&n, image->pixels + y * image->width_px * CHANNELS, image->width_px,
                            false, &plain, y, out);
}
