/* The reference engine's own promises: dropout's masks, kept NaN, the first of equal maxima. */
#include "unit/unit.h"

#include <math.h>

#include "engine/engine.h"

enum { N = 10007 };

static const dnnb__step_random RANDOM = {.key = {{3, 4}}, .step = 9};

static dnnb__plan *make_plan(const dnnb__layer_row *row, const dnnb_shape *shape, size_t batch,
                             dnnb__graph **graph, dnnb__net **net) {
    dnnb__plan *plan;
    dnnb__plan_options options = {
        .mode = DNNB__MODE_TRAIN, .batch = batch, .to = 1, .input_gradient = true};
    assert_ok(dnnb__graph_create(graph, shape));
    assert_ok(dnnb__graph_add(*graph, row, 1));
    assert_ok(dnnb__net_create(net, "ref", *graph, 2));
    assert_ok(dnnb__plan_create(&plan, *net, &options));
    return plan;
}

static void destroy(dnnb__plan *plan, dnnb__net *net, dnnb__graph *graph) {
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

static void test_engine_ref__dropout_has_its_rate_and_scale(void **state) {
    (void)state;
    static float ones[2 * N], first[2 * N];
    for (size_t i = 0; i < 2 * N; i++) ones[i] = 1.0f;
    dnnb__graph *graph;
    dnnb__net *net;
    dnnb__layer_row row = {
        .path = "drop", .kind = DNNB__LAYER_DROPOUT, .attr.dropout = {.p = 0.3f}};
    dnnb__plan *plan = make_plan(&row, &(dnnb_shape){{N}, 1}, 2, &graph, &net);
    assert_ok(dnnb__plan_forward(plan, ones, &RANDOM));
    memcpy(first, dnnb__plan_get_output(plan), sizeof first);
    assert_ok(dnnb__plan_backward(plan, ones));
    size_t n_dropped = 0;
    for (size_t i = 0; i < 2 * N; i++) {
        n_dropped += first[i] == 0.0f;
        assert_true(first[i] == 0.0f || first[i] == 1.0f / (1.0f - 0.3f));
        assert_true(dnnb__plan_get_input_gradient(plan)[i] == first[i]);
    }
    /* Five standard deviations of the number dropped. */
    assert_true(fabs((double)n_dropped - 0.3 * 2 * N) < 5 * sqrt(0.21 * 2 * N));
    /* Another step has another mask: 58% of the elements agree by chance. */
    dnnb__step_random next = RANDOM;
    next.step++;
    assert_ok(dnnb__plan_forward(plan, ones, &next));
    size_t n_same = 0;
    for (size_t i = 0; i < 2 * N; i++) n_same += dnnb__plan_get_output(plan)[i] == first[i];
    assert_true(fabs((double)n_same - 0.58 * 2 * N) < 5 * sqrt(0.58 * 0.42 * 2 * N));
    destroy(plan, net, graph);
}

static void test_engine_ref__equal_maxima_and_nan_as_pytorch(void **state) {
    (void)state;
    static const float input[] = {1, 2, 2, 0, /* the first 2 */ 5, NAN, 7, NAN /* the last NaN */};
    static const float gradient[] = {10, 20};
    static const float expected[] = {0, 10, 0, 0, 0, 0, 0, 20};
    dnnb__graph *graph;
    dnnb__net *net;
    dnnb__layer_row row = {.path = "pool",
                           .kind = DNNB__LAYER_MAXPOOL2D,
                           .attr.pool2d = {.kernel = {2, 2}, .stride = {2, 2}}};
    dnnb__plan *plan = make_plan(&row, &(dnnb_shape){{2, 2, 2}, 3}, 1, &graph, &net);
    assert_ok(dnnb__plan_forward(plan, input, &RANDOM));
    assert_true(dnnb__plan_get_output(plan)[0] == 2.0f);
    assert_true(isnan(dnnb__plan_get_output(plan)[1]));
    assert_ok(dnnb__plan_backward(plan, gradient));
    assert_memory_equal(dnnb__plan_get_input_gradient(plan), expected, sizeof expected);
    destroy(plan, net, graph);
}

static void test_engine_ref__relu_keeps_nan(void **state) {
    (void)state;
    static const float input[] = {-1, 0, 3, NAN};
    dnnb__graph *graph;
    dnnb__net *net;
    dnnb__layer_row row = {.path = "relu", .kind = DNNB__LAYER_RELU};
    dnnb__plan *plan = make_plan(&row, &(dnnb_shape){{4}, 1}, 1, &graph, &net);
    assert_ok(dnnb__plan_forward(plan, input, &RANDOM));
    const float *found = dnnb__plan_get_output(plan);
    assert_true(found[0] == 0 && found[1] == 0 && found[2] == 3 && isnan(found[3]));
    destroy(plan, net, graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_ref__dropout_has_its_rate_and_scale),
        cmocka_unit_test(test_engine_ref__equal_maxima_and_nan_as_pytorch),
        cmocka_unit_test(test_engine_ref__relu_keeps_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
