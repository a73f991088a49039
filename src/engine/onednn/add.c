/* add: the sum of inputs of one shape, in the layout of the first; each gets the gradient. */
#include <string.h>

#include "core/bf16.h"
#include "engine/onednn/plan.h"

typedef struct add_settings {
    int64_t count;
    size_t n_terms;
} add_settings;

static void sum_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const add_settings *s = step->settings;
    float *out = step->data[0];
    for (size_t k = 1; k < s->n_terms; k++) {
        const float *first = k == 1 ? step->data[1] : out, *term = step->data[k + 1];
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < s->count; i++) out[i] = first[i] + term[i];
    }
}

/* In bfloat16 the sum is rounded once. */
static void sum_run_bf16(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const add_settings *s = step->settings;
    uint16_t *out = step->data[0];
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < s->count; i++) {
        float sum = 0.0f;
        for (size_t k = 0; k < s->n_terms; k++)
            sum += dnnb__bf16_widen(((const uint16_t *)step->data[k + 1])[i]);
        out[i] = dnnb__bf16_round(sum);
    }
}

static void copy_run_bf16(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const add_settings *s = step->settings;
    memcpy(step->data[0], step->data[1], (size_t)s->count * sizeof(uint16_t));
}

static void copy_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const add_settings *s = step->settings;
    float *out = step->data[0];
    const float *in = step->data[1];
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < s->count; i++) out[i] = in[i];
}

static dnnb_status settings_create(dnnb__onednn_plan *plan, const dnnb__op *op, void **out) {
    size_t count = 0;
    DNNB_TRY(dnnb__onednn_value_count(plan, &op->node->shape, plan->values[op->out].block, &count));
    DNNB_TRY(dnnb__onednn_alloc(plan, out, 1, sizeof(add_settings)));
    *(add_settings *)*out = (add_settings){(int64_t)count, op->n_in};
    return DNNB_OK;
}

static dnnb_status add_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    int64_t block = plan->values[plan->node_value[op->node->inputs[0]]].block;
    for (; op->n_in < op->node->n_inputs; op->n_in++)
        DNNB_TRY(
            dnnb__onednn_value_get(plan, &op->in[op->n_in], op->node->inputs[op->n_in], block));
    DNNB_TRY(dnnb__onednn_value_add(plan, op, &op->node->shape, block));
    void *settings = NULL;
    DNNB_TRY(settings_create(plan, op, &settings));
    size_t buffers[DNNB__STEP_MAX_ARGS] = {plan->values[op->out].data};
    for (size_t i = 0; i < op->n_in; i++) buffers[i + 1] = plan->values[op->in[i]].data;
    bool is_bf16 = plan->values[op->out].precision == DNNB__BF16;
    return dnnb__onednn_add_kernel(plan, op->node->path, "forward", "own",
                                   is_bf16 ? sum_run_bf16 : sum_run, settings, buffers,
                                   op->n_in + 1);
}

static dnnb_status add_backward(dnnb__onednn_plan *plan, dnnb__op *op) {
    void *settings = NULL;
    DNNB_TRY(settings_create(plan, op, &settings));
    for (size_t i = 0; i < op->n_in; i++) {
        if (!plan->values[op->in[i]].wants_gradient) continue;
        size_t gradient;
        DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[i], &gradient));
        size_t buffers[] = {gradient, plan->values[op->out].gradient};
        bool is_bf16 = plan->values[op->out].precision == DNNB__BF16;
        DNNB_TRY(dnnb__onednn_add_kernel(plan, op->node->path, "backward data", "own",
                                         is_bf16 ? copy_run_bf16 : copy_run, settings, buffers, 2));
        DNNB_TRY(dnnb__onednn_gradient_end(plan, op->in[i], gradient, op->node->path));
    }
    return DNNB_OK;
}

extern const dnnb__op_type dnnb__onednn_add;
const dnnb__op_type dnnb__onednn_add = {.forward = add_forward, .backward = add_backward};
