/* Dropout: the mask is a function of the step, the layer and the element (engine/engine.h), so the
 * backward pass makes it again. Kept elements are scaled by the float32 number 1 / (1 - p). */
#include "engine/ref/ref.h"

/* 0 for a dropped element, the scale for a kept one; 1 when not training. */
static double get_factor(const dnnb__ref_call *call, size_t i) {
    if (!call->training) return 1.0;
    float p = call->node->attr.dropout.p;
    const dnnb__step_random *r = call->random;
    size_t of_step =
        r->n_rows ? r->n_rows * (call->out.count / (size_t)call->batch) : call->out.count;
    uint32_t step = r->step + (uint32_t)(i / of_step);
    i %= of_step;
    dnnb__random_block block = dnnb__random_at(r->key, step, (uint32_t)call->node_index, i / 4);
    if ((double)block.word[i % 4] < (double)p * 0x1p32) return 0.0;
    return (double)(1.0f / (1.0f - p));
}

static void forward(const dnnb__ref_call *call) {
    for (size_t i = 0; i < call->out.count; i++)
        call->out.value[i] = call->in[0].value[i] * get_factor(call, i);
}

static void backward(const dnnb__ref_call *call) {
    if (!call->in[0].gradient) return;
    for (size_t i = 0; i < call->out.count; i++)
        call->in[0].gradient[i] += call->out.gradient[i] * get_factor(call, i);
}

const dnnb__ref_op dnnb__ref_op_dropout = {forward, backward};
