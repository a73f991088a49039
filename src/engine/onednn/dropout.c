/*
 * Dropout with counted random numbers (see dnnb__step_random). It works row-major, in which the
 * numbers are counted, and keeps a byte an element for the backward pass. When testing, and with a
 * probability of zero, the value stays as it is.
 * Source: PyTorch nn.Dropout.
 */
#include <math.h>

#include "core/bf16.h"
#include "core/kernel.h"
#include "engine/onednn/plan.h"

enum { CHUNK = 4096 }; /* elements; a multiple of a block's four */

typedef struct dropout {
    dnnb__precision precision;
    int64_t count, row; /* elements of the batch, of a row */
    uint64_t threshold; /* words below it drop: p * 2^32, rounded up */
    float scale;        /* 1 / (1 - p) */
    uint32_t layer;
} dropout;

/* Elements first .. first + n of a step's mask: 1 where the element is kept. */
DNNB__KERNEL static void fill_mask(const dropout *d, const dnnb__step_random *random, int64_t first,
                                   int64_t n, uint8_t *kept) {
    int64_t whole = n / 4 * 4;
    for (int64_t i = 0; i < whole; i += 4) {
        dnnb__random_block block =
            dnnb__random_at(random->key, random->step, d->layer, (uint64_t)(first + i) / 4);
        for (int k = 0; k < 4; k++) kept[i + k] = block.word[k] >= d->threshold;
    }
    if (whole == n) return;
    dnnb__random_block block =
        dnnb__random_at(random->key, random->step, d->layer, (uint64_t)(first + whole) / 4);
    for (int64_t i = whole; i < n; i++) kept[i] = block.word[i - whole] >= d->threshold;
}

DNNB__KERNEL static void apply_mask(const uint8_t *kept, float scale, const float *in, float *out,
                                    int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = kept[i] ? in[i] * scale : 0.0f;
}

DNNB__KERNEL static void apply_mask_bf16(const uint8_t *kept, float scale, const uint16_t *in,
                                         uint16_t *out, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        out[i] = dnnb__bf16_round(kept[i] ? dnnb__bf16_widen(in[i]) * scale : 0.0f);
}

/* Elements first .. first + n of an array in the numbers of the values. */
static void apply(const dropout *d, const uint8_t *kept, const void *in, void *out, int64_t first,
                  int64_t n) {
    if (d->precision == DNNB__BF16)
        apply_mask_bf16(kept + first, d->scale, (const uint16_t *)in + first,
                        (uint16_t *)out + first, n);
    else
        apply_mask(kept + first, d->scale, (const float *)in + first, (float *)out + first, n);
}

/* `count` elements from `begin` on, which are all of a step. */
static void drop(const dnnb__step *step, const dnnb__step_random *random, int64_t begin,
                 int64_t count) {
    const dropout *d = step->settings;
    uint8_t *kept = step->data[2];
#pragma omp parallel for schedule(static)
    for (int64_t first = 0; first < count; first += CHUNK) {
        int64_t n = count - first < CHUNK ? count - first : CHUNK;
        fill_mask(d, random, first, n, kept + begin + first);
        apply(d, kept, step->data[1], step->data[0], begin + first, n);
    }
}

static void forward_run(const dnnb__step *step, const dnnb__step_random *random) {
    const dropout *d = step->settings;
    int64_t of_step = random->n_rows ? (int64_t)random->n_rows * d->row : d->count;
    dnnb__step_random r = *random;
    for (int64_t begin = 0; begin < d->count; begin += of_step, r.step++)
        drop(step, &r, begin, d->count - begin < of_step ? d->count - begin : of_step);
}

static void backward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const dropout *d = step->settings;
#pragma omp parallel for schedule(static)
    for (int64_t first = 0; first < d->count; first += CHUNK) {
        int64_t n = d->count - first < CHUNK ? d->count - first : CHUNK;
        apply(d, step->data[2], step->data[1], step->data[0], first, n);
    }
}

static dnnb_status settings_create(dnnb__onednn_plan *plan, const dnnb__op *op, void **out) {
    size_t count = 0;
    DNNB_TRY(dnnb__onednn_value_count(plan, &op->node->shape, 1, &count));
    DNNB_TRY(dnnb__onednn_alloc(plan, out, 1, sizeof(dropout)));
    float p = op->node->attr.dropout.p;
    *(dropout *)*out = (dropout){.precision = plan->values[op->out].precision,
                                 .count = (int64_t)count,
                                 .row = (int64_t)(count / plan->base.options.batch),
                                 .threshold = (uint64_t)ceil((double)p * 0x1p32),
                                 .scale = 1.0f / (1.0f - p),
                                 .layer = (uint32_t)op->index};
    return DNNB_OK;
}

static dnnb_status dropout_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    size_t before = op->node->inputs[0];
    op->n_in = 1;
    if (plan->base.options.mode == DNNB__MODE_TEST || op->node->attr.dropout.p <= 0.0f) {
        op->out = op->in[0] = plan->node_value[before];
        return DNNB_OK;
    }
    DNNB_TRY(dnnb__onednn_value_get(plan, &op->in[0], before, 1));
    DNNB_TRY(dnnb__onednn_value_add(plan, op, &op->node->shape, 1));
    void *settings = NULL;
    DNNB_TRY(settings_create(plan, op, &settings));
    size_t count = 0;
    DNNB_TRY(dnnb__onednn_value_count(plan, &op->node->shape, 1, &count));
    DNNB_TRY(dnnb__onednn_buffer_arena(plan, &op->saved, count, 1));
    size_t buffers[] = {plan->values[op->out].data, plan->values[op->in[0]].data, op->saved};
    return dnnb__onednn_add_kernel(plan, op->node->path, "forward", "own", forward_run, settings,
                                   buffers, 3);
}

static dnnb_status dropout_backward(dnnb__onednn_plan *plan, dnnb__op *op) {
    void *settings = NULL;
    DNNB_TRY(settings_create(plan, op, &settings));
    size_t gradient;
    DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[0], &gradient));
    size_t buffers[] = {gradient, plan->values[op->out].gradient, op->saved};
    DNNB_TRY(dnnb__onednn_add_kernel(plan, op->node->path, "backward data", "own", backward_run,
                                     settings, buffers, 3));
    return dnnb__onednn_gradient_end(plan, op->in[0], gradient, op->node->path);
}

extern const dnnb__op_type dnnb__onednn_dropout;
const dnnb__op_type dnnb__onednn_dropout = {.forward = dropout_forward,
                                            .backward = dropout_backward};
