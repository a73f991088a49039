/*
 * What plots are drawn on: text, lines and shapes in pixels of an SVG, and the bytes of a picture.
 *
 * The same drawing gives SVG, PDF (three quarters of a point a pixel) and PNG (at a larger scale).
 * Text is drawn as outlines of glyphs, so that a picture looks alike where the font is missing.
 */
#ifndef DNNB_REPORT_CANVAS_H
#define DNNB_REPORT_CANVAS_H

#include <cairo.h>
#include <stdbool.h>

#include "core/mem.h"
#include "dnnbrain/plot.h"

enum { DNNB__LABEL_SIZE_PX = 13, DNNB__TITLE_SIZE_PX = 16, DNNB__SMALL_SIZE_PX = 11 };
/** Space around a picture, between its parts, and the length of a tick. */
enum { DNNB__OUTER_PX = 14, DNNB__GAP_PX = 8, DNNB__TICK_PX = 4 };

typedef struct dnnb__colour {
    double red, green, blue;
} dnnb__colour;

extern const dnnb__colour dnnb__white, dnnb__ink, dnnb__pale_ink, dnnb__grid;

typedef struct dnnb__canvas {
    cairo_t *cr;
    cairo_font_face_t *face;  /* of the font that is set; borrowed */
    cairo_font_face_t *spare; /* the last one taken for characters that it lacks; NULL for none */
    cairo_status_t status;    /* of text that could not be drawn */
} dnnb__canvas;

/** A part of a canvas. */
typedef struct dnnb__box {
    double left, top, right, bottom;
} dnnb__box;

typedef void (*dnnb__draw_fn)(dnnb__canvas *canvas, const void *what);

/** A picture to be made of a drawing. */
typedef struct dnnb__picture {
    double width_px, height_px;
    const char *title, *description; /* for who cannot see it, and for catalogues; UTF-8 */
    const char *id;   /* begins the identifiers of an SVG: it must differ within one page */
    const char *name; /* for messages */
    dnnb__draw_fn draw;
    const void *what;
} dnnb__picture;

/** Append the picture's bytes, which are a function of the picture alone.
 *  @error DNNB_ERR_ARGUMENT text that is no UTF-8; DNNB_ERR_MEMORY. */
DNNB_MUST_CHECK dnnb_status dnnb__picture_draw(dnnb__buf *out, const dnnb__picture *picture,
                                               dnnb_plot_format format);

void dnnb__set_colour(dnnb__canvas *canvas, dnnb__colour colour);
/** @param alpha 0 cannot be seen, 1 hides what is below. */
void dnnb__set_colour_alpha(dnnb__canvas *canvas, dnnb__colour colour, double alpha);
void dnnb__draw_line(dnnb__canvas *canvas, double x0, double y0, double x1, double y1);

/** DejaVu Sans. Characters that it lacks are taken from a font that has them; those that no font
 *  has become '?'. */
void dnnb__set_font(dnnb__canvas *canvas, double size_px, bool bold);
double dnnb__text_get_width(dnnb__canvas *canvas, const char *text);
/** Text whose baseline is at y; `align` is 0 for its left end at x, 0.5 its middle, 1 its right. */
void dnnb__text_draw(dnnb__canvas *canvas, double x, double y, double align, const char *text);
/** The same, turned about (x, y) against the clock. */
void dnnb__text_draw_turned(dnnb__canvas *canvas, double x, double y, double align, double degrees,
                            const char *text);
/** True when some font here has every character. */
bool dnnb__text_can_draw(dnnb__canvas *canvas, const char *text);

enum { DNNB__TEXT_BYTES = 256 };
/** `text` in `out`, its end replaced by an ellipsis where it is wider than `most_px`. */
void dnnb__text_shorten(dnnb__canvas *canvas, char out[DNNB__TEXT_BYTES], const char *text,
                        double most_px);

#endif
