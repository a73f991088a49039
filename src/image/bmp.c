/*
 * BMP: Windows and OS/2 headers, 1 to 32 bits, run lengths and the usual bit fields.
 *
 * A reader of its own, as Debian has no C library for it. Every read is checked against the file's
 * size; rows that run lengths leave out have colour 0. Which layouts are taken, and that 32-bit
 * pixels without bit fields have no alpha, follows Pillow's BmpImagePlugin.
 */
#include <stdbool.h>
#include <string.h>

#include "core/cursor.h"
#include "core/mem.h"
#include "image/decode.h"

enum { FILE_HEADER = 14, RAW = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3 };

/* Where a channel's bits are in a pixel; `max` is the largest value, 0 for a channel not there. */
typedef struct channel {
    unsigned shift, max;
} channel;

typedef struct reader {
    dnnb__decode *d;
    size_t width, height;
    bool top_down;
    unsigned bits, compression, n_colours, entry_bytes;
    uint32_t mask[4];
    size_t palette_at, pixels_at;
    channel rgba[4];
    dnnb__palette palette;
} reader;

static dnnb_status read_sizes(reader *r, dnnb__cursor *c, uint32_t header_bytes) {
    if (header_bytes == 12) {
        r->width = dnnb__cursor_u16(c);
        r->height = dnnb__cursor_u16(c);
        dnnb__cursor_u16(c); /* planes */
        r->bits = dnnb__cursor_u16(c);
        r->entry_bytes = 3;
        return DNNB_OK;
    }
    if (header_bytes != 40 && header_bytes != 64 && header_bytes != 108 && header_bytes != 124)
        return dnnb__decode_fail_unsupported(r->d, "BMP", "a header of an unknown kind");
    r->width = dnnb__cursor_u32(c);
    int64_t height = (int32_t)dnnb__cursor_u32(c);
    r->top_down = height < 0;
    r->height = (size_t)(height < 0 ? -height : height);
    dnnb__cursor_u16(c); /* planes */
    r->bits = dnnb__cursor_u16(c);
    r->compression = dnnb__cursor_u32(c);
    dnnb__cursor_take(c, 12); /* size of the data, pixels per metre */
    r->n_colours = dnnb__cursor_u32(c);
    dnnb__cursor_u32(c); /* important colours */
    r->entry_bytes = 4;
    /* In the short header the masks follow it, in the long ones they are its next fields. */
    if (r->compression == BITFIELDS)
        for (size_t i = 0; i < (header_bytes == 40 ? 3u : 4u); i++)
            r->mask[i] = dnnb__cursor_u32(c);
    return DNNB_OK;
}

/* The layouts of true colour that Pillow takes, as masks of red, green, blue and alpha. */
static dnnb_status set_channels(reader *r) {
    static const struct {
        unsigned bits;
        uint32_t mask[4];
    } layouts[] = {
        {32, {0xff0000, 0xff00, 0xff, 0}},
        {32, {0xff000000, 0xff0000, 0xff00, 0}},
        {32, {0xff000000, 0xff0000, 0xff00, 0xff}},
        {32, {0xff, 0xff00, 0xff0000, 0xff000000}},
        {32, {0xff0000, 0xff00, 0xff, 0xff000000}},
        {24, {0xff0000, 0xff00, 0xff, 0}},
        {16, {0xf800, 0x7e0, 0x1f, 0}},
        {16, {0x7c00, 0x3e0, 0x1f, 0}},
    };
    size_t n_layouts = sizeof layouts / sizeof layouts[0], found = n_layouts;
    if (r->compression != BITFIELDS) {
        found = r->bits == 32 ? 0 : r->bits == 24 ? 5 : 7;
    } else if (r->bits == 32 && !(r->mask[0] | r->mask[1] | r->mask[2] | r->mask[3])) {
        found = 4;
    } else {
        size_t n_masks = r->bits == 32 ? 4 : 3;
        for (size_t i = 0; i < n_layouts && found == n_layouts; i++)
            if (layouts[i].bits == r->bits &&
                memcmp(layouts[i].mask, r->mask, n_masks * sizeof r->mask[0]) == 0)
                found = i;
    }
    if (found == n_layouts)
        return dnnb__decode_fail_unsupported(r->d, "BMP", "bit fields of this layout");
    for (size_t i = 0; i < 4; i++) {
        uint32_t mask = layouts[found].mask[i];
        r->rgba[i].shift = mask ? (unsigned)__builtin_ctz(mask) : 0;
        r->rgba[i].max = mask >> r->rgba[i].shift;
    }
    return DNNB_OK;
}

static void read_palette(reader *r) {
    dnnb__palette_init(&r->palette);
    const uint8_t *bytes = r->d->bytes;
    for (size_t i = 0; i < r->n_colours && i < 256; i++) {
        size_t at = r->palette_at + i * r->entry_bytes;
        if (at + 3 > r->d->n_bytes) return;
        r->palette.rgba[i][0] = bytes[at + 2];
        r->palette.rgba[i][1] = bytes[at + 1];
        r->palette.rgba[i][2] = bytes[at];
    }
}

static dnnb_status read_header(reader *r) {
    dnnb__cursor c = dnnb__cursor_create(r->d->bytes, r->d->n_bytes);
    dnnb__cursor_take(&c, 10);
    uint64_t offset = dnnb__cursor_u32(&c);
    uint32_t header_bytes = dnnb__cursor_u32(&c);
    if (c.failed) return dnnb__decode_fail_truncated(r->d, "BMP");
    DNNB_TRY(read_sizes(r, &c, header_bytes));
    if (c.failed) return dnnb__decode_fail_truncated(r->d, "BMP");
    r->palette_at = FILE_HEADER + header_bytes;
    if (header_bytes == 40 && r->compression == BITFIELDS) r->palette_at += 12;
    bool is_indexed = r->bits == 1 || r->bits == 4 || r->bits == 8;
    if (!is_indexed && r->bits != 16 && r->bits != 24 && r->bits != 32)
        return dnnb__decode_fail_unsupported(r->d, "BMP", "this number of bits a pixel");
    bool is_packed =
        (r->compression == RLE8 && r->bits == 8) || (r->compression == RLE4 && r->bits == 4);
    if (r->compression != RAW && !is_packed && (r->compression != BITFIELDS || is_indexed))
        return dnnb__decode_fail_unsupported(r->d, "BMP", "this compression");
    if (r->n_colours == 0 && is_indexed) r->n_colours = 1u << r->bits;
    /* Some writers forget the palette in the offset. */
    if (is_indexed && offset == FILE_HEADER + (uint64_t)header_bytes)
        offset += (uint64_t)4 * r->n_colours;
    r->pixels_at = offset ? offset : r->palette_at + (size_t)r->entry_bytes * r->n_colours;
    if (is_indexed) {
        read_palette(r);
        return DNNB_OK;
    }
    return set_channels(r);
}

static uint8_t *get_row(const reader *r, size_t y) {
    size_t row = r->top_down ? y : r->height - 1 - y;
    return r->d->image->pixels + row * r->width * 3;
}

static void store_indexed(const reader *r, const uint8_t *in, uint8_t *out) {
    unsigned mask = (1u << r->bits) - 1;
    for (size_t x = 0; x < r->width; x++) {
        size_t bit = x * r->bits;
        unsigned index = (unsigned)in[bit / 8] >> (8 - r->bits - bit % 8) & mask;
        dnnb__decode_store(r->d, out + x * 3, r->palette.rgba[index]);
    }
}

static void store_true(const reader *r, const uint8_t *in, uint8_t *out) {
    size_t n = r->bits / 8;
    for (size_t x = 0; x < r->width; x++, in += n) {
        uint32_t pixel = 0;
        uint8_t rgba[4] = {0, 0, 0, 255};
        for (size_t i = 0; i < n; i++) pixel |= (uint32_t)in[i] << (8 * i);
        for (size_t c = 0; c < 4; c++) {
            unsigned max = r->rgba[c].max;
            if (max) rgba[c] = (uint8_t)((pixel >> r->rgba[c].shift & max) * 255 / max);
        }
        dnnb__decode_store(r->d, out + x * 3, rgba);
    }
}

static dnnb_status read_raw(reader *r) {
    size_t used = (r->width * r->bits + 7) / 8, stride = (r->width * r->bits + 31) / 32 * 4;
    /* The last row may lack its padding. */
    if (r->pixels_at > r->d->file_bytes ||
        (r->d->file_bytes - r->pixels_at + stride - used) / stride < r->height)
        return dnnb__decode_fail_truncated(r->d, "BMP");
    DNNB_TRY(dnnb__decode_reserve(r->d, r->width, r->height));
    if (r->d->header_only) return DNNB_OK;
    const uint8_t *in = r->d->bytes + r->pixels_at;
    for (size_t y = 0; y < r->height; y++, in += stride) {
        if (r->bits <= 8)
            store_indexed(r, in, get_row(r, y));
        else
            store_true(r, in, get_row(r, y));
    }
    return DNNB_OK;
}

/* Where run lengths go on writing. */
typedef struct pen {
    size_t x, y;
} pen;

static void put(const reader *r, pen *at, unsigned index) {
    if (at->x < r->width && at->y < r->height)
        dnnb__decode_store(r->d, get_row(r, at->y) + at->x * 3, r->palette.rgba[index]);
    at->x++;
}

static unsigned get_nibble(const uint8_t *bytes, size_t i) {
    return i % 2 ? bytes[i / 2] & 15u : bytes[i / 2] >> 4;
}

/* `n` pixels that stand in the file as they are, padded to 16 bits. */
static void put_absolute(const reader *r, dnnb__cursor *c, pen *at, unsigned n) {
    size_t n_bytes = r->bits == 4 ? (n + 1) / 2 : n;
    const uint8_t *bytes = dnnb__cursor_take(c, n_bytes);
    for (size_t i = 0; bytes && i < n; i++)
        put(r, at, r->bits == 4 ? get_nibble(bytes, i) : bytes[i]);
    if (n_bytes % 2) dnnb__cursor_take(c, 1);
}

static dnnb_status read_packed(reader *r) {
    DNNB_TRY(dnnb__decode_reserve(r->d, r->width, r->height));
    if (r->d->header_only) return DNNB_OK;
    for (size_t y = 0; y < r->height; y++)
        for (size_t x = 0; x < r->width; x++)
            dnnb__decode_store(r->d, get_row(r, y) + x * 3, r->palette.rgba[0]);
    dnnb__cursor c = dnnb__cursor_create(r->d->bytes, r->d->n_bytes);
    dnnb__cursor_take(&c, r->pixels_at);
    pen at = {0};
    while (at.y + 1 < r->height || (at.y + 1 == r->height && at.x < r->width)) {
        unsigned count = dnnb__cursor_u8(&c), value = dnnb__cursor_u8(&c);
        if (c.failed) return dnnb__decode_fail_truncated(r->d, "BMP");
        if (count > 0) {
            uint8_t byte = (uint8_t)value;
            for (size_t i = 0; i < count; i++)
                put(r, &at, r->bits == 4 ? get_nibble(&byte, i % 2) : value);
        } else if (value == 0) {
            at = (pen){.y = at.y + 1};
        } else if (value == 1) {
            break;
        } else if (value == 2) {
            at.x += dnnb__cursor_u8(&c);
            at.y += dnnb__cursor_u8(&c);
        } else {
            put_absolute(r, &c, &at, value);
        }
    }
    return DNNB_OK;
}

dnnb_status dnnb__decode_bmp(dnnb__decode *d) {
    reader r = {.d = d};
    DNNB_TRY(read_header(&r));
    DNNB_TRY(dnnb__decode_check_size(d, r.width, r.height));
    return r.compression == RLE8 || r.compression == RLE4 ? read_packed(&r) : read_raw(&r);
}
