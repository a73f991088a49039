/* The graph: shapes, names, heads, freezing and cuts, on small networks with branches. */
#include "unit/unit.h"

#include "core/mem.h"
#include "nn/graph.h"
#include "tensor/tensor.h"

#define CONV(path_, channels, size)                                                                \
    .path = path_, .kind = DNNB__LAYER_CONV2D,                                                     \
    .attr.conv2d = {.out_channels = channels,                                                      \
                    .kernel = {size, size},                                                        \
                    .stride = {1, 1},                                                              \
                    .padding = {size / 2, size / 2}}

/* One with 4 channels, a 3 x 3 kernel and the settings given. */
#define CONVOLUTION(...)                                                                           \
    .path = "c", .kind = DNNB__LAYER_CONV2D,                                                       \
    .attr.conv2d = {.out_channels = 4, .kernel = {3, 3}, __VA_ARGS__}

static const dnnb_shape IMAGE = {{3, 8, 6}, 3};

/* Two branches that meet in a sum, then a cat with the stem, then a head. */
static const dnnb__layer_row branching[] = {
    {CONV("stem", 8, 3)},
    {CONV("left", 8, 1), .name = "conv_left"},
    {CONV("right", 8, 3), .from = {"stem"}},
    {.path = "sum", .kind = DNNB__LAYER_ADD, .from = {"left", "right"}},
    {.path = "cat", .kind = DNNB__LAYER_CONCAT, .from = {"sum", "stem"}},
    {.path = "pool",
     .kind = DNNB__LAYER_ADAPTIVE_AVGPOOL2D,
     .attr.adaptive_pool2d = {.out = {2, 2}}},
    {.path = "flatten", .kind = DNNB__LAYER_FLATTEN},
    {.path = "drop", .kind = DNNB__LAYER_DROPOUT, .attr.dropout = {.p = 0.5f}},
    {.path = "fc", .name = "fc1", .kind = DNNB__LAYER_LINEAR, .attr.linear = {.out_features = 10}},
};
enum { N_BRANCHING = sizeof branching / sizeof branching[0] };

static dnnb__graph *make(const dnnb__layer_row *rows, size_t n) {
    dnnb__graph *graph;
    assert_ok(dnnb__graph_create(&graph, &IMAGE));
    assert_ok(dnnb__graph_add(graph, rows, n));
    return graph;
}

static void assert_shape(const dnnb__graph *graph, const char *path, const char *expected) {
    char text[DNNB__SHAPE_TEXT];
    size_t node = dnnb__graph_find_node(graph, path);
    assert_int_not_equal(node, SIZE_MAX);
    dnnb__shape_print(&graph->nodes[node].shape, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_nn_graph__branches_have_shapes_and_parameters(void **state) {
    (void)state;
    dnnb__graph *graph = make(branching, N_BRANCHING);
    assert_int_equal(graph->n_nodes, N_BRANCHING + 1);
    assert_shape(graph, "stem", "(8, 8, 6)");
    assert_shape(graph, "sum", "(8, 8, 6)");
    assert_shape(graph, "cat", "(16, 8, 6)");
    assert_shape(graph, "flatten", "(64,)");
    assert_shape(graph, "fc", "(10,)");
    assert_int_equal(graph->n_params, 8);
    size_t right = dnnb__graph_find_param(graph, "right.weight");
    assert_int_equal(graph->params[right].count, 8 * 8 * 9);
    assert_int_equal(graph->params[right].node, dnnb__graph_find_node(graph, "right"));
    assert_int_equal(graph->nodes[1].macs, 8 * 3 * 9 * 8 * 6);
    assert_int_equal(dnnb__graph_find_node(graph, "conv_left"), 2);
    assert_int_equal(dnnb__graph_find_node(graph, "left"), 2);
    assert_int_equal(dnnb__graph_find_node(graph, "input"), 0);
    assert_int_equal(dnnb__graph_find_node(graph, "nothing"), SIZE_MAX);
    assert_int_equal(dnnb__graph_find_param(graph, "nothing"), SIZE_MAX);
    dnnb__graph_destroy(graph);
}

/* Expected sizes are PyTorch's. */
static void test_nn_graph__pooling_rounds_as_pytorch(void **state) {
    (void)state;
    static const struct {
        int64_t n, kernel, stride, padding;
        bool ceil_mode;
        int64_t expected;
    } rows[] = {
        {13, 3, 2, 0, false, 6}, {12, 3, 2, 0, false, 5}, {12, 3, 2, 0, true, 6},
        {7, 2, 3, 1, true, 3},   {6, 2, 3, 1, true, 3},   {5, 3, 2, 1, false, 3},
        {4, 1, 5, 0, true, 1},   {9, 2, 2, 1, true, 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb__graph *graph;
        assert_ok(dnnb__graph_create(&graph, &(dnnb_shape){{2, rows[i].n, 5}, 3}));
        dnnb__layer_row row = {.path = "pool",
                               .kind = DNNB__LAYER_MAXPOOL2D,
                               .attr.pool2d = {.kernel = {rows[i].kernel, 1},
                                               .stride = {rows[i].stride, 1},
                                               .padding = {rows[i].padding, 0},
                                               .ceil_mode = rows[i].ceil_mode}};
        assert_ok(dnnb__graph_add(graph, &row, 1));
        assert_int_equal(graph->nodes[1].shape.dim[1], rows[i].expected);
        dnnb__graph_destroy(graph);
    }
}

/* Products of a convolution whose factor lies in the image, one by one. */
static int64_t count_inside(const dnnb__conv2d_attr *a, const dnnb_shape *in,
                            const dnnb_shape *out) {
    int64_t n = 0;
    for (int64_t y = 0; y < out->dim[1]; y++)
        for (int64_t x = 0; x < out->dim[2]; x++)
            for (int64_t ky = 0; ky < a->kernel[0]; ky++)
                for (int64_t kx = 0; kx < a->kernel[1]; kx++) {
                    int64_t row = y * a->stride[0] + ky * a->dilation[0] - a->padding[0];
                    int64_t column = x * a->stride[1] + kx * a->dilation[1] - a->padding[1];
                    n += row >= 0 && row < in->dim[1] && column >= 0 && column < in->dim[2];
                }
    return n * out->dim[0] * (in->dim[0] / a->groups);
}

static void test_nn_graph__products_with_padding_are_told_apart(void **state) {
    (void)state;
    static const struct {
        dnnb__conv2d_attr attr;
        bool is_padded;
    } cases[] = {
        {{.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}, true},
        {{.kernel = {3, 3}, .stride = {1, 1}}, false},
        {{.kernel = {1, 1}, .stride = {2, 1}}, false},
        {{.kernel = {5, 3}, .stride = {2, 3}, .padding = {2, 0}}, true},
        {{.kernel = {3, 2}, .stride = {1, 2}, .padding = {0, 3}, .dilation = {3, 2}}, true},
        {{.kernel = {4, 4}, .stride = {3, 3}, .padding = {3, 1}, .groups = 2}, true},
        /* Windows that lie in the padding alone, and elements that no output meets. */
        {{.kernel = {2, 2}, .stride = {1, 5}, .padding = {5, 4}, .groups = 4}, true},
        {{.kernel = {2, 3}, .stride = {4, 1}, .padding = {1, 9}, .dilation = {7, 9}}, true},
        {{.kernel = {8, 6}, .stride = {1, 1}, .padding = {7, 5}}, true},
        /* The last padding is not reached. */
        {{.kernel = {2, 2}, .stride = {3, 3}, .padding = {0, 1}, .dilation = {1, 2}}, true},
    };
    static const dnnb_shape in = {{4, 9, 7}, 3};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnnb__graph *graph;
        dnnb__layer_row row = {.path = "c", .kind = DNNB__LAYER_CONV2D};
        row.attr.conv2d = cases[i].attr;
        row.attr.conv2d.out_channels = 8;
        assert_ok(dnnb__graph_create(&graph, &in));
        assert_ok(dnnb__graph_add(graph, &row, 1));
        const dnnb__node *node = &graph->nodes[1];
        int64_t expected = count_inside(&node->attr.conv2d, &in, &node->shape);
        if (node->unpadded_macs != expected || (node->macs > expected) != cases[i].is_padded)
            fail_msg("case %zu: %lld of %lld products, expected %lld", i,
                     (long long)node->unpadded_macs, (long long)node->macs, (long long)expected);
        dnnb__graph_destroy(graph);
    }
}

static void test_nn_graph__misfits_name_the_layer(void **state) {
    (void)state;
    static const struct {
        dnnb__layer_row row;
        dnnb_status status;
        const char *text;
    } cases[] = {
        {{.path = "fc", .kind = DNNB__LAYER_LINEAR, .attr.linear = {.out_features = 2}},
         DNNB_ERR_SHAPE,
         "fc: expected an input of (features), found (3, 8, 6)"},
        {{CONVOLUTION(.groups = 2, .stride = {1, 1})}, DNNB_ERR_SHAPE, "c: 2 groups must divide 3"},
        {{CONVOLUTION(.stride = {0, 1})}, DNNB_ERR_SHAPE, "c: kernel 3, stride 0"},
        {{CONVOLUTION(.dilation = {9, 1}, .padding = {1, 1}, .stride = {1, 1})},
         DNNB_ERR_SHAPE,
         "c: expected an axis of 19 or more with its padding, found 10"},
        {{CONV("c", (int64_t)1 << 50, 3)}, DNNB_ERR_SHAPE, "c.weight: a parameter"},
        {{.path = "p",
          .kind = DNNB__LAYER_MAXPOOL2D,
          .attr.pool2d = {.kernel = {2, 2}, .stride = {1, 1}, .padding = {2, 0}}},
         DNNB_ERR_SHAPE,
         "p: padding 2 is more than half of kernel 2"},
        {{.path = "d", .kind = DNNB__LAYER_DROPOUT, .attr.dropout = {.p = 1.5f}},
         DNNB_ERR_ARGUMENT,
         "d: expected a probability from 0 to 1, found 1.5"},
        {{.path = "a", .kind = DNNB__LAYER_ADD},
         DNNB_ERR_SHAPE,
         "a: expected 2 or more inputs, found 1"},
        {{.path = "r", .kind = DNNB__LAYER_RELU, .from = {"later"}},
         DNNB_ERR_ARGUMENT,
         "r: expected an earlier layer as input, found later"},
        {{.path = "r", .kind = DNNB__LAYER_RELU, .from = {"r"}}, DNNB_ERR_ARGUMENT, "found r"},
        {{.path = "", .kind = DNNB__LAYER_RELU}, DNNB_ERR_ARGUMENT, "path is empty"},
        {{.path = "r", .kind = DNNB__LAYER_INPUT}, DNNB_ERR_ARGUMENT, "r: unknown kind"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnnb__graph *graph;
        assert_ok(dnnb__graph_create(&graph, &IMAGE));
        dnnb_status found = dnnb__graph_add(graph, &cases[i].row, 1);
        assert_int_equal(found, cases[i].status);
        if (!strstr(dnnb_get_error(), cases[i].text)) fail_msg("found '%s'", dnnb_get_error());
        assert_int_equal(graph->n_nodes, 1); /* the row is taken back */
        assert_int_equal(graph->n_params, 0);
        dnnb__graph_destroy(graph);
    }
}

static void test_nn_graph__paths_are_unique(void **state) {
    (void)state;
    dnnb__graph *graph = make(branching, N_BRANCHING);
    assert_fails(dnnb__graph_add(graph, &branching[0], 1), DNNB_ERR_ARGUMENT, "already");
    dnnb__graph_destroy(graph);
    assert_fails(dnnb__graph_create(&graph, &(dnnb_shape){{3, -1, 2}, 3}), DNNB_ERR_SHAPE, "input");
    assert_null(graph);
}

static void test_nn_graph__replaced_head_changes_what_follows(void **state) {
    (void)state;
    dnnb__graph *graph = make(branching, N_BRANCHING);
    dnnb__layer_row relu = {.path = "last", .kind = DNNB__LAYER_RELU};
    assert_ok(dnnb__graph_add(graph, &relu, 1));
    assert_int_equal(dnnb__graph_find_head(graph), dnnb__graph_find_node(graph, "fc"));
    dnnb__graph_set_trainable(graph, "*", false);
    assert_ok(dnnb__graph_replace_head(graph, 2));
    assert_shape(graph, "fc", "(2,)");
    assert_shape(graph, "last", "(2,)");
    const dnnb__param *weight = &graph->params[dnnb__graph_find_param(graph, "fc.weight")];
    assert_int_equal(weight->count, 2 * 64);
    assert_int_equal(weight->shape.dim[0], 2);
    assert_true(weight->trainable);
    assert_false(graph->params[0].trainable);
    assert_int_equal(graph->params[dnnb__graph_find_param(graph, "fc.bias")].count, 2);
    assert_int_equal(graph->n_params, 8);
    assert_fails(dnnb__graph_replace_head(graph, 0), DNNB_ERR_ARGUMENT, "fc: expected 1 or more");
    assert_fails(dnnb__graph_replace_head(graph, INT64_MAX), DNNB_ERR_ARGUMENT, "too many");
    dnnb__graph_destroy(graph);

    graph = make(branching, 1); /* ends in a convolution */
    assert_int_equal(dnnb__graph_find_head(graph), 1);
    assert_fails(dnnb__graph_replace_head(graph, 2), DNNB_ERR_UNSUPPORTED, "no Linear");
    dnnb__graph_destroy(graph);
    graph = make(branching, 4); /* ends in a sum */
    assert_int_equal(dnnb__graph_find_head(graph), SIZE_MAX);
    dnnb__graph_destroy(graph);
}

static size_t count_trainable(const dnnb__graph *graph) {
    size_t n = 0;
    for (size_t i = 0; i < graph->n_params; i++) n += graph->params[i].trainable;
    return n;
}

static void test_nn_graph__globs_match_paths_modules_and_names(void **state) {
    (void)state;
    static const struct {
        const char *globs;
        size_t n;
    } rows[] = {{"features.0.weight", 1}, {"features.0", 2},   {"conv1", 2},  {"features.*", 4},
                {"features", 4},          {"conv1,conv2", 4},  {"*.bias", 3}, {"*", 6},
                {"fc1,features.3.b*", 3}, {"features.0.w", 0}, {"feat", 0},   {"", 0}};
    static const dnnb__layer_row layers[] = {
        {CONV("features.0", 4, 3), .name = "conv1"},
        {CONV("features.3", 4, 3), .name = "conv2"},
        {.path = "flatten", .kind = DNNB__LAYER_FLATTEN},
        {.path = "classifier.6",
         .name = "fc1",
         .kind = DNNB__LAYER_LINEAR,
         .attr.linear = {.out_features = 2}},
    };
    dnnb__graph *graph = make(layers, 4);
    assert_int_equal(count_trainable(graph), 6);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(dnnb__graph_set_trainable(graph, rows[i].globs, false), rows[i].n);
        assert_int_equal(count_trainable(graph), 6 - rows[i].n);
        assert_int_equal(dnnb__graph_set_trainable(graph, rows[i].globs, true), rows[i].n);
    }
    dnnb__graph_destroy(graph);
}

static void test_nn_graph__buffers_are_never_trainable(void **state) {
    (void)state;
    dnnb__graph *graph = make(branching, 1);
    dnnb__init init = {.kind = DNNB__INIT_ONES};
    dnnb_shape shape = {{8}, 1};
    dnnb__node *node = &graph->nodes[1];
    assert_ok(dnnb__graph_add_param(graph, node, "running_var", &shape, init, true));
    assert_int_equal(dnnb__graph_set_trainable(graph, "*", false), 2);
    assert_int_equal(dnnb__graph_find_cut(graph, false), 1);
    assert_int_equal(dnnb__graph_set_trainable(graph, "stem", true), 2);
    assert_false(graph->params[2].trainable);
    for (size_t i = 3; i < DNNB__MAX_PARAMS_PER_LAYER; i++)
        assert_ok(dnnb__graph_add_param(graph, node, "more", &shape, init, true));
    assert_fails(dnnb__graph_add_param(graph, node, "more", &shape, init, true), DNNB_ERR_LIMIT,
                 "stem: more than 5");
    dnnb__graph_destroy(graph);
}

static void test_nn_graph__cut_lies_where_one_edge_crosses(void **state) {
    (void)state;
    dnnb__graph *graph = make(branching, N_BRANCHING);
    size_t stem = 1, cat = 5, flatten = 7, drop = 8, fc = 9;
    assert_int_equal(dnnb__graph_find_node(graph, "fc"), fc);
    assert_int_equal(dnnb__graph_find_cut(graph, true), 0);
    assert_int_equal(dnnb__graph_find_cut(graph, false), 0);
    dnnb__graph_set_trainable(graph, "stem", false);
    assert_int_equal(dnnb__graph_find_cut(graph, true), stem);
    /* Behind the stem every edge set holds more than one node until the cat joins them. */
    dnnb__graph_set_trainable(graph, "left", false);
    assert_int_equal(dnnb__graph_find_cut(graph, true), stem);
    dnnb__graph_set_trainable(graph, "right", false);
    assert_int_equal(dnnb__graph_find_cut(graph, true), flatten);
    assert_int_equal(dnnb__graph_find_cut(graph, false), drop);
    dnnb__graph_set_trainable(graph, "fc", false);
    assert_int_equal(dnnb__graph_find_cut(graph, true), flatten);
    assert_int_equal(dnnb__graph_find_cut(graph, false), fc);
    dnnb__graph_set_trainable(graph, "right.bias", true);
    assert_int_equal(dnnb__graph_find_cut(graph, false), stem);
    dnnb__graph_destroy(graph);
    assert_true(cat < flatten);
}

static void test_nn_graph__clone_is_equal_and_apart(void **state) {
    (void)state;
    dnnb__graph *graph = make(branching, N_BRANCHING), *copy;
    dnnb__graph_set_trainable(graph, "left", false);
    assert_ok(dnnb__graph_clone(&copy, graph));
    assert_ok(dnnb__graph_replace_head(graph, 3));
    assert_int_equal(copy->n_nodes, graph->n_nodes);
    assert_int_equal(copy->n_params, graph->n_params);
    for (size_t i = 0; i < copy->n_params; i++) {
        assert_string_equal(copy->params[i].path, graph->params[i].path);
        assert_int_equal(copy->params[i].trainable, graph->params[i].trainable);
    }
    assert_shape(copy, "fc", "(10,)");
    dnnb__graph_destroy(graph);
    assert_int_equal(dnnb__graph_find_node(copy, "conv_left"), 2);
    dnnb__graph_destroy(copy);
}

static dnnb_status build_and_clone(void) {
    dnnb__graph *graph, *copy = NULL;
    DNNB_TRY(dnnb__graph_create(&graph, &IMAGE));
    dnnb_status status = dnnb__graph_add(graph, branching, N_BRANCHING);
    if (status == DNNB_OK) status = dnnb__graph_clone(&copy, graph);
    dnnb__graph_destroy(copy);
    dnnb__graph_destroy(graph);
    return status;
}

/* Under the sanitizers this also shows that nothing leaks and nothing is freed twice. */
static void test_nn_graph__every_failed_allocation_is_an_error(void **state) {
    (void)state;
    uint64_t before = dnnb__mem_get_count();
    assert_ok(build_and_clone());
    uint64_t n = dnnb__mem_get_count() - before;
    assert_true(n > 20);
    for (uint64_t i = 1; i <= n; i++) {
        dnnb__mem_fail_at(i);
        assert_int_equal(build_and_clone(), DNNB_ERR_MEMORY);
    }
    dnnb__mem_fail_at(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nn_graph__branches_have_shapes_and_parameters),
        cmocka_unit_test(test_nn_graph__pooling_rounds_as_pytorch),
        cmocka_unit_test(test_nn_graph__products_with_padding_are_told_apart),
        cmocka_unit_test(test_nn_graph__misfits_name_the_layer),
        cmocka_unit_test(test_nn_graph__paths_are_unique),
        cmocka_unit_test(test_nn_graph__replaced_head_changes_what_follows),
        cmocka_unit_test(test_nn_graph__globs_match_paths_modules_and_names),
        cmocka_unit_test(test_nn_graph__buffers_are_never_trainable),
        cmocka_unit_test(test_nn_graph__cut_lies_where_one_edge_crosses),
        cmocka_unit_test(test_nn_graph__clone_is_equal_and_apart),
        cmocka_unit_test(test_nn_graph__every_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
