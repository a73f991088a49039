/* Pixels to normalised float planes, with the bits of torchvision's ToTensor and Normalize. */
#include "image/normalize.h"

#include "dnnbrain/image.h"

const float dnnb_imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
const float dnnb_imagenet_std[3] = {0.229f, 0.224f, 0.225f};

void dnnb__normalize_fill(float table[3][256], const float mean[3], const float std[3]) {
    for (size_t c = 0; c < 3; c++)
        for (size_t v = 0; v < 256; v++) {
            float scaled = (float)v / 255.0f;
            float centred = scaled - mean[c];
            table[c][v] = centred / std[c];
        }
}

void dnnb_image_normalize(const dnnb_image *image, const float mean[3], const float std[3],
                          float *out) {
    float table[3][256];
    dnnb__normalize_fill(table, mean, std);
    size_t n = (size_t)image->width_px * (size_t)image->height_px;
    const uint8_t *pixel = image->pixels;
    for (size_t i = 0; i < n; i++, pixel += 3)
        for (size_t c = 0; c < 3; c++) out[c * n + i] = table[c][pixel[c]];
}
