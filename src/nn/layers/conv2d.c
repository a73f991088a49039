/* Conv2d: cross-correlation over channels, height and width. Source: PyTorch nn.Conv2d. */
#include "nn/layers/layers.h"

static dnnb_status infer(dnnb__graph *graph, dnnb__node *node, const dnnb_shape *const *in,
                         size_t n_in) {
    dnnb__conv2d_attr *attr = &node->attr.conv2d;
    DNNB_TRY(dnnb__layer_check_n_inputs(node, n_in, 1, false));
    DNNB_TRY(dnnb__layer_check_ndim(node, in[0], 3, "channels, height, width"));
    int64_t channels = in[0]->dim[0];
    if (attr->groups == 0) attr->groups = 1;
    if (attr->groups < 0 || attr->out_channels < 1 || channels % attr->groups ||
        attr->out_channels % attr->groups)
        return dnnb__fail(DNNB_ERR_SHAPE,
                          "%s: %lld groups must divide %lld input and %lld output channels",
                          node->path, (long long)attr->groups, (long long)channels,
                          (long long)attr->out_channels);
    node->shape = (dnnb_shape){.dim = {attr->out_channels}, .ndim = 3};
    dnnb__window windows[2];
    for (size_t i = 0; i < 2; i++) {
        if (attr->dilation[i] == 0) attr->dilation[i] = 1;
        windows[i] = (dnnb__window){.kernel = attr->kernel[i],
                                    .stride = attr->stride[i],
                                    .padding = attr->padding[i],
                                    .dilation = attr->dilation[i]};
        DNNB_TRY(dnnb__layer_slide(node, &windows[i], in[0]->dim[i + 1], &node->shape.dim[i + 1]));
    }
    dnnb_shape weight = {
        .dim = {attr->out_channels, channels / attr->groups, attr->kernel[0], attr->kernel[1]},
        .ndim = 4};
    DNNB_TRY(dnnb__layer_add_weight_and_bias(graph, node, &weight, attr->no_bias));
    int64_t pixels = node->shape.dim[1] * node->shape.dim[2];
    if (__builtin_mul_overflow((int64_t)graph->params[node->first_param].count, pixels,
                               &node->macs))
        return dnnb__fail(DNNB_ERR_SHAPE, "%s: its output is too large", node->path);
    node->unpadded_macs = attr->out_channels * weight.dim[1];
    for (size_t i = 0; i < 2; i++)
        node->unpadded_macs *=
            dnnb__layer_count_inside(&windows[i], in[0]->dim[i + 1], node->shape.dim[i + 1]);
    return DNNB_OK;
}

const dnnb__layer_type dnnb__layer_conv2d = {.type_name = "Conv2d", .infer = infer};
