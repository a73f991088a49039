/*
 * Linear: our own kernels where they are faster (linear_own.h), oneDNN's inner product elsewhere.
 *
 * Weights are kept in the tiles of our kernels where those compute; otherwise in the layout that
 * the forward pass wants, or row-major when oneDNN would call a general matrix product.
 */
#include "engine/onednn/linear_bf16.h"
#include "engine/onednn/linear_own.h"
#include "engine/onednn/linear_rows.h"
#include "engine/onednn/linear_update.h"
#include "kernels/linear_gradient.h"

static void product_describe(dnnb__product *out, const dnnb__graph *graph, const dnnb__node *node,
                             int64_t batch) {
    *out = (dnnb__product){.rows = batch,
                           .in = graph->nodes[node->inputs[0]].shape.dim[0],
                           .out = node->shape.dim[0],
                           .bias = !node->attr.linear.no_bias,
                           .training = true};
}

/* There is no falling back to a plain loop in bfloat16: it would be slower than float32. */
static dnnb_status fail_slow(void) {
    return dnnb__fail(DNNB_ERR_UNSUPPORTED, "oneDNN has no kernel for this matrix product in "
                                            "precision bf16; take f32");
}

static void linear_expand(const dnnb__graph *graph, const dnnb__param *param, const float *pytorch,
                          float *engine) {
    (void)graph;
    dnnb__linear_expand(param->shape.dim[1], param->shape.dim[0], pytorch, engine);
}

static void linear_contract(const dnnb__graph *graph, const dnnb__param *param, const float *engine,
                            float *pytorch) {
    (void)graph;
    dnnb__linear_contract(param->shape.dim[1], param->shape.dim[0], engine, pytorch);
}

static void linear_contract_rows(const dnnb__param_form *form, const dnnb__param *param,
                                 size_t first, size_t n, const float *engine, float *pytorch) {
    (void)form;
    dnnb__linear_contract_rows(param->shape.dim[1], param->shape.dim[0], (int64_t)first, (int64_t)n,
                               engine, pytorch);
}

static void blocks_contract_rows(const dnnb__param_form *form, const dnnb__param *param,
                                 size_t first, size_t n, const float *engine, float *pytorch) {
    dnnb__linear_gradient_contract_rows(param->shape.dim[1], form->width, (int64_t)first,
                                        (int64_t)n, engine, pytorch);
}

/* In bfloat16 passes read a copy, and the weights are kept as their gradient is made; row-major
 * where oneDNN calls a general product. */
static dnnb_status describe_bf16(dnnb__dnnl *dnnl, const dnnb__product *product,
                                 const dnnb__primitive *forward, dnnb__param_form *form) {
    dnnb__primitive backward;
    if (dnnb__primitive_is_gemm(forward)) return DNNB_OK;
    if (dnnb__primitive_is_slow(forward)) return fail_slow();
    DNNB_TRY(dnnb__product_backward_weights(dnnl, &backward, product, NULL, forward));
    form->layout = dnnb__primitive_get_layout(&backward, DNNL_ARG_DIFF_WEIGHTS);
    dnnb__primitive_destroy(&backward);
    DNNB_TRY(dnnb__linear_update_find_width(dnnl, form->layout, &form->width));
    form->hands_over = form->width > 0;
    if (form->hands_over) form->contract_rows = blocks_contract_rows;
    return DNNB_OK;
}

static dnnb_status linear_describe(dnnb__dnnl *dnnl, const dnnb__graph *graph, size_t index,
                                   size_t k, dnnb__param_form *form) {
    const dnnb__node *node = &graph->nodes[index];
    dnnb__product product;
    product_describe(&product, graph, node, DNNB__USUAL_BATCH);
    int64_t dims[2] = {product.out, product.in};
    DNNB_TRY(dnnb__layout_plain(dnnl, &form->plain, dims, k == 0 ? 2 : 1));
    form->layout = form->plain;
    if (k != 0) return DNNB_OK;
    dnnb__primitive primitive;
    DNNB_TRY(dnnb__product_forward(dnnl, &primitive, &product, NULL));
    bool own = dnnb__linear_own_suits(dnnl, &product, &primitive);
    if (dnnb__dnnl_get_precision(dnnl) == DNNB__BF16 && !own) {
        dnnb_status status = describe_bf16(dnnl, &product, &primitive, form);
        dnnb__primitive_destroy(&primitive);
        return status;
    }
    if (!dnnb__primitive_is_gemm(&primitive) && !dnnb__primitive_is_slow(&primitive))
        form->layout = dnnb__primitive_get_layout(&primitive, DNNL_ARG_WEIGHTS);
    dnnb__primitive_destroy(&primitive);
    if (!own) return DNNB_OK;
    int64_t count;
    DNNB_TRY(dnnb__linear_count(product.in, product.out, &count));
    DNNB_TRY(dnnb__layout_plain(dnnl, &form->plain, &count, 1));
    form->layout = form->plain;
    form->hands_over = true;
    form->expand = linear_expand;
    form->contract = linear_contract;
    form->contract_rows = linear_contract_rows;
    return DNNB_OK;
}

/* True when the layer's weights are kept in our kernels' tiles. */
static bool is_own(const dnnb__onednn_plan *plan, const dnnb__op *op) {
    return plan->net->params[op->node->first_param].form.expand != NULL;
}

/* True when the layer's weights are trained by a step that can hand their gradient over. */
static bool hands_over(const dnnb__onednn_plan *plan, const dnnb__op *op) {
    size_t param = op->node->first_param;
    return plan->net->params[param].form.hands_over && dnnb__onednn_is_trained(plan, param);
}

typedef dnnb_status (*product_pass)(dnnb__dnnl *, dnnb__primitive *, const dnnb__product *,
                                    dnnb__layout, const dnnb__primitive *);

/* A pass with the weights as they are kept, or as oneDNN likes when that is slow. */
static dnnb_status pass_create(dnnb__dnnl *dnnl, dnnb__primitive *out, product_pass create,
                               const dnnb__product *product, dnnb__layout kept,
                               const dnnb__primitive *forward) {
    dnnb_status status = create(dnnl, out, product, kept, forward);
    if (status == DNNB_OK ? !dnnb__primitive_is_slow(out) : status == DNNB_ERR_MEMORY)
        return status;
    dnnb__primitive_destroy(out);
    DNNB_TRY(create(dnnl, out, product, NULL, forward));
    if (dnnb__dnnl_get_precision(dnnl) == DNNB__F32 || !dnnb__primitive_is_slow(out))
        return DNNB_OK;
    dnnb__primitive_destroy(out);
    return fail_slow();
}

/* The layout of the weights that a pass reads, for a pass that is asked for it: as they are kept,
 * or in bfloat16 oneDNN's choice, row-major for a general product. */
static dnnb_status read_layout_get(dnnb__dnnl *dnnl, dnnb__layout *out, const dnnb__product *p,
                                   dnnb__layout kept) {
    dnnb__primitive forward;
    *out = kept;
    if (dnnb__dnnl_get_precision(dnnl) == DNNB__F32) return DNNB_OK;
    int64_t dims[2] = {p->out, p->in};
    DNNB_TRY(dnnb__product_forward(dnnl, &forward, p, NULL));
    *out = dnnb__primitive_get_layout(&forward, DNNL_ARG_WEIGHTS);
    bool is_gemm = dnnb__primitive_is_gemm(&forward);
    dnnb__primitive_destroy(&forward);
    return is_gemm ? dnnb__layout_plain_in(dnnl, out, DNNB__BF16, dims, 2) : DNNB_OK;
}

/* The layout that passes of a layer read, and whether own kernels read it: in all plans or none,
 * but for those that train the bias alone, since that pass of oneDNN asks for its own forward pass.
 */
static dnnb_status reading_get(const dnnb__onednn_plan *plan, const dnnb__op *op,
                               const dnnb__product *product, dnnb__layout *read, bool *is_own) {
    size_t param = op->node->first_param;
    dnnb__layout kept = plan->net->params[param].form.layout;
    bool is_bias_alone = !op->node->attr.linear.no_bias &&
                         dnnb__onednn_is_trained(plan, param + 1) &&
                         !dnnb__onednn_is_trained(plan, param);
    *is_own = false;
    if (!is_bias_alone)
        DNNB_TRY(dnnb__linear_bf16_find_layout(plan->net->dnnl, product, kept, read, is_own));
    return *is_own ? DNNB_OK : read_layout_get(plan->net->dnnl, read, product, kept);
}

static dnnb_status forward_create(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                  const dnnb__product *product, dnnb__layout kept,
                                  const dnnb__primitive *unused) {
    (void)unused;
    return dnnb__product_forward(dnnl, out, product, kept);
}

static dnnb_status linear_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    dnnb__dnnl *dnnl = plan->net->dnnl;
    const dnnb__node *node = op->node;
    dnnb__product product;
    product_describe(&product, plan->graph, node, (int64_t)plan->base.options.batch);
    product.relu = op->relu;
    product.training = op->differentiated;
    DNNB_TRY(dnnb__onednn_value_get(plan, &op->in[0], node->inputs[0], 1));
    op->n_in = 1;
    product.f32_out =
        dnnb__dnnl_get_precision(dnnl) == DNNB__BF16 && op->index == plan->base.options.to;
    DNNB_TRY(dnnb__onednn_value_add_in(
        plan, op, &node->shape, 1, product.f32_out ? DNNB__F32 : dnnb__dnnl_get_precision(dnnl)));
    size_t weight, bias = DNNB__NO_BUFFER;
    if (product.bias)
        DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &bias,
                                           plan->net->params[node->first_param + 1].weight,
                                           (size_t)product.out * sizeof(float)));
    const float *lent = plan->net->params[node->first_param].lent;
    if (lent) {
        DNNB_TRY(dnnb__linear_rows_forward(plan, node->path, &product, lent,
                                           plan->values[op->in[0]].data, bias,
                                           plan->values[op->out].data));
        dnnb__onednn_count_products(plan, node);
        return dnnb__onednn_relu_apply(plan, op);
    }
    dnnb__layout kept = plan->net->params[node->first_param].form.layout;
    if (is_own(plan, op)) {
        DNNB_TRY(dnnb__onednn_weight(plan, &weight, node->first_param, kept));
        DNNB_TRY(dnnb__linear_own_forward(plan, node->path, &product, plan->values[op->in[0]].data,
                                          weight, bias, plan->values[op->out].data, &op->saved));
        dnnb__onednn_count_products(plan, node);
        return DNNB_OK;
    }
    bool is_bf16;
    DNNB_TRY(reading_get(plan, op, &product, &kept, &is_bf16));
    if (is_bf16) {
        DNNB_TRY(dnnb__onednn_weight(plan, &weight, node->first_param, kept));
        DNNB_TRY(dnnb__linear_bf16_forward(plan, node->path, &product, plan->values[op->in[0]].data,
                                           weight, bias, plan->values[op->out].data));
        dnnb__onednn_count_products(plan, node);
        return dnnb__onednn_relu_apply(plan, op);
    }
    dnnb__primitive primitive;
    DNNB_TRY(pass_create(dnnl, &primitive, forward_create, &product, kept, NULL));
    dnnb_status status = dnnb__onednn_weight(
        plan, &weight, node->first_param, dnnb__primitive_get_layout(&primitive, DNNL_ARG_WEIGHTS));
    if (status != DNNB_OK) {
        dnnb__primitive_destroy(&primitive);
        return status;
    }
    dnnb__binding bindings[] = {{DNNL_ARG_SRC, plan->values[op->in[0]].data},
                                {DNNL_ARG_WEIGHTS, weight},
                                {DNNL_ARG_BIAS, bias},
                                {DNNL_ARG_DST, plan->values[op->out].data}};
    op->step = plan->n_steps;
    DNNB_TRY(dnnb__onednn_add_primitive(plan, node->path, "forward", &primitive, bindings, 4));
    dnnb__onednn_count_products(plan, node);
    return dnnb__onednn_relu_apply(plan, op);
}

static dnnb_status linear_backward_weights(dnnb__onednn_plan *plan, dnnb__op *op,
                                           dnnb__product *product, size_t gradient) {
    size_t param = op->node->first_param;
    bool bias_trained = product->bias && dnnb__onednn_is_trained(plan, param + 1);
    if (!dnnb__onednn_is_trained(plan, param) && !bias_trained) return DNNB_OK;
    product->bias = bias_trained;
    dnnb__layout kept = plan->net->params[param].form.layout;
    dnnb__onednn_gradients g;
    size_t bias = DNNB__NO_BUFFER;
    if (bias_trained)
        DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &bias, plan->net->params[param + 1].gradient,
                                           (size_t)product->out * sizeof(float)));
    if (is_own(plan, op)) {
        DNNB_TRY(dnnb__linear_own_backward_weights(plan, op->node->path, product, op->saved,
                                                   gradient, param, bias));
        dnnb__onednn_count_products(plan, op->node);
        return DNNB_OK;
    }
    if (hands_over(plan, op)) {
        DNNB_TRY(dnnb__linear_update_add(plan, op->node->path, product, param,
                                         plan->values[op->in[0]].data, gradient, bias));
        dnnb__onednn_count_products(plan, op->node);
        return DNNB_OK;
    }
    dnnb__primitive primitive;
    DNNB_TRY(pass_create(plan->net->dnnl, &primitive, dnnb__product_backward_weights, product, kept,
                         &plan->steps[op->step].primitive));
    dnnb_status status = dnnb__onednn_weight_gradients(
        plan, &g, param, dnnb__primitive_get_layout(&primitive, DNNL_ARG_DIFF_WEIGHTS),
        bias_trained);
    if (status != DNNB_OK) {
        dnnb__primitive_destroy(&primitive);
        return status;
    }
    dnnb__binding bindings[] = {{DNNL_ARG_SRC, plan->values[op->in[0]].data},
                                {DNNL_ARG_DIFF_DST, gradient},
                                {DNNL_ARG_DIFF_WEIGHTS, g.weight},
                                {DNNL_ARG_DIFF_BIAS, g.bias}};
    DNNB_TRY(dnnb__onednn_add_primitive(plan, op->node->path, "backward weights", &primitive,
                                        bindings, 4));
    dnnb__onednn_count_products(plan, op->node);
    return dnnb__onednn_weight_gradients_end(plan, &g, param);
}

static dnnb_status linear_backward_data(dnnb__onednn_plan *plan, dnnb__op *op,
                                        const dnnb__product *product, size_t gradient) {
    size_t param = op->node->first_param, weight, in_gradient;
    dnnb__layout kept = plan->net->params[param].form.layout;
    if (is_own(plan, op)) {
        DNNB_TRY(dnnb__onednn_weight(plan, &weight, param, kept));
        DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[0], &in_gradient));
        DNNB_TRY(dnnb__linear_own_backward_data(plan, op->node->path, product, gradient, weight,
                                                in_gradient));
        dnnb__onednn_count_products(plan, op->node);
        return dnnb__onednn_gradient_end(plan, op->in[0], in_gradient, op->node->path);
    }
    bool is_bf16;
    DNNB_TRY(reading_get(plan, op, product, &kept, &is_bf16));
    if (is_bf16) {
        DNNB_TRY(dnnb__onednn_weight(plan, &weight, param, kept));
        DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[0], &in_gradient));
        DNNB_TRY(dnnb__linear_bf16_backward_data(plan, op->node->path, product, gradient, weight,
                                                 in_gradient));
        dnnb__onednn_count_products(plan, op->node);
        return dnnb__onednn_gradient_end(plan, op->in[0], in_gradient, op->node->path);
    }
    dnnb__primitive primitive;
    DNNB_TRY(pass_create(plan->net->dnnl, &primitive, dnnb__product_backward_data, product, kept,
                         &plan->steps[op->step].primitive));
    dnnb_status status = dnnb__onednn_weight(
        plan, &weight, param, dnnb__primitive_get_layout(&primitive, DNNL_ARG_WEIGHTS));
    if (status == DNNB_OK) status = dnnb__onednn_gradient_begin(plan, op->in[0], &in_gradient);
    if (status != DNNB_OK) {
        dnnb__primitive_destroy(&primitive);
        return status;
    }
    dnnb__binding bindings[] = {{DNNL_ARG_DIFF_DST, gradient},
                                {DNNL_ARG_WEIGHTS, weight},
                                {DNNL_ARG_DIFF_SRC, in_gradient}};
    DNNB_TRY(
        dnnb__onednn_add_primitive(plan, op->node->path, "backward data", &primitive, bindings, 3));
    dnnb__onednn_count_products(plan, op->node);
    return dnnb__onednn_gradient_end(plan, op->in[0], in_gradient, op->node->path);
}

/* The gradient of an output in float32 in the numbers of the net. */
static dnnb_status bring_gradient(dnnb__onednn_plan *plan, const dnnb__op *op,
                                  const dnnb__product *product, size_t *gradient) {
    dnnb__dnnl *dnnl = plan->net->dnnl;
    if (plan->values[op->out].precision == dnnb__dnnl_get_precision(dnnl)) return DNNB_OK;
    int64_t dims[2] = {product->rows, product->out};
    dnnb__layout from, to;
    size_t source = *gradient;
    DNNB_TRY(dnnb__layout_plain_in(dnnl, &from, DNNB__F32, dims, 2));
    DNNB_TRY(dnnb__layout_plain_in(dnnl, &to, dnnb__dnnl_get_precision(dnnl), dims, 2));
    *gradient = DNNB__NO_BUFFER;
    return dnnb__onednn_add_reorder(plan, op->node->path, from, source, to, gradient);
}

static dnnb_status linear_backward(dnnb__onednn_plan *plan, dnnb__op *op) {
    dnnb__product product;
    product_describe(&product, plan->graph, op->node, (int64_t)plan->base.options.batch);
    size_t gradient;
    DNNB_TRY(dnnb__onednn_relu_mask(plan, op, &gradient));
    DNNB_TRY(bring_gradient(plan, op, &product, &gradient));
    bool wants_data = plan->values[op->in[0]].wants_gradient;
    /* Who takes the weights' gradient changes the weights, which the other pass reads. */
    if (hands_over(plan, op)) {
        if (wants_data) DNNB_TRY(linear_backward_data(plan, op, &product, gradient));
        return linear_backward_weights(plan, op, &product, gradient);
    }
    DNNB_TRY(linear_backward_weights(plan, op, &product, gradient));
    return wants_data ? linear_backward_data(plan, op, &product, gradient) : DNNB_OK;
}

extern const dnnb__op_type dnnb__onednn_linear;
const dnnb__op_type dnnb__onednn_linear = {
    .describe = linear_describe, .forward = linear_forward, .backward = linear_backward};
