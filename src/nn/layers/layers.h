/* What the layer types share: checks of their inputs, and PyTorch's default initialisation. */
#ifndef DNNB_NN_LAYERS_LAYERS_H
#define DNNB_NN_LAYERS_LAYERS_H

#include "nn/graph.h"

/** The layer has n inputs (at least n when `or_more`). */
DNNB_MUST_CHECK dnnb_status dnnb__layer_check_n_inputs(const dnnb__node *node, size_t n_in,
                                                       size_t n, bool or_more);
/** A shape that the layer takes has ndim dimensions; `what` says so, "channels, height, width". */
DNNB_MUST_CHECK dnnb_status dnnb__layer_check_ndim(const dnnb__node *node, const dnnb_shape *in,
                                                   size_t ndim, const char *what);

/** A window that slides over one axis. */
typedef struct dnnb__window {
    int64_t kernel, stride, padding, dilation;
    bool ceil_mode;
} dnnb__window;

/** Outputs along an axis of n elements. @error DNNB_ERR_SHAPE a setting out of its range, or a
 *  window larger than the padded axis. @source PyTorch nn.Conv2d, nn.MaxPool2d. */
DNNB_MUST_CHECK dnnb_status dnnb__layer_slide(const dnnb__node *node, const dnnb__window *window,
                                              int64_t n, int64_t *out);

/** Pairs of an output and an element of the window that meets an element of the axis, no padding:
 *  kernel * out, less what lies outside. */
int64_t dnnb__layer_count_inside(const dnnb__window *window, int64_t n, int64_t out);

/** Declare "weight", and "bias" with `shape->dim[0]` elements: both uniform within
 *  1 / sqrt(fan_in). @source PyTorch nn.Linear.reset_parameters, nn.Conv2d.reset_parameters. */
DNNB_MUST_CHECK dnnb_status dnnb__layer_add_weight_and_bias(dnnb__graph *graph, dnnb__node *node,
                                                            const dnnb_shape *shape, bool no_bias);

#endif
