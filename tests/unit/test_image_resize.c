/* The definition, borders, arguments and allocations of resize and transform; the choice of kernel.
 * Equality with Pillow is the business of tests/golden/image_hymenoptera.py. */
#include "unit/unit.h"

#include <stdlib.h>

#include "core/mem.h"
#include "core/random.h"
#include "dnnbrain/image.h"
#include "image/resample.h"
#include "image/transform.h"
#include "kernels/kernels.h"
#include "unit/lay_out.h"

/* Noise; pixels fill their block to the last byte, so that a sanitizer sees each step beyond. */
static dnnb_image make_image(int64_t width, int64_t height) {
    size_t n = (size_t)(width * height) * 3;
    dnnb_image image = {malloc(n), width, height};
    assert_non_null(image.pixels);
    dnnb__random_key key = dnnb__random_key_create(1, DNNB__PURPOSE_TEST);
    for (size_t i = 0; i < n; i++) image.pixels[i] = (uint8_t)dnnb__random_at(key, 0, 0, i).word[0];
    return image;
}

/* The definition, one output pixel at a time, from the axes that the library made. */
static uint8_t get_expected(const dnnb__resample *r, const dnnb_image *in, dnnb_box box, size_t x,
                            size_t y, size_t c) {
    const int32_t *k_x = r->x.weight + x * r->x.n_padded, *k_y = r->y.weight + y * r->y.n_padded;
    int64_t sum_y = 1 << 21;
    for (int32_t j = 0; j < r->y.count[y]; j++) {
        int64_t sum_x = 1 << 21;
        size_t row = (size_t)(box.top_px + r->y.first[y] + j);
        for (int32_t i = 0; i < r->x.count[x]; i++) {
            size_t column = (size_t)(box.left_px + r->x.first[x] + i);
            sum_x += (int64_t)k_x[i] * in->pixels[(row * (size_t)in->width_px + column) * 3 + c];
        }
        int64_t value = sum_x >> 22;
        sum_y += k_y[j] * (value > 255 ? 255 : value);
    }
    int64_t value = sum_y >> 22;
    return (uint8_t)(value > 255 ? 255 : value);
}

typedef struct comparison {
    const dnnb__resample *r;
    const dnnb_image *in;
    dnnb_box box;
    size_t width, n_wrong;
} comparison;

static void compare_row(void *context, size_t y, const uint8_t *pixels) {
    comparison *k = context;
    for (size_t x = 0; x < k->width; x++)
        for (size_t c = 0; c < 3; c++)
            k->n_wrong += pixels[x * 3 + c] != get_expected(k->r, k->in, k->box, x, y, c);
}

static void test_image_resize__equals_its_definition_at_every_size(void **state) {
    (void)state;
    static const int64_t sides[] = {1, 2, 3, 5, 8, 21, 64, 150};
    enum { N = sizeof sides / sizeof sides[0] };
    for (size_t i = 0; i < N * N; i++) {
        dnnb_image image = make_image(sides[i % N], sides[i / N]);
        for (size_t j = 0; j < N; j++) {
            dnnb_box box = {image.width_px / 3, image.height_px / 4,
                            image.width_px - image.width_px / 3,
                            image.height_px - image.height_px / 4};
            /* Other than the box's sides, so that both passes run. */
            int64_t width = sides[j] == box.width_px ? sides[j] + 1 : sides[j];
            int64_t height =
                sides[N - 1 - j] == box.height_px ? box.height_px + 1 : sides[N - 1 - j];
            dnnb__resample r = {0};
            comparison k = {&r, &image, box, (size_t)width, 0};
            assert_ok(dnnb__resample_apply(&r, &image, box, width, height, compare_row, &k));
            assert_int_equal(k.n_wrong, 0);
            dnnb__resample_destroy(&r);
        }
        free(image.pixels);
    }
}

/* Shrunk in both directions under the present limit: the kernel that was taken, and its pixels. */
static const dnnb__resample_kernel *take(const dnnb_image *image, dnnb_image *out) {
    dnnb__resample r = {0};
    comparison k = {&r, image, {0, 0, image->width_px, image->height_px}, 40, 0};
    assert_ok(dnnb__resample_apply(&r, image, k.box, 40, 30, compare_row, &k));
    assert_int_equal(k.n_wrong, 0);
    assert_ok(dnnb_image_resize(out, image, NULL, 40, 30));
    const dnnb__resample_kernel *kernel = r.kernel;
    dnnb__resample_destroy(&r);
    return kernel;
}

static void test_image_resize__the_users_limit_chooses_the_kernel_and_no_pixel(void **state) {
    (void)state;
    dnnb_image image = make_image(150, 64), widest, limited;
    dnnb__isa processor = dnnb__isa_get_processor();
    assert_ptr_equal(take(&image, &widest), dnnb__kernels_find_resample(processor));
    for (int isa = 0; isa <= (int)processor; isa++) {
        assert_int_equal(setenv("DNNBRAIN_MAX_ISA", dnnb__isa_get_name((dnnb__isa)isa), 1), 0);
        const dnnb__resample_kernel *kernel = take(&image, &limited);
        assert_ptr_equal(kernel, dnnb__kernels_find_resample((dnnb__isa)isa));
        if (isa == DNNB__ISA_SSE) assert_ptr_equal(kernel, &dnnb__resample_plain);
        assert_memory_equal(limited.pixels, widest.pixels, 40 * 30 * 3);
        dnnb_image_clear(&limited);
    }
    assert_int_equal(setenv("DNNBRAIN_MAX_ISA", "MMX", 1), 0);
    assert_fails(dnnb_image_resize(&limited, &image, NULL, 40, 30), DNNB_ERR_ARGUMENT,
                 "DNNBRAIN_MAX_ISA: expected SSE, AVX2 or AVX512, found 'MMX'");
    assert_null(limited.pixels);
    assert_int_equal(unsetenv("DNNBRAIN_MAX_ISA"), 0);
    dnnb_image_clear(&widest);
    free(image.pixels);
}

static void test_image_resize__the_same_size_is_a_copy(void **state) {
    (void)state;
    dnnb_image image = make_image(7, 5), same, part;
    assert_ok(dnnb_image_resize(&same, &image, NULL, 7, 5));
    assert_memory_equal(same.pixels, image.pixels, 7 * 5 * 3);
    assert_ok(dnnb_image_resize(&part, &image, &(dnnb_box){2, 1, 4, 3}, 4, 3));
    for (size_t y = 0; y < 3; y++)
        assert_memory_equal(part.pixels + y * 12, image.pixels + ((y + 1) * 7 + 2) * 3, 12);
    dnnb_image_clear(&same);
    dnnb_image_clear(&part);
    free(image.pixels);
}

static void test_image_resize__refuses_wrong_arguments(void **state) {
    (void)state;
    dnnb_image image = make_image(7, 5), out, none = {0};
    static const dnnb_box boxes[] = {{-1, 0, 2, 2}, {0, -1, 2, 2},       {6, 0, 2, 2}, {0, 4, 2, 2},
                                     {0, 0, 0, 2},  {0, 0, 2, 0},        {0, 0, 8, 2}, {0, 0, 2, 6},
                                     {0, 0, -3, 2}, {INT64_MAX, 0, 1, 1}};
    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++)
        assert_fails(dnnb_image_resize(&out, &image, &boxes[i], 3, 3), DNNB_ERR_ARGUMENT,
                     "expected a box inside 7 x 5");
    assert_fails(dnnb_image_resize(&out, &image, NULL, 0, 3), DNNB_ERR_ARGUMENT, "positive size");
    assert_fails(dnnb_image_resize(&out, &image, NULL, 3, -1), DNNB_ERR_ARGUMENT, "positive size");
    assert_fails(dnnb_image_resize(&out, &none, NULL, 3, 3), DNNB_ERR_ARGUMENT, "found none");
    assert_null(out.pixels);
    free(image.pixels);
}

static void test_image_resize__flips_even_and_odd_rows(void **state) {
    (void)state;
    for (int64_t width = 1; width < 5; width++) {
        dnnb_image image = make_image(width, 2), flipped;
        assert_ok(dnnb_image_resize(&flipped, &image, NULL, width, 2));
        dnnb_image_flip(&flipped);
        for (size_t y = 0, w = (size_t)width; y < 2; y++)
            for (size_t x = 0; x < w; x++)
                assert_memory_equal(flipped.pixels + (y * w + x) * 3,
                                    image.pixels + (y * w + w - 1 - x) * 3, 3);
        dnnb_image_clear(&flipped);
        free(image.pixels);
    }
}

static void test_image_resize__the_transform_equals_the_parts_and_allocates_once(void **state) {
    (void)state;
    enum { SIDE = 37, N = SIDE * SIDE * 3 };
    static float fused[N], parts[N];
    dnnb_image image = make_image(90, 70), resized;
    dnnb__transform t = {0};
    dnnb__image_layout plain = dnnb__image_layout_plain(3, SIDE, SIDE);
    uint64_t before = 0;
    for (int round = 0; round < 2; round++) {
        if (round == 1) before = dnnb__mem_get_count();
        for (int64_t i = 0; i < 20; i++) {
            dnnb_box box = {i, 2 * i, 90 - 2 * i, 70 - 3 * i};
            assert_ok(dnnb__transform_apply(&t, &image, &box, i % 2, SIDE, SIDE, dnnb_imagenet_mean,
                                            dnnb_imagenet_std, &plain, fused));
            if (round == 1) continue;
            assert_ok(dnnb_image_resize(&resized, &image, &box, SIDE, SIDE));
            if (i % 2) dnnb_image_flip(&resized);
            dnnb_image_normalize(&resized, dnnb_imagenet_mean, dnnb_imagenet_std, parts);
            assert_memory_equal(fused, parts, sizeof parts);
            dnnb_image_clear(&resized);
        }
    }
    assert_int_equal(dnnb__mem_get_count(), before);
    dnnb__transform_destroy(&t);
    free(image.pixels);
}

static void test_image_resize__the_transform_writes_any_layout(void **state) {
    (void)state;
    enum { WIDTH = 23, HEIGHT = 18 };
    static const dnnb__image_layout layouts[] = {
        /* stride, padding, height, width, block, blocks: all pixels have a place */
        {3, 4, {2, 2}, 6, 7, 16, 3, false},
        {3, 4, {2, 1}, 5, 6, 48, 1, true},
        {3, 4, {0, 3}, 5, 7, 8, 6, false},
        {3, 3, {1, 0}, 7, 8, 16, 2, true}, /* a block that is not full */
        {3, 2, {4, 5}, 9, 8, 8, 2, false}, /* pixels without a place at the end of both axes */
        {3, 5, {0, 0}, 2, 3, 1, 75, true},
    };
    float plain[3 * HEIGHT * WIDTH];
    dnnb_image image = make_image(60, 40), resized;
    dnnb__transform t = {0};
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
        for (int flip = 0; flip < 2; flip++) {
            const dnnb__image_layout *l = &layouts[i];
            size_t n_bytes = dnnb__image_layout_get_bytes(l);
            dnnb_box box = {3, 5, 50, 31};
            char *expected = dnnb__alloc(n_bytes, 1), *found = dnnb__calloc(n_bytes, 1);
            assert_ok(dnnb_image_resize(&resized, &image, &box, WIDTH, HEIGHT));
            if (flip) dnnb_image_flip(&resized);
            dnnb_image_normalize(&resized, dnnb_imagenet_mean, dnnb_imagenet_std, plain);
            lay_out(l, plain, HEIGHT, WIDTH, expected);
            assert_ok(dnnb__transform_apply(&t, &image, &box, flip, WIDTH, HEIGHT,
                                            dnnb_imagenet_mean, dnnb_imagenet_std, l, found));
            assert_memory_equal(found, expected, n_bytes);
            memset(found, 0, n_bytes);
            assert_ok(dnnb__transform_normalize(&t, &resized, dnnb_imagenet_mean, dnnb_imagenet_std,
                                                l, found));
            assert_memory_equal(found, expected, n_bytes);
            dnnb__free(expected);
            dnnb__free(found);
            dnnb_image_clear(&resized);
        }
    dnnb__transform_destroy(&t);
    free(image.pixels);
}

static void test_image_resize__survives_each_failed_allocation(void **state) {
    (void)state;
    dnnb_image image = make_image(9, 9), out = {0};
    dnnb_status status = DNNB_ERR_MEMORY;
    uint64_t n = 1;
    for (; n < 40 && status != DNNB_OK; n++) {
        dnnb__mem_fail_at(n);
        status = dnnb_image_resize(&out, &image, NULL, 4, 5);
        if (status != DNNB_OK) assert_int_equal(status, DNNB_ERR_MEMORY);
    }
    dnnb__mem_fail_at(0);
    assert_int_equal(status, DNNB_OK);
    assert_true(n > 10);
    dnnb_image_clear(&out);
    free(image.pixels);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_resize__equals_its_definition_at_every_size),
        cmocka_unit_test(test_image_resize__the_users_limit_chooses_the_kernel_and_no_pixel),
        cmocka_unit_test(test_image_resize__the_same_size_is_a_copy),
        cmocka_unit_test(test_image_resize__refuses_wrong_arguments),
        cmocka_unit_test(test_image_resize__flips_even_and_odd_rows),
        cmocka_unit_test(test_image_resize__the_transform_equals_the_parts_and_allocates_once),
        cmocka_unit_test(test_image_resize__the_transform_writes_any_layout),
        cmocka_unit_test(test_image_resize__survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
