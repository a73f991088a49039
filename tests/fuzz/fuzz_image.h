/* One image format on one input: check, decode, then crop, resize, flip and normalise. */
#ifndef DNNB_TESTS_FUZZ_FUZZ_IMAGE_H
#define DNNB_TESTS_FUZZ_FUZZ_IMAGE_H

#include "fuzz/fuzz.h"
#include "image/decode.h"
#include "image/transform.h"

/* Pictures above this are refused before anything is allocated: larger ones would only be slow. */
enum { FUZZ_MAX_PIXELS = 1 << 14, FUZZ_WIDTH = 24, FUZZ_HEIGHT = 20 };

static inline void fuzz_transform(const dnnb_image *image, uint64_t seed) {
    static float out[3 * FUZZ_WIDTH * FUZZ_HEIGHT];
    dnnb__transform transform = {0};
    dnnb__image_layout plain = dnnb__image_layout_plain(3, FUZZ_HEIGHT, FUZZ_WIDTH);
    dnnb_image resized;
    dnnb_box box;
    bool flip;
    dnnb_augment_draw(seed, 0, 0, image->width_px, image->height_px, DNNB_CROP_SCALE, &box, &flip);
    fuzz_require(dnnb__transform_apply(&transform, image, &box, flip, FUZZ_WIDTH, FUZZ_HEIGHT,
                                       dnnb_imagenet_mean, dnnb_imagenet_std, &plain,
                                       out) == DNNB_OK,
                 "a picture that cannot be cropped");
    dnnb__transform_destroy(&transform);
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        fuzz_require(out[i] > -3 && out[i] < 3, "a value that no pixel gives");
    fuzz_require(dnnb_image_resize(&resized, image, NULL, FUZZ_HEIGHT, FUZZ_WIDTH) == DNNB_OK,
                 "a picture that cannot be resized");
    dnnb_image_flip(&resized);
    dnnb_image_clear(&resized);
}

/* The check of a header refuses nothing that can be decoded, and knows the size. */
static inline void fuzz_check_header(const uint8_t *bytes, size_t n,
                                     const dnnb_decode_options *options, dnnb_status decoded,
                                     const dnnb_image *image) {
    int64_t width_px, height_px;
    dnnb_status status =
        dnnb__decode_check_header(bytes, n, n, FUZZ_NAME, options, &width_px, &height_px);
    fuzz_check(status);
    fuzz_require(status == DNNB_OK
                     ? width_px > 0 && height_px > 0 && width_px <= FUZZ_MAX_PIXELS / height_px
                     : status == decoded,
                 "another answer of the header's check");
    if (decoded == DNNB_OK)
        fuzz_require(width_px == image->width_px && height_px == image->height_px,
                     "another size in the header");
    fuzz_check(dnnb__decode_check_header(bytes, n / 2, n, FUZZ_NAME, options, NULL, NULL));
}

static inline void fuzz_image(const uint8_t *bytes, size_t n, const char *format) {
    const char *found = dnnb_image_get_format(bytes, n);
    dnnb_image image;
    dnnb_decode_options options = DNNB_DECODE_OPTIONS_INIT;
    if (!found || strcmp(found, format) != 0) return;
    options.max_pixels = FUZZ_MAX_PIXELS;
    options.use_background = n % 2;
    dnnb_status status = dnnb_image_decode(&image, bytes, n, FUZZ_NAME, &options);
    fuzz_check(status);
    fuzz_check_header(bytes, n, &options, status, &image);
    if (status != DNNB_OK) return;
    fuzz_require(image.width_px > 0 && image.height_px > 0 &&
                     image.width_px <= FUZZ_MAX_PIXELS / image.height_px,
                 "a size outside the limit");
    fuzz_transform(&image, n);
    dnnb_image_clear(&image);
}

#endif
