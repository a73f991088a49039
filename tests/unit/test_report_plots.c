/* The plots of a run as files: their sizes, that the lines are there, and the same bytes again. */
#include "unit/folder.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnnbrain/image.h"
#include "dnnbrain/plot.h"

#include "core/file.h"
#include "report/plot.h"

typedef double (*curve)(size_t step);

/* With noise: cairo joins the pieces of a straight line. */
static double falling(size_t step) {
    double noise = (double)((uint32_t)step * 2654435761u >> 8 & 1023) / 1023;
    return 0.1 + 1.0 / (double)(step + 1) + 0.1 * noise;
}

static dnnb_history *make_history(size_t n_epochs, size_t n_steps, curve loss) {
    dnnb_history *history;
    double *steps = calloc(n_steps + 1, sizeof *steps);
    assert_non_null(steps);
    assert_ok(dnnb_history_create(&history));
    for (size_t e = 0; e < n_epochs; e++) {
        for (size_t i = 0; i < n_steps; i++) steps[i] = loss(e * n_steps + i);
        dnnb_epoch epoch = {.step_loss = steps,
                            .n_steps = n_steps,
                            .epoch_loss = loss(e),
                            .score_train = 1 - falling(e + 1),
                            .score_validation = 0.9 - falling(e + 2),
                            .learning_rate = 1e-3,
                            .seconds = 1,
                            .images_per_second = 100,
                            .loss_validation = (double)NAN};
        assert_ok(dnnb_history_add(history, &epoch));
    }
    free(steps);
    return history;
}

static void plot_all(const dnnb_history *history, const char *ending) {
    char name[64];
    (void)snprintf(name, sizeof name, "epoch_loss%s", ending);
    assert_ok(dnnb_plot_epoch_loss(history, in_folder(name)));
    (void)snprintf(name, sizeof name, "step_loss%s", ending);
    assert_ok(dnnb_plot_step_loss(history, in_folder(name)));
    (void)snprintf(name, sizeof name, "score%s", ending);
    assert_ok(dnnb_plot_score(history, "accuracy", 0.5, in_folder(name)));
}

static char *read_text(const char *name, size_t *n) {
    char *bytes;
    assert_ok(dnnb__file_read(&bytes, n, in_folder(name), (size_t)1 << 30));
    return bytes;
}

/* Points of the longest path of a colour ("rgb(0%,") in an SVG, 0 when there is none. */
static size_t count_points(const char *svg, const char *stroke) {
    size_t most = 0;
    for (const char *at = svg; (at = strstr(at, "<path")) != NULL; at++) {
        const char *end = strchr(at, '>'), *found = strstr(at, stroke);
        size_t n = 0;
        if (!end || !found || found > end) continue;
        for (const char *p = at; p < end; p++) n += *p == 'L' || *p == 'M';
        if (n > most) most = n;
    }
    return most;
}

#define BLUE  "stroke:rgb(0%"
#define PALE  "stroke:rgb(60%"
#define AMBER "stroke:rgb(83.5%"

static void test_report_plots__svg_holds_a_point_a_value(void **state) {
    (void)state;
    size_t n;
    dnnb_history *history = make_history(50, 4, falling);
    plot_all(history, ".svg");
    char *svg = read_text("epoch_loss.svg", &n);
    assert_int_equal(count_points(svg, BLUE), 50);
    assert_non_null(strstr(svg, "width=\"800px\" height=\"500px\" viewBox=\"0 0 800 500\""));
    dnnb__free(svg);
    svg = read_text("step_loss.svg", &n);
    assert_in_range(count_points(svg, PALE), 180, 200); /* some pieces are straight */
    assert_in_range(count_points(svg, BLUE), 180, 200);
    dnnb__free(svg);
    svg = read_text("score.svg", &n);
    assert_int_equal(count_points(svg, BLUE), 50);
    assert_int_equal(count_points(svg, AMBER), 50);
    dnnb__free(svg);
    dnnb_history_destroy(history);
}

static void test_report_plots__bytes_are_a_function_of_the_history(void **state) {
    (void)state;
    dnnb_history *history = make_history(7, 30, falling);
    static const char *const endings[] = {".svg", ".png"};
    static const char *const names[] = {"epoch_loss", "step_loss", "score"};
    for (size_t e = 0; e < 2; e++) {
        char *first[3];
        size_t n_first[3];
        char name[64];
        plot_all(history, endings[e]);
        for (size_t i = 0; i < 3; i++) {
            (void)snprintf(name, sizeof name, "%s%s", names[i], endings[e]);
            first[i] = read_text(name, &n_first[i]);
        }
        plot_all(history, endings[e]);
        for (size_t i = 0; i < 3; i++) {
            size_t n;
            (void)snprintf(name, sizeof name, "%s%s", names[i], endings[e]);
            char *again = read_text(name, &n);
            assert_int_equal(n, n_first[i]);
            assert_memory_equal(again, first[i], n);
            dnnb__free(again);
            dnnb__free(first[i]);
        }
    }
    dnnb_history_destroy(history);
}

static bool is_blue(const uint8_t *pixel) {
    return pixel[0] < 10 && pixel[1] > 100 && pixel[1] < 130 && pixel[2] > 165 && pixel[2] < 190;
}

static void test_report_plots__png_has_its_size_and_its_line(void **state) {
    (void)state;
    dnnb_image image = {0};
    dnnb_history *history = make_history(5, 20, falling);
    plot_all(history, ".PNG");
    assert_ok(dnnb_image_load(&image, in_folder("epoch_loss.PNG"), NULL));
    assert_int_equal(image.width_px, DNNB__PLOT_WIDTH_PX * DNNB_PLOT_PNG_SCALE);
    assert_int_equal(image.height_px, DNNB__PLOT_HEIGHT_PX * DNNB_PLOT_PNG_SCALE);
    for (size_t c = 0; c < 3; c++) assert_int_equal(image.pixels[c], 255); /* a white corner */
    size_t n_left = 0, n_right = 0, y_left = 0, y_right = 0;
    for (size_t y = 0; y < 1000; y++)
        for (size_t x = 0; x < 1600; x++) {
            if (!is_blue(image.pixels + 3 * (y * 1600 + x))) continue;
            if (x < 800) {
                n_left++;
                y_left += y;
            } else {
                n_right++;
                y_right += y;
            }
        }
    assert_true(n_left > 500 && n_right > 500);
    assert_true(y_left / n_left + 50 < y_right / n_right); /* the loss falls to the right */
    dnnb_image_clear(&image);
    dnnb_history_destroy(history);
}

static double never_finite(size_t step) {
    return step % 2 ? (double)NAN : (double)INFINITY;
}

static double with_gaps(size_t step) {
    return step % 7 == 3 ? (double)NAN : step % 11 == 5 ? -(double)INFINITY : falling(step);
}

static double constant(size_t step) {
    (void)step;
    return 0.693;
}

static double zero(size_t step) {
    (void)step;
    return 0;
}

static double exploding(size_t step) {
    return pow(10, (double)step);
}

static double of_any_size(size_t step) {
    static const double values[] = {1e300, -1e300, 5e-324, 0, 1e308, -1e-300};
    return values[step % 6];
}

static void test_report_plots__odd_histories(void **state) {
    (void)state;
    static const curve curves[] = {falling, never_finite, with_gaps,  constant,
                                   zero,    exploding,    of_any_size};
    static const size_t sizes[][2] = {{0, 0}, {1, 1}, {3, 0}, {1, 2}, {40, 8}};
    for (size_t c = 0; c < sizeof curves / sizeof curves[0]; c++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            dnnb_history *history = make_history(sizes[s][0], sizes[s][1], curves[c]);
            size_t n;
            plot_all(history, ".svg");
            char *svg = read_text("step_loss.svg", &n);
            assert_null(strstr(svg, "nan"));
            assert_null(strstr(svg, "inf"));
            dnnb__free(svg);
            dnnb_history_destroy(history);
        }
}

static void test_report_plots__many_steps_are_drawn_by_column(void **state) {
    (void)state;
    dnnb_history *history = make_history(20, 10000, falling);
    size_t n;
    assert_ok(dnnb_plot_step_loss(history, in_folder("step_loss.svg")));
    char *svg = read_text("step_loss.svg", &n);
    /* Four points a column of 800 at most, and 400 of the smoothed line. */
    assert_in_range(count_points(svg, PALE), 700, 3200);
    assert_in_range(count_points(svg, BLUE), 350, 400);
    assert_true(n < 400000);
    dnnb__free(svg);
    dnnb_history_destroy(history);
}

static void test_report_plots__scores_that_were_not_taken(void **state) {
    (void)state;
    dnnb_history *history;
    assert_ok(dnnb_history_create(&history));
    for (int i = 0; i < 4; i++) {
        dnnb_epoch epoch = {.epoch_loss = 1,
                            .score_train = (double)NAN,
                            .score_validation = 0.1 * i * i,
                            .learning_rate = (double)NAN,
                            .seconds = (double)NAN,
                            .images_per_second = (double)NAN};
        assert_ok(dnnb_history_add(history, &epoch));
    }
    size_t n;
    assert_ok(dnnb_plot_score(history, "r squared", (double)NAN, in_folder("score.svg")));
    char *svg = read_text("score.svg", &n);
    assert_int_equal(count_points(svg, BLUE), 4);
    assert_int_equal(count_points(svg, AMBER), 0);
    dnnb__free(svg);
    dnnb_history_destroy(history);
}

static void test_report_plots__refusals_leave_no_file(void **state) {
    (void)state;
    dnnb_history *history = make_history(2, 2, falling);
    assert_fails(dnnb_plot_epoch_loss(history, in_folder("plot.gif")), DNNB_ERR_ARGUMENT,
                 "plot.gif: expected the ending .svg, .png or .pdf");
    assert_fails(dnnb_plot_epoch_loss(history, "svg"), DNNB_ERR_ARGUMENT, "expected the ending");
    assert_fails(dnnb_plot_epoch_loss(history, in_folder("none/plot.svg")), DNNB_ERR_IO,
                 "none/plot.svg: cannot create");
    assert_fails(dnnb_plot_score(history, "\xFF", 0.5, in_folder("plot.svg")), DNNB_ERR_ARGUMENT,
                 "plot.svg: cannot draw: ");
    assert_false(dnnb__file_exists(in_folder("plot.svg")));
    uint64_t n = 0;
    dnnb_status status;
    char path[64];
    (void)snprintf(path, sizeof path, "%s/plot.svg", folder);
    do {
        unlink(path);
        dnnb__mem_fail_at(++n);
        status = dnnb_plot_step_loss(history, path);
        dnnb__mem_fail_at(0);
        if (status != DNNB_OK) assert_int_equal(status, DNNB_ERR_MEMORY);
    } while (status != DNNB_OK);
    assert_true(n > 6);
    dnnb_history_destroy(history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_report_plots__svg_holds_a_point_a_value, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_report_plots__bytes_are_a_function_of_the_history,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_report_plots__png_has_its_size_and_its_line, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_report_plots__odd_histories, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_report_plots__many_steps_are_drawn_by_column, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_report_plots__scores_that_were_not_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_report_plots__refusals_leave_no_file, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
