/*
 * Groups of runs: their table, its files, their folder.
 *
 * Invariant: which runs a group has, and the names of their folders, follow from n_folds,
 * n_repeats and seed alone; no name is taken from a file.
 */
#ifndef DNNB_GROUP_GROUP_H
#define DNNB_GROUP_GROUP_H

#include "core/mem.h"
#include "dnnbrain/group.h"

enum { DNNB__GROUP_MAX = 1000 /* folds, and repeats */, DNNB__GROUP_MAX_RUNS = 10000 };
enum { DNNB__GROUP_MAX_FILE_BYTES = 64 << 20 };

/** "classification", "regression": a dnnb_task in the group's files. */
extern const char *const dnnb__group_task_names[2];

typedef enum dnnb__group_status {
    DNNB__GROUP_GOING_ON,
    DNNB__GROUP_FINISHED,
    DNNB__GROUP_STOPPED,
    DNNB__GROUP_FAILED
} dnnb__group_status;

struct dnnb_group {
    char *folder;
    dnnb_group_info info;
    dnnb_group_run *runs; /* [n_runs]; folder names owned */
    size_t n_runs;
    dnnb_group_pooled *pooled; /* [n_repeats] */
};

/** A group whose runs are all planned. @error DNNB_ERR_ARGUMENT too few or too many of them. */
DNNB_MUST_CHECK dnnb_status dnnb__group_create(dnnb_group **out, const char *folder, size_t n_folds,
                                               size_t n_repeats, uint64_t seed);
void dnnb__group_set_status(dnnb_group *group, dnnb__group_status status);
/** "cv" or "repeat": what the group's files are named by. */
const char *dnnb__group_get_stem(const dnnb_group *group);
/** Mean and standard deviation of the values that are finite. */
dnnb_group_summary dnnb__group_summarise(const double *values, size_t n);
/** The path of a run's folder, or of a file in it (NULL for the folder). Free with dnnb__free. */
DNNB_MUST_CHECK dnnb_status dnnb__group_join(char **out, const dnnb_group *group, size_t run,
                                             const char *name);

/** Write STEM.json and STEM.csv. */
DNNB_MUST_CHECK dnnb_status dnnb__group_save(const dnnb_group *group);
/** A group from the bytes of STEM.json. @param name For messages.
 *  @error DNNB_ERR_FORMAT, DNNB_ERR_LIMIT, DNNB_ERR_MEMORY. */
DNNB_MUST_CHECK dnnb_status dnnb__group_read_json(dnnb_group **out, const char *folder,
                                                  const char *bytes, size_t n, const char *name);

/** Pool the folds' predictions: write predictions.csv, set `pooled`. All runs have finished. */
DNNB_MUST_CHECK dnnb_status dnnb__group_pool(dnnb_group *group, const dnnb_stimulus *stim,
                                             const dnnb_train_options *options);
/** Write report.html. */
DNNB_MUST_CHECK dnnb_status dnnb__group_save_page(const dnnb_group *group);
/** Draw STEM.svg and STEM.png. */
DNNB_MUST_CHECK dnnb_status dnnb__group_draw(const dnnb_group *group);

/** What a folder is before a group. */
typedef enum dnnb__group_folder {
    DNNB__GROUP_FOLDER_ABSENT, /* to be made */
    DNNB__GROUP_FOLDER_EMPTY,
    DNNB__GROUP_FOLDER_TAKEN /* holds a group, to go on with or to be cleared */
} dnnb__group_folder;

/** Refuse a folder that cannot be used.
 *  @param group What is planned.
 *  @error DNNB_ERR_ARGUMENT it holds a group (neither overwrite nor resume), another group than the
 *         one that is to go on, a run, or other files; DNNB_ERR_IO, DNNB_ERR_FORMAT. */
DNNB_MUST_CHECK dnnb_status dnnb__group_folder_check(dnnb__group_folder *out,
                                                     const dnnb_group *group, bool overwrite,
                                                     bool resume);
/** Take away the runs and files of the group that the folder holds. @error DNNB_ERR_IO some stay.
 */
DNNB_MUST_CHECK dnnb_status dnnb__group_folder_clear(const char *folder);

#endif
