/* The step: settings, buffers, and where the gradient goes. */
#include "engine/onednn/linear_update.h"

#include "kernels/kernels.h"

typedef struct settings {
    dnnb__linear_gradient shape;
    const dnnb__linear_gradient_kernel *kernel;
    const dnnb__param_store *weight;
} settings;

dnnb_status dnnb__linear_update_find_width(dnnb__dnnl *dnnl, dnnb__layout kept, int64_t *width) {
    *width = 0;
    if (dnnb__onednn_get_bf16_support() != DNNB__BF16_TILES) return DNNB_OK;
    if (!dnnb__kernels_find_linear_gradient(dnnb__onednn_get_isa())) return DNNB_OK;
    return dnnb__layout_find_width(dnnl, kept, width);
}

/* Looked up in each pass: whether the gradient is handed over may change between passes. */
static void update_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    const dnnb__update *update = &s->weight->update;
    s->kernel->run(&s->shape, step->data[0], step->data[1], step->data[2], step->data[3],
                   s->weight->gradient, step->n_buffers > 4 ? step->data[4] : NULL, update->run,
                   update->context);
}

/* A factor, padded to whole blocks of columns and rows. */
static dnnb_status packed_buffer(dnnb__onednn_plan *plan, size_t *out, int64_t rows,
                                 int64_t columns, int64_t block) {
    int64_t padded_rows = (rows + DNNB__LINEAR_GRADIENT_ROWS - 1) / DNNB__LINEAR_GRADIENT_ROWS *
                          DNNB__LINEAR_GRADIENT_ROWS;
    int64_t padded_columns = (columns + block - 1) / block * block;
    return dnnb__onednn_buffer_arena(plan, out, (size_t)padded_columns,
                                     (size_t)padded_rows * sizeof(uint16_t));
}

dnnb_status dnnb__linear_update_add(dnnb__onednn_plan *plan, const char *layer,
                                    const dnnb__product *product, size_t param, size_t in,
                                    size_t out_gradient, size_t bias) {
    void *memory = NULL;
    size_t in_packed, out_packed;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(settings)));
    settings *s = memory;
    s->weight = &plan->net->params[param];
    s->shape = (dnnb__linear_gradient){.rows = product->rows,
                                       .in = product->in,
                                       .out = product->out,
                                       .width = s->weight->form.width};
    s->kernel = dnnb__kernels_find_linear_gradient(dnnb__onednn_get_isa());
    if (!s->kernel) return dnnb__fail(DNNB_ERR_INTERNAL, "%s: no kernel for this processor", layer);
    DNNB_TRY(packed_buffer(plan, &in_packed, product->rows, product->in, DNNB__LINEAR_GRADIENT_IN));
    DNNB_TRY(packed_buffer(plan, &out_packed, product->rows, product->out, s->shape.width));
    size_t buffers[] = {in, out_gradient, in_packed, out_packed, bias};
    DNNB_TRY(dnnb__onednn_add_kernel(plan, layer, "backward weights", s->kernel->name, update_run,
                                     s, buffers, bias == DNNB__NO_BUFFER ? 4 : 5));
    plan->steps[plan->n_steps - 1].handed = s->weight;
    return DNNB_OK;
}
