/*
 * JPEG by libjpeg-turbo, into a growing block.
 *
 * The library reports errors by a jump to dnnb__image_encode_jpeg(), whose frame holds nothing that
 * must be freed.
 */
#include "image/encode.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

enum { PIECE_BYTES = 4096 };

typedef struct encoder {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr error;
    struct jpeg_destination_mgr destination;
    jmp_buf jump;
    dnnb__buf *out;
    JOCTET piece[PIECE_BYTES];
} encoder;

static void on_error(j_common_ptr info) {
    encoder *e = info->client_data;
    longjmp(e->jump, 1);
}

static void on_message(j_common_ptr info) {
    (void)info; /* a library does not print */
}

static void begin_piece(j_compress_ptr jpeg) {
    encoder *e = jpeg->client_data;
    e->destination.next_output_byte = e->piece;
    e->destination.free_in_buffer = PIECE_BYTES;
}

static boolean take_piece(j_compress_ptr jpeg) {
    encoder *e = jpeg->client_data;
    dnnb__buf_append(e->out, e->piece, PIECE_BYTES);
    begin_piece(jpeg);
    return TRUE;
}

static void take_rest(j_compress_ptr jpeg) {
    encoder *e = jpeg->client_data;
    dnnb__buf_append(e->out, e->piece, PIECE_BYTES - e->destination.free_in_buffer);
}

static void write_rows(encoder *e, const dnnb_image *image, int quality) {
    e->jpeg.image_width = (JDIMENSION)image->width_px;
    e->jpeg.image_height = (JDIMENSION)image->height_px;
    e->jpeg.input_components = 3;
    e->jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&e->jpeg);
    jpeg_set_quality(&e->jpeg, quality, TRUE);
    e->jpeg.optimize_coding = TRUE;
    jpeg_start_compress(&e->jpeg, TRUE);
    for (int64_t y = 0; y < image->height_px; y++) {
        JSAMPROW row = image->pixels + (size_t)(y * image->width_px * 3);
        (void)jpeg_write_scanlines(&e->jpeg, &row, 1);
    }
    jpeg_finish_compress(&e->jpeg);
}

dnnb_status dnnb__image_encode_jpeg(dnnb__buf *out, const dnnb_image *image, int quality) {
    encoder e;
    memset(&e.jpeg, 0, sizeof e.jpeg);
    e.out = out;
    e.jpeg.err = jpeg_std_error(&e.error);
    e.error.error_exit = on_error;
    e.error.output_message = on_message;
    e.jpeg.client_data = &e;
    if (setjmp(e.jump)) {
        jpeg_destroy_compress(&e.jpeg);
        return dnnb__fail(DNNB_ERR_MEMORY, "JPEG: a picture cannot be written: out of memory");
    }
    jpeg_create_compress(&e.jpeg);
    e.destination = (struct jpeg_destination_mgr){.init_destination = begin_piece,
                                                  .empty_output_buffer = take_piece,
                                                  .term_destination = take_rest};
    e.jpeg.dest = &e.destination;
    write_rows(&e, image, quality);
    jpeg_destroy_compress(&e.jpeg);
    return dnnb__buf_get_status(out);
}

dnnb_status dnnb__image_shrink(dnnb_image *out, const dnnb_image *image, int64_t side_px) {
    int64_t width = image->width_px, height = image->height_px;
    int64_t longest = width > height ? width : height;
    if (longest > side_px) {
        width = (width * side_px + longest / 2) / longest;
        height = (height * side_px + longest / 2) / longest;
    }
    return dnnb_image_resize(out, image, NULL, width > 0 ? width : 1, height > 0 ? height : 1);
}
