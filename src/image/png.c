/*
 * PNG through libpng: every colour type and depth, interlaced or not.
 *
 * Method: libpng undoes filters and interlacing and gives one value a byte (two at 16 bits); what a
 * value means is decided here, as Pillow decides it: 16-bit grey is cut off at 255, every other
 * 16-bit sample keeps its high byte, and a transparent colour matters only over a background. A
 * picture is complete with its last row; what follows is not read. libpng reports errors by a jump
 * to run(), whose frame holds nothing that must be freed.
 */
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "core/mem.h"
#include "image/decode.h"

enum { MAX_RATIO = 1032 /* deflate cannot pack more */ };

typedef struct reader {
    png_structp png;
    png_infop info;
    dnnb__decode *d;
    dnnb_status status;
    size_t at; /* bytes read */
    uint8_t *raw;
    size_t width, height, row_bytes;
    unsigned depth, color;
    dnnb__palette palette;
    bool has_key; /* one colour is transparent */
    uint16_t key[3];
} reader;

static void on_error(png_structp png, png_const_charp message) {
    reader *r = png_get_error_ptr(png);
    if (r->status == DNNB_OK) r->status = dnnb__decode_fail(r->d, "PNG", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t n) {
    reader *r = png_get_io_ptr(png);
    if (n > r->d->n_bytes - r->at) {
        r->status = dnnb__decode_fail_truncated(r->d, "PNG");
        png_error(png, "truncated");
    }
    memcpy(out, r->d->bytes + r->at, n);
    r->at += n;
}

/* Palette and transparent colours, as far as the colour type has them. */
static void read_colours(reader *r) {
    png_colorp entries = NULL;
    png_bytep alphas = NULL;
    png_color_16p key = NULL;
    int n_entries = 0, n_alphas = 0;
    dnnb__palette_init(&r->palette);
    if (r->color == PNG_COLOR_TYPE_PALETTE && png_get_PLTE(r->png, r->info, &entries, &n_entries))
        for (int i = 0; i < n_entries && i < 256; i++) {
            r->palette.rgba[i][0] = entries[i].red;
            r->palette.rgba[i][1] = entries[i].green;
            r->palette.rgba[i][2] = entries[i].blue;
        }
    if (!png_get_tRNS(r->png, r->info, &alphas, &n_alphas, &key)) return;
    if (r->color == PNG_COLOR_TYPE_PALETTE) {
        for (int i = 0; alphas && i < n_alphas && i < 256; i++) r->palette.rgba[i][3] = alphas[i];
    } else if (key) {
        bool is_grey = r->color == PNG_COLOR_TYPE_GRAY;
        r->has_key = true;
        r->key[0] = is_grey ? key->gray : key->red;
        r->key[1] = is_grey ? key->gray : key->green;
        r->key[2] = is_grey ? key->gray : key->blue;
    }
}

static uint16_t get_sample(const reader *r, const uint8_t *row, size_t i) {
    if (r->depth == 16) return (uint16_t)(row[2 * i] << 8 | row[2 * i + 1]);
    return row[i];
}

static uint8_t to_u8(const reader *r, uint16_t sample) {
    switch (r->depth) {
    case 1:
        return (uint8_t)(sample * 255);
    case 2:
        return (uint8_t)(sample * 85);
    case 4:
        return (uint8_t)(sample * 17);
    case 16:
        return (uint8_t)(sample >> 8);
    default:
        return (uint8_t)sample;
    }
}

static void store_row(const reader *r, const uint8_t *row, uint8_t *out) {
    bool is_grey = !(r->color & PNG_COLOR_MASK_COLOR), has_alpha = r->color & PNG_COLOR_MASK_ALPHA;
    size_t n_colours = is_grey ? 1 : 3, n_samples = n_colours + has_alpha;
    for (size_t x = 0; x < r->width; x++, out += 3) {
        uint8_t rgba[4] = {0, 0, 0, 255};
        bool is_key = r->has_key;
        for (size_t c = 0; c < n_colours; c++) {
            uint16_t sample = get_sample(r, row, x * n_samples + c);
            is_key = is_key && sample == r->key[c];
            if (is_grey && !has_alpha && r->depth == 16)
                rgba[c] = sample > 255 ? 255 : (uint8_t)sample;
            else
                rgba[c] = to_u8(r, sample);
        }
        if (is_grey) rgba[1] = rgba[2] = rgba[0];
        if (has_alpha) rgba[3] = to_u8(r, get_sample(r, row, x * n_samples + n_colours));
        if (is_key) rgba[3] = 0;
        dnnb__decode_store(r->d, out, rgba);
    }
}

static void convert_row(const reader *r, const uint8_t *row, size_t y) {
    uint8_t *out = r->d->image->pixels + y * r->width * 3;
    bool is_plain = r->depth == 8 && !r->has_key;
    if (r->color == PNG_COLOR_TYPE_PALETTE) {
        for (size_t x = 0; x < r->width; x++)
            dnnb__decode_store(r->d, out + x * 3, r->palette.rgba[row[x]]);
    } else if (is_plain && r->color == PNG_COLOR_TYPE_RGB) {
        memcpy(out, row, r->width * 3);
    } else if (is_plain && r->color == PNG_COLOR_TYPE_RGB_ALPHA) {
        for (size_t x = 0; x < r->width; x++) dnnb__decode_store(r->d, out + x * 3, row + x * 4);
    } else {
        store_row(r, row, out);
    }
}

static dnnb_status read_header(reader *r) {
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(r->png, r->info);
    r->width = png_get_image_width(r->png, r->info);
    r->height = png_get_image_height(r->png, r->info);
    r->depth = png_get_bit_depth(r->png, r->info);
    r->color = png_get_color_type(r->png, r->info);
    DNNB_TRY(dnnb__decode_check_size(r->d, r->width, r->height));
    if ((uint64_t)png_get_rowbytes(r->png, r->info) * r->height / MAX_RATIO > r->d->file_bytes)
        return dnnb__decode_fail_truncated(r->d, "PNG");
    read_colours(r);
    return dnnb__decode_reserve(r->d, r->width, r->height);
}

static dnnb_status run(reader *r) {
    if (setjmp(png_jmpbuf(r->png))) return r->status;
    png_set_read_fn(r->png, r, on_read);
    DNNB_TRY(read_header(r));
    if (r->d->header_only) return DNNB_OK;
    png_set_packing(r->png);
    int n_passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    r->row_bytes = png_get_rowbytes(r->png, r->info);
    r->raw = dnnb__alloc(n_passes > 1 ? r->height : 1, r->row_bytes);
    if (!r->raw) return dnnb__fail_memory();
    for (int pass = 0; pass < n_passes - 1; pass++)
        for (size_t y = 0; y < r->height; y++)
            png_read_row(r->png, r->raw + y * r->row_bytes, NULL);
    for (size_t y = 0; y < r->height; y++) {
        uint8_t *row = r->raw + (n_passes > 1 ? y * r->row_bytes : 0);
        png_read_row(r->png, row, NULL);
        convert_row(r, row, y);
    }
    return DNNB_OK;
}

dnnb_status dnnb__decode_png(dnnb__decode *d) {
    reader r = {.d = d};
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    dnnb_status status = DNNB_OK;
    if (r.info)
        status = run(&r);
    else
        status = dnnb__fail(DNNB_ERR_MEMORY, "%s: PNG: out of memory", d->name);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    dnnb__free(r.raw);
    return status;
}
