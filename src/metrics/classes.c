/*
 * Scores of classes, from counts alone.
 *
 * Source: scikit-learn's definitions with zero_division=0 (precision_recall_fscore_support,
 * balanced_accuracy_score).
 */
#include <math.h>
#include <string.h>

#include "core/status.h"
#include "dnnbrain/metrics.h"
#include "metrics/interval.h"

static double share(size_t part, size_t whole) {
    return whole ? (double)part / (double)whole : 0.0;
}

dnnb_interval dnnb_metrics_get_wilson(size_t n_right, size_t n) {
    if (n == 0) return (dnnb_interval){(double)NAN, (double)NAN};
    double zz = DNNB__METRICS_Z * DNNB__METRICS_Z, m = (double)n, p = share(n_right, n);
    double centre = (p + zz / (2 * m)) / (1 + zz / m);
    double half = DNNB__METRICS_Z / (1 + zz / m) * sqrt((p * (1 - p) + zz / (4 * m)) / m);
    /* At the ends the interval reaches them exactly; rounding must not. */
    return (dnnb_interval){n_right == 0 ? 0.0 : centre - half, n_right == n ? 1.0 : centre + half};
}

dnnb_status dnnb_metrics_count_confusion(const int64_t *labels, const int64_t *predicted, size_t n,
                                         size_t n_classes, size_t *counts) {
    int64_t end = (int64_t)n_classes;
    memset(counts, 0, n_classes * n_classes * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        int64_t row = labels[i], column = predicted[i];
        if (row < 0 || row >= end || column < 0 || column >= end)
            return dnnb__fail(DNNB_ERR_SHAPE,
                              "image %zu: expected classes from 0 to %lld, found %lld predicted as "
                              "%lld",
                              i, (long long)end - 1, (long long)row, (long long)column);
        counts[(size_t)row * n_classes + (size_t)column]++;
    }
    return DNNB_OK;
}

static dnnb_class_score score_class(const size_t *counts, size_t n_classes, size_t k) {
    dnnb_class_score score = {.n_right = counts[k * n_classes + k]};
    for (size_t j = 0; j < n_classes; j++) {
        score.n_images += counts[k * n_classes + j];
        score.n_predicted += counts[j * n_classes + k];
    }
    score.precision = share(score.n_right, score.n_predicted);
    score.recall = share(score.n_right, score.n_images);
    score.f1 = share(2 * score.n_right, score.n_images + score.n_predicted);
    score.precision_interval = dnnb_metrics_get_wilson(score.n_right, score.n_predicted);
    score.recall_interval = dnnb_metrics_get_wilson(score.n_right, score.n_images);
    return score;
}

void dnnb_metrics_score_classes(const size_t *counts, size_t n_classes, dnnb_class_score *classes,
                                dnnb_classification_score *all) {
    size_t n_occurring = 0, n_seen = 0;
    double recall_sum = 0, f1_sum = 0;
    *all = (dnnb_classification_score){0};
    for (size_t k = 0; k < n_classes; k++) {
        dnnb_class_score score = score_class(counts, n_classes, k);
        if (classes) classes[k] = score;
        all->n_images += score.n_images;
        all->n_right += score.n_right;
        n_occurring += score.n_images > 0;
        n_seen += score.n_images > 0 || score.n_predicted > 0;
        recall_sum += score.recall;
        f1_sum += score.f1;
    }
    all->accuracy = share(all->n_right, all->n_images);
    all->accuracy_interval = dnnb_metrics_get_wilson(all->n_right, all->n_images);
    all->balanced_accuracy = n_occurring ? recall_sum / (double)n_occurring : 0.0;
    all->macro_f1 = n_seen ? f1_sum / (double)n_seen : 0.0;
}
