/**
 * @file
 * @ingroup parts
 * Optimisers and learning-rate schedules, with PyTorch's names, formulas and defaults.
 */
#ifndef DNNBRAIN_OPTIM_H
#define DNNBRAIN_OPTIM_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How parameters follow their gradients. */
typedef struct dnnb_optimizer_options {
    const char *name;    /**< "adam", "adamw" or "sgd" */
    double lr;           /**< learning rate; NaN: the optimiser's own default */
    double weight_decay; /**< NaN: the optimiser's own default */
    double momentum;     /**< SGD */
    bool nesterov;       /**< SGD */
    double beta1;        /**< Adam and AdamW: decay of the mean gradient */
    double beta2;        /**< Adam and AdamW: decay of the mean squared gradient */
    double eps;          /**< Adam and AdamW */
} dnnb_optimizer_options;

/** Not a number, where a default is asked for. */
#define DNNB_NAN (__builtin_nan(""))
/** The default options: DNNBrain's Adam. */
#define DNNB_OPTIMIZER_OPTIONS_INIT                                                                \
    {                                                                                              \
        .name = "adam", .lr = DNNB_NAN, .weight_decay = DNNB_NAN, .momentum = 0.0,                 \
        .nesterov = false, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8                               \
    }

/** How the learning rate changes. */
typedef struct dnnb_schedule_options {
    const char *name;     /**< "constant", "step" or "cosine" */
    size_t warmup_epochs; /**< the rate grows linearly, step by step, over these epochs */
    size_t step_epochs;   /**< "step": epochs between two falls; 0: a third of all epochs */
    double gamma;         /**< "step": factor of each fall */
} dnnb_schedule_options;

/** The default options. */
#define DNNB_SCHEDULE_OPTIONS_INIT                                                                 \
    { .name = "constant", .warmup_epochs = 0, .step_epochs = 0, .gamma = 0.1 }

/** Names of the optimisers, "adam" first. */
DNNB_API const char *const *dnnb_optimizer_get_names(size_t *n);
/** Names of the schedules, "constant" first. */
DNNB_API const char *const *dnnb_schedule_get_names(size_t *n);

/**
 * Factor on the learning rate in a step.
 *
 * After the warm-up: "constant" 1; "step" gamma^floor(e / step_epochs) (StepLR); "cosine"
 * (1 + cos(pi e / E)) / 2 (CosineAnnealingLR to zero), where e counts the epochs since the warm-up
 * and E is their number. In the warm-up: (steps done + 1) / (steps of the warm-up).
 *
 * @param epoch, step Counted from 0; step within the epoch.
 */
DNNB_API double dnnb_schedule_get_factor(const dnnb_schedule_options *options, size_t n_epochs,
                                         size_t steps_per_epoch, size_t epoch, size_t step);

#ifdef __cplusplus
}
#endif

#endif
