/*
 * A set of images as training sees it: the stimuli, what is known of each row, and what is kept of
 * its image so that it need not be made again.
 */
#ifndef DNNB_TRAIN_SET_H
#define DNNB_TRAIN_SET_H

#include "core/status.h"
#include "dnnbrain/train.h"
#include "train/features.h"

typedef struct dnnb__set {
    const dnnb_stimulus *stim;
    size_t n;        /* rows */
    int64_t *labels; /* classification: [n] */
    float *targets;  /* regression: [n, n_targets] */
    size_t n_targets;
    /* [n], rows whose image cannot be decoded and that are left out on the user's wish: 0 for a
     * good one, otherwise one more than the first epoch whose order goes without it. So the order
     * of an epoch in which a row turned bad stays the same, and can be made again. */
    uint32_t *bad_since;
    size_t n_bad;
    dnnb_image *decoded; /* [n], pixels NULL where they are not kept */
    dnnb_image *resized; /* [n], to the network's input size; likewise */
    uint64_t *sound;     /* [n], checksum of a file all of which was decoded; 0: of none yet */
    dnnb__features training, scoring;
    uint64_t *order; /* [n], rows of the pass that goes on */
} dnnb__set;

/** Check labels or targets against the head, and take them over. The task and target of the options
 *  are used; with has_known false (prediction) neither labels nor targets are read.
 *  @error DNNB_ERR_FORMAT file and line; DNNB_ERR_SHAPE targets that are not as many as outputs. */
DNNB_MUST_CHECK dnnb_status dnnb__set_create(dnnb__set **out, const dnnb_stimulus *stim,
                                             const dnnb_train_options *options, bool has_known,
                                             int64_t n_outputs);
void dnnb__set_destroy(dnnb__set *set);

/** Leave a row out; its message is the current one. @param since As in bad_since.
 *  @error More than 5% of the rows are left out now. */
DNNB_MUST_CHECK dnnb_status dnnb__set_mark_bad(dnnb__set *set, size_t row, uint32_t since,
                                               dnnb_status status);

/** Fill set->order with the rows that are not left out now, in order. Returns their number. */
size_t dnnb__set_fill_order(dnnb__set *set);
/** Fill it with those that were good when `epoch` began, in the random order of (seed, epoch). */
size_t dnnb__set_fill_shuffled(dnnb__set *set, uint64_t seed, size_t epoch);

/** Put "file:line: stimID: " before this thread's message; returns `status`. */
DNNB_MUST_CHECK dnnb_status dnnb__set_fail_at(const dnnb__set *set, size_t row, dnnb_status status);

#endif
