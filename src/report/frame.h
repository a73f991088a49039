/* The parts of a figure's drawing: its axes around the plot, its lines, its legend. */
#ifndef DNNB_REPORT_FRAME_H
#define DNNB_REPORT_FRAME_H

#include "report/axis.h"
#include "report/figure.h"

/** The plot itself: where it is on the canvas, and its axes. */
typedef struct dnnb__frame {
    dnnb__canvas *canvas;
    const dnnb__figure *figure;
    dnnb__axis x, y;
    dnnb__box box;  /* of the figure */
    dnnb__box plot; /* within the axes */
    double title_size_px, legend_top;
    bool note_is_below; /* it has no room beside the title */
    bool is_empty;      /* no value can be shown */
} dnnb__frame;

/** Choose axes and margins: the labels' widths decide where the plot begins. */
void dnnb__frame_lay_out(dnnb__frame *frame);
/** Grid, ticks, labels, titles and the ends of epochs. */
void dnnb__frame_draw(const dnnb__frame *frame);

double dnnb__frame_to_x(const dnnb__frame *frame, double value);
double dnnb__frame_to_y(const dnnb__frame *frame, double value);

static inline double dnnb__series_get_x(const dnnb__series *s, size_t i) {
    return s->x ? s->x[i] : (double)(i + 1);
}

/** True when place i of a series has a value that can be shown. */
bool dnnb__series_has(const dnnb__series *series, size_t i);

/** The level, every series, and the stars on top of them. */
void dnnb__marks_draw(const dnnb__frame *frame);

/** What a legend shows of a series, from (x, y) to `length_px` right of it: a piece of its line. */
void dnnb__marks_draw_sample(const dnnb__frame *frame, const dnnb__series *series, double x,
                             double y, double length_px);
void dnnb__marks_draw_star(dnnb__canvas *canvas, size_t look, double x, double y);

/** In rows under the title, where it hides no value.
 *  @param draw False: only find the height. @return Height of its rows; 0 without a legend. */
double dnnb__legend_draw(const dnnb__frame *frame, double top, bool draw);

#endif
