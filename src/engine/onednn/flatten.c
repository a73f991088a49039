/* Flatten: the same elements, row-major. Only a blocked activation costs a reorder. */
#include "engine/onednn/plan.h"

static dnnb_status flatten_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    DNNB_TRY(dnnb__onednn_value_get(plan, &op->in[0], op->node->inputs[0], 1));
    op->n_in = 1;
    op->out = op->in[0];
    return DNNB_OK;
}

extern const dnnb__op_type dnnb__onednn_flatten;
const dnnb__op_type dnnb__onednn_flatten = {.forward = flatten_forward};
