/**
 * @file
 * @ingroup parts
 * Images: decoding to RGB as Pillow does it, and the transforms of torchvision, bit for bit.
 */
#ifndef DNNBRAIN_IMAGE_H
#define DNNBRAIN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** 8-bit RGB pixels, row-major [height, width, 3], no padding between rows. */
typedef struct dnnb_image {
    uint8_t *pixels;   /**< owned; freed by dnnb_image_clear() */
    int64_t width_px;  /**< columns */
    int64_t height_px; /**< rows */
} dnnb_image;

/** How a picture becomes RGB. */
typedef struct dnnb_decode_options {
    /** Lay a transparent picture over `background` instead of dropping its transparency. */
    bool use_background;
    /** Red, green and blue. */
    uint8_t background[3];
    /** Refuse pictures of more pixels than this. */
    int64_t max_pixels;
} dnnb_decode_options;

/** The default options. The limit is Pillow's own for an error: twice 1024^3 / 12 pixels. */
#define DNNB_DECODE_OPTIONS_INIT                                                                   \
    { .use_background = false, .background = {255, 255, 255}, .max_pixels = 178956970 }

/**
 * Decode a JPEG, PNG, WebP, TIFF, GIF (first frame) or BMP to RGB.
 *
 * The file's first bytes decide the format. Colours are those of Pillow's convert('RGB').
 *
 * @param[out] out     Overwritten; clear with dnnb_image_clear().
 * @param      options NULL for DNNB_DECODE_OPTIONS_INIT.
 * @error DNNB_ERR_IO; DNNB_ERR_FORMAT damaged or truncated; DNNB_ERR_UNSUPPORTED; DNNB_ERR_LIMIT
 *        more pixels than allowed; DNNB_ERR_MEMORY.
 * @source Pillow's Image.open(...).convert('RGB').
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_image_load(dnnb_image *out, const char *path,
                                                     const dnnb_decode_options *options);
/** The same from bytes; `name` is used in messages. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_image_decode(dnnb_image *out, const void *bytes,
                                                       size_t n_bytes, const char *name,
                                                       const dnnb_decode_options *options);
/** Free the pixels and set all to 0. */
DNNB_API void dnnb_image_clear(dnnb_image *image);

/**
 * Check a file's header as dnnb_image_load() does: format, size, colour type, limits. No pixel is
 * decoded, so a file that is damaged or cut off further on passes.
 *
 * @param      options  NULL for DNNB_DECODE_OPTIONS_INIT.
 * @param[out] width_px,height_px The picture's size as it would be decoded, 0 after an error; each
 *             may be NULL.
 * @error As dnnb_image_load(), which fails wherever this does.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_image_check(const char *path,
                                                      const dnnb_decode_options *options,
                                                      int64_t *width_px, int64_t *height_px);

/** Format named by the first bytes ("JPEG"), NULL when it is none that can be decoded. */
DNNB_API const char *dnnb_image_get_format(const void *head, size_t n_bytes);

/** A rectangle of an image; inside it entirely. */
typedef struct dnnb_box {
    int64_t left_px;   /**< columns left of it */
    int64_t top_px;    /**< rows above it */
    int64_t width_px;  /**< its columns */
    int64_t height_px; /**< its rows */
} dnnb_box;

/**
 * Crop, then resize with Pillow's antialiased bilinear filter on 8-bit pixels.
 * @param box NULL for the whole image.
 * @source Pillow's Image.crop and Image.resize(size, BILINEAR).
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_image_resize(dnnb_image *out, const dnnb_image *in,
                                                       const dnnb_box *box, int64_t width_px,
                                                       int64_t height_px);

/** Mirror left and right, in place. */
DNNB_API void dnnb_image_flip(dnnb_image *image);

/**
 * To float, [3, height, width]: v / 255, then (v - mean) / std in float32 as torchvision computes.
 * @source torchvision ToTensor and Normalize.
 */
DNNB_API void dnnb_image_normalize(const dnnb_image *image, const float mean[3], const float std[3],
                                   float *out);

/** ImageNet's mean of each channel. */
DNNB_API extern const float dnnb_imagenet_mean[3];
/** ImageNet's standard deviation of each channel. */
DNNB_API extern const float dnnb_imagenet_std[3];

/** Smallest area of a random crop, as a part of the picture's, in DNNBrain and torchvision. */
#define DNNB_CROP_SCALE 0.08

/**
 * The crop and flip that image `index` of a data set gets in `epoch`: area crop_scale to 1, aspect
 * 3/4 to 4/3, up to 10 draws, then the centre fallback; flip with p = 0.5. A function of its
 * arguments.
 *
 * @param crop_scale Above 0, at most 1; DNNB_CROP_SCALE is the usual one.
 * @source torchvision RandomResizedCrop.get_params, RandomHorizontalFlip.
 */
DNNB_API void dnnb_augment_draw(uint64_t seed, uint64_t epoch, uint64_t index, int64_t width_px,
                                int64_t height_px, double crop_scale, dnnb_box *box, bool *flip);

#ifdef __cplusplus
}
#endif

#endif
