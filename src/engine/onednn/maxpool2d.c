/*
 * Max pooling on channel blocks, by kernels of our own (kernels/kernels.h).
 *
 * Method: in training the place of each maximum within its window is kept in a byte, and the
 * backward pass adds each gradient at that place. ReLU and max pooling commute, so a ReLU before it
 * is applied here to the pooled tensor, which is several times smaller; its gradient is that of
 * maxima which have a place.
 * Source: PyTorch nn.MaxPool2d: the first of equal elements wins, and a NaN wins over all.
 */
#include "core/status.h"
#include "engine/onednn/plan.h"
#include "kernels/kernels.h"

typedef struct pool {
    dnnb__maxpool shape;
    const dnnb__maxpool_kernel *kernel;
    dnnb__precision precision; /* of activations and gradients */
} pool;

static size_t get_bytes(const pool *settings) {
    return settings->precision == DNNB__BF16 ? sizeof(uint16_t) : sizeof(float);
}

static void forward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const pool *settings = step->settings;
    const dnnb__maxpool *p = &settings->shape;
    const char *in = step->data[1];
    char *out = step->data[0];
    uint8_t *where = step->n_buffers > 2 ? step->data[2] : NULL;
    int64_t in_plane = p->in[0] * p->in[1] * p->block, out_row = p->out[1] * p->block;
    int64_t bytes = (int64_t)get_bytes(settings);
    bool is_bf16 = settings->precision == DNNB__BF16;
    const dnnb__maxpool_kernel *kernel = settings->kernel;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->planes * p->out[0]; i++)
        (is_bf16 ? kernel->row_forward_bf16 : kernel->row_forward)(
            p, in + i / p->out[0] * in_plane * bytes, i % p->out[0], out + i * out_row * bytes,
            where ? where + i * out_row : NULL);
}

static void backward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const pool *settings = step->settings;
    const dnnb__maxpool *p = &settings->shape;
    char *in_gradient = step->data[0];
    const char *out_gradient = step->data[1];
    const uint8_t *where = step->data[2];
    int64_t in_plane = p->in[0] * p->in[1] * p->block;
    int64_t out_plane = p->out[0] * p->out[1] * p->block;
    int64_t bytes = (int64_t)get_bytes(settings);
    bool is_bf16 = settings->precision == DNNB__BF16;
    const dnnb__maxpool_kernel *kernel = settings->kernel;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->planes; i++)
        (is_bf16 ? kernel->plane_backward_bf16 : kernel->plane_backward)(
            p, out_gradient + i * out_plane * bytes, where + i * out_plane,
            in_gradient + i * in_plane * bytes);
}

static bool get_window(const dnnb__pool2d_attr *attr, int64_t *out) {
    return !__builtin_mul_overflow(attr->kernel[0], attr->kernel[1], out);
}

bool dnnb__onednn_may_pool_relu(const dnnb__node *node) {
    int64_t window;
    return node->kind == DNNB__LAYER_MAXPOOL2D && get_window(&node->attr.pool2d, &window) &&
           window <= DNNB__MAXPOOL_NOWHERE;
}

static dnnb_status pool_create(dnnb__onednn_plan *plan, const dnnb__op *op, pool **out) {
    const dnnb__pool2d_attr *attr = &op->node->attr.pool2d;
    const dnnb_shape *in_shape = &plan->graph->nodes[op->node->inputs[0]].shape;
    int64_t window;
    if (!get_window(attr, &window) || window > DNNB__MAXPOOL_MAX_WINDOW)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "expected a window of at most %d pixels",
                          DNNB__MAXPOOL_MAX_WINDOW);
    void *memory;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(pool)));
    int64_t block = plan->values[op->in[0]].block;
    pool *p = memory;
    p->kernel = dnnb__kernels_find_maxpool(dnnb__onednn_get_isa(), block);
    p->precision = plan->values[op->out].precision;
    p->shape = (dnnb__maxpool){.block = block,
                               .planes = (int64_t)plan->base.options.batch *
                                         ((in_shape->dim[0] + block - 1) / block),
                               .relu = plan->pooled[op->node->inputs[0]]};
    for (int i = 0; i < 2; i++) {
        p->shape.in[i] = in_shape->dim[i + 1];
        p->shape.out[i] = op->node->shape.dim[i + 1];
        p->shape.kernel[i] = attr->kernel[i];
        p->shape.stride[i] = attr->stride[i];
        p->shape.padding[i] = attr->padding[i];
    }
    *out = p;
    return DNNB_OK;
}

static dnnb_status maxpool2d_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    const dnnb__node *node = op->node;
    size_t before = node->inputs[0];
    int64_t block = plan->values[plan->node_value[before]].block;
    DNNB_TRY(dnnb__onednn_value_get(plan, &op->in[0], before, block));
    op->n_in = 1;
    plan->values[op->in[0]].relu_masked = plan->pooled[before];
    DNNB_TRY(dnnb__onednn_value_add(plan, op, &node->shape, block));
    pool *settings = NULL;
    DNNB_TRY(pool_create(plan, op, &settings));
    size_t buffers[3] = {plan->values[op->out].data, plan->values[op->in[0]].data};
    size_t count = 0;
    DNNB_TRY(dnnb__onednn_value_count(plan, &node->shape, block, &count));
    if (op->differentiated) {
        DNNB_TRY(dnnb__onednn_buffer_arena(plan, &op->saved, count, sizeof(uint8_t)));
        buffers[2] = op->saved;
    }
    return dnnb__onednn_add_kernel(plan, node->path, "forward", settings->kernel->name, forward_run,
                                   settings, buffers, op->differentiated ? 3 : 2);
}

static dnnb_status maxpool2d_backward(dnnb__onednn_plan *plan, dnnb__op *op) {
    pool *settings = NULL;
    size_t gradient;
    DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[0], &gradient));
    DNNB_TRY(pool_create(plan, op, &settings));
    size_t buffers[] = {gradient, plan->values[op->out].gradient, op->saved};
    DNNB_TRY(dnnb__onednn_add_kernel(plan, op->node->path, "backward data", settings->kernel->name,
                                     backward_run, settings, buffers, 3));
    return dnnb__onednn_gradient_end(plan, op->in[0], gradient, op->node->path);
}

extern const dnnb__op_type dnnb__onednn_maxpool2d;
const dnnb__op_type dnnb__onednn_maxpool2d = {.forward = maxpool2d_forward,
                                              .backward = maxpool2d_backward};
