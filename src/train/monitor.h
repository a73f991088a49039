/*
 * What a run watches after each epoch: which epoch is the best, and whether to stop early.
 *
 * All of it follows from the history and the options, so a run that goes on replays its history and
 * stands where it stood.
 */
#ifndef DNNB_TRAIN_MONITOR_H
#define DNNB_TRAIN_MONITOR_H

#include "core/status.h"
#include "dnnbrain/train.h"

typedef struct dnnb__monitor {
    dnnb_monitor kind;
    size_t patience; /* epochs without an improvement that end the run; 0: none do */
    double min_delta;
    size_t n_epochs;
    size_t best_epoch; /* counted from 0; SIZE_MAX: none yet */
    double best;       /* its value; NaN before the first */
    double improved;   /* the value of the last improvement: min_delta from the one before */
    size_t n_since;    /* epochs since */
} dnnb__monitor;

dnnb__monitor dnnb__monitor_create(const dnnb_train_options *options);
/** The next epoch. True when it is the best so far (the first of equals). */
bool dnnb__monitor_add(dnnb__monitor *monitor, const dnnb_epoch *epoch);
/** One that has seen the epochs of a history. */
dnnb__monitor dnnb__monitor_replay(const dnnb_train_options *options, const dnnb_history *history);
/** True when no epoch should follow. */
bool dnnb__monitor_is_over(const dnnb__monitor *monitor);
/** Say why it is over. @param n_planned Epochs that were asked for. */
void dnnb__monitor_print_end(const dnnb__monitor *monitor, size_t n_planned, char *out, size_t n);

#endif
