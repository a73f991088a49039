/**
 * @file
 * @ingroup parts
 * Metrics of predictions: of classes and of numbers, with 95% confidence intervals.
 *
 * Plain functions over arrays. A share of nothing is 0, as scikit-learn's zero_division=0.
 */
#ifndef DNNBRAIN_METRICS_H
#define DNNBRAIN_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A confidence interval of 95%. Both ends are NaN where there is none. */
typedef struct dnnb_interval {
    double low;  /**< lower end */
    double high; /**< upper end */
} dnnb_interval;

/**
 * Wilson's score interval of a share: it stays within 0 and 1, and has a width at both.
 *
 * @param n 0 gives NaN.
 * @source Wilson, J. Am. Stat. Assoc. 22, 1927.
 */
DNNB_API dnnb_interval dnnb_metrics_get_wilson(size_t n_right, size_t n);

/**
 * Count images by their class and the class they were predicted to have.
 *
 * @param labels,predicted [n].
 * @param[out] counts [n_classes, n_classes], row-major: counts[label * n_classes + predicted].
 * @error DNNB_ERR_SHAPE a class outside 0 .. n_classes - 1.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_metrics_count_confusion(const int64_t *labels,
                                                                  const int64_t *predicted,
                                                                  size_t n, size_t n_classes,
                                                                  size_t *counts);

/** Scores of one class against all others. */
typedef struct dnnb_class_score {
    size_t n_images;                  /**< of the class */
    size_t n_predicted;               /**< predicted to be of it */
    size_t n_right;                   /**< both */
    double precision;                 /**< n_right / n_predicted */
    double recall;                    /**< n_right / n_images */
    double f1;                        /**< harmonic mean of the two */
    dnnb_interval precision_interval; /**< Wilson's */
    dnnb_interval recall_interval;    /**< Wilson's */
} dnnb_class_score;

/** Scores of all classes. Means are over classes, whatever their numbers of images. */
typedef struct dnnb_classification_score {
    size_t n_images;                 /**< of all classes */
    size_t n_right;                  /**< predicted to be of their class */
    double accuracy;                 /**< n_right / n_images */
    dnnb_interval accuracy_interval; /**< Wilson's */
    double balanced_accuracy;        /**< mean recall of the classes that have images */
    double macro_f1; /**< mean F1 of the classes that have images or are predicted */
} dnnb_classification_score;

/** @param counts [n_classes, n_classes] of dnnb_metrics_count_confusion().
 *  @param[out] classes [n_classes]; NULL when not wanted. */
DNNB_API void dnnb_metrics_score_classes(const size_t *counts, size_t n_classes,
                                         dnnb_class_score *classes, dnnb_classification_score *all);

/** A point of a receiver operating characteristic: what is called positive when scores of the
 *  threshold and above are. */
typedef struct dnnb_roc_point {
    double threshold;           /**< of the score */
    double false_positive_rate; /**< of the negative ones: called positive */
    double true_positive_rate;  /**< of the positive ones: called positive */
} dnnb_roc_point;

/**
 * The receiver operating characteristic of two classes.
 *
 * Points go from (0, 0), whose threshold is infinite, to (1, 1); one for each distinct score, so
 * that equal scores are one straight line and the area counts half of each tie.
 *
 * The interval is Newcombe's: Wilson's idea for Hanley and McNeil's standard error, within 0 and 1.
 *
 * @param scores   [n] larger for the positive class, such as the difference of the two outputs.
 * @param positive [n].
 * @param[out] points Free with dnnb_free(). NULL and none when a class has no image; then the area
 *                    is NaN.
 * @error DNNB_ERR_NUMERIC a score that is not finite; DNNB_ERR_MEMORY.
 * @source Fawcett, Pattern Recognit. Lett. 27, 2006; Newcombe, Stat. Med. 25, 2006, method 5.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_metrics_create_roc(const double *scores,
                                                             const bool *positive, size_t n,
                                                             dnnb_roc_point **points,
                                                             size_t *n_points, double *area,
                                                             dnnb_interval *area_interval);

/** Scores of predicted numbers against targets. */
typedef struct dnnb_regression_score {
    size_t n;                         /**< numbers */
    double r;                         /**< Pearson's; 0 where one side is constant */
    double r_squared;                 /**< its square: the score of a regression */
    dnnb_interval r_interval;         /**< by Fisher's z; NaN for fewer than four */
    dnnb_interval r_squared_interval; /**< of the same; from 0 where that of r holds 0 */
    double rmse;                      /**< root of the mean squared error */
    double mae;                       /**< mean absolute error */
    double determination; /**< 1 - squared error / variance: below r squared where the predictions
                               are shifted or scaled; NaN where the targets are constant */
} dnnb_regression_score;

/** @param predicted,targets [n]. Several targets are ravelled, as DNNBrain's score does.
 *  @source Fisher, Metron 1, 1921, for the interval. */
DNNB_API void dnnb_metrics_score_regression(const double *predicted, const double *targets,
                                            size_t n, dnnb_regression_score *out);

#ifdef __cplusplus
}
#endif

#endif
