/* Checks and declarations that several layer types share. */
#include "nn/layers/layers.h"

#include <math.h>

#include "tensor/tensor.h"

/* No axis, kernel or padding comes near it; sums and products of two stay far from overflow. */
static const int64_t LARGEST_SETTING = (int64_t)1 << 30;

dnnb_status dnnb__layer_check_n_inputs(const dnnb__node *node, size_t n_in, size_t n,
                                       bool or_more) {
    if (n_in == n || (or_more && n_in > n)) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_SHAPE, "%s: expected %zu%s input%s, found %zu", node->path, n,
                      or_more ? " or more" : "", n == 1 ? "" : "s", n_in);
}

dnnb_status dnnb__layer_check_ndim(const dnnb__node *node, const dnnb_shape *in, size_t ndim,
                                   const char *what) {
    if (in->ndim == ndim) return DNNB_OK;
    char text[DNNB__SHAPE_TEXT];
    dnnb__shape_print(in, text, sizeof text);
    return dnnb__fail(DNNB_ERR_SHAPE, "%s: expected an input of (%s), found %s", node->path, what,
                      text);
}

dnnb_status dnnb__layer_slide(const dnnb__node *node, const dnnb__window *window, int64_t n,
                              int64_t *out) {
    const dnnb__window *w = window;
    if (w->kernel < 1 || w->stride < 1 || w->padding < 0 || w->dilation < 1 ||
        w->kernel > LARGEST_SETTING || w->stride > LARGEST_SETTING ||
        w->padding > LARGEST_SETTING || w->dilation > LARGEST_SETTING || n > LARGEST_SETTING)
        return dnnb__fail(DNNB_ERR_SHAPE,
                          "%s: kernel %lld, stride %lld, padding %lld or dilation %lld is out of "
                          "its range",
                          node->path, (long long)w->kernel, (long long)w->stride,
                          (long long)w->padding, (long long)w->dilation);
    int64_t reach = w->dilation * (w->kernel - 1) + 1;
    int64_t room = n + 2 * w->padding - reach;
    if (room < 0)
        return dnnb__fail(DNNB_ERR_SHAPE,
                          "%s: expected an axis of %lld or more with its padding, found %lld",
                          node->path, (long long)reach, (long long)(n + 2 * w->padding));
    *out = (room + (w->ceil_mode ? w->stride - 1 : 0)) / w->stride + 1;
    /* With ceil_mode the last window must begin inside the input or its leading padding. */
    if (w->ceil_mode && (*out - 1) * w->stride >= n + w->padding) --*out;
    return DNNB_OK;
}

int64_t dnnb__layer_count_inside(const dnnb__window *window, int64_t n, int64_t out) {
    int64_t count = 0;
    for (int64_t k = 0; k < window->kernel; k++) {
        /* Output i meets element i * stride + offset. */
        int64_t offset = k * window->dilation - window->padding, stride = window->stride;
        int64_t begin = offset < 0 ? (stride - 1 - offset) / stride : 0;
        int64_t end = offset < n ? (n - 1 - offset) / stride + 1 : 0;
        if (end > out) end = out;
        if (begin < end) count += end - begin;
    }
    return count;
}

dnnb_status dnnb__layer_add_weight_and_bias(dnnb__graph *graph, dnnb__node *node,
                                            const dnnb_shape *shape, bool no_bias) {
    double fan_in = 1;
    for (size_t i = 1; i < shape->ndim; i++) fan_in *= (double)shape->dim[i];
    dnnb__init init = {.kind = DNNB__INIT_UNIFORM, .bound = 1 / sqrt(fan_in)};
    DNNB_TRY(dnnb__graph_add_param(graph, node, "weight", shape, init, false));
    if (no_bias) return DNNB_OK;
    dnnb_shape bias = {.dim = {shape->dim[0]}, .ndim = 1};
    return dnnb__graph_add_param(graph, node, "bias", &bias, init, false);
}
