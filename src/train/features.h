/*
 * Outputs of a layer up to which nothing is trained: the same numbers whenever an image, or one of
 * its views, is seen. They are computed once and kept.
 */
#ifndef DNNB_TRAIN_FEATURES_H
#define DNNB_TRAIN_FEATURES_H

#include <stdint.h>

#include "core/scratch.h"
#include "train/budget.h"

typedef struct dnnb__features {
    size_t node;        /* of the graph; 0 when nothing is frozen */
    size_t n;           /* floats an image */
    size_t n_rows;      /* of the set */
    size_t n_views;     /* random ones of an image that are kept; 0: the image as testing sees it */
    float *values;      /* [views, rows, n]; NULL when they are not in memory */
    const char *folder; /* of the file that has them then; borrowed */
    dnnb__scratch *file; /* NULL until it is needed */
    bool *is_complete;   /* [views]: all rows of it are there; NULL when nothing is kept */
} dnnb__features;

/** Make room for what the fields say, if the budget has it; otherwise plan a file, if there is a
 *  folder for it. @param folder NULL for none; it need not be there yet. */
DNNB_MUST_CHECK dnnb_status dnnb__features_reserve(dnnb__features *features, dnnb__budget *budget,
                                                   const char *folder);
/** Before the first are put: make the file if one is planned. @error DNNB_ERR_IO as of
 *  dnnb__scratch_create(); they are to be released then. */
DNNB_MUST_CHECK dnnb_status dnnb__features_open(dnnb__features *features);
/** Keep them no more; the first fields stay. @param budget NULL when it is over. */
void dnnb__features_release(dnnb__features *features, dnnb__budget *budget);

/** Whether they are kept or planned to be. */
bool dnnb__features_are_kept(const dnnb__features *features);
/** All that is kept of them, in bytes; 0 when they are too many to count. */
size_t dnnb__features_get_bytes(const dnnb__features *features);
/** Views that are still to be computed. */
size_t dnnb__features_count_missing(const dnnb__features *features);

/** Keep the features [n, features->n] of n rows in a view (0 where there are none).
 *  @error DNNB_ERR_IO of a file: nothing of it counts any more. */
DNNB_MUST_CHECK dnnb_status dnnb__features_put(dnnb__features *features, size_t view,
                                               const uint64_t *rows, size_t n, const float *values);
/** Kept features of n rows in a view. @error DNNB_ERR_IO likewise. */
DNNB_MUST_CHECK dnnb_status dnnb__features_get(const dnnb__features *features, size_t view,
                                               const uint64_t *rows, size_t n, float *values);

#endif
