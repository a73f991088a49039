/* Ticks: round numbers, few of them, within finite bounds whatever the values. */
#include "unit/unit.h"

#include <math.h>

#include "core/random.h"
#include "report/axis.h"

static void create(dnnb__axis *axis, double least, double most) {
    dnnb__axis_create_values(axis, least, most, -INFINITY, INFINITY, 6);
}

static void assert_labels(const dnnb__axis *axis, const char *expected) {
    char found[512] = "";
    for (size_t i = 0; i < axis->n_ticks; i++)
        (void)snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i ? " " : "",
                       axis->ticks[i].label);
    assert_string_equal(found, expected);
}

/* What holds for every axis. */
static void assert_sound(const dnnb__axis *axis, double least, double most) {
    assert_true(isfinite(axis->least) && isfinite(axis->most) && axis->least < axis->most);
    assert_true(axis->least <= least && axis->most >= most);
    assert_in_range(axis->n_ticks, 2, DNNB__AXIS_MAX_TICKS);
    for (size_t i = 0; i < axis->n_ticks; i++) {
        double place = dnnb__axis_place(axis, axis->ticks[i].value);
        assert_true(place >= -1e-6 && place <= 1 + 1e-6); /* a millionth of the plot's height */
        assert_true(axis->ticks[i].label[0] != '\0');
        if (i) assert_string_not_equal(axis->ticks[i].label, axis->ticks[i - 1].label);
    }
}

static void test_report_axis__round_labels(void **state) {
    (void)state;
    dnnb__axis axis;
    create(&axis, 0.03, 0.83);
    assert_labels(&axis, "0.0 0.2 0.4 0.6 0.8 1.0");
    create(&axis, 0.62, 0.71);
    assert_labels(&axis, "0.60 0.62 0.64 0.66 0.68 0.70 0.72");
    create(&axis, -3, 4);
    assert_labels(&axis, "-4 -2 0 2 4 6");
    assert_true(axis.ticks[2].value == 0 && !signbit(axis.ticks[2].value));
    create(&axis, 1.2e7, 2.4e7);
    assert_labels(&axis, "1.0 1.5 2.0 2.5");
    assert_string_equal(axis.factor, "×10⁷");
    create(&axis, 2e-6, 9e-6);
    assert_string_equal(axis.factor, "×10⁻⁵");
}

static void test_report_axis__bounds_are_kept(void **state) {
    (void)state;
    dnnb__axis axis;
    dnnb__axis_create_values(&axis, 0.92, 1, 0, 1, 6);
    assert_true(axis.most <= 1 + 1e-12); /* a rounding of the last tick */
    dnnb__axis_create_values(&axis, 0, 0, 0, INFINITY, 6);
    assert_true(axis.least == 0);
    dnnb__axis_create_values(&axis, -0.2, 1.3, 0, 1, 6); /* values beyond are shown */
    assert_sound(&axis, -0.2, 1.3);
}

static void test_report_axis__equal_values(void **state) {
    (void)state;
    static const double values[] = {0, 1, -1, 0.693, 1e-12, 1e20, -1e300, 1e300, 5e-324, 1e-299};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        dnnb__axis axis;
        create(&axis, values[i], values[i]);
        assert_sound(&axis, values[i], values[i]);
        double next = nextafter(values[i], INFINITY);
        create(&axis, values[i], next);
        assert_sound(&axis, values[i], next);
    }
}

static void test_report_axis__any_range_is_sound(void **state) {
    (void)state;
    dnnb__random_key key = dnnb__random_key_create(5, DNNB__PURPOSE_TEST);
    dnnb__random_draws draws = dnnb__random_draws_create(key, 0, 0);
    for (int i = 0; i < 20000; i++) {
        double a = pow(10, 600 * dnnb__random_uniform(&draws) - 300);
        double b = pow(10, 600 * dnnb__random_uniform(&draws) - 300);
        if (i % 2) b = a * (1 + pow(10, -9 * dnnb__random_uniform(&draws)));
        if (i % 3 == 0) a = -a;
        if (i % 5 == 0) b = -b;
        if (fabs(b) > DNNB__AXIS_LARGEST) b = 0;
        double least = fmin(a, b), most = fmax(a, b);
        dnnb__axis axis;
        dnnb__axis_create_values(&axis, least, most, 0, INFINITY, 6);
        assert_sound(&axis, least, most);
        dnnb__axis_trim(&axis, least, most);
        assert_sound(&axis, least, most);
        if (least <= 1e-307) continue;
        dnnb__axis_create_log(&axis, least, most, 6);
        assert_sound(&axis, least, most);
    }
}

static void test_report_axis__logarithmic(void **state) {
    (void)state;
    dnnb__axis axis;
    dnnb__axis_create_log(&axis, 0.0021, 31, 6);
    assert_true(axis.is_log);
    assert_labels(&axis, "10⁻² 10⁻¹ 10⁰ 10¹");
    assert_true(fabs(axis.least - 0.002) < 1e-12 && fabs(axis.most - 50) < 1e-9);
    assert_true(fabs(dnnb__axis_place(&axis, 0.02) * log10(25000) - 1) < 1e-9); /* one decade up */
    dnnb__axis_create_log(&axis, 0.02, 0.5, 6);
    assert_labels(&axis, "10⁻² 10⁻¹ 10⁰"); /* two powers alone are not cut */
    dnnb__axis_create_log(&axis, 0.01, 0.01, 6);
    assert_labels(&axis, "10⁻² 10⁻¹");
    dnnb__axis_create_log(&axis, 1e-300, 1e300, 6);
    assert_sound(&axis, 1e-300, 1e300);
    assert_in_range(axis.n_ticks, 3, 8);
}

static void test_report_axis__trimmed(void **state) {
    (void)state;
    dnnb__axis axis;
    create(&axis, 0.1, 1.1);
    assert_labels(&axis, "0.0 0.2 0.4 0.6 0.8 1.0 1.2");
    dnnb__axis_trim(&axis, 0.1, 1.1);
    assert_labels(&axis, "0.2 0.4 0.6 0.8 1.0");
    assert_true(fabs(axis.least - 0.06) < 1e-12 && fabs(axis.most - 1.14) < 1e-12);
    create(&axis, 3, 3);
    dnnb__axis before = axis;
    dnnb__axis_trim(&axis, 3, 3); /* no tick would be left */
    assert_memory_equal(&axis, &before, sizeof axis);
}

static void test_report_axis__counted(void **state) {
    (void)state;
    char text[32];
    dnnb__axis_write_count(text, 9999);
    assert_string_equal(text, "9999");
    dnnb__axis_write_count(text, 1234567);
    assert_string_equal(text, "1,234,567");
}

static void test_report_axis__counts(void **state) {
    (void)state;
    dnnb__axis axis;
    dnnb__axis_create_counts(&axis, 1, 10);
    assert_labels(&axis, "1");
    assert_true(axis.least < 1 && axis.most > 1);
    dnnb__axis_create_counts(&axis, 3, 10);
    assert_labels(&axis, "1 2 3"); /* no halves of epochs */
    dnnb__axis_create_counts(&axis, 50, 10);
    assert_labels(&axis, "1 5 10 15 20 25 30 35 40 45 50");
    dnnb__axis_create_counts(&axis, 180000, 6);
    assert_labels(&axis, "1 50,000 100,000 150,000");
    dnnb__axis_create_counts(&axis, 9e15, 6);
    assert_in_range(axis.n_ticks, 2, 12);
}

static void test_report_axis__what_can_be_shown(void **state) {
    (void)state;
    assert_true(dnnb__axis_can_show(0));
    assert_true(dnnb__axis_can_show(-1e300));
    assert_false(dnnb__axis_can_show((double)NAN));
    assert_false(dnnb__axis_can_show((double)INFINITY));
    assert_false(dnnb__axis_can_show(-1.1e300));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_axis__round_labels),
        cmocka_unit_test(test_report_axis__bounds_are_kept),
        cmocka_unit_test(test_report_axis__equal_values),
        cmocka_unit_test(test_report_axis__any_range_is_sound),
        cmocka_unit_test(test_report_axis__logarithmic),
        cmocka_unit_test(test_report_axis__trimmed),
        cmocka_unit_test(test_report_axis__counted),
        cmocka_unit_test(test_report_axis__counts),
        cmocka_unit_test(test_report_axis__what_can_be_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
