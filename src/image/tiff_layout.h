/* What the samples of a TIFF mean: which layouts are taken, and how they become RGB. */
#ifndef DNNB_IMAGE_TIFF_LAYOUT_H
#define DNNB_IMAGE_TIFF_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/decode.h"

typedef enum dnnb__tiff_kind {
    DNNB__TIFF_GREY,
    DNNB__TIFF_PALETTE,
    DNNB__TIFF_RGB,
    DNNB__TIFF_CMYK,
    DNNB__TIFF_YCBCR /* left to libtiff */
} dnnb__tiff_kind;

typedef enum dnnb__tiff_alpha {
    DNNB__TIFF_OPAQUE,
    DNNB__TIFF_STRAIGHT,
    DNNB__TIFF_PREMULTIPLIED
} dnnb__tiff_alpha;

typedef struct dnnb__tiff_layout {
    dnnb__tiff_kind kind;
    dnnb__tiff_alpha alpha;
    unsigned bits, n_samples, sample_format;
    unsigned alpha_at; /* which sample the alpha is */
    bool is_inverted;  /* white is zero */
    dnnb__palette palette;
} dnnb__tiff_layout;

/** NULL, or what it is that is not taken. first_extra: the first extra sample's type, -1 for none.
 *  libtiff calls a fourth sample of which the file says nothing unspecified: it is not alpha. */
const char *dnnb__tiff_layout_init(dnnb__tiff_layout *layout, unsigned photometric, unsigned bits,
                                   unsigned n_samples, unsigned sample_format, int first_extra);

/** Bytes that n pixels of a row take, of all samples or of one plane. */
size_t dnnb__tiff_layout_get_bytes(const dnnb__tiff_layout *layout, size_t n, bool is_plane);

/** n pixels with their samples together to RGB. */
void dnnb__tiff_layout_store(const dnnb__tiff_layout *layout, const dnnb__decode *d,
                             const uint8_t *in, size_t n, uint8_t *out);

/** n samples of one plane to every fourth byte. */
void dnnb__tiff_layout_gather(const dnnb__tiff_layout *layout, const uint8_t *in, size_t n,
                              uint8_t *out);

/** Four gathered samples of one pixel to RGB. */
void dnnb__tiff_layout_finish(const dnnb__tiff_layout *layout, const dnnb__decode *d,
                              const uint8_t samples[4], uint8_t *out);

#endif
