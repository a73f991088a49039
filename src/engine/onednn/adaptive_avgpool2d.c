/*
 * Adaptive average pooling on channel blocks: means over windows that cover the input evenly. With
 * an output of the input's size every window is one element, and the value stays as it is.
 * Source: PyTorch nn.AdaptiveAvgPool2d.
 */
#include <string.h>

#include "core/bf16.h"
#include "engine/onednn/plan.h"

enum { LANES = 16 };

typedef struct pool {
    int64_t planes, block; /* batch times blocks of channels */
    int64_t in[2], out[2];
} pool;

/* The window of output `o` along dimension i. */
static inline void window(const pool *p, int i, int64_t o, int64_t *begin, int64_t *end) {
    *begin = o * p->in[i] / p->out[i];
    *end = ((o + 1) * p->in[i] + p->out[i] - 1) / p->out[i];
}

static void plane_forward(const pool *p, const float *in, float *out) {
    int64_t y0, y1, x0, x1;
    for (int64_t oy = 0; oy < p->out[0]; oy++)
        for (int64_t ox = 0; ox < p->out[1]; ox++, out += p->block) {
            window(p, 0, oy, &y0, &y1);
            window(p, 1, ox, &x0, &x1);
            for (int64_t l = 0; l < p->block; l++) out[l] = 0.0f;
            for (int64_t y = y0; y < y1; y++)
                for (int64_t x = x0; x < x1; x++)
                    for (int64_t l = 0; l < p->block; l++)
                        out[l] += in[(y * p->in[1] + x) * p->block + l];
            float n = (float)((y1 - y0) * (x1 - x0));
            for (int64_t l = 0; l < p->block; l++) out[l] /= n;
        }
}

static void plane_backward(const pool *p, const float *out_gradient, float *in_gradient) {
    memset(in_gradient, 0, (size_t)(p->in[0] * p->in[1] * p->block) * sizeof(float));
    int64_t y0, y1, x0, x1;
    for (int64_t oy = 0; oy < p->out[0]; oy++)
        for (int64_t ox = 0; ox < p->out[1]; ox++, out_gradient += p->block) {
            window(p, 0, oy, &y0, &y1);
            window(p, 1, ox, &x0, &x1);
            float n = (float)((y1 - y0) * (x1 - x0));
            for (int64_t y = y0; y < y1; y++)
                for (int64_t x = x0; x < x1; x++)
                    for (int64_t l = 0; l < p->block; l++)
                        in_gradient[(y * p->in[1] + x) * p->block + l] += out_gradient[l] / n;
        }
}

/* In bfloat16: sums of up to LANES channels in float32, rounded once. */
static void plane_forward_bf16(const pool *p, const uint16_t *in, uint16_t *out) {
    int64_t y0, y1, x0, x1;
    for (int64_t o = 0; o < p->out[0] * p->out[1]; o++, out += p->block) {
        window(p, 0, o / p->out[1], &y0, &y1);
        window(p, 1, o % p->out[1], &x0, &x1);
        float n = (float)((y1 - y0) * (x1 - x0));
        for (int64_t first = 0; first < p->block; first += LANES) {
            int64_t n_lanes = p->block - first < LANES ? p->block - first : LANES;
            float sum[LANES] = {0};
            for (int64_t y = y0; y < y1; y++)
                for (int64_t x = x0; x < x1; x++)
                    for (int64_t l = 0; l < n_lanes; l++)
                        sum[l] += dnnb__bf16_widen(in[(y * p->in[1] + x) * p->block + first + l]);
            for (int64_t l = 0; l < n_lanes; l++) out[first + l] = dnnb__bf16_round(sum[l] / n);
        }
    }
}

/* Outputs first .. end whose windows hold place i along dimension d. */
static inline void holding(const pool *p, int d, int64_t i, int64_t *first, int64_t *end) {
    *first = i * p->out[d] / p->in[d];
    *end = ((i + 1) * p->out[d] + p->in[d] - 1) / p->in[d];
}

/* The element of a gradient gathers from the windows that hold it, and is rounded once. */
static void plane_backward_bf16(const pool *p, const uint16_t *out_gradient,
                                uint16_t *in_gradient) {
    int64_t oy0, oy1, ox0, ox1, y0, y1, x0, x1;
    for (int64_t i = 0; i < p->in[0] * p->in[1]; i++, in_gradient += p->block) {
        holding(p, 0, i / p->in[1], &oy0, &oy1);
        holding(p, 1, i % p->in[1], &ox0, &ox1);
        for (int64_t l = 0; l < p->block; l++) {
            float sum = 0.0f;
            for (int64_t oy = oy0; oy < oy1; oy++)
                for (int64_t ox = ox0; ox < ox1; ox++) {
                    window(p, 0, oy, &y0, &y1);
                    window(p, 1, ox, &x0, &x1);
                    sum += dnnb__bf16_widen(out_gradient[(oy * p->out[1] + ox) * p->block + l]) /
                           (float)((y1 - y0) * (x1 - x0));
                }
            in_gradient[l] = dnnb__bf16_round(sum);
        }
    }
}

static void forward_run_bf16(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const pool *p = step->settings;
    uint16_t *out = step->data[0];
    const uint16_t *in = step->data[1];
    int64_t in_plane = p->in[0] * p->in[1] * p->block;
    int64_t out_plane = p->out[0] * p->out[1] * p->block;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->planes; i++)
        plane_forward_bf16(p, in + i * in_plane, out + i * out_plane);
}

static void backward_run_bf16(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const pool *p = step->settings;
    uint16_t *in_gradient = step->data[0];
    const uint16_t *out_gradient = step->data[1];
    int64_t in_plane = p->in[0] * p->in[1] * p->block;
    int64_t out_plane = p->out[0] * p->out[1] * p->block;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->planes; i++)
        plane_backward_bf16(p, out_gradient + i * out_plane, in_gradient + i * in_plane);
}

static void forward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const pool *p = step->settings;
    float *out = step->data[0];
    const float *in = step->data[1];
    int64_t in_plane = p->in[0] * p->in[1] * p->block;
    int64_t out_plane = p->out[0] * p->out[1] * p->block;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->planes; i++)
        plane_forward(p, in + i * in_plane, out + i * out_plane);
}

static void backward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const pool *p = step->settings;
    float *in_gradient = step->data[0];
    const float *out_gradient = step->data[1];
    int64_t in_plane = p->in[0] * p->in[1] * p->block;
    int64_t out_plane = p->out[0] * p->out[1] * p->block;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->planes; i++)
        plane_backward(p, out_gradient + i * out_plane, in_gradient + i * in_plane);
}

static dnnb_status pool_create(dnnb__onednn_plan *plan, const dnnb__op *op, void **out) {
    const dnnb_shape *in = &plan->graph->nodes[op->node->inputs[0]].shape;
    int64_t block = plan->values[op->in[0]].block;
    DNNB_TRY(dnnb__onednn_alloc(plan, out, 1, sizeof(pool)));
    *(pool *)*out =
        (pool){.planes = (int64_t)plan->base.options.batch * ((in->dim[0] + block - 1) / block),
               .block = block,
               .in = {in->dim[1], in->dim[2]},
               .out = {op->node->shape.dim[1], op->node->shape.dim[2]}};
    return DNNB_OK;
}

static dnnb_status avgpool_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    const dnnb_shape *in = &plan->graph->nodes[op->node->inputs[0]].shape;
    op->in[0] = plan->node_value[op->node->inputs[0]];
    op->n_in = 1;
    op->out = op->in[0];
    if (in->dim[1] == op->node->shape.dim[1] && in->dim[2] == op->node->shape.dim[2])
        return DNNB_OK;
    int64_t block = plan->values[op->in[0]].block;
    DNNB_TRY(dnnb__onednn_value_get(plan, &op->in[0], op->node->inputs[0], block));
    DNNB_TRY(dnnb__onednn_value_add(plan, op, &op->node->shape, block));
    void *settings = NULL;
    DNNB_TRY(pool_create(plan, op, &settings));
    size_t buffers[] = {plan->values[op->out].data, plan->values[op->in[0]].data};
    bool is_bf16 = plan->values[op->out].precision == DNNB__BF16;
    return dnnb__onednn_add_kernel(plan, op->node->path, "forward", "own",
                                   is_bf16 ? forward_run_bf16 : forward_run, settings, buffers, 2);
}

static dnnb_status avgpool_backward(dnnb__onednn_plan *plan, dnnb__op *op) {
    void *settings = NULL;
    DNNB_TRY(pool_create(plan, op, &settings));
    size_t gradient;
    DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[0], &gradient));
    size_t buffers[] = {gradient, plan->values[op->out].gradient};
    bool is_bf16 = plan->values[op->out].precision == DNNB__BF16;
    DNNB_TRY(dnnb__onednn_add_kernel(plan, op->node->path, "backward data", "own",
                                     is_bf16 ? backward_run_bf16 : backward_run, settings, buffers,
                                     2));
    return dnnb__onednn_gradient_end(plan, op->in[0], gradient, op->node->path);
}

extern const dnnb__op_type dnnb__onednn_adaptive_avgpool2d;
const dnnb__op_type dnnb__onednn_adaptive_avgpool2d = {.forward = avgpool_forward,
                                                       .backward = avgpool_backward};
