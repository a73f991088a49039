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

void dnnb__normalize_row(float (*table)[256], const uint8_t *pixels, size_t n, bool flip,
                         float *out, size_t plane) {
    float *red = out, *green = out + plane, *blue = out + 2 * plane;
    const float *of_red = table[0], *of_green = table[1], *of_blue = table[2];
    if (flip) {
        const uint8_t *pixel = pixels + n * 3;
        for (size_t x = 0; x < n; x++) {
            pixel -= 3;
            red[x] = of_red[pixel[0]];
            green[x] = of_green[pixel[1]];
            blue[x] = of_blue[pixel[2]];
        }
    } else {
        for (size_t x = 0; x < n; x++, pixels += 3) {
            red[x] = of_red[pixels[0]];
            green[x] = of_green[pixels[1]];
            blue[x] = of_blue[pixels[2]];
        }
    }
}

void dnnb_image_normalize(const dnnb_image *image, const float mean[3], const float std[3],
                          float *out) {
    float table[3][256];
    dnnb__normalize_fill(table, mean, std);
    size_t n = (size_t)image->width_px * (size_t)image->height_px;
    dnnb__normalize_row(table, image->pixels, n, false, out, n);
}
