/*
 * The reference engine's nets and plans: nodes are computed in the graph's order and differentiated
 * in the reverse order; every activation of a plan has a buffer of its own.
 */
#include "engine/ref/ref.h"

#include <string.h>
#include <time.h>

#include "core/thread.h"
#include "engine/ref/op_list.h"
#include "tensor/tensor.h"

typedef struct ref_net {
    dnnb__net base;
    float **weights;   /* one a parameter, PyTorch's layout */
    float **gradients; /* NULL until a plan trains the parameter */
} ref_net;

/* One node of a plan. */
typedef struct step {
    const dnnb__ref_op *op;
    dnnb__ref_call call;
    bool has_backward;
    double seconds[2]; /* forward, backward */
} step;

typedef struct ref_plan {
    dnnb__plan base;
    step *steps; /* nodes from + 1 .. to */
    size_t n_steps;
    dnnb__ref_blob *blobs; /* nodes from .. to; the first is the input */
    float *output;
    float *input_gradient;
    dnnb__step_random random; /* of the last forward pass */
    size_t n_backward;        /* steps with a backward pass */
    bool timing;
} ref_plan;

#define DECLARE_OP(kind, file) extern const dnnb__ref_op dnnb__ref_op_##file;
DNNB__REF_OP_LIST(DECLARE_OP)
#undef DECLARE_OP

static const dnnb__ref_op *const ops[DNNB__LAYER_KIND_COUNT] = {
#define OP_ROW(kind, file) [DNNB__LAYER_##kind] = &dnnb__ref_op_##file,
    DNNB__REF_OP_LIST(OP_ROW)
#undef OP_ROW
};

static void net_destroy(dnnb__net *base) {
    ref_net *net = (ref_net *)base;
    for (size_t i = 0; i < base->graph->n_params; i++) {
        if (net->weights) dnnb__free(net->weights[i]);
        if (net->gradients) dnnb__free(net->gradients[i]);
    }
    dnnb__free(net->weights);
    dnnb__free(net->gradients);
    dnnb__free(net);
}

static dnnb_status net_create(dnnb__net **out, const dnnb__graph *graph, size_t n_threads,
                              dnnb__precision precision) {
    DNNB_ASSERT(precision == DNNB__F32); /* the only one that this engine says it has */
    ref_net *net = dnnb__calloc(1, sizeof *net);
    if (!net) return dnnb__fail_memory();
    net->base.graph = graph;
    net->base.n_threads = n_threads;
    net->weights = dnnb__calloc(graph->n_params, sizeof *net->weights);
    net->gradients = dnnb__calloc(graph->n_params, sizeof *net->gradients);
    bool has_all = net->weights && net->gradients;
    for (size_t i = 0; has_all && i < graph->n_params; i++) {
        net->weights[i] = dnnb__calloc(graph->params[i].count, sizeof(float));
        has_all = net->weights[i];
    }
    if (!has_all) {
        net_destroy(&net->base);
        return dnnb__fail_memory();
    }
    *out = &net->base;
    return DNNB_OK;
}

static dnnb_status net_import(dnnb__net *base, size_t param, const float *values) {
    ref_net *net = (ref_net *)base;
    memcpy(net->weights[param], values, base->graph->params[param].count * sizeof *values);
    return DNNB_OK;
}

static dnnb_status net_export(const dnnb__net *base, size_t param, float *values) {
    const ref_net *net = (const ref_net *)base;
    memcpy(values, net->weights[param], base->graph->params[param].count * sizeof *values);
    return DNNB_OK;
}

static dnnb_status net_export_gradient(const dnnb__net *base, size_t param, float *values) {
    const ref_net *net = (const ref_net *)base;
    const dnnb__param *p = &base->graph->params[param];
    if (!net->gradients[param])
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: no gradient was made for it", p->path);
    memcpy(values, net->gradients[param], p->count * sizeof *values);
    return DNNB_OK;
}

static dnnb__flat net_get_flat(dnnb__net *base, size_t param) {
    ref_net *net = (ref_net *)base;
    return (dnnb__flat){.weight = net->weights[param],
                        .gradient = net->gradients[param],
                        .n = base->graph->params[param].count};
}

/* There are no copies in other layouts. */
static void net_mark_changed(dnnb__net *base) {
    (void)base;
}

static void plan_destroy(dnnb__plan *base) {
    ref_plan *plan = (ref_plan *)base;
    for (size_t i = 0; plan->blobs && i <= plan->n_steps; i++) {
        dnnb__free(plan->blobs[i].value);
        dnnb__free(plan->blobs[i].gradient);
    }
    dnnb__free(plan->blobs);
    dnnb__free(plan->steps);
    dnnb__free(plan->output);
    dnnb__free(plan->input_gradient);
    dnnb__free(plan);
}

/* The gradient's buffer of a parameter that the plan trains. */
static dnnb_status make_gradient(ref_net *net, size_t param) {
    if (net->gradients[param]) return DNNB_OK;
    net->gradients[param] = dnnb__calloc(net->base.graph->params[param].count, sizeof(float));
    return net->gradients[param] ? DNNB_OK : dnnb__fail_memory();
}

/* A node's activation; with a gradient when it is on the way back to something that is wanted. */
static dnnb_status make_blob(ref_plan *plan, size_t i, bool wanted) {
    dnnb__ref_blob *blob = &plan->blobs[i];
    const dnnb__node *node = &plan->base.net->graph->nodes[plan->base.options.from + i];
    blob->shape = &node->shape;
    if (!dnnb__shape_count(blob->shape, &blob->count))
        return dnnb__fail(DNNB_ERR_INTERNAL, "%s: a shape that overflows", node->path);
    blob->count *= plan->base.options.batch;
    blob->value = dnnb__alloc(blob->count, sizeof *blob->value);
    if (wanted) blob->gradient = dnnb__alloc(blob->count, sizeof *blob->gradient);
    return blob->value && (!wanted || blob->gradient) ? DNNB_OK : dnnb__fail_memory();
}

/* The step of blob i: what it reads and writes, and whether it has a backward pass. */
static dnnb_status make_step(ref_plan *plan, size_t i) {
    ref_net *net = (ref_net *)plan->base.net;
    const dnnb__plan_options *options = &plan->base.options;
    const dnnb__node *node = &net->base.graph->nodes[options->from + i];
    bool training = options->mode == DNNB__MODE_TRAIN;
    step *s = &plan->steps[i - 1];
    s->op = ops[node->kind];
    if (!s->op)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: the engine 'ref' has no %s", node->path,
                          dnnb__layer_get_type(node->kind)->type_name);
    s->call = (dnnb__ref_call){.node = node,
                               .node_index = options->from + i,
                               .batch = (int64_t)options->batch,
                               .training = training,
                               .random = training ? &plan->random : NULL,
                               .n_in = node->n_inputs};
    for (size_t k = 0; k < node->n_params; k++) {
        size_t param = node->first_param + k;
        s->call.param[k] = net->weights[param];
        if (!training || !net->base.graph->params[param].trainable) continue;
        DNNB_TRY(make_gradient(net, param));
        s->call.param_gradient[k] = net->gradients[param];
        s->has_backward = true;
    }
    for (size_t k = 0; k < node->n_inputs; k++) {
        s->call.in[k] = plan->blobs[node->inputs[k] - options->from];
        if (s->call.in[k].gradient) s->has_backward = true;
    }
    DNNB_TRY(make_blob(plan, i, s->has_backward));
    s->call.out = plan->blobs[i];
    plan->n_backward += s->has_backward;
    return DNNB_OK;
}

static dnnb_status make_plan(ref_plan *plan) {
    const dnnb__plan_options *options = &plan->base.options;
    plan->n_steps = options->to - options->from;
    plan->steps = dnnb__calloc(plan->n_steps, sizeof *plan->steps);
    plan->blobs = dnnb__calloc(plan->n_steps + 1, sizeof *plan->blobs);
    if (!plan->steps || !plan->blobs) return dnnb__fail_memory();
    bool wanted = options->mode == DNNB__MODE_TRAIN && options->input_gradient;
    DNNB_TRY(make_blob(plan, 0, wanted));
    for (size_t i = 1; i <= plan->n_steps; i++) DNNB_TRY(make_step(plan, i));
    plan->output = dnnb__calloc(plan->blobs[plan->n_steps].count, sizeof(float));
    if (wanted) plan->input_gradient = dnnb__calloc(plan->blobs[0].count, sizeof(float));
    return plan->output && (!wanted || plan->input_gradient) ? DNNB_OK : dnnb__fail_memory();
}

static dnnb_status plan_create(dnnb__plan **out, dnnb__net *net,
                               const dnnb__plan_options *options) {
    ref_plan *plan = dnnb__calloc(1, sizeof *plan);
    if (!plan) return dnnb__fail_memory();
    plan->base.net = net;
    plan->base.options = *options;
    dnnb_status status = make_plan(plan);
    if (status != DNNB_OK) {
        plan_destroy(&plan->base);
        return status;
    }
    *out = &plan->base;
    return DNNB_OK;
}

static double get_time_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void run_step(const ref_plan *plan, step *s, bool is_backward) {
    double start = plan->timing ? get_time_s() : 0;
    if (is_backward)
        s->op->backward(&s->call);
    else
        s->op->forward(&s->call);
    if (plan->timing) s->seconds[is_backward] = get_time_s() - start;
}

static dnnb_status plan_forward(dnnb__plan *base, const void *input,
                                const dnnb__step_random *random) {
    ref_plan *plan = (ref_plan *)base;
    const float *values = input;
    if (random) plan->random = *random;
    size_t n_threads = dnnb__threads_set(base->net->n_threads);
    for (size_t i = 0; i < plan->blobs[0].count; i++) plan->blobs[0].value[i] = (double)values[i];
    for (size_t i = 0; i < plan->n_steps; i++) run_step(plan, &plan->steps[i], false);
    const dnnb__ref_blob *last = &plan->blobs[plan->n_steps];
    for (size_t i = 0; i < last->count; i++) plan->output[i] = (float)last->value[i];
    dnnb__threads_set(n_threads);
    return DNNB_OK;
}

static const float *plan_get_output(const dnnb__plan *base) {
    return ((const ref_plan *)base)->output;
}

static dnnb_status plan_backward(dnnb__plan *base, const float *output_gradient) {
    ref_plan *plan = (ref_plan *)base;
    size_t n_threads = dnnb__threads_set(base->net->n_threads);
    for (size_t i = 0; i <= plan->n_steps; i++) {
        dnnb__ref_blob *blob = &plan->blobs[i];
        for (size_t k = 0; blob->gradient && k < blob->count; k++)
            blob->gradient[k] = i == plan->n_steps ? (double)output_gradient[k] : 0.0;
    }
    for (size_t i = plan->n_steps; i-- > 0;)
        if (plan->steps[i].has_backward) run_step(plan, &plan->steps[i], true);
    for (size_t k = 0; plan->input_gradient && k < plan->blobs[0].count; k++)
        plan->input_gradient[k] = (float)plan->blobs[0].gradient[k];
    dnnb__threads_set(n_threads);
    return DNNB_OK;
}

static const float *plan_get_input_gradient(const dnnb__plan *base) {
    return ((const ref_plan *)base)->input_gradient;
}

static size_t plan_get_n_ops(const dnnb__plan *base) {
    const ref_plan *plan = (const ref_plan *)base;
    return plan->n_steps + plan->n_backward;
}

/* The step of the i-th op: forward passes first, then backward passes in their order. */
static const step *find_op(const ref_plan *plan, size_t i) {
    if (i < plan->n_steps) return &plan->steps[i];
    size_t n_before = i - plan->n_steps;
    for (size_t k = plan->n_steps; k-- > 0;)
        if (plan->steps[k].has_backward && n_before-- == 0) return &plan->steps[k];
    return &plan->steps[0];
}

static dnnb__plan_op plan_get_op(const dnnb__plan *base, size_t i) {
    const ref_plan *plan = (const ref_plan *)base;
    const step *s = find_op(plan, i);
    const dnnb__ref_call *call = &s->call;
    bool is_backward = i >= plan->n_steps;
    double n_images = (double)call->batch; /* that are passed over, forward or for a gradient */
    if (is_backward) n_images *= (call->in[0].gradient != NULL) + (call->param_gradient[0] != NULL);
    return (dnnb__plan_op){.layer = call->node->path,
                           .pass = is_backward ? "backward" : "forward",
                           .implementation = "ref: loops, float64 sums",
                           .flops = 2.0 * (double)call->node->macs * n_images,
                           .unpadded_flops = 2.0 * (double)call->node->unpadded_macs * n_images,
                           .seconds = s->seconds[is_backward]};
}

static void plan_set_timing(dnnb__plan *base, bool on) {
    ((ref_plan *)base)->timing = on;
}

static const char *get_version(void) {
    return "dnnbrain " DNNB_VERSION;
}

static const char *get_instructions(dnnb__precision precision) {
    (void)precision;
    return "any";
}

static dnnb__bf16_support get_bf16_support(void) {
    return DNNB__BF16_NONE;
}

const dnnb__engine dnnb__engine_ref = {
    .name = "ref",
    .get_version = get_version,
    .get_instructions = get_instructions,
    .get_bf16_support = get_bf16_support,
    .net_create = net_create,
    .net_destroy = net_destroy,
    .net_import = net_import,
    .net_export = net_export,
    .net_export_gradient = net_export_gradient,
    .net_get_flat = net_get_flat,
    .net_mark_changed = net_mark_changed,
    .net_mark_trained = net_mark_changed,
    .plan_create = plan_create,
    .plan_destroy = plan_destroy,
    .plan_forward = plan_forward,
    .plan_get_output = plan_get_output,
    .plan_backward = plan_backward,
    .plan_get_input_gradient = plan_get_input_gradient,
    .plan_get_n_ops = plan_get_n_ops,
    .plan_get_op = plan_get_op,
    .plan_set_timing = plan_set_timing,
};
