/*
 * A figure: lines, bands and points between two axes, as plain data.
 *
 * Colours are those of Okabe and Ito, which people with any colour vision tell apart; dashes,
 * markers and widths tell the lines apart in grey print.
 */
#ifndef DNNB_REPORT_FIGURE_H
#define DNNB_REPORT_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

#include "report/canvas.h"

/** How a series is drawn: looks 0, 1, 2 ... for lines that stand beside each other, as many as
 *  DNNB__N_LOOKS of them told apart, and two more. */
enum {
    DNNB__LOOK_MAIN,   /* blue, solid, circles */
    DNNB__LOOK_SECOND, /* vermilion, dashed, squares */
    DNNB__N_COLOURS = 7,
    DNNB__N_LOOKS = DNNB__N_COLOURS * DNNB__N_COLOURS,
    DNNB__LOOK_RAW,  /* thin and light, behind a main line */
    DNNB__LOOK_LEVEL /* grey, dotted */
};

typedef enum dnnb__form {
    DNNB__LINE,      /* with markers where there is room for them */
    DNNB__THIN_LINE, /* one of many, such as a fold: pale and without markers */
    DNNB__BAND,      /* the area between y and y_high */
    DNNB__POINTS     /* each for itself; where many are, darker */
} dnnb__form;

typedef struct dnnb__series {
    const char *name; /* in the legend; NULL: it is not there */
    size_t look;
    dnnb__form form;
    const double *x;      /* rising, but for points; NULL for 1, 2, 3 ... */
    const double *y;      /* a value that is not finite is a gap */
    const double *y_high; /* BAND */
    size_t n;
    size_t best;           /* the value marked with a star, counted from 1; 0 for none */
    const char *best_name; /* the star's, in the legend; NULL: it is not there */
} dnnb__series;

typedef enum dnnb__scale {
    DNNB__SCALE_COUNTS, /* whole numbers from 1 to n_counts */
    DNNB__SCALE_LINEAR,
    DNNB__SCALE_WIDE,     /* logarithmic for values over three decades or more */
    DNNB__SCALE_PRESSED,  /* logarithmic where else half of the values lay in the lowest tenth */
    DNNB__SCALE_LOGARITHM /* logarithmic unless a value is 0 or less */
} dnnb__scale;

typedef struct dnnb__figure {
    const char *title; /* NULL for none */
    const char *note;  /* small print beside or below the title; NULL for none */
    const char *x_label, *y_label;
    dnnb__scale x_scale, y_scale; /* y_scale is not COUNTS */
    double n_counts;
    double least, most;         /* bounds that the y axis does not leave unless a value does */
    const dnnb__series *series; /* drawn in this order */
    size_t n_series;
    bool show_legend;
    bool is_square;         /* both axes alike, with the line where they are equal */
    double level;           /* a horizontal line */
    const char *level_name; /* NULL: there is none */
    const double *bounds;   /* x of the end of each epoch, marked at the top; NULL for none */
    size_t n_bounds;
    const char *empty_note; /* said in place of the lines when no value can be shown */
} dnnb__figure;

/** Draw within a box. @param title_size_px The title's size. */
void dnnb__figure_draw(dnnb__canvas *canvas, const dnnb__figure *figure, dnnb__box box,
                       double title_size_px);

/** Append what the figure shows in sentences: the values of each series. */
void dnnb__figure_describe(dnnb__buf *out, const dnnb__figure *figure);

#endif
