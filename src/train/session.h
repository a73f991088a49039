/*
 * What training, testing and predicting share: a network, a loader, the budget, and passes over
 * whole sets in test mode.
 *
 * Frozen work is done once. Up to the features' node nothing changes during a session, so that part
 * is always computed by a plan of its own, in batches of DNNB__DNN_BATCH in the set's order; its
 * outputs are kept where the budget has room. Keeping them saves time and changes no bit.
 */
#ifndef DNNB_TRAIN_SESSION_H
#define DNNB_TRAIN_SESSION_H

#include "dnn/dnn.h"
#include "train/loader.h"
#include "train/predictions.h"

typedef struct dnnb__session {
    dnnb_dnn *dnn;
    const dnnb_train_options *options;
    dnnb__budget budget;
    dnnb__loader *loader;
    float *features; /* [max_batch, largest_features]: what goes from one plan to the next */
    size_t largest_features;
    bool keeps_images; /* more than one pass will be made */
    dnnb_pass pass;    /* that is made now */
    size_t epoch, n_epochs;
    bool has_begun;        /* the epoch's steps: its order can no longer go without an image */
    bool has_told_kernels; /* that one is slow */
    double scoring_end_s;  /* when the scoring that goes on may end; NaN when unknown */
    double later_s;        /* time that the epochs after this one may take; NaN when unknown */
} dnnb__session;

/** Seconds of a steady clock. */
double dnnb__session_now_s(void);

/** @param max_batch Largest batch that will be loaded, at least DNNB__DNN_BATCH. */
DNNB_MUST_CHECK dnnb_status dnnb__session_open(dnnb__session *session, dnnb_dnn *dnn,
                                               const dnnb_train_options *options, size_t max_batch);
/** Before the sets are destroyed: workers may be reading them. */
void dnnb__session_close(dnnb__session *session);

/** Tell the caller. @error DNNB_ERR_STOPPED the caller wants to end. */
DNNB_MUST_CHECK dnnb_status dnnb__session_emit(dnnb__session *session, dnnb_event *event);
/** Warn once when a plan that was made holds an operation without a good kernel. */
DNNB_MUST_CHECK dnnb_status dnnb__session_check_kernels(dnnb__session *session);
/** Tell how far a pass is. */
DNNB_MUST_CHECK dnnb_status dnnb__session_emit_scoring(dnnb__session *session, size_t done,
                                                       size_t total);

/** Check that every image of a set can be used, by its header or by decoding it (options->check).
 *  Bad ones end the check, or are left out from the first epoch on (options->on_bad_image).
 *  @param augment The set will be loaded with random crops: what is decoded is kept for that. */
DNNB_MUST_CHECK dnnb_status dnnb__session_check_images(dnnb__session *session, dnnb__set *set,
                                                       bool augment);

/** The loader's next batch. Images that turn out to be bad are left out on the user's wish: the
 *  batch is then shorter than planned, empty even, and they are missing in later passes.
 *  out->n_planned is 0 after the last batch. */
DNNB_MUST_CHECK dnnb_status dnnb__session_next(dnnb__session *session, dnnb__set *set,
                                               dnnb__batch *out);

/** Split the network for a set's features at `node` (0 for none) and keep them if there is room;
 *  those of another node are given up. @param n_views As in dnnb__features. */
DNNB_MUST_CHECK dnnb_status dnnb__session_freeze(dnnb__session *session, dnnb__features *features,
                                                 size_t node, size_t n_rows, size_t n_views);
/** Make room for a batch of the largest features, once all sets are split. */
DNNB_MUST_CHECK dnnb_status dnnb__session_reserve(dnnb__session *session, size_t max_batch);
/** Frozen part of n images into session->features. */
DNNB_MUST_CHECK dnnb_status dnnb__session_run_frozen(dnnb__session *session,
                                                     const dnnb__features *features,
                                                     const void *images, size_t n);
/** Compute the features of every row in a view (0 where there are none), if they are to be kept and
 *  are not there yet. They are kept no more when that turns out to be impossible. */
DNNB_MUST_CHECK dnnb_status dnnb__session_fill_features(dnnb__session *session, dnnb__set *set,
                                                        dnnb__features *features, size_t view);

/** Features cannot be kept, or not be read back, and the message says why: where that is the file's
 *  fault, tell so and keep them no more. They are then computed whenever they are needed. */
DNNB_MUST_CHECK dnnb_status dnnb__session_give_up_features(dnnb__session *session,
                                                           dnnb__features *features,
                                                           dnnb_status status);

/** Outputs of every row that is not left out, in order, in test mode.
 *  @error DNNB_ERR_NUMERIC an output is not finite. */
DNNB_MUST_CHECK dnnb_status dnnb__session_predict(dnnb__session *session, dnnb__set *set,
                                                  dnnb_predictions *out);
/** Score of the task of the options. */
double dnnb__session_score(const dnnb__session *session, const dnnb__set *set,
                           const dnnb_predictions *predictions);

#endif
