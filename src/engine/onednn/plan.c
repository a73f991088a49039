/*
 * Plans of the onednn engine: from a part of a graph to a list of steps.
 *
 * Method: walk the nodes forward, letting each one's operation add its steps; put the output into
 * row-major memory of the plan's own; walk the operations backward where something is trained; then
 * give the buffers their places. All primitives are made here.
 */
#include "engine/onednn/plan.h"

#include <string.h>

#include "core/status.h"
#include "core/thread.h"
#include "engine/onednn/conv2d_form.h"
#include "tensor/tensor.h"

/* Which parameters are trained, and room for their gradients. */
static dnnb_status find_trained(dnnb__onednn_plan *plan) {
    const dnnb__graph *graph = plan->graph;
    void *block;
    DNNB_TRY(dnnb__onednn_alloc(plan, &block, graph->n_params, sizeof(bool)));
    plan->trained = block;
    if (plan->base.options.mode != DNNB__MODE_TRAIN) return DNNB_OK;
    for (size_t i = 0; i < graph->n_params; i++) {
        const dnnb__param *param = &graph->params[i];
        plan->trained[i] = param->trainable && param->node > plan->base.options.from &&
                           param->node <= plan->base.options.to;
        if (plan->trained[i] && !plan->net->params[i].update.run)
            DNNB_TRY(dnnb__onednn_net_need_gradient(plan->net, i));
    }
    return DNNB_OK;
}

/* Which nodes are differentiated, who reads each, and which ReLUs are no steps of their own. */
static dnnb_status analyse(dnnb__onednn_plan *plan) {
    const dnnb__graph *graph = plan->graph;
    const dnnb__plan_options *o = &plan->base.options;
    size_t n = graph->n_nodes;
    void *block;
    DNNB_TRY(dnnb__onednn_alloc(plan, &block, n, sizeof(size_t)));
    plan->node_value = block;
    DNNB_TRY(dnnb__onednn_alloc(plan, &block, n, sizeof(size_t)));
    plan->n_consumers = block;
    DNNB_TRY(dnnb__onednn_alloc(plan, &block, 3 * n, sizeof(bool)));
    plan->differentiated = block;
    plan->fused = plan->differentiated + n;
    plan->pooled = plan->fused + n;
    bool training = o->mode == DNNB__MODE_TRAIN;
    plan->differentiated[o->from] = training && o->input_gradient;
    for (size_t i = o->from + 1; i <= o->to; i++) {
        const dnnb__node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->n_inputs; k++) {
            plan->n_consumers[node->inputs[k]]++;
            plan->differentiated[i] |= plan->differentiated[node->inputs[k]];
        }
        for (size_t k = 0; k < node->n_params; k++)
            plan->differentiated[i] |= dnnb__onednn_is_trained(plan, node->first_param + k);
    }
    for (size_t i = o->from + 1; i <= o->to; i++) {
        size_t before = graph->nodes[i].inputs[0];
        dnnb__layer_kind kind = graph->nodes[before].kind;
        plan->fused[i] = graph->nodes[i].kind == DNNB__LAYER_RELU && before > o->from &&
                         plan->n_consumers[before] == 1 &&
                         (kind == DNNB__LAYER_CONV2D || kind == DNNB__LAYER_LINEAR);
    }
    for (size_t i = o->from + 1; i <= o->to; i++) {
        size_t before = graph->nodes[i].inputs[0];
        plan->pooled[before] |= dnnb__onednn_may_pool_relu(&graph->nodes[i]) &&
                                plan->fused[before] && plan->n_consumers[before] == 1;
    }
    return DNNB_OK;
}

/* The buffers that come first, and the value of the node that the plan reads. */
static dnnb_status add_input(dnnb__onednn_plan *plan) {
    const dnnb__plan_options *o = &plan->base.options;
    dnnb__op source = {.index = o->from, .differentiated = plan->differentiated[o->from]};
    const dnnb_shape *shape = &plan->graph->nodes[o->from].shape;
    DNNB_TRY(dnnb__onednn_value_add_in(plan, &source, shape, 1, DNNB__F32));
    dnnb__buffer *buffer = &plan->buffers[plan->values[source.out].data];
    buffer->kind = DNNB__BUFFER_INPUT;
    if (o->laid_out) {
        DNNB_TRY(dnnb__conv2d_lay_out_images(plan->net->dnnl, plan->graph, &plan->images));
        plan->laid_out = !dnnb__image_layout_is_plain(&plan->images);
        buffer->n_bytes = o->batch * dnnb__image_layout_get_bytes(&plan->images);
    }
    plan->node_value[o->from] = source.out;
    return DNNB_OK;
}

static dnnb_status add_node(dnnb__onednn_plan *plan, size_t index) {
    const dnnb__node *node = &plan->graph->nodes[index];
    dnnb__op op = {.type = dnnb__onednn_find_op(node->kind),
                   .index = index,
                   .node = node,
                   .differentiated = plan->differentiated[index]};
    if (!op.type)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "the onednn engine has no layer of type %s",
                          dnnb__layer_get_type(node->kind)->type_name);
    for (size_t i = index + 1; i <= plan->base.options.to && !op.relu; i++)
        op.relu = plan->fused[i] && plan->graph->nodes[i].inputs[0] == index;
    DNNB_TRY(op.type->forward(plan, &op));
    plan->node_value[index] = op.out;
    if (plan->n_ops == plan->op_capacity) {
        size_t capacity = plan->op_capacity ? 2 * plan->op_capacity : 32;
        dnnb__op *ops = dnnb__realloc(plan->ops, capacity, sizeof *ops);
        if (!ops) return dnnb__fail_memory();
        plan->ops = ops;
        plan->op_capacity = capacity;
    }
    plan->ops[plan->n_ops++] = op;
    return DNNB_OK;
}

static void copy_values(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    memcpy(step->data[0], step->data[1], *(const size_t *)step->settings);
}

/* The plan's own memory for its output (or the gradient of its input), in place of `buffer`. */
static dnnb_status own_buffer(dnnb__onednn_plan *plan, size_t buffer, float **out) {
    void *memory;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, plan->buffers[buffer].n_bytes, 1));
    plan->buffers[buffer].kind = DNNB__BUFFER_FIXED;
    plan->buffers[buffer].fixed = memory;
    *out = memory;
    return DNNB_OK;
}

/* Where nothing is computed the caller's memory would be the result: add a copy of it instead. */
static dnnb_status add_copy(dnnb__onednn_plan *plan, const char *pass, size_t *buffer) {
    size_t from = *buffer;
    void *n_bytes = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &n_bytes, 1, sizeof(size_t)));
    *(size_t *)n_bytes = plan->buffers[from].n_bytes;
    DNNB_TRY(dnnb__onednn_buffer_arena(plan, buffer, plan->buffers[from].n_bytes, 1));
    size_t buffers[] = {*buffer, from};
    return dnnb__onednn_add_kernel(plan, plan->graph->nodes[plan->base.options.to].path, pass,
                                   "copy", copy_values, n_bytes, buffers, 2);
}

static dnnb_status add_output(dnnb__onednn_plan *plan) {
    size_t value;
    DNNB_TRY(dnnb__onednn_value_get_in(plan, &value, plan->base.options.to, 1, DNNB__F32));
    size_t data = plan->values[value].data;
    if (plan->buffers[data].kind == DNNB__BUFFER_INPUT) DNNB_TRY(add_copy(plan, "forward", &data));
    DNNB_TRY(own_buffer(plan, data, &plan->output));
    dnnb__value *output = &plan->values[value];
    if (output->gradient != DNNB__NO_BUFFER) {
        plan->buffers[output->gradient].kind = DNNB__BUFFER_OUTPUT_GRADIENT;
        output->has_gradient = true;
    }
    return DNNB_OK;
}

static dnnb_status add_backward(dnnb__onednn_plan *plan) {
    const dnnb__plan_options *o = &plan->base.options;
    for (size_t i = plan->n_ops; i-- > 0;) {
        dnnb__op *op = &plan->ops[i];
        /* A node that does not reach the output has no gradient. */
        if (!op->differentiated || !plan->values[op->out].has_gradient) continue;
        if (op->n_in && op->out == op->in[0]) continue; /* the same value under another name */
        dnnb_status status = op->type->backward(plan, op);
        if (status != DNNB_OK) return dnnb__fail_prefix(status, "%s", op->node->path);
    }
    if (!plan->differentiated[o->from]) return DNNB_OK;
    size_t gradient = plan->values[plan->node_value[o->from]].gradient;
    if (plan->buffers[gradient].kind == DNNB__BUFFER_OUTPUT_GRADIENT)
        DNNB_TRY(add_copy(plan, "backward data", &gradient));
    return own_buffer(plan, gradient, &plan->input_gradient);
}

/* What each step moves. Scratch memory is oneDNN's own affair. */
static void count_bytes(dnnb__onednn_plan *plan) {
    for (size_t s = 0; s < plan->n_steps; s++) {
        dnnb__step *step = &plan->steps[s];
        for (size_t i = 0; i < step->n_buffers; i++)
            if (step->kernel || step->args[i].arg != DNNL_ARG_SCRATCHPAD)
                step->info.bytes += (double)plan->buffers[step->buffers[i]].n_bytes;
    }
}

static dnnb_status build(dnnb__onednn_plan *plan) {
    DNNB_TRY(find_trained(plan));
    DNNB_TRY(analyse(plan));
    DNNB_TRY(add_input(plan));
    for (size_t i = plan->base.options.from + 1; i <= plan->base.options.to; i++) {
        dnnb_status status = add_node(plan, i);
        if (status != DNNB_OK) return dnnb__fail_prefix(status, "%s", plan->graph->nodes[i].path);
    }
    DNNB_TRY(add_output(plan));
    plan->n_forward = plan->n_steps;
    if (plan->base.options.mode == DNNB__MODE_TRAIN) DNNB_TRY(add_backward(plan));
    count_bytes(plan);
    return dnnb__onednn_plan_memory(plan);
}

dnnb_status dnnb__onednn_plan_create(dnnb__plan **out, dnnb__net *net,
                                     const dnnb__plan_options *options) {
    *out = NULL;
    dnnb__onednn_plan *plan = dnnb__calloc(1, sizeof *plan);
    if (!plan) return dnnb__fail_memory();
    plan->base = (dnnb__plan){&dnnb__engine_onednn, net, *options};
    plan->net = (dnnb__onednn_net *)net;
    plan->graph = net->graph;
    size_t threads_before = dnnb__threads_set(net->n_threads);
    dnnb_status status = build(plan);
    (void)dnnb__threads_set(threads_before);
    if (status != DNNB_OK) {
        dnnb__onednn_plan_destroy(&plan->base);
        return status;
    }
    *out = &plan->base;
    return DNNB_OK;
}

void dnnb__onednn_plan_destroy(dnnb__plan *base) {
    dnnb__onednn_plan *plan = (dnnb__onednn_plan *)base;
    if (!plan) return;
    if (plan->net->last_forward == plan) plan->net->last_forward = NULL;
    for (size_t i = 0; i < plan->n_steps; i++) {
        dnnb__step *step = &plan->steps[i];
        for (size_t k = 0; k < DNNB__STEP_MAX_ARGS; k++) dnnb__memory_destroy(step->args[k].memory);
        dnnb__primitive_destroy(&step->primitive);
    }
    for (size_t i = 0; i < plan->n_blocks; i++) dnnb__free(plan->blocks[i]);
    dnnb__free(plan->blocks);
    dnnb__free(plan->buffers);
    dnnb__free(plan->steps);
    dnnb__free(plan->values);
    dnnb__free(plan->ops);
    dnnb__free(plan);
}
