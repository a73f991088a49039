/* Edges of the metrics; their values are compared with scikit-learn in tests/golden/metrics.py. */
#include <math.h>

#include "dnnbrain/metrics.h"
#include "dnnbrain/stimulus.h"
#include "unit/unit.h"

static void test_metrics_metrics__a_class_out_of_range_is_named(void **state) {
    const int64_t labels[] = {0, 1, 2}, predicted[] = {0, 1, 1};
    size_t counts[4];
    (void)state;
    assert_fails(dnnb_metrics_count_confusion(labels, predicted, 3, 2, counts), DNNB_ERR_SHAPE,
                 "image 2: expected classes from 0 to 1, found 2 predicted as 1");
    assert_fails(dnnb_metrics_count_confusion(predicted, (const int64_t[]){0, -1, 0}, 3, 2, counts),
                 DNNB_ERR_SHAPE, "image 1");
}

static void test_metrics_metrics__no_image_is_no_score(void **state) {
    const size_t counts[4] = {0};
    dnnb_class_score classes[2];
    dnnb_classification_score all;
    (void)state;
    dnnb_metrics_score_classes(counts, 2, classes, &all);
    assert_true(all.accuracy == 0 && all.macro_f1 == 0 && all.balanced_accuracy == 0);
    assert_true(isnan(all.accuracy_interval.low) && isnan(classes[1].recall_interval.high));
}

static void test_metrics_metrics__scores_that_are_not_finite_are_refused(void **state) {
    const double scores[] = {1, (double)NAN};
    const bool positive[] = {true, false};
    dnnb_roc_point *points;
    dnnb_interval interval;
    size_t n_points;
    double area;
    (void)state;
    assert_fails(dnnb_metrics_create_roc(scores, positive, 2, &points, &n_points, &area, &interval),
                 DNNB_ERR_NUMERIC, "score 1");
    assert_null(points);
}

static void test_metrics_metrics__a_perfect_area_has_an_interval(void **state) {
    const double scores[] = {1, 2, 3, 4};
    const bool positive[] = {false, false, true, true};
    dnnb_roc_point *points;
    dnnb_interval interval;
    size_t n_points;
    double area;
    (void)state;
    assert_ok(dnnb_metrics_create_roc(scores, positive, 4, &points, &n_points, &area, &interval));
    assert_int_equal(n_points, 5);
    assert_true(area == 1 && interval.high == 1 && interval.low < 0.9);
    dnnb_free(points);
}

static void test_metrics_metrics__a_perfect_correlation_stays_one(void **state) {
    double values[101];
    dnnb_regression_score score;
    (void)state;
    for (size_t i = 0; i < 101; i++) values[i] = 0.1 * (double)i;
    dnnb_metrics_score_regression(values, values, 101, &score);
    /* Sums of a hundred products may each round once. */
    assert_true(fabs(score.r - 1) < 1e-14 && score.r_interval.high <= 1);
    assert_true(score.rmse == 0 && score.determination == 1);
    dnnb_metrics_score_regression(values, values, 3, &score);
    assert_true(isnan(score.r_interval.low) && isnan(score.r_squared_interval.high));
    dnnb_metrics_score_regression(values, values, 0, &score);
    assert_true(score.r_squared == 0 && score.rmse == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_metrics__a_class_out_of_range_is_named),
        cmocka_unit_test(test_metrics_metrics__no_image_is_no_score),
        cmocka_unit_test(test_metrics_metrics__scores_that_are_not_finite_are_refused),
        cmocka_unit_test(test_metrics_metrics__a_perfect_area_has_an_interval),
        cmocka_unit_test(test_metrics_metrics__a_perfect_correlation_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
