/* Distances between words, globs, and numbers read strictly. */
#include "unit/unit.h"

#include <math.h>

#include "core/text.h"

static void test_core_text__distance(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},
        {"ant", "", 3},
        {"kitten", "sitting", 3},
        {"alexnet", "ALEXNET", 0},
        {"epohcs", "epochs", 1},
        {"abcd", "badc", 2},
        {"stim", "stin", 1},
        {"train", "rain", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(dnnb__text_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(dnnb__text_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
    char word[200];
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_int_equal(dnnb__text_distance(word, "a"), 199);
}

static void test_core_text__nearest(void **state) {
    (void)state;
    static const char *const words[] = {"train", "test", "predict", "stim", "inspect"};
    assert_string_equal(dnnb__text_nearest("trian", words, 5), "train");
    assert_string_equal(dnnb__text_nearest("Inspekt", words, 5), "inspect");
    assert_null(dnnb__text_nearest("zebrafish", words, 5));
    assert_null(dnnb__text_nearest("train", words, 0));
}

static void test_core_text__globs(void **state) {
    (void)state;
    assert_true(dnnb__text_matches("features.*", "features.0.weight"));
    assert_true(dnnb__text_matches("conv1,conv2", "conv2"));
    assert_true(dnnb__text_matches(",,conv?", "conv3"));
    assert_false(dnnb__text_matches("conv1,conv2", "conv12"));
    assert_false(dnnb__text_matches("", "conv1"));
    assert_false(dnnb__text_matches("features.*", "classifier.1.weight"));
}

static void test_core_text__integers(void **state) {
    (void)state;
    int64_t value = 0;
    assert_true(dnnb__text_read_i64(" -42 ", &value));
    assert_int_equal(value, -42);
    assert_true(dnnb__text_read_i64("9223372036854775807", &value));
    assert_true(value == INT64_MAX);
    static const char *const bad[] = {"", " ", "1.0", "1x", "x", "9223372036854775808", "1 2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(dnnb__text_read_i64(bad[i], &value));
}

static void test_core_text__numbers(void **state) {
    (void)state;
    double value = 0;
    assert_true(dnnb__text_read_f64(" 1e-3", &value));
    assert_true(value == 1e-3); /* the nearest double, so equal */
    assert_true(dnnb__text_read_f64("nan", &value) && isnan(value));
    assert_true(dnnb__text_read_f64("-inf", &value) && isinf(value));
    static const char *const bad[] = {"", "fast", "1,5", "1e", "0.1.2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(dnnb__text_read_f64(bad[i], &value));
}

static void test_core_text__equality_without_case(void **state) {
    (void)state;
    assert_true(dnnb__text_equal_nocase("AlexNet", "alexnet"));
    assert_true(dnnb__text_equal_nocase("", ""));
    assert_false(dnnb__text_equal_nocase("alexnet", "alexne"));
    assert_false(dnnb__text_equal_nocase("alexne", "alexnet"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_text__distance),
        cmocka_unit_test(test_core_text__nearest),
        cmocka_unit_test(test_core_text__globs),
        cmocka_unit_test(test_core_text__integers),
        cmocka_unit_test(test_core_text__numbers),
        cmocka_unit_test(test_core_text__equality_without_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
