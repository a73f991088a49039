/*
 * Linear on weights as they are stored (see the header).
 *
 * Method: an output is the sum of products along a row of the weights, in LANES sums whose order is
 * fixed, so that every instruction set gives the same bits. Reading the weights once is all that it
 * costs: a row that was read serves each image of the batch.
 */
#include "engine/onednn/linear_rows.h"

#include "core/kernel.h"

enum { LANES = 32 };

typedef struct settings {
    int64_t rows, in, out;
    bool has_bias;
} settings;

DNNB__KERNEL static float add_products(const float *a, const float *b, int64_t n) {
    float sums[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int64_t k = 0; k < LANES; k++) sums[k] += a[i + k] * b[i + k];
    for (int64_t k = 0; i + k < n; k++) sums[k] += a[i + k] * b[i + k];
    for (int64_t width = LANES / 2; width > 0; width /= 2)
        for (int64_t k = 0; k < width; k++) sums[k] += sums[k + width];
    return sums[0];
}

static void forward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const settings *s = step->settings;
    float *out = step->data[0];
    const float *in = step->data[1], *weights = step->data[2];
    const float *bias = s->has_bias ? step->data[3] : NULL;
#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < s->out; o++)
        for (int64_t row = 0; row < s->rows; row++)
            out[row * s->out + o] =
                add_products(in + row * s->in, weights + o * s->in, s->in) + (bias ? bias[o] : 0);
    /* So that no more than one layer's are in memory at a time. */
    dnnb__mem_release_pages(weights, (size_t)(s->out * s->in) * sizeof *weights);
}

dnnb_status dnnb__linear_rows_forward(dnnb__onednn_plan *plan, const char *layer,
                                      const dnnb__product *product, const float *weights, size_t in,
                                      size_t bias, size_t out) {
    void *block;
    size_t weight;
    DNNB_TRY(dnnb__onednn_alloc(plan, &block, 1, sizeof(settings)));
    *(settings *)block = (settings){.rows = product->rows,
                                    .in = product->in,
                                    .out = product->out,
                                    .has_bias = bias != DNNB__NO_BUFFER};
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &weight, (void *)(uintptr_t)weights,
                                       (size_t)(product->out * product->in) * sizeof *weights));
    size_t buffers[] = {out, in, weight, bias};
    return dnnb__onednn_add_kernel(plan, layer, "forward", "own rows", forward_run, block, buffers,
                                   bias == DNNB__NO_BUFFER ? 3 : 4);
}
