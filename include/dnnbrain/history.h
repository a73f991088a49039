/**
 * @file
 * @ingroup training
 * The history of a training run: DNNBrain's train_dict.
 */
#ifndef DNNBRAIN_HISTORY_H
#define DNNBRAIN_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The epochs of a run. */
typedef struct dnnb_history dnnb_history;

/** One epoch. Scores are NaN where they were not asked for, and so is the validation loss. */
typedef struct dnnb_epoch {
    const double *step_loss;  /**< mean loss of each step's batch; borrowed */
    size_t n_steps;           /**< of the epoch: batches */
    double epoch_loss;        /**< step losses weighted by batch size, over the number of images */
    double score_train;       /**< of the training set after the epoch */
    double score_validation;  /**< of the validation set after the epoch */
    double learning_rate;     /**< of the epoch's last step; NaN when read from a train_dict */
    double seconds;           /**< wall time of the epoch; NaN when read from a train_dict */
    double images_per_second; /**< of the epoch's training steps; NaN likewise */
    size_t n_left_out; /**< images of both sets left out so far, since they are bad; 0 likewise */
    double loss_validation; /**< mean loss of the validation set after the epoch, from the
                                 predictions that the score is from; NaN also when read from a
                                 train_dict.pkl, which has DNNBrain's four lists */
    double gradient_norm;   /**< mean over the epoch's steps of the norm of all gradients, before it
                               is   clipped; NaN where none was asked for, and when read from a
                               train_dict */
    size_t n_trained;       /**< parameters (elements) that the epoch trained; 0 likewise */
} dnnb_epoch;

/** A history without epochs. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_history_create(dnnb_history **out);
/** Takes NULL. */
DNNB_API void dnnb_history_destroy(dnnb_history *history);
/** Append an epoch; the step losses are copied. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_history_add(dnnb_history *history,
                                                      const dnnb_epoch *epoch);
/** Number of epochs. */
DNNB_API size_t dnnb_history_get_count(const dnnb_history *history);
/** What is looked at to call an epoch the best: a higher score, or a lower loss. */
typedef enum dnnb_monitor {
    DNNB_MONITOR_SCORE, /**< of the validation set */
    DNNB_MONITOR_LOSS   /**< likewise */
} dnnb_monitor;
/** The best epoch, the first of equals; SIZE_MAX when there is no such number. */
DNNB_API size_t dnnb_history_find_best(const dnnb_history *history, dnnb_monitor monitor);
/** Epoch i, counted from 0. */
DNNB_API const dnnb_epoch *dnnb_history_get_epoch(const dnnb_history *history, size_t i);

/** A pickle of DNNBrain's train_dict: a dict of lists of Python floats (step_loss: a list of
 * lists). Scores that were not taken are empty lists. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_history_save_pickle(const dnnb_history *history,
                                                              const char *path);
/** The same and the list `loss_validation` as JSON, in the shortest digits that read back to the
 * same double; null for a number that is not finite. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_history_save_json(const dnnb_history *history,
                                                            const char *path);
/** A line an epoch:
 * epoch,loss,score_train,score_validation,learning_rate,seconds,images_per_second,images_left_out,
 * loss_validation,gradient_norm,parameters_trained. New columns are added at the end.
 * Fields that have no value are empty. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_history_save_csv(const dnnb_history *history,
                                                           const char *path);

/** Read a train_dict.pkl that this library or DNNBrain wrote (its scores may be numpy scalars), or
 * a train_dict.json, by the first bytes.
 *  @error DNNB_ERR_IO; DNNB_ERR_FORMAT damaged, not a train_dict, or a forbidden pickle global. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_history_load(dnnb_history **out, const char *path);

#ifdef __cplusplus
}
#endif

#endif
