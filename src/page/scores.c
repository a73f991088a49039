/*
 * Scores of the validation set's predictions, with their intervals.
 */
#include <math.h>
#include <string.h>

#include "page/page.h"

enum {
    MAX_CLASSES = 4096, /* of more no table is made */
    MAX_MATRIX_CLASSES =
        50, /* a larger confusion matrix cannot be read: the worst cells are listed */
    MAX_CONFUSIONS = 20,
    MAX_ROC_POINTS = 400,
    MAX_SCATTER_POINTS = 2000
};

/* ---- classification ---- */

static json_t *list_classes(dnnb__page *page, const dnnb_class_score *scores, size_t n) {
    json_t *list = json_array();
    for (size_t k = 0; k < n; k++) {
        const dnnb_class_score *s = &scores[k];
        json_t *row = json_object();
        dnnb__page_put(page, row, "n", json_integer((json_int_t)s->n_images));
        dnnb__page_put(page, row, "n_predicted", json_integer((json_int_t)s->n_predicted));
        dnnb__page_put(page, row, "precision", json_real(s->precision));
        dnnb__page_put(page, row, "precision_interval", dnnb__page_interval(s->precision_interval));
        dnnb__page_put(page, row, "recall", json_real(s->recall));
        dnnb__page_put(page, row, "recall_interval", dnnb__page_interval(s->recall_interval));
        dnnb__page_put(page, row, "f1", json_real(s->f1));
        dnnb__page_add(page, list, row);
    }
    return list;
}

static json_t *list_matrix(dnnb__page *page, const size_t *counts, size_t n) {
    if (n > MAX_MATRIX_CLASSES) return json_null();
    json_t *list = json_array();
    for (size_t k = 0; k < n; k++) {
        json_t *row = json_array();
        for (size_t j = 0; j < n; j++)
            dnnb__page_add(page, row, json_integer((json_int_t)counts[k * n + j]));
        dnnb__page_add(page, list, row);
    }
    return list;
}

/* The cells off the diagonal with the most images, the first of equals first. */
static json_t *list_confusions(dnnb__page *page, size_t *counts, size_t n) {
    json_t *list = json_array();
    for (size_t k = 0; k < n; k++) counts[k * n + k] = 0;
    for (size_t i = 0; i < MAX_CONFUSIONS; i++) {
        size_t worst = 0;
        for (size_t c = 1; c < n * n; c++)
            if (counts[c] > counts[worst]) worst = c;
        if (counts[worst] == 0) break;
        dnnb__page_add(page, list,
                       json_pack("[I, I, I]", (json_int_t)(worst / n), (json_int_t)(worst % n),
                                 (json_int_t)counts[worst]));
        counts[worst] = 0;
    }
    return list;
}

/* At most MAX_ROC_POINTS of them, the first and the last too. */
static json_t *list_roc_points(dnnb__page *page, const dnnb_roc_point *points, size_t n) {
    size_t stride = (n + MAX_ROC_POINTS - 1) / MAX_ROC_POINTS;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (i % stride != 0 && i + 1 != n) continue;
        json_t *point = json_array();
        dnnb__page_add(page, point, dnnb__page_rounded(points[i].false_positive_rate));
        dnnb__page_add(page, point, dnnb__page_rounded(points[i].true_positive_rate));
        dnnb__page_add(page, point, dnnb__page_rounded(points[i].threshold));
        dnnb__page_add(page, list, point);
    }
    return list;
}

/* Of two classes; the second is the positive one, and its score the difference of the outputs. */
static json_t *make_roc(dnnb__page *page) {
    size_t n = dnnb_record_get_n_predictions(page->record), n_points;
    if (dnnb_record_get_n_outputs(page->record) != 2) return json_null();
    double *scores = dnnb__alloc(n, sizeof *scores), area;
    bool *positive = dnnb__alloc(n, sizeof *positive);
    dnnb_roc_point *points = NULL;
    dnnb_interval interval;
    json_t *roc = NULL;
    for (size_t i = 0; scores && positive && i < n; i++) {
        dnnb_prediction p = dnnb_record_get_prediction(page->record, i);
        scores[i] = (double)p.outputs[1] - (double)p.outputs[0];
        positive[i] = p.label == 1;
    }
    if (scores && positive &&
        dnnb_metrics_create_roc(scores, positive, n, &points, &n_points, &area, &interval) ==
            DNNB_OK) {
        roc = points ? json_object() : json_null();
        if (points) {
            dnnb__page_put(page, roc, "area", json_real(area));
            dnnb__page_put(page, roc, "interval", dnnb__page_interval(interval));
            dnnb__page_put(page, roc, "points", list_roc_points(page, points, n_points));
        }
    }
    dnnb__free(points);
    dnnb__free(positive);
    dnnb__free(scores);
    return roc;
}

static size_t *count_confusion(dnnb__page *page, double *loss) {
    size_t n_classes = dnnb_record_get_n_outputs(page->record);
    size_t n = dnnb_record_get_n_predictions(page->record);
    size_t *counts = dnnb__calloc(n_classes * n_classes, sizeof *counts);
    *loss = 0;
    for (size_t i = 0; counts && i < n; i++) {
        dnnb_prediction p = dnnb_record_get_prediction(page->record, i);
        counts[(size_t)p.label * n_classes + (size_t)p.predicted]++;
        double log_sum = dnnb__page_get_log_sum(p.outputs, n_classes);
        *loss += (log_sum - (double)p.outputs[p.label]) / (double)n;
    }
    return counts;
}

json_t *dnnb__page_classification(dnnb__page *page) {
    size_t n_classes = dnnb_record_get_n_outputs(page->record);
    if (dnnb_record_get_task(page->record) != DNNB_CLASSIFICATION ||
        dnnb_record_get_n_predictions(page->record) == 0 || n_classes > MAX_CLASSES)
        return json_null();
    double loss;
    size_t *counts = count_confusion(page, &loss);
    dnnb_class_score *classes = dnnb__calloc(n_classes, sizeof *classes);
    json_t *object = counts && classes ? json_object() : NULL;
    if (object) {
        dnnb_classification_score all;
        dnnb_metrics_score_classes(counts, n_classes, classes, &all);
        dnnb__page_put(page, object, "n", json_integer((json_int_t)all.n_images));
        dnnb__page_put(page, object, "n_right", json_integer((json_int_t)all.n_right));
        dnnb__page_put(page, object, "accuracy", json_real(all.accuracy));
        dnnb__page_put(page, object, "accuracy_interval",
                       dnnb__page_interval(all.accuracy_interval));
        dnnb__page_put(page, object, "balanced_accuracy", json_real(all.balanced_accuracy));
        dnnb__page_put(page, object, "macro_f1", json_real(all.macro_f1));
        dnnb__page_put(page, object, "loss", dnnb__json_real(loss));
        dnnb__page_put(page, object, "classes", list_classes(page, classes, n_classes));
        dnnb__page_put(page, object, "matrix", list_matrix(page, counts, n_classes));
        dnnb__page_put(page, object, "confusions", list_confusions(page, counts, n_classes));
        dnnb__page_put(page, object, "roc", make_roc(page));
    }
    dnnb__free(classes);
    dnnb__free(counts);
    return object;
}

/* ---- regression ---- */

static void put_score(dnnb__page *page, json_t *object, const double *predicted,
                      const double *targets, size_t n) {
    dnnb_regression_score s;
    dnnb_metrics_score_regression(predicted, targets, n, &s);
    dnnb__page_put(page, object, "n", json_integer((json_int_t)s.n));
    dnnb__page_put(page, object, "r", dnnb__json_real(s.r));
    dnnb__page_put(page, object, "r_interval", dnnb__page_interval(s.r_interval));
    dnnb__page_put(page, object, "r_squared", dnnb__json_real(s.r_squared));
    dnnb__page_put(page, object, "r_squared_interval", dnnb__page_interval(s.r_squared_interval));
    dnnb__page_put(page, object, "rmse", dnnb__json_real(s.rmse));
    dnnb__page_put(page, object, "mae", dnnb__json_real(s.mae));
    dnnb__page_put(page, object, "determination", dnnb__json_real(s.determination));
}

/* [target, predicted, number of the image], thinned evenly. */
static json_t *list_scatter(dnnb__page *page, const double *predicted, const double *targets,
                            size_t n) {
    size_t stride = (n + MAX_SCATTER_POINTS - 1) / MAX_SCATTER_POINTS;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i += stride) {
        json_t *point = json_array();
        dnnb__page_add(page, point, dnnb__page_rounded(targets[i]));
        dnnb__page_add(page, point, dnnb__page_rounded(predicted[i]));
        dnnb__page_add(page, point,
                       dnnb__json_text(dnnb_record_get_prediction(page->record, i).id));
        dnnb__page_add(page, list, point);
    }
    return list;
}

json_t *dnnb__page_regression(dnnb__page *page) {
    const dnnb_record *record = page->record;
    size_t n = dnnb_record_get_n_predictions(record), n_targets = dnnb_record_get_n_targets(record);
    if (dnnb_record_get_task(record) != DNNB_REGRESSION || n == 0) return json_null();
    /* A file may have fewer outputs than targets; what has no partner is not scored. */
    if (dnnb_record_get_n_outputs(record) < n_targets)
        n_targets = dnnb_record_get_n_outputs(record);
    double *values = dnnb__alloc(2 * n * n_targets, sizeof *values);
    if (!values) return NULL;
    double *predicted = values, *targets = values + n * n_targets;
    for (size_t i = 0; i < n; i++) {
        dnnb_prediction p = dnnb_record_get_prediction(record, i);
        for (size_t k = 0; k < n_targets; k++) {
            predicted[k * n + i] = (double)p.outputs[k];
            targets[k * n + i] = (double)p.targets[k];
        }
    }
    json_t *object = json_object(), *list = json_array();
    put_score(page, object, predicted, targets, n * n_targets);
    for (size_t k = 0; k < n_targets; k++) {
        json_t *target = json_object();
        dnnb__page_put(page, target, "name",
                       dnnb__json_text(dnnb_record_get_target_name(record, k)));
        put_score(page, target, predicted + k * n, targets + k * n, n);
        dnnb__page_put(page, target, "points",
                       list_scatter(page, predicted + k * n, targets + k * n, n));
        dnnb__page_add(page, list, target);
    }
    dnnb__page_put(page, object, "targets", list);
    dnnb__free(values);
    return object;
}
