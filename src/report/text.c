/*
 * Text on a canvas.
 *
 * Method: cairo turns text into glyphs of DejaVu Sans, which Debian installs with cairo's own
 * dependencies. When a character has none, fontconfig is asked for the font that covers most of the
 * text, which then draws all of it; what that one lacks too is a question mark. Each character is
 * one glyph, so scripts that join or reorder characters are drawn plainly.
 */
#include <cairo-ft.h>
#include <fontconfig/fontconfig.h>
#include <math.h>
#include <string.h>

#include "report/canvas.h"

static const char family[] = "DejaVu Sans";
static const char ellipsis[] = "…";

void dnnb__set_font(dnnb__canvas *c, double size_px, bool bold) {
    cairo_select_font_face(c->cr, family, CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c->cr, size_px);
    c->face = cairo_get_font_face(c->cr);
}

/* The glyphs of a text in the font that is set; free with run_clear(). */
typedef struct run {
    cairo_glyph_t *glyphs;
    int n;
    size_t n_missing; /* glyph 0 stands for a character that the font lacks */
} run;

static run run_create(dnnb__canvas *c, const char *text) {
    run r = {0};
    cairo_status_t status = cairo_scaled_font_text_to_glyphs(
        cairo_get_scaled_font(c->cr), 0, 0, text, -1, &r.glyphs, &r.n, NULL, NULL, NULL);
    if (status != CAIRO_STATUS_SUCCESS) {
        if (c->status == CAIRO_STATUS_SUCCESS) c->status = status;
        return (run){0};
    }
    for (int i = 0; i < r.n; i++) r.n_missing += r.glyphs[i].index == 0;
    return r;
}

static void run_clear(run *r) {
    cairo_glyph_free(r->glyphs);
    *r = (run){0};
}

static FcCharSet *list_characters(const char *text) {
    FcCharSet *set = FcCharSetCreate();
    const FcChar8 *at = (const FcChar8 *)text;
    FcChar32 character;
    int left = (int)strlen(text), n;
    while (set && left > 0 && (n = FcUtf8ToUcs4(at, &character, left)) > 0) {
        (void)FcCharSetAddChar(set, character);
        at += n;
        left -= n;
    }
    return set;
}

/* The font that covers most of a text; fontconfig ranks that above the family's name. */
static cairo_font_face_t *find_face(const char *text) {
    FcPattern *wanted = FcPatternCreate(), *found = NULL;
    FcCharSet *characters = list_characters(text);
    if (wanted && characters && FcPatternAddString(wanted, FC_FAMILY, (const FcChar8 *)family) &&
        FcPatternAddBool(wanted, FC_SCALABLE, FcTrue) &&
        FcPatternAddCharSet(wanted, FC_CHARSET, characters) &&
        FcConfigSubstitute(NULL, wanted, FcMatchPattern)) {
        FcResult ignored;
        FcDefaultSubstitute(wanted);
        found = FcFontMatch(NULL, wanted, &ignored);
    }
    cairo_font_face_t *face = found ? cairo_ft_font_face_create_for_pattern(found) : NULL;
    if (found) FcPatternDestroy(found);
    if (characters) FcCharSetDestroy(characters);
    if (wanted) FcPatternDestroy(wanted);
    return face;
}

/* Take the text's glyphs from another font, where it lacks fewer of them: that one is set then. */
static bool try_face(dnnb__canvas *c, run *r, const char *text, cairo_font_face_t *face) {
    cairo_set_font_face(c->cr, face);
    run other = run_create(c, text);
    if (other.glyphs && other.n_missing < r->n_missing) {
        run_clear(r);
        *r = other;
        return true;
    }
    run_clear(&other);
    cairo_set_font_face(c->cr, c->face);
    return false;
}

/* The glyphs of a text in the font that has most of them, which is set; restore() ends it. */
static run find_glyphs(dnnb__canvas *c, const char *text) {
    run r = run_create(c, text);
    if (r.n_missing && c->spare) (void)try_face(c, &r, text, c->spare);
    if (r.n_missing == 0) return r;
    cairo_font_face_t *found = find_face(text);
    if (found && try_face(c, &r, text, found)) {
        cairo_font_face_destroy(c->spare);
        c->spare = cairo_font_face_reference(found);
    }
    cairo_font_face_destroy(found);
    return r;
}

static void restore(dnnb__canvas *c, run *r) {
    run_clear(r);
    cairo_set_font_face(c->cr, c->face);
}

/* Bytes of the character that text begins with. */
static size_t get_length(const char *text) {
    size_t n = 1;
    while (((unsigned char)text[n] & 0xC0) == 0x80) n++;
    return n;
}

/* A copy with a question mark for each missing glyph. Each character has one glyph. */
static void mark_missing(char out[DNNB__TEXT_BYTES], const run *r, const char *text) {
    size_t used = 0;
    for (int i = 0; i < r->n && *text; i++) {
        size_t n = get_length(text);
        bool is_missing = r->glyphs[i].index == 0;
        if (used + n >= DNNB__TEXT_BYTES) break;
        memcpy(out + used, is_missing ? "?" : text, is_missing ? 1 : n);
        used += is_missing ? 1 : n;
        text += n;
    }
    out[used] = '\0';
}

static run find_marked_glyphs(dnnb__canvas *c, const char *text) {
    char marked[DNNB__TEXT_BYTES];
    run r = find_glyphs(c, text);
    if (r.n_missing == 0) return r;
    mark_missing(marked, &r, text);
    run_clear(&r);
    return run_create(c, marked);
}

static double run_get_width(dnnb__canvas *c, const run *r) {
    cairo_text_extents_t extents = {0};
    if (r->n) cairo_glyph_extents(c->cr, r->glyphs, r->n, &extents);
    return extents.x_advance;
}

double dnnb__text_get_width(dnnb__canvas *c, const char *text) {
    run r = find_marked_glyphs(c, text);
    double width = run_get_width(c, &r);
    restore(c, &r);
    return width;
}

bool dnnb__text_can_draw(dnnb__canvas *c, const char *text) {
    run r = find_glyphs(c, text);
    bool can_draw = r.n_missing == 0;
    restore(c, &r);
    return can_draw;
}

void dnnb__text_draw(dnnb__canvas *c, double x, double y, double align, const char *text) {
    run r = find_marked_glyphs(c, text);
    double begin = x - align * run_get_width(c, &r);
    for (int i = 0; i < r.n; i++) {
        r.glyphs[i].x += begin;
        r.glyphs[i].y += y;
    }
    cairo_show_glyphs(c->cr, r.glyphs, r.n);
    restore(c, &r);
}

void dnnb__text_draw_turned(dnnb__canvas *c, double x, double y, double align, double degrees,
                            const char *text) {
    cairo_save(c->cr);
    cairo_translate(c->cr, x, y);
    cairo_rotate(c->cr, -degrees * acos(-1) / 180);
    dnnb__text_draw(c, 0, 0, align, text);
    cairo_restore(c->cr);
}

void dnnb__text_shorten(dnnb__canvas *c, char out[DNNB__TEXT_BYTES], const char *text,
                        double most_px) {
    size_t n = 0;
    while (text[n] && n + get_length(text + n) + sizeof ellipsis <= DNNB__TEXT_BYTES)
        n += get_length(text + n);
    memcpy(out, text, n);
    memcpy(out + n, text[n] ? ellipsis : "", text[n] ? sizeof ellipsis : 1);
    while (n > 0 && dnnb__text_get_width(c, out) > most_px) {
        do n--;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80);
        memcpy(out + n, ellipsis, sizeof ellipsis);
    }
}
