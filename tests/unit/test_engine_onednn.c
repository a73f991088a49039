/*
 * The onednn engine against the ref engine, and its own promises: equal bits run after run, parts
 * equal to the whole, no allocation in a step, padding that stays zero.
 */
#include "unit/nets.h"

#include "core/thread.h"
#include "engine/onednn/dnnl_api.h"
#include "engine/onednn/net.h"
#include "kernels/kernels.h"
#include "models/models.h"

/* float32 sums of up to some thousand terms against float64: some 1e-7 a value. Gradients gather
 * the errors of all layers, and a maximum or a ReLU on the edge may fall to the other side. */
static const double output_tolerance = 1e-5, gradient_tolerance = 1e-4;

/* Both engines compute the same step. */
static void compare_step(const dnnb__graph *graph, size_t batch, size_t from, bool input_gradient) {
    const char *engines[] = {"onednn", "ref"};
    results r[2];
    size_t to = graph->n_nodes - 1;
    float *input = random_values(batch * count_of(graph, from), 2);
    for (int k = 0; k < 2; k++) {
        dnnb__net *net = make_net(engines[k], graph, 2);
        dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, batch, from, to, input_gradient);
        run_step(plan, input, &r[k]);
        dnnb__plan_destroy(plan);
        dnnb__net_destroy(net);
    }
    assert_near("output", r[0].output, r[1].output, batch * count_of(graph, to), output_tolerance);
    if (input_gradient)
        assert_near("input gradient", r[0].input_gradient, r[1].input_gradient,
                    batch * count_of(graph, from), gradient_tolerance);
    for (size_t i = 0; i < graph->n_params; i++)
        if (r[1].gradients[i])
            assert_near(graph->params[i].path, r[0].gradients[i], r[1].gradients[i],
                        graph->params[i].count, gradient_tolerance);
    results_free(&r[0]);
    results_free(&r[1]);
    dnnb__free(input);
}

static void test_engine_onednn__small_networks_equal_ref(void **state) {
    (void)state;
    dnnb__graph *graphs[] = {GRAPH(chain, 3, 95), GRAPH(residual, 3, 14), GRAPH(branches, 4, 9),
                             GRAPH(windows, 3, 36)};
    for (size_t i = 0; i < 4; i++) {
        compare_step(graphs[i], 3, 0, false);
        compare_step(graphs[i], 1, 0, true);
        dnnb__graph_destroy(graphs[i]);
    }
}

static void test_engine_onednn__alexnet_equals_ref(void **state) {
    (void)state;
    const dnnb__model *model;
    dnnb__graph *graph;
    assert_ok(dnnb__model_find(&model, "alexnet"));
    assert_ok(dnnb__graph_create(&graph, &model->input));
    assert_ok(model->build(graph));
    assert_ok(dnnb__graph_replace_head(graph, 2));
    compare_step(graph, 1, 0, false);
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__frozen_parts_equal_ref(void **state) {
    (void)state;
    static const struct {
        const char *frozen, *trained;
        size_t from;
    } cases[] = {
        {"c1*,c2*,c3*,c4*", "", 0}, /* the head alone */
        {"*", "c3*", 0},            /* a layer in the middle */
        {"*.weight", "", 0},        /* biases alone */
        {"*.bias", "", 0},          /* weights alone */
        {"c1*", "", 3},             /* a part that starts at a pooled value */
        {"*", "l2.bias", 11},       /* a part that starts at the features */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnnb__graph *graph = GRAPH(chain, 3, 95);
        (void)dnnb__graph_set_trainable(graph, cases[i].frozen, false);
        (void)dnnb__graph_set_trainable(graph, cases[i].trained, true);
        compare_step(graph, 3, cases[i].from, false);
        dnnb__graph_destroy(graph);
    }
}

static void test_engine_onednn__unusual_convolutions_equal_ref(void **state) {
    (void)state;
    static const dnnb__conv2d_attr attrs[] = {
        {.out_channels = 12, .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}},
        {.out_channels = 16, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {2, 2}},
        {.out_channels = 16, .kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}, .groups = 2},
        {.out_channels = 16, .kernel = {3, 3}, .stride = {2, 1}, .padding = {1, 1}, .groups = 16},
        {.out_channels = 9, .kernel = {2, 4}, .stride = {1, 3}, .padding = {0, 2}},
        {.out_channels = 40, .kernel = {1, 1}, .stride = {1, 1}, .no_bias = true},
        {.out_channels = 8, .kernel = {12, 13}, .stride = {4, 4}, .padding = {5, 0}},
    };
    for (size_t i = 0; i < sizeof attrs / sizeof attrs[0]; i++)
        for (int first = 0; first < 2; first++) { /* on the image, and on sixteen channels */
            if (first && attrs[i].groups > 1) continue;
            dnnb__layer_row rows[] = {
                CONV("c0", 16, 3, 3, 1, 1), {.path = "c", .kind = DNNB__LAYER_CONV2D}, RELU("r")};
            rows[1].attr.conv2d = attrs[i];
            dnnb__graph *graph = make_graph(rows + first, (size_t)(3 - first), 3, 19);
            compare_step(graph, 2, 0, true);
            dnnb__graph_destroy(graph);
        }
}

static void test_engine_onednn__parts_equal_the_whole_bit_for_bit(void **state) {
    (void)state;
    enum { BATCH = 3 };
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net = make_net("onednn", graph, 2);
    size_t last = graph->n_nodes - 1, n_out = BATCH * count_of(graph, last);
    float *input = random_values(BATCH * count_of(graph, 0), 2);
    dnnb__plan *whole = make_plan(net, DNNB__MODE_TEST, BATCH, 0, last, false);
    assert_ok(dnnb__plan_forward(whole, input, NULL));
    float *expected = copy_of(dnnb__plan_get_output(whole), n_out);
    for (size_t cut = 1; cut < last; cut++) {
        dnnb__plan *first = make_plan(net, DNNB__MODE_TEST, BATCH, 0, cut, false);
        dnnb__plan *second = make_plan(net, DNNB__MODE_TEST, BATCH, cut, last, false);
        assert_ok(dnnb__plan_forward(first, input, NULL));
        assert_ok(dnnb__plan_forward(second, dnnb__plan_get_output(first), NULL));
        assert_memory_equal(dnnb__plan_get_output(second), expected, n_out * sizeof(float));
        dnnb__plan_destroy(first);
        dnnb__plan_destroy(second);
    }
    dnnb__plan_destroy(whole);
    dnnb__free(expected);
    dnnb__free(input);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__images_that_are_laid_out_give_the_same_bits(void **state) {
    (void)state;
    dnnb__image_layout layout;
    for (size_t batch = 1; batch < 4; batch++) {
        dnnb__graph *graph = GRAPH(chain, 3, 95);
        dnnb__net *net = make_net("onednn", graph, 2);
        compare_laid_out(net, batch);
        dnnb__net_destroy(net);
        net = make_net("ref", graph, 2);
        compare_laid_out(net, batch);
        dnnb__net_destroy(net);
        assert_ok(dnnb__engine_get_image_layout(&layout, "onednn", graph, 2, DNNB__F32));
        assert_int_equal(layout.stride, 4);
        assert_ok(dnnb__engine_get_image_layout(&layout, "ref", graph, 2, DNNB__F32));
        assert_int_equal(layout.stride, 1);
        dnnb__graph_destroy(graph);
        graph = GRAPH(residual, 3, 14); /* its first convolution is not converted */
        net = make_net("onednn", graph, 2);
        compare_laid_out(net, batch);
        dnnb__net_destroy(net);
        dnnb__graph_destroy(graph);
    }
}

/* Padding that is not the same on both axes, and pixels on the right that no weight reads. */
static void
test_engine_onednn__uneven_convolutions_of_laid_out_images_give_the_same_bits(void **state) {
    (void)state;
    static const dnnb__conv2d_attr attrs[] = {
        {.out_channels = 8, .kernel = {12, 13}, .stride = {4, 4}, .padding = {5, 0}},
        {.out_channels = 8, .kernel = {6, 6}, .stride = {3, 3}, .padding = {0, 4}},
    };
    for (size_t i = 0; i < sizeof attrs / sizeof attrs[0]; i++)
        for (int64_t side = 30; side < 34; side++) {
            dnnb__layer_row rows[] = {{.path = "c", .kind = DNNB__LAYER_CONV2D}, RELU("r")};
            rows[0].attr.conv2d = attrs[i];
            dnnb__graph *graph = make_graph(rows, 2, 3, side);
            dnnb__net *net = make_net("onednn", graph, 1);
            compare_laid_out(net, 2);
            dnnb__net_destroy(net);
            dnnb__graph_destroy(graph);
        }
}

/* Two readers of the images: there is no layout for both. */
static void test_engine_onednn__images_that_two_layers_read_are_row_major(void **state) {
    (void)state;
    static const dnnb__layer_row rows[] = {
        CONV("a", 8, 8, 8, 4, 0),
        {.path = "b",
         .kind = DNNB__LAYER_CONV2D,
         .from = {""},
         .attr.conv2d = {.out_channels = 8, .kernel = {8, 8}, .stride = {4, 4}}},
        JOIN("c", CONCAT, "a", "b")};
    dnnb__graph *graph = GRAPH(rows, 3, 32);
    dnnb__net *net = make_net("onednn", graph, 2);
    dnnb__image_layout layout;
    assert_ok(dnnb__engine_get_image_layout(&layout, "onednn", graph, 2, DNNB__F32));
    assert_int_equal(layout.stride, 1);
    compare_laid_out(net, 2);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__import_and_export_are_exact(void **state) {
    (void)state;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net = make_net("onednn", graph, 2);
    for (size_t i = 0; i < graph->n_params; i++) {
        size_t n = graph->params[i].count;
        float *values = random_values(n, (uint32_t)i), *back = random_values(n, 99);
        assert_ok(dnnb__net_import(net, i, values));
        assert_ok(dnnb__net_export(net, i, back));
        assert_memory_equal(back, values, n * sizeof *values);
        dnnb__free(values);
        dnnb__free(back);
    }
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static double sum_of_squares(const float *values, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)values[i] * (double)values[i];
    return sum;
}

static void test_engine_onednn__padding_of_weights_and_gradients_is_zero(void **state) {
    (void)state;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net = make_net("onednn", graph, 2);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 2, 0, graph->n_nodes - 1, false);
    float *input = random_values(2 * count_of(graph, 0), 2);
    results r;
    run_step(plan, input, &r);
    for (size_t i = 0; i < graph->n_params; i++) {
        size_t n = graph->params[i].count;
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        float *weight = dnnb__alloc(n, sizeof *weight);
        assert_ok(dnnb__net_export(net, i, weight));
        assert_true(flat.n >= n);
        /* Float64 sums in another order. */
        double w = sum_of_squares(weight, n), g = sum_of_squares(r.gradients[i], n);
        assert_true(fabs(sum_of_squares(flat.weight, flat.n) - w) <= 1e-12 * w);
        assert_true(fabs(sum_of_squares(flat.gradient, flat.n) - g) <= 1e-12 * g);
        dnnb__free(weight);
    }
    results_free(&r);
    dnnb__free(input);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void assert_same_bits(const dnnb__graph *graph, const results *a, const results *b,
                             size_t n_out) {
    assert_memory_equal(a->output, b->output, n_out * sizeof(float));
    for (size_t i = 0; i < graph->n_params; i++)
        if (a->gradients[i])
            assert_memory_equal(a->gradients[i], b->gradients[i],
                                graph->params[i].count * sizeof(float));
}

static void test_engine_onednn__results_repeat_bit_for_bit(void **state) {
    (void)state;
    dnnb__graph *graph = GRAPH(residual, 3, 30);
    float *input = random_values(5 * count_of(graph, 0), 2);
    results first, again;
    for (int k = 0; k < 3; k++) {
        dnnb__net *net = make_net("onednn", graph, 2);
        dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 5, 0, graph->n_nodes - 1, false);
        run_step(plan, input, k == 0 ? &first : &again);
        if (k > 0) {
            assert_same_bits(graph, &first, &again, 5 * count_of(graph, graph->n_nodes - 1));
            results_free(&again);
        }
        dnnb__plan_destroy(plan);
        dnnb__net_destroy(net);
    }
    results_free(&first);
    dnnb__free(input);
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__plans_share_a_net(void **state) {
    (void)state;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net = make_net("onednn", graph, 2);
    size_t n_large = 20, last = graph->n_nodes - 1, n_out = count_of(graph, last);
    float *input = random_values(n_large * count_of(graph, 0), 2);
    dnnb__step_random random = {.key = key, .step = 0};
    dnnb__plan *small = make_plan(net, DNNB__MODE_TRAIN, 2, 0, last, false);
    results before, after, other;
    run_step(small, input, &before);
    assert_ok(dnnb__plan_forward(small, input, &random));
    /* A larger plan moves the memory that both share. Much larger: with gemm convolutions a small
     * batch may need more scratch memory than one of a few images more. */
    dnnb__plan *large = make_plan(net, DNNB__MODE_TRAIN, n_large, 0, last, false);
    assert_fails(dnnb__plan_backward(small, input), DNNB_ERR_ARGUMENT, "forward pass");
    run_step(large, input, &other);
    run_step(small, input, &after);
    assert_same_bits(graph, &before, &after, 2 * n_out);
    /* The last short batch has the values that it has in a full one. */
    dnnb__plan *test_large = make_plan(net, DNNB__MODE_TEST, n_large, 0, last, false);
    dnnb__plan *test_small = make_plan(net, DNNB__MODE_TEST, 2, 0, last, false);
    assert_ok(dnnb__plan_forward(test_large, input, NULL));
    float *expected = copy_of(dnnb__plan_get_output(test_large), 2 * n_out);
    assert_ok(dnnb__plan_forward(test_small, input, NULL));
    assert_near("short batch", dnnb__plan_get_output(test_small), expected, 2 * n_out,
                output_tolerance);
    dnnb__free(expected);
    results_free(&before);
    results_free(&after);
    results_free(&other);
    dnnb__plan_destroy(test_small);
    dnnb__plan_destroy(test_large);
    dnnb__plan_destroy(large);
    dnnb__plan_destroy(small);
    dnnb__net_destroy(net);
    dnnb__free(input);
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__own_linear_outputs_do_not_depend_on_their_batch(void **state) {
    (void)state;
    dnnb__layer_row rows[] = {FLATTEN("f"), LINEAR("l1", 100), RELU("r"), LINEAR("l2", 17)};
    dnnb__graph *graph = make_graph(rows, 4, 1, 13); /* 169 inputs: no whole number of tiles */
    for (size_t batch = 1; batch <= 13; batch++) compare_step(graph, batch, 0, true);
    dnnb__net *net = make_net("onednn", graph, 2);
    float *input = random_values(13 * 169, 2), expected[13 * 17];
    for (size_t batch = 13; batch >= 1; batch--) {
        dnnb__plan *plan = make_plan(net, DNNB__MODE_TEST, batch, 0, graph->n_nodes - 1, false);
        assert_ok(dnnb__plan_forward(plan, input, NULL));
        if (batch == 13) memcpy(expected, dnnb__plan_get_output(plan), sizeof expected);
        /* Where oneDNN has kernels of its own the order of its sums may follow the batch. */
        if (strncmp(dnnb__plan_get_op(plan, 0).implementation, "own", 3) == 0)
            assert_memory_equal(dnnb__plan_get_output(plan), expected, batch * 17 * sizeof(float));
        else
            assert_near("output", dnnb__plan_get_output(plan), expected, batch * 17,
                        output_tolerance);
        dnnb__plan_destroy(plan);
    }
    dnnb__free(input);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

/* With AVX-512, where oneDNN has kernels of its own, ours take the layers that they are faster in.
 */
static void test_engine_onednn__large_linear_layers_take_own_kernels(void **state) {
    (void)state;
    if (dnnb__onednn_get_isa() < DNNB__ISA_AVX512) return;
    dnnb__layer_row rows[] = {FLATTEN("f"), LINEAR("l", 1024)};
    dnnb__graph *graph = make_graph(rows, 2, 1, 46); /* 2.2 million weights */
    compare_step(graph, 5, 0, true);
    dnnb__net *net = make_net("onednn", graph, 2);
    float *input = random_values(5 * 2116, 2), expected[1024];
    static const size_t batches[] = {5, 1};
    for (size_t i = 0; i < 2; i++) {
        dnnb__plan *plan =
            make_plan(net, DNNB__MODE_TEST, batches[i], 0, graph->n_nodes - 1, false);
        assert_string_equal(dnnb__plan_get_op(plan, 0).implementation,
                            dnnb__kernels_find_linear(DNNB__ISA_AVX512)->name);
        assert_ok(dnnb__plan_forward(plan, input, NULL));
        if (i == 0) memcpy(expected, dnnb__plan_get_output(plan), sizeof expected);
        assert_memory_equal(dnnb__plan_get_output(plan), expected, sizeof expected);
        dnnb__plan_destroy(plan);
    }
    dnnb__free(input);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

/* Whether one of the plan's ops in this pass over the layer is the own kernel; where the processor
 * has none it is asked for nothing. */
static void assert_winograd(const dnnb__plan *plan, const char *layer, const char *pass) {
    const dnnb__winograd_kernel *kernel = dnnb__kernels_find_winograd(dnnb__onednn_get_isa());
    for (size_t i = 0; kernel && i < dnnb__plan_get_n_ops(plan); i++) {
        dnnb__plan_op op = dnnb__plan_get_op(plan, i);
        if (strcmp(op.layer, layer) == 0 && strcmp(op.pass, pass) == 0 &&
            strcmp(op.implementation, kernel->name) == 0)
            return;
    }
    if (kernel) fail_msg("%s, %s: not by %s", layer, pass, kernel->name);
}

/* On the image by way of space to depth (k); with a ReLU of its own and one before a pooling. */
static dnnb__graph *make_small_windows(void) {
    dnnb__layer_row rows[] = {CONV("k", 32, 11, 11, 4, 2),
                              RELU("r0"),
                              CONV("c1", 48, 3, 3, 1, 1),
                              RELU("r1"),
                              CONV("c2", 32, 3, 3, 1, 0),
                              RELU("r2"),
                              POOL("p", 2, 2, 0),
                              CONV("c3", 224, 3, 3, 1, 1),
                              CONV("c4", 32, 5, 5, 1, 2),
                              FLATTEN("f"),
                              LINEAR("l", 3)};
    return make_graph(rows, sizeof rows / sizeof rows[0], 3, 103);
}

/* Of outputs, which no ReLU on the edge makes jump, as it does gradients. */
static void compare_outputs(const dnnb__graph *graph, size_t batch) {
    const char *engines[] = {"onednn", "ref"};
    size_t to = graph->n_nodes - 1, n_out = count_of(graph, to);
    float *input = random_values(batch * count_of(graph, 0), 2);
    dnnb__net *net[2];
    dnnb__plan *plan[2];
    for (int k = 0; k < 2; k++) {
        net[k] = make_net(engines[k], graph, 2);
        plan[k] = make_plan(net[k], DNNB__MODE_TEST, batch, 0, to, false);
        assert_ok(dnnb__plan_forward(plan[k], input, NULL));
    }
    assert_near("output", dnnb__plan_get_output(plan[0]), dnnb__plan_get_output(plan[1]),
                batch * n_out, output_tolerance);
    for (int k = 0; k < 2; k++) {
        dnnb__plan_destroy(plan[k]);
        dnnb__net_destroy(net[k]);
    }
    dnnb__free(input);
}

static void test_engine_onednn__small_windows_equal_ref(void **state) {
    (void)state;
    dnnb__layer_row rows[] = {CONV("k", 32, 11, 11, 4, 2),
                              CONV("c1", 48, 3, 3, 1, 1),
                              CONV("c2", 208, 3, 3, 1, 0),
                              CONV("c3", 32, 5, 5, 1, 2),
                              FLATTEN("f"),
                              LINEAR("l", 3)};
    dnnb__graph *sums = make_graph(rows, sizeof rows / sizeof rows[0], 3, 71);
    compare_step(sums, 3, 0, true);
    compare_step(sums, 1, 0, false);
    (void)dnnb__graph_set_trainable(sums, "c1.weight", false);
    (void)dnnb__graph_set_trainable(sums, "c2.bias", false);
    compare_step(sums, 2, 0, false);
    dnnb__graph_destroy(sums);
    dnnb__graph *graph = make_small_windows();
    compare_outputs(graph, 2);
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__small_windows_take_winograd_where_there_is_one(void **state) {
    (void)state;
    dnnb__graph *graph = make_small_windows();
    dnnb__net *net = make_net("onednn", graph, 2);
    size_t to = graph->n_nodes - 1, n_out = count_of(graph, to);
    float *input = random_values(5 * count_of(graph, 0), 2), *expected = NULL;
    static const size_t batches[] = {5, 3, 1};
    for (size_t i = 0; i < 3; i++) {
        size_t batch = batches[i];
        dnnb__mode mode = batch == 3 ? DNNB__MODE_TRAIN : DNNB__MODE_TEST;
        dnnb__plan *plan = make_plan(net, mode, batch, 0, to, false);
        assert_winograd(plan, "k", "forward");
        assert_winograd(plan, "c1", "forward");
        assert_winograd(plan, "c2", "forward");
        assert_winograd(plan, "c3", "forward");
        assert_winograd(plan, "c4", "forward");
        if (mode == DNNB__MODE_TRAIN) {
            assert_winograd(plan, "c2", "backward data");
            assert_winograd(plan, "k", "backward weights");
            assert_winograd(plan, "c1", "backward weights");
            assert_winograd(plan, "c3", "backward weights");
            assert_winograd(plan, "c4", "backward data");
            assert_winograd(plan, "c4", "backward weights");
        }
        assert_ok(dnnb__plan_forward(plan, input, NULL));
        if (!expected) expected = random_values(5 * n_out, 3);
        if (batch == 5) memcpy(expected, dnnb__plan_get_output(plan), 5 * n_out * sizeof *expected);
        assert_near("output", dnnb__plan_get_output(plan), expected, batch * n_out,
                    output_tolerance);
        dnnb__plan_destroy(plan);
    }
    dnnb__free(input);
    dnnb__free(expected);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__a_part_that_changes_nothing_is_copied(void **state) {
    (void)state;
    dnnb__layer_row rows[] = {FLATTEN("f"), DROPOUT("d", 0.0f)};
    dnnb__graph *graph = make_graph(rows, 2, 3, 4);
    compare_step(graph, 2, 0, true);
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__a_nan_reaches_the_output(void **state) {
    (void)state;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    float *input = random_values(count_of(graph, 0), 2);
    for (size_t i = 0; i < graph->n_params; i++) {
        dnnb__net *net = make_net("onednn", graph, 1);
        float *values = random_values(graph->params[i].count, 3);
        values[0] = NAN;
        assert_ok(dnnb__net_import(net, i, values));
        dnnb__plan *plan = make_plan(net, DNNB__MODE_TEST, 1, 0, graph->n_nodes - 1, false);
        assert_ok(dnnb__plan_forward(plan, input, NULL));
        if (!isnan(dnnb__plan_get_output(plan)[0]))
            fail_msg("%s: its NaN is lost", graph->params[i].path);
        dnnb__plan_destroy(plan);
        dnnb__net_destroy(net);
        dnnb__free(values);
    }
    dnnb__free(input);
    dnnb__graph_destroy(graph);
}

static void change_weights(dnnb__graph *graph) {
    float *input = random_values(2 * count_of(graph, 0), 2);
    dnnb__net *net = make_net("onednn", graph, 2), *fresh = make_net("onednn", graph, 2);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 2, 0, graph->n_nodes - 1, false);
    results r, changed, expected;
    run_step(plan, input, &r);
    for (size_t i = 0; i < graph->n_params; i++) {
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        for (size_t k = 0; k < flat.n; k++) flat.weight[k] -= 0.125f * flat.gradient[k];
    }
    dnnb__net_mark_changed(net);
    run_step(plan, input, &changed);
    for (size_t i = 0; i < graph->n_params; i++) {
        float *values = dnnb__alloc(graph->params[i].count, sizeof *values);
        assert_ok(dnnb__net_export(net, i, values));
        assert_ok(dnnb__net_import(fresh, i, values));
        dnnb__free(values);
    }
    dnnb__plan *other = make_plan(fresh, DNNB__MODE_TRAIN, 2, 0, graph->n_nodes - 1, false);
    run_step(other, input, &expected);
    assert_same_bits(graph, &changed, &expected, 2 * count_of(graph, graph->n_nodes - 1));
    results_free(&r);
    results_free(&changed);
    results_free(&expected);
    dnnb__plan_destroy(plan);
    dnnb__plan_destroy(other);
    dnnb__net_destroy(net);
    dnnb__net_destroy(fresh);
    dnnb__free(input);
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__changed_weights_reach_their_copies(void **state) {
    (void)state;
    change_weights(GRAPH(chain, 3, 95));
    change_weights(make_small_windows());
}

static void test_engine_onednn__a_step_allocates_nothing(void **state) {
    (void)state;
    dnnb__graph *graph = GRAPH(chain, 3, 95);
    dnnb__net *net = make_net("onednn", graph, 2);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 4, 0, graph->n_nodes - 1, false);
    float *input = random_values(4 * count_of(graph, 0), 2);
    float *output_gradient = random_values(4 * 7, 3);
    uint64_t before = dnnb__mem_get_count();
    size_t threads = dnnb__threads_set(1);
    for (uint32_t i = 0; i < 3; i++) {
        dnnb__step_random random = {.key = key, .step = i};
        assert_ok(dnnb__plan_forward(plan, input, &random));
        assert_ok(dnnb__plan_backward(plan, output_gradient));
        dnnb__net_mark_changed(net);
    }
    assert_int_equal(dnnb__mem_get_count(), before);
    /* Nor does it leave its number of threads behind. */
    assert_int_equal(dnnb__threads_set(threads), 1);
    dnnb__free(input);
    dnnb__free(output_gradient);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

/* What is saved twice between two backward passes finds memory both times. */
static void test_engine_onednn__gradients_lend_their_memory(void **state) {
    (void)state;
    static const dnnb__layer_row rows[] = {FLATTEN("f"), LINEAR("l", 512)};
    dnnb__graph *graph = GRAPH(rows, 12, 8); /* whole tiles, so without padding */
    dnnb__net *net = make_net("onednn", graph, 2);
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 2, 0, 2, false);
    size_t n_bytes = graph->params[0].count * sizeof(float);
    float *input = random_values(2 * count_of(graph, 0), 2), *values = dnnb__alloc(n_bytes, 1);
    results r, again;
    run_step(plan, input, &r);
    size_t arena_bytes = ((dnnb__onednn_net *)net)->arena_bytes;
    ((dnnb__onednn_net *)net)->arena_bytes = 0; /* as if it were too small */
    void *scratch = dnnb__net_get_scratch(net, n_bytes);
    assert_non_null(scratch);
    memset(scratch, 0xff, n_bytes);
    assert_fails(dnnb__net_export_gradient(net, 0, values), DNNB_ERR_ARGUMENT, "l.weight");
    assert_ptr_equal(dnnb__net_get_scratch(net, n_bytes), scratch);
    ((dnnb__onednn_net *)net)->arena_bytes = arena_bytes;
    run_step(plan, input, &again);
    assert_memory_equal(r.gradients[0], again.gradients[0], n_bytes);
    results_free(&r);
    results_free(&again);
    dnnb__free(input);
    dnnb__free(values);
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__every_failed_allocation_is_reported(void **state) {
    (void)state;
    dnnb__graph *graph = GRAPH(residual, 3, 14);
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        dnnb__net *net;
        dnnb__plan *plan = NULL;
        dnnb__plan_options options = {
            .mode = DNNB__MODE_TRAIN, .batch = 1, .to = graph->n_nodes - 1, .input_gradient = true};
        dnnb__mem_fail_at(n);
        dnnb_status status = dnnb__net_create(&net, "onednn", graph, 1);
        if (status == DNNB_OK) status = dnnb__plan_create(&plan, net, &options);
        dnnb__mem_fail_at(0);
        done = status == DNNB_OK;
        if (!done) assert_int_equal(status, DNNB_ERR_MEMORY);
        dnnb__plan_destroy(plan);
        dnnb__net_destroy(net);
    }
    dnnb__graph_destroy(graph);
}

static void test_engine_onednn__alexnet_runs_on_no_slow_implementation(void **state) {
    (void)state;
    const dnnb__model *model;
    dnnb__graph *graph;
    assert_ok(dnnb__model_find(&model, "alexnet"));
    assert_ok(dnnb__graph_create(&graph, &model->input));
    assert_ok(model->build(graph));
    dnnb__net *net;
    assert_ok(dnnb__net_create(&net, "onednn", graph, 0));
    dnnb__plan *plan = make_plan(net, DNNB__MODE_TRAIN, 8, 0, graph->n_nodes - 1, false);
    for (size_t i = 0; i < dnnb__plan_get_n_ops(plan); i++) {
        dnnb__plan_op op = dnnb__plan_get_op(plan, i);
        if (op.flops > 0 && strncmp(op.implementation, "ref", 3) == 0)
            fail_msg("%s, %s: %s", op.layer, op.pass, op.implementation);
    }
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_onednn__small_networks_equal_ref),
        cmocka_unit_test(test_engine_onednn__alexnet_equals_ref),
        cmocka_unit_test(test_engine_onednn__frozen_parts_equal_ref),
        cmocka_unit_test(test_engine_onednn__unusual_convolutions_equal_ref),
        cmocka_unit_test(test_engine_onednn__parts_equal_the_whole_bit_for_bit),
        cmocka_unit_test(test_engine_onednn__images_that_are_laid_out_give_the_same_bits),
        cmocka_unit_test(
            test_engine_onednn__uneven_convolutions_of_laid_out_images_give_the_same_bits),
        cmocka_unit_test(test_engine_onednn__images_that_two_layers_read_are_row_major),
        cmocka_unit_test(test_engine_onednn__import_and_export_are_exact),
        cmocka_unit_test(test_engine_onednn__padding_of_weights_and_gradients_is_zero),
        cmocka_unit_test(test_engine_onednn__results_repeat_bit_for_bit),
        cmocka_unit_test(test_engine_onednn__plans_share_a_net),
        cmocka_unit_test(test_engine_onednn__own_linear_outputs_do_not_depend_on_their_batch),
        cmocka_unit_test(test_engine_onednn__large_linear_layers_take_own_kernels),
        cmocka_unit_test(test_engine_onednn__small_windows_equal_ref),
        cmocka_unit_test(test_engine_onednn__small_windows_take_winograd_where_there_is_one),
        cmocka_unit_test(test_engine_onednn__a_part_that_changes_nothing_is_copied),
        cmocka_unit_test(test_engine_onednn__a_nan_reaches_the_output),
        cmocka_unit_test(test_engine_onednn__changed_weights_reach_their_copies),
        cmocka_unit_test(test_engine_onednn__a_step_allocates_nothing),
        cmocka_unit_test(test_engine_onednn__gradients_lend_their_memory),
        cmocka_unit_test(test_engine_onednn__every_failed_allocation_is_reported),
        cmocka_unit_test(test_engine_onednn__alexnet_runs_on_no_slow_implementation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
