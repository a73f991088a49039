/* MaxPool2d: the largest element of each window; padding never wins. Source: PyTorch
 * nn.MaxPool2d, its ceil_mode and its limit on the padding included. */
#include "nn/layers/layers.h"

static dnnb_status infer(dnnb__graph *graph, dnnb__node *node, const dnnb_shape *const *in,
                         size_t n_in) {
    (void)graph;
    const dnnb__pool2d_attr *attr = &node->attr.pool2d;
    DNNB_TRY(dnnb__layer_check_n_inputs(node, n_in, 1, false));
    DNNB_TRY(dnnb__layer_check_ndim(node, in[0], 3, "channels, height, width"));
    node->shape = *in[0];
    for (size_t i = 0; i < 2; i++) {
        dnnb__window window = {.kernel = attr->kernel[i],
                               .stride = attr->stride[i],
                               .padding = attr->padding[i],
                               .dilation = 1,
                               .ceil_mode = attr->ceil_mode};
        if (attr->padding[i] > attr->kernel[i] / 2)
            return dnnb__fail(DNNB_ERR_SHAPE, "%s: padding %lld is more than half of kernel %lld",
                              node->path, (long long)attr->padding[i], (long long)attr->kernel[i]);
        DNNB_TRY(dnnb__layer_slide(node, &window, in[0]->dim[i + 1], &node->shape.dim[i + 1]));
    }
    return DNNB_OK;
}

const dnnb__layer_type dnnb__layer_maxpool2d = {.type_name = "MaxPool2d", .infer = infer};
