/* The scores of the two tasks, over predictions and what is known of the same rows. */
#ifndef DNNB_TRAIN_SCORE_H
#define DNNB_TRAIN_SCORE_H

#include "train/predictions.h"

/** Share of the images whose largest output (the first of equals) is the label's.
 *  @param labels Of every row of the set. */
double dnnb__score_accuracy(const dnnb_predictions *predictions, const int64_t *labels);

/** Squared Pearson correlation of all outputs with all targets, ravelled; 0 where one of them is
 *  constant, since it explains nothing.
 *  @param targets [rows of the set, n_outputs]. */
double dnnb__score_correlation(const dnnb_predictions *predictions, const float *targets);

#endif
