/*
 * Runs laid over each other: one number of every epoch, a line for each run.
 *
 * A run may be a group, such as one training repeated over seeds or folds: then the line is the
 * mean of those that reached an epoch, the band one standard deviation on both sides of it, and a
 * thin line each of them.
 */
#include <math.h>

#include "report/axis.h"
#include "report/plot_history.h"

enum { HEIGHT_OF_ROW_PX = 21, RUNS_OF_ROW = 3 };

/* What is drawn of a number. */
static const struct quantity {
    dnnb__value value;
    const char *id, *title, *label, *none;
    dnnb__scale scale;
    double most;
} quantities[] = {
    [DNNB_PLOT_SCORE] = {DNNB__VALUE_SCORE_VALIDATION, "compare-score", "Validation score by epoch",
                         "score", "no validation score was taken", DNNB__SCALE_LINEAR, 1},
    [DNNB_PLOT_SCORE_TRAIN] = {DNNB__VALUE_SCORE_TRAIN, "compare-score-train",
                               "Training score by epoch", "score", "no training score was taken",
                               DNNB__SCALE_LINEAR, 1},
    [DNNB_PLOT_LOSS] = {DNNB__VALUE_LOSS, "compare-loss", "Training loss by epoch", "loss",
                        "no finite loss", DNNB__SCALE_WIDE, INFINITY},
    [DNNB_PLOT_LOSS_VALIDATION] = {DNNB__VALUE_LOSS_VALIDATION, "compare-loss-validation",
                                   "Validation loss by epoch", "loss",
                                   "no validation loss was taken", DNNB__SCALE_WIDE, INFINITY},
};

/* The figure's series, as they are added. */
typedef struct builder {
    dnnb_plot *plot;
    const struct quantity *quantity;
    dnnb__series *series;
    size_t n_series, longest;
    bool has_best, has_group;
} builder;

static dnnb__series *add(builder *b, const dnnb__series *series) {
    b->series[b->n_series] = *series;
    return &b->series[b->n_series++];
}

/* Mean and standard deviation of the k-th values that can be shown. @return How many these are. */
static size_t summarise(double *const *values, const size_t *n_values, size_t n, size_t k,
                        double *mean, double *deviation) {
    size_t n_shown = 0;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        if (k >= n_values[i] || !dnnb__axis_can_show(values[i][k])) continue;
        sum += values[i][k];
        n_shown++;
    }
    *mean = n_shown ? sum / (double)n_shown : (double)NAN;
    for (size_t i = 0; i < n; i++) {
        if (k >= n_values[i] || !dnnb__axis_can_show(values[i][k])) continue;
        squares += (values[i][k] - *mean) * (values[i][k] - *mean);
    }
    *deviation = n_shown > 1 ? sqrt(squares / (double)(n_shown - 1)) : 0;
    return n_shown;
}

/* A band, thin lines, and the mean on top. */
static dnnb_status add_group(builder *b, const dnnb_plot_run *run, size_t look) {
    size_t n = run->n_histories, n_epochs = 0;
    double **values = dnnb__plot_alloc(b->plot, n, sizeof *values);
    size_t *n_values = dnnb__plot_alloc(b->plot, n, sizeof *n_values);
    if (!values || !n_values) return dnnb__fail_memory();
    for (size_t i = 0; i < n; i++) {
        n_values[i] = dnnb_history_get_count(run->histories[i]);
        values[i] = dnnb__history_copy(b->plot, run->histories[i], b->quantity->value);
        if (!values[i]) return dnnb__fail_memory();
        if (n_values[i] > n_epochs) n_epochs = n_values[i];
    }
    double *mean = dnnb__plot_alloc(b->plot, n_epochs, sizeof *mean);
    double *low = dnnb__plot_alloc(b->plot, n_epochs, sizeof *low);
    double *high = dnnb__plot_alloc(b->plot, n_epochs, sizeof *high);
    if (!mean || !low || !high) return dnnb__fail_memory();
    for (size_t k = 0; k < n_epochs; k++) {
        double deviation;
        size_t n_shown = summarise(values, n_values, n, k, &mean[k], &deviation);
        low[k] = n_shown > 1 ? fmax(0, mean[k] - deviation) : (double)NAN;
        high[k] = fmin(b->quantity->most, mean[k] + deviation);
    }
    (void)add(b, &(dnnb__series){
                     .look = look, .form = DNNB__BAND, .y = low, .y_high = high, .n = n_epochs});
    for (size_t i = 0; i < n; i++)
        (void)add(b, &(dnnb__series){
                         .look = look, .form = DNNB__THIN_LINE, .y = values[i], .n = n_values[i]});
    const char *name = dnnb__plot_printf(b->plot, "%s (%zu runs)", run->label, n);
    if (!name) return dnnb__fail_memory();
    (void)add(b, &(dnnb__series){.name = name, .look = look, .y = mean, .n = n_epochs});
    b->has_group = true;
    return DNNB_OK;
}

static dnnb_status add_one(builder *b, const dnnb_plot_run *run, size_t look) {
    size_t n = dnnb_history_get_count(run->histories[0]);
    double *values = dnnb__history_copy(b->plot, run->histories[0], b->quantity->value);
    const char *name = dnnb__plot_printf(b->plot, "%s", run->label);
    if (!values || !name) return dnnb__fail_memory();
    dnnb__series *series = add(b, &(dnnb__series){.name = name, .look = look, .y = values, .n = n});
    if (run->best >= n || !dnnb__axis_can_show(values[run->best])) return DNNB_OK;
    series->best = run->best + 1;
    series->name = dnnb__plot_printf(b->plot, "%s (%.3g at %zu)", run->label, values[run->best],
                                     run->best + 1);
    if (!b->has_best) series->best_name = "best (at its epoch)";
    b->has_best = true;
    return series->name ? DNNB_OK : dnnb__fail_memory();
}

static dnnb_status add_runs(builder *b, const dnnb_plot_run *runs, size_t n_runs) {
    size_t n_series = 0;
    for (size_t i = 0; i < n_runs; i++) {
        n_series += runs[i].n_histories + 2;
        for (size_t k = 0; k < runs[i].n_histories; k++) {
            size_t n = dnnb_history_get_count(runs[i].histories[k]);
            if (n > b->longest) b->longest = n;
        }
    }
    b->series = dnnb__plot_alloc(b->plot, n_series, sizeof *b->series);
    if (!b->series) return dnnb__fail_memory();
    for (size_t i = 0; i < n_runs; i++) {
        size_t look = i % DNNB__N_LOOKS;
        if (runs[i].n_histories > 1)
            DNNB_TRY(add_group(b, &runs[i], look));
        else if (runs[i].n_histories == 1)
            DNNB_TRY(add_one(b, &runs[i], look));
    }
    return DNNB_OK;
}

static dnnb_status build(builder *b, const dnnb_plot_run *runs, size_t n_runs,
                         const char *score_name, double chance) {
    const struct quantity *q = b->quantity;
    bool is_score = q->most == 1;
    DNNB_TRY(add_runs(b, runs, n_runs));
    dnnb__figure figure = {.title = q->title,
                           .note = b->has_group ? "bands: one standard deviation" : NULL,
                           .x_label = "epoch",
                           .y_label = dnnb__plot_printf(b->plot, "%s", q->label),
                           .y_scale = q->scale,
                           .least = 0,
                           .most = q->most,
                           .series = b->series,
                           .n_series = b->n_series,
                           .show_legend = true,
                           .n_counts = dnnb__count_places(b->longest),
                           .level = chance,
                           .empty_note = q->none};
    if (is_score && score_name) figure.y_label = dnnb__plot_printf(b->plot, "%s", score_name);
    if (!figure.y_label) return dnnb__fail_memory();
    if (is_score && !isnan(chance)) {
        figure.level_name = dnnb__plot_printf(b->plot, "chance (%.3g)", chance);
        if (!figure.level_name) return dnnb__fail_memory();
    }
    /* Many names must not take the plot's height. */
    b->plot->height_px += HEIGHT_OF_ROW_PX * (n_runs / RUNS_OF_ROW);
    return dnnb__plot_set_figure(b->plot, &figure);
}

dnnb_status dnnb_plot_create_comparison(dnnb_plot **out, const dnnb_plot_run *runs, size_t n_runs,
                                        dnnb_plot_quantity quantity, const char *score_name,
                                        double chance) {
    DNNB_TRY(dnnb__plot_create(out, quantities[quantity].id));
    builder b = {.plot = *out, .quantity = &quantities[quantity]};
    return dnnb__plot_finish(out, *out, build(&b, runs, n_runs, score_name, chance));
}
