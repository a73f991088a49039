/* A plot: a figure, several panels or a matrix, with all that they point to. */
#ifndef DNNB_REPORT_PLOT_H
#define DNNB_REPORT_PLOT_H

#include "core/mem.h"
#include "dnnbrain/plot.h"
#include "report/figure.h"

typedef struct dnnb__plot_block dnnb__plot_block;
typedef struct dnnb__matrix dnnb__matrix;

enum { DNNB__PLOT_WIDTH_PX = 800, DNNB__PLOT_HEIGHT_PX = 500, DNNB__PLOT_ID_BYTES = 41 };

struct dnnb_plot {
    size_t width_px, height_px;
    char id[DNNB__PLOT_ID_BYTES];
    const char *title;           /* also above the panels, when there are several */
    const char *note;            /* likewise; NULL for none */
    const dnnb__figure *figures; /* panels, in rows */
    size_t n_figures;
    const dnnb__matrix *matrix; /* NULL, or in place of the figures */
    dnnb__plot_block *blocks;   /* what the parts above point to */
};

/** An empty plot of the usual size. @param id The plot's kind. */
DNNB_MUST_CHECK dnnb_status dnnb__plot_create(dnnb_plot **out, const char *id);

/** Memory that lives as long as the plot, filled with 0. NULL when out of memory. */
void *dnnb__plot_alloc(dnnb_plot *plot, size_t n, size_t size);
/** Formatted text that lives as long. NULL when out of memory. */
const char *dnnb__plot_printf(dnnb_plot *plot, const char *format, ...) DNNB_PRINTF(2, 3);

/** Take over a copy of one figure as the whole plot. */
DNNB_MUST_CHECK dnnb_status dnnb__plot_set_figure(dnnb_plot *plot, const dnnb__figure *figure);

/** What is left of a function that creates: the plot, or nothing when it failed. */
DNNB_MUST_CHECK dnnb_status dnnb__plot_finish(dnnb_plot **out, dnnb_plot *plot, dnnb_status status);

#endif
