/* An activation in another layout or other numbers, and its gradient the other way. */
#include "engine/onednn/plan.h"

static dnnb_status reorder_layouts(dnnb__onednn_plan *plan, const dnnb__op *op, dnnb__layout *from,
                                   dnnb__layout *to) {
    const dnnb_shape *shape = &op->node->shape;
    const dnnb__value *in = &plan->values[op->in[0]], *out = &plan->values[op->out];
    DNNB_TRY(dnnb__onednn_value_layout(plan, from, shape, in->block, in->precision));
    return dnnb__onednn_value_layout(plan, to, shape, out->block, out->precision);
}

static dnnb_status reorder_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    dnnb__layout from, to;
    DNNB_TRY(reorder_layouts(plan, op, &from, &to));
    return dnnb__onednn_add_reorder(plan, op->node->path, from, plan->values[op->in[0]].data, to,
                                    &plan->values[op->out].data);
}

static dnnb_status reorder_backward(dnnb__onednn_plan *plan, dnnb__op *op) {
    dnnb__layout from, to;
    DNNB_TRY(reorder_layouts(plan, op, &from, &to));
    size_t gradient;
    DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[0], &gradient));
    DNNB_TRY(dnnb__onednn_add_reorder(plan, op->node->path, to, plan->values[op->out].gradient,
                                      from, &gradient));
    return dnnb__onednn_gradient_end(plan, op->in[0], gradient, op->node->path);
}

const dnnb__op_type dnnb__onednn_reorder = {.forward = reorder_forward,
                                            .backward = reorder_backward};
