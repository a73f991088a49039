/*
 * The three plots of a training run.
 *
 * Values that are not finite leave a gap, and a note counts them: a loss that became NaN is news.
 */
#include <math.h>
#include <string.h>

#include "dnnbrain/plot.h"

#include "core/mem.h"
#include "report/axis.h"
#include "report/figure.h"

/* The smoothed line has at most this many points, each the mean of a window around it. */
static const size_t most_smooth_points = 400;

static size_t count_gaps(const double *values, size_t n) {
    size_t n_gaps = 0;
    for (size_t i = 0; i < n; i++) n_gaps += !dnnb__axis_can_show(values[i]);
    return n_gaps;
}

static const char *write_gap_note(char *out, size_t n_out, const double *losses, size_t n) {
    size_t n_gaps = count_gaps(losses, n);
    if (n_gaps == 0) return NULL;
    (void)snprintf(out, n_out, "%zu loss%s not finite", n_gaps, n_gaps == 1 ? " is" : "es are");
    return out;
}

static dnnb__figure create_loss_figure(void) {
    return (dnnb__figure){.y_label = "loss",
                          .may_be_log = true,
                          .least = 0,
                          .most = INFINITY,
                          .level = (double)NAN,
                          .empty_note = "no finite loss"};
}

/* At least one place, so that an axis can be drawn for a run without epochs. */
static double count_places(size_t n) {
    return n ? (double)n : 1;
}

dnnb_status dnnb_plot_epoch_loss(const dnnb_history *history, const char *path) {
    size_t n = dnnb_history_get_count(history);
    double *losses = dnnb__alloc(n, sizeof *losses);
    if (!losses) return dnnb__fail_memory();
    for (size_t i = 0; i < n; i++) losses[i] = dnnb_history_get_epoch(history, i)->epoch_loss;
    dnnb__series series = {.name = "loss", .look = DNNB__LOOK_MAIN, .y = losses, .n = n};
    char note[64];
    dnnb__figure figure = create_loss_figure();
    figure.title = "Training loss by epoch";
    figure.x_label = "epoch";
    figure.series = &series;
    figure.n_series = 1;
    figure.n_counts = count_places(n);
    figure.note = write_gap_note(note, sizeof note, losses, n);
    dnnb_status status = dnnb__figure_save(&figure, path);
    dnnb__free(losses);
    return status;
}

/* All step losses in a row, the end of each epoch, and a smoothed line. */
typedef struct steps {
    double *losses;
    double *bounds;
    double *smooth_x, *smooth_y;
    size_t n, n_epochs, n_smooth, window;
} steps;

static void steps_clear(steps *s) {
    dnnb__free(s->losses);
    dnnb__free(s->bounds);
    dnnb__free(s->smooth_x);
    dnnb__free(s->smooth_y);
}

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

static dnnb_status steps_create(steps *s, const dnnb_history *history) {
    *s = (steps){.n_epochs = dnnb_history_get_count(history)};
    for (size_t e = 0; e < s->n_epochs; e++) s->n += dnnb_history_get_epoch(history, e)->n_steps;
    s->losses = dnnb__alloc(s->n, sizeof *s->losses);
    s->bounds = dnnb__alloc(s->n_epochs, sizeof *s->bounds);
    s->smooth_x = dnnb__alloc(most_smooth_points, sizeof *s->smooth_x);
    s->smooth_y = dnnb__alloc(most_smooth_points, sizeof *s->smooth_y);
    if (!s->losses || !s->bounds || !s->smooth_x || !s->smooth_y) {
        steps_clear(s);
        return dnnb__fail_memory();
    }
    gather(s, history);
    smooth(s);
    return DNNB_OK;
}

dnnb_status dnnb_plot_step_loss(const dnnb_history *history, const char *path) {
    steps s;
    DNNB_TRY(steps_create(&s, history));
    char note[64], name[64];
    (void)snprintf(name, sizeof name, "mean over %zu steps", s.window);
    dnnb__series series[] = {
        {.name = "each step", .look = DNNB__LOOK_RAW, .y = s.losses, .n = s.n},
        {.name = name, .look = DNNB__LOOK_MAIN, .x = s.smooth_x, .y = s.smooth_y, .n = s.n_smooth},
    };
    if (s.n_smooth == 0) series[0].look = DNNB__LOOK_MAIN;
    dnnb__figure figure = create_loss_figure();
    figure.title = "Training loss by step";
    figure.x_label = "step";
    figure.series = series;
    figure.n_series = s.n_smooth ? 2 : 1;
    figure.show_legend = s.n_smooth > 0;
    figure.n_counts = count_places(s.n);
    figure.bounds = s.bounds;
    figure.n_bounds = s.n_epochs;
    figure.note = write_gap_note(note, sizeof note, s.losses, s.n);
    dnnb_status status = dnnb__figure_save(&figure, path);
    steps_clear(&s);
    return status;
}

dnnb_status dnnb_plot_score(const dnnb_history *history, const char *score_name, double chance,
                            const char *path) {
    size_t n = dnnb_history_get_count(history);
    double *scores = dnnb__alloc(2 * n, sizeof *scores);
    if (!scores) return dnnb__fail_memory();
    for (size_t i = 0; i < n; i++) {
        scores[i] = dnnb_history_get_epoch(history, i)->score_train;
        scores[n + i] = dnnb_history_get_epoch(history, i)->score_validation;
    }
    dnnb__series all[] = {
        {.name = "training set", .look = DNNB__LOOK_SECOND, .y = scores, .n = n},
        {.name = "validation set", .look = DNNB__LOOK_MAIN, .y = scores + n, .n = n},
    };
    dnnb__series taken[2];
    size_t n_taken = 0;
    for (size_t s = 0; s < 2; s++)
        if (count_gaps(all[s].y, n) < n) taken[n_taken++] = all[s];
    char level_name[48];
    (void)snprintf(level_name, sizeof level_name, "chance (%.3g)", chance);
    dnnb__figure figure = {.title = "Score by epoch",
                           .x_label = "epoch",
                           .y_label = score_name,
                           .series = taken,
                           .n_series = n_taken,
                           .show_legend = n_taken > 0,
                           .n_counts = count_places(n),
                           .least = 0,
                           .most = 1,
                           .level = chance,
                           .level_name = level_name,
                           .empty_note = "no score was taken"};
    dnnb_status status = dnnb__figure_save(&figure, path);
    dnnb__free(scores);
    return status;
}
