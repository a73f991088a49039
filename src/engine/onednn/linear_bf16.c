/* The steps: settings and buffers. */
#include "engine/onednn/linear_bf16.h"

#include "kernels/kernels.h"

typedef struct settings {
    dnnb__linear_bf16 shape;
    const dnnb__linear_bf16_kernel *kernel;
    bool has_bias, f32_out;
} settings;

static size_t pad(int64_t n, int64_t block) {
    return (size_t)((n + block - 1) / block * block);
}

dnnb_status dnnb__linear_bf16_find_layout(dnnb__dnnl *dnnl, const dnnb__product *product,
                                          dnnb__layout kept, dnnb__layout *out, bool *found) {
    *found = false;
    if (dnnb__dnnl_get_precision(dnnl) != DNNB__BF16) return DNNB_OK;
    if (dnnb__onednn_get_bf16_support() != DNNB__BF16_TILES) return DNNB_OK;
    if (!dnnb__kernels_find_linear_bf16(dnnb__onednn_get_isa())) return DNNB_OK;
    DNNB_TRY(dnnb__layout_round(dnnl, kept, DNNB__LINEAR_BF16_WIDTH, out, found));
    /* Inputs may be padded to 16 alone. */
    if (*found) {
        size_t n =
            pad(product->in, DNNB__LINEAR_BF16_IN) * pad(product->out, DNNB__LINEAR_BF16_WIDTH);
        *found = dnnb__layout_get_bytes(*out) == n * sizeof(uint16_t);
    }
    return DNNB_OK;
}

static void forward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    s->kernel->forward(&s->shape, step->data[0], step->data[1], s->has_bias ? step->data[4] : NULL,
                       step->data[2], step->data[3], s->f32_out);
}

static void backward_data_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    s->kernel->backward_data(&s->shape, step->data[0], step->data[1], step->data[2], step->data[3]);
}

/* A step whose buffers are a factor, the weights, room for the factor once more, and others. */
static dnnb_status add_step(dnnb__onednn_plan *plan, const char *layer, const char *pass,
                            dnnb__kernel kernel, const dnnb__product *p, int64_t columns,
                            size_t *buffers, size_t n) {
    void *memory = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(settings)));
    settings *s = memory;
    *s = (settings){.shape = {.rows = p->rows, .in = p->in, .out = p->out},
                    .kernel = dnnb__kernels_find_linear_bf16(dnnb__onednn_get_isa()),
                    .has_bias = n > 4,
                    .f32_out = p->f32_out};
    if (!s->kernel) return dnnb__fail(DNNB_ERR_INTERNAL, "%s: no kernel for this processor", layer);
    DNNB_TRY(dnnb__onednn_buffer_arena(plan, &buffers[2], dnnb__linear_bf16_count(p->rows, columns),
                                       sizeof(uint16_t)));
    return dnnb__onednn_add_kernel(plan, layer, pass, s->kernel->name, kernel, s, buffers, n);
}

dnnb_status dnnb__linear_bf16_forward(dnnb__onednn_plan *plan, const char *layer,
                                      const dnnb__product *product, size_t in, size_t weight,
                                      size_t bias, size_t out) {
    size_t buffers[] = {in, weight, DNNB__NO_BUFFER, out, bias};
    return add_step(plan, layer, "forward", forward_run, product, product->in, buffers,
                    bias == DNNB__NO_BUFFER ? 4 : 5);
}

dnnb_status dnnb__linear_bf16_backward_data(dnnb__onednn_plan *plan, const char *layer,
                                            const dnnb__product *product, size_t out_gradient,
                                            size_t weight, size_t in_gradient) {
    size_t buffers[] = {out_gradient, weight, DNNB__NO_BUFFER, in_gradient};
    return add_step(plan, layer, "backward data", backward_data_run, product, product->out, buffers,
                    4);
}
