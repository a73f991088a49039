/*
 * Groups of parameters as people write them: learning rates, and the epochs from which on frozen
 * ones are trained.
 */
#ifndef DNNB_TRAIN_GROUPS_H
#define DNNB_TRAIN_GROUPS_H

#include "dnn/dnn.h"

/**
 * Read "features.*=1e-5,classifier.*=1e-4,1e-3": globs with their rates, the first that matches a
 * parameter counts; a plain number is the rate of all others.
 *
 * @param text NULL for none.
 * @param base Rate of the others where the text has no plain number.
 * @param[out] rates [parameters of the graph].
 * @error DNNB_ERR_ARGUMENT a glob that matches nothing (with the nearest name), a rate that is not
 *        above 0.
 */
DNNB_MUST_CHECK dnnb_status dnnb__groups_read_lr(double *rates, const dnnb_dnn *dnn,
                                                 const char *text, double base);

/**
 * Read "4", which stands for "4=all", or "3=classifier.*,6=all": in each of these epochs (from 1)
 * what the pattern names and is frozen begins to be trained.
 *
 * @param text NULL for none.
 * @param n_epochs Of the run.
 * @param[out] epochs [parameters of the graph]; 0 for one that stays as it is.
 * @error DNNB_ERR_ARGUMENT an epoch that is not 2 to n_epochs, or not later than the one before; a
 *        glob that matches nothing; a pattern that names nothing that is frozen by then.
 */
DNNB_MUST_CHECK dnnb_status dnnb__groups_read_unfreeze(size_t *epochs, const dnnb_dnn *dnn,
                                                       const char *text, size_t n_epochs);

#endif
