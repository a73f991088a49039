/* cat: inputs joined along their first dimension, the channels. Source: torch.cat(xs, 1). */
#include "nn/layers/layers.h"
#include "tensor/tensor.h"

static dnnb_status infer(dnnb__graph *graph, dnnb__node *node, const dnnb_shape *const *in,
                         size_t n_in) {
    (void)graph;
    DNNB_TRY(dnnb__layer_check_n_inputs(node, n_in, 1, true));
    node->shape = *in[0];
    for (size_t i = 1; i < n_in; i++) {
        dnnb_shape alike = *in[i];
        if (alike.ndim > 0) alike.dim[0] = in[0]->dim[0];
        if (!dnnb__shape_equal(in[0], &alike)) {
            char first[DNNB__SHAPE_TEXT], other[DNNB__SHAPE_TEXT];
            dnnb__shape_print(in[0], first, sizeof first);
            dnnb__shape_print(in[i], other, sizeof other);
            return dnnb__fail(DNNB_ERR_SHAPE,
                              "%s: expected inputs that differ in channels alone, found %s and %s",
                              node->path, first, other);
        }
        node->shape.dim[0] += in[i]->dim[0];
    }
    return DNNB_OK;
}

const dnnb__layer_type dnnb__layer_concat = {.type_name = "cat", .infer = infer};
