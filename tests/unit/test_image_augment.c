/* Ranges, repeatability and the fallback of the augmentation's draws. The distribution is compared
 * with torchvision's in tests/golden/image_formats.py. */
#include "unit/unit.h"

#include <math.h>

#include "dnnbrain/image.h"

static void test_image_augment__draws_lie_in_their_ranges(void **state) {
    (void)state;
    enum { N = 20000 };
    const double width = 500, height = 375;
    size_t n_flips = 0, n_small = 0;
    for (uint64_t i = 0; i < N; i++) {
        dnnb_box box;
        bool flip;
        dnnb_augment_draw(5, 1, i, 500, 375, DNNB_CROP_SCALE, &box, &flip);
        assert_true(box.left_px >= 0 && box.left_px + box.width_px <= 500);
        assert_true(box.top_px >= 0 && box.top_px + box.height_px <= 375);
        /* Sides are rounded: half a pixel in about 90, the shortest side, is 1.2% of an area. */
        double w = (double)box.width_px, h = (double)box.height_px;
        assert_true(w * h >= 0.08 * width * height * 0.988);
        assert_true(w / h >= 0.75 * 0.988 && w / h <= 4.0 / 3.0 * 1.012);
        n_flips += flip;
        n_small += w * h < 0.54 * width * height;
    }
    /* Standard deviation of a count is 71; five of them. Half of the areas that fit are small or
     * more, as large ones often do not fit. */
    assert_in_range(n_flips, N / 2 - 355, N / 2 + 355);
    assert_in_range(n_small, N / 2 - 355, N);
}

static void test_image_augment__crops_are_no_smaller_than_asked_for(void **state) {
    (void)state;
    dnnb_box box;
    bool flip;
    for (uint64_t i = 0; i < 2000; i++) {
        dnnb_augment_draw(5, 1, i, 500, 375, 0.5, &box, &flip);
        /* Half a pixel in about 230, the shortest side. */
        assert_true(box.width_px * box.height_px >= 500 * 375 / 2 * 99 / 100);
        dnnb_augment_draw(5, 1, i, 32, 32, 1, &box, &flip);
        assert_true(box.width_px == 32 && box.height_px == 32);
    }
}

static void test_image_augment__depends_on_nothing_but_its_arguments(void **state) {
    (void)state;
    dnnb_box first, again, other;
    bool flip, flip_again;
    size_t n_same[3] = {0};
    for (uint64_t i = 0; i < 1000; i++) {
        dnnb_augment_draw(1, 2, i, 500, 375, DNNB_CROP_SCALE, &first, &flip);
        dnnb_augment_draw(1, 2, i, 500, 375, DNNB_CROP_SCALE, &again, &flip_again);
        assert_memory_equal(&first, &again, sizeof first);
        assert_int_equal(flip, flip_again);
        for (uint64_t k = 0; k < 3; k++) {
            dnnb_augment_draw(1 + (k == 0), 2 + (k == 1), i + (k == 2), 500, 375, DNNB_CROP_SCALE,
                              &other, &flip);
            n_same[k] += memcmp(&first, &other, sizeof first) == 0;
        }
    }
    /* Two draws agree by chance about once in 10^8. */
    for (size_t k = 0; k < 3; k++) assert_int_equal(n_same[k], 0);
}

static void check_fallback(int64_t width, int64_t height, dnnb_box expected) {
    size_t n_fallbacks = 0;
    for (uint64_t i = 0; i < 200; i++) {
        dnnb_box box;
        bool flip;
        dnnb_augment_draw(1, 0, i, width, height, DNNB_CROP_SCALE, &box, &flip);
        n_fallbacks += memcmp(&box, &expected, sizeof box) == 0;
    }
    /* No box of 8% of the area fits into so long a picture. */
    assert_int_equal(n_fallbacks, 200);
}

static void test_image_augment__long_pictures_get_their_middle(void **state) {
    (void)state;
    check_fallback(1000, 10, (dnnb_box){493, 0, 13, 10});
    check_fallback(10, 1000, (dnnb_box){0, 493, 10, 13});
    check_fallback(1, 1000, (dnnb_box){0, 499, 1, 1});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_augment__draws_lie_in_their_ranges),
        cmocka_unit_test(test_image_augment__crops_are_no_smaller_than_asked_for),
        cmocka_unit_test(test_image_augment__depends_on_nothing_but_its_arguments),
        cmocka_unit_test(test_image_augment__long_pictures_get_their_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
