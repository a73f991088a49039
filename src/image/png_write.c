/*
 * Writing PNG through libpng.
 *
 * Method: no row filter, which only disturbs the long repeats of a drawing, and zlib's second
 * level. libpng reports errors by a jump to write_image(), whose frame holds nothing to be freed.
 */
#include "image/png_write.h"

#include <png.h>
#include <setjmp.h>

enum { ZLIB_LEVEL = 2 };

static void on_error(png_structp png, png_const_charp message) {
    (void)message;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_write(png_structp png, png_bytep bytes, size_t n) {
    dnnb__buf *out = png_get_io_ptr(png);
    dnnb__buf_append(out, bytes, n);
    if (out->status != DNNB_OK) png_error(png, "no room");
}

static void on_flush(png_structp png) {
    (void)png;
}

static dnnb_status write_image(png_structp png, png_infop info, dnnb__buf *out,
                               const dnnb__bgrx *image) {
    if (setjmp(png_jmpbuf(png))) {
        DNNB_TRY(dnnb__buf_get_status(out));
        return dnnb__fail(DNNB_ERR_MEMORY, "PNG: out of memory");
    }
    png_uint_32 per_metre = (png_uint_32)(image->pixels_per_inch / 0.0254 + 0.5);
    png_set_write_fn(png, out, on_write, on_flush);
    png_set_IHDR(png, info, (png_uint_32)image->width_px, (png_uint_32)image->height_px, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_pHYs(png, info, per_metre, per_metre, PNG_RESOLUTION_METER);
    png_set_compression_level(png, ZLIB_LEVEL);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
    png_write_info(png, info);
    png_set_bgr(png);
    png_set_filler(png, 0, PNG_FILLER_AFTER);
    for (size_t y = 0; y < image->height_px; y++)
        png_write_row(png, image->pixels + y * image->stride_bytes);
    png_write_end(png, info);
    return DNNB_OK;
}

dnnb_status dnnb__png_write(dnnb__buf *out, const dnnb__bgrx *image) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    dnnb_status status = info ? write_image(png, info, out, image)
                              : dnnb__fail(DNNB_ERR_MEMORY, "PNG: out of memory");
    png_destroy_write_struct(&png, &info);
    return status;
}
