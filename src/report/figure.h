/*
 * A figure of lines over counted things (epochs, steps), drawn with cairo to SVG or PNG.
 *
 * The same code draws both. Colours are those of Okabe and Ito, which people with any colour vision
 * tell apart; dashes, markers and widths tell the lines apart in grey print.
 */
#ifndef DNNB_REPORT_FIGURE_H
#define DNNB_REPORT_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

enum { DNNB__FIGURE_WIDTH_PX = 800, DNNB__FIGURE_HEIGHT_PX = 500, DNNB__FIGURE_PNG_SCALE = 2 };

typedef enum dnnb__look {
    DNNB__LOOK_MAIN,   /* blue, solid, circles */
    DNNB__LOOK_SECOND, /* vermilion, dashed, squares */
    DNNB__LOOK_RAW,    /* thin and light, behind a main line */
    DNNB__LOOK_LEVEL   /* grey, dotted */
} dnnb__look;

typedef struct dnnb__series {
    const char *name; /* in the legend */
    dnnb__look look;
    const double *x; /* rising; NULL for 1, 2, 3 ... */
    const double *y; /* a value that is not finite is a gap */
    size_t n;
} dnnb__series;

typedef struct dnnb__figure {
    const char *title, *x_label, *y_label;
    const dnnb__series *series; /* drawn in this order */
    size_t n_series;
    bool show_legend;
    double n_counts;    /* the x axis goes from 1 to this */
    bool may_be_log;    /* a y axis over three decades or more is logarithmic */
    double least, most; /* bounds that the y axis does not leave unless a value does */
    double level;       /* a horizontal line; NaN for none */
    const char *level_name;
    const double *bounds; /* x of the end of each epoch, marked at the top; NULL for none */
    size_t n_bounds;
    const char *note;       /* small print above the plot; NULL for none */
    const char *empty_note; /* said in place of the lines when no value can be shown */
} dnnb__figure;

/**
 * Draw and write atomically. The bytes are a function of the figure alone.
 * @param path Ends in .svg or .png.
 * @error DNNB_ERR_ARGUMENT another ending, or text that is no UTF-8; DNNB_ERR_IO; DNNB_ERR_MEMORY.
 */
DNNB_MUST_CHECK dnnb_status dnnb__figure_save(const dnnb__figure *figure, const char *path);

#endif
