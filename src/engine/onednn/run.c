/*
 * Running a plan: pointers to the buffers, the two passes, timing.
 *
 * Invariant: nothing is allocated here. Pointers are set again when the arena has moved, and in
 * each pass for the memory that the caller gives.
 */
#include <time.h>

#include "core/status.h"
#include "core/thread.h"
#include "engine/onednn/plan.h"

static dnnb_status step_set_data(dnnb__step *step, size_t i, void *data) {
    if (step->data[i] == data) return DNNB_OK;
    step->data[i] = data;
    if (step->kernel) return DNNB_OK;
    return dnnb__memory_set(step->args[i].memory, data);
}

/* Point every use of the plan's own buffers to its place. */
static dnnb_status bind(dnnb__onednn_plan *plan) {
    const dnnb__onednn_net *net = plan->net;
    if (plan->arena_generation == net->arena_generation && plan->bound) return DNNB_OK;
    for (size_t s = 0; s < plan->n_steps; s++) {
        dnnb__step *step = &plan->steps[s];
        for (size_t i = 0; i < step->n_buffers; i++) {
            const dnnb__buffer *buffer = &plan->buffers[step->buffers[i]];
            if (buffer->kind == DNNB__BUFFER_ARENA)
                DNNB_TRY(step_set_data(step, i, net->arena + buffer->offset));
            else if (buffer->kind == DNNB__BUFFER_FIXED)
                DNNB_TRY(step_set_data(step, i, buffer->fixed));
        }
    }
    plan->arena_generation = net->arena_generation;
    plan->bound = true;
    return DNNB_OK;
}

/* Point every use of the caller's buffer to its memory. */
static dnnb_status bind_caller(dnnb__onednn_plan *plan, dnnb__buffer_kind kind, void *data) {
    for (size_t s = 0; s < plan->n_steps; s++)
        for (size_t i = 0; i < plan->steps[s].n_buffers; i++)
            if (plan->buffers[plan->steps[s].buffers[i]].kind == kind)
                DNNB_TRY(step_set_data(&plan->steps[s], i, data));
    return DNNB_OK;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static dnnb_status step_run(dnnb__onednn_plan *plan, dnnb__step *step,
                            const dnnb__step_random *random) {
    dnnb__onednn_net *net = plan->net;
    dnnb__weight_copy *copy = step->copy;
    if (copy && copy->stamp == net->params[copy->param].stamp) return DNNB_OK;
    double start = plan->timing ? now_s() : 0.0;
    if (step->kernel) {
        step->kernel(step, random);
    } else {
        dnnb_status status = dnnb__primitive_run(net->dnnl, &step->primitive, step->args,
                                                 step->n_buffers, step->info.pass);
        if (status != DNNB_OK) return dnnb__fail_prefix(status, "%s", step->info.layer);
    }
    if (copy) copy->stamp = net->params[copy->param].stamp;
    if (plan->timing) step->info.seconds = now_s() - start;
    return DNNB_OK;
}

static dnnb_status run(dnnb__onednn_plan *plan, size_t first, size_t end,
                       const dnnb__step_random *random) {
    size_t threads_before = dnnb__threads_set(plan->base.net->n_threads);
    dnnb_status status = DNNB_OK;
    for (size_t i = first; i < end && status == DNNB_OK; i++)
        status = step_run(plan, &plan->steps[i], random);
    (void)dnnb__threads_set(threads_before);
    return status;
}

dnnb_status dnnb__onednn_plan_forward(dnnb__plan *base, const void *input,
                                      const dnnb__step_random *random) {
    dnnb__onednn_plan *plan = (dnnb__onednn_plan *)base;
    plan->net->last_forward = NULL;
    DNNB_TRY(bind(plan));
    DNNB_TRY(bind_caller(plan, DNNB__BUFFER_INPUT, (void *)(uintptr_t)input));
    DNNB_TRY(run(plan, 0, plan->n_forward, random));
    plan->net->last_forward = plan;
    return DNNB_OK;
}

const float *dnnb__onednn_plan_get_output(const dnnb__plan *base) {
    return ((const dnnb__onednn_plan *)base)->output;
}

/* Each gradient that the plan makes is kept or handed over. */
static dnnb_status check_gradients(const dnnb__onednn_plan *plan) {
    for (size_t i = 0; i < plan->graph->n_params; i++) {
        const dnnb__param_store *store = &plan->net->params[i];
        if (plan->trained[i] && !store->gradient && !store->update.run)
            return dnnb__fail(DNNB_ERR_ARGUMENT,
                              "%s: this plan has no place for its gradient, which was handed over "
                              "when it was made",
                              plan->graph->params[i].path);
    }
    return DNNB_OK;
}

dnnb_status dnnb__onednn_plan_backward(dnnb__plan *base, const float *output_gradient) {
    dnnb__onednn_plan *plan = (dnnb__onednn_plan *)base;
    DNNB_TRY(check_gradients(plan));
    if (plan->net->last_forward != plan)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "a backward pass must follow the forward pass of its plan");
    plan->net->last_forward = NULL; /* gradients may take the place of activations */
    DNNB_TRY(bind_caller(plan, DNNB__BUFFER_OUTPUT_GRADIENT, (void *)(uintptr_t)output_gradient));
    DNNB_TRY(run(plan, plan->n_forward, plan->n_steps, NULL));
    for (size_t i = 0; i < plan->graph->n_params; i++)
        if (plan->trained[i]) plan->net->params[i].has_gradient = !plan->net->params[i].update.run;
    return DNNB_OK;
}

const float *dnnb__onednn_plan_get_input_gradient(const dnnb__plan *base) {
    return ((const dnnb__onednn_plan *)base)->input_gradient;
}

size_t dnnb__onednn_plan_get_n_ops(const dnnb__plan *base) {
    return ((const dnnb__onednn_plan *)base)->n_steps;
}

dnnb__plan_op dnnb__onednn_plan_get_op(const dnnb__plan *base, size_t i) {
    const dnnb__step *step = &((const dnnb__onednn_plan *)base)->steps[i];
    const dnnb__param_store *handed = step->handed;
    dnnb__plan_op op = step->info;
    if (!handed) return op;
    if (handed->update.run) op.pass = "weights and update";
    op.bytes += handed->update.run ? handed->update.bytes : (double)handed->n * sizeof(float);
    return op;
}

void dnnb__onednn_plan_set_timing(dnnb__plan *base, bool on) {
    ((dnnb__onednn_plan *)base)->timing = on;
}
