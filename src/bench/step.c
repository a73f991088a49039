/*
 * Steps of the computation alone, on random images: what bench/ and `dnnbrain bench` time.
 *
 * Random normal images and random classes: zeros or sparse data would run faster than real ones.
 * Kept features are what the network makes of such images.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "core/bf16.h"
#include "dnn/dnn.h"
#include "engine/loss.h"
#include "optim/optim.h"
#include "tensor/tensor.h"

enum { WARM_UP = 2 };

/* An array of the optimiser that the engine hands parts of the gradient to. */
typedef struct handed {
    struct dnnb__bench_step *step;
    size_t array;
} handed;

struct dnnb__bench_step {
    dnnb__plan *plan;
    dnnb__plan_options plan_options;
    dnnb_dnn *dnn;
    dnnb__net *net;
    float *input;    /* [batch, shape of the plan's first node], or images laid out */
    float *gradient; /* [batch, n_outputs] */
    int64_t *labels; /* [batch] */
    size_t batch, n_outputs;
    dnnb__optimizer *optimizer; /* NULL when testing */
    float **weights;
    const float **gradients;
    handed *handed;                      /* one an array */
    bool hands_over;                     /* some gradient is */
    double optimizer_bytes, optimizer_s; /* of the last step */
    uint32_t n_steps;
};

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

static bool is_trained(const dnnb__bench_step *b, size_t param) {
    const dnnb__param *p = &dnnb__net_get_graph(b->net)->params[param];
    return p->trainable && p->node > b->plan_options.from;
}

static dnnb_status create_optimizer(dnnb__bench_step *b, const dnnb_optimizer_options *options) {
    size_t n_params = dnnb__net_get_graph(b->net)->n_params, n = 0;
    size_t *sizes = dnnb__calloc(n_params, sizeof *sizes);
    b->weights = dnnb__calloc(n_params, sizeof *b->weights);
    b->gradients = dnnb__calloc(n_params, sizeof *b->gradients);
    b->handed = dnnb__calloc(n_params, sizeof *b->handed);
    dnnb_status status = DNNB_OK;
    if (!sizes || !b->weights || !b->gradients || !b->handed) status = dnnb__fail_memory();
    for (size_t i = 0; status == DNNB_OK && i < n_params; i++)
        if (is_trained(b, i)) sizes[n++] = dnnb__net_get_flat(b->net, i).n;
    if (status == DNNB_OK) status = dnnb__optimizer_create(&b->optimizer, options, sizes, n);
    dnnb__free(sizes);
    return status;
}

static void update_part(void *context, size_t first, size_t n, const float *gradient) {
    const handed *h = context;
    dnnb__optimizer_update_part(h->step->optimizer, h->array, first, n, h->step->weights[h->array],
                                gradient);
}

/* What an update of an array moves, but for its gradient. */
static double count_bytes(const dnnb__bench_step *b, const dnnb__flat *flat) {
    size_t n_arrays = 2; /* the weight is read and written, and so is each state */
    for (size_t s = 0; s < DNNB__OPTIM_MAX_STATES; s++)
        n_arrays += dnnb__optimizer_get_state(b->optimizer, 0, s) ? 2 : 0;
    return (double)(flat->n * (n_arrays * sizeof(float) + (flat->copy ? sizeof(uint16_t) : 0)));
}

/* As in training: before the plan is made, */
static void hand_over_gradients(dnnb__bench_step *b) {
    for (size_t i = 0, k = 0; i < dnnb__net_get_graph(b->net)->n_params; i++) {
        if (!is_trained(b, i)) continue;
        b->handed[k] = (handed){b, k};
        dnnb__update update = {.run = update_part, .context = &b->handed[k++]};
        b->hands_over |= dnnb__net_set_update(b->net, i, &update);
    }
}

/* and once it is there. */
static void find_arrays(dnnb__bench_step *b) {
    for (size_t i = 0, k = 0; i < dnnb__net_get_graph(b->net)->n_params; i++) {
        if (!is_trained(b, i)) continue;
        dnnb__flat flat = dnnb__net_get_flat(b->net, i);
        b->weights[k] = flat.weight;
        b->gradients[k] = flat.gradient;
        dnnb__optimizer_set_copy(b->optimizer, k, flat.copy, flat.row);
        double bytes = count_bytes(b, &flat);
        dnnb__update update = {.run = update_part, .context = &b->handed[k++], .bytes = bytes};
        if (flat.gradient)
            b->optimizer_bytes += bytes + (double)(flat.n * sizeof(float));
        else
            (void)dnnb__net_set_update(b->net, i, &update);
    }
}

static void end_handing_over(dnnb__bench_step *b) {
    if (!b->hands_over) return;
    dnnb__dnn_drop_plans(b->dnn);
    for (size_t i = 0; i < dnnb__net_get_graph(b->net)->n_params; i++)
        (void)dnnb__net_set_update(b->net, i, NULL);
}

void dnnb__bench_step_destroy(dnnb__bench_step *b) {
    if (!b) return;
    end_handing_over(b);
    dnnb__optimizer_destroy(b->optimizer);
    dnnb__free(b->input);
    dnnb__free(b->gradient);
    dnnb__free(b->labels);
    dnnb__free(b->weights);
    dnnb__free(b->gradients);
    dnnb__free(b->handed);
    dnnb__free(b);
}

/* The node that a step of that kind begins at. */
static dnnb_status find_begin(const dnnb__graph *graph, dnnb_bench_kind kind, size_t *out) {
    *out = 0;
    if (kind == DNNB_BENCH_TRAIN || kind == DNNB_BENCH_TEST) return DNNB_OK;
    if (kind != DNNB_BENCH_TRAIN_KEPT)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "bench: expected a kind of step, found %d", (int)kind);
    *out = dnnb__graph_find_cut(graph, true);
    if (*out > 0) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT,
                      "bench: expected frozen layers before all that are trained, found none");
}

/* Images as the loader lays them out. */
static dnnb_status create_images(dnnb__bench_step *b, const dnnb_dnn *dnn) {
    dnnb__image_layout layout;
    DNNB_TRY(dnnb__dnn_get_image_layout(dnn, &layout));
    size_t n_values = dnnb__image_layout_count(&layout);
    if (b->batch == 0 || !dnnb__mul_size(n_values, b->batch, &n_values))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "bench: a batch of %zu images cannot be made",
                          b->batch);
    b->input = dnnb__alloc_large(n_values, sizeof *b->input);
    if (!b->input) return dnnb__fail_memory();
    fill_normal(b->input, n_values);
    uint16_t *rounded = (void *)b->input;
    for (size_t i = 0; layout.is_bf16 && i < n_values; i++)
        rounded[i] = dnnb__bf16_round(b->input[i]);
    return DNNB_OK;
}

/* What the network makes of these images at the node `at`: how many features are zero decides how
 * fast linear layers are. */
static dnnb_status create_features(dnnb__bench_step *b, dnnb_dnn *dnn, size_t at) {
    dnnb__plan_options options = {
        .mode = DNNB__MODE_TEST, .batch = b->batch, .to = at, .laid_out = true};
    dnnb__plan *plan;
    size_t n_values;
    DNNB_TRY(dnnb__dnn_get_plan(dnn, &options, &plan));
    DNNB_TRY(dnnb__plan_forward(plan, b->input, NULL));
    if (!dnnb__shape_count(&dnn->graph->nodes[at].shape, &n_values) ||
        !dnnb__mul_size(n_values, b->batch, &n_values))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "bench: features of %zu images cannot be made",
                          b->batch);
    dnnb__free(b->input);
    b->input = dnnb__alloc_large(n_values, sizeof *b->input);
    if (!b->input) return dnnb__fail_memory();
    memcpy(b->input, dnnb__plan_get_output(plan), n_values * sizeof *b->input);
    return DNNB_OK;
}

static dnnb_status create(dnnb__bench_step *b, dnnb_dnn *dnn, dnnb_bench_kind kind,
                          const dnnb_optimizer_options *optimizer, size_t batch) {
    size_t from;
    b->dnn = dnn;
    b->batch = batch;
    b->n_outputs = (size_t)dnnb_dnn_get_n_outputs(dnn);
    DNNB_TRY(find_begin(dnn->graph, kind, &from));
    DNNB_TRY(create_images(b, dnn));
    if (from > 0) DNNB_TRY(create_features(b, dnn, from));
    b->gradient = dnnb__calloc(batch * b->n_outputs, sizeof *b->gradient);
    b->labels = dnnb__calloc(batch, sizeof *b->labels);
    if (!b->gradient || !b->labels) return dnnb__fail_memory();
    for (size_t i = 0; i < batch; i++) b->labels[i] = (int64_t)(i % b->n_outputs);
    DNNB_TRY(dnnb__dnn_get_net(dnn, &b->net));
    bool is_test = kind == DNNB_BENCH_TEST;
    b->plan_options = (dnnb__plan_options){.mode = is_test ? DNNB__MODE_TEST : DNNB__MODE_TRAIN,
                                           .batch = batch,
                                           .from = from,
                                           .to = dnnb__net_get_graph(b->net)->n_nodes - 1,
                                           .laid_out = from == 0};
    if (is_test) return dnnb__dnn_get_plan(dnn, &b->plan_options, &b->plan);
    DNNB_TRY(create_optimizer(b, optimizer));
    hand_over_gradients(b);
    DNNB_TRY(dnnb__dnn_get_plan(dnn, &b->plan_options, &b->plan));
    find_arrays(b);
    return DNNB_OK;
}

dnnb_status dnnb__bench_step_create(dnnb__bench_step **out, dnnb_dnn *dnn, dnnb_bench_kind kind,
                                    const dnnb_optimizer_options *optimizer, size_t batch) {
    *out = NULL;
    dnnb__bench_step *b = dnnb__calloc(1, sizeof *b);
    if (!b) return dnnb__fail_memory();
    dnnb_status status = create(b, dnn, kind, optimizer, batch);
    for (size_t i = 0; status == DNNB_OK && i < WARM_UP; i++) status = dnnb__bench_step_run(b);
    if (status != DNNB_OK) {
        dnnb__bench_step_destroy(b);
        return status;
    }
    *out = b;
    return DNNB_OK;
}

dnnb_status dnnb__bench_step_run(dnnb__bench_step *b) {
    dnnb__step_random random = {.key = dnnb__random_key_create(1, DNNB__PURPOSE_DROPOUT),
                                .step = b->n_steps++};
    if (!b->optimizer) return dnnb__plan_forward(b->plan, b->input, NULL);
    DNNB_TRY(dnnb__plan_forward(b->plan, b->input, &random));
    (void)dnnb__loss_cross_entropy(NULL, dnnb__plan_get_output(b->plan), b->labels, b->batch,
                                   b->n_outputs, b->gradient);
    dnnb__optimizer_begin_step(b->optimizer, 1.0);
    DNNB_TRY(dnnb__plan_backward(b->plan, b->gradient));
    double start = dnnb__bench_now_s();
    dnnb__optimizer_end_step(b->optimizer, b->weights, b->gradients);
    b->optimizer_s = dnnb__bench_now_s() - start;
    dnnb__net_mark_trained(b->net);
    return DNNB_OK;
}

size_t dnnb__bench_step_get_n_ops(const dnnb__bench_step *b) {
    return dnnb__plan_get_n_ops(b->plan) + (b->optimizer ? 1 : 0);
}

/* Op i, the optimiser's last, as the last step left it. */
static dnnb_bench_op get_op(const dnnb__bench_step *b, size_t i) {
    if (i == dnnb__plan_get_n_ops(b->plan))
        return (dnnb_bench_op){.layer = b->hands_over ? "all others" : "all that is trained",
                               .pass = "optimiser",
                               .implementation = dnnb__optimizer_get_options(b->optimizer)->name,
                               .bytes = b->optimizer_bytes,
                               .seconds = b->optimizer_s,
                               .floor_s = (double)NAN};
    dnnb__plan_op op = dnnb__plan_get_op(b->plan, i);
    return (dnnb_bench_op){.layer = op.layer[0] ? op.layer : "input",
                           .pass = op.pass,
                           .implementation = op.implementation,
                           .flops = op.flops,
                           .unpadded_flops = op.unpadded_flops,
                           .bytes = op.bytes,
                           .seconds = op.seconds,
                           .floor_s = (double)NAN};
}

dnnb_status dnnb__bench_step_time_ops(dnnb__bench_step *b, size_t n_steps, dnnb_bench_op *ops) {
    size_t n_ops = dnnb__bench_step_get_n_ops(b), n;
    if (!dnnb__mul_size(n_ops, n_steps, &n)) n = SIZE_MAX;
    double *seconds = dnnb__alloc(n, sizeof *seconds); /* [n_ops, n_steps] */
    if (!seconds) return dnnb__fail_memory();
    dnnb_status status = DNNB_OK;
    dnnb__plan_set_timing(b->plan, true);
    for (size_t s = 0; status == DNNB_OK && s < n_steps; s++) {
        status = dnnb__bench_step_run(b);
        for (size_t i = 0; i < n_ops; i++) seconds[i * n_steps + s] = get_op(b, i).seconds;
    }
    dnnb__plan_set_timing(b->plan, false);
    for (size_t i = 0; status == DNNB_OK && i < n_ops; i++) {
        dnnb__bench_times times = {.seconds = seconds + i * n_steps, .n = n_steps};
        ops[i] = get_op(b, i);
        ops[i].seconds = dnnb__bench_times_get_median(&times);
    }
    dnnb__free(seconds);
    return status;
}

static dnnb_status tell_ops(dnnb__bench_step *step, size_t n_steps, dnnb_bench_op_fn on_op,
                            void *context) {
    size_t n = dnnb__bench_step_get_n_ops(step);
    dnnb_bench_op *ops = dnnb__alloc(n, sizeof *ops);
    if (!ops) return dnnb__fail_memory();
    dnnb_status status = dnnb__bench_step_time_ops(step, n_steps, ops);
    for (size_t i = 0; status == DNNB_OK && i < n; i++) on_op(context, &ops[i]);
    dnnb__free(ops);
    return status;
}

dnnb_status dnnb_bench_step(dnnb_dnn *dnn, dnnb_bench_kind kind,
                            const dnnb_optimizer_options *optimizer, size_t batch, double *seconds,
                            size_t n_steps, dnnb_bench_op_fn on_op, void *context) {
    static const dnnb_optimizer_options defaults = DNNB_OPTIMIZER_OPTIONS_INIT;
    dnnb__bench_step *step = NULL;
    if (n_steps == 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "bench: expected at least one step, found none");
    dnnb_status status =
        dnnb__bench_step_create(&step, dnn, kind, optimizer ? optimizer : &defaults, batch);
    for (size_t i = 0; status == DNNB_OK && i < n_steps; i++) {
        double start = dnnb__bench_now_s();
        status = dnnb__bench_step_run(step);
        seconds[i] = dnnb__bench_now_s() - start;
    }
    if (status == DNNB_OK && on_op) status = tell_ops(step, n_steps, on_op, context);
    dnnb__bench_step_destroy(step);
    return status;
}

/* --- lists of times --- */

void dnnb__bench_times_destroy(dnnb__bench_times *times) {
    dnnb__free(times->seconds);
    *times = (dnnb__bench_times){0};
}

dnnb_status dnnb__bench_times_add(dnnb__bench_times *times, double seconds) {
    if (times->n == times->capacity) {
        size_t capacity = times->capacity ? 2 * times->capacity : 64;
        double *grown = dnnb__realloc(times->seconds, capacity, sizeof *grown);
        if (!grown) return dnnb__fail_memory();
        times->seconds = grown;
        times->capacity = capacity;
    }
    times->seconds[times->n++] = seconds;
    return DNNB_OK;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double dnnb__bench_times_get_median(dnnb__bench_times *times) {
    if (times->n == 0) return 0;
    qsort(times->seconds, times->n, sizeof *times->seconds, compare);
    size_t middle = times->n / 2;
    if (times->n % 2) return times->seconds[middle];
    return (times->seconds[middle - 1] + times->seconds[middle]) / 2;
}
