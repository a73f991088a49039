/*
 * Predicted against true numbers of a regression.
 *
 * Each target has a panel of its own, as they may be of different units. Where targets are too many
 * for that, such as voxels, all are laid over each other in one, as the score takes them.
 */
#include <math.h>

#include "dnnbrain/metrics.h"
#include "report/axis.h"
#include "report/plot.h"

enum { MOST_PANELS = 16, ONE_PX = 600, ROOM_PX = 340, MOST_COLUMNS = 4 };

typedef struct numbers {
    double *targets, *predicted;
    size_t n;
    dnnb_regression_score score;
} numbers;

/* Every `stride`-th value from `first` on. */
static dnnb_status numbers_create(numbers *out, dnnb_plot *plot, const float *targets,
                                  const float *predicted, size_t n, size_t first, size_t stride) {
    *out = (numbers){.targets = dnnb__plot_alloc(plot, n, sizeof(double)),
                     .predicted = dnnb__plot_alloc(plot, n, sizeof(double)),
                     .n = n};
    if (!out->targets || !out->predicted) return dnnb__fail_memory();
    for (size_t i = 0; i < n; i++) {
        out->targets[i] = targets[first + i * stride];
        out->predicted[i] = predicted[first + i * stride];
    }
    dnnb_metrics_score_regression(out->predicted, out->targets, n, &out->score);
    return DNNB_OK;
}

static const char *write_score(dnnb_plot *plot, const dnnb_regression_score *s, const char *what) {
    char count[32];
    dnnb__axis_write_count(count, (double)s->n);
    if (s->n < 2) return dnnb__plot_printf(plot, "n = %s%s", count, what);
    if (isnan(s->r_squared_interval.low))
        return dnnb__plot_printf(plot, "r² = %.3f, n = %s%s", s->r_squared, count, what);
    return dnnb__plot_printf(plot, "r² = %.3f (95%% interval %.3f to %.3f), n = %s%s", s->r_squared,
                             s->r_squared_interval.low, s->r_squared_interval.high, count, what);
}

static dnnb_status fill_panel(dnnb__figure *panel, dnnb_plot *plot, const numbers *shown) {
    dnnb__series *series = dnnb__plot_alloc(plot, 1, sizeof *series);
    if (!series) return dnnb__fail_memory();
    *series = (dnnb__series){.name = "images",
                             .form = DNNB__POINTS,
                             .x = shown->targets,
                             .y = shown->predicted,
                             .n = shown->n};
    *panel = (dnnb__figure){.x_label = "true",
                            .y_label = "predicted",
                            .x_scale = DNNB__SCALE_LINEAR,
                            .y_scale = DNNB__SCALE_LINEAR,
                            .least = -INFINITY,
                            .most = INFINITY,
                            .series = series,
                            .n_series = 1,
                            .is_square = true,
                            .empty_note = "no finite prediction"};
    return DNNB_OK;
}

/* All targets, or the only one, in one panel. */
static dnnb_status build_one(dnnb_plot *plot, const numbers *all, const char *title,
                             const char *what) {
    dnnb__figure figure;
    DNNB_TRY(fill_panel(&figure, plot, all));
    figure.title = title;
    figure.note = write_score(plot, &all->score, what);
    plot->width_px = plot->height_px = ONE_PX;
    if (!title || !figure.note) return dnnb__fail_memory();
    return dnnb__plot_set_figure(plot, &figure);
}

static dnnb_status build_panels(dnnb_plot *plot, const float *targets, const float *predicted,
                                size_t n, size_t n_targets, const char *const *names) {
    dnnb__figure *panels = dnnb__plot_alloc(plot, n_targets, sizeof *panels);
    if (!panels) return dnnb__fail_memory();
    for (size_t i = 0; i < n_targets; i++) {
        numbers one;
        DNNB_TRY(numbers_create(&one, plot, targets, predicted, n, i, n_targets));
        DNNB_TRY(fill_panel(&panels[i], plot, &one));
        panels[i].title = dnnb__plot_printf(plot, "%s", names[i]);
        panels[i].note = dnnb__plot_printf(plot, "r² = %.3f", one.score.r_squared);
        if (!panels[i].title || !panels[i].note) return dnnb__fail_memory();
    }
    size_t n_columns = n_targets <= 3   ? n_targets
                       : n_targets <= 4 ? 2
                       : n_targets <= 9 ? 3
                                        : MOST_COLUMNS;
    size_t n_rows = (n_targets + n_columns - 1) / n_columns;
    plot->width_px = n_columns * ROOM_PX;
    plot->height_px = n_rows * ROOM_PX + 60;
    plot->figures = panels;
    plot->n_figures = n_targets;
    return DNNB_OK;
}

static dnnb_status build(dnnb_plot *plot, const float *targets, const float *predicted, size_t n,
                         size_t n_targets, const char *const *names, const char *set_name) {
    numbers all;
    DNNB_TRY(numbers_create(&all, plot, targets, predicted, n * n_targets, 0, 1));
    const char *of = set_name ? " on the " : "", *set = set_name ? set_name : "";
    plot->title = n_targets == 1
                      ? dnnb__plot_printf(plot, "Predicted and true %s%s%s", names[0], of, set)
                      : dnnb__plot_printf(plot, "Predicted and true values%s%s", of, set);
    if (!plot->title) return dnnb__fail_memory();
    if (n_targets == 1) return build_one(plot, &all, plot->title, "");
    const char *what = dnnb__plot_printf(plot, " numbers of %zu targets", n_targets);
    if (!what) return dnnb__fail_memory();
    if (n_targets > MOST_PANELS) return build_one(plot, &all, plot->title, what);
    plot->note = write_score(plot, &all.score, what);
    if (!plot->note) return dnnb__fail_memory();
    return build_panels(plot, targets, predicted, n, n_targets, names);
}

dnnb_status dnnb_plot_create_regression(dnnb_plot **out, const float *targets,
                                        const float *predicted, size_t n, size_t n_targets,
                                        const char *const *target_names, const char *set_name) {
    *out = NULL;
    if (n_targets == 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "regression: expected targets, found none");
    DNNB_TRY(dnnb__plot_create(out, "regression"));
    return dnnb__plot_finish(out, *out,
                             build(*out, targets, predicted, n, n_targets, target_names, set_name));
}
