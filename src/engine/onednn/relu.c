/*
 * ReLU. After a convolution or a linear layer it works in place; when max pooling follows, the
 * pooling applies it to its own output, which is several times smaller. Its gradient is zero where
 * its output is.
 * Source: PyTorch nn.ReLU; a NaN stays one.
 */
#include "engine/onednn/plan.h"

static void relu_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    float *out = step->data[0];
    const float *in = step->data[1];
    int64_t n = *(const int64_t *)step->settings;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++) out[i] = in[i] <= 0.0f ? 0.0f : in[i];
}

static void mask_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    float *masked = step->data[0];
    const float *gradient = step->data[1], *out = step->data[2];
    int64_t n = *(const int64_t *)step->settings;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++) masked[i] = out[i] <= 0.0f ? 0.0f : gradient[i];
}

/* Sign and magnitude: what is below zero is at most minus infinity, or a NaN, which stays. */
static inline uint16_t bf16_keep(uint16_t out, uint16_t kept) {
    bool is_zeroed = (out == 0) | ((out >= 0x8000u) & (out <= 0xff80u));
    return is_zeroed ? 0 : kept;
}

static void relu_run_bf16(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    uint16_t *out = step->data[0];
    const uint16_t *in = step->data[1];
    int64_t n = *(const int64_t *)step->settings;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++) out[i] = bf16_keep(in[i], in[i]);
}

static void mask_run_bf16(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    uint16_t *masked = step->data[0];
    const uint16_t *gradient = step->data[1], *out = step->data[2];
    int64_t n = *(const int64_t *)step->settings;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++) masked[i] = bf16_keep(out[i], gradient[i]);
}

/* The kernels for the numbers of a value. */
static dnnb__kernel relu_kernel(const dnnb__onednn_plan *plan, size_t value) {
    return plan->values[value].precision == DNNB__BF16 ? relu_run_bf16 : relu_run;
}

static dnnb__kernel mask_kernel(const dnnb__onednn_plan *plan, size_t value) {
    return plan->values[value].precision == DNNB__BF16 ? mask_run_bf16 : mask_run;
}

/* The number of elements of a value, as the settings of a kernel. */
static dnnb_status count_settings(dnnb__onednn_plan *plan, size_t value, void **out) {
    size_t count = 0;
    DNNB_TRY(dnnb__onednn_value_count(plan, &plan->values[value].shape, plan->values[value].block,
                                      &count));
    DNNB_TRY(dnnb__onednn_alloc(plan, out, 1, sizeof(int64_t)));
    *(int64_t *)*out = (int64_t)count;
    return DNNB_OK;
}

static dnnb_status relu_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    op->out = op->in[0] = plan->node_value[op->node->inputs[0]];
    op->n_in = 1;
    if (plan->fused[op->index]) return DNNB_OK;
    int64_t block = plan->values[op->in[0]].block;
    DNNB_TRY(dnnb__onednn_value_get(plan, &op->in[0], op->node->inputs[0], block));
    DNNB_TRY(dnnb__onednn_value_add(plan, op, &op->node->shape, block));
    void *settings = NULL;
    DNNB_TRY(count_settings(plan, op->out, &settings));
    size_t buffers[] = {plan->values[op->out].data, plan->values[op->in[0]].data};
    return dnnb__onednn_add_kernel(plan, op->node->path, "forward", "own",
                                   relu_kernel(plan, op->out), settings, buffers, 2);
}

static dnnb_status relu_backward(dnnb__onednn_plan *plan, dnnb__op *op) {
    void *settings = NULL;
    DNNB_TRY(count_settings(plan, op->out, &settings));
    size_t gradient;
    DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[0], &gradient));
    const dnnb__value *out = &plan->values[op->out];
    size_t buffers[] = {gradient, out->gradient, out->data};
    DNNB_TRY(dnnb__onednn_add_kernel(plan, op->node->path, "backward data", "own",
                                     mask_kernel(plan, op->out), settings, buffers, 3));
    return dnnb__onednn_gradient_end(plan, op->in[0], gradient, op->node->path);
}

bool dnnb__onednn_relu_is_due(const dnnb__onednn_plan *plan, const dnnb__op *op) {
    if (!op->relu) return false;
    for (size_t i = op->index + 1; i <= plan->base.options.to; i++)
        if (plan->pooled[i] && plan->graph->nodes[i].inputs[0] == op->index) return false;
    return true;
}

dnnb_status dnnb__onednn_relu_apply(dnnb__onednn_plan *plan, const dnnb__op *op) {
    if (!dnnb__onednn_relu_is_due(plan, op)) return DNNB_OK;
    void *settings = NULL;
    DNNB_TRY(count_settings(plan, op->out, &settings));
    size_t buffers[] = {plan->values[op->out].data, plan->values[op->out].data};
    return dnnb__onednn_add_kernel(plan, op->node->path, "forward", "own ReLU",
                                   relu_kernel(plan, op->out), settings, buffers, 2);
}

dnnb_status dnnb__onednn_relu_mask(dnnb__onednn_plan *plan, const dnnb__op *op, size_t *buffer) {
    const dnnb__value *out = &plan->values[op->out];
    *buffer = out->gradient;
    if (!op->relu || out->relu_masked) return DNNB_OK;
    void *settings = NULL;
    DNNB_TRY(count_settings(plan, op->out, &settings));
    if (plan->buffers[out->gradient].kind != DNNB__BUFFER_ARENA) /* the caller's: not to change */
        DNNB_TRY(dnnb__onednn_buffer_arena(plan, buffer, plan->buffers[out->gradient].n_bytes, 1));
    size_t buffers[] = {*buffer, out->gradient, out->data};
    return dnnb__onednn_add_kernel(plan, op->node->path, "backward data", "own ReLU mask",
                                   mask_kernel(plan, op->out), settings, buffers, 3);
}

extern const dnnb__op_type dnnb__onednn_relu;
const dnnb__op_type dnnb__onednn_relu = {.forward = relu_forward, .backward = relu_backward};
