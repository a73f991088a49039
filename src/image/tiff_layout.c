/*
 * The sample layouts of TIFF that Pillow's TiffImagePlugin takes, and their way to RGB.
 *
 * Numbers: samples come in this machine's byte order. An 8-bit grey of "white is zero" is inverted;
 * wider greys are not, as in Pillow.
 */
#include "image/tiff_layout.h"

#include <string.h>

#include <tiffio.h>

static bool is_grey_depth(unsigned bits, unsigned sample_format, bool is_inverted) {
    if (sample_format == SAMPLEFORMAT_UINT)
        return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16 ||
               (!is_inverted && (bits == 12 || bits == 32));
    if (sample_format == SAMPLEFORMAT_INT) return !is_inverted && (bits == 16 || bits == 32);
    return sample_format == SAMPLEFORMAT_IEEEFP && bits == 32;
}

static dnnb__tiff_alpha get_alpha(int extra) {
    if (extra == EXTRASAMPLE_ASSOCALPHA) return DNNB__TIFF_PREMULTIPLIED;
    return extra == EXTRASAMPLE_UNASSALPHA ? DNNB__TIFF_STRAIGHT : DNNB__TIFF_OPAQUE;
}

const char *dnnb__tiff_layout_init(dnnb__tiff_layout *layout, unsigned photometric, unsigned bits,
                                   unsigned n_samples, unsigned sample_format, int first_extra) {
    if (sample_format == SAMPLEFORMAT_VOID) sample_format = SAMPLEFORMAT_UINT;
    bool is_uint = sample_format == SAMPLEFORMAT_UINT;
    bool is_wide = is_uint && (bits == 8 || bits == 16);
    bool is_pair = is_uint && n_samples == 2 && bits == 8 && first_extra == EXTRASAMPLE_UNASSALPHA;
    *layout = (dnnb__tiff_layout){.bits = bits,
                                  .n_samples = n_samples,
                                  .sample_format = sample_format,
                                  .is_inverted = photometric == PHOTOMETRIC_MINISWHITE};
    switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
        layout->kind = DNNB__TIFF_GREY;
        if (is_pair && !layout->is_inverted) {
            layout->alpha = DNNB__TIFF_STRAIGHT;
            layout->alpha_at = 1;
        } else if (n_samples != 1 || !is_grey_depth(bits, sample_format, layout->is_inverted)) {
            return "grey samples of this kind";
        }
        return NULL;
    case PHOTOMETRIC_PALETTE:
        layout->kind = DNNB__TIFF_PALETTE;
        if (is_pair) {
            layout->alpha = DNNB__TIFF_STRAIGHT;
            layout->alpha_at = 1;
        } else if (!is_uint || n_samples != 1 ||
                   (bits != 1 && bits != 2 && bits != 4 && bits != 8)) {
            return "palette indices of this kind";
        }
        return NULL;
    case PHOTOMETRIC_RGB:
        layout->kind = DNNB__TIFF_RGB;
        if (!is_wide || n_samples < 3 || n_samples > 6) return "colour samples of this kind";
        if (n_samples > 3) {
            layout->alpha = get_alpha(first_extra);
            layout->alpha_at = 3;
        }
        return NULL;
    case PHOTOMETRIC_SEPARATED:
        layout->kind = DNNB__TIFF_CMYK;
        if (!is_wide || n_samples < 4 || n_samples > 6) return "CMYK samples of this kind";
        return NULL;
    case PHOTOMETRIC_YCBCR:
        layout->kind = DNNB__TIFF_YCBCR;
        if (!is_uint || bits != 8 || n_samples != 3) return "YCbCr samples of this kind";
        return NULL;
    default:
        return "colours of this kind";
    }
}

size_t dnnb__tiff_layout_get_bytes(const dnnb__tiff_layout *layout, size_t n, bool is_plane) {
    return (n * layout->bits * (is_plane ? 1 : layout->n_samples) + 7) / 8;
}

static unsigned get_bits(const uint8_t *in, size_t i, unsigned bits) {
    if (bits == 8) return in[i];
    size_t bit = i * bits;
    if (bits < 8) return (unsigned)in[bit / 8] >> (8 - bits - bit % 8) & ((1u << bits) - 1);
    /* 12 bits: two samples in three bytes */
    const uint8_t *at = in + bit / 8;
    return bit % 8 ? (at[0] & 15u) << 8 | at[1] : (unsigned)at[0] << 4 | at[1] >> 4;
}

static uint8_t clip(double value) {
    if (value >= 255) return 255;
    return value > 0 ? (uint8_t)value : 0; /* not a number gives 0 */
}

/* A single grey sample of any depth. */
static uint8_t get_grey(const dnnb__tiff_layout *layout, const uint8_t *in, size_t i) {
    unsigned bits = layout->bits;
    if (bits <= 8) {
        unsigned grey = get_bits(in, i, bits) * 255 / ((1u << bits) - 1);
        return (uint8_t)(layout->is_inverted ? 255 - grey : grey);
    }
    if (bits == 12) return clip(get_bits(in, i, bits));
    if (bits == 16) {
        uint16_t value;
        memcpy(&value, in + i * sizeof value, sizeof value);
        return layout->sample_format == SAMPLEFORMAT_INT ? clip((int16_t)value) : clip(value);
    }
    if (layout->sample_format == SAMPLEFORMAT_IEEEFP) {
        float value;
        memcpy(&value, in + i * sizeof value, sizeof value);
        return clip(value);
    }
    int32_t value; /* Pillow keeps unsigned samples in signed numbers too */
    memcpy(&value, in + i * sizeof value, sizeof value);
    return clip(value);
}

/* A colour sample's 8 bits. */
static uint8_t get_colour(const dnnb__tiff_layout *layout, const uint8_t *in, size_t i) {
    if (layout->bits == 8) return in[i];
    uint16_t value;
    memcpy(&value, in + i * sizeof value, sizeof value);
    return (uint8_t)(value >> 8);
}

static void unmultiply(uint8_t rgba[4]) {
    unsigned a = rgba[3];
    for (size_t c = 0; c < 3; c++) {
        unsigned value = a ? rgba[c] * 255u / a : 0;
        rgba[c] = (uint8_t)(value > 255 ? 255 : value);
    }
}

void dnnb__tiff_layout_finish(const dnnb__tiff_layout *layout, const dnnb__decode *d,
                              const uint8_t samples[4], uint8_t *out) {
    uint8_t rgba[4];
    switch (layout->kind) {
    case DNNB__TIFF_CMYK:
        dnnb__decode_store_cmyk(out, samples);
        return;
    case DNNB__TIFF_GREY:
        memset(rgba, samples[0], 3);
        break;
    case DNNB__TIFF_PALETTE:
        memcpy(rgba, layout->palette.rgba[samples[0]], 3);
        break;
    default:
        memcpy(rgba, samples, 3);
        break;
    }
    rgba[3] = layout->alpha == DNNB__TIFF_OPAQUE ? 255 : samples[layout->alpha_at];
    if (layout->alpha == DNNB__TIFF_PREMULTIPLIED) unmultiply(rgba);
    dnnb__decode_store(d, out, rgba);
}

void dnnb__tiff_layout_store(const dnnb__tiff_layout *layout, const dnnb__decode *d,
                             const uint8_t *in, size_t n, uint8_t *out) {
    unsigned n_used = layout->n_samples < 4 ? layout->n_samples : 4;
    if (layout->kind == DNNB__TIFF_RGB && layout->n_samples == 3 && layout->bits == 8) {
        memcpy(out, in, n * 3);
        return;
    }
    for (size_t x = 0; x < n; x++, out += 3) {
        uint8_t samples[4] = {0};
        if (layout->n_samples > 1) {
            for (size_t s = 0; s < n_used; s++)
                samples[s] = get_colour(layout, in, x * layout->n_samples + s);
        } else if (layout->kind == DNNB__TIFF_GREY) {
            samples[0] = get_grey(layout, in, x);
        } else {
            samples[0] = (uint8_t)get_bits(in, x, layout->bits);
        }
        dnnb__tiff_layout_finish(layout, d, samples, out);
    }
}

void dnnb__tiff_layout_gather(const dnnb__tiff_layout *layout, const uint8_t *in, size_t n,
                              uint8_t *out) {
    for (size_t x = 0; x < n; x++) out[x * 4] = get_colour(layout, in, x);
}
