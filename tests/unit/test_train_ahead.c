/*
 * Frozen layers behind dropout, computed for several steps at once: each step has the bits that it
 * has alone, and a whole run those of one that keeps no features.
 */
#include "unit/unit.h"

#include "dnnbrain/train.h"
#include "train/ahead.h"
#include "unit/wide.h"

enum { N_IMAGES = 250 };

/* What a plan of one step gives. */
static void compute_alone(dnnb_dnn *dnn, const dnnb__features *features, const dnnb__ahead *ahead,
                          const uint64_t *rows, size_t n, const dnnb__step_random *random,
                          float *out) {
    static float input[N_IMAGES * WIDE_FEATURES];
    dnnb__plan_options options = {
        .mode = DNNB__MODE_TRAIN, .batch = n, .from = features->node, .to = ahead->node};
    dnnb__plan *plan;
    assert_ok(dnnb__features_get(features, 0, rows, n, input));
    assert_ok(dnnb__dnn_get_plan(dnn, &options, &plan));
    assert_ok(dnnb__plan_forward(plan, input, random));
    memcpy(out, dnnb__plan_get_output(plan), n * ahead->n * sizeof *out);
}

/* Every step of two epochs. @param n_groups Times that something is to be computed in an epoch. */
static void compare_steps(dnnb_dnn *dnn, const dnnb__features *features, size_t batch,
                          size_t n_groups) {
    static float alone[N_IMAGES * WIDE_FIXED];
    dnnb__ahead ahead = {0};
    dnnb__step_random random = {.key = {{5, 6}}, .step = 9};
    uint64_t rows[N_IMAGES];
    size_t n_computed = 0;
    for (size_t i = 0; i < N_IMAGES; i++) rows[i] = i * 7 % N_IMAGES;
    assert_ok(dnnb__ahead_open(&ahead, dnn, features, batch, N_IMAGES));
    assert_int_equal(ahead.n, WIDE_FIXED);
    for (int epoch = 0; epoch < 2; epoch++)
        for (size_t at = 0; at < N_IMAGES; at += batch, random.step++) {
            size_t n = N_IMAGES - at < batch ? N_IMAGES - at : batch;
            const float *found;
            assert_ok(dnnb__ahead_get(&ahead, dnn, features, 0, rows + at, n, N_IMAGES - at,
                                      &random, &found));
            n_computed += ahead.first_step == random.step;
            compute_alone(dnn, features, &ahead, rows + at, n, &random, alone);
            assert_memory_equal(found, alone, n * WIDE_FIXED * sizeof *alone);
        }
    assert_int_equal(n_computed, 2 * n_groups);
    dnnb__ahead_close(&ahead);
}

/* Features of every row, for `backbone` frozen. */
static dnnb__features create_features(const dnnb_dnn *dnn, dnnb__budget *budget) {
    dnnb__features features = {
        .node = dnnb__graph_find_cut(dnn->graph, true), .n = WIDE_FEATURES, .n_rows = N_IMAGES};
    static float values[N_IMAGES * WIDE_FEATURES];
    uint64_t rows[N_IMAGES];
    dnnb__random_draws draws =
        dnnb__random_draws_create(dnnb__random_key_create(1, DNNB__PURPOSE_TEST), 0, 0);
    for (size_t i = 0; i < N_IMAGES; i++) rows[i] = i;
    for (size_t i = 0; i < N_IMAGES * WIDE_FEATURES; i++)
        values[i] = (float)dnnb__random_uniform(&draws);
    dnnb__budget_init(budget, 1 << 24);
    assert_ok(dnnb__features_reserve(&features, budget, NULL));
    assert_ok(dnnb__features_put(&features, 0, rows, N_IMAGES, values));
    return features;
}

static bool has_tiles(void) {
    if (dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_TILES) return true;
    print_message("left out: bfloat16, which has kernels of our own with AMX alone\n");
    return false;
}

static void compare_all_steps(dnnb_dnn *dnn) {
    dnnb__budget budget;
    dnnb__features features = create_features(dnn, &budget);
    compare_steps(dnn, &features, 100, 2); /* 200 rows, and 50 */
    compare_steps(dnn, &features, 7, 1);   /* 36 steps */
    dnnb__features_release(&features, &budget);
    dnnb_dnn_destroy(dnn);
}

static void test_train_ahead__each_step_has_the_bits_that_it_has_alone(void **state) {
    (void)state;
    if (wide_is_ahead()) compare_all_steps(wide_create("onednn", DNNB_PRECISION_F32));
    if (has_tiles()) compare_all_steps(wide_create("onednn", DNNB_PRECISION_BF16));
}

static void test_train_ahead__nothing_is_where_nothing_is_gained(void **state) {
    (void)state;
    if (!wide_is_ahead()) return;
    dnnb_dnn *dnn = wide_create("onednn", DNNB_PRECISION_F32);
    dnnb__budget budget;
    dnnb__ahead ahead = {0};
    dnnb__features features = create_features(dnn, &budget);
    assert_ok(dnnb__ahead_open(&ahead, dnn, &features, 129, N_IMAGES));
    assert_int_equal(ahead.node, 0); /* no room for two steps */
    assert_ok(dnnb__ahead_open(&ahead, dnn, &features, 40, 30));
    assert_int_equal(ahead.node, 0); /* an epoch is one step */
    assert_ok(dnnb__ahead_open(&ahead, dnn, &features, 16, N_IMAGES));
    assert_int_not_equal(ahead.node, 0);
    assert_ok(dnnb_dnn_set_trainable(dnn, "fc1", true));
    dnnb__dnn_drop_plans(dnn);
    assert_ok(dnnb__ahead_open(&ahead, dnn, &features, 16, N_IMAGES));
    assert_int_equal(ahead.node, 0); /* the layer behind dropout is trained */
    dnnb__features_release(&features, &budget);
    dnnb_dnn_destroy(dnn);
}

static void test_train_ahead__nothing_is_with_ref(void **state) {
    (void)state;
    dnnb_dnn *dnn = wide_create("ref", DNNB_PRECISION_F32);
    dnnb__budget budget;
    dnnb__ahead ahead = {0};
    dnnb__features features = create_features(dnn, &budget);
    assert_ok(dnnb__ahead_open(&ahead, dnn, &features, 16, N_IMAGES));
    assert_int_equal(ahead.node, 0); /* float64 up to the last layer */
    dnnb__features_release(&features, &budget);
    dnnb_dnn_destroy(dnn);
}

/* --- whole runs --- */

typedef struct fixture {
    tiny_folder folder;
    dnnb_stimulus *stim;
    dnnb_train_options options;
} fixture;

static fixture fixture_create(void) {
    fixture f = {.folder = tiny_folder_create(),
                 .options = (dnnb_train_options)DNNB_TRAIN_OPTIONS_INIT};
    f.stim = tiny_write_set(&f.folder, "train.stim.csv", 22, 0);
    f.options.epochs = 4;
    f.options.batch = 4;
    f.options.augment = DNNB_AUGMENT_NONE;
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->stim);
    tiny_folder_remove(&f->folder);
}

static void compare_runs(const fixture *f, dnnb_precision precision) {
    dnnb_train_options without = f->options;
    dnnb_dnn *a = wide_create("onednn", precision), *b = wide_create("onednn", precision);
    without.cache_bytes = 0;
    without.cache_folder = NULL;
    assert_ok(dnnb_train(a, f->stim, NULL, &f->options, NULL));
    assert_ok(dnnb_train(b, f->stim, NULL, &without, NULL));
    assert_true(tiny_equal(a, b));
    dnnb_dnn_destroy(a);
    dnnb_dnn_destroy(b);
}

static void test_train_ahead__a_run_has_the_bits_of_one_without(void **state) {
    (void)state;
    fixture f = fixture_create();
    for (int i = 0; i < 2; i++) {
        dnnb_precision precision = i ? DNNB_PRECISION_BF16 : DNNB_PRECISION_F32;
        if (i ? !has_tiles() : !wide_is_ahead()) continue;
        dnnb_train_options plain = f.options;
        compare_runs(&f, precision);
        f.options.augment = DNNB_AUGMENT_VIEWS;
        f.options.views = 2;
        compare_runs(&f, precision);
        f.options.unfreeze = "3=fc1";
        compare_runs(&f, precision);
        f.options = plain;
        f.options.unfreeze = "3=fc1";
        compare_runs(&f, precision);
        f.options.cache_bytes = 0; /* kept in a file */
        f.options.cache_folder = f.folder.path;
        compare_runs(&f, precision);
        f.options = plain;
    }
    fixture_destroy(&f);
}

static bool stop(void *context, const dnnb_event *event) {
    size_t *n_left = context;
    return event->kind != DNNB_EVENT_STEP || --*n_left > 0;
}

static void test_train_ahead__a_run_goes_on_from_within_a_group(void **state) {
    (void)state;
    enum { N_STEPS = 4 * 6 };
    fixture f = fixture_create();
    dnnb_dnn *expected = wide_create("onednn", DNNB_PRECISION_F32);
    assert_ok(dnnb_train(expected, f.stim, NULL, &f.options, NULL));
    tiny_path checkpoint = tiny_join(&f.folder, "checkpoint");
    f.options.checkpoint = checkpoint.text;
    for (size_t n = 1; n < N_STEPS; n++) {
        size_t n_left = n;
        dnnb_train_options o = f.options;
        dnnb_dnn *stopped = wide_create("onednn", DNNB_PRECISION_F32);
        dnnb_dnn *resumed = wide_create("onednn", DNNB_PRECISION_F32);
        o.on_event = stop;
        o.context = &n_left;
        assert_int_equal(dnnb_train(stopped, f.stim, NULL, &o, NULL), DNNB_ERR_STOPPED);
        f.options.resume = true;
        assert_ok(dnnb_train(resumed, f.stim, NULL, &f.options, NULL));
        f.options.resume = false;
        assert_true(tiny_equal(resumed, expected));
        dnnb_dnn_destroy(stopped);
        dnnb_dnn_destroy(resumed);
    }
    dnnb_dnn_destroy(expected);
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_ahead__each_step_has_the_bits_that_it_has_alone),
        cmocka_unit_test(test_train_ahead__nothing_is_where_nothing_is_gained),
        cmocka_unit_test(test_train_ahead__nothing_is_with_ref),
        cmocka_unit_test(test_train_ahead__a_run_has_the_bits_of_one_without),
        cmocka_unit_test(test_train_ahead__a_run_goes_on_from_within_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
