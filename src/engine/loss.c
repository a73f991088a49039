/*
 * Cross-entropy and mean squared error.
 *
 * A row's cross-entropy is log(sum exp(x - max)) - (x[label] - max): nothing overflows, and the
 * largest term is exactly 1.
 *
 * Weights and smoothing make the label a target t[i] for each class, kept for the label and shared
 * w[i] for all: the loss is the sum of t[i] times the cross-entropy of class i. Without them kept
 * is exactly 1 and shared exactly 0.
 */
#include "engine/loss.h"

#include <math.h>

/* A row's softmax, and how its label is spread. */
typedef struct row {
    const float *x;
    const double *weights; /* NULL: all 1 */
    size_t label, n_classes;
    double largest, sum; /* of x; of exp(x - largest) */
    double kept, shared; /* the label's target; what is shared, to be multiplied by the weight */
    double all_shared;   /* over all classes */
} row;

static double get_class_weight(const double *weights, size_t i) {
    return weights ? weights[i] : 1.0;
}

double dnnb__loss_get_weight(const dnnb__loss_options *options, const int64_t *labels, size_t n) {
    if (!options || !options->class_weights) return (double)n;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += options->class_weights[labels[i]];
    return sum;
}

static row read_row(const dnnb__loss_options *options, const float *x, int64_t label,
                    size_t n_classes) {
    row r = {.x = x,
             .weights = options->class_weights,
             .label = (size_t)label,
             .n_classes = n_classes,
             .largest = (double)x[0],
             .shared = options->label_smoothing / (double)n_classes};
    for (size_t i = 1; i < n_classes; i++)
        if ((double)x[i] > r.largest) r.largest = (double)x[i];
    for (size_t i = 0; i < n_classes; i++) r.sum += exp((double)x[i] - r.largest);
    r.kept = (1 - options->label_smoothing) * get_class_weight(r.weights, r.label);
    for (size_t i = 0; r.shared > 0 && i < n_classes; i++)
        r.all_shared += r.shared * get_class_weight(r.weights, i);
    return r;
}

static double get_row_loss(const row *r) {
    double log_sum = log(r->sum);
    double loss = r->kept * (log_sum - ((double)r->x[r->label] - r->largest));
    for (size_t i = 0; r->shared > 0 && i < r->n_classes; i++)
        loss += r->shared * get_class_weight(r->weights, i) *
                (log_sum - ((double)r->x[i] - r->largest));
    return loss;
}

static void get_row_gradient(const row *r, double weight, float *gradient) {
    double all = r->kept + r->all_shared;
    for (size_t i = 0; i < r->n_classes; i++) {
        double share = exp((double)r->x[i] - r->largest) / r->sum;
        double target = (i == r->label ? r->kept : 0.0);
        if (r->shared > 0) target += r->shared * get_class_weight(r->weights, i);
        gradient[i] = (float)((all * share - target) / weight);
    }
}

double dnnb__loss_cross_entropy(const dnnb__loss_options *options, const float *logits,
                                const int64_t *labels, size_t n, size_t n_classes,
                                float *gradient) {
    static const dnnb__loss_options plain = {0};
    if (!options) options = &plain;
    double loss = 0, weight = dnnb__loss_get_weight(options, labels, n);
    for (size_t i = 0; i < n; i++) {
        row r = read_row(options, logits + i * n_classes, labels[i], n_classes);
        loss += get_row_loss(&r);
        if (gradient) get_row_gradient(&r, weight, gradient + i * n_classes);
    }
    return loss / weight;
}

double dnnb__loss_mse(const float *outputs, const float *targets, size_t n, size_t n_targets,
                      float *gradient) {
    double sum = 0, count = (double)n * (double)n_targets;
    for (size_t i = 0; i < n * n_targets; i++) {
        double difference = (double)outputs[i] - (double)targets[i];
        sum += difference * difference;
        if (gradient) gradient[i] = (float)(2 * difference / count);
    }
    return sum / count;
}
