/* The list of networks, and AlexNet's size, heads and cuts. */
#include "unit/unit.h"

#include "models/models.h"

static dnnb__graph *make(const char *name) {
    const dnnb__model *model;
    dnnb__graph *graph;
    assert_ok(dnnb__model_find(&model, name));
    assert_ok(dnnb__graph_create(&graph, &model->input));
    assert_ok(model->build(graph));
    return graph;
}

static void test_models_models__every_network_builds_and_has_a_head(void **state) {
    (void)state;
    size_t n;
    const dnnb__model *const *models = dnnb__model_get_all(&n);
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        dnnb__graph *graph = make(models[i]->name);
        const dnnb__node *last = &graph->nodes[graph->n_nodes - 1];
        assert_int_equal(last->shape.ndim, 1);
        assert_true(last->shape.dim[0] > 1);
        assert_int_not_equal(dnnb__graph_find_head(graph), SIZE_MAX);
        for (size_t k = 1; k < graph->n_nodes; k++) { /* both names find the layer */
            assert_int_equal(dnnb__graph_find_node(graph, graph->nodes[k].path), k);
            assert_int_equal(dnnb__graph_find_node(graph, graph->nodes[k].name), k);
        }
        assert_non_null(models[i]->source);
        dnnb__graph_destroy(graph);
    }
}

static void test_models_models__names_in_any_case(void **state) {
    (void)state;
    const dnnb__model *model;
    assert_ok(dnnb__model_find(&model, "aLeXnEt"));
    assert_string_equal(model->name, "AlexNet");
    assert_fails(dnnb__model_find(&model, "alexnt"), DNNB_ERR_ARGUMENT, "did you mean AlexNet?");
    assert_null(model);
    assert_fails(dnnb__model_find(&model, "something else"), DNNB_ERR_ARGUMENT,
                 "expected one of AlexNet");
}

static void test_models_models__alexnet_counts(void **state) {
    (void)state;
    dnnb__graph *graph = make("alexnet");
    size_t n = 0;
    int64_t macs = 0;
    for (size_t i = 0; i < graph->n_params; i++) n += graph->params[i].count;
    for (size_t i = 0; i < graph->n_nodes; i++) macs += graph->nodes[i].macs;
    assert_int_equal(n, 61100840);
    assert_int_equal(graph->nodes[graph->n_nodes - 1].shape.dim[0], 1000);
    /* 714,188,480 is what torchvision's documentation rounds to 0.71 GFLOPS. */
    assert_int_equal(macs, 714188480);
    assert_int_equal(dnnb__graph_find_head(graph), dnnb__graph_find_node(graph, "fc3"));
    dnnb__graph_destroy(graph);
}

/* 16 bits a parameter and a header of some kilobytes: a file of at most 4 MiB. */
static void test_models_models__alexnet_mini_ships(void **state) {
    (void)state;
    dnnb__graph *graph = make("ALEXNET-MINI"), *alexnet = make("alexnet");
    size_t n = 0;
    for (size_t i = 0; i < graph->n_params; i++) n += graph->params[i].count;
    assert_int_equal(n, 1345544);
    assert_true(2 * n < ((size_t)4 << 20) - 8192);
    assert_int_equal(graph->n_nodes, alexnet->n_nodes);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        assert_int_equal(graph->nodes[i].kind, alexnet->nodes[i].kind);
        assert_string_equal(graph->nodes[i].path, alexnet->nodes[i].path);
        assert_string_equal(graph->nodes[i].name, alexnet->nodes[i].name);
    }
    dnnb__graph_destroy(alexnet);
    dnnb__graph_destroy(graph);
}

static void test_models_models__alexnet_cuts(void **state) {
    (void)state;
    dnnb__graph *graph = make("alexnet");
    assert_int_equal(dnnb__graph_find_cut(graph, true), 0);
    dnnb__graph_set_trainable(graph, "*", false);
    assert_ok(dnnb__graph_replace_head(graph, 2));
    assert_int_equal(dnnb__graph_find_cut(graph, true), dnnb__graph_find_node(graph, "flatten"));
    assert_int_equal(dnnb__graph_find_cut(graph, false), dnnb__graph_find_node(graph, "fc2_relu"));
    dnnb__graph_set_trainable(graph, "conv5", true);
    assert_int_equal(dnnb__graph_find_cut(graph, true), dnnb__graph_find_node(graph, "conv4_relu"));
    dnnb__graph_destroy(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_models__every_network_builds_and_has_a_head),
        cmocka_unit_test(test_models_models__names_in_any_case),
        cmocka_unit_test(test_models_models__alexnet_counts),
        cmocka_unit_test(test_models_models__alexnet_mini_ships),
        cmocka_unit_test(test_models_models__alexnet_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
