/*
 * Max pooling on channel blocks, by a kernel of our own.
 *
 * Method: in training the position of each maximum within its window is kept in 16 bits, and the
 * backward pass adds each gradient at that place. ReLU and max pooling commute, so a ReLU before it
 * is applied here, forward and backward, to the pooled tensor, which is several times smaller.
 * Source: PyTorch nn.MaxPool2d: the first of equal elements wins, and a NaN wins over all.
 */
#include <math.h>
#include <string.h>

#include "core/kernel.h"
#include "core/status.h"
#include "engine/onednn/plan.h"

enum { MAX_WINDOW = 1 << 16, LANES = 8 };

/* Eight floats that the compiler keeps in whatever vectors the processor has. */
typedef float lanes_f __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t lanes_i __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

typedef struct pool {
    int64_t planes, block; /* batch times blocks of channels */
    int64_t in[2], out[2];
    int64_t kernel[2], stride[2], padding[2];
    bool relu;              /* the output is that of pooling and ReLU */
    const int32_t *offsets; /* of each window position from the window's corner, in pixels */
} pool;

/* The part of a window that lies inside the input, along one dimension. */
static inline void window_clip(const pool *p, int i, int64_t o, int64_t *begin, int64_t *end,
                               int64_t *corner) {
    *corner = o * p->stride[i] - p->padding[i];
    *begin = *corner < 0 ? 0 : *corner;
    *end = *corner + p->kernel[i] < p->in[i] ? *corner + p->kernel[i] : p->in[i];
}

/* One row of windows, eight channels at a time. */
DNNB__KERNEL static void row_lanes(const pool *p, const float *in, int64_t oy, float *out,
                                   uint16_t *where) {
    int64_t y0, y1, ycorner, x0, x1, xcorner;
    window_clip(p, 0, oy, &y0, &y1, &ycorner);
    for (int64_t ox = 0; ox < p->out[1]; ox++) {
        window_clip(p, 1, ox, &x0, &x1, &xcorner);
        for (int64_t lane = 0; lane < p->block; lane += LANES) {
            lanes_f best;
            lanes_i best_at;
            for (int l = 0; l < LANES; l++) {
                best[l] = -INFINITY;
                best_at[l] = (int32_t)((y0 - ycorner) * p->kernel[1] + (x0 - xcorner));
            }
            for (int64_t y = y0; y < y1; y++) {
                int32_t at = (int32_t)((y - ycorner) * p->kernel[1] + (x0 - xcorner));
                const float *pixel = in + (y * p->in[1] + x0) * p->block + lane;
                for (int64_t x = x0; x < x1; x++, at++, pixel += p->block) {
                    lanes_f value = *(const lanes_f *)pixel;
                    lanes_i wins = (lanes_i)(value > best) | (lanes_i)(value != value);
                    best = (lanes_f)((wins & (lanes_i)value) | (~wins & (lanes_i)best));
                    best_at = (wins & at) | (~wins & best_at);
                }
            }
            if (p->relu) best = (lanes_f)(~(lanes_i)(best <= 0.0f) & (lanes_i)best);
            *(lanes_f *)(out + ox * p->block + lane) = best;
            if (!where) continue;
            for (int l = 0; l < LANES; l++) where[ox * p->block + lane + l] = (uint16_t)best_at[l];
        }
    }
}

/* The same for blocks of one channel or a few. */
static void row_single(const pool *p, const float *in, int64_t oy, float *out, uint16_t *where) {
    int64_t y0, y1, ycorner, x0, x1, xcorner;
    window_clip(p, 0, oy, &y0, &y1, &ycorner);
    for (int64_t ox = 0; ox < p->out[1]; ox++) {
        window_clip(p, 1, ox, &x0, &x1, &xcorner);
        for (int64_t lane = 0; lane < p->block; lane++) {
            float best = -INFINITY;
            int64_t best_at = (y0 - ycorner) * p->kernel[1] + (x0 - xcorner);
            for (int64_t y = y0; y < y1; y++)
                for (int64_t x = x0; x < x1; x++) {
                    float value = in[(y * p->in[1] + x) * p->block + lane];
                    if (!(value > best || isnan(value))) continue;
                    best = value;
                    best_at = (y - ycorner) * p->kernel[1] + (x - xcorner);
                }
            out[ox * p->block + lane] = p->relu && best <= 0.0f ? 0.0f : best;
            if (where) where[ox * p->block + lane] = (uint16_t)best_at;
        }
    }
}

static void forward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const pool *p = step->settings;
    const float *in = step->data[1];
    float *out = step->data[0];
    uint16_t *where = step->n_buffers > 2 ? step->data[2] : NULL;
    int64_t in_plane = p->in[0] * p->in[1] * p->block, out_row = p->out[1] * p->block;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->planes * p->out[0]; i++) {
        int64_t plane = i / p->out[0], oy = i % p->out[0];
        float *row = out + i * out_row;
        uint16_t *row_where = where ? where + i * out_row : NULL;
        if (p->block % LANES == 0)
            row_lanes(p, in + plane * in_plane, oy, row, row_where);
        else
            row_single(p, in + plane * in_plane, oy, row, row_where);
    }
}

static void plane_backward(const pool *p, const float *out_gradient, const float *out,
                           const uint16_t *where, float *in_gradient) {
    memset(in_gradient, 0, (size_t)(p->in[0] * p->in[1] * p->block) * sizeof(float));
    for (int64_t oy = 0; oy < p->out[0]; oy++)
        for (int64_t ox = 0; ox < p->out[1]; ox++) {
            int64_t corner = (oy * p->stride[0] - p->padding[0]) * p->in[1] +
                             (ox * p->stride[1] - p->padding[1]);
            int64_t first = (oy * p->out[1] + ox) * p->block;
            for (int64_t i = first; i < first + p->block; i++) {
                /* Not skipped but zeroed: the branch would be taken at random. */
                float g = p->relu && out[i] <= 0.0f ? 0.0f : out_gradient[i];
                in_gradient[(corner + p->offsets[where[i]]) * p->block + (i - first)] += g;
            }
        }
}

static void backward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const pool *p = step->settings;
    float *in_gradient = step->data[0];
    const float *out_gradient = step->data[1], *out = step->data[2];
    const uint16_t *where = step->data[3];
    int64_t in_plane = p->in[0] * p->in[1] * p->block;
    int64_t out_plane = p->out[0] * p->out[1] * p->block;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->planes; i++)
        plane_backward(p, out_gradient + i * out_plane, out + i * out_plane, where + i * out_plane,
                       in_gradient + i * in_plane);
}

static dnnb_status pool_create(dnnb__onednn_plan *plan, const dnnb__op *op, pool **out) {
    const dnnb__pool2d_attr *attr = &op->node->attr.pool2d;
    const dnnb_shape *in_shape = &plan->graph->nodes[op->node->inputs[0]].shape;
    int64_t window = 0;
    if (__builtin_mul_overflow(attr->kernel[0], attr->kernel[1], &window) || window > MAX_WINDOW)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "expected a window of at most %d pixels",
                          MAX_WINDOW);
    void *memory, *offset_memory;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(pool)));
    DNNB_TRY(dnnb__onednn_alloc(plan, &offset_memory, (size_t)window, sizeof(int32_t)));
    int32_t *offsets = offset_memory;
    int64_t block = plan->values[op->in[0]].block;
    pool *p = memory;
    *p = (pool){.block = block,
                .planes =
                    (int64_t)plan->base.options.batch * ((in_shape->dim[0] + block - 1) / block),
                .relu = plan->pooled[op->node->inputs[0]],
                .offsets = offsets};
    for (int i = 0; i < 2; i++) {
        p->in[i] = in_shape->dim[i + 1];
        p->out[i] = op->node->shape.dim[i + 1];
        p->kernel[i] = attr->kernel[i];
        p->stride[i] = attr->stride[i];
        p->padding[i] = attr->padding[i];
    }
    for (int64_t k = 0; k < window; k++)
        offsets[k] = (int32_t)(k / p->kernel[1] * p->in[1] + k % p->kernel[1]);
    *out = p;
    return DNNB_OK;
}

static dnnb_status maxpool2d_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    const dnnb__node *node = op->node;
    size_t before = node->inputs[0];
    op->in[0] = plan->node_value[before];
    op->n_in = 1;
    plan->values[op->in[0]].relu_masked = plan->pooled[before];
    int64_t block = plan->values[op->in[0]].block;
    DNNB_TRY(dnnb__onednn_value_add(plan, op, &node->shape, block));
    pool *settings = NULL;
    DNNB_TRY(pool_create(plan, op, &settings));
    size_t buffers[3] = {plan->values[op->out].data, plan->values[op->in[0]].data};
    size_t count = 0;
    DNNB_TRY(dnnb__onednn_value_count(plan, &node->shape, block, &count));
    if (op->differentiated) {
        DNNB_TRY(dnnb__onednn_buffer_arena(plan, &op->saved, count, sizeof(uint16_t)));
        buffers[2] = op->saved;
    }
    return dnnb__onednn_add_kernel(plan, node->path, "forward", "own", forward_run, settings,
                                   buffers, op->differentiated ? 3 : 2);
}

static dnnb_status maxpool2d_backward(dnnb__onednn_plan *plan, dnnb__op *op) {
    pool *settings = NULL;
    DNNB_TRY(pool_create(plan, op, &settings));
    size_t gradient;
    DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[0], &gradient));
    const dnnb__value *out = &plan->values[op->out];
    size_t buffers[] = {gradient, out->gradient, out->data, op->saved};
    DNNB_TRY(dnnb__onednn_add_kernel(plan, op->node->path, "backward data", "own", backward_run,
                                     settings, buffers, 4));
    return dnnb__onednn_gradient_end(plan, op->in[0], gradient, op->node->path);
}

extern const dnnb__op_type dnnb__onednn_maxpool2d;
const dnnb__op_type dnnb__onednn_maxpool2d = {.forward = maxpool2d_forward,
                                              .backward = maxpool2d_backward};
