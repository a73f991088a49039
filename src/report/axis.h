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
 *  all equal is widened.
 *  @param floor_value, ceiling Bounds that the axis does not leave unless a value does. */
void dnnb__axis_create_values(dnnb__axis *axis, double least, double most, double floor_value,
                              double ceiling, size_t n_wanted);

/** A logarithmic one, with ticks at powers of ten. @param least Above 1e-307. */
void dnnb__axis_create_log(dnnb__axis *axis, double least, double most, size_t n_wanted);

/** The smallest of 1, 2, 5 times a power of ten that is not below `raw`, which is above 0. */
double dnnb__axis_round_step(double raw);

/** Bounds that leave a little room around the values instead of ending at ticks, where two ticks at
 *  least stay within. */
void dnnb__axis_trim(dnnb__axis *axis, double least, double most);

/** A whole number with commas between thousands from 10,000 on. */
void dnnb__axis_write_count(char out[32], double value);

/** Place of a value from 0 (least) to 1 (most). */
double dnnb__axis_place(const dnnb__axis *axis, double value);

#endif
