/* Linear: y = W x + b over a flat input. Source: PyTorch nn.Linear. */
#include "nn/layers/layers.h"

static dnnb_status infer(dnnb__graph *graph, dnnb__node *node, const dnnb_shape *const *in,
                         size_t n_in) {
    const dnnb__linear_attr *attr = &node->attr.linear;
    DNNB_TRY(dnnb__layer_check_n_inputs(node, n_in, 1, false));
    DNNB_TRY(dnnb__layer_check_ndim(node, in[0], 1, "features"));
    if (attr->out_features < 1)
        return dnnb__fail(DNNB_ERR_SHAPE, "%s: expected 1 or more outputs, found %lld", node->path,
                          (long long)attr->out_features);
    node->shape = (dnnb_shape){.dim = {attr->out_features}, .ndim = 1};
    dnnb_shape weight = {.dim = {attr->out_features, in[0]->dim[0]}, .ndim = 2};
    DNNB_TRY(dnnb__layer_add_weight_and_bias(graph, node, &weight, attr->no_bias));
    node->macs = node->unpadded_macs = (int64_t)graph->params[node->first_param].count;
    return DNNB_OK;
}

const dnnb__layer_type dnnb__layer_linear = {.type_name = "Linear", .infer = infer};
