/* ReLU: max(x, 0). Source: PyTorch nn.ReLU. */
#include "nn/layers/layers.h"

static dnnb_status infer(dnnb__graph *graph, dnnb__node *node, const dnnb_shape *const *in,
                         size_t n_in) {
    (void)graph;
    DNNB_TRY(dnnb__layer_check_n_inputs(node, n_in, 1, false));
    node->shape = *in[0];
    return DNNB_OK;
}

const dnnb__layer_type dnnb__layer_relu = {.type_name = "ReLU", .infer = infer};
