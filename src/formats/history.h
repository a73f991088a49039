/* Histories: what their readers and writers share. */
#ifndef DNNB_FORMATS_HISTORY_H
#define DNNB_FORMATS_HISTORY_H

#include "core/file.h"
#include "dnnbrain/history.h"

/** The lists of a train_dict, in the order in which they are written. A pickle has the first
 *  DNNB__N_PICKLED_LISTS, which are DNNBrain's. */
enum {
    DNNB__LIST_STEP_LOSS,
    DNNB__LIST_EPOCH_LOSS,
    DNNB__LIST_SCORE_TRAIN,
    DNNB__LIST_SCORE_VALIDATION,
    DNNB__N_PICKLED_LISTS,
    DNNB__LIST_LOSS_VALIDATION = DNNB__N_PICKLED_LISTS,
    DNNB__N_LISTS
};
extern const char *const dnnb__history_keys[DNNB__N_LISTS];

/** A parsed train_dict, whatever it was written in. */
typedef struct dnnb__history_source {
    const char *name;                 /* for messages */
    size_t max_numbers;               /* in all: a pickle can name one list many times */
    const void *lists[DNNB__N_LISTS]; /* NULL where the key is missing */
    bool (*get_count)(const void *list, size_t *n); /* false when it is no list */
    const void *(*get_item)(const void *list, size_t i);
    bool (*get_number)(const void *item, double *out); /* false when it is no number */
} dnnb__history_source;

DNNB_MUST_CHECK dnnb_status dnnb__history_build(dnnb_history **out,
                                                const dnnb__history_source *source);

DNNB_MUST_CHECK dnnb_status dnnb__history_read_pickle(dnnb_history **out, const void *bytes,
                                                      size_t n, const char *name);
DNNB_MUST_CHECK dnnb_status dnnb__history_read_json(dnnb_history **out, const void *bytes, size_t n,
                                                    const char *name);

/** One of the lists of a number an epoch; `list` is not DNNB__LIST_STEP_LOSS. */
double dnnb__history_get_number(const dnnb_history *history, size_t list, size_t i);
/** Numbers in that list: the epochs, or 0 for scores that were never taken. */
size_t dnnb__history_get_list_count(const dnnb_history *history, size_t list);

enum { DNNB__HISTORY_MAX_BYTES = 1 << 28 };

#endif
