/*
 * Metrics of what a script writes to standard input, a line a case; a number a line comes back.
 *
 *   metrics_driver classes N_CLASSES     "label predicted"
 *   metrics_driver roc                   "score positive"
 *   metrics_driver regression            "predicted target"
 *   metrics_driver wilson                "n_right n": low and high of each
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnnbrain/metrics.h"
#include "dnnbrain/stimulus.h"

enum { MAX_CASES = 100000, MAX_CLASSES = 200 };

static double first[MAX_CASES], second[MAX_CASES];
static int64_t labels[MAX_CASES], predicted[MAX_CASES];
static bool positive[MAX_CASES];
static size_t counts[MAX_CLASSES * MAX_CLASSES];

static size_t read_cases(void) {
    size_t n = 0;
    while (n < MAX_CASES && scanf("%lf %lf", &first[n], &second[n]) == 2) n++;
    return n;
}

static void check(dnnb_status status) {
    if (status == DNNB_OK) return;
    fprintf(stderr, "metrics_driver: %s\n", dnnb_get_error());
    exit(1);
}

static void print_interval(const char *name, dnnb_interval interval) {
    printf("%s_low %.17g\n%s_high %.17g\n", name, interval.low, name, interval.high);
}

static void score_classes(size_t n_classes) {
    dnnb_class_score classes[MAX_CLASSES];
    dnnb_classification_score all;
    size_t n = read_cases();
    for (size_t i = 0; i < n; i++) {
        labels[i] = (int64_t)first[i];
        predicted[i] = (int64_t)second[i];
    }
    check(dnnb_metrics_count_confusion(labels, predicted, n, n_classes, counts));
    dnnb_metrics_score_classes(counts, n_classes, classes, &all);
    printf("accuracy %.17g\nbalanced_accuracy %.17g\nmacro_f1 %.17g\n", all.accuracy,
           all.balanced_accuracy, all.macro_f1);
    print_interval("accuracy", all.accuracy_interval);
    for (size_t k = 0; k < n_classes; k++) {
        printf("precision_%zu %.17g\nrecall_%zu %.17g\nf1_%zu %.17g\nsupport_%zu %zu\n", k,
               classes[k].precision, k, classes[k].recall, k, classes[k].f1, k,
               classes[k].n_images);
        for (size_t j = 0; j < n_classes; j++)
            printf("count_%zu_%zu %zu\n", k, j, counts[k * n_classes + j]);
    }
}

static void trace_roc(void) {
    dnnb_roc_point *points;
    size_t n = read_cases(), n_points;
    double area;
    dnnb_interval interval;
    for (size_t i = 0; i < n; i++) positive[i] = second[i] != 0;
    check(dnnb_metrics_create_roc(first, positive, n, &points, &n_points, &area, &interval));
    printf("area %.17g\n", area);
    print_interval("area", interval);
    for (size_t i = 0; i < n_points; i++)
        printf("threshold_%zu %.17g\nfpr_%zu %.17g\ntpr_%zu %.17g\n", i, points[i].threshold, i,
               points[i].false_positive_rate, i, points[i].true_positive_rate);
    dnnb_free(points);
}

static void score_regression(void) {
    dnnb_regression_score s;
    dnnb_metrics_score_regression(first, second, read_cases(), &s);
    printf("r %.17g\nr_squared %.17g\nrmse %.17g\nmae %.17g\ndetermination %.17g\n", s.r,
           s.r_squared, s.rmse, s.mae, s.determination);
    print_interval("r", s.r_interval);
    print_interval("r_squared", s.r_squared_interval);
}

static void print_wilson(void) {
    size_t n = read_cases();
    char name[32];
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(name, sizeof name, "wilson_%zu", i);
        print_interval(name, dnnb_metrics_get_wilson((size_t)first[i], (size_t)second[i]));
    }
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    size_t n_classes = argc > 2 ? (size_t)strtoull(argv[2], NULL, 10) : 0;
    if (n_classes > MAX_CLASSES) return 2;
    if (strcmp(argv[1], "classes") == 0) score_classes(n_classes);
    if (strcmp(argv[1], "roc") == 0) trace_roc();
    if (strcmp(argv[1], "regression") == 0) score_regression();
    if (strcmp(argv[1], "wilson") == 0) print_wilson();
    return 0;
}
