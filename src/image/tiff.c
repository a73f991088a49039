/*
 * TIFF through libtiff: the first picture of a file, in the sample layouts that Pillow takes.
 *
 * Method: libtiff undoes compression, byte order and bit order and gives rows or tiles; what the
 * samples mean is decided here, as Pillow decides it. One 16-bit, 32-bit or float sample is cut off
 * at 0 and 255 and never inverted; in colours of 16 bits the high byte counts. Planes kept apart
 * are gathered in one picture of four bytes a pixel. YCbCr is left to libtiff. The orientation tag
 * is followed, as Pillow does for TIFF alone. The file is in memory: libtiff reads it in place.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <tiffio.h>

#include "core/mem.h"
#include "image/decode.h"
#include "image/tiff_layout.h"

static const tmsize_t memory_cap_bytes = (tmsize_t)1 << 29; /* of one allocation of libtiff */

typedef struct reader {
    dnnb__decode *d;
    TIFF *tiff;
    size_t at; /* libtiff's place in the file */
    dnnb__tiff_layout layout;
    size_t width, height;
    uint16_t compression, planar;
    uint8_t *planes; /* [height][width][4] when planes are kept apart */
    char message[160];
} reader;

static tmsize_t on_read(thandle_t handle, void *out, tmsize_t n) {
    reader *r = handle;
    size_t left = r->at < r->d->n_bytes ? r->d->n_bytes - r->at : 0, want = n > 0 ? (size_t)n : 0;
    if (want > left) want = left;
    memcpy(out, r->d->bytes + r->at, want);
    r->at += want;
    return (tmsize_t)want;
}

static tmsize_t on_write(thandle_t handle, void *bytes, tmsize_t n) {
    (void)handle;
    (void)bytes;
    (void)n;
    return 0;
}

static toff_t on_seek(thandle_t handle, toff_t to, int whence) {
    reader *r = handle;
    size_t base = whence == SEEK_CUR ? r->at : whence == SEEK_END ? r->d->n_bytes : 0;
    r->at = base + (size_t)to;
    return r->at;
}

static int on_close(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle) {
    const reader *r = handle;
    return r->d->n_bytes;
}

static int on_map(thandle_t handle, void **base, toff_t *size) {
    const reader *r = handle;
    *base = (void *)(uintptr_t)r->d->bytes; /* libtiff opened it for reading */
    *size = r->d->n_bytes;
    return 1;
}

static void on_unmap(thandle_t handle, void *base, toff_t size) {
    (void)handle;
    (void)base;
    (void)size;
}

/* The first message says most; 1 keeps the process-wide handlers, which print, out of it. */
static int on_error(TIFF *tiff, void *data, const char *module, const char *format, va_list args) {
    reader *r = data;
    (void)tiff;
    (void)module;
    if (!r->message[0]) (void)vsnprintf(r->message, sizeof r->message, format, args);
    return 1;
}

static int on_warning(TIFF *tiff, void *data, const char *module, const char *format,
                      va_list args) {
    (void)tiff;
    (void)data;
    (void)module;
    (void)format;
    (void)args;
    return 1;
}

static dnnb_status fail(const reader *r, const char *message) {
    return dnnb__decode_fail(r->d, "TIFF", r->message[0] ? r->message : message);
}

static dnnb_status unsupported(const reader *r, const char *found) {
    return dnnb__decode_fail_unsupported(r->d, "TIFF", found);
}

/* What a compression can do at best, so that a short file cannot ask for a large picture. Others
 * pack a blank page without bound. */
static uint64_t get_max_ratio(uint16_t compression) {
    switch (compression) {
    case COMPRESSION_NONE:
        return 1;
    case COMPRESSION_PACKBITS:
        return 64;
    case COMPRESSION_LZW:
        return 4096;
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
        return 1032;
    default:
        return UINT64_MAX;
    }
}

static dnnb_status read_palette(reader *r) {
    uint16_t *channel[3];
    dnnb__palette_init(&r->layout.palette);
    if (!TIFFGetField(r->tiff, TIFFTAG_COLORMAP, &channel[0], &channel[1], &channel[2]))
        return fail(r, "a palette picture without a palette");
    for (size_t i = 0; i < (size_t)1 << r->layout.bits && i < 256; i++)
        for (size_t c = 0; c < 3; c++) r->layout.palette.rgba[i][c] = (uint8_t)(channel[c][i] >> 8);
    return DNNB_OK;
}

static dnnb_status read_header(reader *r) {
    uint32_t width = 0, height = 0;
    uint16_t photometric = 0, n_extras = 0, *extras = NULL;
    uint16_t bits = 1, n_samples = 1, sample_format = SAMPLEFORMAT_UINT;
    TIFF *tiff = r->tiff;
    if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width) ||
        !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height))
        return fail(r, "no size");
    (void)TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &r->compression);
    (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &r->planar);
    (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &n_samples);
    (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &sample_format);
    (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &n_extras, &extras);
    if (!TIFFIsCODECConfigured(r->compression)) return unsupported(r, "this compression");
    if (r->compression == COMPRESSION_OJPEG) photometric = PHOTOMETRIC_YCBCR;
    if (photometric == PHOTOMETRIC_YCBCR && r->compression == COMPRESSION_JPEG &&
        r->planar == PLANARCONFIG_CONTIG) {
        (void)TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        photometric = PHOTOMETRIC_RGB;
    }
    const char *problem = dnnb__tiff_layout_init(&r->layout, photometric, bits, n_samples,
                                                 sample_format, n_extras ? extras[0] : -1);
    if (problem) return unsupported(r, problem);
    if (r->planar == PLANARCONFIG_SEPARATE && n_samples > 1 && bits != 8 && bits != 16)
        return unsupported(r, "planes of this depth");
    if (r->layout.kind == DNNB__TIFF_PALETTE) DNNB_TRY(read_palette(r));
    r->width = width;
    r->height = height;
    DNNB_TRY(dnnb__decode_check_size(r->d, width, height));
    uint32_t tile_w = 0, tile_h = 0;
    if (TIFFIsTiled(tiff) && TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_w) &&
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tile_h))
        DNNB_TRY(dnnb__decode_check_unfolded(r->d, (uint64_t)tile_w * tile_h));
    uint64_t all_bytes = ((uint64_t)width * n_samples * bits + 7) / 8 * height;
    if (r->layout.kind != DNNB__TIFF_YCBCR &&
        all_bytes / get_max_ratio(r->compression) > r->d->file_bytes)
        return dnnb__decode_fail_truncated(r->d, "TIFF");
    return dnnb__decode_reserve(r->d, width, height);
}

/* n pixels of one row or of one tile's row; plane < 0 when the samples are together. */
static void put(reader *r, const uint8_t *in, size_t x, size_t y, size_t n, int plane) {
    uint8_t *out = r->d->image->pixels + (y * r->width + x) * 3;
    if (plane < 0)
        dnnb__tiff_layout_store(&r->layout, r->d, in, n, out);
    else
        dnnb__tiff_layout_gather(&r->layout, in, n,
                                 r->planes + (y * r->width + x) * 4 + (size_t)plane);
}

static dnnb_status read_strips(reader *r, int plane) {
    size_t row_bytes = (size_t)TIFFScanlineSize(r->tiff);
    if (row_bytes < dnnb__tiff_layout_get_bytes(&r->layout, r->width, plane >= 0))
        return fail(r, "rows too short for the picture");
    uint8_t *row = dnnb__alloc(row_bytes, 1);
    if (!row) return dnnb__fail_memory();
    dnnb_status status = DNNB_OK;
    for (size_t y = 0; y < r->height && status == DNNB_OK; y++) {
        if (TIFFReadScanline(r->tiff, row, (uint32_t)y, plane < 0 ? 0 : (uint16_t)plane) < 0)
            status = fail(r, "its data cannot be decoded");
        else
            put(r, row, 0, y, r->width, plane);
    }
    dnnb__free(row);
    return status;
}

static dnnb_status read_tiles(reader *r, int plane) {
    uint32_t tile_w = 0, tile_h = 0;
    if (!TIFFGetField(r->tiff, TIFFTAG_TILEWIDTH, &tile_w) ||
        !TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &tile_h) || tile_w == 0 || tile_h == 0)
        return fail(r, "tiles without a size");
    tmsize_t tile_bytes = TIFFTileSize(r->tiff), row_bytes = TIFFTileRowSize(r->tiff);
    if (tile_bytes > memory_cap_bytes)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: expected tiles of at most %lld bytes, found %lld",
                          r->d->name, (long long)memory_cap_bytes, (long long)tile_bytes);
    if (row_bytes <= 0 || tile_bytes / row_bytes < tile_h ||
        (size_t)row_bytes < dnnb__tiff_layout_get_bytes(&r->layout, tile_w, plane >= 0))
        return fail(r, "tiles too small for their size");
    uint8_t *tile = dnnb__alloc((size_t)tile_bytes, 1);
    if (!tile) return dnnb__fail_memory();
    dnnb_status status = DNNB_OK;
    for (size_t y = 0; y < r->height && status == DNNB_OK; y += tile_h)
        for (size_t x = 0; x < r->width && status == DNNB_OK; x += tile_w) {
            if (TIFFReadTile(r->tiff, tile, (uint32_t)x, (uint32_t)y, 0,
                             plane < 0 ? 0 : (uint16_t)plane) < 0) {
                status = fail(r, "its data cannot be decoded");
                break;
            }
            size_t n = r->width - x < tile_w ? r->width - x : tile_w;
            for (size_t i = 0; i < tile_h && y + i < r->height; i++)
                put(r, tile + i * (size_t)row_bytes, x, y + i, n, plane);
        }
    dnnb__free(tile);
    return status;
}

static dnnb_status read_plane(reader *r, int plane) {
    return TIFFIsTiled(r->tiff) ? read_tiles(r, plane) : read_strips(r, plane);
}

static dnnb_status read_planes(reader *r) {
    r->planes = dnnb__calloc(r->width * r->height, 4);
    if (!r->planes) return dnnb__fail_memory();
    unsigned n_planes = r->layout.n_samples < 4 ? r->layout.n_samples : 4;
    for (unsigned plane = 0; plane < n_planes; plane++) DNNB_TRY(read_plane(r, (int)plane));
    for (size_t i = 0; i < r->width * r->height; i++)
        dnnb__tiff_layout_finish(&r->layout, r->d, r->planes + i * 4, r->d->image->pixels + i * 3);
    return DNNB_OK;
}

/* Subsampled colours: libtiff converts, some rows at a time. */
static dnnb_status read_ycbcr(reader *r) {
    TIFFRGBAImage rgba;
    char message[1024] = "";
    uint32_t n_rows = 0;
    if (!TIFFGetFieldDefaulted(
            r->tiff, TIFFIsTiled(r->tiff) ? TIFFTAG_TILELENGTH : TIFFTAG_ROWSPERSTRIP, &n_rows) ||
        n_rows == 0 || n_rows > r->height)
        n_rows = (uint32_t)r->height;
    if (!TIFFRGBAImageOK(r->tiff, message) || !TIFFRGBAImageBegin(&rgba, r->tiff, 1, message))
        return fail(r, message[0] ? message : "its colours cannot be converted");
    rgba.orientation = rgba.req_orientation = ORIENTATION_TOPLEFT; /* turned afterwards */
    uint32_t *block = dnnb__alloc(r->width * n_rows, sizeof *block);
    dnnb_status status = block ? DNNB_OK : dnnb__fail_memory();
    for (size_t y = 0; y < r->height && status == DNNB_OK; y += n_rows) {
        uint32_t n = r->height - y < n_rows ? (uint32_t)(r->height - y) : n_rows;
        rgba.row_offset = (int)y;
        if (!TIFFRGBAImageGet(&rgba, block, (uint32_t)r->width, n)) {
            status = fail(r, "its data cannot be decoded");
            break;
        }
        uint8_t *out = r->d->image->pixels + y * r->width * 3;
        for (size_t i = 0; i < r->width * n; i++) {
            out[i * 3] = (uint8_t)TIFFGetR(block[i]);
            out[i * 3 + 1] = (uint8_t)TIFFGetG(block[i]);
            out[i * 3 + 2] = (uint8_t)TIFFGetB(block[i]);
        }
    }
    dnnb__free(block);
    TIFFRGBAImageEnd(&rgba);
    return status;
}

/* Turn the picture so that its first row is at the top and its first column at the left. */
static dnnb_status turn(reader *r) {
    uint16_t orientation = ORIENTATION_TOPLEFT;
    (void)TIFFGetField(r->tiff, TIFFTAG_ORIENTATION, &orientation);
    if (orientation < ORIENTATION_TOPRIGHT || orientation > ORIENTATION_LEFTBOT) return DNNB_OK;
    bool swaps = orientation >= ORIENTATION_LEFTTOP;
    size_t w = swaps ? r->height : r->width, h = swaps ? r->width : r->height;
    if (r->d->header_only) {
        *r->d->image = (dnnb_image){NULL, (int64_t)w, (int64_t)h};
        return DNNB_OK;
    }
    const uint8_t *in = r->d->image->pixels;
    uint8_t *turned = dnnb__alloc(w * h, 3);
    if (!turned) return dnnb__fail_memory();
    bool flips_x = orientation == ORIENTATION_TOPRIGHT || orientation == ORIENTATION_BOTRIGHT ||
                   orientation == ORIENTATION_RIGHTBOT || orientation == ORIENTATION_LEFTBOT;
    bool flips_y = orientation == ORIENTATION_BOTRIGHT || orientation == ORIENTATION_BOTLEFT ||
                   orientation == ORIENTATION_RIGHTTOP || orientation == ORIENTATION_RIGHTBOT;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            size_t from_x = swaps ? y : x, from_y = swaps ? x : y;
            if (flips_x) from_x = r->width - 1 - from_x;
            if (flips_y) from_y = r->height - 1 - from_y;
            memcpy(turned + (y * w + x) * 3, in + (from_y * r->width + from_x) * 3, 3);
        }
    dnnb__free(r->d->image->pixels);
    *r->d->image = (dnnb_image){turned, (int64_t)w, (int64_t)h};
    *r->d->capacity_bytes = w * h * 3;
    return DNNB_OK;
}

static dnnb_status run(reader *r) {
    DNNB_TRY(read_header(r));
    if (r->d->header_only) return turn(r);
    if (r->layout.kind == DNNB__TIFF_YCBCR)
        DNNB_TRY(read_ycbcr(r));
    else if (r->planar == PLANARCONFIG_SEPARATE && r->layout.n_samples > 1)
        DNNB_TRY(read_planes(r));
    else
        DNNB_TRY(read_plane(r, -1));
    return turn(r);
}

dnnb_status dnnb__decode_tiff(dnnb__decode *d) {
    reader r = {.d = d};
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return dnnb__fail(DNNB_ERR_MEMORY, "%s: TIFF: out of memory", d->name);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, memory_cap_bytes);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, &r);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, &r);
    r.tiff = TIFFClientOpenExt("", "r", &r, on_read, on_write, on_seek, on_close, on_size, on_map,
                               on_unmap, options);
    TIFFOpenOptionsFree(options);
    if (!r.tiff) return fail(&r, "no picture in it");
    dnnb_status status = run(&r);
    TIFFClose(r.tiff);
    dnnb__free(r.planes);
    return status;
}
