/*
 * Gradients that the onednn engine hands over in parts: the bits of those that are kept, in each
 * optimiser, batch and number of threads; no memory for them; and what is refused.
 */
#include "unit/nets.h"

#include "engine/onednn/net.h"
#include "kernels/kernels.h"
#include "optim/optim.h"

enum { STEPS = 3, SIZE = 6 };

/* Blocks of different widths. */
static const dnnb__layer_row rows[] = {FLATTEN("f"),      LINEAR("l1", 192), RELU("r1"),
                                       LINEAR("l2", 256), RELU("r2"),        LINEAR("l3", 5)};

/* Weights that own kernels take in float32, also beside oneDNN's with AVX-512. */
static const dnnb__layer_row large_rows[] = {FLATTEN("f"), LINEAR("l1", 3700), RELU("r1"),
                                             LINEAR("l2", 5)};

typedef struct setup {
    const char *optimizer;
    double momentum;
    size_t batch;
} setup;

/* Where it is trained. */
typedef struct place {
    dnnb__precision precision;
    size_t n_threads;
} place;

typedef struct trained {
    dnnb__net *net;
    dnnb__optimizer *optimizer;
    float *weights[8], *gradients[8];
    size_t n_parts; /* arrays that were handed over */
} trained;

typedef struct handed {
    trained *of;
    size_t i;
} handed;

static void update_part(void *context, size_t first, size_t n, const float *gradient) {
    const handed *h = context;
    dnnb__optimizer_update_part(h->of->optimizer, h->i, first, n, h->of->weights[h->i], gradient);
}

static bool is_supported(void) {
    if (dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_TILES) return true;
    printf("left out: this processor has no AMX\n");
    return false;
}

static dnnb__net *make_net_in(const dnnb__graph *graph, size_t n_threads,
                              dnnb__precision precision) {
    dnnb__net *net;
    assert_ok(dnnb__net_create_in(&net, "onednn", graph, n_threads, precision));
    for (size_t i = 0; i < graph->n_params; i++) {
        float *values = dnnb__alloc(graph->params[i].count, sizeof *values);
        assert_non_null(values);
        dnnb__param_initialize(&graph->params[i], key, values);
        assert_ok(dnnb__net_import(net, i, values));
        dnnb__free(values);
    }
    return net;
}

static void make_optimizer(trained *t, const dnnb__graph *graph, const setup *s) {
    dnnb_optimizer_options options = DNNB_OPTIMIZER_OPTIONS_INIT;
    size_t sizes[8];
    options.name = s->optimizer;
    options.momentum = s->momentum;
    options.weight_decay = 1e-3;
    for (size_t i = 0; i < graph->n_params; i++) sizes[i] = dnnb__net_get_flat(t->net, i).n;
    assert_ok(dnnb__optimizer_create(&t->optimizer, &options, sizes, graph->n_params));
}

/* Some steps, with gradients that are kept or handed over. */
static trained train(const dnnb__graph *graph, const setup *s, place at, bool hands_over) {
    trained t = {.net = make_net_in(graph, at.n_threads, at.precision)};
    handed h[8];
    make_optimizer(&t, graph, s);
    for (size_t i = 0; i < graph->n_params; i++) {
        h[i] = (handed){&t, i};
        dnnb__update update = {.run = update_part, .context = &h[i]};
        t.n_parts += hands_over && dnnb__net_set_update(t.net, i, &update);
    }
    dnnb__plan *plan = make_plan(t.net, DNNB__MODE_TRAIN, s->batch, 0, graph->n_nodes - 1, true);
    for (size_t i = 0; i < graph->n_params; i++) {
        dnnb__flat flat = dnnb__net_get_flat(t.net, i);
        t.weights[i] = flat.weight;
        t.gradients[i] = flat.gradient;
        dnnb__optimizer_set_copy(t.optimizer, i, flat.copy, flat.row);
    }
    float *output_gradient = random_values(s->batch * 5, 3);
    for (uint32_t n = 0; n < STEPS; n++) {
        float *input = random_values(s->batch * count_of(graph, 0), 10 + n);
        dnnb__step_random random = {.key = key, .step = n};
        assert_ok(dnnb__plan_forward(plan, input, &random));
        dnnb__optimizer_begin_step(t.optimizer, 0.5);
        assert_ok(dnnb__plan_backward(plan, output_gradient));
        dnnb__optimizer_end_step(t.optimizer, t.weights, (const float *const *)t.gradients);
        dnnb__net_mark_trained(t.net);
        dnnb__free(input);
    }
    dnnb__free(output_gradient);
    dnnb__plan_destroy(plan);
    return t;
}

static void trained_free(trained *t) {
    dnnb__net_destroy(t->net);
    dnnb__optimizer_destroy(t->optimizer);
}

/* Weights, and their copies in bfloat16 that the passes read. */
static void assert_same(const dnnb__graph *graph, const trained *a, const trained *b) {
    for (size_t i = 0; i < graph->n_params; i++) {
        dnnb__flat x = dnnb__net_get_flat(a->net, i), y = dnnb__net_get_flat(b->net, i);
        assert_int_equal(x.n, y.n);
        if (memcmp(x.weight, y.weight, x.n * sizeof *x.weight) != 0)
            fail_msg("%s differs", graph->params[i].path);
        if (x.copy) assert_memory_equal(x.copy, y.copy, x.n * sizeof *x.copy);
    }
}

/* @return How many arrays were handed over. */
static size_t compare(const dnnb__graph *graph, const setup *s, place at) {
    trained kept = train(graph, s, at, false), parts = train(graph, s, at, true);
    size_t n_parts = parts.n_parts;
    assert_int_equal(kept.n_parts, 0);
    assert_same(graph, &kept, &parts);
    trained_free(&kept);
    trained_free(&parts);
    return n_parts;
}

static void test_engine_update__parts_give_the_bits_of_the_whole(void **state) {
    (void)state;
    static const setup setups[] = {{"adam", 0, 1},   {"adam", 0, 8},  {"adam", 0, 33},
                                   {"adamw", 0, 64}, {"sgd", 0.9, 8}, {"sgd", 0, 33}};
    if (!is_supported()) return;
    dnnb__graph *graph = GRAPH(rows, 16, SIZE);
    for (size_t i = 0; i < 2 * (sizeof setups / sizeof setups[0]); i++) {
        place at = {DNNB__BF16, 1 + i % 2}; /* oneDNN may round in other ways with more threads */
        assert_int_equal(compare(graph, &setups[i / 2], at), 3);
    }
    dnnb__graph_destroy(graph);
}

/* Batches of which zeros are left out, and of which they are not. */
static void test_engine_update__own_kernels_hand_over_in_float32(void **state) {
    (void)state;
    static const setup setups[] = {
        {"adam", 0, 8}, {"adam", 0, 33}, {"adamw", 0, 64}, {"sgd", 0.9, 33}};
    bool has_own = dnnb__kernels_find_linear(dnnb__onednn_get_isa());
    dnnb__graph *graph = GRAPH(large_rows, 16, SIZE);
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
        place at = {DNNB__F32, 1 + i % 2};
        assert_true((compare(graph, &setups[i], at) > 0) == has_own);
        at.precision = DNNB__BF16;
        if (dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_WIDENED)
            assert_true((compare(graph, &setups[i], at) > 0) == has_own);
    }
    dnnb__graph_destroy(graph);
}

typedef void part(dnnb__graph *graph, dnnb__precision precision);

/* With AMX's kernel and with those of float32, where they are. */
static void with_each_kernel(part *run) {
    if (is_supported()) run(GRAPH(rows, 16, SIZE), DNNB__BF16);
    if (dnnb__kernels_find_linear(dnnb__onednn_get_isa()))
        run(GRAPH(large_rows, 16, SIZE), DNNB__F32);
}

/* The largest gradient is known although it was not kept. */
static void compare_largest(dnnb__graph *graph, dnnb__precision precision) {
    static const setup s = {"adam", 0, 8};
    place at = {precision, 2};
    trained kept = train(graph, &s, at, false), parts = train(graph, &s, at, true);
    for (size_t i = 0; i < graph->n_params; i++) {
        float largest = 0;
        for (size_t k = 0; k < dnnb__net_get_flat(kept.net, i).n; k++)
            largest = fmaxf(largest, fabsf(kept.gradients[i][k]));
        assert_true(dnnb__optimizer_get_largest(kept.optimizer, i) == 0);
        assert_true(dnnb__optimizer_get_largest(parts.optimizer, i) ==
                    (parts.gradients[i] ? 0 : largest));
    }
    trained_free(&kept);
    trained_free(&parts);
    dnnb__graph_destroy(graph);
}

static void test_engine_update__the_largest_gradient_is_known(void **state) {
    (void)state;
    with_each_kernel(compare_largest);
}

static void ignore(void *context, size_t first, size_t n, const float *gradient) {
    (void)context;
    (void)first;
    (void)n;
    (void)gradient;
}

static void look_for_gradients(dnnb__graph *graph, dnnb__precision precision) {
    dnnb__net *net = make_net_in(graph, 1, precision);
    dnnb__update update = {.run = ignore};
    size_t n = graph->params[0].count;
    float *values = dnnb__alloc(n, sizeof *values), *input = random_values(count_of(graph, 0), 1);
    float *output_gradient = random_values(5, 2);
    dnnb__step_random random = {.key = key};
    assert_true(dnnb__net_set_update(net, 0, &update));
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 1, 0, graph->n_nodes - 1, false);
    assert_null(dnnb__net_get_flat(net, 0).gradient);
    assert_non_null(dnnb__net_get_flat(net, 1).gradient);
    assert_ok(dnnb__plan_forward(plan, input, &random));
    assert_ok(dnnb__plan_backward(plan, output_gradient));
    assert_fails(dnnb__net_export_gradient(net, 0, values), DNNB_ERR_ARGUMENT,
                 "l1.weight: no backward pass");
    assert_ok(dnnb__net_export_gradient(net, 2, values));
    /* A plan that keeps it has a place for it, and hands it over when it is asked to. */
    assert_false(dnnb__net_set_update(net, 0, NULL));
    assert_ok(dnnb__plan_forward(plan, input, &random));
    assert_fails(dnnb__plan_backward(plan, output_gradient), DNNB_ERR_ARGUMENT,
                 "l1.weight: this plan has no place");
    dnnb__plan *keeping = make_plan(net, DNNB__MODE_TRAIN, 1, 0, graph->n_nodes - 1, false);
    for (int is_handed = 0; is_handed < 2; is_handed++) {
        (void)dnnb__net_set_update(net, 0, is_handed ? &update : NULL);
        assert_ok(dnnb__plan_forward(keeping, input, &random));
        assert_ok(dnnb__plan_backward(keeping, output_gradient));
        assert_true((dnnb__net_export_gradient(net, 0, values) == DNNB_OK) == !is_handed);
    }
    dnnb__plan_destroy(keeping);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__free(values);
    dnnb__free(input);
    dnnb__free(output_gradient);
    dnnb__graph_destroy(graph);
}

static void test_engine_update__gradients_that_are_handed_over_are_nowhere(void **state) {
    (void)state;
    with_each_kernel(look_for_gradients);
}

/* The op says which it is, and counts what the update moves. */
static void read_ops(dnnb__graph *graph, dnnb__precision precision) {
    dnnb__net *net = make_net_in(graph, 1, precision);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 8, 0, graph->n_nodes - 1, false);
    dnnb__update update = {.run = ignore, .bytes = 1e6};
    double kept = 0, handed_over = 0;
    for (int is_handed = 0; is_handed < 2; is_handed++) {
        (void)dnnb__net_set_update(net, 0, is_handed ? &update : NULL);
        const char *pass = is_handed ? "weights and update" : "backward weights";
        for (size_t i = 0; i < dnnb__plan_get_n_ops(plan); i++) {
            dnnb__plan_op op = dnnb__plan_get_op(plan, i);
            if (strcmp(op.layer, "l1") != 0 || strcmp(op.pass, pass) != 0) continue;
            if (precision == DNNB__BF16) assert_string_equal(op.implementation, "own:amx");
            assert_int_equal(strncmp(op.implementation, "own:", 4), 0);
            *(is_handed ? &handed_over : &kept) = op.bytes;
        }
    }
    assert_true(kept > 0 && handed_over > 0);
    double gradient = (double)(dnnb__net_get_flat(net, 0).n * sizeof(float));
    assert_true(handed_over - kept == 1e6 - gradient);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_update__ops_say_so(void **state) {
    (void)state;
    with_each_kernel(read_ops);
}

/* What hands its gradient over is exported in rows; the last fill neither a part nor a block. */
static bool compare_rows(const dnnb__net *net) {
    const dnnb__param *weight = &dnnb__net_get_graph(net)->params[0];
    size_t n_rows = (size_t)weight->shape.dim[0], row = weight->count / n_rows;
    float *whole = dnnb__alloc(weight->count, sizeof *whole);
    float *some = dnnb__alloc(DNNB__EXPORT_ROWS * row, sizeof *some);
    bool has_rows = dnnb__net_export_rows(net, 0, 0, DNNB__EXPORT_ROWS, some);
    assert_ok(dnnb__net_export(net, 0, whole));
    for (size_t first = 0; has_rows && first < n_rows; first += DNNB__EXPORT_ROWS) {
        size_t n = n_rows - first < DNNB__EXPORT_ROWS ? n_rows - first : DNNB__EXPORT_ROWS;
        assert_true(dnnb__net_export_rows(net, 0, first, n, some));
        assert_memory_equal(some, whole + first * row, n * row * sizeof *some);
    }
    assert_false(dnnb__net_export_rows(net, 1, 0, 1, some)); /* the bias */
    dnnb__free(whole);
    dnnb__free(some);
    return has_rows;
}

static void test_engine_update__rows_are_those_of_the_whole(void **state) {
    (void)state;
    static const dnnb__precision precisions[] = {DNNB__F32, DNNB__BF16};
    dnnb__graph *graph = GRAPH(large_rows, 16, SIZE);
    for (size_t i = 0; i < 2; i++) {
        if (i && dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_NONE) continue;
        dnnb__net *net = make_net_in(graph, 2, precisions[i]);
        bool hands_over = dnnb__net_set_update(net, 0, &(dnnb__update){.run = ignore});
        assert_true(compare_rows(net) == hands_over);
        dnnb__net_destroy(net);
    }
    dnnb__graph_destroy(graph);
}

static void test_engine_update__another_engine_keeps_its(void **state) {
    (void)state;
    dnnb__graph *graph = GRAPH(rows, 16, SIZE);
    dnnb__net *net = make_net("ref", graph, 1);
    for (size_t i = 0; i < graph->n_params; i++)
        assert_false(dnnb__net_set_update(net, i, &(dnnb__update){.run = ignore}));
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_update__parts_give_the_bits_of_the_whole),
        cmocka_unit_test(test_engine_update__own_kernels_hand_over_in_float32),
        cmocka_unit_test(test_engine_update__the_largest_gradient_is_known),
        cmocka_unit_test(test_engine_update__gradients_that_are_handed_over_are_nowhere),
        cmocka_unit_test(test_engine_update__ops_say_so),
        cmocka_unit_test(test_engine_update__rows_are_those_of_the_whole),
        cmocka_unit_test(test_engine_update__another_engine_keeps_its),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
