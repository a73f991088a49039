/*
 * Images in batches, loaded by worker threads ahead of the computation.
 *
 * A pass goes over rows of one set in a given order. What each image becomes is a function of
 * (seed, epoch, row) alone, and batches come in order, so no result depends on the workers.
 */
#ifndef DNNB_TRAIN_LOADER_H
#define DNNB_TRAIN_LOADER_H

#include "core/image_layout.h"
#include "train/set.h"

typedef struct dnnb__loader dnnb__loader;

typedef struct dnnb__loader_options {
    int64_t width_px, height_px; /* of the network's input */
    dnnb__image_layout layout;   /* in which it reads them */
    size_t max_batch;
    size_t n_workers; /* 0: one a processor */
    dnnb_decode_options decode;
    dnnb__budget *budget; /* for what is kept of images; borrowed */
} dnnb__loader_options;

typedef struct dnnb__pass {
    dnnb__set *set;
    const uint64_t *order; /* rows; borrowed until the pass ends */
    size_t n;              /* rows */
    size_t batch;          /* images a batch; the last one may be short */
    bool header_only;      /* check each file's header and load nothing: batches have no images */
    bool augment;          /* random crop and flip; otherwise resize to the input's size */
    double crop_scale;     /* of random crops */
    bool keep;             /* keep what the next pass can use, within the budget */
    uint64_t seed, epoch;  /* of crops and flips */
} dnnb__pass;

typedef struct dnnb__batch {
    void *images;                /* [n] of the layout; the caller's until the next call */
    uint64_t *rows;              /* [n]; likewise */
    size_t n;                    /* images there are */
    size_t n_planned;            /* rows of the order that the batch stands for; 0 after the last */
    const dnnb_status *statuses; /* [n_planned] */
    const char *const *messages; /* [n_planned], NULL where the status is OK */
} dnnb__batch;

DNNB_MUST_CHECK dnnb_status dnnb__loader_create(dnnb__loader **out,
                                                const dnnb__loader_options *options);
/** Ends the pass that goes on and the threads. */
void dnnb__loader_destroy(dnnb__loader *loader);

/** Begin a pass; one that goes on is ended. */
void dnnb__loader_start(dnnb__loader *loader, const dnnb__pass *pass);
/** Wait for the next batch. @error Of the first row in the batch that failed, with file and line.
 *  The batch is given all the same, and the pass may go on. */
DNNB_MUST_CHECK dnnb_status dnnb__loader_next(dnnb__loader *loader, dnnb__batch *out);
/** Move a batch's images and rows together, over those that failed; n is what is left. */
void dnnb__loader_drop_failed(const dnnb__loader *loader, dnnb__batch *batch);

#endif
