/* What the plots of histories share. */
#ifndef DNNB_REPORT_PLOT_HISTORY_H
#define DNNB_REPORT_PLOT_HISTORY_H

#include "report/plot.h"

/** A number that each epoch has. */
typedef enum dnnb__value {
    DNNB__VALUE_LOSS,
    DNNB__VALUE_LOSS_VALIDATION,
    DNNB__VALUE_SCORE_TRAIN,
    DNNB__VALUE_SCORE_VALIDATION,
    DNNB__VALUE_LEARNING_RATE
} dnnb__value;

/** That number of every epoch; lives as long as the plot. NULL when out of memory. */
double *dnnb__history_copy(dnnb_plot *plot, const dnnb_history *history, dnnb__value value);

/** Values that can be shown. */
size_t dnnb__values_count(const double *values, size_t n);

/** At least one place, so that an axis can be drawn for a run without epochs. */
double dnnb__count_places(size_t n);

/** Mark an epoch, counted from 0, and name it with its value in the legend; none that has no
 *  value. @error DNNB_ERR_MEMORY. */
DNNB_MUST_CHECK dnnb_status dnnb__series_mark_best(dnnb_plot *plot, dnnb__series *series,
                                                   size_t best);

#endif
