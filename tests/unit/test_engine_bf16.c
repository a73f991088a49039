/*
 * The onednn engine in bfloat16 against the ref engine, and its promises: equal bits run after run,
 * copies that are the rounded weights, frozen features to the bit, no allocation in a step.
 *
 * A bfloat16 has 8 bits, so rounding to the nearest changes a number by 2^-9 to 2^-8 of itself at
 * most, and an array by at most 2^-8 of its norm. Where weights, inputs and output gradients are
 * bfloat16 already, one layer is exact but for that rounding of what it hands on, and its weight
 * gradients, which are sums in float32 of exact products, are not rounded at all.
 */
#include "unit/nets.h"

#include "core/bf16.h"
#include "engine/onednn/net.h"
#include "optim/optim.h"

static const double rounded_once = 0x1p-8, in_float32 = 1e-5;

static bool is_supported(void) {
    if (dnnb__engine_get_bf16_support("onednn") != DNNB__BF16_NONE) return true;
    printf("left out: this processor has no AVX-512\n");
    return false;
}

static void round_values(float *values, size_t n) {
    for (size_t i = 0; i < n; i++) values[i] = dnnb__bf16_widen(dnnb__bf16_round(values[i]));
}

static float *rounded_values(size_t n, uint32_t place) {
    float *values = random_values(n, place);
    round_values(values, n);
    return values;
}

/* Parameters that are bfloat16, in either precision and engine the same. */
static dnnb__net *make_rounded_net(const char *engine, const dnnb__graph *graph,
                                   dnnb__precision precision) {
    dnnb__net *net;
    assert_ok(dnnb__net_create_in(&net, engine, graph, 2, precision));
    for (size_t i = 0; i < graph->n_params; i++) {
        float *values = rounded_values(graph->params[i].count, 100 + (uint32_t)i);
        for (size_t k = 0; k < graph->params[i].count; k++) values[k] *= 0.125f;
        assert_ok(dnnb__net_import(net, i, values));
        dnnb__free(values);
    }
    return net;
}

static void set_channels_last(dnnb__net *net, bool on) {
    dnnb__dnnl_set_channels_last(((dnnb__onednn_net *)net)->dnnl, on);
}

/* Ways to compute the same, of which the processor decides otherwise; N_WAYS are all together. */
enum { CHANNELS_LAST = 1, EXCHANGES = 2, WIDENS = 4, N_WAYS = 8 };

static void set_ways(dnnb__net *net, unsigned ways) {
    set_channels_last(net, ways & CHANNELS_LAST);
    dnnb__dnnl_set_exchanges(((dnnb__onednn_net *)net)->dnnl, ways & EXCHANGES);
    dnnb__dnnl_set_widens(((dnnb__onednn_net *)net)->dnnl, ways & WIDENS);
}

/* One step of a graph in bfloat16 and by ref. */
static void run_both(const dnnb__graph *graph, size_t batch, unsigned ways, results r[2]) {
    size_t to = graph->n_nodes - 1;
    float *input = rounded_values(batch * count_of(graph, 0), 2);
    float *output_gradient = rounded_values(batch * count_of(graph, to), 3);
    for (int k = 0; k < 2; k++) {
        dnnb__net *net = make_rounded_net(k ? "ref" : "onednn", graph, k ? DNNB__F32 : DNNB__BF16);
        if (k == 0) set_ways(net, ways);
        dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, batch, 0, to, true);
        run_step_from(plan, input, output_gradient, &r[k]);
        dnnb__plan_destroy(plan);
        dnnb__net_destroy(net);
    }
    dnnb__free(input);
    dnnb__free(output_gradient);
}

/* What both make of one layer: the output as near as is said, the input gradient rounded once,
 * weight gradients exact. */
static void compare_both(const dnnb__graph *graph, size_t batch, unsigned ways, double tolerance) {
    results r[2];
    size_t last = graph->n_nodes - 1;
    const char *path = graph->nodes[last].path;
    run_both(graph, batch, ways, r);
    assert_near(path, r[0].output, r[1].output, batch * count_of(graph, last), tolerance);
    assert_near(path, r[0].input_gradient, r[1].input_gradient, batch * count_of(graph, 0),
                rounded_once);
    for (size_t i = 0; i < graph->n_params; i++)
        assert_near(graph->params[i].path, r[0].gradients[i], r[1].gradients[i],
                    graph->params[i].count, in_float32);
    results_free(&r[0]);
    results_free(&r[1]);
}

static void compare_layer(const dnnb__layer_row *row, int64_t channels, int64_t size) {
    dnnb__graph *graph = make_graph(row, 1, channels, size);
    for (unsigned ways = 0; ways < N_WAYS; ways++) compare_both(graph, 3, ways, rounded_once);
    dnnb__graph_destroy(graph);
}

static void test_engine_bf16__each_layer_equals_ref(void **state) {
    (void)state;
    static const dnnb__layer_row rows[] = {CONV("converted", 20, 11, 11, 4, 2),
                                           CONV("small", 24, 3, 3, 1, 1),
                                           CONV("pointwise", 40, 1, 1, 1, 0),
                                           RELU("relu"),
                                           POOL("overlapping", 3, 2, 0),
                                           POOL("padded", 3, 1, 1),
                                           AVGPOOL("average", 4),
                                           AVGPOOL("uneven", 5)};
    if (!is_supported()) return;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        compare_layer(&rows[i], 3, 31);
        if (i > 0) compare_layer(&rows[i], 16, 12);
        if (i > 0) compare_layer(&rows[i], 37, 12);
    }
}

/* How the plan of a layer makes its data gradient: by oneDNN's "jit" or not, by a flip or not. */
static void find_data_gradient(const dnnb__graph *graph, unsigned ways, bool *is_jit,
                               bool *is_flipped) {
    dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
    set_ways(net, ways);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 3, 0, graph->n_nodes - 1, true);
    *is_jit = *is_flipped = false;
    for (size_t i = 0; i < dnnb__plan_get_n_ops(plan); i++) {
        dnnb__plan_op op = dnnb__plan_get_op(plan, i);
        *is_flipped |= strcmp(op.implementation, "own flip") == 0;
        *is_jit |= op.flops > 0 && strcmp(op.pass, "backward data") == 0 &&
                   strncmp(op.implementation, "jit:", 4) == 0;
    }
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
}

static dnnb__layer_row dilated(dnnb__layer_row row) {
    row.attr.conv2d.dilation[0] = row.attr.conv2d.dilation[1] = 2;
    return row;
}

/* A convolution of stride 1 whose kernel reaches over its padding can be turned round. */
static void test_engine_bf16__data_gradients_as_forward_passes_equal_ref(void **state) {
    (void)state;
    const dnnb__layer_row rows[] = {CONV("pointwise", 48, 1, 1, 1, 0),
                                    CONV("usual", 32, 3, 3, 1, 1),
                                    CONV("unpadded", 17, 3, 3, 1, 0),
                                    CONV("wide", 3, 5, 5, 1, 2),
                                    CONV("valid", 48, 5, 5, 1, 0),
                                    CONV("column", 16, 3, 1, 1, 0),
                                    CONV("row", 16, 1, 4, 1, 0),
                                    dilated((dnnb__layer_row)CONV("dilated", 17, 3, 3, 1, 2)),
                                    CONV("strided", 16, 3, 3, 2, 1),
                                    CONV("beyond", 16, 1, 1, 1, 1)};
    enum { N_ROWS = sizeof rows / sizeof rows[0], N_SUIT = N_ROWS - 2 };
    static const int64_t channels[] = {3, 17, 32, 48};
    if (!is_supported()) return;
    for (size_t i = 0; i < N_ROWS * 4; i++) {
        const dnnb__layer_row *row = &rows[i / 4];
        dnnb__graph *graph = make_graph(row, 1, channels[i % 4], 11);
        bool is_jit, is_flipped, ignored;
        find_data_gradient(graph, CHANNELS_LAST, &is_jit, &is_flipped);
        assert_false(is_flipped);
        find_data_gradient(graph, CHANNELS_LAST | EXCHANGES, &ignored, &is_flipped);
        if (is_flipped != (is_jit && i / 4 < N_SUIT))
            fail_msg("%s, %d channels: %s", row->path, (int)channels[i % 4],
                     is_flipped ? "turned round" : "not turned round");
        compare_layer(row, channels[i % 4], 11);
        dnnb__graph_destroy(graph);
    }
}

/* Each step of training changes the weights that the data gradient has copies of. */
static void check_data_gradients(const dnnb__graph *graph) {
    dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
    set_ways(net, CHANNELS_LAST | EXCHANGES);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 2, 0, 1, true);
    size_t n = 2 * count_of(graph, 0), n_out = 2 * count_of(graph, 1);
    float *input = rounded_values(n, 2), *output_gradient = rounded_values(n_out, 3);
    dnnb__flat flat = dnnb__net_get_flat(net, 0);
    results r[3];
    for (int k = 0; k < 3; k++) {
        run_step_from(plan, input, output_gradient, &r[k]);
        for (size_t i = 0; i < flat.n; i++) flat.weight[i] *= k == 0 ? -2.0f : 0.0f;
        (k == 0 ? dnnb__net_mark_changed : dnnb__net_mark_trained)(net);
    }
    for (size_t i = 0; i < n; i++) {
        assert_true(r[1].input_gradient[i] == -2.0f * r[0].input_gradient[i]);
        assert_true(r[2].input_gradient[i] == 0.0f);
    }
    for (int k = 0; k < 3; k++) results_free(&r[k]);
    dnnb__free(input);
    dnnb__free(output_gradient);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
}

/* Of few channels, and of as many as Winograd's convolution with AMX takes. */
static void test_engine_bf16__changed_weights_reach_data_gradients(void **state) {
    (void)state;
    static const dnnb__layer_row rows[] = {CONV("usual", 32, 3, 3, 1, 1),
                                           CONV("deep", 192, 3, 3, 1, 1)};
    if (!is_supported()) return;
    for (size_t i = 0; i < 2; i++) {
        dnnb__graph *graph = make_graph(&rows[i], 1, i ? 192 : 32, 11);
        check_data_gradients(graph);
        dnnb__graph_destroy(graph);
    }
}

/* Linear layers, dropout, sums and joins need a graph of some layers, of which only the last two
 * round. */
static void compare_linear(int32_t n_out, size_t batch, int64_t channels, int64_t size) {
    const dnnb__layer_row rows[] = {FLATTEN("f"), DROPOUT("d", 0.5f), LINEAR("l", n_out)};
    dnnb__graph *graph = make_graph(rows, 3, channels, size);
    /* Inputs are doubled by the dropout, exactly; the output is float32. */
    compare_both(graph, batch, 0, in_float32);
    dnnb__graph_destroy(graph);
}

static void test_engine_bf16__linear_layers_equal_ref(void **state) {
    (void)state;
    static const int32_t n_outs[] = {1, 30, 64, 100, 128, 256};
    if (!is_supported()) return;
    for (size_t i = 0; i < sizeof n_outs / sizeof n_outs[0]; i++) {
        compare_linear(n_outs[i], 5, 7, 6);
        compare_linear(n_outs[i], 64, 3, 4); /* 48 inputs: not whole blocks of 32 */
        compare_linear(n_outs[i], 33, 16, 8);
    }
}

/* Large enough for own kernels. Before a ReLU the output is rounded, as the network's it is not. */
static void test_engine_bf16__large_linear_layers_equal_ref(void **state) {
    (void)state;
    static const dnnb__layer_row rows[] = {FLATTEN("f"), LINEAR("hidden", 2048), RELU("r")};
    if (!is_supported()) return;
    dnnb__graph *graph = make_graph(rows, 3, 16, 8);
    compare_both(graph, 5, 0, rounded_once);
    dnnb__graph_destroy(graph);
    compare_linear(2048, 17, 16, 8);
}

/* Of activations that are bfloat16 already, and of weights that are not. */
static void test_engine_bf16__widened_linear_layers_equal_float32_bit_for_bit(void **state) {
    (void)state;
    enum { BATCH = 5, N_IN = BATCH * 1024, N_OUT = BATCH * 2048 };
    static const dnnb__layer_row rows[] = {FLATTEN("f"), LINEAR("hidden", 2048)};
    static const dnnb__precision precisions[] = {DNNB__F32, DNNB__BF16};
    if (dnnb__engine_get_bf16_support("onednn") != DNNB__BF16_WIDENED) {
        printf("left out: this processor does not widen bfloat16\n");
        return;
    }
    dnnb__graph *graph = make_graph(rows, 2, 16, 8);
    float *input = rounded_values(N_IN, 2), *output_gradient = rounded_values(N_OUT, 3);
    results r[2];
    for (int k = 0; k < 2; k++) {
        dnnb__net *net;
        assert_ok(dnnb__net_create_in(&net, "onednn", graph, 2, precisions[k]));
        for (size_t i = 0; i < graph->n_params; i++) {
            float *values = random_values(graph->params[i].count, 100 + (uint32_t)i);
            assert_ok(dnnb__net_import(net, i, values));
            dnnb__free(values);
        }
        dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, BATCH, 0, 2, true);
        run_step_from(plan, input, output_gradient, &r[k]);
        dnnb__plan_destroy(plan);
        dnnb__net_destroy(net);
    }
    round_values(r[0].input_gradient, N_IN);
    assert_memory_equal(r[1].output, r[0].output, N_OUT * sizeof(float));
    assert_memory_equal(r[1].input_gradient, r[0].input_gradient, N_IN * sizeof(float));
    for (size_t i = 0; i < graph->n_params; i++)
        assert_memory_equal(r[1].gradients[i], r[0].gradients[i],
                            graph->params[i].count * sizeof(float));
    results_free(&r[0]);
    results_free(&r[1]);
    dnnb__free(input);
    dnnb__free(output_gradient);
    dnnb__graph_destroy(graph);
}

/* Ops of a layer's plan that multiply, and those of them that `implementation` makes. */
typedef struct op_counts {
    size_t n, n_own;
} op_counts;

static op_counts count_ops(const dnnb__plan *plan, const char *layer, const char *implementation) {
    op_counts counts = {0};
    for (size_t i = 0; i < dnnb__plan_get_n_ops(plan); i++) {
        dnnb__plan_op op = dnnb__plan_get_op(plan, i);
        if (strcmp(op.layer, layer) != 0 || op.flops == 0) continue;
        counts.n++;
        counts.n_own += strcmp(op.implementation, implementation) == 0;
    }
    return counts;
}

/* The passes of a hidden layer. Where bfloat16 is widened they need no copy of its weights. */
static void test_engine_bf16__own_kernels_make_linear_passes(void **state) {
    (void)state;
    static const dnnb__layer_row rows[] = {FLATTEN("f"), DROPOUT("d", 0.5f), LINEAR("hidden", 2048),
                                           RELU("r"), LINEAR("l", 2)};
    if (!is_supported()) return;
    bool has_tiles = dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_TILES;
    dnnb__graph *graph = make_graph(rows, 5, 16, 8);
    dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 64, 0, graph->n_nodes - 1, true);
    bool widens = dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_WIDENED;
    op_counts passes = count_ops(plan, "hidden", widens ? "own:avx512" : "own:amx");
    assert_int_equal(passes.n, 3);
    assert_int_equal(passes.n_own, widens || has_tiles ? 3 : 0);
    if (widens) assert_null(dnnb__net_get_flat(net, 0).copy);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

/* Of both windows, where bfloat16 is widened and channels lie in blocks, which oneDNN does not
 * choose with AMX. */
static void test_engine_bf16__winograd_makes_all_passes_where_it_is_widened(void **state) {
    (void)state;
    static const dnnb__layer_row rows[] = {CONV("three", 32, 3, 3, 1, 1),
                                           CONV("five", 64, 5, 5, 1, 2)};
    if (!is_supported()) return;
    bool has_tiles = dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_TILES;
    dnnb__graph *graph = make_graph(rows, 2, 32, 11);
    for (unsigned ways = 0; ways < N_WAYS; ways++) {
        dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
        set_ways(net, ways);
        dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 3, 0, graph->n_nodes - 1, true);
        for (size_t i = 0; i < 2; i++) {
            op_counts passes = count_ops(plan, rows[i].path, "own:avx512_winograd");
            assert_int_equal(passes.n, 3);
            if (!(ways & WIDENS) || (ways & CHANNELS_LAST))
                assert_int_equal(passes.n_own, 0);
            else if (!has_tiles)
                assert_int_equal(passes.n_own, 3);
        }
        dnnb__plan_destroy(plan);
        dnnb__net_destroy(net);
    }
    dnnb__graph_destroy(graph);
}

/* With AMX what Winograd's convolution multiplies is rounded too (test_kernels_winograd.c): 0.42%
 * in all. Weight gradients are not made by it. */
static void test_engine_bf16__winograd_with_amx_is_near_ref(void **state) {
    (void)state;
    static const dnnb__layer_row row = CONV("deep", 192, 3, 3, 1, 1);
    if (!is_supported()) return;
    bool has_tiles = dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_TILES;
    dnnb__graph *graph = make_graph(&row, 1, 192, 13);
    for (unsigned ways = 0; ways < N_WAYS; ways++) {
        dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
        set_ways(net, ways);
        dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 3, 0, 1, true);
        bool rounds = has_tiles && (ways & CHANNELS_LAST) && !(ways & WIDENS);
        op_counts passes = count_ops(plan, "deep", "own:amx_winograd");
        assert_int_equal(passes.n, 3);
        assert_int_equal(passes.n_own, rounds ? 2 : 0);
        dnnb__plan_destroy(plan);
        dnnb__net_destroy(net);
        results r[2];
        double tolerance = rounds ? 0.005 : rounded_once;
        run_both(graph, 3, ways, r);
        assert_near("output", r[0].output, r[1].output, 3 * count_of(graph, 1), tolerance);
        assert_near("input", r[0].input_gradient, r[1].input_gradient, 3 * count_of(graph, 0),
                    tolerance);
        for (size_t i = 0; i < graph->n_params; i++)
            assert_near(graph->params[i].path, r[0].gradients[i], r[1].gradients[i],
                        graph->params[i].count, in_float32);
        results_free(&r[0]);
        results_free(&r[1]);
    }
    dnnb__graph_destroy(graph);
}

static double cosine(const float *a, const float *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa == 0 && bb == 0 ? 1.0 : ab / sqrt(aa * bb);
}

/* Some ten layers, each of which rounds: sqrt(10) 2^-9 on the average in the output, and a maximum
 * or a ReLU here and there that falls to the other side, of which gradients get more. */
static void test_engine_bf16__networks_are_near_ref(void **state) {
    (void)state;
    dnnb__graph *graphs[] = {GRAPH(chain, 3, 95), GRAPH(residual, 3, 14), GRAPH(branches, 4, 9)};
    for (size_t g = 0; g < 3 * N_WAYS; g++) {
        const dnnb__graph *graph = graphs[g % 3];
        results r[2];
        if (!is_supported()) break;
        run_both(graph, 3, (unsigned)g / 3, r);
        assert_near("output", r[0].output, r[1].output, 3 * count_of(graph, graph->n_nodes - 1),
                    2e-2);
        for (size_t i = 0; i < graph->n_params; i++) {
            double c = cosine(r[0].gradients[i], r[1].gradients[i], graph->params[i].count);
            if (!(c >= 0.99)) fail_msg("%s: cosine %g", graph->params[i].path, c);
        }
        results_free(&r[0]);
        results_free(&r[1]);
    }
    for (size_t i = 0; i < 3; i++) dnnb__graph_destroy(graphs[i]);
}

/* A layer that oneDNN could only compute by its plain loops is refused by name. */
static void test_engine_bf16__no_slow_implementation_is_taken(void **state) {
    (void)state;
    if (!is_supported()) return;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 3, 0, graph->n_nodes - 1, false);
    for (size_t i = 0; i < dnnb__plan_get_n_ops(plan); i++) {
        dnnb__plan_op op = dnnb__plan_get_op(plan, i);
        if (strncmp(op.implementation, "ref", 3) == 0 ||
            strncmp(op.implementation, "simple", 6) == 0)
            fail_msg("%s, %s: %s", op.layer, op.pass, op.implementation);
    }
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_bf16__ref_refuses(void **state) {
    (void)state;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net;
    assert_fails(dnnb__net_create_in(&net, "ref", graph, 1, DNNB__BF16), DNNB_ERR_UNSUPPORTED,
                 "found ref on any; take f32, or auto");
    assert_null(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_bf16__results_repeat_bit_for_bit(void **state) {
    (void)state;
    if (!is_supported()) return;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    size_t last = graph->n_nodes - 1;
    float *input = random_values(3 * count_of(graph, 0), 2);
    results r[2];
    for (int k = 0; k < 2; k++) {
        dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
        dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 3, 0, last, false);
        run_step(plan, input, &r[k]);
        dnnb__plan_destroy(plan);
        dnnb__net_destroy(net);
    }
    assert_memory_equal(r[0].output, r[1].output, 3 * count_of(graph, last) * sizeof(float));
    for (size_t i = 0; i < graph->n_params; i++)
        assert_memory_equal(r[0].gradients[i], r[1].gradients[i],
                            graph->params[i].count * sizeof(float));
    results_free(&r[0]);
    results_free(&r[1]);
    dnnb__free(input);
    dnnb__graph_destroy(graph);
}

static void test_engine_bf16__images_that_are_laid_out_give_the_same_bits(void **state) {
    (void)state;
    if (!is_supported()) return;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
    for (size_t batch = 1; batch < 4; batch++) compare_laid_out(net, batch);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

/* Features go from one plan to the next in float32, which loses nothing of a bfloat16. */
static void test_engine_bf16__parts_equal_the_whole_bit_for_bit(void **state) {
    (void)state;
    if (!is_supported()) return;
    enum { BATCH = 3 };
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
    size_t last = graph->n_nodes - 1, n_out = BATCH * count_of(graph, last);
    float *input = random_values(BATCH * count_of(graph, 0), 2), *whole;
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TEST, BATCH, 0, last, false);
    assert_ok(dnnb__plan_forward(plan, input, NULL));
    whole = copy_of(dnnb__plan_get_output(plan), n_out);
    for (size_t cut = 1; cut < last; cut++) {
        dnnb__plan *parts[2] = {make_plan(net, DNNB__MODE_TEST, BATCH, 0, cut, false),
                                make_plan(net, DNNB__MODE_TEST, BATCH, cut, last, false)};
        assert_ok(dnnb__plan_forward(parts[0], input, NULL));
        float *features = copy_of(dnnb__plan_get_output(parts[0]), BATCH * count_of(graph, cut));
        assert_ok(dnnb__plan_forward(parts[1], features, NULL));
        assert_memory_equal(dnnb__plan_get_output(parts[1]), whole, n_out * sizeof(float));
        dnnb__free(features);
        dnnb__plan_destroy(parts[0]);
        dnnb__plan_destroy(parts[1]);
    }
    dnnb__plan_destroy(plan);
    dnnb__free(whole);
    dnnb__free(input);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

/* The flat arrays of a net, and an optimiser over them that writes the copies too. */
typedef struct trained {
    dnnb__optimizer *optimizer;
    float *weights[40];
    const float *gradients[40];
} trained;

static void trained_create(trained *t, dnnb__net *net, const char *name, double momentum) {
    const dnnb__graph *graph = dnnb__net_get_graph(net);
    size_t sizes[40];
    dnnb_optimizer_options options = DNNB_OPTIMIZER_OPTIONS_INIT;
    options.name = name;
    options.lr = 1e-2;
    options.momentum = momentum;
    for (size_t i = 0; i < graph->n_params; i++) sizes[i] = dnnb__net_get_flat(net, i).n;
    assert_ok(dnnb__optimizer_create(&t->optimizer, &options, sizes, graph->n_params));
    for (size_t i = 0; i < graph->n_params; i++) {
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        t->weights[i] = flat.weight;
        t->gradients[i] = flat.gradient;
        dnnb__optimizer_set_copy(t->optimizer, i, flat.copy, flat.row);
    }
}

/* After each optimiser's step the copies are the rounded masters: a plan that reads them computes
 * what a new net with these parameters does. @return How many there are. */
static size_t check_copies(const dnnb__graph *graph, const char *optimizer, double momentum) {
    size_t last = graph->n_nodes - 1, n_out = 3 * count_of(graph, last), n_copies = 0;
    float *input = random_values(3 * count_of(graph, 0), 2);
    dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16), *other;
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 3, 0, last, false);
    results r;
    trained t;
    run_step(plan, input, &r);
    results_free(&r);
    trained_create(&t, net, optimizer, momentum);
    dnnb__optimizer_step(t.optimizer, 1.0, t.weights, t.gradients);
    dnnb__net_mark_trained(net);
    assert_ok(dnnb__net_create_in(&other, "onednn", graph, 2, DNNB__BF16));
    for (size_t i = 0; i < graph->n_params; i++) {
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        float *values = dnnb__alloc(graph->params[i].count, sizeof *values);
        assert_ok(dnnb__net_export(net, i, values));
        assert_ok(dnnb__net_import(other, i, values));
        dnnb__free(values);
        if (!flat.copy) continue;
        uint16_t *expected = dnnb__calloc(flat.n, sizeof *expected);
        dnnb__bf16_round_pairs(flat.weight, flat.n, flat.row, expected);
        assert_memory_equal(flat.copy, expected, flat.n * sizeof *expected);
        dnnb__free(expected);
        n_copies++;
    }
    dnnb__plan *tests[2] = {make_plan(net, DNNB__MODE_TEST, 3, 0, last, false),
                            make_plan(other, DNNB__MODE_TEST, 3, 0, last, false)};
    assert_ok(dnnb__plan_forward(tests[0], input, NULL));
    assert_ok(dnnb__plan_forward(tests[1], input, NULL));
    assert_memory_equal(dnnb__plan_get_output(tests[0]), dnnb__plan_get_output(tests[1]),
                        n_out * sizeof(float));
    dnnb__plan_destroy(tests[0]);
    dnnb__plan_destroy(tests[1]);
    dnnb__plan_destroy(plan);
    dnnb__optimizer_destroy(t.optimizer);
    dnnb__net_destroy(net);
    dnnb__net_destroy(other);
    dnnb__free(input);
    return n_copies;
}

/* Those of convolutions, and of linear layers where passes read copies. */
static void test_engine_bf16__optimisers_write_the_copies(void **state) {
    (void)state;
    static const dnnb__layer_row hidden[] = {FLATTEN("f"), LINEAR("hidden", 2048), RELU("r"),
                                             LINEAR("l", 2)};
    static const struct {
        const char *name;
        double momentum;
    } cases[] = {{"adam", 0}, {"adamw", 0}, {"sgd", 0}, {"sgd", 0.9}};
    if (!is_supported()) return;
    dnnb__graph *graphs[] = {GRAPH(chain, 3, 95), make_graph(hidden, 4, 16, 8)};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++)
        for (size_t g = 0; g < 2; g++) {
            size_t n_copies = check_copies(graphs[g], cases[k].name, cases[k].momentum);
            assert_true(n_copies > 0 || g > 0);
        }
    for (size_t g = 0; g < 2; g++) dnnb__graph_destroy(graphs[g]);
}

/* Weights that somebody else changes reach the copies by dnnb__net_mark_changed(). */
static void check_changed_copies(const dnnb__graph *graph) {
    dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
    size_t last = graph->n_nodes - 1, n_out = count_of(graph, last);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TEST, 1, 0, last, false);
    float *input = random_values(count_of(graph, 0), 2);
    assert_ok(dnnb__plan_forward(plan, input, NULL));
    assert_true(dnnb__plan_get_output(plan)[0] != 0.0f);
    for (size_t i = 0; i < graph->n_params; i++) {
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        memset(flat.weight, 0, flat.n * sizeof *flat.weight);
    }
    dnnb__net_mark_changed(net);
    assert_ok(dnnb__plan_forward(plan, input, NULL));
    for (size_t i = 0; i < n_out; i++) assert_true(dnnb__plan_get_output(plan)[i] == 0.0f);
    dnnb__free(input);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
}

static void test_engine_bf16__changed_weights_reach_their_copies(void **state) {
    (void)state;
    static const dnnb__layer_row row = CONV("deep", 192, 3, 3, 1, 1);
    if (!is_supported()) return;
    dnnb__graph *graphs[] = {GRAPH(chain, 3, 95), make_graph(&row, 1, 192, 13)};
    for (size_t i = 0; i < 2; i++) {
        check_changed_copies(graphs[i]);
        dnnb__graph_destroy(graphs[i]);
    }
}

/* What the optimisers must find: zeros stay zeros under an elementwise update. */
static void test_engine_bf16__padding_of_weights_and_gradients_is_zero(void **state) {
    (void)state;
    if (!is_supported()) return;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 3, 0, graph->n_nodes - 1, false);
    float *input = random_values(3 * count_of(graph, 0), 2);
    results r;
    run_step(plan, input, &r);
    for (size_t i = 0; i < graph->n_params; i++) {
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        size_t n_weights = 0, n_gradients = 0, count = graph->params[i].count;
        for (size_t k = 0; k < flat.n; k++) {
            n_weights += flat.weight[k] != 0.0f;
            n_gradients += flat.gradient[k] != 0.0f;
        }
        assert_true(n_weights <= count && n_gradients <= count);
    }
    results_free(&r);
    dnnb__free(input);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_bf16__a_nan_reaches_the_output(void **state) {
    (void)state;
    if (!is_supported()) return;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net = make_rounded_net("onednn", graph, DNNB__BF16);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TEST, 1, 0, graph->n_nodes - 1, false);
    float *input = random_values(count_of(graph, 0), 2);
    for (size_t i = 0; i < count_of(graph, 0); i++) input[i] = (float)NAN;
    assert_ok(dnnb__plan_forward(plan, input, NULL));
    for (size_t i = 0; i < count_of(graph, graph->n_nodes - 1); i++)
        assert_true(isnan(dnnb__plan_get_output(plan)[i]));
    dnnb__free(input);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_bf16__each_layer_equals_ref),
        cmocka_unit_test(test_engine_bf16__data_gradients_as_forward_passes_equal_ref),
        cmocka_unit_test(test_engine_bf16__changed_weights_reach_data_gradients),
        cmocka_unit_test(test_engine_bf16__linear_layers_equal_ref),
        cmocka_unit_test(test_engine_bf16__large_linear_layers_equal_ref),
        cmocka_unit_test(test_engine_bf16__widened_linear_layers_equal_float32_bit_for_bit),
        cmocka_unit_test(test_engine_bf16__own_kernels_make_linear_passes),
        cmocka_unit_test(test_engine_bf16__winograd_makes_all_passes_where_it_is_widened),
        cmocka_unit_test(test_engine_bf16__winograd_with_amx_is_near_ref),
        cmocka_unit_test(test_engine_bf16__networks_are_near_ref),
        cmocka_unit_test(test_engine_bf16__no_slow_implementation_is_taken),
        cmocka_unit_test(test_engine_bf16__ref_refuses),
        cmocka_unit_test(test_engine_bf16__results_repeat_bit_for_bit),
        cmocka_unit_test(test_engine_bf16__images_that_are_laid_out_give_the_same_bits),
        cmocka_unit_test(test_engine_bf16__parts_equal_the_whole_bit_for_bit),
        cmocka_unit_test(test_engine_bf16__optimisers_write_the_copies),
        cmocka_unit_test(test_engine_bf16__changed_weights_reach_their_copies),
        cmocka_unit_test(test_engine_bf16__padding_of_weights_and_gradients_is_zero),
        cmocka_unit_test(test_engine_bf16__a_nan_reaches_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
