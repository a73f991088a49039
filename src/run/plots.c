/*
 * The plots of a run, from its history and its last predictions of the validation set.
 */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "run/run.h"
#include "train/predictions.h"

#include "dnnbrain/metrics.h"
#include "dnnbrain/plot.h"

static const char set_name[] = "validation set";

/* Save a plot that was created as `name` with both endings, and destroy it. */
static dnnb_status save(const dnnb__run *r, const char *name, dnnb_plot *plot, dnnb_status status) {
    static const char *const endings[] = {"svg", "png"};
    for (size_t i = 0; status == DNNB_OK && i < sizeof endings / sizeof endings[0]; i++) {
        char file[32], *path;
        (void)snprintf(file, sizeof file, "%s.%s", name, endings[i]);
        status = dnnb__path_join(&path, r->in.run->folder, file);
        if (status != DNNB_OK) break;
        status = dnnb_plot_save(plot, path);
        dnnb__free(path);
    }
    dnnb_plot_destroy(plot);
    return status;
}

static dnnb_status draw_history(const dnnb__run *r) {
    const dnnb_train_options *o = r->in.options;
    const char *score_name = o->task == DNNB_CLASSIFICATION ? "accuracy" : "r squared";
    size_t best = dnnb_history_find_best(r->history, o->monitor);
    dnnb_plot *plot;
    dnnb_status status = dnnb_plot_create_epoch_loss(&plot, r->history, best);
    DNNB_TRY(save(r, "epoch_loss", plot, status));
    status = dnnb_plot_create_step_loss(&plot, r->history);
    DNNB_TRY(save(r, "step_loss", plot, status));
    status = dnnb_plot_create_learning_rate(&plot, r->history);
    DNNB_TRY(save(r, "learning_rate", plot, status));
    if (!r->in.validation && !o->score_train) return DNNB_OK;
    status = dnnb_plot_create_score(&plot, r->history, score_name, r->chance, best);
    return save(r, "score", plot, status);
}

/* ---- of predictions ---- */

static dnnb_status count_confusion(const dnnb__run *r, size_t n_classes, size_t *counts) {
    const dnnb_predictions *p = r->last;
    size_t n_rows = dnnb_stimulus_get_count(r->in.validation);
    int64_t *labels = dnnb__alloc(n_rows, sizeof *labels);
    int64_t *predicted = dnnb__alloc(p->n, sizeof *predicted);
    dnnb_status status = labels && predicted ? dnnb_stimulus_read_labels(r->in.validation, labels,
                                                                         (int64_t)n_classes)
                                             : dnnb__fail_memory();
    for (size_t i = 0; status == DNNB_OK && i < p->n; i++) {
        labels[i] = labels[p->rows[i]]; /* rows rise, and images that were left out have none */
        predicted[i] = (int64_t)dnnb__predictions_argmax(p->outputs + i * n_classes, n_classes);
    }
    if (status == DNNB_OK)
        status = dnnb_metrics_count_confusion(labels, predicted, p->n, n_classes, counts);
    dnnb__free(labels);
    dnnb__free(predicted);
    return status;
}

static dnnb_status draw_confusion(const dnnb__run *r) {
    size_t n_classes = r->last->n_outputs;
    const char **names = NULL;
    size_t *counts = dnnb__calloc(n_classes * n_classes, sizeof *counts);
    dnnb_plot *plot = NULL;
    dnnb_status status = counts ? count_confusion(r, n_classes, counts) : dnnb__fail_memory();
    if (status == DNNB_OK) status = dnnb__run_list_class_names(&r->in, &names);
    if (status == DNNB_OK)
        status = dnnb_plot_create_confusion(&plot, counts, n_classes, names, set_name);
    dnnb__free(counts);
    dnnb__free(names);
    return save(r, "confusion", plot, status);
}

/* Columns divided by commas, as pointers into a copy; free both. */
static dnnb_status split_names(const char *names, size_t n, char **copy, const char ***out) {
    *copy = dnnb__strdup(names);
    *out = dnnb__calloc(n, sizeof **out);
    if (!*copy || !*out) return dnnb__fail_memory();
    char *at = *copy;
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = at;
        at += strcspn(at, ",");
        if (*at) *at++ = '\0';
    }
    return DNNB_OK;
}

static dnnb_status draw_regression(const dnnb__run *r) {
    const dnnb_predictions *p = r->last;
    const char *columns = r->in.options->target ? r->in.options->target : "label", **names = NULL;
    char *copy = NULL;
    float *targets = NULL;
    size_t n_targets = 0;
    dnnb_plot *plot = NULL;
    DNNB_TRY(dnnb_stimulus_read_targets(r->in.validation, columns, &targets, &n_targets));
    for (size_t i = 0; i < p->n; i++) /* rows rise: none is overwritten before it is read */
        memmove(targets + i * n_targets, targets + p->rows[i] * n_targets,
                n_targets * sizeof *targets);
    dnnb_status status = split_names(columns, n_targets, &copy, &names);
    if (status == DNNB_OK)
        status = dnnb_plot_create_regression(&plot, targets, p->outputs, p->n, n_targets, names,
                                             set_name);
    dnnb__free(targets);
    dnnb__free(copy);
    dnnb__free(names);
    return save(r, "regression", plot, status);
}

dnnb_status dnnb__run_draw_plots(const dnnb__run *r) {
    DNNB_TRY(draw_history(r));
    if (!r->last) return DNNB_OK;
    return r->in.options->task == DNNB_CLASSIFICATION ? draw_confusion(r) : draw_regression(r);
}
