/* Steps of linear layers on own kernels: settings and buffers. */
#include "engine/onednn/linear_own.h"

#include "kernels/kernels.h"

/* What pays with AVX-512, where oneDNN has a kernel of its own. Measured on Zen 4
 * (docs/performance.md): at 2^21 weights all passes together are faster, at 2^18 slower; outputs
 * are padded to 16. */
enum { LEAST_WEIGHTS = 1 << 21, LEAST_OUT = 256 };

typedef struct settings {
    dnnb__linear shape;
    const dnnb__linear_kernel *kernel;
    const dnnb__param_store *weight; /* whose gradient it makes; NULL in other steps */
} settings;

bool dnnb__linear_own_suits(const dnnb__dnnl *dnnl, const dnnb__product *p,
                            const dnnb__primitive *forward) {
    dnnb__isa isa = dnnb__onednn_get_isa();
    const dnnb__linear_kernel *kernel = dnnb__kernels_find_linear(isa);
    if (!kernel) return false;
    if (dnnb__dnnl_get_precision(dnnl) == DNNB__BF16 &&
        !(dnnb__dnnl_widens(dnnl) && kernel->takes_bf16))
        return false;
    if (dnnb__primitive_is_gemm(forward) || dnnb__primitive_is_slow(forward)) return true;
    return isa == DNNB__ISA_AVX512 && p->out >= LEAST_OUT && p->in >= LEAST_WEIGHTS / p->out;
}

static void forward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    s->kernel->forward(&s->shape, step->data[0], step->data[1],
                       step->n_buffers > 5 ? step->data[5] : NULL, step->data[2], step->data[3],
                       step->data[4]);
}

/* Looked up in each pass: whether the gradient is handed over may change between passes. */
static void backward_weights_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    const dnnb__update *update = &s->weight->update;
    s->kernel->backward_weights(&s->shape, step->data[0], step->data[1], s->weight->gradient,
                                step->n_buffers > 3 ? step->data[3] : NULL, step->data[2],
                                update->run, update->context);
}

static void ignore(void *context, size_t first, size_t n, const float *gradient) {
    (void)context;
    (void)first;
    (void)n;
    (void)gradient;
}

/* Nobody wants the weights' gradient: the bias alone is trained. */
static void backward_bias_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    s->kernel->backward_weights(&s->shape, step->data[0], step->data[1], NULL, step->data[3],
                                step->data[2], ignore, NULL);
}

static void backward_data_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    s->kernel->backward_data(&s->shape, step->data[0], step->data[1], step->data[2], step->data[3]);
}

static dnnb_status add_step(dnnb__onednn_plan *plan, const char *layer, const char *pass,
                            dnnb__kernel kernel, const dnnb__product *p,
                            const dnnb__param_store *weight, const size_t *buffers, size_t n) {
    void *memory = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(settings)));
    settings *s = memory;
    s->shape =
        dnnb__linear_describe(p->rows, p->in, p->out, p->relu, (int64_t)plan->base.net->n_threads);
    s->shape.is_bf16 = dnnb__dnnl_get_precision(plan->net->dnnl) == DNNB__BF16;
    s->shape.f32_out = p->f32_out;
    s->weight = weight;
    s->kernel = dnnb__kernels_find_linear(dnnb__onednn_get_isa());
    if (!s->kernel) return dnnb__fail(DNNB_ERR_INTERNAL, "%s: no kernel for this processor", layer);
    return dnnb__onednn_add_kernel(plan, layer, pass, s->kernel->name, kernel, s, buffers, n);
}

/* A buffer for strips of `columns` columns of `rows` rows. */
static dnnb_status strip_buffer(dnnb__onednn_plan *plan, size_t *out, int64_t rows, int64_t columns,
                                int64_t width) {
    return dnnb__onednn_buffer_arena(plan, out, (size_t)((columns + width - 1) / width * width),
                                     (size_t)rows * sizeof(float));
}

dnnb_status dnnb__linear_own_forward(dnnb__onednn_plan *plan, const char *layer,
                                     const dnnb__product *p, size_t in, size_t weight, size_t bias,
                                     size_t out, size_t *packed) {
    size_t sums;
    DNNB_TRY(strip_buffer(plan, packed, p->rows, p->in, DNNB__LINEAR_IN));
    DNNB_TRY(strip_buffer(plan, &sums, p->rows, p->out, DNNB__LINEAR_OUT));
    size_t buffers[] = {in, weight, out, *packed, sums, bias};
    return add_step(plan, layer, "forward", forward_run, p, NULL, buffers,
                    bias == DNNB__NO_BUFFER ? 5 : 6);
}

dnnb_status dnnb__linear_own_backward_weights(dnnb__onednn_plan *plan, const char *layer,
                                              const dnnb__product *p, size_t packed,
                                              size_t out_gradient, size_t param, size_t bias) {
    const dnnb__param_store *store = &plan->net->params[param];
    size_t buffers[] = {packed, out_gradient, DNNB__NO_BUFFER, bias};
    DNNB_TRY(strip_buffer(plan, &buffers[2], p->rows, p->out, DNNB__LINEAR_OUT));
    if (!dnnb__onednn_is_trained(plan, param))
        return add_step(plan, layer, "backward weights", backward_bias_run, p, NULL, buffers, 4);
    DNNB_TRY(add_step(plan, layer, "backward weights", backward_weights_run, p, store, buffers,
                      bias == DNNB__NO_BUFFER ? 3 : 4));
    plan->steps[plan->n_steps - 1].handed = store;
    return DNNB_OK;
}

dnnb_status dnnb__linear_own_backward_data(dnnb__onednn_plan *plan, const char *layer,
                                           const dnnb__product *p, size_t out_gradient,
                                           size_t weight, size_t in_gradient) {
    size_t groups;
    int64_t rows = (p->rows + DNNB__LINEAR_ROWS - 1) / DNNB__LINEAR_ROWS * DNNB__LINEAR_ROWS;
    DNNB_TRY(strip_buffer(plan, &groups, rows, p->out, DNNB__LINEAR_OUT));
    size_t buffers[] = {out_gradient, weight, in_gradient, groups};
    return add_step(plan, layer, "backward data", backward_data_run, p, NULL, buffers, 4);
}
