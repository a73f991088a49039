/*
 * Scores by epoch, and what the plots of histories share.
 */
#include <math.h>

#include "report/axis.h"
#include "report/plot_history.h"

static double get_value(const dnnb_epoch *e, dnnb__value value) {
    switch (value) {
    case DNNB__VALUE_LOSS:
        return e->epoch_loss;
    case DNNB__VALUE_LOSS_VALIDATION:
        return e->loss_validation;
    case DNNB__VALUE_SCORE_TRAIN:
        return e->score_train;
    case DNNB__VALUE_SCORE_VALIDATION:
        return e->score_validation;
    case DNNB__VALUE_LEARNING_RATE:
        break;
    }
    return e->learning_rate;
}

double *dnnb__history_copy(dnnb_plot *plot, const dnnb_history *history, dnnb__value value) {
    size_t n = dnnb_history_get_count(history);
    double *values = dnnb__plot_alloc(plot, n, sizeof *values);
    for (size_t i = 0; values && i < n; i++)
        values[i] = get_value(dnnb_history_get_epoch(history, i), value);
    return values;
}

size_t dnnb__values_count(const double *values, size_t n) {
    size_t n_shown = 0;
    for (size_t i = 0; i < n; i++) n_shown += dnnb__axis_can_show(values[i]);
    return n_shown;
}

double dnnb__count_places(size_t n) {
    return n ? (double)n : 1;
}

dnnb_status dnnb__series_mark_best(dnnb_plot *plot, dnnb__series *series, size_t best) {
    if (best >= series->n || !dnnb__axis_can_show(series->y[best])) return DNNB_OK;
    series->best = best + 1;
    series->best_name = dnnb__plot_printf(plot, "best epoch %zu (%.3g)", best + 1, series->y[best]);
    return series->best_name ? DNNB_OK : dnnb__fail_memory();
}

static dnnb_status build_score(dnnb_plot *plot, const dnnb_history *history, const char *score_name,
                               double chance, size_t best) {
    static const char *const names[] = {"training", "validation"};
    static const size_t looks[] = {DNNB__LOOK_SECOND, DNNB__LOOK_MAIN};
    static const dnnb__value values[] = {DNNB__VALUE_SCORE_TRAIN, DNNB__VALUE_SCORE_VALIDATION};
    size_t n = dnnb_history_get_count(history), n_taken = 0;
    dnnb__series *series = dnnb__plot_alloc(plot, 2, sizeof *series);
    if (!series) return dnnb__fail_memory();
    for (size_t s = 0; s < 2; s++) {
        double *scores = dnnb__history_copy(plot, history, values[s]);
        if (!scores) return dnnb__fail_memory();
        if (dnnb__values_count(scores, n) == 0) continue;
        series[n_taken] = (dnnb__series){.name = names[s], .look = looks[s], .y = scores, .n = n};
        if (s == 1) DNNB_TRY(dnnb__series_mark_best(plot, &series[n_taken], best));
        n_taken++;
    }
    dnnb__figure figure = {.title = "Score by epoch",
                           .x_label = "epoch",
                           .y_label = dnnb__plot_printf(plot, "%s", score_name),
                           .y_scale = DNNB__SCALE_LINEAR,
                           .least = 0,
                           .most = 1,
                           .series = series,
                           .n_series = n_taken,
                           .show_legend = n_taken > 0,
                           .n_counts = dnnb__count_places(n),
                           .level = chance,
                           .empty_note = "no score was taken"};
    if (!isnan(chance)) {
        figure.level_name = dnnb__plot_printf(plot, "chance (%.3g)", chance);
        if (!figure.level_name) return dnnb__fail_memory();
    }
    if (!figure.y_label) return dnnb__fail_memory();
    return dnnb__plot_set_figure(plot, &figure);
}

dnnb_status dnnb_plot_create_score(dnnb_plot **out, const dnnb_history *history,
                                   const char *score_name, double chance, size_t best) {
    DNNB_TRY(dnnb__plot_create(out, "score"));
    return dnnb__plot_finish(out, *out, build_score(*out, history, score_name, chance, best));
}
