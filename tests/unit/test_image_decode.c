/* Formats by their first bytes, limits, messages and memory of the decoders. The colours are the
 * business of tests/golden/image_formats.py. */
#include "unit/unit.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "dnnbrain/image.h"
#include "image/transform.h"

/* 2 x 1 pixels of 24 bits: blue, then red. */
static const uint8_t bmp[] = {'B', 'M', 62, 0, 0, 0, 0,    0, 0, 0, 54, 0,    0,  0, 40, 0,
                              0,   0,   2,  0, 0, 0, 1,    0, 0, 0, 1,  0,    24, 0, 0,  0,
                              0,   0,   8,  0, 0, 0, 0,    0, 0, 0, 0,  0,    0,  0, 0,  0,
                              0,   0,   0,  0, 0, 0, 0xff, 0, 0, 0, 0,  0xff, 0,  0};

/* 1 x 1 pixel: the transparent one of two colours. */
static const uint8_t gif[] = {'G', 'I', 'F', '8', '9', 'a',  1, 0, 1, 0,    0x80, 0, 0,   10, 20,
                              30,  40,  50,  60,  '!', 0xf9, 4, 1, 0, 0,    0,    0, ',', 0,  0,
                              0,   0,   1,   0,   1,   0,    0, 2, 2, 0x44, 1,    0, ';'};

static void test_image_decode__names_a_format_by_its_first_bytes(void **state) {
    (void)state;
    assert_string_equal(dnnb_image_get_format("\xff\xd8\xff\xe0", 4), "JPEG");
    assert_string_equal(dnnb_image_get_format("\x89PNG\r\n\x1a\n", 8), "PNG");
    assert_string_equal(dnnb_image_get_format("RIFF\1\2\3\4WEBPVP8X", 16), "WebP");
    assert_string_equal(dnnb_image_get_format("II*\0\x08", 5), "TIFF");
    assert_string_equal(dnnb_image_get_format("MM\0*", 4), "TIFF");
    assert_string_equal(dnnb_image_get_format("MM\0+", 4), "TIFF");
    assert_string_equal(dnnb_image_get_format("GIF87a", 6), "GIF");
    assert_string_equal(dnnb_image_get_format(gif, sizeof gif), "GIF");
    assert_string_equal(dnnb_image_get_format(bmp, sizeof bmp), "BMP");
    assert_null(dnnb_image_get_format("\x89PNG", 4));
    assert_null(dnnb_image_get_format("RIFF\1\2\3\4WAVEfmt ", 16));
    assert_null(dnnb_image_get_format("<svg", 4));
    assert_null(dnnb_image_get_format("", 0));
}

static void test_image_decode__gives_pixels_or_lays_them_over_a_background(void **state) {
    (void)state;
    dnnb_image image;
    assert_ok(dnnb_image_decode(&image, bmp, sizeof bmp, "a", NULL));
    assert_int_equal(image.width_px, 2);
    assert_int_equal(image.height_px, 1);
    static const uint8_t colours[] = {0, 0, 0xff, 0xff, 0, 0};
    assert_memory_equal(image.pixels, colours, sizeof colours);
    dnnb_image_clear(&image);
    dnnb_image_clear(&image);

    dnnb_decode_options options = DNNB_DECODE_OPTIONS_INIT;
    assert_ok(dnnb_image_decode(&image, gif, sizeof gif, "a", &options));
    assert_memory_equal(image.pixels, ((uint8_t[]){10, 20, 30}), 3);
    dnnb_image_clear(&image);
    options.use_background = true;
    assert_ok(dnnb_image_decode(&image, gif, sizeof gif, "a", &options));
    assert_memory_equal(image.pixels, ((uint8_t[]){255, 255, 255}), 3);
    dnnb_image_clear(&image);
}

static void test_image_decode__refuses_with_the_name_of_the_file(void **state) {
    (void)state;
    dnnb_image image;
    dnnb_decode_options options = DNNB_DECODE_OPTIONS_INIT;
    options.max_pixels = 1;
    assert_fails(dnnb_image_decode(&image, bmp, sizeof bmp, "x.bmp", &options), DNNB_ERR_LIMIT,
                 "x.bmp: expected at most 1 pixels, found 2 x 1");
    assert_null(image.pixels);
    assert_fails(dnnb_image_decode(&image, bmp, 57, "x.bmp", NULL), DNNB_ERR_FORMAT,
                 "x.bmp: truncated BMP");
    assert_fails(dnnb_image_decode(&image, "hello", 5, "x.jpg", NULL), DNNB_ERR_FORMAT,
                 "x.jpg: expected a JPEG");
    assert_fails(dnnb_image_decode(&image, "", 0, "x.jpg", NULL), DNNB_ERR_FORMAT, "an empty file");
    assert_fails(dnnb_image_load(&image, "/nonexistent/x.png", NULL), DNNB_ERR_IO,
                 "/nonexistent/x.png");
    assert_fails(dnnb_image_load(&image, "/", NULL), DNNB_ERR_IO, "a folder");
    assert_null(image.pixels);
}

static void test_image_decode__every_cut_is_refused(void **state) {
    (void)state;
    dnnb_image image;
    for (size_t n = 0; n < 60; n++)
        assert_fails(dnnb_image_decode(&image, bmp, n, "cut", NULL), DNNB_ERR_FORMAT, "cut: ");
    /* The block terminator and what follows it may be missing. */
    for (size_t n = 0; n < sizeof gif - 2; n++)
        assert_fails(dnnb_image_decode(&image, gif, n, "cut", NULL), DNNB_ERR_FORMAT, "cut: ");
}

static void test_image_decode__survives_each_failed_allocation(void **state) {
    (void)state;
    dnnb_image image;
    size_t n_failed = 0;
    for (uint64_t n = 1; n < 20; n++) {
        dnnb__mem_fail_at(n);
        dnnb_status status = dnnb_image_decode(&image, gif, sizeof gif, "a", NULL);
        if (status == DNNB_OK) break;
        assert_int_equal(status, DNNB_ERR_MEMORY);
        assert_null(image.pixels);
        n_failed++;
    }
    dnnb__mem_fail_at(0);
    dnnb_image_clear(&image);
    assert_int_equal(n_failed, 2); /* pixels, one line */
}

static void write_file(const char *path, const void *bytes, size_t n) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void test_image_decode__a_buffer_is_used_again(void **state) {
    (void)state;
    char folder[] = "/tmp/dnnb-image-XXXXXX", path[64], missing[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a.bmp", folder);
    (void)snprintf(missing, sizeof missing, "%s/b.bmp", folder);
    write_file(path, bmp, sizeof bmp);
    dnnb__image_buffer buffer = {0};
    assert_ok(dnnb__image_buffer_load(&buffer, path, NULL));
    const uint8_t *pixels = buffer.image.pixels;
    uint64_t before = dnnb__mem_get_count();
    assert_ok(dnnb__image_buffer_load(&buffer, path, NULL));
    assert_int_equal(dnnb__mem_get_count(), before);
    assert_ptr_equal(buffer.image.pixels, pixels);
    assert_int_equal(buffer.image.width_px, 2);
    assert_fails(dnnb__image_buffer_load(&buffer, missing, NULL), DNNB_ERR_IO, missing);
    assert_int_equal(buffer.image.width_px, 0);
    dnnb__image_buffer_destroy(&buffer);
    unlink(path);
    rmdir(folder);
}

/* The repository's folder, NULL where the test does not know it. */
static const char *get_source(void) {
    const char *source = getenv("DNNB_SOURCE");
    if (!source) print_message("left out: no DNNB_SOURCE in the environment\n");
    return source;
}

/* Nothing that can be decoded fails the check; whatever fails it is refused with the same words. */
static void compare_check(const char *path, size_t *n_decoded, size_t *n_passed) {
    dnnb_image image;
    int64_t width_px, height_px;
    char message[1024];
    dnnb_status checked = dnnb_image_check(path, NULL, &width_px, &height_px);
    (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
    dnnb_status decoded = dnnb_image_load(&image, path, NULL);
    if (decoded == DNNB_OK) {
        assert_int_equal(checked, DNNB_OK);
        assert_int_equal(width_px, image.width_px);
        assert_int_equal(height_px, image.height_px);
    } else if (checked != DNNB_OK) {
        assert_int_equal(checked, decoded);
        assert_string_equal(message, dnnb_get_error());
        assert_int_equal(width_px, 0);
        assert_int_equal(height_px, 0);
    }
    *n_decoded += decoded == DNNB_OK;
    *n_passed += checked == DNNB_OK;
    dnnb_image_clear(&image);
}

static void test_image_decode__the_check_agrees_with_decoding_on_every_corpus(void **state) {
    (void)state;
    static const char *const names[] = {"jpeg", "png", "webp", "tiff", "gif", "bmp"};
    const char *source = get_source();
    if (!source) skip();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char folder[512], path[1024];
        size_t n_decoded = 0, n_passed = 0;
        (void)snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", source, names[i]);
        DIR *dir = opendir(folder);
        assert_non_null(dir);
        for (const struct dirent *entry; (entry = readdir(dir));) {
            if (entry->d_name[0] == '.') continue;
            (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            compare_check(path, &n_decoded, &n_passed);
        }
        (void)closedir(dir);
        assert_true(n_decoded > 0 && n_passed >= n_decoded);
    }
}

enum { MOST_APP1_BYTES = 0xffff + 2, N_APP1 = 2 };

/* A JPEG with comments of that size each, which make its header longer than what the check reads at
 * first; of the largest size, longer than what it reads before it reads all. */
static size_t write_long(char *out, const char *jpeg, size_t n, size_t app1_bytes) {
    size_t length = app1_bytes - 2;
    const char marker[] = {'\xff', '\xe1', (char)(length >> 8), (char)(length & 0xff)};
    memcpy(out, jpeg, 2);
    for (size_t i = 0; i < N_APP1; i++) {
        memset(out + 2 + i * app1_bytes, 'x', app1_bytes);
        memcpy(out + 2 + i * app1_bytes, marker, sizeof marker);
    }
    memcpy(out + 2 + N_APP1 * app1_bytes, jpeg + 2, n - 2);
    return n + N_APP1 * app1_bytes;
}

static size_t find_scan(const char *jpeg, size_t n) {
    size_t at = 0;
    while (at + 1 < n && !(jpeg[at] == '\xff' && jpeg[at + 1] == '\xda')) at++;
    return at;
}

static void test_image_decode__a_cut_jpeg_passes_the_check_and_is_never_grey(void **state) {
    (void)state;
    enum { SCAN_HEADER = 14 };
    const char *source = get_source();
    if (!source) skip();
    char folder[] = "/tmp/dnnb-image-XXXXXX", path[512], *jpeg;
    size_t n;
    dnnb_image image;
    (void)snprintf(path, sizeof path, "%s/tests/fuzz/corpus/jpeg/seed-made-00", source);
    assert_ok(dnnb__file_read(&jpeg, &n, path, 1 << 20));
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a.jpg", folder);
    size_t scan = find_scan(jpeg, n);
    assert_in_range(scan, 100, n - 200);
    for (size_t cut = 1; cut < n - 40; cut += cut < scan + SCAN_HEADER ? 1 : 50) {
        write_file(path, jpeg, cut);
        dnnb_status checked = dnnb_image_check(path, NULL, NULL, NULL);
        assert_int_equal(checked == DNNB_OK, cut >= scan + SCAN_HEADER);
        assert_fails(dnnb_image_load(&image, path, NULL), DNNB_ERR_FORMAT, path);
        assert_null(image.pixels);
    }
    int64_t width_px, height_px;
    char *larger = dnnb__alloc(n + N_APP1 * MOST_APP1_BYTES, 1);
    assert_non_null(larger);
    static const size_t sizes[] = {3000, 20000, MOST_APP1_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t n_larger = write_long(larger, jpeg, n, sizes[i]);
        write_file(path, larger, n_larger);
        assert_ok(dnnb_image_check(path, NULL, &width_px, &height_px));
        assert_true(width_px == 61 && height_px == 47);
        write_file(path, larger, n_larger - n);
        assert_fails(dnnb_image_check(path, NULL, NULL, NULL), DNNB_ERR_FORMAT, "truncated JPEG");
    }
    dnnb__free(larger);
    dnnb__free(jpeg);
    unlink(path);
    rmdir(folder);
}

static void test_image_decode__the_check_survives_each_failed_allocation(void **state) {
    (void)state;
    char folder[] = "/tmp/dnnb-image-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a.bmp", folder);
    write_file(path, bmp, sizeof bmp);
    assert_int_equal(truncate(path, 1 << 17), 0); /* longer than what is read first */
    size_t n_failed = 0;
    for (uint64_t n = 1; n < 20; n++) {
        dnnb__mem_fail_at(n);
        dnnb_status status = dnnb_image_check(path, NULL, NULL, NULL);
        if (status == DNNB_OK) break;
        assert_int_equal(status, DNNB_ERR_MEMORY);
        n_failed++;
    }
    dnnb__mem_fail_at(0);
    assert_int_equal(n_failed, 1);
    unlink(path);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_decode__names_a_format_by_its_first_bytes),
        cmocka_unit_test(test_image_decode__gives_pixels_or_lays_them_over_a_background),
        cmocka_unit_test(test_image_decode__refuses_with_the_name_of_the_file),
        cmocka_unit_test(test_image_decode__every_cut_is_refused),
        cmocka_unit_test(test_image_decode__survives_each_failed_allocation),
        cmocka_unit_test(test_image_decode__a_buffer_is_used_again),
        cmocka_unit_test(test_image_decode__the_check_agrees_with_decoding_on_every_corpus),
        cmocka_unit_test(test_image_decode__a_cut_jpeg_passes_the_check_and_is_never_grey),
        cmocka_unit_test(test_image_decode__the_check_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
