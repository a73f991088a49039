/* Views over shared storage: what they may reach, and their elements as float32. */
#include "unit/unit.h"

#include <math.h>

#include "tensor/tensor.h"

static dnnb__storage *make_storage(size_t n_bytes) {
    dnnb__storage *s;
    assert_ok(dnnb__storage_create(&s, n_bytes));
    for (size_t i = 0; i < n_bytes; i++) dnnb__storage_get_writable(s)[i] = (uint8_t)i;
    return s;
}

static void test_tensor_tensor__a_view_keeps_inside_its_part(void **state) {
    (void)state;
    static const struct {
        size_t offset_bytes;
        dnnb_shape shape;
        int64_t strides[DNNB_MAX_NDIM];
        bool is_good;
    } rows[] = {
        {0, {{8}, 1}, {1}, true},
        {0, {{9}, 1}, {1}, false},
        {4, {{8}, 1}, {1}, false},
        {0, {{4}, 1}, {2}, true},
        {4, {{4}, 1}, {2}, true},
        {8, {{4}, 1}, {2}, false},
        {0, {{2, 4}, 2}, {4, 1}, true},
        {0, {{2, 4}, 2}, {5, 1}, false},
        {0, {{4, 2}, 2}, {1, 4}, true},
        {28, {{1000000}, 1}, {0}, true},
        {0, {{1, 8}, 2}, {INT64_MAX, 1}, true}, /* one row: its stride is never used */
        {0, {{2, 1}, 2}, {INT64_MAX, 1}, false},
        {0, {{2}, 1}, {-1}, false},
        {0, {{-1}, 1}, {1}, false},
        {0, {{INT64_MAX, INT64_MAX}, 2}, {0, 0}, false},
        {0, {{0, INT64_MAX}, 2}, {1, 1}, true},
        {32, {{0}, 1}, {1}, true},
        {33, {{0}, 1}, {1}, false},
        {28, {{0}, 0}, {0}, true},
        {32, {{0}, 0}, {0}, false},
    };
    dnnb__storage *s = make_storage(64);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb_tensor *t;
        dnnb_status status = dnnb__tensor_view_part(&t, s, 16, 32, rows[i].offset_bytes, DNNB_F32,
                                                    &rows[i].shape, rows[i].strides);
        if ((status == DNNB_OK) != rows[i].is_good) fail_msg("row %zu: %s", i, dnnb_get_error());
        assert_true(status == DNNB_OK || (status == DNNB_ERR_FORMAT && !t));
        if (t)
            assert_ptr_equal(dnnb_tensor_get_data(t),
                             dnnb__storage_get_data(s) + 16 + rows[i].offset_bytes);
        dnnb_tensor_destroy(t);
    }
    dnnb__storage_release(s);
}

static void test_tensor_tensor__contiguity(void **state) {
    (void)state;
    static const struct {
        dnnb_shape shape;
        int64_t strides[DNNB_MAX_NDIM];
        bool is_contiguous;
    } rows[] = {
        {{{0}, 0}, {0}, true},
        {{{4}, 1}, {1}, true},
        {{{4}, 1}, {2}, false},
        {{{2, 3}, 2}, {3, 1}, true},
        {{{2, 3}, 2}, {1, 2}, false},
        {{{1, 3}, 2}, {99, 1}, true},
        {{{3, 1}, 2}, {1, 99}, true},
        {{{3, 0}, 2}, {7, 7}, true},
        {{{4}, 1}, {0}, false},
        {{{2, 1, 2}, 3}, {2, 5, 1}, true},
        {{{0, 1L << 40, 1L << 40}, 3}, {1, 1L << 40, 1}, true},
    };
    dnnb__storage *s = make_storage(64);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb_tensor *t;
        assert_ok(dnnb__tensor_view(&t, s, 0, DNNB_U8, &rows[i].shape, rows[i].strides));
        assert_int_equal(dnnb_tensor_is_contiguous(t), rows[i].is_contiguous);
        dnnb_tensor_destroy(t);
    }
    dnnb__storage_release(s);
}

static void test_tensor_tensor__strided_elements_come_in_row_major_order(void **state) {
    (void)state;
    dnnb__storage *s = make_storage(24);
    dnnb_tensor *t;
    /* Element (a, b, c) is byte 1 + a + 4 b + 2 c, whose value is its place. */
    assert_ok(dnnb__tensor_view(&t, s, 1, DNNB_U8, &(dnnb_shape){{2, 3, 2}, 3},
                                (const int64_t[]){1, 4, 2}));
    float values[12];
    uint8_t bytes[12];
    assert_fails(dnnb_tensor_read_f32(t, values, 11), DNNB_ERR_SHAPE, "room for 12 elements");
    assert_fails(dnnb__tensor_copy_bytes(t, bytes, 13), DNNB_ERR_SHAPE, "room for 12 bytes");
    assert_ok(dnnb_tensor_read_f32(t, values, 12));
    assert_ok(dnnb__tensor_copy_bytes(t, bytes, 12));
    size_t k = 0;
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 3; b++)
            for (int c = 0; c < 2; c++, k++) {
                assert_int_equal(bytes[k], 1 + a + 4 * b + 2 * c);
                assert_true(values[k] == (float)bytes[k]);
            }
    dnnb_tensor_destroy(t);
    dnnb__storage_release(s);
}

/* Every half and every bfloat16 against their definition: sign, exponent, fraction. */
static void test_tensor_tensor__small_floats_are_exact(void **state) {
    (void)state;
    enum { N = 1 << 16 };
    static float half[N], bfloat[N];
    dnnb__storage *s;
    dnnb_tensor *t;
    assert_ok(dnnb__storage_create(&s, N * 2));
    for (size_t i = 0; i < N; i++) {
        uint16_t u = (uint16_t)i;
        memcpy(dnnb__storage_get_writable(s) + 2 * i, &u, 2);
    }
    assert_ok(dnnb__tensor_view(&t, s, 0, DNNB_F16, &(dnnb_shape){{N}, 1}, NULL));
    assert_ok(dnnb_tensor_read_f32(t, half, N));
    dnnb_tensor_destroy(t);
    assert_ok(dnnb__tensor_view(&t, s, 0, DNNB_BF16, &(dnnb_shape){{N}, 1}, NULL));
    assert_ok(dnnb_tensor_read_f32(t, bfloat, N));
    dnnb_tensor_destroy(t);
    dnnb__storage_release(s);
    for (unsigned i = 0; i < N; i++) {
        double sign = i & 0x8000 ? -1 : 1;
        int e16 = i >> 10 & 31, e_b = i >> 7 & 255;
        double f16 = (i & 1023) / 1024.0, f_b = (i & 127) / 128.0;
        double want16 = e16 ? ldexp(1 + f16, e16 - 15) : ldexp(f16, -14);
        double want_b = e_b ? ldexp(1 + f_b, e_b - 127) : ldexp(f_b, -126);
        if (e16 == 31) want16 = f16 != 0 ? NAN : INFINITY;
        if (e_b == 255) want_b = f_b != 0 ? NAN : INFINITY;
        assert_true(isnan(want16) ? isnan(half[i]) : (double)half[i] == sign * want16);
        assert_true(isnan(want_b) ? isnan(bfloat[i]) : (double)bfloat[i] == sign * want_b);
        if (!isnan(want16)) assert_int_equal(!signbit(half[i]), sign > 0);
    }
}

static void test_tensor_tensor__every_dtype_converts(void **state) {
    (void)state;
    static const union {
        float f32;
        double f64;
        int64_t i64;
        int32_t i32;
        int16_t i16;
        int8_t i8;
        uint8_t bytes[8];
    } values[] = {
        [DNNB_F32] = {.f32 = -1.5f},       [DNNB_F64] = {.f64 = 0.1},
        [DNNB_F16] = {.i16 = 0x3e00},      [DNNB_BF16] = {.i16 = 0x3fc0},
        [DNNB_I64] = {.i64 = -5000000000}, [DNNB_I32] = {.i32 = -70000},
        [DNNB_I16] = {.i16 = -300},        [DNNB_I8] = {.i8 = -3},
        [DNNB_U8] = {.bytes = {200}},      [DNNB_BOOL] = {.bytes = {1}},
    };
    static const float expected[] = {-1.5f, 0.1f, 1.5f, 1.5f, -5e9f, -70000, -300, -3, 200, 1};
    for (size_t dtype = 0; dtype < sizeof expected / sizeof expected[0]; dtype++) {
        dnnb_tensor *t;
        float value;
        assert_ok(dnnb_tensor_create(&t, (dnnb_dtype)dtype, &(dnnb_shape){{0}, 0}));
        memcpy(dnnb_tensor_get_writable(t), &values[dtype], dnnb_dtype_get_size((dnnb_dtype)dtype));
        assert_ok(dnnb_tensor_read_f32(t, &value, 1));
        assert_true(value == expected[dtype]); /* each is exact or rounded once */
        dnnb_tensor_destroy(t);
    }
    assert_string_equal(dnnb_dtype_get_name(DNNB_BF16), "bfloat16");
}

static void test_tensor_tensor__storage_lives_with_its_last_view(void **state) {
    (void)state;
    dnnb_tensor *a, *b;
    assert_fails(dnnb_tensor_create(&a, DNNB_F32, &(dnnb_shape){{-1}, 1}), DNNB_ERR_SHAPE,
                 "negative");
    assert_null(a);
    assert_ok(dnnb_tensor_create(&a, DNNB_F32, &(dnnb_shape){{2, 2}, 2}));
    assert_ok(dnnb_tensor_clone(&b, a));
    ((float *)dnnb_tensor_get_writable(a))[3] = 5;
    dnnb_tensor_destroy(a);
    assert_true(((const float *)dnnb_tensor_get_data(b))[3] == 5);
    assert_int_equal(dnnb_tensor_get_count(b), 4);
    char text[DNNB__SHAPE_TEXT];
    dnnb__shape_print(dnnb_tensor_get_shape(b), text, sizeof text);
    assert_string_equal(text, "(2, 2)");
    dnnb__shape_print(&(dnnb_shape){{7}, 1}, text, sizeof text);
    assert_string_equal(text, "(7,)");
    dnnb_tensor_destroy(b);
    dnnb_tensor_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensor_tensor__a_view_keeps_inside_its_part),
        cmocka_unit_test(test_tensor_tensor__contiguity),
        cmocka_unit_test(test_tensor_tensor__strided_elements_come_in_row_major_order),
        cmocka_unit_test(test_tensor_tensor__small_floats_are_exact),
        cmocka_unit_test(test_tensor_tensor__every_dtype_converts),
        cmocka_unit_test(test_tensor_tensor__storage_lives_with_its_last_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
