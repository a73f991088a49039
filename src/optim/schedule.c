/*
 * Learning-rate schedules as factors on the optimiser's rate: a function of the place alone, so
 * that a resumed run has the same rates.
 *
 * Source: PyTorch torch.optim.lr_scheduler, StepLR and CosineAnnealingLR (eta_min 0).
 */
#include <math.h>

#include "core/text.h"
#include "optim/optim.h"

/* Epochs since the warm-up, and their number. */
typedef double schedule_fn(const dnnb_schedule_options *options, size_t epoch, size_t n_epochs,
                           size_t n_all_epochs);

static double get_constant(const dnnb_schedule_options *options, size_t epoch, size_t n_epochs,
                           size_t n_all_epochs) {
    (void)options, (void)epoch, (void)n_epochs, (void)n_all_epochs;
    return 1.0;
}

static double get_step(const dnnb_schedule_options *options, size_t epoch, size_t n_epochs,
                       size_t n_all_epochs) {
    (void)n_epochs;
    size_t step_epochs = options->step_epochs ? options->step_epochs : n_all_epochs / 3;
    return pow(options->gamma, (double)(epoch / (step_epochs ? step_epochs : 1)));
}

static double get_cosine(const dnnb_schedule_options *options, size_t epoch, size_t n_epochs,
                         size_t n_all_epochs) {
    (void)options, (void)n_all_epochs;
    if (n_epochs == 0) return 1.0;
    return 0.5 * (1 + cos(3.14159265358979323846 * (double)epoch / (double)n_epochs));
}

static const char *const names[] = {"constant", "step", "cosine"};
static schedule_fn *const schedules[] = {get_constant, get_step, get_cosine};
enum { N_SCHEDULES = sizeof names / sizeof names[0] };

const char *const *dnnb_schedule_get_names(size_t *n) {
    *n = N_SCHEDULES;
    return names;
}

/* N_SCHEDULES when there is none of that name. */
static size_t find_schedule(const char *name) {
    size_t i = 0;
    while (i < N_SCHEDULES && !dnnb__text_equal_nocase(names[i], name)) i++;
    return i;
}

dnnb_status dnnb__schedule_check(const dnnb_schedule_options *options) {
    if (find_schedule(options->name) == N_SCHEDULES) {
        const char *nearest = dnnb__text_nearest(options->name, names, N_SCHEDULES);
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "schedule: expected constant, step or cosine, found '%s'%s%s%s",
                          options->name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                          nearest ? "?" : "");
    }
    if (!(options->gamma >= 0 && isfinite(options->gamma)))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "schedule: gamma: expected a number from 0, found %g",
                          options->gamma);
    return DNNB_OK;
}

double dnnb_schedule_get_factor(const dnnb_schedule_options *options, size_t n_epochs,
                                size_t steps_per_epoch, size_t epoch, size_t step) {
    size_t warmup = options->warmup_epochs, found = find_schedule(options->name);
    if (epoch < warmup && steps_per_epoch > 0)
        return ((double)epoch * (double)steps_per_epoch + (double)step + 1) /
               ((double)warmup * (double)steps_per_epoch);
    if (found == N_SCHEDULES) return 1.0;
    size_t since = epoch < warmup ? 0 : epoch - warmup;
    return schedules[found](options, since, n_epochs > warmup ? n_epochs - warmup : 0, n_epochs);
}
