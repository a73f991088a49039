/*
 * Losses over a batch of outputs in plain layout, and their gradients.
 * Sums are taken in float64, in the order of the rows.
 */
#ifndef DNNB_ENGINE_LOSS_H
#define DNNB_ENGINE_LOSS_H

#include <stddef.h>
#include <stdint.h>

typedef struct dnnb__loss_options {
    const double *class_weights; /* [n_classes], each above 0; NULL: all 1 */
    double label_smoothing;      /* this part of each label, 0 to 1, is spread over all classes */
} dnnb__loss_options;

/** Sum of the class weights of n labels: what their mean loss is over. n without weights. */
double dnnb__loss_get_weight(const dnnb__loss_options *options, const int64_t *labels, size_t n);

/**
 * Mean cross-entropy. With weights w, smoothing s and K classes, over the sum of w[label]:
 * the sum over rows of (1 - s) w[label] nll(label) + s / K times the sum over classes of w nll.
 * @param options  NULL for neither weights nor smoothing.
 * @param logits   [n, n_classes] row-major.
 * @param labels   [n], each in 0 .. n_classes - 1.
 * @param gradient [n, n_classes], d loss / d logits; NULL when not wanted.
 * @return the loss.
 * @source PyTorch nn.CrossEntropyLoss, reduction 'mean'.
 */
double dnnb__loss_cross_entropy(const dnnb__loss_options *options, const float *logits,
                                const int64_t *labels, size_t n, size_t n_classes, float *gradient);

/**
 * Mean squared error over all n * n_targets elements.
 * @source PyTorch nn.MSELoss, reduction 'mean'.
 */
double dnnb__loss_mse(const float *outputs, const float *targets, size_t n, size_t n_targets,
                      float *gradient);

#endif
