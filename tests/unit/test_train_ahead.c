/*
 * Frozen layers behind dropout, computed for several steps at once: each step has the bits that it
 * has alone, and a whole run those of one that keeps no features.
 */
#include "unit/unit.h"

#include "core/isa.h"
#include "dnnbrain/train.h"
#include "train/ahead.h"
#include "unit/tiny.h"

/* 2,097,152 weights and 2,048 outputs: enough for our own kernels. */
enum { N_FEATURES = 1024, N_FIXED = 2048, N_IMAGES = 250 };

static dnnb_status wide_build(dnnb__graph *graph) {
    static const dnnb__layer_row rows[] = {
        {.path = "features.0",
         .name = "conv1",
         .kind = DNNB__LAYER_CONV2D,
         .attr
             .conv2d = {.out_channels = 16, .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}}},
        {.path = "features.1", .name = "conv1_relu", .kind = DNNB__LAYER_RELU},
        {.path = "flatten", .kind = DNNB__LAYER_FLATTEN},
        {.path = "classifier.0", .kind = DNNB__LAYER_DROPOUT, .attr.dropout = {.p = 0.5f}},
        {.path = "classifier.1",
         .name = "fc1",
         .kind = DNNB__LAYER_LINEAR,
         .attr.linear = {.out_features = N_FIXED}},
        {.path = "classifier.2", .name = "fc1_relu", .kind = DNNB__LAYER_RELU},
        {.path = "classifier.3", .kind = DNNB__LAYER_DROPOUT, .attr.dropout = {.p = 0.25f}},
        {.path = "classifier.4",
         .name = "fc2",
         .kind = DNNB__LAYER_LINEAR,
         .attr.linear = {.out_features = 5}},
    };
    return dnnb__graph_add(graph, rows, sizeof rows / sizeof rows[0]);
}

static const dnnb__model wide_model = {.name = "Wide",
                                       .input = {.dim = {3, 16, 16}, .ndim = 3},
                                       .source = "this test",
                                       .build = wide_build};

static dnnb_dnn *create(const char *engine, dnnb_precision precision) {
    dnnb_dnn *dnn;
    dnnb_dnn_options options = {
        .seed = 1, .n_threads = 2, .engine = engine, .precision = precision};
    assert_ok(dnnb__dnn_create_from_model(&dnn, &wide_model, &options));
    assert_ok(dnnb_dnn_replace_head(dnn, 2));
    assert_ok(dnnb_dnn_set_trainable(dnn, "backbone", false));
    return dnn;
}

/* What a plan of one step gives. */
static void compute_alone(dnnb_dnn *dnn, const dnnb__features *features, const dnnb__ahead *ahead,
                          const uint64_t *rows, size_t n, const dnnb__step_random *random,
                          float *out) {
    static float input[N_IMAGES * N_FEATURES];
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
    static float alone[N_IMAGES * N_FIXED];
    dnnb__ahead ahead = {0};
    dnnb__step_random random = {.key = {{5, 6}}, .step = 9};
    uint64_t rows[N_IMAGES];
    size_t n_computed = 0;
    for (size_t i = 0; i < N_IMAGES; i++) rows[i] = i * 7 % N_IMAGES;
    assert_ok(dnnb__ahead_open(&ahead, dnn, features, batch, N_IMAGES));
    assert_int_equal(ahead.n, N_FIXED);
    for (int epoch = 0; epoch < 2; epoch++)
        for (size_t at = 0; at < N_IMAGES; at += batch, random.step++) {
            size_t n = N_IMAGES - at < batch ? N_IMAGES - at : batch;
            const float *found;
            assert_ok(dnnb__ahead_get(&ahead, dnn, features, 0, rows + at, n, N_IMAGES - at,
                                      &random, &found));
            n_computed += ahead.first_step == random.step;
            compute_alone(dnn, features, &ahead, rows + at, n, &random, alone);
            assert_memory_equal(found, alone, n * N_FIXED * sizeof *alone);
        }
    assert_int_equal(n_computed, 2 * n_groups);
    dnnb__ahead_close(&ahead);
}

/* Features of every row, for `backbone` frozen. */
static dnnb__features create_features(const dnnb_dnn *dnn, dnnb__budget *budget) {
    dnnb__features features = {
        .node = dnnb__graph_find_cut(dnn->graph, true), .n = N_FEATURES, .n_rows = N_IMAGES};
    static float values[N_IMAGES * N_FEATURES];
    uint64_t rows[N_IMAGES];
    dnnb__random_draws draws =
        dnnb__random_draws_create(dnnb__random_key_create(1, DNNB__PURPOSE_TEST), 0, 0);
    for (size_t i = 0; i < N_IMAGES; i++) rows[i] = i;
    for (size_t i = 0; i < N_IMAGES * N_FEATURES; i++)
        values[i] = (float)dnnb__random_uniform(&draws);
    dnnb__budget_init(budget, 1 << 24);
    assert_ok(dnnb__features_reserve(&features, budget, NULL));
    assert_ok(dnnb__features_put(&features, 0, rows, N_IMAGES, values));
    return features;
}

static bool has_tiles(void) {
    return dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_TILES;
}

static void test_train_ahead__each_step_has_the_bits_that_it_has_alone(void **state) {
    (void)state;
    static const struct {
        const char *engine;
        dnnb_precision precision;
    } rows[] = {{"ref", DNNB_PRECISION_F32},
                {"onednn", DNNB_PRECISION_F32},
                {"onednn", DNNB_PRECISION_BF16}};
    for (size_t i = 0; i < 3; i++) {
        /* Elsewhere these layers have kernels whose rows follow the batch. */
        dnnb__isa isa;
        assert_ok(dnnb__isa_get(&isa));
        if (i == 1 && isa < DNNB__ISA_AVX2) continue;
        if (i == 2 && !has_tiles()) continue;
        dnnb_dnn *dnn = create(rows[i].engine, rows[i].precision);
        dnnb__budget budget;
        dnnb__features features = create_features(dnn, &budget);
        compare_steps(dnn, &features, 100, 2); /* 200 rows, and 50 */
        compare_steps(dnn, &features, 7, 1);   /* 36 steps */
        dnnb__features_release(&features, &budget);
        dnnb_dnn_destroy(dnn);
    }
}

static void test_train_ahead__nothing_is_where_nothing_is_gained(void **state) {
    (void)state;
    dnnb_dnn *dnn = create("ref", DNNB_PRECISION_F32);
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

static void test_train_ahead__a_run_has_the_bits_of_one_without(void **state) {
    (void)state;
    tiny_folder folder = tiny_folder_create();
    dnnb_stimulus *stim = tiny_write_set(&folder, "train.stim.csv", 22, 0);
    for (int precision = 0; precision < 2; precision++) {
        if (precision && !has_tiles()) continue;
        dnnb_dnn *dnns[2];
        for (size_t i = 0; i < 2; i++) {
            dnnb_train_options o = DNNB_TRAIN_OPTIONS_INIT;
            o.epochs = 3;
            o.batch = 4;
            o.augment = DNNB_AUGMENT_NONE;
            if (i) o.cache_bytes = 0;
            dnns[i] = create("onednn", precision ? DNNB_PRECISION_BF16 : DNNB_PRECISION_F32);
            assert_ok(dnnb_train(dnns[i], stim, NULL, &o, NULL));
        }
        assert_true(tiny_equal(dnns[0], dnns[1]));
        dnnb_dnn_destroy(dnns[0]);
        dnnb_dnn_destroy(dnns[1]);
    }
    dnnb_stimulus_destroy(stim);
    tiny_folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_ahead__each_step_has_the_bits_that_it_has_alone),
        cmocka_unit_test(test_train_ahead__nothing_is_where_nothing_is_gained),
        cmocka_unit_test(test_train_ahead__a_run_has_the_bits_of_one_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
