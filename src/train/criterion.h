/*
 * The loss that a run trains: of its task, with the weights of classes and the smoothing of labels.
 *
 * A mean loss is over the sum of the images' weights (each 1 without weights of classes), in a
 * step, an epoch and a set alike. So losses of steps make that of an epoch, and the validation
 * loss is of the same kind.
 */
#ifndef DNNB_TRAIN_CRITERION_H
#define DNNB_TRAIN_CRITERION_H

#include "engine/loss.h"
#include "train/predictions.h"
#include "train/set.h"

typedef struct dnnb__criterion {
    dnnb_task task;
    size_t n_outputs;
    dnnb__loss_options loss; /* of a classification */
    double *class_weights;   /* [n_outputs]; NULL: all 1 */
    int64_t *labels;         /* [batch], of the step */
    float *targets;          /* [batch, n_outputs], of the step */
} dnnb__criterion;

/**
 * Read `options->class_weights`: NULL and "none" give *out = NULL, which stands for 1 each.
 *
 * @param labels NULL to check the text alone; "balanced" then gives NULL too.
 * @param[out] out [n_classes]; free with dnnb__free.
 * @error DNNB_ERR_ARGUMENT no such word, no number above 0, or not one a class.
 */
DNNB_MUST_CHECK dnnb_status dnnb__class_weights_read(double **out, const char *text,
                                                     const int64_t *labels, size_t n,
                                                     size_t n_classes);

/** @param batch Images of the largest step. Close it also after a failure. */
DNNB_MUST_CHECK dnnb_status dnnb__criterion_open(dnnb__criterion *criterion,
                                                 const dnnb_train_options *options,
                                                 const dnnb__set *train, size_t n_outputs,
                                                 size_t batch);
void dnnb__criterion_close(dnnb__criterion *criterion);

/**
 * Mean loss of a step.
 * @param outputs  [n, n_outputs], of these rows of the set.
 * @param gradient [n, n_outputs], d loss / d outputs.
 * @param[out] weight Sum of the images' weights.
 */
double dnnb__criterion_get_step_loss(const dnnb__criterion *criterion, const dnnb__set *set,
                                     const float *outputs, const uint64_t *rows, size_t n,
                                     float *gradient, double *weight);

/** Mean loss of predictions, over the sum of the images' weights. NaN without predictions. */
double dnnb__criterion_get_set_loss(const dnnb__criterion *criterion, const dnnb__set *set,
                                    const dnnb_predictions *predictions);

/** The loss that always giving the set's frequencies (its means) would have; what a network that
 *  has learned nothing stays at. NaN when out of memory. */
double dnnb__criterion_get_chance_loss(const dnnb__criterion *criterion, const dnnb__set *set);

#endif
