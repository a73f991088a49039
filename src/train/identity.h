/*
 * What makes a training run itself: a run that goes on with anything of this changed would be
 * another one, and its end would not have the bits of a run that was never stopped.
 */
#ifndef DNNB_TRAIN_IDENTITY_H
#define DNNB_TRAIN_IDENTITY_H

#include "train/criterion.h"
#include "train/session.h"

/** Print "name: value" lines about network, engine, options and data. The network's net is there.
 *  @param optimizer With defaults filled in. */
DNNB_MUST_CHECK dnnb_status dnnb__identity_print(dnnb__buf *out, const dnnb__session *session,
                                                 const dnnb_optimizer_options *optimizer,
                                                 const dnnb__criterion *criterion,
                                                 const dnnb__set *train,
                                                 const dnnb__set *validation);

/** Compare line by line. @error DNNB_ERR_ARGUMENT the first name whose value differs, with both. */
DNNB_MUST_CHECK dnnb_status dnnb__identity_compare(const char *then, size_t n_then,
                                                   const char *now);

/** Sizes of a set's files in bytes, -1 for one that is not there. Free with dnnb__free. */
DNNB_MUST_CHECK dnnb_status dnnb__identity_read_sizes(int64_t **out, const dnnb__set *set);
/** @param bad_since Of the checkpoint: the files of rows that were left out may have changed.
 *  @error DNNB_ERR_ARGUMENT the first row whose file has another size. */
DNNB_MUST_CHECK dnnb_status dnnb__identity_compare_sizes(const dnnb__set *set,
                                                         const uint32_t *bad_since,
                                                         const int64_t *then, const int64_t *now);

#endif
