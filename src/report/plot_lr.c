/*
 * The range test's curve: loss over learning rate.
 *
 * A loss that explodes would press all others into a line at the bottom: what is above twice the
 * largest smoothed loss is not drawn, and a note says so.
 */
#include <math.h>

#include "dnnbrain/lr_find.h"

#include "report/plot.h"

/* The step that the suggested rate is of, counted from 1; 0 for none. */
static size_t find_suggested(const dnnb_lr_curve *curve) {
    for (size_t i = 0; i < curve->n; i++)
        if (curve->steps[i].lr == curve->suggested_lr) return i + 1;
    return 0;
}

/* The largest loss that is drawn. */
static double find_limit(const dnnb_lr_curve *curve) {
    double largest = 0;
    for (size_t i = 0; i < curve->n; i++)
        if (curve->steps[i].smoothed > largest) largest = curve->steps[i].smoothed;
    return largest > 0 ? 2 * largest : (double)INFINITY;
}

static dnnb_status build_lr_curve(dnnb_plot *plot, const dnnb_lr_curve *curve) {
    size_t n = curve->n;
    double *values = dnnb__plot_alloc(plot, 3 * n, sizeof *values);
    dnnb__series *series = dnnb__plot_alloc(plot, 2, sizeof *series);
    if (!values || !series) return dnnb__fail_memory();
    double limit = find_limit(curve);
    size_t n_left_out = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_drawn = curve->steps[i].loss <= limit;
        n_left_out += !is_drawn;
        values[i] = curve->steps[i].lr;
        values[n + i] = is_drawn ? curve->steps[i].loss : (double)NAN;
        values[2 * n + i] = curve->steps[i].smoothed;
    }
    series[0] = (dnnb__series){
        .name = "each step", .look = DNNB__LOOK_RAW, .x = values, .y = values + n, .n = n};
    series[1] = (dnnb__series){.name = "smoothed",
                               .look = DNNB__LOOK_MAIN,
                               .x = values,
                               .y = values + 2 * n,
                               .n = n,
                               .best = find_suggested(curve)};
    if (series[1].best) {
        series[1].best_name = dnnb__plot_printf(plot, "suggested: %.3g", curve->suggested_lr);
        if (!series[1].best_name) return dnnb__fail_memory();
    }
    dnnb__figure figure = {.title = "Loss by learning rate",
                           .note = n_left_out            ? "larger losses are not drawn"
                                   : curve->has_diverged ? "ended when the loss diverged"
                                                         : NULL,
                           .x_label = "learning rate",
                           .y_label = "loss",
                           .x_scale = DNNB__SCALE_LOGARITHM,
                           .y_scale = DNNB__SCALE_LINEAR,
                           .least = -(double)INFINITY,
                           .most = (double)INFINITY,
                           .series = series,
                           .n_series = 2,
                           .show_legend = true,
                           .empty_note = "no finite loss"};
    return dnnb__plot_set_figure(plot, &figure);
}

dnnb_status dnnb_plot_create_lr_curve(dnnb_plot **out, const dnnb_lr_curve *curve) {
    DNNB_TRY(dnnb__plot_create(out, "lr_find"));
    return dnnb__plot_finish(out, *out, build_lr_curve(*out, curve));
}
