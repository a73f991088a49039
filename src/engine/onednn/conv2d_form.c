/* Choosing the layouts of a convolution's activations, and its forward primitive with them. */
#include "engine/onednn/conv2d_form.h"

#include "core/thread.h"
#include "engine/onednn/conv2d_weights.h"
#include "engine/onednn/conv2d_winograd.h"
#include "engine/onednn/space_to_depth.h"

bool dnnb__conv2d_describe(dnnb__conv *out, const dnnb__graph *graph, const dnnb__node *node,
                           int64_t batch) {
    const dnnb__conv2d_attr *attr = &node->attr.conv2d;
    const dnnb_shape *in = &graph->nodes[node->inputs[0]].shape;
    *out = (dnnb__conv){.batch = batch,
                        .in_channels = in->dim[0],
                        .out_channels = node->shape.dim[0],
                        .groups = attr->groups,
                        .bias = !attr->no_bias,
                        .training = true}; /* also for testing: for inference with AVX-512 oneDNN
                                              2.6 takes a matrix product, which is slower */
    for (int i = 0; i < 2; i++) {
        out->in[i] = in->dim[i + 1];
        out->out[i] = node->shape.dim[i + 1];
        out->kernel[i] = attr->kernel[i];
        out->stride[i] = attr->stride[i];
        out->dilation[i] = attr->dilation[i];
        out->padding_begin[i] = out->padding_end[i] = attr->padding[i];
    }
    return node->inputs[0] == 0 && dnnb__space_to_depth_suits(out);
}

dnnb_status dnnb__conv2d_get_layouts(dnnb__dnnl *dnnl, dnnb__conv2d_layouts *l, const dnnb__conv *c,
                                     int64_t in_block, int64_t out_block) {
    int64_t in[4] = {c->batch, c->in_channels, c->in[0], c->in[1]};
    int64_t out[4] = {c->batch, c->out_channels, c->out[0], c->out[1]};
    l->in_block = in_block;
    l->out_block = out_block;
    DNNB_TRY(dnnb__layout_blocked(dnnl, &l->in, dnnb__dnnl_get_precision(dnnl), in, in_block));
    return dnnb__layout_blocked(dnnl, &l->out, dnnb__dnnl_get_precision(dnnl), out, out_block);
}

/* The forward primitive in the layouts that oneDNN likes best, or row-major when it likes one that
 * this engine does not keep activations in. */
static dnnb_status forward_create_liked(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                        const dnnb__conv *conv, dnnb__conv2d_layouts *l) {
    DNNB_TRY(dnnb__conv_forward(dnnl, out, conv, NULL, NULL));
    l->in = dnnb__primitive_get_layout(out, DNNL_ARG_SRC);
    l->out = dnnb__primitive_get_layout(out, DNNL_ARG_DST);
    dnnb_status status = dnnb__layout_find_block(dnnl, l->in, &l->in_block);
    if (status == DNNB_OK) status = dnnb__layout_find_block(dnnl, l->out, &l->out_block);
    if (status == DNNB_OK && l->in_block && l->out_block) return DNNB_OK;
    dnnb__primitive_destroy(out);
    DNNB_TRY(status);
    DNNB_TRY(dnnb__conv2d_get_layouts(dnnl, l, conv, 1, 1));
    return dnnb__conv_forward(dnnl, out, conv, l->in, l->out);
}

dnnb_status dnnb__conv2d_fail_slow(void) {
    return dnnb__fail(DNNB_ERR_UNSUPPORTED, "oneDNN has no kernel for this convolution in "
                                            "precision bf16; take f32");
}

/* Whether neither the forward primitive nor the weight gradient's is slow; the latter's layout. */
static dnnb_status try_bf16(dnnb__dnnl *dnnl, const dnnb__primitive *forward,
                            const dnnb__conv *conv, const dnnb__conv2d_layouts *l,
                            dnnb__layout *weights, bool *is_fast) {
    dnnb__primitive backward;
    dnnb__conv trained = *conv;
    *is_fast = false;
    trained.training = true;
    if (dnnb__primitive_is_slow(forward)) return DNNB_OK;
    dnnb_status status =
        dnnb__conv_backward_weights(dnnl, &backward, &trained, l->in, l->out, forward);
    if (status == DNNB_ERR_UNSUPPORTED) return DNNB_OK;
    DNNB_TRY(status);
    *is_fast = !dnnb__primitive_is_slow(&backward);
    *weights = dnnb__primitive_get_layout(&backward, DNNL_ARG_DIFF_WEIGHTS);
    dnnb__primitive_destroy(&backward);
    if (dnnb__conv_weights_find_bf16(dnnl, conv, l->in_block, l->out_block))
        return dnnb__layout_weights_tiled(dnnl, weights, conv);
    const dnnb__winograd_kernel *winograd =
        dnnb__winograd_choose(dnnl, conv, l->in_block, l->out_block);
    if (winograd) return dnnb__layout_weights_blocked(dnnl, weights, conv, winograd->block);
    return DNNB_OK;
}

/* The first that is fast of oneDNN's choice, channels last (the other way round where they are
 * asked for) and row-major: few channels, or many groups, have kernels in one of these alone. */
static dnnb_status forward_create_bf16(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                       const dnnb__conv *conv, dnnb__conv2d_layouts *l,
                                       dnnb__layout *weights) {
    enum { LIKED, LAST, PLAIN, N_CHOICES };
    bool swaps = dnnb__dnnl_is_channels_last(dnnl);
    for (int i = 0; i < N_CHOICES; i++) {
        bool is_fast = false;
        dnnb_status status = DNNB_OK;
        int choice = swaps && i < PLAIN ? LAST - i : i;
        if (choice == LIKED) {
            status = forward_create_liked(dnnl, out, conv, l);
        } else {
            bool is_last = choice == LAST;
            DNNB_TRY(dnnb__conv2d_get_layouts(dnnl, l, conv, is_last ? conv->in_channels : 1,
                                              is_last ? conv->out_channels : 1));
            status = dnnb__conv_forward(dnnl, out, conv, l->in, l->out);
        }
        if (status == DNNB_ERR_UNSUPPORTED) continue;
        if (status == DNNB_OK) status = try_bf16(dnnl, out, conv, l, weights, &is_fast);
        if (status == DNNB_OK && is_fast) return DNNB_OK;
        dnnb__primitive_destroy(out);
        DNNB_TRY(status);
    }
    return dnnb__conv2d_fail_slow();
}

dnnb_status dnnb__conv2d_create_forward(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                        const dnnb__conv *conv, dnnb__conv2d_layouts *l,
                                        dnnb__layout *weights) {
    if (dnnb__dnnl_get_precision(dnnl) == DNNB__BF16)
        return forward_create_bf16(dnnl, out, conv, l, weights);
    DNNB_TRY(forward_create_liked(dnnl, out, conv, l));
    *weights = dnnb__primitive_get_layout(out, DNNL_ARG_WEIGHTS);
    return DNNB_OK;
}

/* The only node that reads the input; 0 when there are more. */
static size_t find_reader(const dnnb__graph *graph) {
    size_t reader = 0, n = 0;
    for (size_t i = 1; i < graph->n_nodes; i++)
        for (size_t k = 0; k < graph->nodes[i].n_inputs; k++) {
            if (graph->nodes[i].inputs[k] != 0) continue;
            reader = i;
            n++;
        }
    return n == 1 ? reader : 0;
}

dnnb_status dnnb__conv2d_lay_out_images(dnnb__dnnl *dnnl, const dnnb__graph *graph,
                                        dnnb__image_layout *out) {
    const dnnb_shape *shape = &graph->nodes[0].shape;
    const dnnb__node *node = &graph->nodes[find_reader(graph)];
    dnnb__conv original, conv;
    *out = dnnb__image_layout_plain(shape->dim[0], shape->dim[1], shape->dim[2]);
    if (node == graph->nodes || node->kind != DNNB__LAYER_CONV2D) return DNNB_OK;
    if (!dnnb__conv2d_describe(&original, graph, node, DNNB__USUAL_BATCH)) return DNNB_OK;
    dnnb__primitive primitive;
    dnnb__conv2d_layouts layouts;
    dnnb__layout weights;
    dnnb__space_to_depth_convert(&original, &conv);
    dnnb_status status = dnnb__conv2d_create_forward(dnnl, &primitive, &conv, &layouts, &weights);
    if (status != DNNB_OK) return dnnb__fail_prefix(status, "%s", node->path);
    dnnb__primitive_destroy(&primitive);
    dnnb__space_to_depth_lay_out(&original, layouts.in_block, dnnb__dnnl_get_precision(dnnl), out);
    return DNNB_OK;
}

dnnb_status dnnb__onednn_get_image_layout(dnnb__image_layout *out, const dnnb__graph *graph,
                                          size_t n_threads, dnnb__precision precision) {
    dnnb__dnnl *dnnl;
    size_t threads_before = dnnb__threads_set(n_threads);
    dnnb_status status = dnnb__dnnl_create(&dnnl, precision);
    if (status == DNNB_OK) {
        status = dnnb__conv2d_lay_out_images(dnnl, graph, out);
        dnnb__dnnl_destroy(dnnl);
    }
    (void)dnnb__threads_set(threads_before);
    return status;
}
