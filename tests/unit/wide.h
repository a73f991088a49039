/* A network in which frozen layers behind dropout are computed ahead: a small convolution, dropout,
 * a wide linear layer, and a last one. */
#ifndef TESTS_UNIT_WIDE_H
#define TESTS_UNIT_WIDE_H

#include "core/isa.h"
#include "unit/tiny.h"

/* 2,097,152 weights and 2,048 outputs: enough for our own kernels. */
enum { WIDE_FEATURES = 1024, WIDE_FIXED = 2048 };

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
         .attr.linear = {.out_features = WIDE_FIXED}},
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

/** With `backbone` frozen. */
static inline dnnb_dnn *wide_create(const char *engine, dnnb_precision precision) {
    dnnb_dnn *dnn;
    dnnb_dnn_options options = {
        .seed = 1, .n_threads = 2, .engine = engine, .precision = precision};
    assert_ok(dnnb__dnn_create_from_model(&dnn, &wide_model, &options));
    assert_ok(dnnb_dnn_replace_head(dnn, 2));
    assert_ok(dnnb_dnn_set_trainable(dnn, "backbone", false));
    return dnn;
}

/** Whether its wide layer has a kernel of our own in float32. */
static inline bool wide_is_ahead(void) {
    dnnb__isa isa;
    assert_ok(dnnb__isa_get(&isa));
    if (isa >= DNNB__ISA_AVX2) return true;
    print_message("left out: no kernels of our own for linear layers without AVX2\n");
    return false;
}

#endif
