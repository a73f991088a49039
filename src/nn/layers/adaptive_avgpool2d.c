/* AdaptiveAvgPool2d: means over windows that cover the input evenly; output i averages from
 * floor(i n / out) to ceil((i + 1) n / out). Source: PyTorch nn.AdaptiveAvgPool2d. */
#include "nn/layers/layers.h"

static dnnb_status infer(dnnb__graph *graph, dnnb__node *node, const dnnb_shape *const *in,
                         size_t n_in) {
    (void)graph;
    const dnnb__adaptive_pool2d_attr *attr = &node->attr.adaptive_pool2d;
    DNNB_TRY(dnnb__layer_check_n_inputs(node, n_in, 1, false));
    DNNB_TRY(dnnb__layer_check_ndim(node, in[0], 3, "channels, height, width"));
    if (attr->out[0] < 1 || attr->out[1] < 1)
        return dnnb__fail(DNNB_ERR_SHAPE, "%s: expected an output of 1 or more, found %lld x %lld",
                          node->path, (long long)attr->out[0], (long long)attr->out[1]);
    node->shape = (dnnb_shape){.dim = {in[0]->dim[0], attr->out[0], attr->out[1]}, .ndim = 3};
    return DNNB_OK;
}

const dnnb__layer_type dnnb__layer_adaptive_avgpool2d = {.type_name = "AdaptiveAvgPool2d",
                                                         .infer = infer};
