/* Winograd's convolutions: the choice, the copies of the weights, and the steps. */
#include "engine/onednn/conv2d_winograd.h"

#include "engine/onednn/conv2d_data.h"
#include "engine/onednn/conv2d_weights.h"

enum {
    FEWEST_SAVED = 3, /* products of the plain sums a */
    OF_PRODUCTS = 2   /* product that is left; with fewer the transforms eat it up */
};

/* Taps of all outputs along a dimension that lie inside the image. */
static int64_t count_taps(const dnnb__conv *conv, int i) {
    int64_t n = 0;
    for (int64_t o = 0; o < conv->out[i]; o++)
        for (int64_t k = 0; k < conv->kernel[i]; k++) {
            int64_t at = o + k - conv->padding_begin[i];
            n += at >= 0 && at < conv->in[i];
        }
    return n;
}

static bool suits(const dnnb__conv *conv, const dnnb__winograd_kernel *kernel, bool is_bf16) {
    int64_t plain = 1, block = kernel->block;
    int64_t left = kernel->count_products(conv->kernel[0], is_bf16, conv->out);
    if (left == 0) return false;
    for (int i = 0; i < 2; i++) {
        if (conv->kernel[i] != conv->kernel[0] || conv->stride[i] != 1 || conv->dilation[i] != 1)
            return false;
        plain *= count_taps(conv, i);
    }
    return conv->groups == 1 && conv->in_channels % block == 0 && conv->out_channels % block == 0 &&
           conv->in_channels >= kernel->fewest_channels &&
           conv->out_channels >= kernel->fewest_channels &&
           plain * OF_PRODUCTS >= left * FEWEST_SAVED;
}

static bool is_lent_to(const dnnb__onednn_plan *plan) {
    for (size_t i = 0; i < plan->graph->n_params; i++)
        if (plan->net->params[i].lent) return true;
    return false;
}

const dnnb__winograd_kernel *dnnb__winograd_choose(const dnnb__dnnl *dnnl, const dnnb__conv *conv,
                                                   int64_t in_block, int64_t out_block) {
    dnnb__isa isa = dnnb__onednn_get_isa();
    bool is_bf16 = dnnb__dnnl_get_precision(dnnl) == DNNB__BF16;
    bool rounds = is_bf16 && !dnnb__dnnl_widens(dnnl);
    const dnnb__winograd_kernel *kernel =
        rounds ? dnnb__kernels_find_winograd_bf16(isa) : dnnb__kernels_find_winograd(isa);
    if (!kernel || !suits(conv, kernel, is_bf16)) return NULL;
    bool has_layout = in_block == kernel->block && out_block == kernel->block;
    if (kernel->channels_last) /* and the weights in the layout of that kernel's gradient */
        has_layout = dnnb__conv_weights_find_bf16(dnnl, conv, in_block, out_block) != NULL;
    return has_layout ? kernel : NULL;
}

const dnnb__winograd_kernel *dnnb__winograd_find(const dnnb__onednn_plan *plan,
                                                 const dnnb__conv *conv, int64_t in_block,
                                                 int64_t out_block) {
    if (is_lent_to(plan)) return NULL;
    return dnnb__winograd_choose(plan->net->dnnl, conv, in_block, out_block);
}

static dnnb__winograd get_shape(const dnnb__onednn_plan *plan, const dnnb__conv *conv,
                                int64_t block) {
    dnnb__winograd shape = {.window = conv->kernel[0],
                            .batch = conv->batch,
                            .in_blocks = conv->in_channels / block,
                            .out_blocks = conv->out_channels / block,
                            .n_threads = (int64_t)plan->base.net->n_threads,
                            .is_bf16 = dnnb__dnnl_get_precision(plan->net->dnnl) == DNNB__BF16};
    for (int i = 0; i < 2; i++) {
        shape.in[i] = conv->in[i];
        shape.out[i] = conv->out[i];
        shape.padding[i] = conv->padding_begin[i];
    }
    return shape;
}

typedef struct transforming {
    const dnnb__winograd_kernel *kernel;
    dnnb__winograd shape;
    bool turned;
} transforming;

static void transform_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const transforming *t = step->settings;
    t->kernel->transform(&t->shape, t->turned, step->data[1], step->data[0]);
}

/* The step that transforms `weight`. */
static dnnb_status add_transform(dnnb__onednn_plan *plan, size_t param, const transforming *how,
                                 size_t weight, size_t transformed) {
    void *settings = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &settings, 1, sizeof *how));
    *(transforming *)settings = *how;
    size_t buffers[] = {transformed, weight};
    return dnnb__onednn_add_kernel(plan, plan->graph->params[param].path, "reorder weights",
                                   "own Winograd", transform_run, settings, buffers, 2);
}

/* The transformed weights of a forward pass: kept, and renewed when the weights have changed; made
 * each time, in the arena, for a net that trains these, which would have to renew them for each
 * step and keep them all. */
static dnnb_status transformed_get(dnnb__onednn_plan *plan, size_t *out, size_t param,
                                   const transforming *how, size_t weight) {
    size_t count = how->kernel->count_weights(&how->shape);
    int64_t n = (int64_t)count;
    dnnb__layout layout;
    dnnb__weight_copy *copy;
    if (dnnb__onednn_is_trained(plan, param) || plan->net->params[param].gradient) {
        DNNB_TRY(dnnb__onednn_buffer_arena(plan, out, count, sizeof(float)));
        return add_transform(plan, param, how, weight, *out);
    }
    DNNB_TRY(dnnb__layout_plain(plan->net->dnnl, &layout, &n, 1));
    DNNB_TRY(dnnb__onednn_net_need_copy(plan->net, &copy, param, layout, DNNB__COPY_WINOGRAD));
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, out, copy->data, dnnb__layout_get_bytes(layout)));
    DNNB_TRY(add_transform(plan, param, how, weight, *out));
    plan->steps[plan->n_steps - 1].copy = copy;
    return DNNB_OK;
}

typedef struct settings {
    dnnb__winograd shape;
    const dnnb__winograd_kernel *kernel;
} settings;

static void winograd_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    s->kernel->run(&s->shape, step->data[0], step->data[1],
                   step->n_buffers > 4 ? step->data[4] : NULL, step->data[2], step->data[3]);
}

static dnnb_status settings_create(dnnb__onednn_plan *plan, settings **out,
                                   const dnnb__winograd_kernel *kernel, const dnnb__conv *conv) {
    void *memory = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(settings)));
    settings *s = memory;
    s->kernel = kernel;
    s->shape = get_shape(plan, conv, kernel->block);
    *out = s;
    return DNNB_OK;
}

static dnnb_status add(dnnb__onednn_plan *plan, const dnnb__op *op, const char *pass,
                       const dnnb__winograd_kernel *kernel, const dnnb__conv *conv, bool relu,
                       size_t in, size_t weight, size_t bias, size_t out) {
    settings *s = NULL;
    DNNB_TRY(settings_create(plan, &s, kernel, conv));
    s->shape.relu = relu;
    size_t scratch;
    DNNB_TRY(dnnb__onednn_buffer_arena(plan, &scratch, kernel->count_scratch(&s->shape), 1));
    size_t buffers[] = {in, weight, out, scratch, bias};
    return dnnb__onednn_add_kernel(plan, op->node->path, pass, kernel->name, winograd_run, s,
                                   buffers, bias == DNNB__NO_BUFFER ? 4 : 5);
}

static void gradient_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    s->kernel->gradient(&s->shape, step->data[0], step->data[1], step->data[2],
                        step->n_buffers > 4 ? step->data[4] : NULL, step->data[3]);
}

dnnb_status dnnb__winograd_add_weights(dnnb__onednn_plan *plan, const dnnb__op *op,
                                       const dnnb__winograd_kernel *kernel, const dnnb__conv *conv,
                                       size_t in, size_t out_gradient, size_t weight, size_t bias) {
    settings *s = NULL;
    DNNB_TRY(settings_create(plan, &s, kernel, conv));
    size_t scratch;
    DNNB_TRY(
        dnnb__onednn_buffer_arena(plan, &scratch, kernel->count_gradient_scratch(&s->shape), 1));
    size_t buffers[] = {in, out_gradient, weight, scratch, bias};
    return dnnb__onednn_add_kernel(plan, op->node->path, "backward weights", kernel->name,
                                   gradient_run, s, buffers, bias == DNNB__NO_BUFFER ? 4 : 5);
}

dnnb_status dnnb__winograd_add_forward(dnnb__onednn_plan *plan, const dnnb__op *op,
                                       const dnnb__winograd_kernel *kernel, const dnnb__conv *conv,
                                       size_t in, size_t bias, size_t out) {
    size_t weight, transformed, param = op->node->first_param;
    dnnb__layout layout;
    transforming how = {kernel, get_shape(plan, conv, kernel->block), false};
    if (kernel->channels_last)
        DNNB_TRY(dnnb__layout_weights_tiled(plan->net->dnnl, &layout, conv));
    else
        DNNB_TRY(dnnb__layout_weights_blocked(plan->net->dnnl, &layout, conv, kernel->block));
    DNNB_TRY(dnnb__onednn_weight(plan, &weight, param, layout));
    DNNB_TRY(transformed_get(plan, &transformed, param, &how, weight));
    return add(plan, op, "forward", kernel, conv, dnnb__onednn_relu_is_due(plan, op), in,
               transformed, bias, out);
}

/* Weights for a data gradient, as the kernel reads them: with channels last the layer's own. */
static dnnb_status exchanged_get(dnnb__onednn_plan *plan, size_t *out, size_t param,
                                 const dnnb__winograd_kernel *kernel, const dnnb__conv *turned) {
    size_t original;
    const dnnb__param_store *store = &plan->net->params[param];
    dnnb__layout read;
    dnnb__conv layer;
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &original, store->weight, store->n * sizeof(float)));
    if (kernel->channels_last) {
        (void)dnnb__conv_data_describe(&layer, turned); /* once more turned, it is the layer's */
        DNNB_TRY(dnnb__layout_weights_tiled(plan->net->dnnl, &read, &layer));
    } else {
        DNNB_TRY(dnnb__layout_weights_blocked(plan->net->dnnl, &read, turned, kernel->block));
        DNNB_TRY(dnnb__layout_exchange(plan->net->dnnl, &read, read));
    }
    *out = original;
    if (read == store->form.layout) return DNNB_OK;
    *out = DNNB__NO_BUFFER;
    DNNB_TRY(dnnb__onednn_add_reorder(plan, plan->graph->params[param].path, store->form.layout,
                                      original, read, out));
    plan->steps[plan->n_steps - 1].info.pass = "reorder weights";
    return DNNB_OK;
}

/* Trained weights change between one backward pass and the next: what is made of them is made again
 * each time, in the arena. */
dnnb_status dnnb__winograd_add_data(dnnb__onednn_plan *plan, const dnnb__op *op,
                                    const dnnb__winograd_kernel *kernel, const dnnb__conv *turned,
                                    size_t out_gradient, size_t in_gradient) {
    size_t weight, transformed, param = op->node->first_param;
    transforming how = {kernel, get_shape(plan, turned, kernel->block), true};
    size_t n = kernel->count_weights(&how.shape);
    DNNB_TRY(exchanged_get(plan, &weight, param, kernel, turned));
    DNNB_TRY(dnnb__onednn_buffer_arena(plan, &transformed, n, sizeof(float)));
    DNNB_TRY(add_transform(plan, param, &how, weight, transformed));
    return add(plan, op, "backward data", kernel, turned, false, out_gradient, transformed,
               DNNB__NO_BUFFER, in_gradient);
}
