/*
 * The image module for image_*.py: one command a line on standard input, answers on standard
 * output.
 *
 *   open PATH                             decode and keep; answers "ok WIDTH HEIGHT"
 *   over R G B PATH                       the same over a background
 *   pixels                                the kept image's bytes
 *   test WIDTH HEIGHT                     the testing transform, float32 [3, H, W]
 *   crop L T W H FLIP WIDTH HEIGHT        crop, resize and flip, 8-bit; the fused transform must
 *                                         give the same floats as the public calls one by one
 *   draw SEED EPOCH INDEX WIDTH HEIGHT N SCALE
 *                                         N draws of augmentation, "L T W H FLIP" a line
 *
 * An answer is a line "ok ..." or "error STATUS MESSAGE"; bytes follow an "ok N" line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "dnnbrain/image.h"
#include "image/transform.h"

static dnnb_image image;
static dnnb__image_buffer buffer;
static dnnb__transform transform;

static void answer_error(dnnb_status status) {
    printf("error %s %s\n", dnnb_status_get_name(status), dnnb_get_error());
}

static void answer(dnnb_status status, const void *bytes, size_t n) {
    if (status != DNNB_OK) {
        answer_error(status);
    } else {
        printf("ok %zu\n", n);
        fwrite(bytes, 1, n, stdout);
    }
}

static bool is_buffer_equal(const char *path, const dnnb_decode_options *options) {
    dnnb_status status = dnnb__image_buffer_load(&buffer, path, options);
    return status == DNNB_OK && buffer.image.width_px == image.width_px &&
           buffer.image.height_px == image.height_px &&
           memcmp(buffer.image.pixels, image.pixels,
                  (size_t)image.width_px * (size_t)image.height_px * 3) == 0;
}

/* The check of the header refuses nothing that can be decoded, and knows the size. */
static bool is_check_right(const char *path, const dnnb_decode_options *options,
                           dnnb_status decoded) {
    int64_t width_px, height_px;
    dnnb_status status = dnnb_image_check(path, options, &width_px, &height_px);
    if (decoded != DNNB_OK) return status == DNNB_OK || status == decoded;
    return status == DNNB_OK && width_px == image.width_px && height_px == image.height_px;
}

static void open_image(const char *path, const dnnb_decode_options *options) {
    dnnb_image_clear(&image);
    dnnb_status status = dnnb_image_load(&image, path, options);
    if (!is_check_right(path, options, status))
        printf("error internal %s: the check of the header says otherwise\n", path);
    else if (status != DNNB_OK)
        answer_error(dnnb_image_load(&image, path, options));
    else if (!is_buffer_equal(path, options))
        printf("error internal the reused buffer gives another image\n");
    else
        printf("ok %" PRId64 " %" PRId64 "\n", image.width_px, image.height_px);
}

static void test_transform(int64_t width, int64_t height) {
    size_t n = (size_t)width * (size_t)height * 3;
    float *out = dnnb__alloc(n, sizeof *out);
    if (!out) abort();
    dnnb__image_layout plain = dnnb__image_layout_plain(3, height, width);
    dnnb_status status = dnnb__transform_apply(&transform, &image, NULL, false, width, height,
                                               dnnb_imagenet_mean, dnnb_imagenet_std, &plain, out);
    answer(status, out, n * sizeof *out);
    dnnb__free(out);
}

static void crop(const dnnb_box *box, bool flip, int64_t width, int64_t height) {
    dnnb_image resized;
    size_t n = (size_t)width * (size_t)height * 3;
    dnnb__image_layout plain = dnnb__image_layout_plain(3, height, width);
    dnnb_status status = dnnb_image_resize(&resized, &image, box, width, height);
    if (status != DNNB_OK) {
        answer_error(status);
        return;
    }
    if (flip) dnnb_image_flip(&resized);
    float *one_by_one = dnnb__alloc(n, sizeof *one_by_one), *fused = dnnb__alloc(n, sizeof *fused);
    if (!one_by_one || !fused) abort();
    dnnb_image_normalize(&resized, dnnb_imagenet_mean, dnnb_imagenet_std, one_by_one);
    status = dnnb__transform_apply(&transform, &image, box, flip, width, height, dnnb_imagenet_mean,
                                   dnnb_imagenet_std, &plain, fused);
    if (status == DNNB_OK && memcmp(fused, one_by_one, n * sizeof *fused) != 0)
        printf("error internal the fused transform gives other floats\n");
    else
        answer(status, resized.pixels, n);
    dnnb__free(one_by_one);
    dnnb__free(fused);
    dnnb_image_clear(&resized);
}

static void draw(uint64_t seed, uint64_t epoch, uint64_t index, const int64_t size[2],
                 double crop_scale, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) {
        dnnb_box b;
        bool flip;
        dnnb_augment_draw(seed, epoch, index + i, size[0], size[1], crop_scale, &b, &flip);
        printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d\n", b.left_px, b.top_px,
               b.width_px, b.height_px, flip);
    }
}

static void obey(char *line) {
    dnnb_decode_options options = DNNB_DECODE_OPTIONS_INIT;
    char *at = line + strcspn(line, " \n");
    char word = line[0];
    if (word == 'o' && line[1] == 'v')
        for (size_t c = 0; c < 3; c++) options.background[c] = (uint8_t)strtol(at, &at, 10);
    if (word == 'o') {
        options.use_background = line[1] == 'v';
        at[strcspn(at, "\n")] = '\0';
        open_image(at + 1, &options);
        return;
    }
    int64_t v[7] = {0};
    for (size_t i = 0; i < (word == 'd' ? 6 : 7); i++) v[i] = strtoll(at, &at, 10);
    if (word == 'p')
        answer(DNNB_OK, image.pixels, (size_t)image.width_px * (size_t)image.height_px * 3);
    else if (word == 't')
        test_transform(v[0], v[1]);
    else if (word == 'c')
        crop(&(dnnb_box){v[0], v[1], v[2], v[3]}, v[4] != 0, v[5], v[6]);
    else if (word == 'd')
        draw((uint64_t)v[0], (uint64_t)v[1], (uint64_t)v[2], &v[3], strtod(at, NULL),
             (uint64_t)v[5]);
}

int main(void) {
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        obey(line);
        fflush(stdout);
    }
    dnnb_image_clear(&image);
    dnnb__image_buffer_destroy(&buffer);
    dnnb__transform_destroy(&transform);
    return 0;
}
