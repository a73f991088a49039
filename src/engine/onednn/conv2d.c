/*
 * Conv2d: oneDNN's convolution in the layouts that it chooses, or an own kernel in the same ones,
 * and the ReLU that follows.
 *
 * The layout of the activations comes from the forward primitive, and both backward primitives are
 * asked for the same; where they would fall to oneDNN's plain loop they are made row-major instead,
 * with reorders around them. A convolution of the image itself may be converted to stride 1 (see
 * space_to_depth.h).
 */
#include "engine/onednn/conv2d_data.h"
#include "engine/onednn/conv2d_form.h"
#include "engine/onednn/conv2d_weights.h"
#include "engine/onednn/conv2d_winograd.h"
#include "engine/onednn/space_to_depth.h"

static void conv_expand(const dnnb__graph *graph, const dnnb__param *param, const float *pytorch,
                        float *engine) {
    dnnb__conv conv;
    (void)dnnb__conv2d_describe(&conv, graph, &graph->nodes[param->node], 1);
    dnnb__space_to_depth_expand(&conv, pytorch, engine);
}

static void conv_contract(const dnnb__graph *graph, const dnnb__param *param, const float *engine,
                          float *pytorch) {
    dnnb__conv conv;
    (void)dnnb__conv2d_describe(&conv, graph, &graph->nodes[param->node], 1);
    dnnb__space_to_depth_contract(&conv, engine, pytorch);
}

static dnnb_status conv2d_describe(dnnb__dnnl *dnnl, const dnnb__graph *graph, size_t index,
                                   size_t k, dnnb__param_form *form) {
    const dnnb__node *node = &graph->nodes[index];
    dnnb__conv conv;
    bool converted = dnnb__conv2d_describe(&conv, graph, node, DNNB__USUAL_BATCH);
    if (k != 0) {
        DNNB_TRY(dnnb__layout_plain(dnnl, &form->plain, &conv.out_channels, 1));
        form->layout = form->plain;
        return DNNB_OK;
    }
    if (converted) {
        dnnb__conv original = conv;
        dnnb__space_to_depth_convert(&original, &conv);
        form->expand = conv_expand;
        form->contract = conv_contract;
    }
    int64_t dims[DNNB__LAYOUT_MAX_NDIM];
    size_t ndim = dnnb__conv_get_weight_dims(&conv, dims);
    DNNB_TRY(dnnb__layout_plain(dnnl, &form->plain, dims, ndim));
    dnnb__primitive primitive;
    dnnb__conv2d_layouts layouts;
    DNNB_TRY(dnnb__conv2d_create_forward(dnnl, &primitive, &conv, &layouts, &form->layout));
    dnnb__primitive_destroy(&primitive);
    return DNNB_OK;
}

/* What the passes over one node share. */
typedef struct conv_pass {
    dnnb__conv original, conv; /* the same unless converted */
    bool converted;
    dnnb__conv2d_layouts layouts;
    dnnb__primitive forward; /* while backward ones are made: a hint to them */
} conv_pass;

static void pass_describe(conv_pass *pass, const dnnb__onednn_plan *plan, const dnnb__op *op) {
    pass->converted = dnnb__conv2d_describe(&pass->original, plan->graph, op->node,
                                            (int64_t)plan->base.options.batch);
    pass->conv = pass->original;
    if (pass->converted) dnnb__space_to_depth_convert(&pass->original, &pass->conv);
}

/* Images that the caller has brought into the layout of the forward primitive. */
static dnnb_status images_get(dnnb__onednn_plan *plan, dnnb__op *op, const conv_pass *pass) {
    dnnb__conv2d_layouts l;
    op->in[0] = plan->node_value[op->node->inputs[0]];
    op->saved = plan->values[op->in[0]].data;
    if (plan->images.block == pass->layouts.in_block) return DNNB_OK;
    size_t from = op->saved; /* oneDNN has chosen otherwise for this batch */
    op->saved = DNNB__NO_BUFFER;
    DNNB_TRY(dnnb__conv2d_get_layouts(plan->net->dnnl, &l, &pass->conv, plan->images.block,
                                      pass->layouts.out_block));
    return dnnb__onednn_add_reorder(plan, op->node->path, l.in, from, pass->layouts.in, &op->saved);
}

/* The input in the layout of the forward primitive: op->in[0] is its value, op->saved the buffer
 * that the primitive reads. */
static dnnb_status input_get(dnnb__onednn_plan *plan, dnnb__op *op, const conv_pass *pass) {
    op->n_in = 1;
    size_t before = op->node->inputs[0];
    if (!pass->converted) {
        DNNB_TRY(dnnb__onednn_value_get(plan, &op->in[0], before, pass->layouts.in_block));
        op->saved = plan->values[op->in[0]].data;
        return DNNB_OK;
    }
    if (plan->laid_out) return images_get(plan, op, pass);
    DNNB_TRY(dnnb__onednn_value_get_in(plan, &op->in[0], before, 1, DNNB__F32));
    DNNB_TRY(
        dnnb__onednn_buffer_arena(plan, &op->saved, dnnb__layout_get_bytes(pass->layouts.in), 1));
    return dnnb__space_to_depth_add(plan, op->node->path, &pass->original, pass->layouts.in_block,
                                    plan->values[op->in[0]].data, op->saved);
}

/* What the forward pass reads and writes besides the weights, in steps and buffers. */
static dnnb_status forward_prepare(dnnb__onednn_plan *plan, dnnb__op *op, const conv_pass *pass,
                                   size_t *bias) {
    DNNB_TRY(input_get(plan, op, pass));
    *bias = DNNB__NO_BUFFER;
    if (pass->conv.bias)
        DNNB_TRY(dnnb__onednn_buffer_fixed(plan, bias,
                                           plan->net->params[op->node->first_param + 1].weight,
                                           (size_t)pass->conv.out_channels * sizeof(float)));
    return dnnb__onednn_value_add(plan, op, &op->node->shape, pass->layouts.out_block);
}

static dnnb_status forward_add(dnnb__onednn_plan *plan, const dnnb__op *op,
                               dnnb__primitive *primitive, size_t bias) {
    size_t weight;
    dnnb_status status =
        dnnb__onednn_weight(plan, &weight, op->node->first_param,
                            dnnb__primitive_get_layout(primitive, DNNL_ARG_WEIGHTS));
    if (status != DNNB_OK) {
        dnnb__primitive_destroy(primitive);
        return status;
    }
    dnnb__binding bindings[] = {{DNNL_ARG_SRC, op->saved},
                                {DNNL_ARG_WEIGHTS, weight},
                                {DNNL_ARG_BIAS, bias},
                                {DNNL_ARG_DST, plan->values[op->out].data}};
    DNNB_TRY(dnnb__onednn_add_primitive(plan, op->node->path, "forward", primitive, bindings, 4));
    dnnb__onednn_count_products(plan, op->node);
    return dnnb__onednn_relu_apply(plan, op);
}

static dnnb_status conv2d_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    conv_pass pass;
    pass_describe(&pass, plan, op);
    dnnb__primitive primitive;
    dnnb__layout kept;
    DNNB_TRY(
        dnnb__conv2d_create_forward(plan->net->dnnl, &primitive, &pass.conv, &pass.layouts, &kept));
    size_t bias;
    dnnb_status status = forward_prepare(plan, op, &pass, &bias);
    const dnnb__winograd_kernel *own =
        dnnb__winograd_find(plan, &pass.conv, pass.layouts.in_block, pass.layouts.out_block);
    if (status == DNNB_OK && !own) return forward_add(plan, op, &primitive, bias);
    dnnb__primitive_destroy(&primitive);
    DNNB_TRY(status);
    DNNB_TRY(dnnb__winograd_add_forward(plan, op, own, &pass.conv, op->saved, bias,
                                        plan->values[op->out].data));
    dnnb__onednn_count_products(plan, op->node);
    return DNNB_OK;
}

/* --- backward --- */

typedef dnnb_status (*conv_create)(dnnb__dnnl *, dnnb__primitive *, const dnnb__conv *,
                                   dnnb__layout, dnnb__layout, const dnnb__primitive *);

enum { USUAL_BLOCK = 16 };

/* A backward primitive in the layouts of the forward pass, or row-major, or in bfloat16 in blocks,
 * when that one is slow and this one is not. */
static dnnb_status backward_create(dnnb__onednn_plan *plan, dnnb__primitive *out,
                                   conv_create create, const conv_pass *pass,
                                   const dnnb__conv *conv, dnnb__conv2d_layouts *layouts) {
    dnnb__dnnl *dnnl = plan->net->dnnl;
    bool is_bf16 = dnnb__dnnl_get_precision(dnnl) == DNNB__BF16;
    const dnnb__primitive *forward = &pass->forward;
    dnnb_status status = create(dnnl, out, conv, layouts->in, layouts->out, forward);
    if (status == DNNB_OK ? !dnnb__primitive_is_slow(out) : status == DNNB_ERR_MEMORY)
        return status;
    for (int64_t block = 1; block <= (is_bf16 ? USUAL_BLOCK : 1); block += USUAL_BLOCK - 1) {
        dnnb__conv2d_layouts others;
        dnnb__primitive other = {0};
        dnnb_status other_status = dnnb__conv2d_get_layouts(dnnl, &others, conv, block, block);
        if (other_status == DNNB_OK)
            other_status = create(dnnl, &other, conv, others.in, others.out, forward);
        if (other_status == DNNB_OK && (status != DNNB_OK || !dnnb__primitive_is_slow(&other))) {
            dnnb__primitive_destroy(out);
            *out = other;
            *layouts = others;
            status = DNNB_OK;
            if (!dnnb__primitive_is_slow(out)) return DNNB_OK;
            continue;
        }
        dnnb__primitive_destroy(&other);
        /* Short of memory the result must not be that of another kernel. */
        if (other_status == DNNB_ERR_MEMORY) {
            dnnb__primitive_destroy(out);
            return other_status;
        }
    }
    if (status != DNNB_OK || !is_bf16) return status;
    dnnb__primitive_destroy(out);
    return dnnb__conv2d_fail_slow();
}

/* A buffer in another layout, by a step when that differs. */
static dnnb_status bring(dnnb__onednn_plan *plan, const dnnb__op *op, dnnb__layout from,
                         dnnb__layout to, size_t *buffer) {
    if (from == to) return DNNB_OK;
    size_t source = *buffer;
    *buffer = DNNB__NO_BUFFER;
    return dnnb__onednn_add_reorder(plan, op->node->path, from, source, to, buffer);
}

/* Zero where the converted weights have no weight of the graph's. */
static void mask_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    float *gradient = step->data[0];
    const float *mask = step->data[1];
    size_t n = *(const size_t *)step->settings;
    for (size_t i = 0; i < n; i++) gradient[i] = mask[i] != 0.0f ? gradient[i] : 0.0f;
}

static dnnb_status add_weight_mask(dnnb__onednn_plan *plan, const dnnb__op *op) {
    const dnnb__param *param = &plan->graph->params[op->node->first_param];
    const dnnb__param_store *store = &plan->net->params[op->node->first_param];
    void *n, *mask, *ones, *expanded;
    DNNB_TRY(dnnb__onednn_alloc(plan, &n, 1, sizeof(size_t)));
    DNNB_TRY(dnnb__onednn_alloc(plan, &mask, store->n, sizeof(float)));
    DNNB_TRY(dnnb__onednn_alloc(plan, &ones, param->count, sizeof(float)));
    DNNB_TRY(dnnb__onednn_alloc(plan, &expanded, dnnb__layout_get_bytes(store->form.plain), 1));
    *(size_t *)n = store->n;
    for (size_t i = 0; i < param->count; i++) ((float *)ones)[i] = 1.0f;
    store->form.expand(plan->graph, param, ones, expanded);
    DNNB_TRY(
        dnnb__reorder_once(plan->net->dnnl, store->form.plain, expanded, store->form.layout, mask));
    size_t buffers[2];
    size_t n_bytes = store->n * sizeof(float);
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &buffers[0], store->gradient, n_bytes));
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &buffers[1], mask, n_bytes));
    return dnnb__onednn_add_kernel(plan, op->node->path, "backward weights", "own mask", mask_run,
                                   n, buffers, 2);
}

/* By oneDNN's primitive, or the own kernel that is faster than that. */
static dnnb_status add_weights(dnnb__onednn_plan *plan, const dnnb__op *op, const conv_pass *pass,
                               size_t gradient, bool bias_trained) {
    size_t param = op->node->first_param;
    dnnb__conv conv = pass->conv;
    conv.bias = bias_trained;
    dnnb__conv2d_layouts layouts = pass->layouts;
    dnnb__primitive primitive;
    DNNB_TRY(backward_create(plan, &primitive, dnnb__conv_backward_weights, pass, &conv, &layouts));
    size_t in = op->saved;
    dnnb__onednn_gradients g;
    const dnnb__conv_weights_kernel *own = NULL;
    dnnb_status status = bring(plan, op, pass->layouts.in, layouts.in, &in);
    if (status == DNNB_OK) status = bring(plan, op, pass->layouts.out, layouts.out, &gradient);
    if (status == DNNB_OK)
        status = dnnb__onednn_weight_gradients(
            plan, &g, param, dnnb__primitive_get_layout(&primitive, DNNL_ARG_DIFF_WEIGHTS),
            bias_trained);
    if (status == DNNB_OK)
        status = dnnb__conv_weights_find(plan->net->dnnl, &conv, &primitive, &own);
    if (status != DNNB_OK || own) dnnb__primitive_destroy(&primitive);
    DNNB_TRY(status);
    dnnb__binding bindings[] = {{DNNL_ARG_SRC, in},
                                {DNNL_ARG_DIFF_DST, gradient},
                                {DNNL_ARG_DIFF_WEIGHTS, g.weight},
                                {DNNL_ARG_DIFF_BIAS, g.bias}};
    if (own)
        DNNB_TRY(dnnb__conv_weights_add(plan, op->node->path, own, &conv, in, gradient, g.weight,
                                        g.bias));
    else
        DNNB_TRY(dnnb__onednn_add_primitive(plan, op->node->path, "backward weights", &primitive,
                                            bindings, 4));
    dnnb__onednn_count_products(plan, op->node);
    return dnnb__onednn_weight_gradients_end(plan, &g, param);
}

/* By an own kernel that reads and writes what the forward pass has. */
static dnnb_status add_weights_own(dnnb__onednn_plan *plan, const dnnb__op *op,
                                   const conv_pass *pass, const dnnb__conv_weights_bf16_kernel *own,
                                   size_t gradient, bool bias_trained) {
    size_t param = op->node->first_param;
    dnnb__layout layout;
    dnnb__onednn_gradients g;
    DNNB_TRY(dnnb__layout_weights_tiled(plan->net->dnnl, &layout, &pass->conv));
    DNNB_TRY(dnnb__onednn_weight_gradients(plan, &g, param, layout, bias_trained));
    DNNB_TRY(dnnb__conv_weights_add_bf16(plan, op->node->path, own, &pass->conv, op->saved,
                                         gradient, g.weight, g.bias));
    dnnb__onednn_count_products(plan, op->node);
    return dnnb__onednn_weight_gradients_end(plan, &g, param);
}

static dnnb_status add_weights_winograd(dnnb__onednn_plan *plan, const dnnb__op *op,
                                        const conv_pass *pass, const dnnb__winograd_kernel *own,
                                        size_t gradient, bool bias_trained) {
    size_t param = op->node->first_param;
    dnnb__layout layout;
    dnnb__onednn_gradients g;
    DNNB_TRY(dnnb__layout_weights_blocked(plan->net->dnnl, &layout, &pass->conv, own->block));
    DNNB_TRY(dnnb__onednn_weight_gradients(plan, &g, param, layout, bias_trained));
    DNNB_TRY(dnnb__winograd_add_weights(plan, op, own, &pass->conv, op->saved, gradient, g.weight,
                                        g.bias));
    dnnb__onednn_count_products(plan, op->node);
    return dnnb__onednn_weight_gradients_end(plan, &g, param);
}

static dnnb_status conv2d_backward_weights(dnnb__onednn_plan *plan, const dnnb__op *op,
                                           const conv_pass *pass, size_t gradient) {
    size_t param = op->node->first_param;
    bool bias_trained = pass->conv.bias && dnnb__onednn_is_trained(plan, param + 1);
    if (!dnnb__onednn_is_trained(plan, param) && !bias_trained) return DNNB_OK;
    const dnnb__conv_weights_bf16_kernel *own = dnnb__conv_weights_find_bf16(
        plan->net->dnnl, &pass->conv, pass->layouts.in_block, pass->layouts.out_block);
    const dnnb__winograd_kernel *winograd =
        dnnb__winograd_find(plan, &pass->conv, pass->layouts.in_block, pass->layouts.out_block);
    if (own)
        DNNB_TRY(add_weights_own(plan, op, pass, own, gradient, bias_trained));
    else if (winograd)
        DNNB_TRY(add_weights_winograd(plan, op, pass, winograd, gradient, bias_trained));
    else
        DNNB_TRY(add_weights(plan, op, pass, gradient, bias_trained));
    bool masked = pass->converted && dnnb__onednn_is_trained(plan, param);
    return masked ? add_weight_mask(plan, op) : DNNB_OK;
}

/* From the gradient that the primitive made to the gradient of the input's value. */
static dnnb_status input_gradient_finish(dnnb__onednn_plan *plan, const dnnb__op *op,
                                         const conv_pass *pass, dnnb__layout layout, size_t made,
                                         size_t in_gradient) {
    const char *path = op->node->path;
    if (pass->converted) {
        DNNB_TRY(bring(plan, op, layout, pass->layouts.in, &made));
        DNNB_TRY(dnnb__space_to_depth_add_backward(plan, path, &pass->original,
                                                   pass->layouts.in_block, made, in_gradient));
    } else if (made != in_gradient) {
        DNNB_TRY(
            dnnb__onednn_add_reorder(plan, path, layout, made, pass->layouts.in, &in_gradient));
    }
    return dnnb__onednn_gradient_end(plan, op->in[0], in_gradient, path);
}

/* By the own kernel, in the layouts of the forward pass. */
static dnnb_status backward_data_own(dnnb__onednn_plan *plan, const dnnb__op *op,
                                     const conv_pass *pass, const dnnb__winograd_kernel *own,
                                     const dnnb__conv *turned, size_t gradient) {
    size_t in_gradient = 0, made;
    DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[0], &in_gradient));
    made = in_gradient;
    if (pass->converted)
        DNNB_TRY(
            dnnb__onednn_buffer_arena(plan, &made, dnnb__layout_get_bytes(pass->layouts.in), 1));
    DNNB_TRY(dnnb__winograd_add_data(plan, op, own, turned, gradient, made));
    dnnb__onednn_count_products(plan, op->node);
    return input_gradient_finish(plan, op, pass, pass->layouts.in, made, in_gradient);
}

static dnnb_status conv2d_backward_data(dnnb__onednn_plan *plan, const dnnb__op *op,
                                        const conv_pass *pass, size_t gradient) {
    dnnb__conv turned;
    const dnnb__winograd_kernel *own = NULL;
    if (dnnb__conv_data_describe(&turned, &pass->conv))
        own = dnnb__winograd_find(plan, &turned, pass->layouts.out_block, pass->layouts.in_block);
    if (own) return backward_data_own(plan, op, pass, own, &turned, gradient);
    dnnb__conv2d_layouts layouts = pass->layouts;
    dnnb__primitive primitive;
    DNNB_TRY(
        backward_create(plan, &primitive, dnnb__conv_backward_data, pass, &pass->conv, &layouts));
    size_t weight, in_gradient = 0, made, param = op->node->first_param;
    bool exchanged;
    DNNB_TRY(dnnb__conv_data_exchange(plan, &primitive, &pass->conv, &layouts, param, &exchanged));
    dnnb__layout read = dnnb__primitive_get_layout(&primitive, DNNL_ARG_WEIGHTS);
    dnnb_status status = bring(plan, op, pass->layouts.out, layouts.out, &gradient);
    if (status == DNNB_OK)
        status =
            (exchanged ? dnnb__conv_data_weight : dnnb__onednn_weight)(plan, &weight, param, read);
    if (status == DNNB_OK) status = dnnb__onednn_gradient_begin(plan, op->in[0], &in_gradient);
    made = in_gradient;
    if (status == DNNB_OK && (pass->converted || layouts.in != pass->layouts.in))
        status = dnnb__onednn_buffer_arena(plan, &made, dnnb__layout_get_bytes(layouts.in), 1);
    if (status != DNNB_OK) {
        dnnb__primitive_destroy(&primitive);
        return status;
    }
    dnnb__binding bindings[] = {{DNNL_ARG_WEIGHTS, weight},
                                {exchanged ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, gradient},
                                {exchanged ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, made}};
    DNNB_TRY(
        dnnb__onednn_add_primitive(plan, op->node->path, "backward data", &primitive, bindings, 3));
    dnnb__onednn_count_products(plan, op->node);
    return input_gradient_finish(plan, op, pass, layouts.in, made, in_gradient);
}

static dnnb_status backward_add(dnnb__onednn_plan *plan, const dnnb__op *op,
                                const conv_pass *pass) {
    size_t gradient;
    DNNB_TRY(dnnb__onednn_relu_mask(plan, op, &gradient));
    DNNB_TRY(conv2d_backward_weights(plan, op, pass, gradient));
    if (!plan->values[op->in[0]].wants_gradient) return DNNB_OK;
    return conv2d_backward_data(plan, op, pass, gradient);
}

static dnnb_status conv2d_backward(dnnb__onednn_plan *plan, dnnb__op *op) {
    conv_pass pass;
    dnnb__layout kept;
    pass_describe(&pass, plan, op);
    DNNB_TRY(dnnb__conv2d_create_forward(plan->net->dnnl, &pass.forward, &pass.conv, &pass.layouts,
                                         &kept));
    dnnb_status status = backward_add(plan, op, &pass);
    dnnb__primitive_destroy(&pass.forward);
    return status;
}

extern const dnnb__op_type dnnb__onednn_conv2d;
const dnnb__op_type dnnb__onednn_conv2d = {
    .describe = conv2d_describe, .forward = conv2d_forward, .backward = conv2d_backward};
