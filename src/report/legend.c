/*
 * The legend of a figure: a sample and a name for each series, the stars and the level.
 *
 * Method: entries are placed from left to right, and a row ends where the next one does not fit.
 * The same walk finds the height first and draws later.
 */
#include <math.h>

#include "report/frame.h"

static const double sample_px = 30, short_sample_px = 22, star_sample_px = 16;
static const double narrow_px = 420;

typedef struct walk {
    const dnnb__frame *frame;
    double x, y;            /* of the next entry: its left end, its baseline */
    double sample_px, room; /* length of a sample; space between entries */
    bool draw, is_first;
} walk;

/* Make room for an entry; sets x and y to its place, and gives what there is for its name. */
static double place(walk *w, double length_px, const char *name, double *x, double *y) {
    const dnnb__box *plot = &w->frame->plot;
    double width = length_px + DNNB__GAP_PX + dnnb__text_get_width(w->frame->canvas, name);
    if (!w->is_first && w->x + width > plot->right) {
        w->x = plot->left;
        w->y += DNNB__LABEL_SIZE_PX + DNNB__GAP_PX;
    }
    *x = w->x;
    *y = w->y;
    w->is_first = false;
    w->x += width + w->room;
    return plot->right - *x - length_px - DNNB__GAP_PX;
}

static void write_name(const walk *w, double x, double y, double most_px, const char *name) {
    char text[DNNB__TEXT_BYTES];
    dnnb__set_colour(w->frame->canvas, dnnb__ink);
    dnnb__text_shorten(w->frame->canvas, text, name, most_px);
    dnnb__text_draw(w->frame->canvas, x, y, 0, text);
}

static void walk_series(walk *w, const dnnb__series *s) {
    double x, y;
    double room = place(w, w->sample_px, s->name, &x, &y);
    if (!w->draw) return;
    dnnb__marks_draw_sample(w->frame, s, x, y - 0.36 * DNNB__LABEL_SIZE_PX, w->sample_px);
    write_name(w, x + w->sample_px + DNNB__GAP_PX, y, room, s->name);
}

static void walk_star(walk *w, const dnnb__series *s) {
    double x, y;
    double room = place(w, star_sample_px, s->best_name, &x, &y);
    if (!w->draw) return;
    dnnb__marks_draw_star(w->frame->canvas, s->look, x + star_sample_px / 2,
                          y - 0.36 * DNNB__LABEL_SIZE_PX);
    write_name(w, x + star_sample_px + DNNB__GAP_PX, y, room, s->best_name);
}

double dnnb__legend_draw(const dnnb__frame *f, double top, bool draw) {
    const dnnb__figure *figure = f->figure;
    bool is_narrow = f->plot.right - f->plot.left < narrow_px;
    walk w = {.frame = f,
              .x = f->plot.left,
              .y = top + DNNB__LABEL_SIZE_PX,
              .sample_px = is_narrow ? short_sample_px : sample_px,
              .room = (is_narrow ? 1.5 : 3) * DNNB__GAP_PX,
              .draw = draw,
              .is_first = true};
    if (!figure->show_legend) return 0;
    dnnb__set_font(f->canvas, DNNB__LABEL_SIZE_PX, false);
    for (size_t s = 0; s < figure->n_series; s++)
        if (figure->series[s].name) walk_series(&w, &figure->series[s]);
    for (size_t s = 0; s < figure->n_series; s++)
        if (figure->series[s].best && figure->series[s].best_name)
            walk_star(&w, &figure->series[s]);
    if (figure->level_name && dnnb__axis_can_show(figure->level)) {
        dnnb__series level = {.name = figure->level_name, .look = DNNB__LOOK_LEVEL};
        walk_series(&w, &level);
    }
    if (w.is_first) return 0;
    return w.y + DNNB__GAP_PX - top;
}
