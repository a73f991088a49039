/* Outputs of a set's images, in the order of its rows. */
#ifndef DNNB_TRAIN_PREDICTIONS_H
#define DNNB_TRAIN_PREDICTIONS_H

#include "core/status.h"
#include "dnnbrain/train.h"

struct dnnb_predictions {
    size_t n; /* filled so far */
    size_t capacity, n_outputs;
    size_t *rows;   /* [n] */
    float *outputs; /* [n, n_outputs] */
};

/** Room for `capacity` images. */
DNNB_MUST_CHECK dnnb_status dnnb__predictions_create(dnnb_predictions **out, size_t capacity,
                                                     size_t n_outputs);
/** Copy what `from` holds; `to` must have its capacity and number of outputs. */
void dnnb__predictions_copy(dnnb_predictions *to, const dnnb_predictions *from);
/** The first output that is not finite; false when all are. */
bool dnnb__predictions_find_bad(const dnnb_predictions *predictions, size_t *i, float *value);
/** Index of the largest of n outputs, the first of equals. */
size_t dnnb__predictions_argmax(const float *outputs, size_t n);

/** A column of numbers that the predictions themselves do not have. */
typedef struct dnnb__extra_column {
    const char *name;
    const uint64_t *values; /* one a prediction */
} dnnb__extra_column;

/** dnnb_predictions_save_csv() with more columns behind the outputs. */
DNNB_MUST_CHECK dnnb_status dnnb__predictions_save_csv(const dnnb_predictions *predictions,
                                                       const dnnb_stimulus *stim, dnnb_task task,
                                                       const char *labels,
                                                       const dnnb__extra_column *extra,
                                                       size_t n_extra, const char *path);

#endif
