/* Which decoder a file's first bytes name, the limits they share, and loading from files. */
#include "image/decode.h"

#include <string.h>

#include "core/checksum.h"
#include "core/file.h"
#include "core/io.h"
#include "core/mem.h"
#include "image/transform.h"

static const size_t file_cap_bytes = (size_t)4 << 30;

/* Some formats pack an empty picture without bound. Whatever the format, a file stands for so many
 * pixels, or for so many a byte where that is more. */
enum { BASE_PIXELS = 1 << 24, PIXELS_PER_BYTE = 1 << 16 };

/* Most headers stand in the first of these numbers of bytes, nearly all others, such as those after
 * a thumbnail, in the next. Of a file that is not in memory yet, few bytes come sooner than many.
 */
static const size_t head_bytes[] = {1 << 12, 1 << 16};

typedef struct format {
    const char *name;
    const char *signature; /* a dot stands for any byte */
    size_t n_bytes;
    dnnb_status (*decode)(dnnb__decode *d);
} format;

static const format formats[] = {
    {"JPEG", "\xff\xd8\xff", 3, dnnb__decode_jpeg},
    {"PNG", "\x89PNG\r\n\x1a\n", 8, dnnb__decode_png},
    {"WebP", "RIFF....WEBPVP8", 15, dnnb__decode_webp},
    {"TIFF", "II*\0", 4, dnnb__decode_tiff},
    {"TIFF", "MM\0*", 4, dnnb__decode_tiff},
    {"TIFF", "II+\0", 4, dnnb__decode_tiff},
    {"TIFF", "MM\0+", 4, dnnb__decode_tiff},
    {"GIF", "GIF87a", 6, dnnb__decode_gif},
    {"GIF", "GIF89a", 6, dnnb__decode_gif},
    {"BMP", "BM", 2, dnnb__decode_bmp},
};

static const format *find_format(const uint8_t *head, size_t n_bytes) {
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const format *f = &formats[i];
        size_t at = 0;
        while (at < f->n_bytes && at < n_bytes &&
               (f->signature[at] == '.' || (uint8_t)f->signature[at] == head[at]))
            at++;
        if (at == f->n_bytes) return f;
    }
    return NULL;
}

const char *dnnb_image_get_format(const void *head, size_t n_bytes) {
    const format *f = find_format(head, n_bytes);
    return f ? f->name : NULL;
}

dnnb_status dnnb__decode_check_size(const dnnb__decode *d, uint64_t width_px, uint64_t height_px) {
    uint64_t n_pixels;
    if (width_px == 0 || height_px == 0)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a picture, found %llu x %llu pixels",
                          d->name, (unsigned long long)width_px, (unsigned long long)height_px);
    if (__builtin_mul_overflow(width_px, height_px, &n_pixels) || width_px > INT32_MAX / 16 ||
        height_px > INT32_MAX / 16 || (int64_t)n_pixels > d->options->max_pixels)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: expected at most %lld pixels, found %llu x %llu",
                          d->name, (long long)d->options->max_pixels, (unsigned long long)width_px,
                          (unsigned long long)height_px);
    return DNNB_OK;
}

dnnb_status dnnb__decode_check_unfolded(const dnnb__decode *d, uint64_t n_pixels) {
    if (n_pixels <= BASE_PIXELS || n_pixels / PIXELS_PER_BYTE <= d->file_bytes) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_LIMIT,
                      "%s: expected at most %d pixels for each byte of the file, found %llu in %zu",
                      d->name, PIXELS_PER_BYTE, (unsigned long long)n_pixels, d->file_bytes);
}

dnnb_status dnnb__decode_reserve(dnnb__decode *d, uint64_t width_px, uint64_t height_px) {
    DNNB_TRY(dnnb__decode_check_size(d, width_px, height_px));
    DNNB_TRY(dnnb__decode_check_unfolded(d, width_px * height_px));
    size_t n_bytes = (size_t)(width_px * height_px * 3);
    if (!d->header_only && n_bytes > *d->capacity_bytes) {
        dnnb__free(d->image->pixels);
        /* Beside a part lie pixels that are read too, to be multiplied by zero. */
        d->image->pixels = d->choose ? dnnb__calloc(n_bytes, 1) : dnnb__alloc(n_bytes, 1);
        *d->capacity_bytes = d->image->pixels ? n_bytes : 0;
        if (!d->image->pixels) return dnnb__fail_memory();
    }
    d->image->width_px = (int64_t)width_px;
    d->image->height_px = (int64_t)height_px;
    return DNNB_OK;
}

dnnb_status dnnb__decode_fail(const dnnb__decode *d, const char *format_name, const char *message) {
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: damaged %s: %s", d->name, format_name, message);
}

dnnb_status dnnb__decode_fail_truncated(const dnnb__decode *d, const char *format_name) {
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: truncated %s: the file's %zu bytes end too early",
                      d->name, format_name, d->n_bytes);
}

dnnb_status dnnb__decode_fail_unsupported(const dnnb__decode *d, const char *format_name,
                                          const char *found) {
    return dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: %s with %s is not supported", d->name, format_name,
                      found);
}

void dnnb__palette_init(dnnb__palette *palette) {
    for (size_t i = 0; i < 256; i++) {
        memset(palette->rgba[i], (int)i, 3);
        palette->rgba[i][3] = 255;
    }
}

static const dnnb_decode_options defaults = DNNB_DECODE_OPTIONS_INIT;

/* The image's pixels are kept whether it works or not; its size is zero after a failure. */
static dnnb_status run(dnnb__decode *d) {
    dnnb_image *image = d->image;
    image->width_px = image->height_px = 0;
    const format *f = find_format(d->bytes, d->n_bytes);
    if (!f)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: expected a JPEG, PNG, WebP, TIFF, GIF or BMP, found %s", d->name,
                          d->n_bytes ? "none of them" : "an empty file");
    dnnb_status status = f->decode(d);
    if (status != DNNB_OK) image->width_px = image->height_px = 0;
    return status;
}

dnnb_status dnnb__decode_check_header(const void *bytes, size_t n_bytes, size_t file_bytes,
                                      const char *name, const dnnb_decode_options *options,
                                      int64_t *width_px, int64_t *height_px) {
    dnnb_image image = {0};
    size_t capacity_bytes = 0;
    dnnb__decode d = {.bytes = bytes,
                      .n_bytes = n_bytes,
                      .file_bytes = file_bytes,
                      .header_only = true,
                      .name = name,
                      .options = options ? options : &defaults,
                      .image = &image,
                      .capacity_bytes = &capacity_bytes};
    dnnb_status status = run(&d);
    if (width_px) *width_px = image.width_px;
    if (height_px) *height_px = image.height_px;
    return status;
}

/* Whether the first n bytes of a file say that it can be used. */
static dnnb_status check_head(const char *path, size_t n, size_t file_bytes,
                              const dnnb_decode_options *options, int64_t *width_px,
                              int64_t *height_px) {
    size_t n_read = 0;
    char *bytes = dnnb__alloc(n, 1);
    if (!bytes) return dnnb__fail_memory();
    dnnb_status status = dnnb__file_read_head(path, bytes, n, &n_read);
    if (status == DNNB_OK)
        status = dnnb__decode_check_header(bytes, n_read, file_bytes, path, options, width_px,
                                           height_px);
    dnnb__free(bytes);
    return status;
}

/* The head of the file is enough for most; whatever fails there is told from the whole file. */
dnnb_status dnnb_image_check(const char *path, const dnnb_decode_options *options,
                             int64_t *width_px, int64_t *height_px) {
    struct stat st;
    size_t n_bytes = 0;
    char *bytes;
    if (width_px) *width_px = 0;
    if (height_px) *height_px = 0;
    bool is_file = dnnb__io_stat(path, &st) == 0 && S_ISREG(st.st_mode);
    size_t file_bytes = is_file ? (size_t)st.st_size : 0;
    for (size_t i = 0; i < 2 && file_bytes > head_bytes[i] && file_bytes <= file_cap_bytes; i++) {
        dnnb_status status =
            check_head(path, head_bytes[i], file_bytes, options, width_px, height_px);
        if (status == DNNB_OK || status == DNNB_ERR_MEMORY) return status;
    }
    DNNB_TRY(dnnb__file_read(&bytes, &n_bytes, path, file_cap_bytes));
    dnnb_status status =
        dnnb__decode_check_header(bytes, n_bytes, n_bytes, path, options, width_px, height_px);
    dnnb__free(bytes);
    return status;
}

dnnb_status dnnb_image_decode(dnnb_image *out, const void *bytes, size_t n_bytes, const char *name,
                              const dnnb_decode_options *options) {
    size_t capacity_bytes = 0;
    *out = (dnnb_image){0};
    dnnb__decode d = {.bytes = bytes,
                      .n_bytes = n_bytes,
                      .file_bytes = n_bytes,
                      .name = name ? name : "image",
                      .options = options ? options : &defaults,
                      .image = out,
                      .capacity_bytes = &capacity_bytes};
    dnnb_status status = run(&d);
    if (status != DNNB_OK) dnnb_image_clear(out);
    return status;
}

dnnb_status dnnb_image_load(dnnb_image *out, const char *path, const dnnb_decode_options *options) {
    char *bytes;
    size_t n_bytes;
    *out = (dnnb_image){0};
    DNNB_TRY(dnnb__file_read(&bytes, &n_bytes, path, file_cap_bytes));
    dnnb_status status = dnnb_image_decode(out, bytes, n_bytes, path, options);
    dnnb__free(bytes);
    return status;
}

void dnnb_image_clear(dnnb_image *image) {
    dnnb__free(image->pixels);
    *image = (dnnb_image){0};
}

dnnb_status dnnb__image_buffer_load_part(dnnb__image_buffer *buffer, const char *path,
                                         const dnnb_decode_options *options,
                                         dnnb__choose_part *choose, void *context) {
    size_t n_bytes;
    buffer->image.width_px = buffer->image.height_px = 0;
    DNNB_TRY(dnnb__file_read_into(&buffer->file, &buffer->file_capacity_bytes, &n_bytes, path,
                                  file_cap_bytes));
    buffer->sum = dnnb__checksum_short(buffer->file, n_bytes);
    dnnb__decode d = {.bytes = (const uint8_t *)buffer->file,
                      .n_bytes = n_bytes,
                      .file_bytes = n_bytes,
                      .choose = choose,
                      .choose_context = context,
                      .name = path,
                      .options = options ? options : &defaults,
                      .image = &buffer->image,
                      .capacity_bytes = &buffer->capacity_bytes};
    return run(&d);
}

dnnb_status dnnb__image_buffer_load(dnnb__image_buffer *buffer, const char *path,
                                    const dnnb_decode_options *options) {
    return dnnb__image_buffer_load_part(buffer, path, options, NULL, NULL);
}

void dnnb__image_buffer_destroy(dnnb__image_buffer *buffer) {
    dnnb_image_clear(&buffer->image);
    dnnb__free(buffer->file);
    *buffer = (dnnb__image_buffer){0};
}
