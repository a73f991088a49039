/**
 * @file
 * @ingroup training
 * The plots of a training run, drawn with cairo; the path's ending, .svg or .png, decides.
 */
#ifndef DNNBRAIN_PLOT_H
#define DNNBRAIN_PLOT_H

#include "dnnbrain/history.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Loss of each epoch. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_epoch_loss(const dnnb_history *history,
                                                          const char *path);
/** Loss of each step, raw and smoothed, with the epochs' bounds. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_step_loss(const dnnb_history *history,
                                                         const char *path);
/**
 * Scores on the training and the validation set, those that were taken.
 * @param score_name Such as "accuracy" or "r squared".
 * @param chance     Chance level to mark; NaN for none.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_score(const dnnb_history *history,
                                                     const char *score_name, double chance,
                                                     const char *path);

#ifdef __cplusplus
}
#endif

#endif
