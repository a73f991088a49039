/* Weight gradients of convolutions: the choice of an own kernel, and its step. */
#include "engine/onednn/conv2d_weights.h"

#include <string.h>

typedef struct settings {
    dnnb__conv_weights shape;
    const dnnb__conv_weights_kernel *kernel;
} settings;

typedef struct settings_bf16 {
    dnnb__conv_weights_bf16 shape;
    const dnnb__conv_weights_bf16_kernel *kernel;
} settings_bf16;

/* Whether this is the kernel of oneDNN that ours is faster than. */
static bool is_slower(const dnnb__primitive *primitive) {
    return strcmp(primitive->implementation, "jit:avx2") == 0;
}

dnnb_status dnnb__conv_weights_find(dnnb__dnnl *dnnl, const dnnb__conv *conv,
                                    const dnnb__primitive *primitive,
                                    const dnnb__conv_weights_kernel **out) {
    *out = NULL;
    if (dnnb__dnnl_get_precision(dnnl) != DNNB__F32) return DNNB_OK;
    if (!is_slower(primitive) || conv->groups != 1) return DNNB_OK;
    int64_t in_block, out_block;
    DNNB_TRY(dnnb__layout_find_block(dnnl, dnnb__primitive_get_layout(primitive, DNNL_ARG_SRC),
                                     &in_block));
    DNNB_TRY(dnnb__layout_find_block(dnnl, dnnb__primitive_get_layout(primitive, DNNL_ARG_DIFF_DST),
                                     &out_block));
    const dnnb__conv_weights_kernel *kernel =
        dnnb__kernels_find_conv_weights(dnnb__onednn_get_isa(), in_block);
    if (!kernel || out_block != in_block) return DNNB_OK;
    dnnb__layout wanted;
    DNNB_TRY(dnnb__layout_weights_blocked(dnnl, &wanted, conv, in_block));
    if (wanted == dnnb__primitive_get_layout(primitive, DNNL_ARG_DIFF_WEIGHTS)) *out = kernel;
    return DNNB_OK;
}

static void weights_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    s->kernel->run(&s->shape, step->data[0], step->data[1], step->data[2],
                   step->n_buffers > 3 ? step->data[3] : NULL);
}

dnnb_status dnnb__conv_weights_add(dnnb__onednn_plan *plan, const char *layer,
                                   const dnnb__conv_weights_kernel *kernel, const dnnb__conv *conv,
                                   size_t in, size_t out_gradient, size_t weight, size_t bias) {
    void *memory = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(settings)));
    settings *s = memory;
    dnnb__conv_weights *w = &s->shape;
    s->kernel = kernel;
    *w =
        (dnnb__conv_weights){.batch = conv->batch,
                             .in_blocks = (conv->in_channels + kernel->block - 1) / kernel->block,
                             .out_blocks = (conv->out_channels + kernel->block - 1) / kernel->block,
                             .out_channels = conv->out_channels};
    for (int i = 0; i < 2; i++) {
        w->in[i] = conv->in[i];
        w->out[i] = conv->out[i];
        w->kernel[i] = conv->kernel[i];
        w->stride[i] = conv->stride[i];
        w->padding[i] = conv->padding_begin[i];
        w->dilation[i] = conv->dilation[i];
    }
    kernel->divide(w, (int64_t)plan->base.net->n_threads);
    size_t buffers[] = {in, out_gradient, weight, bias};
    return dnnb__onednn_add_kernel(plan, layer, "backward weights", kernel->name, weights_run, s,
                                   buffers, bias == DNNB__NO_BUFFER ? 3 : 4);
}

/* --- bfloat16 --- */

const dnnb__conv_weights_bf16_kernel *dnnb__conv_weights_find_bf16(const dnnb__dnnl *dnnl,
                                                                   const dnnb__conv *conv,
                                                                   int64_t in_block,
                                                                   int64_t out_block) {
    bool is_last = in_block == conv->in_channels && out_block == conv->out_channels;
    bool suits = conv->groups == 1 && conv->stride[0] == 1 && conv->stride[1] == 1;
    if (dnnb__dnnl_get_precision(dnnl) != DNNB__BF16 || !is_last || !suits) return NULL;
    if (dnnb__onednn_get_bf16_support() != DNNB__BF16_TILES) return NULL;
    return dnnb__kernels_find_conv_weights_bf16(dnnb__onednn_get_isa());
}

static void weights_run_bf16(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings_bf16 *s = step->settings;
    s->kernel->run(&s->shape, step->data[0], step->data[1], step->data[2],
                   step->n_buffers > 4 ? step->data[4] : NULL, step->data[3]);
}

dnnb_status dnnb__conv_weights_add_bf16(dnnb__onednn_plan *plan, const char *layer,
                                        const dnnb__conv_weights_bf16_kernel *kernel,
                                        const dnnb__conv *conv, size_t in, size_t out_gradient,
                                        size_t weight, size_t bias) {
    void *memory = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(settings_bf16)));
    settings_bf16 *s = memory;
    s->kernel = kernel;
    s->shape = (dnnb__conv_weights_bf16){
        .batch = conv->batch, .in_channels = conv->in_channels, .out_channels = conv->out_channels};
    for (int i = 0; i < 2; i++) {
        s->shape.in[i] = conv->in[i];
        s->shape.out[i] = conv->out[i];
        s->shape.kernel[i] = conv->kernel[i];
        s->shape.padding[i] = conv->padding_begin[i];
        s->shape.dilation[i] = conv->dilation[i];
    }
    size_t scratch;
    DNNB_TRY(dnnb__onednn_buffer_arena(plan, &scratch, kernel->count_scratch(&s->shape), 1));
    size_t buffers[] = {in, out_gradient, weight, scratch, bias};
    return dnnb__onednn_add_kernel(plan, layer, "backward weights", kernel->name, weights_run_bf16,
                                   s, buffers, bias == DNNB__NO_BUFFER ? 4 : 5);
}
