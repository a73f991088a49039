/**
 * @file
 * @ingroup parts
 * What a run folder holds, read back: of a run that has ended, or of one that goes on.
 */
#ifndef DNNBRAIN_RECORD_H
#define DNNBRAIN_RECORD_H

#include "dnnbrain/history.h"
#include "dnnbrain/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A run folder that was read. */
typedef struct dnnb_record dnnb_record;

/** How a run stands, by its log and its lock. */
typedef enum dnnb_run_state {
    DNNB_RUN_UNKNOWN,  /**< there is no log */
    DNNB_RUN_GOING_ON, /**< a process works in the folder */
    DNNB_RUN_FINISHED,
    DNNB_RUN_STOPPED, /**< by its user */
    DNNB_RUN_FAILED,
    DNNB_RUN_CUT_OFF /**< no process works there, and none has told its end */
} dnnb_run_state;

/** "unknown", "going on", "finished", "stopped", "failed", "cut off". */
DNNB_API const char *dnnb_run_state_get_name(dnnb_run_state state);

/**
 * Read a run folder: config.json, train_dict.json (or .pkl), history.csv, predictions.csv,
 * log.jsonl.
 *
 * Files may be missing; config.json or a train_dict must be there. They may be written at the same
 * time: a last line of the log that is not whole is left out.
 *
 * @error DNNB_ERR_IO, DNNB_ERR_FORMAT, DNNB_ERR_LIMIT with the file, the place and what was found;
 *        DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_record_load(dnnb_record **out, const char *folder);
/** Free a record; NULL is fine. */
DNNB_API void dnnb_record_destroy(dnnb_record *record);

/** The folder, as it was named. */
DNNB_API const char *dnnb_record_get_folder(const dnnb_record *record);
/** How the run stands. */
DNNB_API dnnb_run_state dnnb_record_get_state(const dnnb_record *record);
/** Why a run was stopped or failed; NULL when it was not, or did not say. */
DNNB_API const char *dnnb_record_get_message(const dnnb_record *record);
/** When the run began, in seconds since 1970; NaN when unknown. */
DNNB_API double dnnb_record_get_started_s(const dnnb_record *record);
/** When its log ends, in seconds since 1970; NaN when unknown. */
DNNB_API double dnnb_record_get_ended_s(const dnnb_record *record);
/** Seconds that the run has worked, without the time between its parts; NaN when unknown. */
DNNB_API double dnnb_record_get_worked_s(const dnnb_record *record);

/* ---- config.json ---- */

/** Its text; NULL when there is none. */
DNNB_API const char *dnnb_record_get_config(const dnnb_record *record);
/** The text at a place such as "network.name" or "training.optimizer.name"; NULL when there is
 *  none. */
DNNB_API const char *dnnb_record_get_text(const dnnb_record *record, const char *place);
/** The number there, or the truth as 1 and 0; NaN when there is none. */
DNNB_API double dnnb_record_get_number(const dnnb_record *record, const char *place);

/** Called with each scalar: where it stands ("train.n_images_of_class.0"), and its text; null is
 *  NULL, and an empty list or object "". */
typedef void (*dnnb_record_option_fn)(void *context, const char *place, const char *value);
/** Visit all of config.json in its order. @error DNNB_ERR_MEMORY. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_record_visit_options(const dnnb_record *record,
                                                               dnnb_record_option_fn visit,
                                                               void *context);

/** The task; classification where config.json does not say. */
DNNB_API dnnb_task dnnb_record_get_task(const dnnb_record *record);
/** Classes, or 0 for a regression. */
DNNB_API size_t dnnb_record_get_n_classes(const dnnb_record *record);
/** The condition of a class's images where it is one and the same, else its label. */
DNNB_API const char *dnnb_record_get_class_name(const dnnb_record *record, size_t class_index);
/** Accuracy of naming the most frequent class of the validation set always (of the training set
 *  without one); NaN for a regression, or when unknown. */
DNNB_API double dnnb_record_get_chance(const dnnb_record *record);

/* ---- the history ---- */

/** The epochs that have ended; never NULL. */
DNNB_API const dnnb_history *dnnb_record_get_history(const dnnb_record *record);
/** Index of the epoch that best.pth is of; SIZE_MAX for none. */
DNNB_API size_t dnnb_record_get_best_epoch(const dnnb_record *record);
/** Steps, so far as the log has them, of an epoch that has not ended. */
DNNB_API size_t dnnb_record_get_n_open_steps(const dnnb_record *record);
/** Their losses. */
DNNB_API const double *dnnb_record_get_open_steps(const dnnb_record *record);

/* ---- predictions.csv ---- */

/** A prediction of the validation set. Pointers are borrowed. */
typedef struct dnnb_prediction {
    const char *id;        /**< stimID */
    const char *condition; /**< "" where there is none */
    int64_t label;         /**< of a classification; otherwise -1 */
    int64_t predicted;     /**< likewise */
    const float *outputs;  /**< [n_outputs] */
    const float *targets;  /**< [n_targets]; NULL for a classification */
} dnnb_prediction;

/** Images of the validation set that were predicted; 0 without predictions.csv. */
DNNB_API size_t dnnb_record_get_n_predictions(const dnnb_record *record);
/** Outputs of each of them. */
DNNB_API size_t dnnb_record_get_n_outputs(const dnnb_record *record);
/** Targets of each of them in a regression; 0 for a classification. */
DNNB_API size_t dnnb_record_get_n_targets(const dnnb_record *record);
/** The name of a target's column. */
DNNB_API const char *dnnb_record_get_target_name(const dnnb_record *record, size_t target);
/** Prediction i, in the order of the validation set. */
DNNB_API dnnb_prediction dnnb_record_get_prediction(const dnnb_record *record, size_t i);
/** The folder that the validation images' stimIDs are relative to, absolute; NULL when unknown. */
DNNB_API const char *dnnb_record_get_images_folder(const dnnb_record *record);

/* ---- log.jsonl ---- */

/** Something that the run told its user. */
typedef struct dnnb_warning {
    double time_s;       /**< seconds since 1970 */
    const char *message; /**< one line */
} dnnb_warning;

/** Warnings in their order, without those of images that were left out. */
DNNB_API size_t dnnb_record_get_n_warnings(const dnnb_record *record);
/** Warning i. */
DNNB_API dnnb_warning dnnb_record_get_warning(const dnnb_record *record, size_t i);

/** An image that could not be used. */
typedef struct dnnb_left_out_image {
    bool is_validation; /**< of the validation set, not of the training set */
    const char *id;     /**< stimID */
    const char *reason; /**< one line */
} dnnb_left_out_image;

/** Images that were left out, each once. */
DNNB_API size_t dnnb_record_get_n_left_out(const dnnb_record *record);
/** Image i, in the order in which they were found. */
DNNB_API dnnb_left_out_image dnnb_record_get_left_out(const dnnb_record *record, size_t i);

#ifdef __cplusplus
}
#endif

#endif
