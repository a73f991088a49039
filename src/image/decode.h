/*
 * What the decoders share: one job, its limits, and how a pixel is stored.
 *
 * A decoder reads the header, calls dnnb__decode_reserve() before it allocates anything that
 * depends on the size, and fills d->image->pixels unless d->header_only. Colours are those of
 * Pillow's convert('RGB').
 */
#ifndef DNNB_IMAGE_DECODE_H
#define DNNB_IMAGE_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "dnnbrain/image.h"

/** What is wanted of a file. */
typedef struct dnnb__part {
    dnnb_box box;
    bool is_sound; /* these bytes were decoded before: damage behind the box need not be looked
                      for */
} dnnb__part;

/** Says what part of an image of this size is wanted; `part` is empty. */
typedef void dnnb__choose_part(void *context, int64_t width_px, int64_t height_px,
                               dnnb__part *part);

typedef struct dnnb__decode {
    const uint8_t *bytes;
    size_t n_bytes;
    size_t file_bytes; /* of the whole file, for limits; more than n_bytes when only its head is
                          here */
    bool header_only;  /* stop once the size is set */
    dnnb__choose_part *choose; /* the pixels outside need not be set; NULL: all are wanted */
    void *choose_context;
    const char *name; /* for messages */
    const dnnb_decode_options *options;
    dnnb_image *image; /* its pixels are reused when they are large enough */
    size_t *capacity_bytes;
} dnnb__decode;

/** Check a size against the limits. */
DNNB_MUST_CHECK dnnb_status dnnb__decode_check_size(const dnnb__decode *d, uint64_t width_px,
                                                    uint64_t height_px);
/** Check a number of pixels, also of those that only the decoder sees, against the file's size. */
DNNB_MUST_CHECK dnnb_status dnnb__decode_check_unfolded(const dnnb__decode *d, uint64_t n_pixels);
/** Both, make room for the pixels, and set the image's size. With header_only no room is made and
 *  the decoder ends here. */
DNNB_MUST_CHECK dnnb_status dnnb__decode_reserve(dnnb__decode *d, uint64_t width_px,
                                                 uint64_t height_px);

/** dnnb_image_check() on the first n_bytes of a file of file_bytes. With all of them it fails where
 *  decoding them does for the header's sake, and nowhere else. */
DNNB_MUST_CHECK dnnb_status dnnb__decode_check_header(const void *bytes, size_t n_bytes,
                                                      size_t file_bytes, const char *name,
                                                      const dnnb_decode_options *options,
                                                      int64_t *width_px, int64_t *height_px);

/** "name: format: message", DNNB_ERR_FORMAT. */
DNNB_MUST_CHECK dnnb_status dnnb__decode_fail(const dnnb__decode *d, const char *format,
                                              const char *message);
/** The same for a file whose data end early. */
DNNB_MUST_CHECK dnnb_status dnnb__decode_fail_truncated(const dnnb__decode *d, const char *format);
DNNB_MUST_CHECK dnnb_status dnnb__decode_fail_unsupported(const dnnb__decode *d, const char *format,
                                                          const char *found);

/** A palette as Pillow keeps it: entries that a file leaves out are a ramp of greys. */
typedef struct dnnb__palette {
    uint8_t rgba[256][4];
} dnnb__palette;

void dnnb__palette_init(dnnb__palette *palette);

/** round(a * b / 255) for 8-bit values, halves up. */
static inline uint8_t dnnb__mul_255(unsigned a, unsigned b) {
    unsigned t = a * b + 128;
    return (uint8_t)(((t >> 8) + t) >> 8);
}

/** Store one pixel: its colour alone, or laid over the background. */
static inline void dnnb__decode_store(const dnnb__decode *d, uint8_t *out, const uint8_t rgba[4]) {
    unsigned a = d->options->use_background ? rgba[3] : 255;
    for (size_t c = 0; c < 3; c++) {
        if (a == 255) {
            out[c] = rgba[c];
        } else {
            /* round((colour * alpha + background * (255 - alpha)) / 255), halves up */
            unsigned t = rgba[c] * a + d->options->background[c] * (255 - a);
            out[c] = (uint8_t)((2 * t + 255) / 510);
        }
    }
}

static inline void dnnb__decode_store_grey(uint8_t *out, uint8_t grey) {
    out[0] = out[1] = out[2] = grey;
}

/** CMYK as Pillow converts it, without a colour profile. */
static inline void dnnb__decode_store_cmyk(uint8_t *out, const uint8_t cmyk[4]) {
    unsigned light = 255u - cmyk[3];
    for (size_t c = 0; c < 3; c++) out[c] = (uint8_t)(light - dnnb__mul_255(cmyk[c], light));
}

DNNB_MUST_CHECK dnnb_status dnnb__decode_jpeg(dnnb__decode *d);
DNNB_MUST_CHECK dnnb_status dnnb__decode_png(dnnb__decode *d);
DNNB_MUST_CHECK dnnb_status dnnb__decode_webp(dnnb__decode *d);
DNNB_MUST_CHECK dnnb_status dnnb__decode_tiff(dnnb__decode *d);
DNNB_MUST_CHECK dnnb_status dnnb__decode_gif(dnnb__decode *d);
DNNB_MUST_CHECK dnnb_status dnnb__decode_bmp(dnnb__decode *d);

#endif
