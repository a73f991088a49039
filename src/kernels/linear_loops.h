/*
 * Linear layers over tiles of weights, for one instruction set: packing, the forward pass and the
 * weights' gradient. Included once by each linear_<set>.c, after it has defined
 *   TARGET            its attribute
 *   IN, OUT, TILE     the sides of a tile, its elements
 *   AT_ONCE           tiles side by side that a kernel takes
 *   divide_up(a, b), smaller(a, b)
 *   tiles_add(in, tile, sums, rows, n)           add to sums, [n][rows][16], what n tiles give
 *   tiles_gradient(in, gradient, tile, rows, n)  write n tiles; gradient is [n][rows][16]
 * the last two for n from 1 to AT_ONCE and `in` [rows][48].
 *
 * Activations are packed into strips as wide as tiles, in float32, so that a kernel walks over
 * memory in one direction and rows that lie a power of two apart do not fight for the same place of
 * a cache.
 */
#include <string.h>

#include "core/bf16.h"

/* n activations in float32. */
TARGET static void widen(const dnnb__linear *l, const void *from, int64_t n, float *to) {
    const uint16_t *halves = from;
    if (!l->is_bf16)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        for (int64_t i = 0; i < n; i++) to[i] = dnnb__bf16_widen(halves[i]);
}

/* One strip of columns of a row-major matrix, row after row, with zeros past the last column. */
static void pack_strip(const dnnb__linear *l, const void *matrix, int64_t columns, int64_t strip,
                       int64_t width, float *packed) {
    int64_t n = smaller(columns - strip * width, width);
    for (int64_t row = 0; row < l->rows; row++, packed += width) {
        widen(l, dnnb__linear_find(l, matrix, row * columns + strip * width), n, packed);
        for (int64_t k = n; k < width; k++) packed[k] = 0.0f;
    }
}

/* --- forward --- */

/* From sums to outputs: bias, ReLU, row-major. */
TARGET static void finish_strip(const dnnb__linear *l, const float *sums, const float *bias,
                                int64_t strip, void *out) {
    int64_t first = strip * OUT, n = smaller(l->out - first, OUT);
    bool is_rounded = l->is_bf16 && !l->f32_out;
    for (int64_t row = 0; row < l->rows; row++, sums += OUT) {
        float values[OUT];
        for (int64_t k = 0; k < n; k++) {
            float value = sums[k] + (bias ? bias[first + k] : 0.0f);
            values[k] = l->relu && value <= 0.0f ? 0.0f : value;
        }
        int64_t at = row * l->out + first;
        if (is_rounded)
            for (int64_t k = 0; k < n; k++) ((uint16_t *)out)[at + k] = dnnb__bf16_round(values[k]);
        else
            memcpy((float *)out + at, values, (size_t)n * sizeof *values);
    }
}

TARGET static void forward_task(const dnnb__linear *l, int64_t task, const float *packed,
                                const float *weight, const float *bias, float *sums, void *out) {
    int64_t first = task * l->task_strips, end = smaller(first + l->task_strips, l->out_strips);
    memset(sums + first * l->rows * OUT, 0,
           (size_t)((end - first) * l->rows * OUT) * sizeof(float));
    for (int64_t i = 0; i < l->in_strips; i++)
        for (int64_t o = first; o < end; o += AT_ONCE)
            tiles_add(packed + i * l->rows * IN, weight + (i * l->out_strips + o) * TILE,
                      sums + o * l->rows * OUT, l->rows, smaller(end - o, AT_ONCE));
    for (int64_t o = first; o < end; o++) finish_strip(l, sums + o * l->rows * OUT, bias, o, out);
}

static void forward_run(const dnnb__linear *l, const void *in, const float *weight,
                        const float *bias, void *out, float *packed, float *sums) {
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < l->in_strips; i++)
            pack_strip(l, in, l->in, i, IN, packed + i * l->rows * IN);
#pragma omp for schedule(dynamic, 1)
        for (int64_t t = 0; t < divide_up(l->out_strips, l->task_strips); t++)
            forward_task(l, t, packed, weight, bias, sums, out);
    }
}

/* --- the weights' gradient --- */

static void bias_gradient(const dnnb__linear *l, const float *gradient, int64_t strip,
                          float *bias) {
    float sum[OUT] = {0};
    for (int64_t row = 0; row < l->rows; row++)
        for (int k = 0; k < OUT; k++) sum[k] += gradient[row * OUT + k];
    for (int64_t k = 0; k < smaller(l->out - strip * OUT, OUT); k++) bias[strip * OUT + k] = sum[k];
}

static void backward_weights_run(const dnnb__linear *l, const float *in, const void *out_gradient,
                                 float *weight, float *bias, float *packed) {
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t o = 0; o < l->out_strips; o++) {
            float *strip = packed + o * l->rows * OUT;
            pack_strip(l, out_gradient, l->out, o, OUT, strip);
            if (bias) bias_gradient(l, strip, o, bias);
        }
#pragma omp for schedule(static)
        for (int64_t i = 0; i < l->in_strips; i++)
            for (int64_t o = 0; o < l->out_strips; o += AT_ONCE)
                tiles_gradient(in + i * l->rows * IN, packed + o * l->rows * OUT,
                               weight + (i * l->out_strips + o) * TILE, l->rows,
                               smaller(l->out_strips - o, AT_ONCE));
        _mm_sfence();
    }
}
