/* Dropout: in training each element is zero with probability p, else divided by 1 - p; nothing in
 * testing. Source: PyTorch nn.Dropout. */
#include "nn/layers/layers.h"

static dnnb_status infer(dnnb__graph *graph, dnnb__node *node, const dnnb_shape *const *in,
                         size_t n_in) {
    (void)graph;
    float p = node->attr.dropout.p;
    DNNB_TRY(dnnb__layer_check_n_inputs(node, n_in, 1, false));
    if (!(p >= 0 && p <= 1))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected a probability from 0 to 1, found %g",
                          node->path, (double)p);
    node->shape = *in[0];
    return DNNB_OK;
}

const dnnb__layer_type dnnb__layer_dropout = {
    .type_name = "Dropout", .random = true, .infer = infer};
