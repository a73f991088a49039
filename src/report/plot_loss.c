/*
 * Loss by epoch, loss by step, learning rate by epoch.
 *
 * Values that are not finite leave a gap, and a note counts them: a loss that became NaN is news.
 */
#include <math.h>
#include <string.h>

#include "report/axis.h"
#include "report/plot.h"
#include "report/plot_history.h"

/* The smoothed line has at most this many points, each the mean of a window around it. */
static const size_t most_smooth_points = 400;

static const char *write_gap_note(dnnb_plot *plot, const double *losses, size_t n) {
    size_t n_gaps = n - dnnb__values_count(losses, n);
    if (n_gaps == 0) return NULL;
    return dnnb__plot_printf(plot, "%zu loss%s not finite", n_gaps, n_gaps == 1 ? " is" : "es are");
}

static dnnb__figure create_loss_figure(void) {
    return (dnnb__figure){.y_label = "loss",
                          .y_scale = DNNB__SCALE_WIDE,
                          .least = 0,
                          .most = INFINITY,
                          .empty_note = "no finite loss"};
}

/* ---- by epoch ---- */

static dnnb_status build_epoch_loss(dnnb_plot *plot, const dnnb_history *history, size_t best) {
    size_t n = dnnb_history_get_count(history), n_series = 1;
    double *training = dnnb__history_copy(plot, history, DNNB__VALUE_LOSS);
    double *validation = dnnb__history_copy(plot, history, DNNB__VALUE_LOSS_VALIDATION);
    dnnb__series *series = dnnb__plot_alloc(plot, 2, sizeof *series);
    if (!training || !validation || !series) return dnnb__fail_memory();
    series[0] = (dnnb__series){.name = "training", .y = training, .n = n};
    if (dnnb__values_count(validation, n)) {
        series[0].look = DNNB__LOOK_SECOND;
        series[n_series++] = (dnnb__series){.name = "validation", .y = validation, .n = n};
        DNNB_TRY(dnnb__series_mark_best(plot, &series[1], best));
    }
    dnnb__figure figure = create_loss_figure();
    figure.title = n_series > 1 ? "Loss by epoch" : "Training loss by epoch";
    figure.x_label = "epoch";
    figure.series = series;
    figure.n_series = n_series;
    figure.show_legend = n_series > 1;
    figure.n_counts = dnnb__count_places(n);
    figure.note = write_gap_note(plot, training, n);
    return dnnb__plot_set_figure(plot, &figure);
}

dnnb_status dnnb_plot_create_epoch_loss(dnnb_plot **out, const dnnb_history *history, size_t best) {
    DNNB_TRY(dnnb__plot_create(out, "epoch-loss"));
    return dnnb__plot_finish(out, *out, build_epoch_loss(*out, history, best));
}

/* ---- by step ---- */

/* All step losses in a row, the end of each epoch, and a smoothed line. */
typedef struct steps {
    double *losses;
    double *bounds;
    double *smooth_x, *smooth_y;
    size_t n, n_epochs, n_smooth, window;
} steps;

static void gather(steps *s, const dnnb_history *history) {
    size_t at = 0;
    for (size_t e = 0; e < s->n_epochs; e++) {
        const dnnb_epoch *epoch = dnnb_history_get_epoch(history, e);
        if (epoch->n_steps)
            memcpy(s->losses + at, epoch->step_loss, epoch->n_steps * sizeof *s->losses);
        at += epoch->n_steps;
        s->bounds[e] = (double)at;
    }
}

/* Mean of the finite values of a window centred on step i; NaN when there are none. */
static double window_mean(const steps *s, size_t i) {
    size_t half = s->window / 2, first = i < half ? 0 : i - half;
    size_t last = i + half < s->n ? i + half : s->n - 1, n = 0;
    double sum = 0;
    for (size_t k = first; k <= last; k++) {
        if (!dnnb__axis_can_show(s->losses[k])) continue;
        sum += s->losses[k] / (double)s->window; /* so that large losses do not overflow */
        n++;
    }
    return n ? sum * (double)s->window / (double)n : (double)NAN;
}

/* A window that is a fortieth of the run shows the trend; shorter runs are not smoothed. */
static void smooth(steps *s) {
    s->window = s->n / 40 | 1; /* odd, so that it has a middle */
    if (s->window < 5) s->window = 5;
    s->n_smooth = s->n < 2 * s->window ? 0 : s->n < most_smooth_points ? s->n : most_smooth_points;
    for (size_t k = 0; k < s->n_smooth; k++) {
        size_t i = (size_t)((double)k * (double)(s->n - 1) / (double)(s->n_smooth - 1) + 0.5);
        s->smooth_x[k] = (double)(i + 1);
        s->smooth_y[k] = window_mean(s, i);
    }
}

static dnnb_status steps_create(steps *s, dnnb_plot *plot, const dnnb_history *history) {
    *s = (steps){.n_epochs = dnnb_history_get_count(history)};
    for (size_t e = 0; e < s->n_epochs; e++) s->n += dnnb_history_get_epoch(history, e)->n_steps;
    s->losses = dnnb__plot_alloc(plot, s->n, sizeof *s->losses);
    s->bounds = dnnb__plot_alloc(plot, s->n_epochs, sizeof *s->bounds);
    s->smooth_x = dnnb__plot_alloc(plot, most_smooth_points, sizeof *s->smooth_x);
    s->smooth_y = dnnb__plot_alloc(plot, most_smooth_points, sizeof *s->smooth_y);
    if (!s->losses || !s->bounds || !s->smooth_x || !s->smooth_y) return dnnb__fail_memory();
    gather(s, history);
    smooth(s);
    return DNNB_OK;
}

static dnnb_status build_step_loss(dnnb_plot *plot, const dnnb_history *history) {
    steps s;
    DNNB_TRY(steps_create(&s, plot, history));
    dnnb__series *series = dnnb__plot_alloc(plot, 2, sizeof *series);
    const char *name = dnnb__plot_printf(plot, "mean over %zu steps", s.window);
    if (!series || !name) return dnnb__fail_memory();
    series[0] =
        (dnnb__series){.name = "each step", .look = DNNB__LOOK_RAW, .y = s.losses, .n = s.n};
    series[1] = (dnnb__series){.name = name, .x = s.smooth_x, .y = s.smooth_y, .n = s.n_smooth};
    if (s.n_smooth == 0) series[0].look = DNNB__LOOK_MAIN;
    dnnb__figure figure = create_loss_figure();
    figure.title = "Training loss by step";
    figure.x_label = "step";
    figure.series = series;
    figure.n_series = s.n_smooth ? 2 : 1;
    figure.show_legend = s.n_smooth > 0;
    figure.n_counts = dnnb__count_places(s.n);
    figure.bounds = s.bounds;
    figure.n_bounds = s.n_epochs;
    figure.note = write_gap_note(plot, s.losses, s.n);
    return dnnb__plot_set_figure(plot, &figure);
}

dnnb_status dnnb_plot_create_step_loss(dnnb_plot **out, const dnnb_history *history) {
    DNNB_TRY(dnnb__plot_create(out, "step-loss"));
    return dnnb__plot_finish(out, *out, build_step_loss(*out, history));
}

/* ---- learning rate ---- */

static dnnb_status build_learning_rate(dnnb_plot *plot, const dnnb_history *history) {
    size_t n = dnnb_history_get_count(history);
    double *rates = dnnb__history_copy(plot, history, DNNB__VALUE_LEARNING_RATE);
    dnnb__series *series = dnnb__plot_alloc(plot, 1, sizeof *series);
    if (!rates || !series) return dnnb__fail_memory();
    *series = (dnnb__series){.name = "learning rate", .y = rates, .n = n};
    const dnnb__figure figure = {.title = "Learning rate by epoch",
                                 .x_label = "epoch",
                                 .y_label = "learning rate",
                                 .y_scale = DNNB__SCALE_PRESSED,
                                 .least = 0,
                                 .most = INFINITY,
                                 .series = series,
                                 .n_series = 1,
                                 .n_counts = dnnb__count_places(n),
                                 .empty_note = "no learning rate is known"};
    return dnnb__plot_set_figure(plot, &figure);
}

dnnb_status dnnb_plot_create_learning_rate(dnnb_plot **out, const dnnb_history *history) {
    DNNB_TRY(dnnb__plot_create(out, "learning-rate"));
    return dnnb__plot_finish(out, *out, build_learning_rate(*out, history));
}
