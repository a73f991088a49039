/**
 * @file
 * @ingroup training
 * The learning-rate range test: how the loss goes while the rate grows from step to step.
 */
#ifndef DNNBRAIN_LR_FIND_H
#define DNNBRAIN_LR_FIND_H

#include "dnnbrain/plot.h"
#include "dnnbrain/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How the rate grows. */
typedef struct dnnb_lr_find_options {
    double min_lr;     /**< rate of the first step; above 0 */
    double max_lr;     /**< rate of the last step */
    size_t steps;      /**< mini-batches; each step's rate is the same multiple of the last's */
    double smoothing;  /**< what an average keeps from one step to the next; from 0 to below 1 */
    double divergence; /**< the test ends when the moving average of the loss is more than so many
                            times its least; above 1 */
} dnnb_lr_find_options;

/** The default options. */
#define DNNB_LR_FIND_OPTIONS_INIT                                                                  \
    { .min_lr = 1e-7, .max_lr = 1, .steps = 100, .smoothing = 0.9, .divergence = 4 }

/** A step of the test. */
typedef struct dnnb_lr_step {
    double lr;       /**< its rate */
    double loss;     /**< mean loss of the step's batch, before its update */
    double average;  /**< exponential moving average of the losses so far, its bias corrected */
    double smoothed; /**< average of the losses before and after it, weighted by smoothing to the
                          power of the steps between; up to the least average, after that NaN */
} dnnb_lr_step;

/** What the test found. */
typedef struct dnnb_lr_curve {
    dnnb_lr_step *steps; /**< those that were made */
    size_t n;            /**< their number */
    bool has_diverged;   /**< it ended before the last step */
    size_t best;         /**< the step of the least moving average */
    double suggested_lr; /**< where the smoothed loss falls fastest; NaN for none */
} dnnb_lr_curve;

/**
 * Train for some steps with a rate that grows exponentially, and suggest a rate.
 *
 * The steps are those of dnnb_train() with the same options: the same order, crops, dropout and
 * losses, epoch after epoch when one has fewer steps. All trained parameters have the same rate, as
 * if lr_groups were not given; scores, checkpoints, the schedule, optimizer.lr and unfreeze are not
 * used either. Afterwards the network has the bits that it had before, also after a
 * failure.
 *
 * The suggested rate is that of the steepest descent: where the central difference of the smoothed
 * loss, over equal steps of the rate's logarithm, is most negative, between a tenth of the planned
 * steps and the least moving average. There is none when the smoothed loss falls by less than a
 * twentieth there, which chance can do. The moving average itself would not do: it comes late, and
 * would suggest a rate that is too large. A loss that is not finite counts as diverged.
 *
 * @param train_options  NULL for DNNB_TRAIN_OPTIONS_INIT. on_event is told START, STEP (of all
 *                       steps, with n_epochs 0), SCORING and WARNING.
 * @param find_options   NULL for DNNB_LR_FIND_OPTIONS_INIT.
 * @param[out] out       Destroy with dnnb_lr_curve_destroy(); NULL after any failure.
 * @error As dnnb_train(); DNNB_ERR_NUMERIC the first loss is not finite.
 * @source Smith, "Cyclical learning rates for training neural networks", WACV 2017; the
 *         moving average and divergence as fastai and PyTorch Lightning have them.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_lr_find(dnnb_dnn *dnn, const dnnb_stimulus *train,
                                                  const dnnb_train_options *train_options,
                                                  const dnnb_lr_find_options *find_options,
                                                  dnnb_lr_curve **out);
/** Takes NULL. */
DNNB_API void dnnb_lr_curve_destroy(dnnb_lr_curve *curve);

/** Write step,learning_rate,loss,moving_average,smoothed_loss, a line a step, in the shortest
 * digits that read back to the same double, atomically. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_lr_curve_save_csv(const dnnb_lr_curve *curve,
                                                            const char *path);
/** The curve as a plot: each step's loss and the smoothed loss over a logarithmic axis of the rate,
 *  the suggested rate marked. Copies what it shows. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_create_lr_curve(dnnb_plot **out,
                                                               const dnnb_lr_curve *curve);

#ifdef __cplusplus
}
#endif

#endif
