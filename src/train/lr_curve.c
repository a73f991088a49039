/*
 * The curve of a range test: smoothed, judged, written.
 *
 * The moving average m of the losses begins at 0 and is divided by 1 - smoothing^n, so that the
 * first steps are not drawn to 0.
 */
#include <math.h>

#include "core/file.h"
#include "core/text.h"
#include "train/lr_range.h"

enum { MIN_STEPS = 10, MAX_STEPS = 10000 };

/* Steps at the start that are no part of the search, as a share of the planned ones: 1 / 10. Their
 * averages are of few losses, and jump. */
enum { SKIPPED_SHARE = 10 };

dnnb_status dnnb__lr_range_check(const dnnb_lr_find_options *o) {
    if (!(o->min_lr > 0 && isfinite(o->max_lr) && o->max_lr > o->min_lr))
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "learning rates: expected 0 < least < largest, found %g and %g",
                          o->min_lr, o->max_lr);
    if (o->steps < MIN_STEPS || o->steps > MAX_STEPS)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "steps: expected %d to %d, found %zu", MIN_STEPS,
                          MAX_STEPS, o->steps);
    if (!(o->smoothing >= 0 && o->smoothing < 1))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "smoothing: expected 0 to below 1, found %g",
                          o->smoothing);
    if (!(o->divergence > 1))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "divergence: expected a number above 1, found %g",
                          o->divergence);
    return DNNB_OK;
}

double dnnb__lr_range_get_factor(const dnnb_lr_find_options *o, size_t step) {
    return pow(o->max_lr / o->min_lr, (double)step / (double)(o->steps - 1));
}

dnnb_status dnnb__lr_curve_create(dnnb_lr_curve **out, const dnnb_lr_find_options *options) {
    dnnb_lr_curve *curve = dnnb__calloc(1, sizeof *curve);
    *out = NULL;
    if (!curve) return dnnb__fail_memory();
    curve->suggested_lr = (double)NAN;
    curve->steps = dnnb__calloc(options->steps, sizeof *curve->steps);
    if (!curve->steps) {
        dnnb_lr_curve_destroy(curve);
        return dnnb__fail_memory();
    }
    *out = curve;
    return DNNB_OK;
}

void dnnb_lr_curve_destroy(dnnb_lr_curve *curve) {
    if (!curve) return;
    dnnb__free(curve->steps);
    dnnb__free(curve);
}

void dnnb__lr_curve_add(dnnb_lr_curve *curve, const dnnb_lr_find_options *o, double lr,
                        double loss) {
    dnnb_lr_step *step = &curve->steps[curve->n];
    /* The average before this step, its correction undone. */
    double before = curve->n ? step[-1].smoothed * (1 - pow(o->smoothing, (double)curve->n)) : 0.0;
    double average = o->smoothing * before + (1 - o->smoothing) * loss;
    *step = (dnnb_lr_step){.lr = lr,
                           .loss = loss,
                           .smoothed = average / (1 - pow(o->smoothing, (double)curve->n + 1))};
    if (step->smoothed < curve->steps[curve->best].smoothed) curve->best = curve->n;
    curve->n++;
    curve->has_diverged = step->smoothed > o->divergence * curve->steps[curve->best].smoothed;
}

void dnnb__lr_curve_suggest(dnnb_lr_curve *curve, const dnnb_lr_find_options *o) {
    size_t first = o->steps / SKIPPED_SHARE;
    double steepest = 0;
    for (size_t i = first ? first : 1; i + 1 < curve->n && i <= curve->best; i++) {
        double slope = curve->steps[i + 1].smoothed - curve->steps[i - 1].smoothed;
        if (!(slope < steepest)) continue;
        steepest = slope;
        curve->suggested_lr = curve->steps[i].lr;
    }
}

dnnb_status dnnb_lr_curve_save_csv(const dnnb_lr_curve *curve, const char *path) {
    dnnb__buf out;
    dnnb__buf_init(&out, (size_t)1 << 24);
    dnnb__buf_printf(&out, "step,learning_rate,loss,smoothed_loss\n");
    for (size_t i = 0; i < curve->n; i++) {
        char lr[32], loss[32], smoothed[32];
        dnnb__text_print_f64(lr, curve->steps[i].lr);
        dnnb__text_print_f64(loss, curve->steps[i].loss);
        dnnb__text_print_f64(smoothed, curve->steps[i].smoothed);
        dnnb__buf_printf(&out, "%zu,%s,%s,%s\n", i + 1, lr, loss, smoothed);
    }
    dnnb_status status = dnnb__buf_get_status(&out);
    if (status == DNNB_OK) status = dnnb__file_write(path, out.data, out.n_bytes);
    dnnb__buf_destroy(&out);
    return status;
}
