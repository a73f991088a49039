/* Initial values: bounds, repetition, independence of other parameters, known answers. */
#include "unit/unit.h"

#include <math.h>

#include "models/models.h"

enum { N = 1000003 };

static dnnb__param make_param(char *path, size_t count, dnnb__init init) {
    return (dnnb__param){
        .path = path, .shape = {{(int64_t)count}, 1}, .count = count, .init = init};
}

static void test_nn_init__uniform_within_its_bound(void **state) {
    (void)state;
    static float values[N];
    dnnb__init init = {.kind = DNNB__INIT_UNIFORM, .bound = 1 / sqrt(363.0)};
    dnnb__param param = make_param("features.0.weight", N, init);
    dnnb__param_initialize(&param, dnnb__random_key_create(1, DNNB__PURPOSE_INIT), values);
    float bound = (float)init.bound;
    double sum = 0, square = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(values[i] >= -bound && values[i] < bound);
        sum += (double)values[i];
        square += (double)values[i] * (double)values[i];
    }
    /* Five standard errors of the mean and of the mean square of a uniform number. */
    assert_true(fabs(sum / N) < 5 * init.bound / sqrt(3.0 * N));
    assert_true(fabs(square / N / (init.bound * init.bound / 3) - 1) < 5 * sqrt(0.8 / N));
}

static void test_nn_init__a_value_depends_on_key_path_and_place(void **state) {
    (void)state;
    static float a[1000], b[1000];
    dnnb__init init = {.kind = DNNB__INIT_UNIFORM, .bound = 1};
    dnnb__random_key key = dnnb__random_key_create(1, DNNB__PURPOSE_INIT);
    dnnb__param param = make_param("fc.weight", 1000, init);
    dnnb__param_initialize(&param, key, a);
    for (size_t n = 1; n < 300; n += 37) { /* a shorter one has the same beginning */
        dnnb__param part = make_param("fc.weight", n, init);
        memset(b, 0, sizeof b);
        dnnb__param_initialize(&part, key, b);
        assert_memory_equal(a, b, n * sizeof *a);
        assert_true(b[n] == 0.0f);
    }
    dnnb__param other = make_param("fc.bias", 1000, init);
    dnnb__param_initialize(&other, key, b);
    assert_memory_not_equal(a, b, sizeof a);
    dnnb__param_initialize(&param, dnnb__random_key_create(2, DNNB__PURPOSE_INIT), b);
    assert_memory_not_equal(a, b, sizeof a);
}

/* The definition in graph.h and init.c, step by step, so that old runs can be made again. */
static void test_nn_init__follows_its_definition(void **state) {
    (void)state;
    float values[10];
    dnnb__init init = {.kind = DNNB__INIT_UNIFORM, .bound = 0.25};
    dnnb__param param = make_param("a", 10, init); /* FNV-1a of "a": af63dc4c8601ec8c */
    dnnb__random_key key = dnnb__random_key_create(3, DNNB__PURPOSE_INIT);
    dnnb__param_initialize(&param, key, values);
    for (size_t i = 0; i < 10; i++) {
        dnnb__random_block block = dnnb__philox(key, (uint32_t)(i / 4), 0, 0x8601ec8c, 0xaf63dc4c);
        double u = (double)(block.word[i % 4] >> 8) / 16777216.0;
        assert_true((double)values[i] == u * 0.5 - 0.25); /* powers of two: exact */
    }
}

static void test_nn_init__constants(void **state) {
    (void)state;
    float values[3] = {7, 7, 7};
    dnnb__random_key key = dnnb__random_key_create(1, DNNB__PURPOSE_INIT);
    dnnb__param ones = make_param("a", 2, (dnnb__init){.kind = DNNB__INIT_ONES});
    dnnb__param zeros = make_param("a", 1, (dnnb__init){.kind = DNNB__INIT_ZEROS});
    dnnb__param_initialize(&ones, key, values);
    assert_true(values[0] == 1.0f && values[1] == 1.0f && values[2] == 7.0f);
    dnnb__param_initialize(&zeros, key, values);
    assert_true(values[0] == 0.0f && values[1] == 1.0f);
}

static void test_nn_init__a_new_head_leaves_the_others(void **state) {
    (void)state;
    const dnnb__model *model;
    assert_ok(dnnb__model_find(&model, "alexnet"));
    dnnb__random_key key = dnnb__random_key_create(9, DNNB__PURPOSE_INIT);
    static float before[2][4096 * 1000], after[4096 * 1000];
    dnnb__graph *graph;
    assert_ok(dnnb__graph_create(&graph, &model->input));
    assert_ok(model->build(graph));
    size_t conv = dnnb__graph_find_param(graph, "features.3.weight");
    size_t head = dnnb__graph_find_param(graph, "classifier.6.weight");
    dnnb__param_initialize(&graph->params[conv], key, before[0]);
    dnnb__param_initialize(&graph->params[head], key, before[1]);
    assert_ok(dnnb__graph_replace_head(graph, 2));
    assert_int_equal(graph->params[head].count, 2 * 4096);
    dnnb__param_initialize(&graph->params[conv], key, after);
    assert_memory_equal(before[0], after, graph->params[conv].count * sizeof(float));
    dnnb__param_initialize(&graph->params[head], key, after);
    assert_memory_equal(before[1], after, graph->params[head].count * sizeof(float));
    dnnb__graph_destroy(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nn_init__uniform_within_its_bound),
        cmocka_unit_test(test_nn_init__a_value_depends_on_key_path_and_place),
        cmocka_unit_test(test_nn_init__follows_its_definition),
        cmocka_unit_test(test_nn_init__constants),
        cmocka_unit_test(test_nn_init__a_new_head_leaves_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
