/*
 * A JPEG decoded in part has the pixels of the whole one there, whatever its sampling of colours,
 * its scans and where it is cut; and it fails where the whole one does, unless the file is said to
 * be sound and its damage lies behind the part.
 */
#include "unit/unit.h"

#include "core/file.h"
#include "core/mem.h"
#include "image/transform.h"
#include "unit/folder.h"
#include "unit/jpeg_file.h"

static const jpeg_kind kinds[] = {
    {"4:4:4", 3, 1, 1, false, 0},
    {"4:2:2", 3, 2, 1, false, 0},
    {"4:2:0", 3, 2, 2, false, 0},
    {"4:4:0", 3, 1, 2, false, 0},
    {"4:1:1", 3, 4, 1, false, 0},
    {"4:1:0", 3, 4, 2, false, 0},
    {"4:2:0, restarts", 3, 2, 2, false, 2},
    {"4:2:0, progressive", 3, 2, 2, true, 0},
    {"4:2:2, progressive", 3, 2, 1, true, 3},
    {"grey", 1, 1, 1, false, 0},
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static void choose(void *context, int64_t width_px, int64_t height_px, dnnb__part *part) {
    assert_true(width_px > 0 && height_px > 0);
    *part = *(const dnnb__part *)context;
}

static void check_pixels(const dnnb__image_buffer *buffer, const dnnb_image *whole, dnnb_box box,
                         const char *what) {
    size_t stride = (size_t)whole->width_px * 3;
    assert_int_equal(buffer->image.width_px, whole->width_px);
    assert_int_equal(buffer->image.height_px, whole->height_px);
    for (int64_t y = box.top_px; y < box.top_px + box.height_px; y++) {
        size_t at = (size_t)y * stride + (size_t)box.left_px * 3;
        if (memcmp(buffer->image.pixels + at, whole->pixels + at, (size_t)box.width_px * 3) != 0)
            fail_msg("%s: row %lld of %lld x %lld at (%lld, %lld) of %lld x %lld", what,
                     (long long)y, (long long)box.width_px, (long long)box.height_px,
                     (long long)box.left_px, (long long)box.top_px, (long long)whole->width_px,
                     (long long)whole->height_px);
    }
}

static dnnb_status load_part(dnnb__image_buffer *buffer, const char *path, dnnb_box box,
                             bool is_sound) {
    dnnb__part part = {.box = box, .is_sound = is_sound};
    return dnnb__image_buffer_load_part(buffer, path, NULL, choose, &part);
}

/* The part's pixels, after all others were overwritten. */
static void check_part(dnnb__image_buffer *buffer, const char *path, const dnnb_image *whole,
                       dnnb_box box, bool is_sound, const char *what) {
    if (buffer->image.pixels) memset(buffer->image.pixels, 0xA5, buffer->capacity_bytes);
    assert_ok(load_part(buffer, path, box, is_sound));
    check_pixels(buffer, whole, box, what);
}

/* Columns and rows are cut apart: all intervals of one with a few of the other; every second one of
 * a file that is said to be sound. */
static size_t check_all(const char *path, const char *what) {
    dnnb__image_buffer buffer = {0};
    dnnb_image whole;
    size_t n = 0;
    assert_ok(dnnb_image_load(&whole, path, NULL));
    int64_t w = whole.width_px, h = whole.height_px;
    for (int64_t begin = 0; begin < w; begin++)
        for (int64_t end = begin + 1; end <= w; end++, n++) {
            int64_t top = (begin * 7 + end) % h, height = 1 + (end * 5 + begin) % (h - top);
            dnnb_box box = {
                .left_px = begin, .top_px = top, .width_px = end - begin, .height_px = height};
            check_part(&buffer, path, &whole, box, n % 2, what);
        }
    for (int64_t begin = 0; begin < h; begin++)
        for (int64_t end = begin + 1; end <= h; end++, n++) {
            int64_t left = (begin * 3 + end) % w, width = 1 + (end * 11 + begin) % (w - left);
            dnnb_box box = {
                .left_px = left, .top_px = begin, .width_px = width, .height_px = end - begin};
            check_part(&buffer, path, &whole, box, n % 2, what);
        }
    dnnb__image_buffer_destroy(&buffer);
    dnnb_image_clear(&whole);
    return n;
}

static void test_image_part__a_part_has_the_pixels_of_the_whole(void **state) {
    (void)state;
    static const unsigned sizes[][2] = {{1, 1}, {9, 3}, {33, 18}, {40, 37}};
    const char *path = in_folder("a.jpg");
    size_t n = 0;
    for (size_t k = 0; k < N_KINDS; k++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            jpeg_write(path, &kinds[k], sizes[i][0], sizes[i][1]);
            n += check_all(path, kinds[k].name);
        }
    print_message("%zu parts\n", n);
}

/* The file with these bytes gives the same in part and whole: the message, or the part's pixels. */
static void check_same_end(const char *path, const char *bytes, size_t n, const dnnb_box *box,
                           const char *what) {
    dnnb__image_buffer buffer = {0};
    dnnb_image whole;
    char message[512];
    assert_ok(dnnb__file_write(path, bytes, n));
    dnnb_status expected = dnnb_image_load(&whole, path, NULL);
    if (expected == DNNB_OK && whole.width_px == 40 && whole.height_px == 37) {
        check_part(&buffer, path, &whole, *box, false, what);
    } else if (expected != DNNB_OK) {
        (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
        assert_int_equal(load_part(&buffer, path, *box, false), expected);
        assert_string_equal(dnnb_get_error(), message);
    }
    dnnb__image_buffer_destroy(&buffer);
    dnnb_image_clear(&whole);
}

static void test_image_part__damage_outside_counts(void **state) {
    (void)state;
    const char *path = in_folder("a.jpg");
    const dnnb_box box = {.left_px = 3, .top_px = 2, .width_px = 5, .height_px = 4};
    for (size_t k = 0; k < N_KINDS; k++) {
        char *bytes;
        size_t n_bytes;
        jpeg_write(path, &kinds[k], 40, 37);
        assert_ok(dnnb__file_read(&bytes, &n_bytes, path, 1 << 20));
        for (size_t n = n_bytes; n > 2; n -= n > n_bytes - 40 ? 1 : n / 9 + 1)
            check_same_end(path, bytes, n, &box, "cut off");
        for (size_t i = 0; i < 150; i++) {
            size_t at = n_bytes - 1 - i * 37 % (n_bytes / 2);
            char before = bytes[at];
            bytes[at] = (char)(before ^ (1 << i % 8));
            check_same_end(path, bytes, n_bytes, &box, "damaged");
            bytes[at] = before;
        }
        dnnb__free(bytes);
    }
}

/* Of a file that lost its end after it was found sound, a part before the loss is what it was, one
 * that the loss meets fails, and nothing else happens. Returns how often the part was there. */
static size_t check_lost_end(const char *path, const dnnb_box *box, const char *what) {
    dnnb__image_buffer buffer = {0};
    dnnb_image whole;
    char *bytes;
    size_t n_bytes, n_there = 0;
    assert_ok(dnnb_image_load(&whole, path, NULL));
    assert_ok(dnnb__file_read(&bytes, &n_bytes, path, 1 << 20));
    for (size_t n = n_bytes - 1; n > n_bytes / 2; n -= n_bytes / 50) {
        assert_ok(dnnb__file_write(path, bytes, n));
        dnnb_status status = load_part(&buffer, path, *box, true);
        if (status == DNNB_OK) check_pixels(&buffer, &whole, *box, what);
        if (status != DNNB_OK) assert_int_equal(status, DNNB_ERR_FORMAT);
        n_there += status == DNNB_OK;
    }
    dnnb__free(bytes);
    dnnb__image_buffer_destroy(&buffer);
    dnnb_image_clear(&whole);
    return n_there;
}

static void test_image_part__damage_behind_the_part_of_a_sound_file_is_let_be(void **state) {
    (void)state;
    const char *path = in_folder("a.jpg");
    const dnnb_box high = {.left_px = 3, .top_px = 2, .width_px = 5, .height_px = 4};
    const dnnb_box low = {.left_px = 3, .top_px = 135, .width_px = 5, .height_px = 4};
    for (size_t k = 0; k < N_KINDS; k++) {
        jpeg_write(path, &kinds[k], 40, 140);
        size_t n_high = check_lost_end(path, &high, kinds[k].name);
        jpeg_write(path, &kinds[k], 40, 140);
        size_t n_low = check_lost_end(path, &low, kinds[k].name);
        /* The last scan of a progressive one holds some of every row. */
        if (kinds[k].progressive)
            assert_true(n_high == n_low);
        else
            assert_true(n_high >= 15 && n_low < 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_part__a_part_has_the_pixels_of_the_whole),
        cmocka_unit_test(test_image_part__damage_outside_counts),
        cmocka_unit_test(test_image_part__damage_behind_the_part_of_a_sound_file_is_let_be),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
