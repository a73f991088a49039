/*
 * Training that goes wrong: a loss that is not finite, a loss that does not fall.
 *
 * What a network that has learned nothing about an image can reach at best is the entropy of the
 * labels (the variance of the targets). A network whose units died of a large step gives the same
 * outputs for every image and stays there for good.
 */
#include <math.h>
#include <string.h>

#include "train/trainer.h"

enum { N_EPOCHS_AT_CHANCE = 3 };

/* A loss at least this part of chance's counts as at chance, and one of at least this part of
 * another as not lower than it. */
static const double same_part = 0.98;

static double get_loss(const dnnb__trainer *t, size_t epoch) {
    return dnnb_history_get_epoch(t->history, epoch)->epoch_loss;
}

/* Whether the loss was at chance in the last of the first n epochs and did not fall in them: from
 * above chance it may well fall for three epochs in a network that learns. */
static bool is_stuck(const dnnb__trainer *t, size_t n) {
    if (n < N_EPOCHS_AT_CHANCE || t->chance_loss <= 0) return false;
    for (size_t i = n - N_EPOCHS_AT_CHANCE; i < n; i++)
        if (get_loss(t, i) < same_part * t->chance_loss) return false;
    return get_loss(t, n - 1) >= same_part * get_loss(t, n - N_EPOCHS_AT_CHANCE);
}

dnnb_status dnnb__trainer_check_learning(dnnb__trainer *t) {
    size_t n = dnnb_history_get_count(t->history);
    if (t->range || !is_stuck(t, n)) return DNNB_OK;
    /* It is said once, whatever the loss did in between and which process said it. */
    for (size_t i = n - 1; i >= N_EPOCHS_AT_CHANCE; i--)
        if (is_stuck(t, i)) return DNNB_OK;
    char text[512];
    (void)snprintf(
        text, sizeof text,
        "the loss has been at chance (%.4g) for %d epochs: nothing is being learned. The "
        "usual causes: a learning rate that is too large (%g now; fine-tuning AlexNet "
        "with Adam wants 1e-5 to 1e-4), labels that do not belong to their images, or "
        "a new layer on features that were never trained",
        t->chance_loss, N_EPOCHS_AT_CHANCE, t->lr);
    dnnb_event event = {.kind = DNNB_EVENT_WARNING, .message = text};
    return dnnb__session_emit(&t->session, &event);
}

/* The largest gradient in magnitude, and the parameter that it is of. One that is not finite is
 * larger than all others. */
static double find_largest_gradient(const dnnb__trainer *t, size_t *param) {
    double largest = 0;
    *param = t->params[0];
    for (size_t i = 0; i < t->n_params; i++) {
        for (size_t k = 0; t->gradients[i] && k < t->sizes[i]; k++) {
            double magnitude = fabs((double)t->gradients[i][k]);
            if (magnitude <= largest) continue;
            *param = t->params[i];
            if (!isfinite(magnitude)) return magnitude;
            largest = magnitude;
        }
        double handed = (double)dnnb__optimizer_get_largest(t->optimizer, i);
        if (handed <= largest) continue;
        *param = t->params[i];
        if (!isfinite(handed)) return handed;
        largest = handed;
    }
    return largest;
}

dnnb_status dnnb__trainer_fail_loss(const dnnb__trainer *t, dnnb_status status,
                                    double learning_rate) {
    char gradient[256] = "no gradient yet";
    size_t param;
    double largest = find_largest_gradient(t, &param);
    if (largest > 0 || isnan(largest))
        (void)snprintf(gradient, sizeof gradient, "largest gradient of the step before %.3g in %s",
                       largest, t->session.dnn->graph->params[param].path);
    return dnnb__fail_prefix(
        status, "epoch %zu, step %zu, learning rate %g, %s (%s)", t->place.epoch + 1,
        t->place.step + 1, learning_rate, gradient,
        t->options->task == DNNB_REGRESSION
            ? "try a tenth of the learning rate, or targets scaled to a standard deviation of 1"
            : "try a tenth of the learning rate, or --warmup");
}
