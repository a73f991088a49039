/*
 * Losses over a batch of outputs in plain layout, and their gradients.
 * Sums are taken in float64, in the order of the rows.
 */
#ifndef DNNB_ENGINE_LOSS_H
#define DNNB_ENGINE_LOSS_H

#include <stddef.h>
#include <stdint.h>

/**
 * Mean cross-entropy.
 * @param logits   [n, n_classes] row-major.
 * @param labels   [n], each in 0 .. n_classes - 1.
 * @param gradient [n, n_classes], d loss / d logits; NULL when not wanted.
 * @return the loss.
 * @source PyTorch nn.CrossEntropyLoss, reduction 'mean'.
 */
double dnnb__loss_cross_entropy(const float *logits, const int64_t *labels, size_t n,
                                size_t n_classes, float *gradient);

/**
 * Mean squared error over all n * n_targets elements.
 * @source PyTorch nn.MSELoss, reduction 'mean'.
 */
double dnnb__loss_mse(const float *outputs, const float *targets, size_t n, size_t n_targets,
                      float *gradient);

#endif
