/**
 * @file
 * @ingroup training
 * Groups of runs: k-fold cross-validation, repetition over seeds, or both.
 */
#ifndef DNNBRAIN_GROUP_H
#define DNNBRAIN_GROUP_H

#include "dnnbrain/metrics.h"
#include "dnnbrain/plot.h"
#include "dnnbrain/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What runs of one purpose became. */
typedef struct dnnb_group dnnb_group;

/** A run of a group. Scores are NaN, and numbers 0, until it has finished. */
typedef struct dnnb_group_run {
    const char *folder;  /**< in the group's: "fold-2", "seed-7" or "seed-7/fold-2"; borrowed */
    size_t repeat;       /**< counted from 0 */
    size_t fold;         /**< counted from 0 */
    uint64_t seed;       /**< of its new parameters, order, crops, flips and dropout */
    bool is_finished;    /**< it trained to its end, and its folder is whole */
    size_t n_train;      /**< images to train with */
    size_t n_validation; /**< images to score */
    size_t n_left_out;   /**< images of both that could not be used */
    size_t n_epochs;     /**< epochs that it trained for */
    size_t best_epoch;   /**< the epoch of best.pth, counted from 1; 0 for none */
    double loss;         /**< training loss of the last epoch */
    double score_train;  /**< score of the training set after the last epoch, where it was taken */
    double score_last;   /**< score of the validation set after the last epoch */
    double score_best;   /**< the same after best_epoch */
} dnnb_group_run;

/** What the runs of a group have in common. */
typedef struct dnnb_group_info {
    size_t n_folds;     /**< 0: no cross-validation */
    size_t n_repeats;   /**< seeds */
    uint64_t seed;      /**< of the first repeat */
    dnnb_task task;     /**< of all runs */
    size_t n_images;    /**< of the stimuli that were cut into folds, or trained with */
    double chance;      /**< accuracy of naming the most frequent class always; NaN for a
                             regression */
    const char *status; /**< "going on", "finished", "stopped" or "failed" */
} dnnb_group_info;

/** Over runs, or over repeats. */
typedef struct dnnb_group_summary {
    size_t n;    /**< values that there are */
    double mean; /**< NaN for none */
    double sd;   /**< standard deviation, with n - 1; NaN for fewer than two */
} dnnb_group_summary;

/** What can be summarised. */
typedef enum dnnb_group_column {
    DNNB_GROUP_LOSS,        /**< training loss of the last epoch */
    DNNB_GROUP_SCORE_TRAIN, /**< score of the training set after the last epoch */
    DNNB_GROUP_SCORE_LAST,  /**< score of the validation set after the last epoch */
    DNNB_GROUP_SCORE_BEST   /**< the same after the best epoch */
} dnnb_group_column;

/** The predictions of all folds taken together: each image was predicted once, by the run that had
 *  not seen it. */
typedef struct dnnb_group_pooled {
    size_t n_images;        /**< predicted; 0 until all folds have finished */
    double score;           /**< accuracy, or squared correlation over all targets, ravelled */
    dnnb_interval interval; /**< of 95%: Wilson's, or Fisher's */
} dnnb_group_pooled;

/**
 * Make the network of a run, ready to be trained: its parameters loaded or drawn from the seed, its
 * head replaced, layers frozen. The library destroys it.
 *
 * @param seed Of the run: goes into dnnb_dnn_options.
 */
typedef dnnb_status (*dnnb_group_create_fn)(void *context, uint64_t seed, dnnb_dnn **out);

/** Told before a run begins (is_finished is false), and when it has finished. False stops the group
 *  with DNNB_ERR_STOPPED. @param i Of dnnb_group_get_run(). */
typedef bool (*dnnb_group_run_fn)(void *context, const dnnb_group *group, size_t i);

/** What is repeated. */
typedef struct dnnb_group_options {
    size_t n_folds;              /**< 0: no cross-validation; otherwise from 2 to 1000 */
    size_t n_repeats;            /**< from 1 to 1000: seeds options->seed, the next, ... */
    dnnb_group_create_fn create; /**< makes networks */
    dnnb_group_run_fn on_run;    /**< NULL for none */
    void *context;               /**< of create and on_run */
} dnnb_group_options;

/** One run: to be changed. */
#define DNNB_GROUP_OPTIONS_INIT                                                                    \
    { .n_folds = 0, .n_repeats = 1, .create = NULL, .on_run = NULL, .context = NULL }

/**
 * Train once for each fold, each seed, or each fold of each seed, into run folders in a folder.
 *
 * Repeat r has the seed options->seed + r. Without folds it is one run, the same to the bit as
 * dnnb_run_train() with that seed. With folds the rows are assigned to them by
 * dnnb_stimulus_assign_folds() with the repeat's seed (stratified for a classification), and the
 * run of fold f, with the seed dnnb_group_get_fold_seed() of both, trains on the other folds and
 * scores fold f.
 *
 * The folder gets cv.json and cv.csv (repeat.json and repeat.csv without folds) after each run, and
 * a plot; with folds also predictions.csv when all have finished. A group that was stopped, killed
 * or failed goes on with options->resume: finished runs are kept if their config.json says what
 * these options say, the one that was cut off goes on from its checkpoint, and all ends with the
 * bits of a group that was never stopped. `n_repeats` may grow then.
 *
 * @param stim       To cut into folds; without folds, to train with.
 * @param validation Without folds, to score; NULL for none. With folds NULL.
 * @param run        folder and overwrite are the group's.
 * @param[out] out   What finished, also after DNNB_ERR_STOPPED; NULL when it is not wanted.
 * @error As dnnb_run_train() and dnnb_stimulus_assign_folds(), with the run's folder; what create
 *        gives.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_run_group(
    const dnnb_stimulus *stim, const dnnb_stimulus *validation, const dnnb_train_options *options,
    const dnnb_run_options *run, const dnnb_group_options *group, dnnb_group **out);

/** The seed of a fold's run: 32 bits drawn at (seed of the repeat, fold). @param fold From 0. */
DNNB_API uint64_t dnnb_group_get_fold_seed(uint64_t seed, size_t fold);

/** True when a folder holds a group, finished or not. */
DNNB_API bool dnnb_group_is_there(const char *folder);
/** Read a group back from its folder.
 *  @error DNNB_ERR_IO it holds none; DNNB_ERR_FORMAT with what was found; DNNB_ERR_MEMORY. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_group_load(dnnb_group **out, const char *folder);
/** Takes NULL. */
DNNB_API void dnnb_group_destroy(dnnb_group *group);

/** Its folder, as given. */
DNNB_API const char *dnnb_group_get_folder(const dnnb_group *group);
/** What its runs have in common; borrowed. */
DNNB_API const dnnb_group_info *dnnb_group_get_info(const dnnb_group *group);
/** Runs that are planned: repeats, times folds. */
DNNB_API size_t dnnb_group_get_count(const dnnb_group *group);
/** Run i, counted from 0: the folds of the first repeat, those of the second, ... */
DNNB_API const dnnb_group_run *dnnb_group_get_run(const dnnb_group *group, size_t i);
/** Mean and standard deviation over the runs that have finished. */
DNNB_API dnnb_group_summary dnnb_group_summarise(const dnnb_group *group, dnnb_group_column column);
/** The pooled predictions of a repeat's folds. */
DNNB_API dnnb_group_pooled dnnb_group_get_pooled(const dnnb_group *group, size_t repeat);
/** Mean and standard deviation over repeats of their pooled scores. */
DNNB_API dnnb_group_summary dnnb_group_summarise_pooled(const dnnb_group *group);
/** Scores by epoch (losses where none were taken) of the runs that have finished, with their mean
 *  and a band of one standard deviation; reads the runs' histories.
 *  @error DNNB_ERR_ARGUMENT no run has finished; what dnnb_history_load() gives. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_create_group(dnnb_plot **out,
                                                            const dnnb_group *group);

#ifdef __cplusplus
}
#endif

#endif
