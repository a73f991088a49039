/*
 * Lines, bands, points and stars of a figure.
 *
 * Method: a line with more values than the plot has columns of pixels is drawn by the first, least,
 * largest and last value of each column, which covers the same pixels. Many points are counted in
 * cells of a few pixels, and each cell is drawn once, the darker the more it holds. So the size of
 * a picture does not grow with the length of a run.
 */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "report/frame.h"

typedef struct look {
    dnnb__colour line;
    double width_px;
    double dash[6]; /* ends with 0; none for solid */
    char marker;    /* o circle, s square, ^ and v triangles, d diamond, x cross; 0 for none */
} look;

/* Okabe and Ito, "Color universal design", 2008, without the yellow, which white paper swallows. */
static const look looks[] = {
    [DNNB__LOOK_MAIN] = {{0, 0.447, 0.698}, 2, {0}, 'o'},
    [DNNB__LOOK_SECOND] = {{0.835, 0.369, 0}, 2, {4, 2, 0}, 's'},
    [2] = {{0, 0.620, 0.451}, 2, {9, 3, 0}, '^'},
    [3] = {{0.800, 0.475, 0.655}, 2, {7, 2.5, 1.5, 2.5, 0}, 'd'},
    [4] = {{0.902, 0.624, 0}, 2, {1.5, 2, 0}, 'v'},
    [5] = {{0.337, 0.706, 0.914}, 2, {12, 2, 2, 2, 0}, 'x'},
    [6] = {{0, 0, 0}, 1.5, {5, 4, 0}, 'o'},
};
static const look raw_look = {{0.60, 0.80, 0.93}, 1, {0}, 0};
static const look level_look = {{0.35, 0.35, 0.35}, 1.5, {1.5, 3, 0}, 0};

static const double marker_px = 3.4, star_px = 8.5, rim_px = 0.9;
static const double thin_alpha = 0.4, band_alpha = 0.22, thin_px = 0.9;
static const double marker_room_px = 64; /* between markers of a line, where lines are many */
static const double least_between_px = 10;
enum { FEW_LINES = 2 };

/* After the last colour the first comes again, with the dash and the marker of another. */
static look choose_look(size_t i) {
    if (i == DNNB__LOOK_RAW) return raw_look;
    if (i == DNNB__LOOK_LEVEL) return level_look;
    const size_t n = DNNB__N_COLOURS;
    look chosen = looks[(i + 3 * (i / n)) % n];
    chosen.line = looks[i % n].line;
    return chosen;
}

static look get_look(const dnnb__series *s) {
    return choose_look(s->look);
}

static void set_look(dnnb__canvas *c, look l) {
    int n = 0;
    while (l.dash[n] > 0) n++;
    dnnb__set_colour(c, l.line);
    cairo_set_line_width(c->cr, l.width_px);
    cairo_set_dash(c->cr, l.dash, n, 0);
}

/* Fill the path, and part it by a white rim from what lies below. */
static void fill_with_rim(dnnb__canvas *c, dnnb__colour colour, double rim) {
    dnnb__set_colour(c, colour);
    cairo_fill_preserve(c->cr);
    dnnb__set_colour(c, dnnb__white);
    cairo_set_line_width(c->cr, rim);
    cairo_set_dash(c->cr, NULL, 0, 0);
    cairo_stroke(c->cr);
}

/* A polygon of n corners around (x, y), the first at an angle in turns from the top. */
static void add_polygon(cairo_t *cr, double x, double y, const double *radii, size_t n_radii,
                        size_t n, double first) {
    for (size_t i = 0; i < n; i++) {
        double angle = 2 * acos(-1) * (first + (double)i / (double)n);
        double r = radii[i % n_radii];
        cairo_line_to(cr, x + r * sin(angle), y - r * cos(angle));
    }
    cairo_close_path(cr);
}

static void draw_marker(dnnb__canvas *c, look l, double x, double y) {
    cairo_t *cr = c->cr;
    const double r = marker_px, large = 1.35 * r, cross[] = {1.5 * r, 0.55 * r};
    cairo_new_path(cr);
    if (l.marker == 's')
        cairo_rectangle(cr, x - r, y - r, 2 * r, 2 * r);
    else if (l.marker == '^')
        add_polygon(cr, x, y, &large, 1, 3, 0);
    else if (l.marker == 'v')
        add_polygon(cr, x, y, &large, 1, 3, 0.5);
    else if (l.marker == 'd')
        add_polygon(cr, x, y, &large, 1, 4, 0);
    else if (l.marker == 'x')
        add_polygon(cr, x, y, cross, 2, 8, 0.125);
    else
        cairo_arc(cr, x, y, r + 0.3, 0, 2 * acos(-1));
    fill_with_rim(c, l.line, rim_px);
}

void dnnb__marks_draw_star(dnnb__canvas *c, size_t which, double x, double y) {
    const double radii[] = {star_px, 0.42 * star_px};
    cairo_new_path(c->cr);
    add_polygon(c->cr, x, y, radii, 2, 10, 0);
    fill_with_rim(c, choose_look(which).line, 1.4);
}

/* ---- lines ---- */

/* The values of one column of pixels, and when its least and largest came. */
typedef struct column {
    double place, x, first, least, most, last;
    size_t n;
    bool least_came_first;
} column;

static void column_add(column *col, double x, double y) {
    if (col->n == 0) {
        col->x = x;
        col->first = col->least = col->most = y;
    }
    if (y < col->least) {
        col->least = y;
        col->least_came_first = false;
    }
    if (y > col->most) {
        col->most = y;
        col->least_came_first = true;
    }
    col->last = y;
    col->n++;
}

static void column_draw(cairo_t *cr, column *col) {
    if (col->n == 0) return;
    cairo_line_to(cr, col->x, col->first);
    if (col->n > 2) {
        cairo_line_to(cr, col->x, col->least_came_first ? col->least : col->most);
        cairo_line_to(cr, col->x, col->least_came_first ? col->most : col->least);
    }
    if (col->n > 1) cairo_line_to(cr, col->x, col->last);
    col->n = 0;
}

/* The pieces of a line, from gap to gap. */
static void add_line(const dnnb__frame *f, const dnnb__series *s, const double *values) {
    cairo_t *cr = f->canvas->cr;
    bool by_column = (double)s->n > 2 * (f->plot.right - f->plot.left);
    column col = {0};
    cairo_new_path(cr);
    for (size_t i = 0; i < s->n; i++) {
        if (!dnnb__series_has(s, i)) {
            column_draw(cr, &col);
            cairo_new_sub_path(cr);
            continue;
        }
        double x = dnnb__frame_to_x(f, dnnb__series_get_x(s, i));
        double place = by_column ? floor(x) : (double)i;
        if (col.n && place != col.place) column_draw(cr, &col);
        col.place = place;
        column_add(&col, x, dnnb__frame_to_y(f, values[i]));
    }
    column_draw(cr, &col);
}

/* A value between two gaps makes no line: a dot shows it. */
static bool is_alone(const dnnb__series *s, size_t i) {
    bool before = i > 0 && dnnb__series_has(s, i - 1);
    bool after = i + 1 < s->n && dnnb__series_has(s, i + 1);
    return !before && !after;
}

static size_t count_lines(const dnnb__figure *figure) {
    size_t n = 0;
    for (size_t i = 0; i < figure->n_series; i++)
        n += figure->series[i].form == DNNB__LINE && get_look(&figure->series[i]).marker;
    return n;
}

/* How far markers of a line stand apart, in pixels: 0 on every value of a few lines of a few
 * values, INFINITY for none on a line that is alone. Else the dashes must be seen between them. */
static double choose_marker_room(const dnnb__frame *f, const dnnb__series *s) {
    size_t n_lines = count_lines(f->figure);
    double between_px = (f->plot.right - f->plot.left) / (double)(s->n ? s->n : 1);
    if (!get_look(s).marker) return INFINITY;
    if (n_lines <= FEW_LINES && between_px >= least_between_px) return 0;
    return n_lines > 1 ? marker_room_px : INFINITY;
}

/* Where they are few, each line begins with them elsewhere. */
static void draw_markers(const dnnb__frame *f, const dnnb__series *s) {
    double room = choose_marker_room(f, s), next = f->plot.left;
    size_t order = (size_t)(s - f->figure->series) % f->figure->n_series;
    if (isinf(room))
        next = INFINITY;
    else
        next += room * (double)order / (double)f->figure->n_series;
    for (size_t i = 0; i < s->n; i++) {
        if (!dnnb__series_has(s, i)) continue;
        double x = dnnb__frame_to_x(f, dnnb__series_get_x(s, i));
        if (x < next && !is_alone(s, i)) continue;
        draw_marker(f->canvas, get_look(s), x, dnnb__frame_to_y(f, s->y[i]));
        next = fmax(next, x) + room;
    }
}

static void draw_line_series(const dnnb__frame *f, const dnnb__series *s) {
    set_look(f->canvas, get_look(s));
    add_line(f, s, s->y);
    cairo_stroke(f->canvas->cr);
    draw_markers(f, s);
}

static void draw_thin_series(const dnnb__frame *f, const dnnb__series *s) {
    dnnb__set_colour_alpha(f->canvas, get_look(s).line, thin_alpha);
    cairo_set_line_width(f->canvas->cr, thin_px);
    cairo_set_dash(f->canvas->cr, NULL, 0, 0);
    add_line(f, s, s->y);
    cairo_stroke(f->canvas->cr);
}

/* ---- bands ---- */

/* From a value on to the next gap: along the upper edge, and back along the lower one. */
static size_t add_band_piece(const dnnb__frame *f, const dnnb__series *s, size_t first) {
    size_t end = first;
    while (end < s->n && dnnb__series_has(s, end)) end++;
    for (size_t i = first; i < end; i++)
        cairo_line_to(f->canvas->cr, dnnb__frame_to_x(f, dnnb__series_get_x(s, i)),
                      dnnb__frame_to_y(f, s->y_high[i]));
    for (size_t i = end; i-- > first;)
        cairo_line_to(f->canvas->cr, dnnb__frame_to_x(f, dnnb__series_get_x(s, i)),
                      dnnb__frame_to_y(f, s->y[i]));
    cairo_close_path(f->canvas->cr);
    return end;
}

/* The edges keep bands apart where they cover each other, and in grey print. */
static void draw_band(const dnnb__frame *f, const dnnb__series *s) {
    cairo_t *cr = f->canvas->cr;
    cairo_new_path(cr);
    for (size_t i = 0; i < s->n;) i = dnnb__series_has(s, i) ? add_band_piece(f, s, i) : i + 1;
    dnnb__set_colour_alpha(f->canvas, get_look(s).line, band_alpha);
    cairo_fill(cr);
    set_look(f->canvas, get_look(s));
    cairo_set_line_width(cr, thin_px);
    for (int is_high = 0; is_high < 2; is_high++) {
        add_line(f, s, is_high ? s->y_high : s->y);
        cairo_stroke(cr);
    }
}

/* ---- points ---- */

static const double dot_px = 5.5, cell_px = 3;
enum { FEW_POINTS = 400, N_SHADES = 8 };

/* How dark a cell of n points is, on a logarithmic scale up to the fullest one. */
static size_t choose_shade(size_t n, size_t most) {
    double full = log((double)(most > 16 ? most : 16));
    return (size_t)(log((double)n) / full * (N_SHADES - 1) + 0.5);
}

/* Dots of a few points let through what is below them; the fullest are of a darker colour too. */
static void draw_dots(const dnnb__frame *f, const dnnb__series *s, size_t shade) {
    double t = (double)shade / (N_SHADES - 1), dark = fmax(0, 2 * t - 1);
    dnnb__colour c = get_look(s).line;
    const double left = 1 - 0.75 * dark;
    c = (dnnb__colour){left * c.red, left * c.green, left * c.blue};
    dnnb__set_colour_alpha(f->canvas, c, fmin(1, 0.45 + t));
    cairo_stroke(f->canvas->cr);
}

/* A dot is a line of no length with round ends. */
static void add_dot(cairo_t *cr, double x, double y) {
    cairo_move_to(cr, x, y);
    cairo_line_to(cr, x, y);
}

typedef struct cell {
    size_t n;
    float x, y; /* of its first point */
} cell;

/* Each cell once, at the place of its first point, the fullest on top. */
static bool draw_cells(const dnnb__frame *f, const dnnb__series *s) {
    size_t n_columns = (size_t)((f->plot.right - f->plot.left) / cell_px) + 1;
    size_t n_rows = (size_t)((f->plot.bottom - f->plot.top) / cell_px) + 1;
    cell *cells = dnnb__calloc(n_columns * n_rows, sizeof *cells);
    if (!cells) return false;
    for (size_t i = 0; i < s->n; i++) {
        if (!dnnb__series_has(s, i)) continue;
        double x = dnnb__frame_to_x(f, dnnb__series_get_x(s, i)), y = dnnb__frame_to_y(f, s->y[i]);
        size_t across = (size_t)fmax(0, (x - f->plot.left) / cell_px);
        size_t down = (size_t)fmax(0, (y - f->plot.top) / cell_px);
        if (across >= n_columns || down >= n_rows) continue;
        cell *at = &cells[down * n_columns + across];
        if (at->n++ == 0) *at = (cell){1, (float)x, (float)y};
    }
    size_t most = 0;
    for (size_t i = 0; i < n_columns * n_rows; i++)
        if (cells[i].n > most) most = cells[i].n;
    for (size_t shade = 0; shade < N_SHADES; shade++) {
        for (size_t i = 0; i < n_columns * n_rows; i++)
            if (cells[i].n && choose_shade(cells[i].n, most) == shade)
                add_dot(f->canvas->cr, cells[i].x, cells[i].y);
        draw_dots(f, s, shade);
    }
    dnnb__free(cells);
    return true;
}

static void draw_points(const dnnb__frame *f, const dnnb__series *s) {
    cairo_t *cr = f->canvas->cr;
    cairo_set_dash(cr, NULL, 0, 0);
    cairo_set_line_width(cr, dot_px);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_new_path(cr);
    if (s->n > FEW_POINTS) {
        if (!draw_cells(f, s)) f->canvas->status = CAIRO_STATUS_NO_MEMORY;
    } else {
        for (size_t i = 0; i < s->n; i++) {
            if (!dnnb__series_has(s, i)) continue;
            add_dot(cr, dnnb__frame_to_x(f, dnnb__series_get_x(s, i)),
                    dnnb__frame_to_y(f, s->y[i]));
            draw_dots(f, s, 1);
        }
    }
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_BUTT);
}

/* ---- all ---- */

static void draw_series(const dnnb__frame *f, const dnnb__series *s) {
    switch (s->form) {
    case DNNB__LINE:
        draw_line_series(f, s);
        break;
    case DNNB__THIN_LINE:
        draw_thin_series(f, s);
        break;
    case DNNB__BAND:
        draw_band(f, s);
        break;
    case DNNB__POINTS:
        draw_points(f, s);
        break;
    }
}

/* With a hair line down to the axis, where the place is read. */
static void draw_best(const dnnb__frame *f, const dnnb__series *s) {
    const double dash[] = {2, 2};
    if (s->best == 0 || s->best > s->n || !dnnb__series_has(s, s->best - 1)) return;
    double x = dnnb__frame_to_x(f, dnnb__series_get_x(s, s->best - 1));
    double y = dnnb__frame_to_y(f, s->y[s->best - 1]);
    dnnb__set_colour(f->canvas, get_look(s).line);
    cairo_set_line_width(f->canvas->cr, 1);
    cairo_set_dash(f->canvas->cr, dash, 2, 0);
    dnnb__draw_line(f->canvas, x, y, x, f->plot.bottom);
    dnnb__marks_draw_star(f->canvas, s->look, x, y);
}

void dnnb__marks_draw(const dnnb__frame *f) {
    const dnnb__figure *figure = f->figure;
    dnnb__canvas *c = f->canvas;
    if (f->is_empty) return;
    if (figure->level_name && dnnb__axis_can_show(figure->level)) {
        double y = dnnb__frame_to_y(f, figure->level);
        set_look(c, level_look);
        dnnb__draw_line(c, f->plot.left, y, f->plot.right, y);
    }
    if (figure->is_square) {
        set_look(c, level_look);
        dnnb__draw_line(c, f->plot.left, f->plot.bottom, f->plot.right, f->plot.top);
    }
    for (size_t s = 0; s < figure->n_series; s++) draw_series(f, &figure->series[s]);
    for (size_t s = 0; s < figure->n_series; s++) draw_best(f, &figure->series[s]);
    cairo_set_dash(c->cr, NULL, 0, 0);
}

void dnnb__marks_draw_sample(const dnnb__frame *f, const dnnb__series *s, double x, double y,
                             double length_px) {
    dnnb__canvas *c = f->canvas;
    look l = get_look(s);
    set_look(c, l);
    if (s->form == DNNB__BAND) {
        cairo_rectangle(c->cr, x, y - marker_px, length_px, 2 * marker_px);
        dnnb__set_colour_alpha(c, l.line, band_alpha);
        cairo_fill(c->cr);
    } else if (s->form == DNNB__POINTS) {
        draw_marker(c, l, x + length_px / 2, y);
    } else {
        /* A hair line is hardly seen. */
        if (s->look == DNNB__LOOK_RAW) cairo_set_line_width(c->cr, 2);
        if (s->form == DNNB__THIN_LINE) cairo_set_line_width(c->cr, 1);
        dnnb__draw_line(c, x, y, x + length_px, y);
        if (s->form == DNNB__LINE && !isinf(choose_marker_room(f, s)))
            draw_marker(c, l, x + length_px / 2, y);
    }
    cairo_set_dash(c->cr, NULL, 0, 0);
}
