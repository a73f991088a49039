/*
 * What every engine keeps, over the list of engines: arguments, parts of a network, frozen parts,
 * gradients only where they are wanted, the same bits again, no allocation after creation. Values
 * are checked against PyTorch in tests/golden/ops.py, networks.py and models.py.
 */
#include "unit/unit.h"

#include <math.h>

#include "core/mem.h"
#include "engine/engine.h"
#include "tensor/tensor.h"

enum { BATCH = 3, N_OUTPUTS = 4, MAX_IN = 3 * 13 * 11, MAX_PARAM = 4096 };

static const dnnb_shape IMAGE = {{3, 13, 11}, 3};
static const dnnb__step_random RANDOM = {.key = {{11, 12}}, .step = 5};

static const dnnb__layer_row rows[] = {
    {.path = "c1",
     .kind = DNNB__LAYER_CONV2D,
     .attr.conv2d = {.out_channels = 8, .kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}},
    {.path = "r1", .kind = DNNB__LAYER_RELU},
    {.path = "p1",
     .kind = DNNB__LAYER_MAXPOOL2D,
     .attr.pool2d = {.kernel = {3, 3}, .stride = {2, 2}}},
    {.path = "c2",
     .kind = DNNB__LAYER_CONV2D,
     .attr.conv2d = {.out_channels = 8, .kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}},
    {.path = "sum", .kind = DNNB__LAYER_ADD, .from = {"c2", "p1"}},
    {.path = "flatten", .kind = DNNB__LAYER_FLATTEN},
    {.path = "drop", .kind = DNNB__LAYER_DROPOUT, .attr.dropout = {.p = 0.5f}},
    {.path = "fc", .kind = DNNB__LAYER_LINEAR, .attr.linear = {.out_features = N_OUTPUTS}},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

static float input[BATCH * MAX_IN], output_gradient[BATCH * N_OUTPUTS];

static void fill(float *values, size_t n, uint32_t place) {
    dnnb__random_key key = dnnb__random_key_create(1, DNNB__PURPOSE_TEST);
    dnnb__random_draws draws = dnnb__random_draws_create(key, place, 0);
    for (size_t i = 0; i < n; i++) values[i] = (float)(dnnb__random_uniform(&draws) - 0.5);
}

static dnnb__graph *make_graph(void) {
    dnnb__graph *graph;
    assert_ok(dnnb__graph_create(&graph, &IMAGE));
    assert_ok(dnnb__graph_add(graph, rows, N_ROWS));
    fill(input, BATCH * MAX_IN, 0);
    fill(output_gradient, BATCH * N_OUTPUTS, 1);
    return graph;
}

static dnnb__net *make_net(const char *engine, const dnnb__graph *graph, size_t n_threads) {
    dnnb__net *net;
    float values[MAX_PARAM];
    assert_ok(dnnb__net_create(&net, engine, graph, n_threads));
    for (size_t i = 0; i < graph->n_params; i++) {
        assert_true(graph->params[i].count <= MAX_PARAM);
        dnnb__param_initialize(&graph->params[i], RANDOM.key, values);
        assert_ok(dnnb__net_import(net, i, values));
    }
    return net;
}

static dnnb__plan *make_plan(dnnb__net *net, dnnb__mode mode, size_t from, size_t to) {
    dnnb__plan *plan;
    dnnb__plan_options options = {.mode = mode, .batch = BATCH, .from = from, .to = to};
    assert_ok(dnnb__plan_create(&plan, net, &options));
    return plan;
}

/* The test for each engine by name. */
static void for_each_engine(void (*test)(const char *engine)) {
    size_t n;
    const char *const *names = dnnb__engine_get_names(&n);
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) test(names[i]);
}

static void test_engine_engine__wrong_arguments_are_refused(void **state) {
    (void)state;
    dnnb__graph *graph = make_graph();
    dnnb__net *net;
    assert_fails(dnnb__net_create(&net, "reff", graph, 1), DNNB_ERR_ARGUMENT, "did you mean ref?");
    assert_null(net);
    assert_fails(dnnb__net_create(&net, "ref", graph, 5000), DNNB_ERR_ARGUMENT, "found 5000");
    assert_ok(dnnb__net_create(&net, NULL, graph, 0));
    assert_true(dnnb__net_get_n_threads(net) > 0);
    assert_ptr_equal(dnnb__net_get_graph(net), graph);
    assert_fails(dnnb__net_import(net, graph->n_params, input), DNNB_ERR_ARGUMENT, "parameter");
    assert_fails(dnnb__net_export(net, SIZE_MAX, input), DNNB_ERR_ARGUMENT, "parameter");
    static const struct {
        size_t batch, from, to;
        const char *text;
    } cases[] = {{1, 2, 2, "from < to"},
                 {1, 3, 2, "from < to"},
                 {1, 0, N_ROWS + 1, "from < to"},
                 {0, 0, N_ROWS, "a batch of 0"},
                 {SIZE_MAX / 8, 0, N_ROWS, "is not in its range"},
                 {1, 4, N_ROWS, "sum: reads p1, which lies before the part that starts at c2"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnnb__plan_options options = {
            .batch = cases[i].batch, .from = cases[i].from, .to = cases[i].to};
        dnnb__plan *plan;
        assert_fails(dnnb__plan_create(&plan, net, &options), DNNB_ERR_ARGUMENT, cases[i].text);
        assert_null(plan);
    }
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TEST, 0, N_ROWS);
    assert_ok(dnnb__plan_forward(plan, input, NULL));
    assert_fails(dnnb__plan_backward(plan, output_gradient), DNNB_ERR_ARGUMENT, "for training");
    dnnb__plan_destroy(plan);
    plan = make_plan(net, DNNB__MODE_TRAIN, 0, N_ROWS);
    assert_fails(dnnb__plan_forward(plan, input, NULL), DNNB_ERR_ARGUMENT, "drop: training needs");
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
    dnnb__net_destroy(NULL);
    dnnb__plan_destroy(NULL);
}

static void round_trip(const char *engine) {
    dnnb__graph *graph = make_graph();
    dnnb__net *net = make_net(engine, graph, 1);
    float values[MAX_PARAM], found[MAX_PARAM];
    for (size_t i = 0; i < graph->n_params; i++) {
        size_t n = graph->params[i].count;
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        assert_true(flat.weight && !flat.gradient && flat.n >= n);
        assert_fails(dnnb__net_export_gradient(net, i, found), DNNB_ERR_ARGUMENT,
                     graph->params[i].path);
        dnnb__param_initialize(&graph->params[i], RANDOM.key, values);
        assert_ok(dnnb__net_export(net, i, found));
        assert_memory_equal(values, found, n * sizeof *values);
        for (size_t k = 0; k < flat.n; k++) flat.weight[k] *= 2; /* as an optimiser does */
        dnnb__net_mark_changed(net);
        assert_ok(dnnb__net_export(net, i, found));
        for (size_t k = 0; k < n; k++) assert_true(found[k] == 2 * values[k]);
    }
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_engine__parameters_come_back_as_they_went(void **state) {
    (void)state;
    for_each_engine(round_trip);
}

/* Outputs of two plans that follow each other and of the whole. */
static void compute_in_parts(const char *engine) {
    dnnb__graph *graph = make_graph();
    dnnb__net *net = make_net(engine, graph, 2);
    float whole[BATCH * N_OUTPUTS];
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TEST, 0, N_ROWS);
    assert_ok(dnnb__plan_forward(plan, input, NULL));
    memcpy(whole, dnnb__plan_get_output(plan), sizeof whole);
    for (size_t cut = 1; cut < N_ROWS; cut++) {
        if (cut == 4) continue; /* c2: the sum reads what lies before it */
        dnnb__plan *first = make_plan(net, DNNB__MODE_TEST, 0, cut);
        dnnb__plan *second = make_plan(net, DNNB__MODE_TEST, cut, N_ROWS);
        assert_ok(dnnb__plan_forward(first, input, NULL));
        size_t n;
        assert_true(dnnb__shape_count(&graph->nodes[cut].shape, &n));
        float *middle = dnnb__alloc(BATCH * n, sizeof *middle);
        memcpy(middle, dnnb__plan_get_output(first), BATCH * n * sizeof *middle);
        assert_ok(dnnb__plan_forward(second, middle, NULL));
        const float *found = dnnb__plan_get_output(second);
        /* Outputs are near 1; the middle is rounded to float32. */
        for (size_t i = 0; i < BATCH * N_OUTPUTS; i++)
            assert_true(fabs((double)found[i] - (double)whole[i]) < 2e-6);
        dnnb__free(middle);
        dnnb__plan_destroy(first);
        dnnb__plan_destroy(second);
    }
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_engine__two_parts_make_the_whole(void **state) {
    (void)state;
    for_each_engine(compute_in_parts);
}

static void train_frozen(const char *engine) {
    dnnb__graph *graph = make_graph();
    dnnb__graph_set_trainable(graph, "c1,c2.bias", false);
    dnnb__net *net = make_net(engine, graph, 2);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 0, N_ROWS);
    float before[MAX_PARAM], after[MAX_PARAM];
    assert_ok(dnnb__plan_forward(plan, input, &RANDOM));
    assert_ok(dnnb__plan_backward(plan, output_gradient));
    assert_null(dnnb__plan_get_input_gradient(plan));
    for (size_t i = 0; i < graph->n_params; i++) {
        const dnnb__param *param = &graph->params[i];
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        assert_int_equal(flat.gradient != NULL, param->trainable);
        dnnb_status status = dnnb__net_export_gradient(net, i, after);
        assert_int_equal(status, param->trainable ? DNNB_OK : DNNB_ERR_ARGUMENT);
        dnnb__param_initialize(param, RANDOM.key, before);
        assert_ok(dnnb__net_export(net, i, after)); /* a step of the engine changes no weight */
        assert_memory_equal(before, after, param->count * sizeof *before);
    }
    for (size_t i = 0; i < dnnb__plan_get_n_ops(plan); i++) {
        dnnb__plan_op op = dnnb__plan_get_op(plan, i);
        assert_true(op.layer && op.pass && op.implementation && op.flops >= 0);
        if (strcmp(op.layer, "c1") == 0 && strncmp(op.pass, "backward", 8) == 0)
            fail_msg("%s: a frozen layer at the start is differentiated", engine);
    }
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_engine__frozen_parameters_get_no_gradient(void **state) {
    (void)state;
    for_each_engine(train_frozen);
}

/* One training step's output and head gradient. Returns the allocations of the two passes. */
static uint64_t step(dnnb__plan *plan, size_t head, float *output, float *gradient) {
    uint64_t before = dnnb__mem_get_count();
    assert_ok(dnnb__plan_forward(plan, input, &RANDOM));
    memcpy(output, dnnb__plan_get_output(plan), BATCH * N_OUTPUTS * sizeof *output);
    assert_ok(dnnb__plan_backward(plan, output_gradient));
    uint64_t n_allocations = dnnb__mem_get_count() - before;
    assert_ok(dnnb__net_export_gradient(plan->net, head, gradient));
    return n_allocations;
}

static void repeat(const char *engine) {
    static float output[2][BATCH * N_OUTPUTS], gradient[2][MAX_PARAM];
    dnnb__graph *graph = make_graph();
    dnnb__net *net = make_net(engine, graph, 2);
    size_t head = dnnb__graph_find_param(graph, "fc.weight");
    dnnb__plan *train = make_plan(net, DNNB__MODE_TRAIN, 0, N_ROWS);
    dnnb__plan *test = make_plan(net, DNNB__MODE_TEST, 0, N_ROWS);
    memset(gradient, 0, sizeof gradient);
    assert_int_equal(step(train, head, output[0], gradient[0]), 0);
    assert_ok(dnnb__plan_forward(test, input, NULL)); /* plans share buffers, not results */
    assert_int_equal(step(train, head, output[1], gradient[1]), 0);
    uint64_t before = dnnb__mem_get_count();
    dnnb__net_mark_changed(net);
    assert_ok(dnnb__plan_forward(test, input, NULL));
    assert_int_equal(dnnb__mem_get_count(), before);
    assert_memory_equal(output[0], output[1], sizeof output[0]);
    assert_memory_equal(gradient[0], gradient[1], sizeof gradient[0]);
    dnnb__plan_destroy(train);
    dnnb__plan_destroy(test);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_engine__steps_repeat_and_allocate_nothing(void **state) {
    (void)state;
    for_each_engine(repeat);
}

static void time_ops(const char *engine) {
    dnnb__graph *graph = make_graph();
    dnnb__net *net = make_net(engine, graph, 1);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 0, N_ROWS);
    dnnb__plan_set_timing(plan, true);
    assert_ok(dnnb__plan_forward(plan, input, &RANDOM));
    assert_ok(dnnb__plan_backward(plan, output_gradient));
    double seconds = 0, flops = 0, unpadded_flops = 0;
    for (size_t i = 0; i < dnnb__plan_get_n_ops(plan); i++) {
        dnnb__plan_op op = dnnb__plan_get_op(plan, i);
        seconds += op.seconds;
        flops += op.flops;
        unpadded_flops += op.unpadded_flops;
    }
    /* Forward and weight gradients of all, data gradients of all but the first convolution. */
    double macs = -(double)graph->nodes[1].macs;
    double unpadded_macs = -(double)graph->nodes[1].unpadded_macs;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        macs += 3 * (double)graph->nodes[i].macs;
        unpadded_macs += 3 * (double)graph->nodes[i].unpadded_macs;
    }
    assert_true(seconds > 0 && seconds < 60);
    /* Whole numbers below 2^53: the sums are exact. */
    assert_true(flops == 2 * BATCH * macs);
    assert_true(unpadded_flops == 2 * BATCH * unpadded_macs && unpadded_macs < macs);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_engine__ops_have_times_and_flops(void **state) {
    (void)state;
    for_each_engine(time_ops);
}

static const char *failing_engine;

static dnnb_status build_and_step(void) {
    dnnb__graph *graph = make_graph();
    dnnb__net *net = NULL;
    dnnb__plan *plan = NULL;
    dnnb__plan_options options = {
        .mode = DNNB__MODE_TRAIN, .batch = 1, .to = N_ROWS, .input_gradient = true};
    dnnb_status status = dnnb__net_create(&net, failing_engine, graph, 1);
    if (status == DNNB_OK) status = dnnb__plan_create(&plan, net, &options);
    if (status == DNNB_OK) status = dnnb__plan_forward(plan, input, &RANDOM);
    if (status == DNNB_OK) status = dnnb__plan_backward(plan, output_gradient);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
    return status;
}

static void fail_each(const char *engine) {
    failing_engine = engine;
    uint64_t before = dnnb__mem_get_count();
    dnnb__graph_destroy(make_graph());
    uint64_t n_graph = dnnb__mem_get_count() - before;
    assert_ok(build_and_step());
    uint64_t n = dnnb__mem_get_count() - before - 2 * n_graph;
    assert_true(n > 2);
    for (uint64_t i = 1; i <= n; i++) {
        dnnb__mem_fail_at(n_graph + i);
        dnnb_status status = build_and_step();
        /* An engine may fall back to another implementation; ref has none. */
        if (status != DNNB_OK || strcmp(engine, "ref") == 0)
            assert_int_equal(status, DNNB_ERR_MEMORY);
    }
    dnnb__mem_fail_at(0);
}

static void test_engine_engine__every_failed_allocation_is_an_error(void **state) {
    (void)state;
    for_each_engine(fail_each);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_engine__wrong_arguments_are_refused),
        cmocka_unit_test(test_engine_engine__parameters_come_back_as_they_went),
        cmocka_unit_test(test_engine_engine__two_parts_make_the_whole),
        cmocka_unit_test(test_engine_engine__frozen_parameters_get_no_gradient),
        cmocka_unit_test(test_engine_engine__steps_repeat_and_allocate_nothing),
        cmocka_unit_test(test_engine_engine__ops_have_times_and_flops),
        cmocka_unit_test(test_engine_engine__every_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
