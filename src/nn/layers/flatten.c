/* Flatten: all dimensions but the batch become one, row-major. Source: torch.flatten(x, 1). */
#include "nn/layers/layers.h"
#include "tensor/tensor.h"

static dnnb_status infer(dnnb__graph *graph, dnnb__node *node, const dnnb_shape *const *in,
                         size_t n_in) {
    (void)graph;
    DNNB_TRY(dnnb__layer_check_n_inputs(node, n_in, 1, false));
    size_t count;
    if (!dnnb__shape_count(in[0], &count))
        return dnnb__fail(DNNB_ERR_SHAPE, "%s: its input is too large", node->path);
    node->shape = (dnnb_shape){.dim = {(int64_t)count}, .ndim = 1};
    return DNNB_OK;
}

const dnnb__layer_type dnnb__layer_flatten = {.type_name = "Flatten", .infer = infer};
