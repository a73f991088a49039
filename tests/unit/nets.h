/*
 * Small networks with every kind of layer, random numbers for them, and one step of a plan: for
 * tests that compare engines or precisions.
 */
#ifndef DNNB_TESTS_NETS_H
#define DNNB_TESTS_NETS_H

#include "unit/unit.h"

#include <math.h>

#include "engine/engine.h"
#include "unit/lay_out.h"

static const dnnb__random_key key = {{11, 12}};

#define CONV(path_, channels, ky, kx, step, pad)                                                   \
    {                                                                                              \
        .path = path_, .kind = DNNB__LAYER_CONV2D, .attr.conv2d = {                                \
            .out_channels = channels,                                                              \
            .kernel = {ky, kx},                                                                    \
            .stride = {step, step},                                                                \
            .padding = {pad, pad}                                                                  \
        }                                                                                          \
    }
#define RELU(path_)                                                                                \
    { .path = path_, .kind = DNNB__LAYER_RELU }
#define POOL(path_, size, step, pad)                                                               \
    {                                                                                              \
        .path = path_, .kind = DNNB__LAYER_MAXPOOL2D, .attr.pool2d = {                             \
            .kernel = {size, size},                                                                \
            .stride = {step, step},                                                                \
            .padding = {pad, pad}                                                                  \
        }                                                                                          \
    }
#define AVGPOOL(path_, size)                                                                       \
    {                                                                                              \
        .path = path_, .kind = DNNB__LAYER_ADAPTIVE_AVGPOOL2D, .attr.adaptive_pool2d = {           \
            .out = {size, size}                                                                    \
        }                                                                                          \
    }
#define FLATTEN(path_)                                                                             \
    { .path = path_, .kind = DNNB__LAYER_FLATTEN }
#define DROPOUT(path_, p_)                                                                         \
    {                                                                                              \
        .path = path_, .kind = DNNB__LAYER_DROPOUT, .attr.dropout = {.p = p_ }                     \
    }
#define LINEAR(path_, features)                                                                    \
    {                                                                                              \
        .path = path_, .kind = DNNB__LAYER_LINEAR, .attr.linear = {.out_features = features }      \
    }
#define JOIN(path_, kind_, ...)                                                                    \
    {                                                                                              \
        .path = path_, .kind = DNNB__LAYER_##kind_, .from = { __VA_ARGS__ }                        \
    }

/* AlexNet's shape in small, with channels that do not fill their blocks. */
static const dnnb__layer_row chain[] = {CONV("c1", 20, 11, 11, 4, 2),
                                        RELU("r1"),
                                        POOL("p1", 3, 2, 0),
                                        CONV("c2", 24, 5, 5, 1, 2),
                                        RELU("r2"),
                                        POOL("p2", 3, 2, 0),
                                        CONV("c3", 13, 3, 3, 1, 1),
                                        RELU("r3"),
                                        CONV("c4", 16, 3, 3, 1, 1),
                                        RELU("r4"),
                                        AVGPOOL("a", 2),
                                        FLATTEN("f"),
                                        DROPOUT("d1", 0.5f),
                                        LINEAR("l1", 30),
                                        RELU("r5"),
                                        DROPOUT("d2", 0.25f),
                                        LINEAR("l2", 7)};

/* Windows of 255 and of 256 pixels: with the larger one ReLU is a step of its own. */
static const dnnb__layer_row windows[] = {CONV("c1", 16, 3, 3, 1, 1),
                                          RELU("r1"),
                                          {.path = "p1",
                                           .kind = DNNB__LAYER_MAXPOOL2D,
                                           .attr.pool2d = {.kernel = {15, 17}, .stride = {1, 1}}},
                                          CONV("c2", 32, 3, 3, 1, 1),
                                          RELU("r2"),
                                          {.path = "p2",
                                           .kind = DNNB__LAYER_MAXPOOL2D,
                                           .attr.pool2d = {.kernel = {16, 16}, .stride = {2, 2}}},
                                          FLATTEN("f"),
                                          LINEAR("l", 5)};

/* Two residual blocks: an input read twice, and a branch with a convolution of its own. */
static const dnnb__layer_row residual[] = {
    CONV("c0", 16, 3, 3, 1, 1),
    RELU("r0"),
    CONV("b1.c1", 16, 3, 3, 1, 1),
    RELU("b1.r1"),
    CONV("b1.c2", 16, 3, 3, 1, 1),
    JOIN("b1.sum", ADD, "b1.c2", "r0"),
    RELU("b1.out"),
    CONV("b2.c1", 32, 3, 3, 2, 1),
    RELU("b2.r1"),
    CONV("b2.c2", 32, 3, 3, 1, 1),
    {.path = "b2.down",
     .kind = DNNB__LAYER_CONV2D,
     .attr.conv2d = {.out_channels = 32, .kernel = {1, 1}, .stride = {2, 2}, .no_bias = true},
     .from = {"b1.out"}},
    JOIN("b2.sum", ADD, "b2.c2", "b2.down"),
    RELU("b2.out"),
    AVGPOOL("a", 1),
    FLATTEN("f"),
    LINEAR("l", 5)};

/* Branches joined along the channels, with whole blocks and without, and a value read four times.
 */
static const dnnb__layer_row branches[] = {CONV("c0", 8, 5, 5, 1, 2),
                                           JOIN("x1", CONV2D, "c0"),
                                           JOIN("x3", CONV2D, "c0"),
                                           JOIN("p", MAXPOOL2D, "c0"),
                                           JOIN("cat1", CONCAT, "x1", "x3", "p", "c0"),
                                           RELU("r1"),
                                           CONV("y1", 5, 1, 1, 1, 0),
                                           JOIN("cat2", CONCAT, "y1", "r1"),
                                           JOIN("twice", ADD, "cat2", "cat2"),
                                           AVGPOOL("a", 3),
                                           FLATTEN("f"),
                                           LINEAR("l", 4)};

static inline void add_rows(dnnb__graph *graph, const dnnb__layer_row *rows, size_t n) {
    dnnb__layer_row copy[32];
    assert_true(n <= 32);
    memcpy(copy, rows, n * sizeof *rows);
    for (size_t i = 0; i < n; i++) { /* settings that JOIN cannot give */
        if (strcmp(rows[i].path, "x1") == 0)
            copy[i].attr.conv2d =
                (dnnb__conv2d_attr){.out_channels = 16, .kernel = {1, 1}, .stride = {1, 1}};
        if (strcmp(rows[i].path, "x3") == 0)
            copy[i].attr.conv2d = (dnnb__conv2d_attr){
                .out_channels = 8, .kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}};
        if (strcmp(rows[i].path, "p") == 0)
            copy[i].attr.pool2d =
                (dnnb__pool2d_attr){.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}};
    }
    assert_ok(dnnb__graph_add(graph, copy, n));
}

static inline dnnb__graph *make_graph(const dnnb__layer_row *rows, size_t n, int64_t channels,
                                      int64_t size) {
    dnnb__graph *graph;
    dnnb_shape input = {.dim = {channels, size, size}, .ndim = 3};
    assert_ok(dnnb__graph_create(&graph, &input));
    add_rows(graph, rows, n);
    return graph;
}
#define GRAPH(rows, channels, size) make_graph(rows, sizeof(rows) / sizeof(rows)[0], channels, size)

static inline float *random_values(size_t n, uint32_t place) {
    float *values = dnnb__alloc(n, sizeof *values);
    assert_non_null(values);
    dnnb__random_draws draws = dnnb__random_draws_create(key, 1, place);
    for (size_t i = 0; i < n; i++) values[i] = (float)(2.0 * dnnb__random_uniform(&draws) - 1.0);
    return values;
}

static inline dnnb__net *make_net(const char *engine, const dnnb__graph *graph, size_t n_threads) {
    dnnb__net *net;
    assert_ok(dnnb__net_create(&net, engine, graph, n_threads));
    for (size_t i = 0; i < graph->n_params; i++) {
        float *values = dnnb__alloc(graph->params[i].count, sizeof *values);
        dnnb__param_initialize(&graph->params[i], key, values);
        assert_ok(dnnb__net_import(net, i, values));
        dnnb__free(values);
    }
    return net;
}

static inline dnnb__plan *make_plan(dnnb__net *net, dnnb__mode mode, size_t batch, size_t from,
                                    size_t to, bool input_gradient) {
    dnnb__plan *plan;
    dnnb__plan_options options = {mode, batch, from, to, input_gradient, false};
    assert_ok(dnnb__plan_create(&plan, net, &options));
    return plan;
}

static inline size_t count_of(const dnnb__graph *graph, size_t node) {
    size_t count = 1;
    for (size_t i = 0; i < graph->nodes[node].shape.ndim; i++)
        count *= (size_t)graph->nodes[node].shape.dim[i];
    return count;
}

/* |a - b| / |b|, and 0 when both are zero. */
static inline double distance(const float *a, const float *b, size_t n) {
    double difference = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return difference == 0.0 ? 0.0 : sqrt(difference / norm);
}

static inline void assert_near(const char *what, const float *a, const float *b, size_t n,
                               double limit) {
    double d = distance(a, b, n);
    if (!(d <= limit)) fail_msg("%s: relative distance %g above %g", what, d, limit);
}

/* One forward and backward pass. Outputs and gradients are owned by the caller. */
typedef struct results {
    float *output, *input_gradient;
    float *gradients[40];
} results;

static inline void results_free(results *r) {
    dnnb__free(r->output);
    dnnb__free(r->input_gradient);
    for (size_t i = 0; i < 40; i++) dnnb__free(r->gradients[i]);
}

static inline float *copy_of(const float *values, size_t n) {
    float *copy = dnnb__alloc(n, sizeof *copy);
    memcpy(copy, values, n * sizeof *copy);
    return copy;
}

static inline void run_step_from(dnnb__plan *plan, const void *input, const float *output_gradient,
                                 results *out) {
    dnnb__net *net = plan->net;
    const dnnb__graph *graph = net->graph;
    const dnnb__plan_options *o = &plan->options;
    size_t n_out = o->batch * count_of(graph, o->to), n_in = o->batch * count_of(graph, o->from);
    dnnb__step_random random = {.key = key, .step = 5};
    *out = (results){0};
    assert_ok(dnnb__plan_forward(plan, input, &random));
    out->output = copy_of(dnnb__plan_get_output(plan), n_out);
    assert_ok(dnnb__plan_backward(plan, output_gradient));
    if (o->input_gradient) out->input_gradient = copy_of(dnnb__plan_get_input_gradient(plan), n_in);
    for (size_t i = 0; i < graph->n_params; i++) {
        if (!graph->params[i].trainable || graph->params[i].node <= o->from) continue;
        out->gradients[i] = dnnb__alloc(graph->params[i].count, sizeof(float));
        assert_ok(dnnb__net_export_gradient(net, i, out->gradients[i]));
    }
}

/* A net's steps and outputs are the same to the bit from images that are laid out. */
static inline void compare_laid_out(dnnb__net *net, size_t batch) {
    const dnnb__graph *graph = net->graph;
    const dnnb_shape *in = &graph->nodes[0].shape;
    size_t last = graph->n_nodes - 1, n_in = count_of(graph, 0), n_out = count_of(graph, last);
    dnnb__image_layout layout;
    assert_ok(dnnb__engine_get_image_layout(&layout, net->engine->name, graph, net->n_threads,
                                            net->precision));
    float *plain = random_values(batch * n_in, 2), *gradient = random_values(batch * n_out, 3);
    char *laid_out = dnnb__alloc(batch, dnnb__image_layout_get_bytes(&layout));
    for (size_t i = 0; i < batch; i++)
        lay_out(&layout, plain + i * n_in, in->dim[1], in->dim[2],
                laid_out + i * dnnb__image_layout_get_bytes(&layout));
    for (int is_test = 0; is_test < 2; is_test++) {
        results r[2] = {{0}};
        for (int k = 0; k < 2; k++) {
            dnnb__plan_options options = {.mode = is_test ? DNNB__MODE_TEST : DNNB__MODE_TRAIN,
                                          .batch = batch,
                                          .to = last,
                                          .laid_out = k};
            const void *input = k ? (const void *)laid_out : plain;
            dnnb__plan *plan;
            assert_ok(dnnb__plan_create(&plan, net, &options));
            if (is_test) {
                assert_ok(dnnb__plan_forward(plan, input, NULL));
                r[k].output = copy_of(dnnb__plan_get_output(plan), batch * n_out);
            } else {
                run_step_from(plan, input, gradient, &r[k]);
            }
            dnnb__plan_destroy(plan);
        }
        assert_memory_equal(r[0].output, r[1].output, batch * n_out * sizeof(float));
        for (size_t i = 0; i < graph->n_params; i++)
            if (r[0].gradients[i])
                assert_memory_equal(r[0].gradients[i], r[1].gradients[i],
                                    graph->params[i].count * sizeof(float));
        results_free(&r[0]);
        results_free(&r[1]);
    }
    dnnb__free(plain);
    dnnb__free(gradient);
    dnnb__free(laid_out);
}

static inline void run_step(dnnb__plan *plan, const float *input, results *out) {
    const dnnb__plan_options *o = &plan->options;
    float *output_gradient = random_values(o->batch * count_of(plan->net->graph, o->to), 3);
    run_step_from(plan, input, output_gradient, out);
    dnnb__free(output_gradient);
}

#endif
