/*
 * Accuracy and squared correlation, in float64 in the order of the rows.
 *
 * Source: DNNBrain dnnbrain/dnn/base.py, DNN.test.
 */
#include "train/score.h"

double dnnb__score_accuracy(const dnnb_predictions *p, const int64_t *labels) {
    size_t n_right = 0;
    for (size_t i = 0; i < p->n; i++) {
        const float *outputs = dnnb_predictions_get_outputs(p, i);
        size_t predicted = dnnb__predictions_argmax(outputs, p->n_outputs);
        if (labels[p->rows[i]] == (int64_t)predicted) n_right++;
    }
    return p->n ? (double)n_right / (double)p->n : 0.0;
}

double dnnb__score_correlation(const dnnb_predictions *p, const float *targets) {
    size_t n_outputs = p->n_outputs;
    double n = (double)p->n * (double)n_outputs, mean_x = 0, mean_y = 0;
    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < n_outputs; k++) {
            mean_x += (double)p->outputs[i * n_outputs + k] / n;
            mean_y += (double)targets[p->rows[i] * n_outputs + k] / n;
        }
    }
    double xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < n_outputs; k++) {
            double x = (double)p->outputs[i * n_outputs + k] - mean_x;
            double y = (double)targets[p->rows[i] * n_outputs + k] - mean_y;
            xx += x * x;
            yy += y * y;
            xy += x * y;
        }
    }
    return xx > 0 && yy > 0 ? xy * xy / (xx * yy) : 0.0;
}
