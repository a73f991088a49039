/*
 * The loss of a step, of a set, and of knowing nothing.
 *
 * Source: PyTorch nn.CrossEntropyLoss, nn.MSELoss; scikit-learn compute_class_weight("balanced").
 */
#include "train/criterion.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

/* ---- weights of classes ---- */

/* n / (k n_c), where k classes have images: the mean over the images is 1. A class without any
 * (only the validation set can hold its images) gets that mean. */
static dnnb_status balance(double **out, const int64_t *labels, size_t n, size_t n_classes) {
    double *weights = dnnb__calloc(n_classes, sizeof *weights), n_present = 0;
    if (!weights) return dnnb__fail_memory();
    for (size_t i = 0; i < n; i++) weights[labels[i]]++;
    for (size_t k = 0; k < n_classes; k++) n_present += weights[k] > 0;
    for (size_t k = 0; k < n_classes; k++)
        weights[k] = weights[k] > 0 ? (double)n / (n_present * weights[k]) : 1.0;
    *out = weights;
    return DNNB_OK;
}

static dnnb_status fail_weights(const char *text, size_t n_classes) {
    return dnnb__fail(DNNB_ERR_ARGUMENT,
                      "class weights: expected none, balanced, or a number above 0 for each of %zu "
                      "classes, divided by commas; found '%.80s'",
                      n_classes, text);
}

static dnnb_status read_list(double *weights, const char *text, size_t n_classes) {
    const char *rest = text;
    for (size_t k = 0; k < n_classes; k++) {
        char number[64];
        size_t n = strcspn(rest, ",");
        if (n >= sizeof number || (rest[n] == ',') != (k + 1 < n_classes))
            return fail_weights(text, n_classes);
        memcpy(number, rest, n);
        number[n] = '\0';
        if (!dnnb__text_read_f64(number, &weights[k]) || !(weights[k] > 0) || !isfinite(weights[k]))
            return fail_weights(text, n_classes);
        rest += n + (rest[n] == ',');
    }
    return DNNB_OK;
}

dnnb_status dnnb__class_weights_read(double **out, const char *text, const int64_t *labels,
                                     size_t n, size_t n_classes) {
    *out = NULL;
    if (!text || strcmp(text, "none") == 0) return DNNB_OK;
    if (strcmp(text, "balanced") == 0) return labels ? balance(out, labels, n, n_classes) : DNNB_OK;
    double *weights = dnnb__alloc(n_classes, sizeof *weights);
    if (!weights) return dnnb__fail_memory();
    dnnb_status status = read_list(weights, text, n_classes);
    if (status == DNNB_OK)
        *out = weights;
    else
        dnnb__free(weights);
    return status;
}

/* ---- losses ---- */

dnnb_status dnnb__criterion_open(dnnb__criterion *c, const dnnb_train_options *options,
                                 const dnnb__set *train, size_t n_outputs, size_t batch) {
    size_t n_targets;
    *c = (dnnb__criterion){.task = options->task,
                           .n_outputs = n_outputs,
                           .loss.label_smoothing = options->label_smoothing};
    if (c->task == DNNB_CLASSIFICATION) {
        DNNB_TRY(dnnb__class_weights_read(&c->class_weights, options->class_weights, train->labels,
                                          train->n, n_outputs));
        c->loss.class_weights = c->class_weights;
        c->labels = dnnb__alloc(batch, sizeof *c->labels);
        return c->labels ? DNNB_OK : dnnb__fail_memory();
    }
    if (!dnnb__mul_size(batch, n_outputs, &n_targets)) n_targets = SIZE_MAX;
    c->targets = dnnb__alloc(n_targets, sizeof *c->targets);
    return c->targets ? DNNB_OK : dnnb__fail_memory();
}

void dnnb__criterion_close(dnnb__criterion *c) {
    dnnb__free(c->class_weights);
    dnnb__free(c->labels);
    dnnb__free(c->targets);
    *c = (dnnb__criterion){0};
}

double dnnb__criterion_get_step_loss(const dnnb__criterion *c, const dnnb__set *set,
                                     const float *outputs, const uint64_t *rows, size_t n,
                                     float *gradient, double *weight) {
    if (c->task == DNNB_CLASSIFICATION) {
        for (size_t i = 0; i < n; i++) c->labels[i] = set->labels[rows[i]];
        *weight = dnnb__loss_get_weight(&c->loss, c->labels, n);
        return dnnb__loss_cross_entropy(&c->loss, outputs, c->labels, n, c->n_outputs, gradient);
    }
    for (size_t i = 0; i < n; i++)
        memcpy(c->targets + i * c->n_outputs, set->targets + rows[i] * c->n_outputs,
               c->n_outputs * sizeof *c->targets);
    *weight = (double)n;
    return dnnb__loss_mse(outputs, c->targets, n, c->n_outputs, gradient);
}

double dnnb__criterion_get_set_loss(const dnnb__criterion *c, const dnnb__set *set,
                                    const dnnb_predictions *predictions) {
    double sum = 0, all_weight = 0;
    for (size_t i = 0; i < predictions->n; i++) {
        const float *outputs = dnnb_predictions_get_outputs(predictions, i);
        size_t row = predictions->rows[i];
        double weight = 1, loss;
        if (c->task == DNNB_CLASSIFICATION) {
            weight = dnnb__loss_get_weight(&c->loss, set->labels + row, 1);
            loss = dnnb__loss_cross_entropy(&c->loss, outputs, set->labels + row, 1, c->n_outputs,
                                            NULL);
        } else {
            loss =
                dnnb__loss_mse(outputs, set->targets + row * c->n_outputs, 1, c->n_outputs, NULL);
        }
        sum += loss * weight;
        all_weight += weight;
    }
    return sum / all_weight;
}

/* ---- knowing nothing ---- */

/* The best that the same outputs for every image can do: probabilities in proportion to what the
 * targets of each class sum to. Without weights and smoothing it is the entropy of the labels. */
static double get_entropy(const dnnb__criterion *c, const dnnb__set *set) {
    double *counts = dnnb__calloc(c->n_outputs, sizeof *counts), n = 0, weight = 0, all = 0;
    if (!counts) return (double)NAN;
    for (size_t i = 0; i < set->n; i++) {
        if (set->bad_since[i]) continue;
        counts[set->labels[i]]++;
        n++;
    }
    for (size_t k = 0; k < c->n_outputs; k++) {
        double w = c->class_weights ? c->class_weights[k] : 1.0,
               smoothing = c->loss.label_smoothing;
        weight += w * counts[k];
        counts[k] = w * ((1 - smoothing) * counts[k] + smoothing * n / (double)c->n_outputs);
        all += counts[k];
    }
    double entropy = 0;
    for (size_t k = 0; k < c->n_outputs; k++)
        if (counts[k] > 0) entropy -= counts[k] / weight * log(counts[k] / all);
    dnnb__free(counts);
    return entropy;
}

/* Mean over the targets of the variance of each. */
static double get_variance(const dnnb__set *set) {
    double total = 0;
    for (size_t k = 0; k < set->n_targets; k++) {
        double mean = 0, m2 = 0, n = 0;
        for (size_t i = 0; i < set->n; i++) {
            if (set->bad_since[i]) continue;
            double value = (double)set->targets[i * set->n_targets + k], difference = value - mean;
            mean += difference / ++n;
            m2 += difference * (value - mean);
        }
        total += m2 / n;
    }
    return total / (double)set->n_targets;
}

double dnnb__criterion_get_chance_loss(const dnnb__criterion *c, const dnnb__set *set) {
    return c->task == DNNB_CLASSIFICATION ? get_entropy(c, set) : get_variance(set);
}
