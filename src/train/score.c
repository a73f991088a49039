/*
 * Accuracy and squared correlation, in float64 in the order of the rows.
 *
 * Source: DNNBrain dnnbrain/dnn/base.py, DNN.test.
 */
#include "train/score.h"

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
