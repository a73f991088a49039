/* Plots as objects: every kind in every format, sizes, identifiers, what is refused. */
#include "unit/folder.h"

#include <math.h>
#include <string.h>

#include "dnnbrain/plot.h"
#include "dnnbrain/stimulus.h"

#include "core/file.h"

static dnnb_history *history_of(size_t n_epochs, double score) {
    dnnb_history *history;
    assert_ok(dnnb_history_create(&history));
    for (size_t e = 0; e < n_epochs; e++) {
        double steps[] = {2 * score / (double)(e + 1), 1.8 * score / (double)(e + 1)};
        dnnb_epoch epoch = {.step_loss = steps,
                            .n_steps = 2,
                            .epoch_loss = steps[0],
                            .score_train = score + 0.01 * (double)e,
                            .score_validation = score + 0.02 * (double)(e % 5),
                            .learning_rate = pow(10, -3 - (double)(e / 4)),
                            .loss_validation = steps[0] + 0.1};
        assert_ok(dnnb_history_add(history, &epoch));
    }
    return history;
}

enum { EPOCH_LOSS, STEP_LOSS, SCORE, LEARNING_RATE, CONFUSION, ONE_TARGET, TARGETS, RUNS, N_KINDS };

typedef struct data {
    dnnb_history *histories[6];
} data;

static data create_data(void) {
    data d;
    for (size_t i = 0; i < 6; i++) d.histories[i] = history_of(8 + i, 0.5 + 0.02 * (double)i);
    return d;
}

static void destroy_data(data *d) {
    for (size_t i = 0; i < 6; i++) dnnb_history_destroy(d->histories[i]);
}

static dnnb_status create_runs(dnnb_plot **out, const data *d, dnnb_plot_quantity quantity) {
    const dnnb_history *const *histories = (const dnnb_history *const *)d->histories;
    const dnnb_plot_run runs[] = {{"fine-tuned", histories, 1, 4},
                                  {"fixed features", histories + 1, 1, DNNB_PLOT_NO_BEST},
                                  {"from scratch", histories + 2, 4, DNNB_PLOT_NO_BEST}};
    return dnnb_plot_create_comparison(out, runs, 3, quantity, "accuracy", 0.5);
}

static dnnb_status create(dnnb_plot **out, const data *d, int kind) {
    static const size_t counts[] = {9, 1, 0, 0, 0, 0, 2, 3, 4};
    static const char *const classes[] = {"ant", "bee & wasp", "蜘蛛"};
    static const float targets[] = {1, 2, 3, 4, 5, 6}, predicted[] = {1, 2.5f, 2, 4, 4.5f, 7};
    static const char *const names[] = {"RT", "V1"};
    const dnnb_history *history = d->histories[0];
    switch (kind) {
    case EPOCH_LOSS:
        return dnnb_plot_create_epoch_loss(out, history, 6);
    case STEP_LOSS:
        return dnnb_plot_create_step_loss(out, history);
    case SCORE:
        return dnnb_plot_create_score(out, history, "accuracy", 0.5, 4);
    case LEARNING_RATE:
        return dnnb_plot_create_learning_rate(out, history);
    case CONFUSION:
        return dnnb_plot_create_confusion(out, counts, 3, classes, NULL);
    case ONE_TARGET:
        return dnnb_plot_create_regression(out, targets, predicted, 6, 1, names, NULL);
    case TARGETS:
        return dnnb_plot_create_regression(out, targets, predicted, 3, 2, names, "validation set");
    default:
        return create_runs(out, d, DNNB_PLOT_SCORE);
    }
}

static char *draw(const dnnb_plot *plot, dnnb_plot_format format) {
    char *bytes = NULL;
    size_t n = 0;
    assert_ok(dnnb_plot_draw(plot, format, &bytes, &n));
    assert_non_null(bytes);
    assert_true(n > 500 && bytes[n] == '\0');
    return bytes;
}

static void test_report_plot__memory_and_file_are_the_same(void **state) {
    (void)state;
    static const char *const names[] = {"a.svg", NULL, "a.png", "a.pdf"};
    data d = create_data();
    for (int kind = 0; kind < N_KINDS; kind++) {
        dnnb_plot *plot;
        assert_ok(create(&plot, &d, kind));
        for (int format = 0; format < 4; format++) {
            char *bytes, *again, *saved;
            size_t n, n_again, n_saved;
            assert_ok(dnnb_plot_draw(plot, (dnnb_plot_format)format, &bytes, &n));
            assert_ok(dnnb_plot_draw(plot, (dnnb_plot_format)format, &again, &n_again));
            assert_int_equal(n, n_again);
            assert_memory_equal(bytes, again, n);
            if (names[format]) {
                assert_ok(dnnb_plot_save(plot, in_folder(names[format])));
                assert_ok(dnnb__file_read(&saved, &n_saved, in_folder(names[format]), 1 << 24));
                assert_int_equal(n, n_saved);
                assert_memory_equal(bytes, saved, n);
                dnnb__free(saved);
            }
            dnnb_free(bytes);
            dnnb_free(again);
        }
        dnnb_plot_destroy(plot);
    }
    destroy_data(&d);
}

static void test_report_plot__identifiers(void **state) {
    (void)state;
    data d = create_data();
    dnnb_plot *plot;
    assert_ok(create(&plot, &d, SCORE));
    assert_ok(dnnb_plot_set_id(plot, "fold-2_score"));
    char *svg = draw(plot, DNNB_PLOT_SVG_INLINE);
    assert_memory_equal(svg, "<svg ", 5);
    for (const char *at = svg; (at = strstr(at, "id=\"")) != NULL; at++)
        assert_memory_equal(at + 4, "fold-2_score-", 13);
    for (const char *at = svg; (at = strstr(at, "href=\"#")) != NULL; at++)
        assert_memory_equal(at + 7, "fold-2_score-", 13);
    assert_non_null(strstr(svg, "<title id=\"fold-2_score-title\">Score by epoch</title>"));
    dnnb_free(svg);
    static const char *const wrong[] = {"",     "2nd", "a b",
                                        "a\"b", "-a",  "a234567890123456789012345678901234567890x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_fails(dnnb_plot_set_id(plot, wrong[i]), DNNB_ERR_ARGUMENT,
                     "identifier of a plot: expected at most 40");
    dnnb_plot_destroy(plot);
    destroy_data(&d);
}

static void test_report_plot__sizes(void **state) {
    (void)state;
    static const size_t sizes[][2] = {{200, 200}, {4000, 200}, {340, 260}, {200, 1500}};
    data d = create_data();
    for (int kind = 0; kind < N_KINDS; kind++) {
        dnnb_plot *plot;
        size_t width, height;
        assert_ok(create(&plot, &d, kind));
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            char wanted[64];
            assert_ok(dnnb_plot_set_size(plot, sizes[i][0], sizes[i][1]));
            dnnb_plot_get_size(plot, &width, &height);
            assert_true(width == sizes[i][0] && height == sizes[i][1]);
            char *svg = draw(plot, DNNB_PLOT_SVG);
            (void)snprintf(wanted, sizeof wanted, "viewBox=\"0 0 %zu %zu\"", width, height);
            assert_non_null(strstr(svg, wanted));
            assert_null(strstr(svg, "nan"));
            assert_null(strstr(svg, "inf"));
            dnnb_free(svg);
        }
        assert_fails(dnnb_plot_set_size(plot, 199, 300), DNNB_ERR_ARGUMENT,
                     "size of a plot: expected 200 to 4000 pixels, found 199 x 300");
        assert_fails(dnnb_plot_set_size(plot, 300, 4001), DNNB_ERR_ARGUMENT, "4001");
        dnnb_plot_destroy(plot);
    }
    destroy_data(&d);
}

static void assert_described(const dnnb_plot *plot, const char *text) {
    char *svg = draw(plot, DNNB_PLOT_SVG);
    if (!strstr(svg, text)) fail_msg("no '%s' in %s", text, strstr(svg, "<desc"));
    dnnb_free(svg);
}

static void test_report_plot__descriptions(void **state) {
    (void)state;
    static const char *const told[N_KINDS] = {
        [EPOCH_LOSS] = "training: 8 values, from 1 to 0.125, least 0.125 at 8, largest 1 at 1. "
                       "validation: 8 values",
        [STEP_LOSS] = "each step: 16 values",
        [SCORE] = "best epoch 5 (0.58). chance (0.5).",
        [LEARNING_RATE] = "from 0.001 to 0.0001",
        [CONFUSION] = "19 images, accuracy 0.684 (95% interval 0.460 to 0.846). Rows: the true "
                      "class. Columns: the predicted class. ant: 9 of 10 right. bee &amp; wasp: 0 "
                      "of 0 right. 蜘蛛: 4 of 9 right.",
        [ONE_TARGET] = "r² = 0.897",
        [TARGETS] = "n = 6 numbers of 2 targets.",
        [RUNS] = "fine-tuned (0.58 at 5): 8 values",
    };
    data d = create_data();
    for (int kind = 0; kind < N_KINDS; kind++) {
        dnnb_plot *plot;
        assert_ok(create(&plot, &d, kind));
        assert_described(plot, told[kind]);
        dnnb_plot_destroy(plot);
    }
    destroy_data(&d);
}

/* Points of the path that is filled with this colour and no more than that. */
static size_t count_filled(const char *svg, const char *fill) {
    const char *at = strstr(svg, fill);
    if (!at) return 0;
    size_t n = 0;
    for (const char *p = strstr(at, " d=\""); *p && *p != '>'; p++) n += *p == 'L' || *p == 'M';
    return n;
}

static void test_report_plot__groups_have_a_band(void **state) {
    (void)state;
    data d = create_data();
    dnnb_plot *plot;
    assert_ok(create_runs(&plot, &d, DNNB_PLOT_LOSS));
    char *svg = draw(plot, DNNB_PLOT_SVG);
    /* Four runs of 10 to 13 epochs: the last epoch has one run, and no deviation. Both edges, and
     * cairo's move to the beginning after the end. */
    assert_int_equal(count_filled(svg, "fill:rgb(0%,62%,45.1%);fill-opacity:0.22;"), 2 * 12 + 1);
    assert_non_null(strstr(svg, "from scratch (4 runs): 13 values"));
    assert_non_null(strstr(svg, "one standard deviation"));
    size_t n_thin = 0;
    for (const char *at = svg; (at = strstr(at, "stroke-opacity:0.4;")) != NULL; at++) n_thin++;
    assert_int_equal(n_thin, 4);
    dnnb_free(svg);
    dnnb_plot_destroy(plot);
    destroy_data(&d);
}

static void test_report_plot__many_runs(void **state) {
    (void)state;
    dnnb_history *histories[60];
    dnnb_plot_run runs[60];
    char labels[60][32];
    for (size_t i = 0; i < 60; i++) {
        histories[i] = history_of(1 + i % 7, 0.3);
        (void)snprintf(labels[i], sizeof labels[i], "run %zu", i);
        runs[i] = (dnnb_plot_run){labels[i], (const dnnb_history *const *)&histories[i], 1, i % 9};
    }
    for (int q = DNNB_PLOT_SCORE; q <= DNNB_PLOT_LOSS_VALIDATION; q++) {
        dnnb_plot *plot;
        assert_ok(
            dnnb_plot_create_comparison(&plot, runs, 60, (dnnb_plot_quantity)q, NULL, (double)NAN));
        assert_described(plot, "run 59");
        dnnb_plot_destroy(plot);
        assert_ok(dnnb_plot_create_comparison(&plot, runs, 0, (dnnb_plot_quantity)q, NULL, 0.5));
        char *svg = draw(plot, DNNB_PLOT_SVG);
        dnnb_free(svg);
        dnnb_plot_destroy(plot);
    }
    for (size_t i = 0; i < 60; i++) dnnb_history_destroy(histories[i]);
}

static void test_report_plot__odd_predictions(void **state) {
    (void)state;
    static const float targets[] = {1, 2, (float)NAN, 4, 1e38f},
                       predicted[] = {1, (float)INFINITY, 3, -1e38f, 2};
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (size_t n_targets = 1; n_targets <= 5; n_targets += 4)
        for (size_t n = 0; n * n_targets <= 5; n++) {
            dnnb_plot *plot;
            assert_ok(
                dnnb_plot_create_regression(&plot, targets, predicted, n, n_targets, names, NULL));
            char *svg = draw(plot, DNNB_PLOT_SVG);
            for (const char *at = svg; (at = strstr(at, " d=\"")) != NULL; at++)
                assert_true(strcspn(at, "ni") > strcspn(at + 4, "\"")); /* no nan, no inf */
            dnnb_free(svg);
            dnnb_plot_destroy(plot);
        }
    size_t *counts = calloc(300 * 300, sizeof *counts);
    assert_non_null(counts);
    for (size_t n = 1; n <= 300; n = n * 3 + 1) {
        dnnb_plot *plot;
        assert_ok(dnnb_plot_create_confusion(&plot, counts, n, NULL, NULL));
        assert_described(plot, "no image");
        dnnb_plot_destroy(plot);
    }
    free(counts);
}

static void test_report_plot__refusals(void **state) {
    (void)state;
    dnnb_plot *plot;
    char *bytes;
    size_t n;
    data d = create_data();
    assert_fails(dnnb_plot_create_confusion(&plot, NULL, 0, NULL, NULL), DNNB_ERR_ARGUMENT,
                 "confusion matrix: expected classes, found none");
    assert_null(plot);
    assert_fails(dnnb_plot_create_regression(&plot, NULL, NULL, 0, 0, NULL, NULL),
                 DNNB_ERR_ARGUMENT, "regression: expected targets, found none");
    assert_ok(dnnb_plot_create_score(&plot, d.histories[0], "\xFF", 0.5, 0));
    assert_fails(dnnb_plot_draw(plot, DNNB_PLOT_PNG, &bytes, &n), DNNB_ERR_ARGUMENT,
                 "score: cannot draw: ");
    assert_null(bytes);
    dnnb_plot_destroy(plot);
    dnnb_plot_destroy(NULL);
    destroy_data(&d);
}

/* Every allocation fails once, while plots are created and drawn. */
static void test_report_plot__out_of_memory(void **state) {
    (void)state;
    data d = create_data();
    for (int kind = 0; kind < N_KINDS; kind++)
        for (int format = 0; format < 4; format++) {
            if (format == DNNB_PLOT_SVG_INLINE || (format && kind != CONFUSION)) continue;
            dnnb_status status = DNNB_ERR_MEMORY;
            for (uint64_t at = 1; status != DNNB_OK; at++) {
                dnnb_plot *plot;
                char *bytes = NULL;
                size_t n;
                dnnb__mem_fail_at(at);
                status = create(&plot, &d, kind);
                if (status == DNNB_OK)
                    status = dnnb_plot_draw(plot, (dnnb_plot_format)format, &bytes, &n);
                else
                    assert_null(plot);
                dnnb__mem_fail_at(0);
                if (status != DNNB_OK) {
                    assert_int_equal(status, DNNB_ERR_MEMORY);
                    assert_null(bytes);
                }
                dnnb_free(bytes);
                dnnb_plot_destroy(plot);
            }
        }
    destroy_data(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_report_plot__memory_and_file_are_the_same, set_up,
                                        tear_down),
        cmocka_unit_test(test_report_plot__identifiers),
        cmocka_unit_test(test_report_plot__sizes),
        cmocka_unit_test(test_report_plot__descriptions),
        cmocka_unit_test(test_report_plot__groups_have_a_band),
        cmocka_unit_test(test_report_plot__many_runs),
        cmocka_unit_test(test_report_plot__odd_predictions),
        cmocka_unit_test(test_report_plot__refusals),
        cmocka_unit_test(test_report_plot__out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
