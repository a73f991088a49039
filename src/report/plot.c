/*
 * Plots as objects: their memory, their size, and the way to files and bytes.
 */
#include "report/plot.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"
#include "report/matrix.h"

enum {
    MOST_BYTES = 64 << 20,
    MOST_TEXT_BYTES = 1 << 20,
    LEAST_PX = 200,
    MOST_PX = 4000,
    NARROW_PX = 450
};

struct dnnb__plot_block {
    dnnb__plot_block *next;
    max_align_t bytes[];
};

/* ---- what a plot is made of ---- */

dnnb_status dnnb__plot_create(dnnb_plot **out, const char *id) {
    *out = dnnb__calloc(1, sizeof **out);
    if (!*out) return dnnb__fail_memory();
    (*out)->width_px = DNNB__PLOT_WIDTH_PX;
    (*out)->height_px = DNNB__PLOT_HEIGHT_PX;
    (void)snprintf((*out)->id, sizeof(*out)->id, "%s", id);
    return DNNB_OK;
}

void *dnnb__plot_alloc(dnnb_plot *plot, size_t n, size_t size) {
    size_t n_bytes;
    if (!dnnb__mul_size(n, size, &n_bytes) ||
        !dnnb__add_size(n_bytes, sizeof(dnnb__plot_block), &n_bytes))
        n_bytes = SIZE_MAX; /* fails below, with the message */
    dnnb__plot_block *block = dnnb__calloc(n_bytes, 1);
    if (!block) return NULL;
    block->next = plot->blocks;
    plot->blocks = block;
    return block->bytes;
}

const char *dnnb__plot_printf(dnnb_plot *plot, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = dnnb__plot_alloc(plot, n < 0 ? 1 : (size_t)n + 1, 1);
    if (!text || n < 0) return text;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

dnnb_status dnnb__plot_set_figure(dnnb_plot *plot, const dnnb__figure *figure) {
    dnnb__figure *copy = dnnb__plot_alloc(plot, 1, sizeof *copy);
    if (!copy) return dnnb__fail_memory();
    *copy = *figure;
    plot->title = figure->title;
    plot->figures = copy;
    plot->n_figures = 1;
    return DNNB_OK;
}

dnnb_status dnnb__plot_finish(dnnb_plot **out, dnnb_plot *plot, dnnb_status status) {
    if (status != DNNB_OK) {
        dnnb_plot_destroy(plot);
        plot = NULL;
    }
    *out = plot;
    return status;
}

void dnnb_plot_destroy(dnnb_plot *plot) {
    if (!plot) return;
    while (plot->blocks) {
        dnnb__plot_block *next = plot->blocks->next;
        dnnb__free(plot->blocks);
        plot->blocks = next;
    }
    dnnb__free(plot);
}

dnnb_status dnnb_plot_set_size(dnnb_plot *plot, size_t width_px, size_t height_px) {
    if (width_px < LEAST_PX || width_px > MOST_PX || height_px < LEAST_PX || height_px > MOST_PX)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "size of a plot: expected %d to %d pixels, found %zu x %zu", LEAST_PX,
                          MOST_PX, width_px, height_px);
    plot->width_px = width_px;
    plot->height_px = height_px;
    return DNNB_OK;
}

void dnnb_plot_get_size(const dnnb_plot *plot, size_t *width_px, size_t *height_px) {
    *width_px = plot->width_px;
    *height_px = plot->height_px;
}

dnnb_status dnnb_plot_set_id(dnnb_plot *plot, const char *id) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] = "0123456789-_";
    size_t n = 0;
    while (id[n] && (strchr(letters, id[n]) || (n > 0 && strchr(others, id[n])))) n++;
    if (n == 0 || id[n] || n >= sizeof plot->id)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "identifier of a plot: expected at most %zu letters, digits, '-' and '_' "
                          "that begin with a letter, found '%s'",
                          sizeof plot->id - 1, id);
    memcpy(plot->id, id, n + 1);
    return DNNB_OK;
}

/* ---- drawing ---- */

/* Panels in rows as wide as they are high, or nearly. */
static size_t choose_n_columns(const dnnb_plot *plot, double height_px) {
    size_t best = 1;
    double best_side = 0;
    for (size_t n_columns = 1; n_columns <= plot->n_figures; n_columns++) {
        size_t n_rows = (plot->n_figures + n_columns - 1) / n_columns;
        double side = fmin((double)plot->width_px / (double)n_columns, height_px / (double)n_rows);
        if (side <= best_side * 1.001) continue;
        best = n_columns;
        best_side = side;
    }
    return best;
}

static double draw_heading(dnnb__canvas *canvas, const dnnb_plot *plot) {
    double y = DNNB__OUTER_PX + DNNB__TITLE_SIZE_PX, left = DNNB__OUTER_PX;
    double room = (double)plot->width_px - 2 * DNNB__OUTER_PX;
    char text[DNNB__TEXT_BYTES];
    dnnb__set_font(canvas, DNNB__TITLE_SIZE_PX, true);
    dnnb__set_colour(canvas, dnnb__ink);
    dnnb__text_shorten(canvas, text, plot->title, room);
    dnnb__text_draw(canvas, left, y, 0, text);
    if (plot->note) {
        y += DNNB__GAP_PX + DNNB__SMALL_SIZE_PX;
        dnnb__set_font(canvas, DNNB__SMALL_SIZE_PX, false);
        dnnb__set_colour(canvas, dnnb__pale_ink);
        dnnb__text_shorten(canvas, text, plot->note, room);
        dnnb__text_draw(canvas, left, y, 0, text);
    }
    return y;
}

static void draw_panels(dnnb__canvas *canvas, const dnnb_plot *plot) {
    double top = draw_heading(canvas, plot) + DNNB__OUTER_PX;
    double height_px = (double)plot->height_px - top - DNNB__OUTER_PX;
    size_t n_columns = choose_n_columns(plot, height_px);
    size_t n_rows = (plot->n_figures + n_columns - 1) / n_columns;
    double panel_width_px = ((double)plot->width_px - 2 * DNNB__OUTER_PX) / (double)n_columns;
    double panel_height_px = height_px / (double)n_rows;
    for (size_t i = 0; i < plot->n_figures; i++) {
        double left = DNNB__OUTER_PX + panel_width_px * (double)(i % n_columns);
        double panel_top = top + panel_height_px * (double)(i / n_columns);
        dnnb__box box = {left, panel_top, left + panel_width_px,
                         panel_top + panel_height_px - DNNB__GAP_PX};
        dnnb__figure_draw(canvas, &plot->figures[i], box, DNNB__LABEL_SIZE_PX);
    }
}

static void draw(dnnb__canvas *canvas, const void *what) {
    const dnnb_plot *plot = what;
    dnnb__box box = {DNNB__OUTER_PX, DNNB__OUTER_PX, (double)plot->width_px - DNNB__OUTER_PX,
                     (double)plot->height_px - DNNB__OUTER_PX};
    if (plot->matrix)
        dnnb__matrix_draw(canvas, plot->matrix, box);
    else if (plot->n_figures == 1)
        dnnb__figure_draw(canvas, plot->figures, box,
                          plot->width_px < NARROW_PX ? DNNB__LABEL_SIZE_PX : DNNB__TITLE_SIZE_PX);
    else
        draw_panels(canvas, plot);
}

static dnnb_status describe(dnnb__buf *out, const dnnb_plot *plot) {
    if (plot->note) dnnb__buf_printf(out, " %s.", plot->note);
    if (plot->matrix) dnnb__matrix_describe(out, plot->matrix);
    for (size_t i = 0; i < plot->n_figures; i++) dnnb__figure_describe(out, &plot->figures[i]);
    dnnb__buf_append(out, "", 0);
    return dnnb__buf_get_status(out);
}

static dnnb_status draw_to(dnnb__buf *out, const dnnb_plot *plot, dnnb_plot_format format,
                           const char *name) {
    dnnb__buf description;
    dnnb__buf_init(&description, MOST_TEXT_BYTES);
    dnnb_status status = describe(&description, plot);
    const dnnb__picture picture = {.width_px = (double)plot->width_px,
                                   .height_px = (double)plot->height_px,
                                   .title = plot->title,
                                   .description = description.data ? description.data + 1 : "",
                                   .id = plot->id,
                                   .name = name,
                                   .draw = draw,
                                   .what = plot};
    if (status == DNNB_OK) status = dnnb__picture_draw(out, &picture, format);
    dnnb__buf_destroy(&description);
    return status;
}

dnnb_status dnnb_plot_draw(const dnnb_plot *plot, dnnb_plot_format format, char **bytes,
                           size_t *n_bytes) {
    dnnb__buf buf;
    *bytes = NULL;
    *n_bytes = 0;
    dnnb__buf_init(&buf, MOST_BYTES);
    dnnb_status status = draw_to(&buf, plot, format, plot->id);
    if (status == DNNB_OK) {
        *bytes = buf.data; /* allocated as dnnb_free() takes it */
        *n_bytes = buf.n_bytes;
        return DNNB_OK;
    }
    dnnb__buf_destroy(&buf);
    return status;
}

dnnb_status dnnb_plot_save(const dnnb_plot *plot, const char *path) {
    static const struct {
        const char *ending;
        dnnb_plot_format format;
    } formats[] = {{".svg", DNNB_PLOT_SVG}, {".png", DNNB_PLOT_PNG}, {".pdf", DNNB_PLOT_PDF}};
    size_t n = strlen(path), i = 0;
    const char *ending = n >= 4 ? path + n - 4 : "";
    while (i < 3 && !dnnb__text_equal_nocase(ending, formats[i].ending)) i++;
    if (i == 3)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected the ending .svg, .png or .pdf", path);
    dnnb__buf buf;
    dnnb__buf_init(&buf, MOST_BYTES);
    dnnb_status status = draw_to(&buf, plot, formats[i].format, path);
    if (status == DNNB_OK) status = dnnb__file_write(path, buf.data, buf.n_bytes);
    dnnb__buf_destroy(&buf);
    return status;
}
