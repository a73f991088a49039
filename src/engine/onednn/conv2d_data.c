/*
 * Data gradients as forward passes: the choice, and the copies of the weights.
 *
 * Method: one copy is the weights in their own layout with the positions of the kernel in opposite
 * order; oneDNN brings that, its first two dimensions exchanged, into the layout of the primitive.
 */
#include "engine/onednn/conv2d_data.h"

#include <string.h>

bool dnnb__conv_data_describe(dnnb__conv *out, const dnnb__conv *conv) {
    *out = *conv;
    out->in_channels = conv->out_channels;
    out->out_channels = conv->in_channels;
    out->bias = false;
    for (int i = 0; i < 2; i++) {
        int64_t reach = conv->dilation[i] * (conv->kernel[i] - 1);
        out->in[i] = conv->out[i];
        out->out[i] = conv->in[i];
        out->padding_begin[i] = reach - conv->padding_begin[i];
        out->padding_end[i] = reach - conv->padding_end[i];
        if (conv->stride[i] != 1 || out->padding_begin[i] < 0 || out->padding_end[i] < 0)
            return false;
    }
    return conv->groups == 1;
}

/* Whether this is the kernel of oneDNN that its forward pass is faster than. */
static bool is_slower(const dnnb__primitive *primitive) {
    return strncmp(primitive->implementation, "jit:", 4) == 0;
}

dnnb_status dnnb__conv_data_exchange(const dnnb__onednn_plan *plan, dnnb__primitive *primitive,
                                     const dnnb__conv *conv, const dnnb__conv2d_layouts *layouts,
                                     size_t weight_param, bool *exchanged) {
    dnnb__dnnl *dnnl = plan->net->dnnl;
    dnnb__conv other;
    dnnb__primitive forward;
    size_t n_positions, n_together;
    *exchanged = false;
    if (!dnnb__dnnl_exchanges(dnnl) || !is_slower(primitive) ||
        !dnnb__conv_data_describe(&other, conv) ||
        !dnnb__layout_find_positions(plan->net->params[weight_param].form.layout, &n_positions,
                                     &n_together))
        return DNNB_OK;
    dnnb_status status = dnnb__conv_forward(dnnl, &forward, &other, layouts->out, layouts->in);
    if (status == DNNB_ERR_UNSUPPORTED) return DNNB_OK;
    *exchanged = status == DNNB_OK && !dnnb__primitive_is_slow(&forward);
    dnnb__primitive_destroy(status == DNNB_OK && !*exchanged ? &forward : primitive);
    if (*exchanged) *primitive = forward;
    return status;
}

/* [n][n_positions][n_together], the positions in opposite order. */
typedef struct flipping {
    size_t n, n_positions, n_together;
} flipping;

static void flip_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const flipping *f = step->settings;
    float *copy = step->data[0];
    const float *weight = step->data[1];
    size_t n = f->n_together;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < f->n; i++) {
        const float *from = weight + i * f->n_positions * n;
        float *to = copy + (i + 1) * f->n_positions * n;
        for (size_t k = 0; k < f->n_positions; k++, from += n)
            memcpy(to -= n, from, n * sizeof *to);
    }
}

static dnnb_status flipping_create(dnnb__onednn_plan *plan, const flipping **out, size_t param) {
    const dnnb__param_store *store = &plan->net->params[param];
    void *memory = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(flipping)));
    flipping *f = memory;
    if (!dnnb__layout_find_positions(store->form.layout, &f->n_positions, &f->n_together))
        return dnnb__fail(DNNB_ERR_INTERNAL, "%s: a layout without positions",
                          plan->graph->params[param].path);
    f->n = store->n / (f->n_positions * f->n_together);
    *out = f;
    return DNNB_OK;
}

dnnb_status dnnb__conv_data_weight(dnnb__onednn_plan *plan, size_t *out, size_t param,
                                   dnnb__layout layout) {
    const dnnb__param_store *store = &plan->net->params[param];
    const char *path = plan->graph->params[param].path;
    size_t n_bytes = store->n * sizeof(float), buffers[2];
    dnnb__weight_copy *flipped, *copy;
    const flipping *f = NULL;
    dnnb__layout exchanged;
    DNNB_TRY(dnnb__onednn_net_need_copy(plan->net, &flipped, param, store->form.layout,
                                        DNNB__COPY_TURNED));
    DNNB_TRY(dnnb__onednn_net_need_copy(plan->net, &copy, param, layout, DNNB__COPY_TURNED));
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &buffers[0], flipped->data, n_bytes));
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &buffers[1], store->weight, n_bytes));
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, out, copy->data, dnnb__layout_get_bytes(layout)));
    DNNB_TRY(flipping_create(plan, &f, param));
    DNNB_TRY(dnnb__onednn_add_kernel(plan, path, "reorder weights", "own flip", flip_run, f,
                                     buffers, 2));
    plan->steps[plan->n_steps - 1].copy = flipped;
    DNNB_TRY(dnnb__layout_exchange(plan->net->dnnl, &exchanged, store->form.layout));
    DNNB_TRY(dnnb__onednn_add_reorder(plan, path, exchanged, buffers[0], layout, out));
    plan->steps[plan->n_steps - 1].copy = copy;
    plan->steps[plan->n_steps - 1].info.pass = "reorder weights";
    return DNNB_OK;
}
