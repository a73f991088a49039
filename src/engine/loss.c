/*
 * Cross-entropy and mean squared error.
 *
 * A row's cross-entropy is log(sum exp(x - max)) - (x[label] - max): nothing overflows, and the
 * largest term is exactly 1.
 */
#include "engine/loss.h"

#include <math.h>

double dnnb__loss_cross_entropy(const float *logits, const int64_t *labels, size_t n,
                                size_t n_classes, float *gradient) {
    double loss = 0;
    for (size_t row = 0; row < n; row++) {
        const float *x = logits + row * n_classes;
        size_t label = (size_t)labels[row];
        double largest = (double)x[0], sum = 0;
        for (size_t i = 1; i < n_classes; i++)
            if ((double)x[i] > largest) largest = (double)x[i];
        for (size_t i = 0; i < n_classes; i++) sum += exp((double)x[i] - largest);
        loss += log(sum) - ((double)x[label] - largest);
        if (!gradient) continue;
        float *g = gradient + row * n_classes;
        for (size_t i = 0; i < n_classes; i++) {
            double share = exp((double)x[i] - largest) / sum;
            g[i] = (float)((share - (i == label ? 1.0 : 0.0)) / (double)n);
        }
    }
    return loss / (double)n;
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
