/* JPEG files of any sampling of colours, for tests of what decodes them. */
#ifndef DNNB_TESTS_JPEG_FILE_H
#define DNNB_TESTS_JPEG_FILE_H

#include <stdio.h>

#include <jpeglib.h>

typedef struct jpeg_kind {
    const char *name;
    int components, h, v; /* sampling of the brightness; that of colours is 1 */
    bool progressive;
    unsigned restart; /* MCUs between restart markers */
} jpeg_kind;

/* Noise and edges: each pixel matters to its neighbours. */
static inline unsigned jpeg_get_value(unsigned x, unsigned y, unsigned c) {
    unsigned noise = (x * 2654435761u) ^ (y * 40503u + c * 977u);
    noise ^= noise >> 13;
    return ((x / 5 + y / 3 + c) % 3 * 90 + noise % 70) & 255;
}

static inline void jpeg_write(const char *path, const jpeg_kind *k, unsigned width,
                              unsigned height) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr error;
    unsigned char row[3 * 256], *rows[1] = {row};
    FILE *file = fopen(path, "wbe");
    assert_non_null(file);
    assert_true(width <= 256);
    jpeg.err = jpeg_std_error(&error);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = width;
    jpeg.image_height = height;
    jpeg.input_components = k->components;
    jpeg.in_color_space = k->components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 85, TRUE);
    jpeg.comp_info[0].h_samp_factor = k->h;
    jpeg.comp_info[0].v_samp_factor = k->v;
    jpeg.restart_interval = k->restart;
    if (k->progressive) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    unsigned n = (unsigned)k->components;
    for (unsigned y = 0; y < height; y++) {
        for (unsigned i = 0; i < width * n; i++)
            row[i] = (unsigned char)jpeg_get_value(i / n, y, i % n);
        assert_int_equal(jpeg_write_scanlines(&jpeg, rows, 1), 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    assert_int_equal(fclose(file), 0);
}

#endif
