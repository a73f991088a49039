/*
 * Step times of the computation alone, on random images: what bench/ and `dnnbrain bench` print.
 *
 * Random normal images and random classes: zeros or sparse data would run faster than real ones.
 */
#include "dnnbrain/bench.h"

#include <math.h>
#include <time.h>

#include "dnn/dnn.h"
#include "engine/loss.h"
#include "optim/optim.h"
#include "tensor/tensor.h"

typedef struct bench {
    dnnb__plan *plan;
    dnnb__net *net;
    float *images;   /* [batch, input] */
    float *gradient; /* [batch, n_outputs] */
    int64_t *labels; /* [batch] */
    size_t batch, n_outputs;
    dnnb__optimizer *optimizer; /* NULL when testing */
    float **weights;
    const float **gradients;
    uint32_t step;
} bench;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fill_normal(float *out, size_t n) {
    dnnb__random_key key = dnnb__random_key_create(1, DNNB__PURPOSE_TEST);
    for (size_t i = 0; i < n; i += 2) { /* Box and Muller: two normal numbers from two uniform */
        dnnb__random_block block = dnnb__random_at(key, 0, 0, i);
        double radius = sqrt(-2.0 * log(((double)block.word[0] + 0.5) * 0x1p-32));
        double angle = (double)block.word[1] * (6.283185307179586 * 0x1p-32);
        out[i] = (float)(radius * cos(angle));
        if (i + 1 < n) out[i + 1] = (float)(radius * sin(angle));
    }
}

static dnnb_status create_optimizer(bench *b, const dnnb_optimizer_options *options) {
    const dnnb__graph *graph = dnnb__net_get_graph(b->net);
    size_t n = 0;
    size_t *sizes = dnnb__calloc(graph->n_params, sizeof *sizes);
    b->weights = dnnb__calloc(graph->n_params, sizeof *b->weights);
    b->gradients = dnnb__calloc(graph->n_params, sizeof *b->gradients);
    dnnb_status status = DNNB_OK;
    if (!sizes || !b->weights || !b->gradients) status = dnnb__fail_memory();
    for (size_t i = 0; status == DNNB_OK && i < graph->n_params; i++) {
        if (!graph->params[i].trainable) continue;
        dnnb__flat flat = dnnb__net_get_flat(b->net, i);
        b->weights[n] = flat.weight;
        b->gradients[n] = flat.gradient;
        sizes[n++] = flat.n;
    }
    if (status == DNNB_OK) status = dnnb__optimizer_create(&b->optimizer, options, sizes, n);
    dnnb__free(sizes);
    return status;
}

static void bench_destroy(bench *b) {
    dnnb__optimizer_destroy(b->optimizer);
    dnnb__free(b->images);
    dnnb__free(b->gradient);
    dnnb__free(b->labels);
    dnnb__free(b->weights);
    dnnb__free(b->gradients);
}

static dnnb_status bench_create(bench *b, dnnb_dnn *dnn, dnnb_bench_kind kind,
                                const dnnb_optimizer_options *optimizer, size_t batch) {
    const dnnb_shape *input = dnnb_dnn_get_input_shape(dnn);
    size_t n_pixels;
    *b = (bench){.batch = batch, .n_outputs = (size_t)dnnb_dnn_get_n_outputs(dnn)};
    if (!dnnb__shape_count(input, &n_pixels) || !dnnb__mul_size(n_pixels, batch, &n_pixels))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "bench: batch %zu is too large", batch);
    b->images = dnnb__alloc(n_pixels, sizeof *b->images);
    b->gradient = dnnb__calloc(batch * b->n_outputs, sizeof *b->gradient);
    b->labels = dnnb__calloc(batch, sizeof *b->labels);
    if (!b->images || !b->gradient || !b->labels) return dnnb__fail_memory();
    fill_normal(b->images, n_pixels);
    for (size_t i = 0; i < batch; i++) b->labels[i] = (int64_t)(i % b->n_outputs);
    DNNB_TRY(dnnb__dnn_get_net(dnn, &b->net));
    dnnb__plan_options options = {.mode =
                                      kind == DNNB_BENCH_TRAIN ? DNNB__MODE_TRAIN : DNNB__MODE_TEST,
                                  .batch = batch,
                                  .from = 0,
                                  .to = dnnb__net_get_graph(b->net)->n_nodes - 1};
    DNNB_TRY(dnnb__dnn_get_plan(dnn, &options, &b->plan));
    return kind == DNNB_BENCH_TRAIN ? create_optimizer(b, optimizer) : DNNB_OK;
}

static dnnb_status run_step(bench *b) {
    dnnb__step_random random = {.key = dnnb__random_key_create(1, DNNB__PURPOSE_DROPOUT),
                                .step = b->step++};
    if (!b->optimizer) return dnnb__plan_forward(b->plan, b->images, NULL);
    DNNB_TRY(dnnb__plan_forward(b->plan, b->images, &random));
    (void)dnnb__loss_cross_entropy(NULL, dnnb__plan_get_output(b->plan), b->labels, b->batch,
                                   b->n_outputs, b->gradient);
    DNNB_TRY(dnnb__plan_backward(b->plan, b->gradient));
    dnnb__optimizer_step(b->optimizer, 1.0, b->weights, b->gradients);
    dnnb__net_mark_changed(b->net);
    return DNNB_OK;
}

static dnnb_status report_ops(bench *b, dnnb_bench_op_fn on_op, void *context) {
    dnnb__plan_set_timing(b->plan, true);
    dnnb_status status = run_step(b);
    for (size_t i = 0; status == DNNB_OK && i < dnnb__plan_get_n_ops(b->plan); i++) {
        dnnb__plan_op op = dnnb__plan_get_op(b->plan, i);
        on_op(context, &(dnnb_bench_op){.layer = op.layer,
                                        .pass = op.pass,
                                        .implementation = op.implementation,
                                        .flops = op.flops,
                                        .seconds = op.seconds});
    }
    dnnb__plan_set_timing(b->plan, false);
    return status;
}

dnnb_status dnnb_bench_step(dnnb_dnn *dnn, dnnb_bench_kind kind,
                            const dnnb_optimizer_options *optimizer, size_t batch, double *seconds,
                            size_t n_steps, dnnb_bench_op_fn on_op, void *context) {
    enum { WARM_UP = 2 };
    bench b;
    dnnb_optimizer_options defaults = DNNB_OPTIMIZER_OPTIONS_INIT;
    dnnb_status status = bench_create(&b, dnn, kind, optimizer ? optimizer : &defaults, batch);
    for (size_t i = 0; status == DNNB_OK && i < n_steps + WARM_UP; i++) {
        double start = now_s();
        status = run_step(&b);
        if (i >= WARM_UP) seconds[i - WARM_UP] = now_s() - start;
    }
    if (status == DNNB_OK && on_op) status = report_ops(&b, on_op, context);
    bench_destroy(&b);
    return status;
}
