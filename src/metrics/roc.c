/*
 * The receiver operating characteristic of two classes and the area under it.
 *
 * Method: scores are sorted from the largest; a point stands where the score changes. The area is
 * the sum of trapezia between the points.
 */
#include <math.h>
#include <stdlib.h>

#include "core/mem.h"
#include "dnnbrain/metrics.h"
#include "metrics/interval.h"

typedef struct scored {
    double score;
    bool positive;
} scored;

static int compare_descending(const void *a, const void *b) {
    double x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x < y) - (x > y);
}

static size_t trace(dnnb_roc_point *points, const scored *sorted, size_t n, size_t n_positive) {
    size_t n_points = 1, n_true = 0;
    points[0] = (dnnb_roc_point){.threshold = (double)INFINITY};
    for (size_t i = 0; i < n; i++) {
        n_true += sorted[i].positive;
        if (i + 1 < n && sorted[i + 1].score == sorted[i].score) continue;
        points[n_points++] = (dnnb_roc_point){
            .threshold = sorted[i].score,
            .false_positive_rate = (double)(i + 1 - n_true) / (double)(n - n_positive),
            .true_positive_rate = (double)n_true / (double)n_positive};
    }
    return n_points;
}

static double sum_area(const dnnb_roc_point *p, size_t n) {
    double area = 0;
    for (size_t i = 1; i < n; i++)
        area += (p[i].false_positive_rate - p[i - 1].false_positive_rate) *
                (p[i].true_positive_rate + p[i - 1].true_positive_rate) / 2;
    return area;
}

/* Hanley and McNeil's standard error of an area t, with both numbers of images replaced by their
 * mean in the two middle terms, as Newcombe does. */
static double get_area_error(double t, double n_positive, double n_negative) {
    double more = (n_positive + n_negative) / 2 - 1;
    double variance = t * (1 - t) * (1 + more * (1 - t) / (2 - t) + more * t / (1 + t)) /
                      (n_positive * n_negative);
    return sqrt(variance > 0 ? variance : 0);
}

/* The area between `inside` and `outside` whose error reaches just as far as `area`. Halving ends
 * at neighbouring numbers. */
static double find_end(double area, double outside, double n_positive, double n_negative) {
    double inside = area;
    for (int i = 0; i < 100; i++) {
        double middle = (inside + outside) / 2;
        double reach = DNNB__METRICS_Z * get_area_error(middle, n_positive, n_negative);
        if (fabs(area - middle) <= reach)
            inside = middle;
        else
            outside = middle;
    }
    return inside;
}

dnnb_status dnnb_metrics_create_roc(const double *scores, const bool *positive, size_t n,
                                    dnnb_roc_point **points, size_t *n_points, double *area,
                                    dnnb_interval *area_interval) {
    size_t n_positive = 0;
    *points = NULL;
    *n_points = 0;
    *area = (double)NAN;
    *area_interval = (dnnb_interval){(double)NAN, (double)NAN};
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(scores[i]))
            return dnnb__fail(DNNB_ERR_NUMERIC, "score %zu: expected a finite number, found %g", i,
                              scores[i]);
        n_positive += positive[i];
    }
    if (n_positive == 0 || n_positive == n) return DNNB_OK;
    scored *sorted = dnnb__alloc(n, sizeof *sorted);
    *points = dnnb__alloc(n + 1, sizeof **points);
    if (!sorted || !*points) {
        dnnb__free(sorted);
        dnnb__free(*points);
        *points = NULL;
        return dnnb__fail_memory();
    }
    for (size_t i = 0; i < n; i++) sorted[i] = (scored){scores[i], positive[i]};
    qsort(sorted, n, sizeof *sorted, compare_descending);
    *n_points = trace(*points, sorted, n, n_positive);
    dnnb__free(sorted);
    double a = (double)n_positive, b = (double)(n - n_positive);
    *area = sum_area(*points, *n_points);
    *area_interval = (dnnb_interval){find_end(*area, 0, a, b), find_end(*area, 1, a, b)};
    return DNNB_OK;
}
