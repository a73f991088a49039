/*
 * The curve of a range test: averaged, judged, written.
 *
 * While the test goes on only the past is known: a moving average, which begins at 0 and is divided
 * by 1 - smoothing^n so that the first steps are not drawn to 0, tells when the loss diverges and
 * where it was least. Afterwards the losses are smoothed over what lies on both sides of a step, so
 * that a fall stands where it happened; what came after the least average is left out, since a loss
 * that explodes would be smeared over the steps before it.
 */
#include <math.h>

#include "core/file.h"
#include "core/text.h"
#include "train/lr_range.h"

enum { MIN_STEPS = 10, MAX_STEPS = 10000 };

/* Steps at the start that are no part of the search, as a share of the planned ones: 1 / 10. Their
 * averages are of few losses, and jump. */
enum { SKIPPED_SHARE = 10 };

/* The smoothed loss must fall to this part of what it was: losses of batches vary without learning,
 * by a tenth or so, of which smoothing leaves less. */
static const double least_fall = 0.95;

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
    /* The sum before this step, its correction undone. */
    double before = curve->n ? step[-1].average * (1 - pow(o->smoothing, (double)curve->n)) : 0.0;
    double sum = o->smoothing * before + (1 - o->smoothing) * loss;
    *step = (dnnb_lr_step){.lr = lr,
                           .loss = loss,
                           .average = sum / (1 - pow(o->smoothing, (double)curve->n + 1)),
                           .smoothed = (double)NAN};
    if (step->average < curve->steps[curve->best].average) curve->best = curve->n;
    curve->n++;
    curve->has_diverged = step->average > o->divergence * curve->steps[curve->best].average;
}

/* Once forwards and once backwards: the sums of what lies before and after, and of their weights,
 * which shrink by `smoothing` a step. */
static void smooth(dnnb_lr_curve *curve, double smoothing) {
    size_t n = curve->n ? curve->best + 1 : 0;
    double sum = 0, weight = 0;
    for (size_t i = 0; i < n; i++) {
        dnnb_lr_step *step = &curve->steps[i];
        sum = step->loss + smoothing * sum;
        step->smoothed = sum;
    }
    sum = 0;
    for (size_t i = n; i-- > 0;) {
        dnnb_lr_step *step = &curve->steps[i];
        double before = (1 - pow(smoothing, (double)i + 1)) / (1 - smoothing);
        step->smoothed = (step->smoothed + sum) / (before + weight);
        sum = smoothing * (step->loss + sum);
        weight = smoothing * (1 + weight);
    }
}

void dnnb__lr_curve_suggest(dnnb_lr_curve *curve, const dnnb_lr_find_options *o) {
    size_t first = o->steps / SKIPPED_SHARE;
    double steepest = 0;
    smooth(curve, o->smoothing);
    if (first < 1) first = 1;
    if (first >= curve->best) return;
    bool has_fallen =
        curve->steps[curve->best].smoothed <= least_fall * curve->steps[first].smoothed;
    for (size_t i = first; has_fallen && i < curve->best; i++) {
        double slope = curve->steps[i + 1].smoothed - curve->steps[i - 1].smoothed;
        if (!(slope < steepest)) continue;
        steepest = slope;
        curve->suggested_lr = curve->steps[i].lr;
    }
}

static void put_field(dnnb__buf *out, double value, char end) {
    char text[32];
    dnnb__text_print_f64(text, value);
    dnnb__buf_printf(out, "%s%c", isnan(value) ? "" : text, end);
}

dnnb_status dnnb_lr_curve_save_csv(const dnnb_lr_curve *curve, const char *path) {
    dnnb__buf out;
    dnnb__buf_init(&out, (size_t)1 << 24);
    dnnb__buf_printf(&out, "step,learning_rate,loss,moving_average,smoothed_loss\n");
    for (size_t i = 0; i < curve->n; i++) {
        dnnb__buf_printf(&out, "%zu,", i + 1);
        put_field(&out, curve->steps[i].lr, ',');
        put_field(&out, curve->steps[i].loss, ',');
        put_field(&out, curve->steps[i].average, ',');
        put_field(&out, curve->steps[i].smoothed, '\n');
    }
    dnnb_status status = dnnb__buf_get_status(&out);
    if (status == DNNB_OK) status = dnnb__file_write(path, out.data, out.n_bytes);
    dnnb__buf_destroy(&out);
    return status;
}
