/*
 * From a drawing to the bytes of a picture.
 *
 * Method: cairo draws, and what it leaves open is put right in the bytes of an SVG: its identifiers
 * get a prefix and lose a number that counts up over the life of the program, and a title and a
 * description are added for readers who cannot see it.
 */
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <string.h>

#include "image/png_write.h"
#include "report/canvas.h"

enum { MOST_PICTURE_BYTES = 64 << 20 };
static const double pixels_per_inch = 96, points_per_inch = 72;

const dnnb__colour dnnb__white = {1, 1, 1}, dnnb__ink = {0.13, 0.13, 0.13},
                   dnnb__pale_ink = {0.38, 0.38, 0.38}, dnnb__grid = {0.89, 0.89, 0.89};

void dnnb__set_colour(dnnb__canvas *c, dnnb__colour colour) {
    cairo_set_source_rgb(c->cr, colour.red, colour.green, colour.blue);
}

void dnnb__set_colour_alpha(dnnb__canvas *c, dnnb__colour colour, double alpha) {
    cairo_set_source_rgba(c->cr, colour.red, colour.green, colour.blue, alpha);
}

void dnnb__draw_line(dnnb__canvas *c, double x0, double y0, double x1, double y1) {
    cairo_move_to(c->cr, x0, y0);
    cairo_line_to(c->cr, x1, y1);
    cairo_stroke(c->cr);
}

static dnnb_status check_cairo(cairo_status_t status, const dnnb__buf *bytes, const char *name) {
    DNNB_TRY(dnnb__buf_get_status(bytes));
    if (status == CAIRO_STATUS_SUCCESS) return DNNB_OK;
    dnnb_status code = status == CAIRO_STATUS_NO_MEMORY        ? DNNB_ERR_MEMORY
                       : status == CAIRO_STATUS_INVALID_STRING ? DNNB_ERR_ARGUMENT
                                                               : DNNB_ERR_INTERNAL;
    return dnnb__fail(code, "%s: cannot draw: %s", name, cairo_status_to_string(status));
}

static cairo_status_t draw_on(cairo_surface_t *surface, double scale, const dnnb__picture *p) {
    dnnb__canvas canvas = {.cr = cairo_create(surface)};
    cairo_t *cr = canvas.cr;
    /* Without hinting the same glyphs stand at the same places at every scale. */
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(cr, options);
    cairo_font_options_destroy(options);
    cairo_scale(cr, scale, scale);
    dnnb__set_colour(&canvas, dnnb__white);
    cairo_paint(cr);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    dnnb__set_font(&canvas, DNNB__LABEL_SIZE_PX, false);
    p->draw(&canvas, p->what);
    cairo_status_t status = cairo_status(cr);
    if (status == CAIRO_STATUS_SUCCESS) status = canvas.status;
    cairo_font_face_destroy(canvas.spare);
    cairo_destroy(cr);
    return status;
}

static cairo_status_t append_bytes(void *closure, const unsigned char *bytes, unsigned int n) {
    dnnb__buf *buf = closure;
    dnnb__buf_append(buf, bytes, n);
    return buf->status == DNNB_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

/* Draw on a surface that writes as it goes, and destroy it. */
static dnnb_status draw_stream(cairo_surface_t *surface, double scale, const dnnb__picture *p,
                               const dnnb__buf *bytes) {
    cairo_status_t drawn = draw_on(surface, scale, p);
    cairo_surface_finish(surface);
    if (drawn == CAIRO_STATUS_SUCCESS) drawn = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return check_cairo(drawn, bytes, p->name);
}

static dnnb_status draw_png(dnnb__buf *out, const dnnb__picture *p) {
    size_t width_px = (size_t)(p->width_px * DNNB_PLOT_PNG_SCALE);
    size_t height_px = (size_t)(p->height_px * DNNB_PLOT_PNG_SCALE);
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width_px, (int)height_px);
    dnnb_status status = check_cairo(draw_on(surface, DNNB_PLOT_PNG_SCALE, p), out, p->name);
    if (status == DNNB_OK) {
        cairo_surface_flush(surface);
        const dnnb__bgrx image = {.pixels = cairo_image_surface_get_data(surface),
                                  .width_px = width_px,
                                  .height_px = height_px,
                                  .stride_bytes = (size_t)cairo_image_surface_get_stride(surface),
                                  .pixels_per_inch = pixels_per_inch * DNNB_PLOT_PNG_SCALE};
        status = dnnb__png_write(out, &image);
    }
    cairo_surface_destroy(surface);
    return status;
}

static dnnb_status draw_pdf(dnnb__buf *out, const dnnb__picture *p) {
    double scale = points_per_inch / pixels_per_inch;
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(
        append_bytes, out, p->width_px * scale, p->height_px * scale);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, p->title);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_SUBJECT, p->description);
    /* Without a date: the same plot has the same bytes tomorrow. */
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "");
    return draw_stream(surface, scale, p, out);
}

/* Text within XML. */
static void append_escaped(dnnb__buf *out, const char *text) {
    for (; *text; text++) {
        const char *escape = *text == '&'                   ? "&amp;"
                             : *text == '<'                 ? "&lt;"
                             : *text == '>'                 ? "&gt;"
                             : (unsigned char)*text < 0x20u ? " "
                                                            : NULL;
        if (escape)
            dnnb__buf_append(out, escape, strlen(escape));
        else
            dnnb__buf_append(out, text, 1);
    }
}

/* Bytes of `mark` when text begins with it, 0 otherwise. */
static size_t begins(const char *text, const char *mark) {
    size_t n = strlen(mark);
    return strncmp(text, mark, n) == 0 ? n : 0;
}

/* Where cairo names a thing or points to one, the prefix follows. */
static size_t find_identifier(const char *at) {
    static const char *const marks[] = {"id=\"", "href=\"#", "url(#"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (begins(at, marks[i])) return strlen(marks[i]);
    return 0;
}

static void append_identified(dnnb__buf *out, const char *svg, const char *id) {
    const char *from = svg, *at = svg;
    while (*at) {
        size_t n = *at == 'i' || *at == 'h' || *at == 'u' ? find_identifier(at) : 0;
        if (n == 0) {
            at++;
            continue;
        }
        at += n;
        dnnb__buf_append(out, from, (size_t)(at - from));
        dnnb__buf_printf(out, "%s-", id);
        size_t n_surface = begins(at, "surface");
        dnnb__buf_append(out, at, n_surface);
        at += n_surface;
        if (n_surface) at += strspn(at, "0123456789");
        from = at;
    }
    dnnb__buf_append(out, from, (size_t)(at - from));
}

static void append_svg(dnnb__buf *out, const dnnb__picture *p, const char *svg, bool is_inline) {
    const char *root = strstr(svg, "<svg "), *content = root ? strchr(root, '>') : NULL;
    if (!content) return;
    if (!is_inline) dnnb__buf_append(out, svg, (size_t)(root - svg));
    dnnb__buf_append(out, root, (size_t)(content - root));
    dnnb__buf_printf(out, " role=\"img\" aria-labelledby=\"%s-title %s-description\">\n", p->id,
                     p->id);
    dnnb__buf_printf(out, "<title id=\"%s-title\">", p->id);
    append_escaped(out, p->title);
    dnnb__buf_printf(out, "</title>\n<desc id=\"%s-description\">", p->id);
    append_escaped(out, p->description);
    dnnb__buf_printf(out, "</desc>");
    append_identified(out, content + 1, p->id);
}

static dnnb_status draw_svg(dnnb__buf *out, const dnnb__picture *p, bool is_inline) {
    dnnb__buf svg;
    dnnb__buf_init(&svg, MOST_PICTURE_BYTES);
    cairo_surface_t *surface =
        cairo_svg_surface_create_for_stream(append_bytes, &svg, p->width_px, p->height_px);
    cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
    dnnb_status status = draw_stream(surface, 1, p, &svg);
    if (status == DNNB_OK) append_svg(out, p, svg.data, is_inline);
    dnnb__buf_destroy(&svg);
    return status == DNNB_OK ? dnnb__buf_get_status(out) : status;
}

dnnb_status dnnb__picture_draw(dnnb__buf *out, const dnnb__picture *picture,
                               dnnb_plot_format format) {
    if (format == DNNB_PLOT_PNG) return draw_png(out, picture);
    if (format == DNNB_PLOT_PDF) return draw_pdf(out, picture);
    return draw_svg(out, picture, format == DNNB_PLOT_SVG_INLINE);
}
