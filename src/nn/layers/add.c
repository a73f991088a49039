/* add: the sum of two or more inputs of one shape, as at the end of a residual block. */
#include "nn/layers/layers.h"
#include "tensor/tensor.h"

static dnnb_status infer(dnnb__graph *graph, dnnb__node *node, const dnnb_shape *const *in,
                         size_t n_in) {
    (void)graph;
    DNNB_TRY(dnnb__layer_check_n_inputs(node, n_in, 2, true));
    for (size_t i = 1; i < n_in; i++) {
        if (dnnb__shape_equal(in[0], in[i])) continue;
        char first[DNNB__SHAPE_TEXT], other[DNNB__SHAPE_TEXT];
        dnnb__shape_print(in[0], first, sizeof first);
        dnnb__shape_print(in[i], other, sizeof other);
        return dnnb__fail(DNNB_ERR_SHAPE, "%s: expected inputs of one shape, found %s and %s",
                          node->path, first, other);
    }
    node->shape = *in[0];
    return DNNB_OK;
}

const dnnb__layer_type dnnb__layer_add = {.type_name = "add", .infer = infer};
