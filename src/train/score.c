/*
 * Accuracy, squared correlation and losses, in float64 in the order of the rows.
 *
 * Source: DNNBrain dnnbrain/dnn/base.py, DNN.test.
 */
#include "train/score.h"

#include "engine/loss.h"
#include "metrics/correlation.h"

double dnnb__score_accuracy(const dnnb_predictions *p, const int64_t *labels) {
    size_t n_right = 0;
    for (size_t i = 0; i < p->n; i++) {
        const float *outputs = dnnb_predictions_get_outputs(p, i);
        size_t predicted = dnnb__predictions_argmax(outputs, p->n_outputs);
        if (labels[p->rows[i]] == (int64_t)predicted) n_right++;
    }
    return p->n ? (double)n_right / (double)p->n : 0.0;
}

typedef struct values {
    const dnnb_predictions *predictions;
    const float *targets;
} values;

static void get_pair(const void *context, size_t i, double *x, double *y) {
    const values *v = context;
    const dnnb_predictions *p = v->predictions;
    size_t row = p->rows[i / p->n_outputs];
    *x = (double)p->outputs[i];
    *y = (double)v->targets[row * p->n_outputs + i % p->n_outputs];
}

double dnnb__score_correlation(const dnnb_predictions *p, const float *targets) {
    const values v = {p, targets};
    dnnb__moments moments;
    dnnb__moments_sum(&moments, get_pair, &v, p->n * p->n_outputs);
    return dnnb__moments_get_r_squared(&moments);
}

double dnnb__score_cross_entropy(const dnnb_predictions *p, const int64_t *labels) {
    double sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += dnnb__loss_cross_entropy(dnnb_predictions_get_outputs(p, i), labels + p->rows[i], 1,
                                        p->n_outputs, NULL);
    return sum / (double)p->n;
}

double dnnb__score_mse(const dnnb_predictions *p, const float *targets) {
    double sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += dnnb__loss_mse(dnnb_predictions_get_outputs(p, i),
                              targets + p->rows[i] * p->n_outputs, 1, p->n_outputs, NULL);
    return sum / (double)p->n;
}
