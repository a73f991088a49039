/*
 * Drawing a confusion matrix.
 *
 * Method: a cell's darkness is its share of the row's images, in shades of one hue that darken
 * evenly, so that grey print keeps their order; its text is white on the dark ones. Texts become
 * smaller, then fewer, then none as cells shrink; the same holds for the names of the classes, in
 * whose place stand numbers at last. Cells of one shade are one path, and empty ones are not drawn,
 * so that two hundred classes make no large file.
 */
#include "report/matrix.h"

#include <math.h>
#include <stdio.h>

#include "report/axis.h"

static const double bar_px = 14, bar_room_px = 84, name_share = 0.24, most_name_px = 170;
static const double least_font_px = 8, least_name_cell_px = 10, number_room_px = 40,
                    grid_cell_px = 11, turned_cell_px = 17;
static const dnnb__colour no_images = {0.93, 0.93, 0.93};
enum { N_SHADES = 64, FEW_CLASSES = 10 };

/* How the classes are named along the lower edge. */
typedef enum name_way { NAMES_ACROSS, NAMES_SLANTED, NAMES_UPRIGHT, NAMES_NONE } name_way;

typedef struct layout {
    dnnb__canvas *canvas;
    const dnnb__matrix *matrix;
    dnnb__box box, cells;
    double cell_px, name_font_px, name_px; /* the longest name's width, as far as it is shown */
    name_way way;
    double font_px; /* of the cells' counts; 0 where they do not fit */
    bool has_percents;
} layout;

/* White to dark blue in two straight lines; the luminance falls all the way. */
static dnnb__colour get_shade(double share) {
    static const dnnb__colour stops[] = {{1, 1, 1}, {0.42, 0.68, 0.84}, {0.03, 0.19, 0.42}};
    size_t i = share >= 0.5;
    double t = 2 * share - (double)i;
    const dnnb__colour *a = &stops[i], *b = &stops[i + 1];
    return (dnnb__colour){a->red + t * (b->red - a->red), a->green + t * (b->green - a->green),
                          a->blue + t * (b->blue - a->blue)};
}

static size_t get_step(double share) {
    return (size_t)(share * (double)(N_SHADES - 1) + 0.5);
}

static double linear(double channel) {
    return channel <= 0.04045 ? channel / 12.92 : pow((channel + 0.055) / 1.055, 2.4);
}

/* True when white stands out more from a colour than ink does (WCAG 2, contrast ratio). */
static bool needs_white(dnnb__colour c) {
    double light = 0.2126 * linear(c.red) + 0.7152 * linear(c.green) + 0.0722 * linear(c.blue);
    double ink = linear(dnnb__ink.red);
    return 1.05 / (light + 0.05) > (light + 0.05) / (ink + 0.05);
}

static size_t get_count(const dnnb__matrix *m, size_t row, size_t column) {
    return m->counts[row * m->n_classes + column];
}

static double get_share(const dnnb__matrix *m, size_t row, size_t column) {
    size_t n = m->n_of_row[row];
    return n ? (double)get_count(m, row, column) / (double)n : 0;
}

/* ---- layout ---- */

/* A class's name, as far as there is room; its number where no font has its letters. */
static void write_name(const layout *l, char out[DNNB__TEXT_BYTES], size_t i, double most_px) {
    if (dnnb__text_can_draw(l->canvas, l->matrix->names[i]))
        dnnb__text_shorten(l->canvas, out, l->matrix->names[i], most_px);
    else
        (void)snprintf(out, DNNB__TEXT_BYTES, "class %zu", i);
}

static double find_longest_name(const layout *l) {
    double longest = 0;
    char text[DNNB__TEXT_BYTES];
    for (size_t i = 0; i < l->matrix->n_classes; i++) {
        write_name(l, text, i, INFINITY);
        longest = fmax(longest, dnnb__text_get_width(l->canvas, text));
    }
    return longest;
}

static void choose_names(layout *l, double most_px) {
    if (l->cell_px < least_name_cell_px) {
        l->way = NAMES_NONE;
        l->name_font_px = DNNB__SMALL_SIZE_PX;
        dnnb__set_font(l->canvas, l->name_font_px, false);
        l->name_px = dnnb__text_get_width(l->canvas, "0000");
        return;
    }
    l->name_font_px = fmin(DNNB__LABEL_SIZE_PX, fmax(least_font_px, 0.75 * l->cell_px));
    dnnb__set_font(l->canvas, l->name_font_px, false);
    double longest = find_longest_name(l);
    l->name_px = fmin(longest, most_px);
    l->way = longest + DNNB__GAP_PX <= l->cell_px ? NAMES_ACROSS
             : l->cell_px >= turned_cell_px       ? NAMES_SLANTED
                                                  : NAMES_UPRIGHT;
}

/* Height that the names along the lower edge take. */
static double get_names_height(const layout *l) {
    return l->way == NAMES_ACROSS    ? l->name_font_px
           : l->way == NAMES_SLANTED ? l->name_px * sqrt(0.5) + l->name_font_px
           : l->way == NAMES_UPRIGHT ? l->name_px
                                     : DNNB__LABEL_SIZE_PX;
}

/* The counts' largest font with which every text stays within its cell. */
static void choose_cell_texts(layout *l) {
    static const double fonts_px[] = {20, 17, 15, 13, 11, 10, 9, 8};
    const dnnb__matrix *m = l->matrix;
    size_t largest = 0;
    char text[32];
    for (size_t i = 0; i < m->n_classes * m->n_classes; i++)
        if (m->counts[i] > largest) largest = m->counts[i];
    (void)snprintf(text, sizeof text, "%zu", largest);
    for (int with_percents = 1; with_percents >= 0; with_percents--)
        for (size_t i = 0; i < sizeof fonts_px / sizeof fonts_px[0]; i++) {
            double font_px = fonts_px[i];
            dnnb__set_font(l->canvas, font_px, false);
            double width = dnnb__text_get_width(l->canvas, text);
            if (with_percents) width = fmax(width, dnnb__text_get_width(l->canvas, ">99%"));
            bool fits =
                width + 4 <= l->cell_px && (with_percents ? 2.9 : 1.5) * font_px <= l->cell_px;
            if (!fits) continue;
            l->font_px = font_px;
            l->has_percents = with_percents;
            return;
        }
    l->font_px = 0;
}

/* The names decide what is left for the cells, whose size decides how the names are written. */
static void lay_out(layout *l) {
    const dnnb__matrix *m = l->matrix;
    double width = l->box.right - l->box.left, height = l->box.bottom - l->box.top;
    double most_name = fmin(most_name_px, name_share * fmin(width, height)), side = 0;
    double heading = DNNB__TITLE_SIZE_PX + 2 * DNNB__GAP_PX;
    double labels = DNNB__LABEL_SIZE_PX + 2 * DNNB__GAP_PX;
    if (m->note) heading += DNNB__SMALL_SIZE_PX + DNNB__GAP_PX;
    l->cell_px = (fmin(width, height) - most_name) / (double)m->n_classes;
    for (int pass = 0; pass < 3; pass++) {
        choose_names(l, most_name);
        side = fmin(width - labels - l->name_px - bar_room_px,
                    height - heading - labels - get_names_height(l) - DNNB__GAP_PX);
        side = fmax(side, 1);
        l->cell_px = side / (double)m->n_classes;
        if (l->cell_px >= 4) l->cell_px = floor(l->cell_px); /* sharp edges, short numbers */
    }
    side = l->cell_px * (double)m->n_classes;
    l->cells.left = ceil(l->box.left + labels + l->name_px);
    l->cells.top = ceil(l->box.top + heading);
    l->cells.right = l->cells.left + side;
    l->cells.bottom = l->cells.top + side;
    choose_cell_texts(l);
}

/* ---- drawing ---- */

static void add_cell(const layout *l, size_t row, size_t column) {
    cairo_rectangle(l->canvas->cr, l->cells.left + (double)column * l->cell_px,
                    l->cells.top + (double)row * l->cell_px, l->cell_px, l->cell_px);
}

static void fill_rows_without_images(const layout *l) {
    const dnnb__matrix *m = l->matrix;
    for (size_t row = 0; row < m->n_classes; row++)
        if (m->n_of_row[row] == 0)
            cairo_rectangle(l->canvas->cr, l->cells.left, l->cells.top + (double)row * l->cell_px,
                            l->cells.right - l->cells.left, l->cell_px);
    dnnb__set_colour(l->canvas, no_images);
    cairo_fill(l->canvas->cr);
}

/* A cell that holds images. */
typedef struct filled {
    size_t row, column, step;
} filled;

static size_t gather_filled(const dnnb__matrix *m, filled *out) {
    size_t n = 0;
    for (size_t row = 0; row < m->n_classes; row++)
        for (size_t column = 0; column < m->n_classes; column++) {
            if (get_count(m, row, column) == 0) continue;
            if (out) out[n] = (filled){row, column, get_step(get_share(m, row, column))};
            n++;
        }
    return n;
}

static void fill_cells(const layout *l) {
    size_t n = gather_filled(l->matrix, NULL);
    filled *cells = dnnb__alloc(n, sizeof *cells);
    if (!cells) {
        l->canvas->status = CAIRO_STATUS_NO_MEMORY;
        return;
    }
    (void)gather_filled(l->matrix, cells);
    for (size_t step = 1; step < N_SHADES; step++) {
        for (size_t i = 0; i < n; i++)
            if (cells[i].step == step) add_cell(l, cells[i].row, cells[i].column);
        dnnb__set_colour(l->canvas, get_shade((double)step / (N_SHADES - 1)));
        cairo_fill(l->canvas->cr);
    }
    dnnb__free(cells);
}

static void draw_grid(const layout *l) {
    const dnnb__box *c = &l->cells;
    cairo_set_line_width(l->canvas->cr, 1);
    dnnb__set_colour(l->canvas, dnnb__grid);
    for (size_t i = 1; i < l->matrix->n_classes && l->cell_px >= grid_cell_px; i++) {
        double at = (double)i * l->cell_px;
        dnnb__draw_line(l->canvas, c->left + at, c->top, c->left + at, c->bottom);
        dnnb__draw_line(l->canvas, c->left, c->top + at, c->right, c->top + at);
    }
    dnnb__set_colour(l->canvas, dnnb__pale_ink);
    cairo_rectangle(l->canvas->cr, c->left, c->top, c->right - c->left, c->bottom - c->top);
    cairo_stroke(l->canvas->cr);
}

/* Whole percents, and never 0% or 100% of what is not. */
static void write_percent(char out[16], size_t count, size_t n) {
    double percent = 100 * (double)count / (double)n;
    if (count > 0 && percent < 0.5)
        (void)snprintf(out, 16, "<1%%");
    else if (count < n && percent >= 99.5)
        (void)snprintf(out, 16, ">99%%");
    else
        (void)snprintf(out, 16, "%.0f%%", percent);
}

static void draw_cell_text(const layout *l, size_t row, size_t column) {
    const dnnb__matrix *m = l->matrix;
    size_t count = get_count(m, row, column);
    double x = l->cells.left + ((double)column + 0.5) * l->cell_px;
    double y = l->cells.top + ((double)row + 0.5) * l->cell_px + 0.36 * l->font_px;
    bool has_percent = l->has_percents && count > 0;
    char text[32], percent[16];
    if (count == 0 && m->n_classes > FEW_CLASSES) return; /* many zeros hide the rest */
    dnnb__colour shade = get_shade(get_share(m, row, column));
    dnnb__set_colour(l->canvas, needs_white(shade) ? dnnb__white
                                : count            ? dnnb__ink
                                                   : dnnb__pale_ink);
    (void)snprintf(text, sizeof text, "%zu", count);
    if (has_percent) y -= 0.62 * l->font_px;
    dnnb__set_font(l->canvas, l->font_px, false);
    dnnb__text_draw(l->canvas, x, y, 0.5, text);
    if (!has_percent) return;
    write_percent(percent, count, m->n_of_row[row]);
    dnnb__set_font(l->canvas, 0.85 * l->font_px, false);
    dnnb__text_draw(l->canvas, x, y + 1.25 * l->font_px, 0.5, percent);
}

/* The names, or numbers with round steps between them. */
static void draw_names(const layout *l) {
    const dnnb__matrix *m = l->matrix;
    double below = l->cells.bottom + DNNB__GAP_PX / 2.0,
           beside = l->cells.left - DNNB__GAP_PX / 2.0;
    size_t step = 1;
    char text[DNNB__TEXT_BYTES];
    if (l->way == NAMES_NONE) step = (size_t)dnnb__axis_round_step(number_room_px / l->cell_px);
    dnnb__set_colour(l->canvas, dnnb__ink);
    dnnb__set_font(l->canvas, l->name_font_px, false);
    for (size_t i = 0; i < m->n_classes; i += step) {
        double at = ((double)i + 0.5) * l->cell_px, x = l->cells.left + at;
        if (l->way == NAMES_NONE)
            (void)snprintf(text, sizeof text, "%zu", i);
        else
            write_name(l, text, i, l->name_px);
        dnnb__text_draw(l->canvas, beside, l->cells.top + at + 0.36 * l->name_font_px, 1, text);
        if (l->way == NAMES_SLANTED)
            dnnb__text_draw_turned(l->canvas, x + 0.3 * l->name_font_px,
                                   below + 0.75 * l->name_font_px, 1, 45, text);
        else if (l->way == NAMES_UPRIGHT)
            dnnb__text_draw_turned(l->canvas, x + 0.36 * l->name_font_px, below, 1, 90, text);
        else
            dnnb__text_draw(l->canvas, x, below + l->name_font_px, 0.5, text);
    }
}

static void draw_titles(const layout *l) {
    const dnnb__box *c = &l->cells;
    const char *what = l->way == NAMES_NONE ? "%s class (by its label)" : "%s class";
    char text[DNNB__TEXT_BYTES], label[64];
    double y = l->box.top + DNNB__TITLE_SIZE_PX, room = l->box.right - l->box.left;
    dnnb__set_colour(l->canvas, dnnb__ink);
    dnnb__set_font(l->canvas, DNNB__TITLE_SIZE_PX, true);
    dnnb__text_shorten(l->canvas, text, l->matrix->title, room);
    dnnb__text_draw(l->canvas, l->box.left, y, 0, text);
    dnnb__set_font(l->canvas, DNNB__LABEL_SIZE_PX, false);
    (void)snprintf(label, sizeof label, what, "true");
    dnnb__text_draw_turned(l->canvas, l->box.left + DNNB__LABEL_SIZE_PX, (c->top + c->bottom) / 2,
                           0.5, 90, label);
    (void)snprintf(label, sizeof label, what, "predicted");
    dnnb__text_draw(l->canvas, (c->left + c->right) / 2,
                    c->bottom + get_names_height(l) + 1.5 * DNNB__GAP_PX + DNNB__LABEL_SIZE_PX, 0.5,
                    label);
    if (!l->matrix->note) return;
    dnnb__set_colour(l->canvas, dnnb__pale_ink);
    dnnb__set_font(l->canvas, DNNB__SMALL_SIZE_PX, false);
    dnnb__text_shorten(l->canvas, text, l->matrix->note, room);
    dnnb__text_draw(l->canvas, l->box.left, y + DNNB__GAP_PX + DNNB__SMALL_SIZE_PX, 0, text);
}

/* What the shades mean. Each piece reaches down to the end, so that no seam is seen. */
static void draw_bar(const layout *l) {
    const dnnb__box *c = &l->cells;
    cairo_t *cr = l->canvas->cr;
    double left = c->right + 2 * DNNB__GAP_PX, height = c->bottom - c->top;
    for (int i = N_SHADES - 1; i >= 0; i--) {
        double top = c->bottom - height * (double)(i + 1) / N_SHADES;
        cairo_rectangle(cr, left, top, bar_px, c->bottom - top);
        dnnb__set_colour(l->canvas, get_shade((double)i / (N_SHADES - 1)));
        cairo_fill(cr);
    }
    dnnb__set_colour(l->canvas, dnnb__pale_ink);
    cairo_set_line_width(cr, 1);
    cairo_rectangle(cr, left, c->top, bar_px, height);
    cairo_stroke(cr);
    dnnb__set_colour(l->canvas, dnnb__ink);
    dnnb__set_font(l->canvas, DNNB__SMALL_SIZE_PX, false);
    for (int percent = 0; percent <= 100; percent += 25) {
        char text[16];
        double y = c->bottom - height * percent / 100;
        (void)snprintf(text, sizeof text, "%d%%", percent);
        dnnb__draw_line(l->canvas, left + bar_px, y, left + bar_px + DNNB__TICK_PX, y);
        dnnb__text_draw(l->canvas, left + bar_px + DNNB__TICK_PX + DNNB__GAP_PX / 2.0,
                        y + 0.36 * DNNB__SMALL_SIZE_PX, 0, text);
    }
    dnnb__text_draw_turned(l->canvas, l->cells.right + bar_room_px, (c->top + c->bottom) / 2, 0.5,
                           90, "share of the true class");
}

void dnnb__matrix_draw(dnnb__canvas *canvas, const dnnb__matrix *matrix, dnnb__box box) {
    layout l = {.canvas = canvas, .matrix = matrix, .box = box};
    lay_out(&l);
    fill_rows_without_images(&l);
    fill_cells(&l);
    draw_grid(&l);
    for (size_t row = 0; row < matrix->n_classes && l.font_px > 0; row++)
        for (size_t column = 0; column < matrix->n_classes; column++)
            draw_cell_text(&l, row, column);
    draw_names(&l);
    draw_titles(&l);
    draw_bar(&l);
}

/* ---- in sentences ---- */

enum { MOST_TOLD = 10 };

void dnnb__matrix_describe(dnnb__buf *out, const dnnb__matrix *m) {
    if (m->note) dnnb__buf_printf(out, " %s.", m->note);
    dnnb__buf_printf(out, " Rows: the true class. Columns: the predicted class.");
    for (size_t i = 0; i < m->n_classes && i < MOST_TOLD; i++)
        dnnb__buf_printf(out, " %s: %zu of %zu right.", m->names[i], get_count(m, i, i),
                         m->n_of_row[i]);
    if (m->n_classes > MOST_TOLD)
        dnnb__buf_printf(out, " And %zu classes more.", m->n_classes - MOST_TOLD);
}
