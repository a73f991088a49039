/**
 * @file
 * @ingroup training
 * Stimuli: a .stim.csv, its rows and columns, and the check of all of it before training.
 */
#ifndef DNNBRAIN_STIMULUS_H
#define DNNBRAIN_STIMULUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A set of stimuli: its images, and a field for each column of each. */
typedef struct dnnb_stimulus dnnb_stimulus;

/**
 * Load a .stim.csv of type image.
 *
 * UTF-8 with or without a byte order mark, LF or CRLF, quoted fields. A relative `path` of the
 * header is tried against the current folder, then against the CSV's own folder.
 *
 * @error DNNB_ERR_IO; DNNB_ERR_FORMAT with file, line, what was expected and what was found;
 *        DNNB_ERR_UNSUPPORTED a video type; DNNB_ERR_LIMIT; DNNB_ERR_MEMORY.
 * @source DNNBrain's .stim.csv format.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_load(dnnb_stimulus **out, const char *csv_path);

/** Called now and then with how much of some work is done. False ends it. */
typedef bool (*dnnb_progress_fn)(void *context, size_t done, size_t total);

/**
 * A stimulus set from a folder with a subfolder a class.
 *
 * Classes are the subfolders in byte order of their names; labels count from 0; `condition` is the
 * subfolder's name. Files that do not have an image's signature are left out and counted.
 * Subfolders that hold what dnnbrain writes (a run, many runs, a search for a learning rate) are no
 * classes.
 *
 * @param[out] n_left_out Files left out; may be NULL.
 * @error DNNB_ERR_IO; DNNB_ERR_FORMAT no class or no image.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_scan(dnnb_stimulus **out, const char *folder,
                                                        size_t *n_left_out);
/**
 * The same, told of as it goes on.
 *
 * @param[out] runs Names of the subfolders that dnnbrain wrote, divided by ", ", the first few of
 *        many; NULL for none. Free with dnnb_free(). May be NULL.
 * @param on_progress Files looked at, of all in the classes' folders; NULL for none.
 * @error Also DNNB_ERR_STOPPED on_progress said so.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_scan_observed(dnnb_stimulus **out,
                                                                 const char *folder,
                                                                 size_t *n_left_out, char **runs,
                                                                 dnnb_progress_fn on_progress,
                                                                 void *context);

/**
 * Split in two, keeping each label's share (largest remainder; at least one image of each label on
 * each side where it has two). Rows keep their order. Which rows go is a function of the seed.
 *
 * @param fraction Share of `second`, above 0 and below 1.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_split(const dnnb_stimulus *stim, double fraction,
                                                         uint64_t seed, dnnb_stimulus **first,
                                                         dnnb_stimulus **second);

/**
 * Assign the rows to folds for cross-validation.
 *
 * The sizes of the folds, and of each label's share in them, are those of scikit-learn's
 * StratifiedKFold (KFold when not stratified): they differ by at most one image. Which rows go into
 * which fold is a function of the seed.
 *
 * @param stratify   Spread the images of each label over the folds; false for a regression.
 * @param[out] folds Room for one a row: 0 .. n_folds - 1.
 * @error DNNB_ERR_ARGUMENT not 2 .. rows folds, or every label has fewer images than folds;
 *        DNNB_ERR_FORMAT with file and line, no label or one that cannot be read.
 * @source scikit-learn sklearn/model_selection/_split.py.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_assign_folds(const dnnb_stimulus *stim,
                                                                size_t n_folds, bool stratify,
                                                                uint64_t seed, size_t *folds);
/**
 * The two sets of a fold, their rows in order.
 *
 * @param folds         Of each row, from dnnb_stimulus_assign_folds().
 * @param[out] others   The rows of all other folds: to train on.
 * @param[out] held_out The rows of the fold: to validate with.
 * @error DNNB_ERR_ARGUMENT one of them would be empty.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_fold(const dnnb_stimulus *stim,
                                                        const size_t *folds, size_t fold,
                                                        dnnb_stimulus **others,
                                                        dnnb_stimulus **held_out);

/** Images given by their paths alone: no label column. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_create(dnnb_stimulus **out,
                                                          const char *const *paths, size_t n);

/** Write a .stim.csv (atomically), with every header line and column. A relative `path` is written
 *  so that the file can be loaded from any folder. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_save(const dnnb_stimulus *stim,
                                                        const char *csv_path);
/** Takes NULL. */
DNNB_API void dnnb_stimulus_destroy(dnnb_stimulus *stim);

/** Number of images. */
DNNB_API size_t dnnb_stimulus_get_count(const dnnb_stimulus *stim);
/** The CSV's own path as given to load; "" when it did not come from a file. */
DNNB_API const char *dnnb_stimulus_get_file(const dnnb_stimulus *stim);
/** 1-based line of row i in the CSV; 0 when it did not come from a file. */
DNNB_API size_t dnnb_stimulus_get_line(const dnnb_stimulus *stim, size_t i);
/** The `stimID` of row i: for an image its path below the folder. */
DNNB_API const char *dnnb_stimulus_get_id(const dnnb_stimulus *stim, size_t i);
/** The image's path, ready to open. */
DNNB_API const char *dnnb_stimulus_get_path(const dnnb_stimulus *stim, size_t i);
/** A header's value ("title"), NULL when it is not there. */
DNNB_API const char *dnnb_stimulus_get_header(const dnnb_stimulus *stim, const char *key);
/** The folder of the images, as resolved. */
DNNB_API const char *dnnb_stimulus_get_folder(const dnnb_stimulus *stim);

/** Number of columns, `stimID` too. */
DNNB_API size_t dnnb_stimulus_get_n_columns(const dnnb_stimulus *stim);
/** Name of a column, counted from 0. */
DNNB_API const char *dnnb_stimulus_get_column_name(const dnnb_stimulus *stim, size_t column);
/** Index of a column; SIZE_MAX when there is none of that name. */
DNNB_API size_t dnnb_stimulus_find_column(const dnnb_stimulus *stim, const char *name);
/** The text of a field, quotes taken off. */
DNNB_API const char *dnnb_stimulus_get_field(const dnnb_stimulus *stim, size_t row, size_t column);

/**
 * The labels as integers.
 *
 * @param out       Room for one int64 a row.
 * @param n_classes Labels must be in 0 .. n_classes - 1; 0 takes any label from 0 to 1,000,000.
 * @error DNNB_ERR_FORMAT no column `label`, or a label that is no integer or out of range: file,
 *        line, expected, found. A float that is a whole number ("1.0") is taken.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_read_labels(const dnnb_stimulus *stim,
                                                               int64_t *out, int64_t n_classes);

/**
 * Columns as regression targets.
 *
 * @param columns   Names divided by commas, such as "RT" or "x,y".
 * @param[out] out  Row-major [rows, n_targets]; free with dnnb_free().
 * @param[out] n_targets Number of columns named.
 * @error DNNB_ERR_FORMAT a column is missing, or a value is no finite number: file, line, found.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_read_targets(const dnnb_stimulus *stim,
                                                                const char *columns, float **out,
                                                                size_t *n_targets);

/**
 * Check that each row's file exists, can be read and has the header of an image that can be
 * decoded, by dnnb_image_check().
 *
 * @error DNNB_ERR_IO, DNNB_ERR_FORMAT, DNNB_ERR_UNSUPPORTED or DNNB_ERR_LIMIT: the first bad row,
 *        with the number of bad rows in all.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_check_files(const dnnb_stimulus *stim);

/**
 * For each row, the first row whose file holds the same bytes; its own index where no row before it
 * does. A file that cannot be read is like no other.
 *
 * @param[out] out     [rows].
 * @param on_progress  Files looked at of all; NULL for none.
 * @error DNNB_ERR_STOPPED on_progress said so; DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_stimulus_find_copies(const dnnb_stimulus *stim,
                                                               size_t *out,
                                                               dnnb_progress_fn on_progress,
                                                               void *context);

/** Free an array that a function of the library gave away. */
DNNB_API void dnnb_free(void *array);

#ifdef __cplusplus
}
#endif

#endif
