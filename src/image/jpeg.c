/*
 * JPEG through libjpeg-turbo, with the settings and the tolerance of Pillow.
 *
 * The accurate integer transform and smooth upsampling are the library's defaults. The source never
 * makes data up: where the file ends the library suspends, and that is a truncated file, not a grey
 * one. Damage that the library only warns of is let pass, as Pillow does. Four components are taken
 * as Adobe stores them, inverted. The library reports errors by a jump to run(), whose frame holds
 * nothing that must be freed.
 *
 * Where only a part is wanted, the library decodes all of the file, so that damage anywhere is
 * found, and transforms what the part needs; of a file that is known to be sound it stops behind
 * the part. Smooth upsampling takes the edge of what is transformed for the picture's: a margin
 * keeps the part's own pixels as they are.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "core/mem.h"
#include "image/decode.h"

enum {
    MAX_SCANS = 500,        /* a hostile file repeats scans over a large picture */
    ROWS_AT_ONCE = 16,      /* rows asked for in one call */
    MARGIN_PX = 2,          /* of a part: a sample of colour at half the resolution */
    MAX_PX_PER_BYTE = 16384 /* no Huffman-coded picture packs more: one bit for 32 x 32 pixels */
};

/* Of all scans together: 24 for the largest picture that is allowed by default. An encoder writes
 * about 10, and 18 for four components. */
static const uint64_t max_scanned_pixels = (uint64_t)1 << 32;

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr error;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    dnnb__decode *d;
    dnnb_status status;
    uint8_t *cmyk; /* one row */
} reader;

static void on_error(j_common_ptr info) {
    reader *r = info->client_data;
    char message[JMSG_LENGTH_MAX];
    info->err->format_message(info, message);
    int code = info->err->msg_code;
    if (code == JERR_OUT_OF_MEMORY)
        r->status = dnnb__fail(DNNB_ERR_MEMORY, "%s: JPEG: out of memory", r->d->name);
    else if (code == JERR_BAD_PRECISION || code == JERR_SOF_UNSUPPORTED ||
             code == JERR_CONVERSION_NOTIMPL || code == JERR_ARITH_NOTIMPL)
        r->status = dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: JPEG: %s", r->d->name, message);
    else
        r->status = dnnb__decode_fail(r->d, "JPEG", message);
    longjmp(r->jump, 1);
}

static void on_message(j_common_ptr info) {
    (void)info; /* a library does not print */
}

static void on_progress(j_common_ptr info) {
    const struct jpeg_decompress_struct *jpeg = (const void *)info;
    reader *r = info->client_data;
    uint64_t n_pixels = (uint64_t)jpeg->image_width * jpeg->image_height;
    uint64_t n_scans = jpeg->input_scan_number > 0 ? (uint64_t)jpeg->input_scan_number : 0;
    if (n_scans <= MAX_SCANS && n_scans * n_pixels <= max_scanned_pixels) return;
    r->status = dnnb__decode_fail(r->d, "JPEG", "too many scans");
    longjmp(r->jump, 1);
}

static void source_start(j_decompress_ptr jpeg) {
    (void)jpeg;
}

static boolean source_fill(j_decompress_ptr jpeg) {
    (void)jpeg;
    return FALSE; /* all bytes were there from the start */
}

static void source_skip(j_decompress_ptr jpeg, long n) {
    if (n <= 0) return;
    size_t left = jpeg->src->bytes_in_buffer, step = (size_t)n < left ? (size_t)n : left;
    jpeg->src->next_input_byte += step;
    jpeg->src->bytes_in_buffer -= step;
}

static void start(reader *r) {
    r->jpeg.err = jpeg_std_error(&r->error);
    r->error.error_exit = on_error;
    r->error.output_message = on_message;
    r->jpeg.client_data = r;
    jpeg_create_decompress(&r->jpeg);
    r->source = (struct jpeg_source_mgr){.next_input_byte = r->d->bytes,
                                         .bytes_in_buffer = r->d->n_bytes,
                                         .init_source = source_start,
                                         .fill_input_buffer = source_fill,
                                         .skip_input_data = source_skip,
                                         .resync_to_restart = jpeg_resync_to_restart,
                                         .term_source = source_start};
    r->jpeg.src = &r->source;
    r->progress.progress_monitor = on_progress;
    r->jpeg.progress = &r->progress;
}

/* Up to the row `end`, into the image's rows from the column `left` on. */
static dnnb_status read_rows(reader *r, JDIMENSION left, JDIMENSION end) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    size_t width = jpeg->image_width;
    while (jpeg->output_scanline < end) {
        uint8_t *out = r->d->image->pixels + ((size_t)jpeg->output_scanline * width + left) * 3;
        JSAMPROW rows[ROWS_AT_ONCE] = {r->cmyk};
        unsigned n_rows = 1, n_left = end - jpeg->output_scanline;
        if (!r->cmyk) {
            n_rows = n_left < ROWS_AT_ONCE ? n_left : ROWS_AT_ONCE;
            for (unsigned i = 0; i < n_rows; i++) rows[i] = out + i * width * 3;
        }
        if (jpeg_read_scanlines(jpeg, rows, n_rows) == 0)
            return dnnb__decode_fail_truncated(r->d, "JPEG");
        for (size_t x = 0; r->cmyk && x < width; x++) {
            uint8_t cmyk[4];
            for (size_t c = 0; c < 4; c++) cmyk[c] = (uint8_t)(255 - r->cmyk[x * 4 + c]);
            dnnb__decode_store_cmyk(out + x * 3, cmyk);
        }
    }
    return DNNB_OK;
}

/* The rows and columns of the part: what lies above is decoded and not transformed. */
static dnnb_status read_part(reader *r, const dnnb__part *part) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    JDIMENSION left = (JDIMENSION)part->box.left_px, top = (JDIMENSION)part->box.top_px;
    JDIMENSION right = left + (JDIMENSION)part->box.width_px + MARGIN_PX;
    JDIMENSION bottom = top + (JDIMENSION)part->box.height_px;
    left = left > MARGIN_PX ? left - MARGIN_PX : 0;
    if (right > jpeg->image_width) right = jpeg->image_width;
    JDIMENSION width = right - left;
    if (width < jpeg->image_width) jpeg_crop_scanline(jpeg, &left, &width);
    if (top > 0) (void)jpeg_skip_scanlines(jpeg, top);
    return read_rows(r, left, bottom);
}

/* What lies below a part, for its damage; the last row is transformed too. */
static dnnb_status read_rest(reader *r) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    JDIMENSION next = jpeg->output_scanline, last = jpeg->output_height - 1;
    if (next < last) (void)jpeg_skip_scanlines(jpeg, last - next);
    return read_rows(r, 0, jpeg->output_height);
}

/* Whether less than the whole is wanted of a picture that can be had in parts. */
static bool choose_part(const reader *r, dnnb__part *part) {
    const struct jpeg_decompress_struct *jpeg = &r->jpeg;
    if (!r->d->choose) return false;
    r->d->choose(r->d->choose_context, jpeg->image_width, jpeg->image_height, part);
    bool is_whole =
        part->box.width_px == jpeg->image_width && part->box.height_px == jpeg->image_height;
    return !is_whole && !r->cmyk;
}

static dnnb_status run(reader *r) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    if (setjmp(r->jump)) return r->status;
    start(r);
    int found;
    do found = jpeg_read_header(jpeg, FALSE);
    while (found == JPEG_HEADER_TABLES_ONLY);
    if (found == JPEG_SUSPENDED) return dnnb__decode_fail_truncated(r->d, "JPEG");
    if (jpeg->num_components != 1 && jpeg->num_components != 3 && jpeg->num_components != 4)
        return dnnb__decode_fail_unsupported(r->d, "JPEG", "other than 1, 3 or 4 components");
    DNNB_TRY(dnnb__decode_check_size(r->d, jpeg->image_width, jpeg->image_height));
    uint64_t n_pixels = (uint64_t)jpeg->image_width * jpeg->image_height;
    if (!jpeg->arith_code && n_pixels / MAX_PX_PER_BYTE > r->d->file_bytes)
        return dnnb__decode_fail_truncated(r->d, "JPEG");
    DNNB_TRY(dnnb__decode_reserve(r->d, jpeg->image_width, jpeg->image_height));
    if (r->d->header_only) return DNNB_OK;
    jpeg->out_color_space = JCS_RGB;
    if (jpeg->num_components == 4) {
        jpeg->out_color_space = JCS_CMYK;
        r->cmyk = dnnb__alloc(jpeg->image_width, 4);
        if (!r->cmyk) return dnnb__fail_memory();
    }
    dnnb__part part = {0};
    bool has_part = choose_part(r, &part);
    if (!jpeg_start_decompress(jpeg)) return dnnb__decode_fail_truncated(r->d, "JPEG");
    if (has_part) DNNB_TRY(read_part(r, &part));
    if (has_part && part.is_sound) return DNNB_OK;
    DNNB_TRY(has_part ? read_rest(r) : read_rows(r, 0, jpeg->output_height));
    /* Damage after the last row counts, a missing end marker does not. */
    (void)jpeg_finish_decompress(jpeg);
    return DNNB_OK;
}

dnnb_status dnnb__decode_jpeg(dnnb__decode *d) {
    reader r = {.d = d};
    dnnb_status status = run(&r);
    jpeg_destroy_decompress(&r.jpeg);
    dnnb__free(r.cmyk);
    return status;
}
