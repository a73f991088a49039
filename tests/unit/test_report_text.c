/* Text on a canvas: its width, its shortening, and characters that no font has. */
#include "unit/unit.h"

#include <math.h>
#include <string.h>

#include "report/canvas.h"

/* Of a plane for private use: no font has it. */
#define NOBODYS "\xF4\x8F\xBF\xBD"

static dnnb__canvas canvas;
static cairo_surface_t *surface;

static int set_up(void **state) {
    (void)state;
    surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 400, 40);
    canvas = (dnnb__canvas){.cr = cairo_create(surface)};
    dnnb__set_font(&canvas, 13, false);
    return cairo_status(canvas.cr) == CAIRO_STATUS_SUCCESS ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    cairo_font_face_destroy(canvas.spare);
    cairo_destroy(canvas.cr);
    cairo_surface_destroy(surface);
    return 0;
}

static double width_of(const char *text) {
    return dnnb__text_get_width(&canvas, text);
}

/* Pixels of the canvas that are not black, as it was created. */
static size_t count_drawn(void) {
    cairo_surface_flush(surface);
    const unsigned char *pixels = cairo_image_surface_get_data(surface);
    size_t n = 0;
    for (size_t i = 0; i < (size_t)400 * 40 * 4; i += 4) n += pixels[i] != 0;
    return n;
}

static void test_report_text__width(void **state) {
    (void)state;
    assert_true(width_of("") == 0);
    assert_true(width_of("loss") > 20 && width_of("loss") < 40);
    /* Advances add up; glyphs are not hinted. 0.01 px for the 26.6 fixed point of fonts. */
    assert_true(fabs(width_of("lossloss") - 2 * width_of("loss")) < 0.01);
}

static void test_report_text__shortened(void **state) {
    (void)state;
    char out[DNNB__TEXT_BYTES];
    dnnb__text_shorten(&canvas, out, "garbage truck", 200);
    assert_string_equal(out, "garbage truck");
    dnnb__text_shorten(&canvas, out, "garbage truck", 60);
    assert_true(width_of(out) <= 60 && width_of(out) > 40);
    assert_memory_equal(out, "garba", 5);
    assert_string_equal(out + strlen(out) - 3, "…");
    dnnb__text_shorten(&canvas, out, "ÄÖÜäöüß", 30);
    assert_memory_equal(out, "Ä", 2);
    for (const char *p = out; *p; p++) assert_true(p[0] != '\xC3' || (p[1] & 0xC0) == 0x80);
    dnnb__text_shorten(&canvas, out, "any", 0);
    assert_string_equal(out, "…");
    char longer[4 * DNNB__TEXT_BYTES];
    memset(longer, 'i', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    dnnb__text_shorten(&canvas, out, longer, 1e9);
    assert_in_range(strlen(out), DNNB__TEXT_BYTES - 8, DNNB__TEXT_BYTES - 1);
    assert_string_equal(out + strlen(out) - 3, "…");
}

static void test_report_text__characters_without_a_font(void **state) {
    (void)state;
    assert_true(dnnb__text_can_draw(&canvas, "10⁻³ × Ω, муравей"));
    assert_false(dnnb__text_can_draw(&canvas, "ant " NOBODYS));
    assert_true(fabs(width_of("ant " NOBODYS) - width_of("ant ?")) < 0.01);
    assert_int_equal(count_drawn(), 0);
    dnnb__set_colour(&canvas, dnnb__white);
    dnnb__text_draw(&canvas, 200, 20, 0.5, NOBODYS NOBODYS);
    assert_in_range(count_drawn(), 10, 200); /* two question marks */
    assert_int_equal(canvas.status, CAIRO_STATUS_SUCCESS);
}

static void test_report_text__no_utf8_is_remembered(void **state) {
    (void)state;
    assert_true(width_of("\xFFx") == 0);
    assert_int_equal(canvas.status, CAIRO_STATUS_INVALID_STRING);
    dnnb__text_draw(&canvas, 0, 20, 0, "\xC3");
    assert_int_equal(cairo_status(canvas.cr), CAIRO_STATUS_SUCCESS); /* the rest can be drawn */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_report_text__width, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_report_text__shortened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_report_text__characters_without_a_font, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_report_text__no_utf8_is_remembered, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
