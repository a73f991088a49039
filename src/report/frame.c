/*
 * Axes and margins of a figure.
 *
 * Method: the values decide the axes, the extents of the labels the margins; then grid, ticks and
 * titles are drawn around what is left for the plot.
 */
#include "report/frame.h"

#include <math.h>
#include <stdio.h>

static const dnnb__colour bound_line = {0.70, 0.70, 0.70}, faint_grid = {0.945, 0.945, 0.945};
static const double minor_tick_px = 2, least_plot_px = 20;
/* Room that a label of an axis asks for. */
static const double y_room_px = 44, x_room_px = 32, bound_room_px = 48;
enum { MOST_Y_TICKS = 6, MOST_X_TICKS = 10, MOST_MINOR_DECADES = 4 };

double dnnb__frame_to_x(const dnnb__frame *f, double value) {
    return f->plot.left + dnnb__axis_place(&f->x, value) * (f->plot.right - f->plot.left);
}

double dnnb__frame_to_y(const dnnb__frame *f, double value) {
    return f->plot.bottom - dnnb__axis_place(&f->y, value) * (f->plot.bottom - f->plot.top);
}

bool dnnb__series_has(const dnnb__series *s, size_t i) {
    return dnnb__axis_can_show(s->y[i]) && (!s->y_high || dnnb__axis_can_show(s->y_high[i])) &&
           (!s->x || dnnb__axis_can_show(s->x[i]));
}

/* ---- the values' range ---- */

typedef struct range {
    double least, most;
    size_t n, n_low; /* values; those below a tenth of the largest */
} range;

static void range_add(range *r, double value) {
    r->least = r->n ? fmin(r->least, value) : value;
    r->most = r->n ? fmax(r->most, value) : value;
    r->n++;
}

static range find_range(const dnnb__figure *f, bool of_x) {
    range r = {0};
    for (size_t s = 0; s < f->n_series; s++) {
        const dnnb__series *series = &f->series[s];
        for (size_t i = 0; i < series->n; i++) {
            if (!dnnb__series_has(series, i)) continue;
            range_add(&r, of_x ? dnnb__series_get_x(series, i) : series->y[i]);
            if (!of_x && series->y_high) range_add(&r, series->y_high[i]);
        }
    }
    for (size_t s = 0; s < f->n_series; s++)
        for (size_t i = 0; i < f->series[s].n; i++)
            r.n_low += dnnb__series_has(&f->series[s], i) &&
                       (of_x ? dnnb__series_get_x(&f->series[s], i) : f->series[s].y[i]) <=
                           r.most / 10 * (1 + 1e-9);
    return r;
}

static bool is_logarithmic(dnnb__scale scale, const range *r) {
    if (r->least < 1e-307) return false;
    double ratio = r->most / r->least;
    return scale == DNNB__SCALE_LOGARITHM || (scale == DNNB__SCALE_WIDE && ratio >= 1e3) ||
           (scale == DNNB__SCALE_PRESSED && ratio >= 10 && 2 * r->n_low >= r->n);
}

static size_t count_fitting(double length_px, double room_px, size_t most) {
    double n = length_px / room_px;
    return n < 2 ? 2 : n < (double)most ? (size_t)n : most;
}

static void create_y_axis(dnnb__frame *f, double height_px) {
    const dnnb__figure *figure = f->figure;
    size_t n = count_fitting(height_px, y_room_px, MOST_Y_TICKS);
    range r = find_range(figure, false);
    f->is_empty = r.n == 0;
    if (f->is_empty)
        r.most = 1;
    else if (figure->level_name && dnnb__axis_can_show(figure->level))
        range_add(&r, figure->level);
    if (figure->is_square && !f->is_empty) {
        range x = find_range(figure, true);
        r.least = fmin(r.least, x.least);
        r.most = fmax(r.most, x.most);
    }
    if (is_logarithmic(figure->y_scale, &r))
        dnnb__axis_create_log(&f->y, r.least, r.most, n);
    else
        dnnb__axis_create_values(&f->y, r.least, r.most, figure->least, figure->most, n);
    if (figure->is_square && !f->is_empty) dnnb__axis_trim(&f->y, r.least, r.most);
}

static void create_x_axis(dnnb__frame *f, size_t n) {
    const dnnb__figure *figure = f->figure;
    if (figure->is_square) {
        f->x = f->y;
        return;
    }
    if (figure->x_scale == DNNB__SCALE_COUNTS) {
        dnnb__axis_create_counts(&f->x, figure->n_counts, n);
        return;
    }
    range r = find_range(figure, true);
    if (r.n == 0) r.most = 1;
    if (is_logarithmic(figure->x_scale, &r))
        dnnb__axis_create_log(&f->x, r.least, r.most, n);
    else
        dnnb__axis_create_values(&f->x, r.least, r.most, -INFINITY, INFINITY, n);
}

/* ---- margins ---- */

static double find_widest_label(const dnnb__frame *f, const dnnb__axis *axis) {
    double widest = 0;
    for (size_t i = 0; i < axis->n_ticks; i++)
        widest = fmax(widest, dnnb__text_get_width(f->canvas, axis->ticks[i].label));
    return widest;
}

static double find_title_height(dnnb__frame *f) {
    const dnnb__figure *figure = f->figure;
    double height = 0;
    dnnb__set_font(f->canvas, f->title_size_px, true);
    double width = figure->title ? dnnb__text_get_width(f->canvas, figure->title) : 0;
    if (figure->title) height += f->title_size_px + DNNB__GAP_PX;
    dnnb__set_font(f->canvas, DNNB__SMALL_SIZE_PX, false);
    if (figure->note) width += dnnb__text_get_width(f->canvas, figure->note);
    f->note_is_below = figure->note && width + 2 * DNNB__GAP_PX > f->plot.right - f->plot.left;
    if (f->note_is_below) height += DNNB__SMALL_SIZE_PX + DNNB__GAP_PX;
    return height;
}

/* A square as large as the plot has room for, at the left end of it. */
static void make_square(dnnb__box *plot) {
    double side = fmin(plot->right - plot->left, plot->bottom - plot->top);
    plot->right = plot->left + side;
    plot->bottom = plot->top + side;
}

/* Margins, for a plot of about this height: it decides the number of labels. */
static void lay_out_once(dnnb__frame *f, double height_px) {
    const dnnb__figure *figure = f->figure;
    const dnnb__box *box = &f->box;
    create_y_axis(f, height_px);
    dnnb__set_font(f->canvas, DNNB__LABEL_SIZE_PX, false);
    f->plot.left = box->left + DNNB__LABEL_SIZE_PX + DNNB__GAP_PX + find_widest_label(f, &f->y) +
                   DNNB__TICK_PX + DNNB__GAP_PX;
    f->plot.right = fmax(box->right - DNNB__OUTER_PX, f->plot.left + least_plot_px);
    f->legend_top = box->top + find_title_height(f);
    f->plot.top = f->legend_top + dnnb__legend_draw(f, f->legend_top, false) + DNNB__GAP_PX;
    if (figure->n_bounds || f->y.factor[0]) f->plot.top += DNNB__SMALL_SIZE_PX + DNNB__GAP_PX;
    f->plot.bottom = box->bottom - 2 * DNNB__LABEL_SIZE_PX - 2 * DNNB__GAP_PX - DNNB__TICK_PX;
    f->plot.bottom = fmax(f->plot.bottom, f->plot.top + least_plot_px);
    if (figure->is_square) make_square(&f->plot);
}

void dnnb__frame_lay_out(dnnb__frame *f) {
    lay_out_once(f, f->box.bottom - f->box.top);
    lay_out_once(f, f->plot.bottom - f->plot.top);
    double width_px = f->plot.right - f->plot.left;
    create_x_axis(f, MOST_X_TICKS);
    dnnb__set_font(f->canvas, DNNB__LABEL_SIZE_PX, false);
    double label_px = find_widest_label(f, &f->x);
    create_x_axis(f, count_fitting(width_px, label_px + x_room_px, MOST_X_TICKS));
}

/* ---- drawing ---- */

static void draw_y_tick(const dnnb__frame *f, const dnnb__tick *tick) {
    double y = dnnb__frame_to_y(f, tick->value);
    dnnb__set_colour(f->canvas, dnnb__grid);
    dnnb__draw_line(f->canvas, f->plot.left, y, f->plot.right, y);
    dnnb__set_colour(f->canvas, dnnb__ink);
    dnnb__draw_line(f->canvas, f->plot.left - DNNB__TICK_PX, y, f->plot.left, y);
    dnnb__text_draw(f->canvas, f->plot.left - DNNB__TICK_PX - DNNB__GAP_PX / 2.0,
                    y + 0.36 * DNNB__LABEL_SIZE_PX, 1, tick->label);
}

static void draw_x_tick(const dnnb__frame *f, const dnnb__tick *tick) {
    double x = dnnb__frame_to_x(f, tick->value);
    if (f->figure->x_scale != DNNB__SCALE_COUNTS) {
        dnnb__set_colour(f->canvas, dnnb__grid);
        dnnb__draw_line(f->canvas, x, f->plot.top, x, f->plot.bottom);
    }
    dnnb__set_colour(f->canvas, dnnb__ink);
    dnnb__draw_line(f->canvas, x, f->plot.bottom, x, f->plot.bottom + DNNB__TICK_PX);
    dnnb__text_draw(f->canvas, x,
                    f->plot.bottom + DNNB__TICK_PX + DNNB__GAP_PX / 2.0 + DNNB__LABEL_SIZE_PX, 0.5,
                    tick->label);
}

/* 2, 3 ... 9 times each power of ten, which show that the axis is logarithmic. */
static void draw_minor_ticks(const dnnb__frame *f, const dnnb__axis *axis, bool is_x) {
    double first = floor(log10(axis->least)), last = ceil(log10(axis->most));
    if (!axis->is_log || last - first > MOST_MINOR_DECADES) return;
    for (double e = first; e < last; e++)
        for (int k = 2; k < 10; k++) {
            double value = k * pow(10, e);
            if (value <= axis->least || value >= axis->most) continue;
            double at = is_x ? dnnb__frame_to_x(f, value) : dnnb__frame_to_y(f, value);
            const dnnb__box *p = &f->plot;
            dnnb__set_colour(f->canvas, faint_grid);
            if (is_x)
                dnnb__draw_line(f->canvas, at, p->top, at, p->bottom);
            else
                dnnb__draw_line(f->canvas, p->left, at, p->right, at);
            dnnb__set_colour(f->canvas, dnnb__ink);
            if (is_x)
                dnnb__draw_line(f->canvas, at, p->bottom, at, p->bottom + minor_tick_px);
            else
                dnnb__draw_line(f->canvas, p->left - minor_tick_px, at, p->left, at);
        }
}

static void draw_axes(const dnnb__frame *f) {
    dnnb__set_font(f->canvas, DNNB__LABEL_SIZE_PX, false);
    cairo_set_line_width(f->canvas->cr, 1);
    draw_minor_ticks(f, &f->x, true);
    draw_minor_ticks(f, &f->y, false);
    for (size_t i = 0; i < f->y.n_ticks; i++) draw_y_tick(f, &f->y.ticks[i]);
    for (size_t i = 0; i < f->x.n_ticks; i++) draw_x_tick(f, &f->x.ticks[i]);
    dnnb__draw_line(f->canvas, f->plot.left, f->plot.top, f->plot.left, f->plot.bottom);
    dnnb__draw_line(f->canvas, f->plot.left, f->plot.bottom, f->plot.right, f->plot.bottom);
    dnnb__set_font(f->canvas, DNNB__SMALL_SIZE_PX, false);
    dnnb__set_colour(f->canvas, dnnb__pale_ink);
    if (f->y.factor[0])
        dnnb__text_draw(f->canvas, f->plot.left - DNNB__TICK_PX, f->plot.top - 1.6 * DNNB__GAP_PX,
                        1, f->y.factor);
    if (f->figure->x_scale != DNNB__SCALE_COUNTS && f->x.factor[0])
        dnnb__text_draw(f->canvas, f->plot.right, f->box.bottom, 1, f->x.factor);
}

static void draw_titles(const dnnb__frame *f) {
    const dnnb__figure *figure = f->figure;
    double width_px = f->plot.right - f->plot.left, y = f->box.top + f->title_size_px;
    char text[DNNB__TEXT_BYTES], label[DNNB__TEXT_BYTES];
    dnnb__set_colour(f->canvas, dnnb__ink);
    if (figure->title) {
        dnnb__set_font(f->canvas, f->title_size_px, true);
        dnnb__text_shorten(f->canvas, text, figure->title, width_px);
        dnnb__text_draw(f->canvas, f->plot.left, y, 0, text);
    }
    dnnb__set_font(f->canvas, DNNB__LABEL_SIZE_PX, false);
    dnnb__text_shorten(f->canvas, text, figure->x_label, width_px);
    dnnb__text_draw(f->canvas, (f->plot.left + f->plot.right) / 2,
                    f->plot.bottom + DNNB__TICK_PX + 1.5 * DNNB__GAP_PX + 2 * DNNB__LABEL_SIZE_PX,
                    0.5, text);
    double height_px = f->plot.bottom - f->plot.top;
    (void)snprintf(label, sizeof label, "%.200s%s", figure->y_label,
                   f->y.is_log ? " (logarithmic)" : "");
    bool fits = dnnb__text_get_width(f->canvas, label) <= height_px; /* the ticks tell it too */
    dnnb__text_shorten(f->canvas, text, fits ? label : figure->y_label, height_px);
    dnnb__text_draw_turned(f->canvas, f->box.left + DNNB__LABEL_SIZE_PX,
                           (f->plot.top + f->plot.bottom) / 2, 0.5, 90, text);
    if (!figure->note) return;
    dnnb__set_font(f->canvas, DNNB__SMALL_SIZE_PX, false);
    dnnb__set_colour(f->canvas, dnnb__pale_ink);
    dnnb__text_shorten(f->canvas, text, figure->note, width_px);
    if (f->note_is_below)
        dnnb__text_draw(f->canvas, f->plot.left, y + DNNB__GAP_PX + DNNB__SMALL_SIZE_PX, 0, text);
    else
        dnnb__text_draw(f->canvas, f->plot.right, y, 1, text);
}

/* The ends of epochs, numbered along the top. */
static void draw_bounds(const dnnb__frame *f) {
    cairo_t *cr = f->canvas->cr;
    const dnnb__figure *figure = f->figure;
    if (figure->n_bounds == 0) return;
    /* Round, and such that the labels stay apart. */
    double n_fit = (f->plot.right - f->plot.left) / bound_room_px;
    size_t step = (size_t)dnnb__axis_round_step(fmax(1, (double)figure->n_bounds / n_fit));
    const double dash[] = {2, 3}, label_y = f->plot.top - DNNB__GAP_PX / 2.0;
    dnnb__set_font(f->canvas, DNNB__SMALL_SIZE_PX, false);
    cairo_set_line_width(cr, 1);
    double last_label = f->plot.left + dnnb__text_get_width(f->canvas, "epoch") + DNNB__GAP_PX;
    dnnb__set_colour(f->canvas, dnnb__pale_ink);
    dnnb__text_draw(f->canvas, f->plot.left + 2, label_y, 0, "epoch");
    for (size_t k = step; k <= figure->n_bounds; k += step) {
        double x = dnnb__frame_to_x(f, figure->bounds[k - 1]);
        char label[24];
        (void)snprintf(label, sizeof label, "%zu", k);
        dnnb__set_colour(f->canvas, bound_line);
        cairo_set_dash(cr, dash, 2, 0);
        dnnb__draw_line(f->canvas, x, f->plot.top, x, f->plot.bottom);
        cairo_set_dash(cr, NULL, 0, 0);
        double half = dnnb__text_get_width(f->canvas, label) / 2;
        if (x - half < last_label) continue;
        dnnb__set_colour(f->canvas, dnnb__pale_ink);
        dnnb__text_draw(f->canvas, x, label_y, 0.5, label);
        last_label = x + half + DNNB__GAP_PX / 2.0;
    }
}

void dnnb__frame_draw(const dnnb__frame *f) {
    draw_axes(f);
    draw_bounds(f);
    draw_titles(f);
}
