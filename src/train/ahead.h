/*
 * Frozen layers behind a random one, computed for several steps at once.
 *
 * Between kept features and the first layer that is trained there may be dropout, which makes the
 * outputs of the frozen layers behind it others in each step; but no step changes them for the
 * next. Such layers are large and batches are small, so that a step does little but read their
 * weights. Computed for the steps to come, they are read once for all of these. A row has the same
 * bits as in its step alone, or nothing is computed ahead; so which steps go together changes no
 * result. The first step of a group takes the time of all.
 */
#ifndef DNNB_TRAIN_AHEAD_H
#define DNNB_TRAIN_AHEAD_H

#include "train/session.h"

typedef struct dnnb__ahead {
    size_t node;         /* of the graph, the last that is frozen; 0: nothing is computed ahead */
    size_t n;            /* its floats a row */
    size_t batch;        /* rows of a step */
    size_t max_rows;     /* of all steps that are computed at once */
    float *features;     /* [max_rows, floats of a row's features] */
    float *values;       /* [max_rows, n]: the node's outputs for them, */
    size_t n_rows;       /* of which so many are there, */
    uint32_t first_step; /* those of this step first; steps are counted over all epochs */
} dnnb__ahead;

/** Find out whether these features have such layers behind them, and make room and plans. What was
 *  there before is given up.
 *  @param n_images Of an epoch. */
DNNB_MUST_CHECK dnnb_status dnnb__ahead_open(dnnb__ahead *ahead, dnnb_dnn *dnn,
                                             const dnnb__features *features, size_t batch,
                                             size_t n_images);
void dnnb__ahead_close(dnnb__ahead *ahead);

/** The outputs [n, ahead->n] of `node` for the next n rows of an epoch: `batch`, but for the last.
 *  The step goes up by one from call to call, and is none of an epoch before. They stay until the
 *  next call.
 *  @param rows   The epoch's that are left, n_left of them.
 *  @param random The step's.
 *  @error DNNB_ERR_IO as of dnnb__features_get(). */
DNNB_MUST_CHECK dnnb_status dnnb__ahead_get(dnnb__ahead *ahead, dnnb_dnn *dnn,
                                            const dnnb__features *features, size_t view,
                                            const uint64_t *rows, size_t n, size_t n_left,
                                            const dnnb__step_random *random, const float **out);

#endif
