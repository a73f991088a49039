/*
 * Drawing a figure.
 *
 * Method: the margins follow from the extents of the labels, then axes, grid, lines and legend are
 * drawn in units of SVG pixels; a PNG is the same drawing at a larger scale. A line with more
 * points than the plot has columns is drawn by the first, least, largest and last value of each
 * column, which covers the same pixels.
 */
#include "report/figure.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "report/axis.h"

static const double label_size_px = 13, title_size_px = 16, small_size_px = 11;
static const double outer_px = 14, gap_px = 8, tick_px = 4;
static const size_t most_with_markers = 60;

typedef struct colour {
    double red, green, blue;
} colour;

typedef struct look {
    colour line;
    double width_px;
    double dash[2]; /* 0 for solid */
    char marker;    /* 'o', 's' or 0 */
} look;

/* Okabe and Ito, "Color universal design", 2008: blue 0072B2, vermilion D55E00, sky blue 56B4E9. */
static const look looks[] = {
    [DNNB__LOOK_MAIN] = {{0, 0.447, 0.698}, 2, {0, 0}, 'o'},
    [DNNB__LOOK_SECOND] = {{0.835, 0.369, 0}, 2, {4, 2}, 's'},
    [DNNB__LOOK_RAW] = {{0.60, 0.80, 0.93}, 1, {0, 0}, 0},
    [DNNB__LOOK_LEVEL] = {{0.35, 0.35, 0.35}, 1.5, {1.5, 3}, 0},
};
static const colour ink = {0.13, 0.13, 0.13}, pale_ink = {0.38, 0.38, 0.38};
static const colour grid = {0.89, 0.89, 0.89}, bound_line = {0.70, 0.70, 0.70};

typedef struct canvas {
    cairo_t *cr;
    const dnnb__figure *figure;
    dnnb__axis x, y;
    double left, top, right, bottom; /* the plot's edges */
    bool empty;                      /* no value can be shown */
} canvas;

static void set_colour(cairo_t *cr, colour c) {
    cairo_set_source_rgb(cr, c.red, c.green, c.blue);
}

static void set_font(cairo_t *cr, double size_px, bool bold) {
    cairo_select_font_face(cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, size_px);
}

static double get_width(cairo_t *cr, const char *text) {
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

/* Text whose baseline is at y; `align` is 0 for its left end at x, 0.5 its middle, 1 its right. */
static void draw_text(cairo_t *cr, double x, double y, double align, const char *text) {
    cairo_move_to(cr, x - align * get_width(cr, text), y);
    cairo_show_text(cr, text);
}

static void draw_line(cairo_t *cr, double x0, double y0, double x1, double y1) {
    cairo_move_to(cr, x0, y0);
    cairo_line_to(cr, x1, y1);
    cairo_stroke(cr);
}

static double to_x(const canvas *c, double value) {
    return c->left + dnnb__axis_place(&c->x, value) * (c->right - c->left);
}

static double to_y(const canvas *c, double value) {
    return c->bottom - dnnb__axis_place(&c->y, value) * (c->bottom - c->top);
}

/* Least and largest value that can be shown; false when there is none. */
static bool find_range(const dnnb__figure *f, double *least, double *most) {
    bool found = false;
    *least = *most = 0;
    for (size_t s = 0; s < f->n_series; s++)
        for (size_t i = 0; i < f->series[s].n; i++) {
            double y = f->series[s].y[i];
            if (!dnnb__axis_can_show(y)) continue;
            *least = found ? fmin(*least, y) : y;
            *most = found ? fmax(*most, y) : y;
            found = true;
        }
    if (found && dnnb__axis_can_show(f->level)) {
        *least = fmin(*least, f->level);
        *most = fmax(*most, f->level);
    }
    return found;
}

/* Axes and margins: the labels' widths decide where the plot begins. */
static void lay_out(canvas *c) {
    const dnnb__figure *f = c->figure;
    double least, most, widest = 0;
    c->empty = !find_range(f, &least, &most);
    if (c->empty) most = 1;
    dnnb__axis_create_values(&c->y, least, most, f->least, f->most, f->may_be_log, 6);
    set_font(c->cr, label_size_px, false);
    for (size_t i = 0; i < c->y.n_ticks; i++)
        widest = fmax(widest, get_width(c->cr, c->y.ticks[i].label));
    c->left = outer_px + label_size_px + gap_px + widest + tick_px + gap_px;
    c->right = DNNB__FIGURE_WIDTH_PX - 2 * outer_px;
    c->top = outer_px + title_size_px + 2 * gap_px;
    if (f->show_legend) c->top += label_size_px + gap_px;
    if (f->n_bounds || c->y.factor[0]) c->top += small_size_px + gap_px;
    c->bottom = DNNB__FIGURE_HEIGHT_PX - outer_px - 2 * label_size_px - 2 * gap_px - tick_px;

    dnnb__axis_create_counts(&c->x, f->n_counts, 10);
    double label = 0;
    for (size_t i = 0; i < c->x.n_ticks; i++)
        label = fmax(label, get_width(c->cr, c->x.ticks[i].label));
    double n_fit = (c->right - c->left) / (label + 4 * gap_px);
    dnnb__axis_create_counts(&c->x, f->n_counts, n_fit < 10 ? (size_t)n_fit : 10);
}

static void draw_titles(const canvas *c) {
    cairo_t *cr = c->cr;
    const dnnb__figure *f = c->figure;
    set_colour(cr, ink);
    set_font(cr, title_size_px, true);
    draw_text(cr, c->left, outer_px + title_size_px, 0, f->title);
    set_font(cr, label_size_px, false);
    draw_text(cr, (c->left + c->right) / 2, DNNB__FIGURE_HEIGHT_PX - outer_px, 0.5, f->x_label);
    char y_label[256];
    (void)snprintf(y_label, sizeof y_label, "%.200s%s", f->y_label,
                   c->y.is_log ? " (logarithmic)" : "");
    cairo_save(cr);
    cairo_translate(cr, outer_px + label_size_px, (c->top + c->bottom) / 2);
    cairo_rotate(cr, -acos(-1) / 2);
    draw_text(cr, 0, 0, 0.5, y_label);
    cairo_restore(cr);
    set_font(cr, small_size_px, false);
    set_colour(cr, pale_ink);
    if (c->y.factor[0]) draw_text(cr, c->left - tick_px, c->top - 1.6 * gap_px, 1, c->y.factor);
}

static void draw_axes(const canvas *c) {
    cairo_t *cr = c->cr;
    set_font(cr, label_size_px, false);
    cairo_set_line_width(cr, 1);
    for (size_t i = 0; i < c->y.n_ticks; i++) {
        double y = to_y(c, c->y.ticks[i].value);
        set_colour(cr, grid);
        draw_line(cr, c->left, y, c->right, y);
        set_colour(cr, ink);
        draw_line(cr, c->left - tick_px, y, c->left, y);
        draw_text(cr, c->left - tick_px - gap_px / 2, y + 0.36 * label_size_px, 1,
                  c->y.ticks[i].label);
    }
    for (size_t i = 0; i < c->x.n_ticks; i++) {
        double x = to_x(c, c->x.ticks[i].value);
        set_colour(cr, ink);
        draw_line(cr, x, c->bottom, x, c->bottom + tick_px);
        draw_text(cr, x, c->bottom + tick_px + gap_px / 2 + label_size_px, 0.5,
                  c->x.ticks[i].label);
    }
    draw_line(cr, c->left, c->top, c->left, c->bottom);
    draw_line(cr, c->left, c->bottom, c->right, c->bottom);
}

/* A round number of epochs between those that are marked, so that the labels stay apart. */
static size_t choose_bound_step(const canvas *c) {
    static const size_t factors[] = {1, 2, 5};
    double n_fit = (c->right - c->left) / 48, n = (double)c->figure->n_bounds;
    for (size_t power = 1;; power *= 10)
        for (size_t i = 0; i < 3; i++)
            if (n / (double)(factors[i] * power) <= n_fit) return factors[i] * power;
}

/* The ends of epochs, numbered along the top. */
static void draw_bounds(const canvas *c) {
    cairo_t *cr = c->cr;
    const dnnb__figure *f = c->figure;
    if (f->n_bounds == 0) return;
    size_t step = choose_bound_step(c);
    const double dash[] = {2, 3};
    set_font(cr, small_size_px, false);
    cairo_set_line_width(cr, 1);
    double last_label = c->left + get_width(cr, "epoch") + gap_px;
    set_colour(cr, pale_ink);
    draw_text(cr, c->left + 2, c->top - gap_px / 2, 0, "epoch");
    for (size_t k = step; k <= f->n_bounds; k += step) {
        double x = to_x(c, f->bounds[k - 1]);
        char label[24];
        (void)snprintf(label, sizeof label, "%zu", k);
        set_colour(cr, bound_line);
        cairo_set_dash(cr, dash, 2, 0);
        draw_line(cr, x, c->top, x, c->bottom);
        cairo_set_dash(cr, NULL, 0, 0);
        double half = get_width(cr, label) / 2;
        if (x - half < last_label) continue;
        set_colour(cr, pale_ink);
        draw_text(cr, x, c->top - gap_px / 2, 0.5, label);
        last_label = x + half + gap_px / 2;
    }
}

static void set_look(cairo_t *cr, const look *l) {
    set_colour(cr, l->line);
    cairo_set_line_width(cr, l->width_px);
    cairo_set_dash(cr, l->dash, l->dash[0] > 0 ? 2 : 0, 0);
}

/* Filled, with a white rim that parts it from the lines below. */
static void draw_marker(cairo_t *cr, const look *l, double x, double y) {
    double r = 3.4;
    cairo_new_path(cr);
    if (l->marker == 's')
        cairo_rectangle(cr, x - r, y - r, 2 * r, 2 * r);
    else
        cairo_arc(cr, x, y, r + 0.3, 0, 2 * acos(-1));
    set_colour(cr, l->line);
    cairo_fill_preserve(cr);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_set_line_width(cr, 0.9);
    cairo_set_dash(cr, NULL, 0, 0);
    cairo_stroke(cr);
}

/* Markers on more values than this would hide the line. */
static bool has_markers(const dnnb__series *s) {
    return looks[s->look].marker && s->n <= most_with_markers;
}

static double get_x(const dnnb__series *s, size_t i) {
    return s->x ? s->x[i] : (double)(i + 1);
}

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

/* A value between two gaps makes no line: a dot shows it. */
static bool is_alone(const dnnb__series *s, size_t i) {
    bool before = i > 0 && dnnb__axis_can_show(s->y[i - 1]);
    bool after = i + 1 < s->n && dnnb__axis_can_show(s->y[i + 1]);
    return !before && !after;
}

static void draw_series(const canvas *c, const dnnb__series *s) {
    cairo_t *cr = c->cr;
    const look *l = &looks[s->look];
    bool by_column = (double)s->n > 2 * (c->right - c->left);
    column col = {0};
    set_look(cr, l);
    cairo_new_path(cr);
    for (size_t i = 0; i < s->n; i++) {
        if (!dnnb__axis_can_show(s->y[i])) {
            column_draw(cr, &col);
            cairo_new_sub_path(cr);
            continue;
        }
        double x = to_x(c, get_x(s, i)), place = by_column ? floor(x) : (double)i;
        if (col.n && place != col.place) column_draw(cr, &col);
        col.place = place;
        column_add(&col, x, to_y(c, s->y[i]));
    }
    column_draw(cr, &col);
    cairo_stroke(cr);
    for (size_t i = 0; i < s->n; i++)
        if (dnnb__axis_can_show(s->y[i]) && (has_markers(s) || is_alone(s, i)))
            draw_marker(cr, l, to_x(c, get_x(s, i)), to_y(c, s->y[i]));
}

static double draw_legend_entry(cairo_t *cr, double x, double y, const dnnb__series *s) {
    const look *l = &looks[s->look];
    double length = 30, middle = y - 0.36 * label_size_px;
    set_look(cr, l);
    if (s->look == DNNB__LOOK_RAW) cairo_set_line_width(cr, 2); /* a hair line is hardly seen */
    draw_line(cr, x, middle, x + length, middle);
    cairo_set_dash(cr, NULL, 0, 0);
    if (has_markers(s)) draw_marker(cr, l, x + length / 2, middle);
    set_colour(cr, ink);
    draw_text(cr, x + length + gap_px, y, 0, s->name);
    return x + length + gap_px + get_width(cr, s->name) + 3 * gap_px;
}

/* In a row under the title, where it hides no value. */
static void draw_legend(const canvas *c) {
    const dnnb__figure *f = c->figure;
    if (!f->show_legend) return;
    double x = c->left, y = outer_px + title_size_px + gap_px + label_size_px;
    dnnb__series level = {.name = f->level_name, .look = DNNB__LOOK_LEVEL};
    set_font(c->cr, label_size_px, false);
    for (size_t s = 0; s < f->n_series; s++) x = draw_legend_entry(c->cr, x, y, &f->series[s]);
    if (dnnb__axis_can_show(f->level)) (void)draw_legend_entry(c->cr, x, y, &level);
}

static void draw_figure(cairo_t *cr, const dnnb__figure *f) {
    canvas c = {.cr = cr, .figure = f};
    /* Without hinting the same glyphs stand at the same places at every scale. */
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(cr, options);
    cairo_font_options_destroy(options);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    lay_out(&c);
    draw_axes(&c);
    draw_bounds(&c);
    draw_titles(&c);
    draw_legend(&c);
    if (!c.empty && dnnb__axis_can_show(f->level)) {
        set_look(cr, &looks[DNNB__LOOK_LEVEL]);
        draw_line(cr, c.left, to_y(&c, f->level), c.right, to_y(&c, f->level));
    }
    for (size_t s = 0; s < f->n_series && !c.empty; s++) draw_series(&c, &f->series[s]);
    set_colour(cr, pale_ink);
    set_font(cr, label_size_px, false);
    if (c.empty && f->empty_note)
        draw_text(cr, (c.left + c.right) / 2, (c.top + c.bottom) / 2, 0.5, f->empty_note);
    set_font(cr, small_size_px, false);
    if (f->note) draw_text(cr, c.right, outer_px + title_size_px, 1, f->note);
}

static cairo_status_t append_bytes(void *closure, const unsigned char *bytes, unsigned int n) {
    dnnb__buf *buf = closure;
    dnnb__buf_append(buf, bytes, n);
    return buf->status == DNNB_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static dnnb_status check_cairo(cairo_status_t status, const dnnb__buf *buf, const char *path) {
    DNNB_TRY(dnnb__buf_get_status(buf));
    if (status == CAIRO_STATUS_SUCCESS) return DNNB_OK;
    dnnb_status code = status == CAIRO_STATUS_NO_MEMORY        ? DNNB_ERR_MEMORY
                       : status == CAIRO_STATUS_INVALID_STRING ? DNNB_ERR_ARGUMENT
                                                               : DNNB_ERR_INTERNAL;
    return dnnb__fail(code, "%s: cannot draw: %s", path, cairo_status_to_string(status));
}

/* cairo numbers its surfaces over the life of the program ("surface17"): the number is taken out,
 * so that the bytes depend on the figure alone. */
static void drop_surface_number(dnnb__buf *buf) {
    static const char mark[] = "id=\"surface";
    char *at = buf->data ? strstr(buf->data, mark) : NULL;
    if (!at) return;
    char *from = at + sizeof mark - 1, *to = from;
    while (*from >= '0' && *from <= '9') from++;
    memmove(to, from, strlen(from) + 1);
    buf->n_bytes -= (size_t)(from - to);
}

static dnnb_status draw_svg(const dnnb__figure *f, dnnb__buf *buf, const char *path) {
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(
        append_bytes, buf, DNNB__FIGURE_WIDTH_PX, DNNB__FIGURE_HEIGHT_PX);
    cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
    cairo_t *cr = cairo_create(surface);
    draw_figure(cr, f);
    cairo_status_t drawn = cairo_status(cr);
    cairo_destroy(cr);
    cairo_surface_finish(surface);
    if (drawn == CAIRO_STATUS_SUCCESS) drawn = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    drop_surface_number(buf);
    return check_cairo(drawn, buf, path);
}

static dnnb_status draw_png(const dnnb__figure *f, dnnb__buf *buf, const char *path) {
    cairo_surface_t *surface = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, DNNB__FIGURE_WIDTH_PX * DNNB__FIGURE_PNG_SCALE,
        DNNB__FIGURE_HEIGHT_PX * DNNB__FIGURE_PNG_SCALE);
    cairo_t *cr = cairo_create(surface);
    cairo_scale(cr, DNNB__FIGURE_PNG_SCALE, DNNB__FIGURE_PNG_SCALE);
    draw_figure(cr, f);
    cairo_status_t drawn = cairo_status(cr);
    cairo_destroy(cr);
    if (drawn == CAIRO_STATUS_SUCCESS)
        drawn = cairo_surface_write_to_png_stream(surface, append_bytes, buf);
    cairo_surface_destroy(surface);
    return check_cairo(drawn, buf, path);
}

dnnb_status dnnb__figure_save(const dnnb__figure *figure, const char *path) {
    size_t n = strlen(path);
    const char *ending = n >= 4 ? path + n - 4 : "";
    bool svg = dnnb__text_equal_nocase(ending, ".svg");
    if (!svg && !dnnb__text_equal_nocase(ending, ".png"))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected the ending .svg or .png", path);
    dnnb__buf buf;
    dnnb__buf_init(&buf, (size_t)64 << 20);
    dnnb_status status = svg ? draw_svg(figure, &buf, path) : draw_png(figure, &buf, path);
    if (status == DNNB_OK) status = dnnb__file_write(path, buf.data, buf.n_bytes);
    dnnb__buf_destroy(&buf);
    return status;
}
