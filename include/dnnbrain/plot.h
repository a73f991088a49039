/**
 * @file
 * @ingroup training
 * The plots of training runs, drawn with cairo, of a size and quality for a paper.
 *
 * A plot is created of a history or of predictions, which it copies, and is then saved, or drawn
 * into memory, in any format. Equal data give equal bytes. Colours are told apart with any colour
 * vision and in grey print. The functions at the end do both steps at once.
 */
#ifndef DNNBRAIN_PLOT_H
#define DNNBRAIN_PLOT_H

#include "dnnbrain/history.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A plot that has been created and can be drawn. */
typedef struct dnnb_plot dnnb_plot;

/** What a plot is drawn to. */
typedef enum dnnb_plot_format {
    DNNB_PLOT_SVG,        /**< text as outlines, with a title and a description for readers */
    DNNB_PLOT_SVG_INLINE, /**< to stand within an HTML page: without the XML declaration */
    DNNB_PLOT_PNG,        /**< DNNB_PLOT_PNG_SCALE times as many pixels */
    DNNB_PLOT_PDF         /**< without a date, so that equal plots are equal files */
} dnnb_plot_format;

/** Pixels of a PNG for one of an SVG, in each direction. */
#define DNNB_PLOT_PNG_SCALE 2

/** In place of an epoch that is marked as the best. */
#define DNNB_PLOT_NO_BEST ((size_t)-1)

/**
 * Loss of each epoch on the training set, and on the validation set where it was taken.
 * @param best The best epoch, counted from 0, to be marked on the validation loss;
 *             DNNB_PLOT_NO_BEST for none.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_create_epoch_loss(dnnb_plot **out,
                                                                 const dnnb_history *history,
                                                                 size_t best);
/** Loss of each step, raw and smoothed, with the epochs' bounds. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_create_step_loss(dnnb_plot **out,
                                                                const dnnb_history *history);
/**
 * Scores on the training and the validation set, those that were taken.
 * @param score_name Such as "accuracy" or "r squared".
 * @param chance     Chance level to mark; NaN for none.
 * @param best       The best epoch, counted from 0, to be marked on the validation score;
 *                   DNNB_PLOT_NO_BEST for none.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_create_score(dnnb_plot **out,
                                                            const dnnb_history *history,
                                                            const char *score_name, double chance,
                                                            size_t best);
/** Learning rate of each epoch's last step; logarithmic where it falls by decades. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_create_learning_rate(dnnb_plot **out,
                                                                    const dnnb_history *history);

/**
 * Confusion matrix: counts, and shares of each true class, as far as cells have room for them.
 * @param counts      [n_classes, n_classes] of dnnb_metrics_count_confusion().
 * @param class_names [n_classes]; NULL: their numbers.
 * @param set_name    For the title, such as "validation set"; NULL for none.
 * @error DNNB_ERR_ARGUMENT no class; DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_create_confusion(dnnb_plot **out,
                                                                const size_t *counts,
                                                                size_t n_classes,
                                                                const char *const *class_names,
                                                                const char *set_name);
/**
 * Predicted against true numbers with r squared: a panel for each target, or all in one where they
 * are more than 16. Many points are drawn as shades.
 * @param targets,predicted [n, n_targets].
 * @param target_names      [n_targets].
 * @param set_name          For the title; NULL for none.
 * @error DNNB_ERR_ARGUMENT no target; DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_create_regression(
    dnnb_plot **out, const float *targets, const float *predicted, size_t n, size_t n_targets,
    const char *const *target_names, const char *set_name);

/** A number of every epoch that runs are compared by. */
typedef enum dnnb_plot_quantity {
    DNNB_PLOT_SCORE,          /**< score on the validation set */
    DNNB_PLOT_SCORE_TRAIN,    /**< score on the training set */
    DNNB_PLOT_LOSS,           /**< loss on the training set */
    DNNB_PLOT_LOSS_VALIDATION /**< loss on the validation set */
} dnnb_plot_quantity;

/** A run of a comparison, or a group: one training repeated, over seeds or folds. */
typedef struct dnnb_plot_run {
    const char *label;                    /**< for the legend */
    const dnnb_history *const *histories; /**< of the run, or of each of the group */
    size_t n_histories; /**< of a group: mean, one standard deviation, and each as a thin line */
    size_t best; /**< epoch to mark, counted from 0; DNNB_PLOT_NO_BEST, and of a group, none */
} dnnb_plot_run;

/**
 * Runs laid over each other: a line each, also of different lengths.
 * @param score_name Such as "accuracy"; NULL: "score".
 * @param chance     Chance level to mark where scores are compared; NaN for none.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status
dnnb_plot_create_comparison(dnnb_plot **out, const dnnb_plot_run *runs, size_t n_runs,
                            dnnb_plot_quantity quantity, const char *score_name, double chance);

/** Set the size in pixels of an SVG, 96 of which are an inch in a PDF. Letters keep theirs.
 *  @error DNNB_ERR_ARGUMENT below 200 or above 4,000. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_set_size(dnnb_plot *plot, size_t width_px,
                                                        size_t height_px);
/** The size in pixels of an SVG. */
DNNB_API void dnnb_plot_get_size(const dnnb_plot *plot, size_t *width_px, size_t *height_px);

/**
 * Replace what the identifiers within the SVG begin with: the plot's kind, such as "score". They
 * must differ between the plots of one page.
 * @param id Letters, digits, '-' and '_', at most 40, the first a letter.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_set_id(dnnb_plot *plot, const char *id);

/** Draw and write atomically; the ending .svg, .png or .pdf decides.
 *  @error DNNB_ERR_ARGUMENT another ending, or a name that is no UTF-8; DNNB_ERR_IO;
 *  DNNB_ERR_MEMORY. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_save(const dnnb_plot *plot, const char *path);

/** Draw into memory. @param[out] bytes Followed by a NUL; free with dnnb_free(). */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_draw(const dnnb_plot *plot, dnnb_plot_format format,
                                                    char **bytes, size_t *n_bytes);

/** Destroy a plot; NULL is fine. */
DNNB_API void dnnb_plot_destroy(dnnb_plot *plot);

/** dnnb_plot_create_epoch_loss(), saved, without a mark. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_epoch_loss(const dnnb_history *history,
                                                          const char *path);
/** dnnb_plot_create_step_loss(), saved. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_step_loss(const dnnb_history *history,
                                                         const char *path);
/** dnnb_plot_create_score(), saved; the best validation score is marked, the first of equals. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_plot_score(const dnnb_history *history,
                                                     const char *score_name, double chance,
                                                     const char *path);

#ifdef __cplusplus
}
#endif

#endif
