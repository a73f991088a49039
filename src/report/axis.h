/*
 * The axis of a plot: its bounds, and ticks at round numbers with their labels. No drawing.
 */
#ifndef DNNB_REPORT_AXIS_H
#define DNNB_REPORT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

enum { DNNB__AXIS_MAX_TICKS = 24 };

typedef struct dnnb__tick {
    double value;
    char label[32]; /* UTF-8 */
} dnnb__tick;

typedef struct dnnb__axis {
    double least, most; /* least < most; both above 0 when is_log */
    bool is_log;
    dnnb__tick ticks[DNNB__AXIS_MAX_TICKS];
    size_t n_ticks;
    char factor[32]; /* such as "×10⁶" when the labels leave it out; or "" */
} dnnb__axis;

/** Values larger than this are treated as those that are not finite. */
#define DNNB__AXIS_LARGEST 1e300
bool dnnb__axis_can_show(double value);

/** Whole numbers, the first of them 1; the bounds are the values themselves with a little room.
 *  @param n_wanted About how many ticks there is room for. */
void dnnb__axis_create_counts(dnnb__axis *axis, double last, size_t n_wanted);

/** Bounds are ticks. A range that is large beside its least value starts at 0; one whose values are
 *  all equal is widened; one over three decades becomes logarithmic where `may_be_log`.
 *  @param floor_value, ceiling Bounds that the axis does not leave unless a value does. */
void dnnb__axis_create_values(dnnb__axis *axis, double least, double most, double floor_value,
                              double ceiling, bool may_be_log, size_t n_wanted);

/** Place of a value from 0 (least) to 1 (most). */
double dnnb__axis_place(const dnnb__axis *axis, double value);

#endif
