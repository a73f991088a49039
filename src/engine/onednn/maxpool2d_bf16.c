/* Max pooling of bfloat16 activations (see the header). */
#include "engine/onednn/maxpool2d_bf16.h"

#include <math.h>

#include "core/bf16.h"
#include "core/kernel.h"

enum { MAX_WINDOW = 1 << 16, LANES = 16 };

typedef struct pool {
    int64_t planes, block; /* batch times blocks of channels */
    int64_t in[2], out[2];
    int64_t kernel[2], stride[2], padding[2];
    bool relu; /* the output is that of pooling and ReLU */
} pool;

/* Places first .. end of `limit` along one dimension of a window that begins at `corner`. */
static inline void clip(int64_t corner, int64_t kernel, int64_t limit, int64_t *first,
                        int64_t *end) {
    *first = corner < 0 ? 0 : corner;
    *end = corner + kernel < limit ? corner + kernel : limit;
}

/* The maximum of one window for n channels, a constant wherever that is a whole vector. The first
 * of equal elements wins, and a NaN wins over all. */
__attribute__((always_inline)) static inline void window_max(const pool *p, const uint16_t *in,
                                                             const int64_t corner[2], size_t n,
                                                             uint16_t *out, uint16_t *where) {
    int64_t y0, y1, x0, x1;
    clip(corner[0], p->kernel[0], p->in[0], &y0, &y1);
    clip(corner[1], p->kernel[1], p->in[1], &x0, &x1);
    float best[LANES];
    int32_t best_at[LANES];
    int32_t first = (int32_t)((y0 - corner[0]) * p->kernel[1] + (x0 - corner[1]));
    for (size_t l = 0; l < n; l++) {
        best[l] = -INFINITY;
        best_at[l] = first;
    }
    for (int64_t y = y0; y < y1; y++) {
        int32_t at = (int32_t)((y - corner[0]) * p->kernel[1] + (x0 - corner[1]));
        const uint16_t *pixel = in + (y * p->in[1] + x0) * p->block;
        for (int64_t x = x0; x < x1; x++, at++, pixel += p->block)
            for (size_t l = 0; l < n; l++) {
                float value = dnnb__bf16_widen(pixel[l]);
                bool wins = (value > best[l]) | (value != value);
                best[l] = wins ? value : best[l];
                best_at[l] = wins ? at : best_at[l];
            }
    }
    for (size_t l = 0; l < n; l++) {
        float value = p->relu && best[l] <= 0.0f ? 0.0f : best[l];
        out[l] = dnnb__bf16_round(value); /* exact */
    }
    for (size_t l = 0; where && l < n; l++) where[l] = (uint16_t)best_at[l];
}

DNNB__KERNEL static void row_forward(const pool *p, const uint16_t *in, int64_t oy, uint16_t *out,
                                     uint16_t *where) {
    for (int64_t ox = 0; ox < p->out[1]; ox++) {
        int64_t corner[2] = {oy * p->stride[0] - p->padding[0], ox * p->stride[1] - p->padding[1]};
        int64_t at = ox * p->block, lane = 0;
        for (; lane + LANES <= p->block; lane += LANES)
            window_max(p, in + lane, corner, LANES, out + at + lane,
                       where ? where + at + lane : NULL);
        if (lane < p->block)
            window_max(p, in + lane, corner, (size_t)(p->block - lane), out + at + lane,
                       where ? where + at + lane : NULL);
    }
}

static void forward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const pool *p = step->settings;
    const uint16_t *in = step->data[1];
    uint16_t *out = step->data[0], *where = step->n_buffers > 2 ? step->data[2] : NULL;
    int64_t in_plane = p->in[0] * p->in[1] * p->block, out_row = p->out[1] * p->block;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->planes * p->out[0]; i++)
        row_forward(p, in + i / p->out[0] * in_plane, i % p->out[0], out + i * out_row,
                    where ? where + i * out_row : NULL);
}

/* Windows first .. end that cover place i along dimension d. */
static inline void covering(const pool *p, int d, int64_t i, int64_t *first, int64_t *end) {
    int64_t last = i + p->padding[d], before = last - p->kernel[d];
    *first = before < 0 ? 0 : before / p->stride[d] + 1;
    *end = last / p->stride[d] + 1;
    if (*end > p->out[d]) *end = p->out[d];
}

/* What backward_run reads of one plane. */
typedef struct plane {
    const uint16_t *gradient, *out, *where;
} plane;

/* The gradient of n channels of one element of the input. */
__attribute__((always_inline)) static inline void
gather(const pool *p, const plane *from, int64_t y, int64_t x, size_t n, uint16_t *in_gradient) {
    int64_t oy0, oy1, ox0, ox1;
    float sum[LANES];
    for (size_t l = 0; l < n; l++) sum[l] = 0.0f;
    covering(p, 0, y, &oy0, &oy1);
    covering(p, 1, x, &ox0, &ox1);
    for (int64_t oy = oy0; oy < oy1; oy++)
        for (int64_t ox = ox0; ox < ox1; ox++) {
            int64_t at = (oy * p->out[1] + ox) * p->block;
            uint16_t place = (uint16_t)((y + p->padding[0] - oy * p->stride[0]) * p->kernel[1] +
                                        (x + p->padding[1] - ox * p->stride[1]));
            for (size_t l = 0; l < n; l++) {
                bool is_masked = p->relu & (dnnb__bf16_widen(from->out[at + (int64_t)l]) <= 0.0f);
                bool is_here = (from->where[at + (int64_t)l] == place) & !is_masked;
                sum[l] += is_here ? dnnb__bf16_widen(from->gradient[at + (int64_t)l]) : 0.0f;
            }
        }
    for (size_t l = 0; l < n; l++) in_gradient[l] = dnnb__bf16_round(sum[l]);
}

DNNB__KERNEL static void row_backward(const pool *p, const plane *from, int64_t y,
                                      uint16_t *in_gradient) {
    for (int64_t x = 0; x < p->in[1]; x++) {
        int64_t lane = 0;
        for (; lane + LANES <= p->block; lane += LANES) {
            plane lanes = {from->gradient + lane, from->out + lane, from->where + lane};
            gather(p, &lanes, y, x, LANES, in_gradient + x * p->block + lane);
        }
        plane rest = {from->gradient + lane, from->out + lane, from->where + lane};
        if (lane < p->block)
            gather(p, &rest, y, x, (size_t)(p->block - lane), in_gradient + x * p->block + lane);
    }
}

static void backward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const pool *p = step->settings;
    uint16_t *in_gradient = step->data[0];
    const uint16_t *gradient = step->data[1], *out = step->data[2], *where = step->data[3];
    int64_t out_plane = p->out[0] * p->out[1] * p->block, in_row = p->in[1] * p->block;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->planes * p->in[0]; i++) {
        int64_t at = i / p->in[0] * out_plane;
        plane from = {gradient + at, out + at, where + at};
        row_backward(p, &from, i % p->in[0], in_gradient + i * in_row);
    }
}

static dnnb_status pool_create(dnnb__onednn_plan *plan, const dnnb__op *op, void **out) {
    const dnnb__pool2d_attr *attr = &op->node->attr.pool2d;
    const dnnb_shape *in_shape = &plan->graph->nodes[op->node->inputs[0]].shape;
    int64_t window = 0, block = plan->values[op->in[0]].block;
    if (__builtin_mul_overflow(attr->kernel[0], attr->kernel[1], &window) || window > MAX_WINDOW)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "expected a window of at most %d pixels",
                          MAX_WINDOW);
    DNNB_TRY(dnnb__onednn_alloc(plan, out, 1, sizeof(pool)));
    pool *p = *out;
    *p = (pool){.block = block,
                .planes =
                    (int64_t)plan->base.options.batch * ((in_shape->dim[0] + block - 1) / block),
                .relu = plan->pooled[op->node->inputs[0]]};
    for (int i = 0; i < 2; i++) {
        p->in[i] = in_shape->dim[i + 1];
        p->out[i] = op->node->shape.dim[i + 1];
        p->kernel[i] = attr->kernel[i];
        p->stride[i] = attr->stride[i];
        p->padding[i] = attr->padding[i];
    }
    return DNNB_OK;
}

dnnb_status dnnb__maxpool2d_bf16_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    const dnnb__value *out = &plan->values[op->out];
    void *settings = NULL;
    DNNB_TRY(pool_create(plan, op, &settings));
    size_t buffers[3] = {out->data, plan->values[op->in[0]].data}, n_buffers = 2, count = 0;
    if (op->differentiated) {
        DNNB_TRY(dnnb__onednn_value_count(plan, &out->shape, out->block, &count));
        DNNB_TRY(dnnb__onednn_buffer_arena(plan, &op->saved, count, sizeof(uint16_t)));
        buffers[n_buffers++] = op->saved;
    }
    return dnnb__onednn_add_kernel(plan, op->node->path, "forward", "own bf16", forward_run,
                                   settings, buffers, n_buffers);
}

dnnb_status dnnb__maxpool2d_bf16_backward(dnnb__onednn_plan *plan, const dnnb__op *op,
                                          size_t in_gradient) {
    const dnnb__value *out = &plan->values[op->out];
    void *settings = NULL;
    DNNB_TRY(pool_create(plan, op, &settings));
    size_t buffers[] = {in_gradient, out->gradient, out->data, op->saved};
    return dnnb__onednn_add_kernel(plan, op->node->path, "backward data", "own bf16", backward_run,
                                   settings, buffers, 4);
}
