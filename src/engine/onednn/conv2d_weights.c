/*
 * Weight gradients of convolutions with AVX2 (see the header).
 *
 * Method: dW[o][i][ky][kx] is the sum over images and pixels of out_gradient[o] times in[i] at the
 * pixel that the tap (ky, kx) reads. A task owns some blocks of output channels and some of input
 * channels, so no two threads add to the same weights and the order of the sums is fixed. Pixels
 * come in chunks of rows that fit the first cache; a chunk's sum is made in registers from zero and
 * then added to the weights, which keeps rounding errors small.
 */
#include "engine/onednn/conv2d_weights.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,fma")))
#endif

enum {
    BLOCK = 8,
    MAX_BLOCKS = 3,          /* of output channels in a task */
    CHUNK_BYTES = 17 * 1024, /* of output gradients: half of a usual first cache */
    TILE_BYTES = 192 * 1024, /* of weights: less than half of a usual second cache */
    TASKS_PER_THREAD = 4
};

typedef struct weights {
    int64_t batch, in_blocks, out_blocks, out_channels, in[2], out[2];
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    int64_t rows;  /* of a chunk */
    int64_t group; /* blocks of input channels in a task */
    int64_t n_in_groups, n_out_groups;
} weights;

dnnb_status dnnb__conv_weights_suits(dnnb__dnnl *dnnl, const dnnb__conv *conv,
                                     const dnnb__primitive *primitive, bool *out) {
    *out = false;
#ifdef AVX2
    if (strcmp(primitive->implementation, "jit:avx2") != 0 || conv->groups != 1) return DNNB_OK;
    int64_t in_block, out_block;
    DNNB_TRY(dnnb__layout_find_block(dnnl, dnnb__primitive_get_layout(primitive, DNNL_ARG_SRC),
                                     &in_block));
    DNNB_TRY(dnnb__layout_find_block(dnnl, dnnb__primitive_get_layout(primitive, DNNL_ARG_DIFF_DST),
                                     &out_block));
    dnnb__layout wanted;
    DNNB_TRY(dnnb__layout_weights_8i8o(dnnl, &wanted, conv));
    *out = in_block == BLOCK && out_block == BLOCK &&
           wanted == dnnb__primitive_get_layout(primitive, DNNL_ARG_DIFF_WEIGHTS) &&
           __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    (void)dnnl, (void)conv, (void)primitive;
#endif
    return DNNB_OK;
}

#ifdef AVX2

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* Outputs whose tap k lies inside the input, along dimension i, cut to first .. end. */
static inline void tap_range(const weights *w, int i, int64_t k, int64_t *first, int64_t *end) {
    int64_t shift = w->padding[i] - k * w->dilation[i]; /* output o reads o * stride - shift */
    int64_t low = shift > 0 ? (shift + w->stride[i] - 1) / w->stride[i] : 0;
    int64_t last = w->in[i] - 1 + shift; /* o * stride <= last */
    int64_t high = last < 0 ? 0 : last / w->stride[i] + 1;
    if (*first < low) *first = low;
    if (*end > high) *end = high;
}

/* One tap: add the sum over the chunk's pixels to the weights of `n_in` input channels and
 * `n_blocks` blocks of output channels, which are constants wherever this is used. */
__attribute__((always_inline)) AVX2 static inline void
tap_add(const weights *w, const float *in, const float *gradient, float *dw, int64_t dw_stride,
        const int64_t y[2], const int64_t x[2], int64_t ky, int64_t kx, const int n_blocks,
        const int n_in) {
    __m256 sum[MAX_BLOCKS][BLOCK];
    int64_t plane = w->out[0] * w->out[1] * BLOCK;
    for (int b = 0; b < n_blocks; b++)
        for (int i = 0; i < n_in; i++) sum[b][i] = _mm256_setzero_ps();
    for (int64_t oy = y[0]; oy < y[1]; oy++) {
        int64_t iy = oy * w->stride[0] - w->padding[0] + ky * w->dilation[0];
        int64_t ix = x[0] * w->stride[1] - w->padding[1] + kx * w->dilation[1];
        const float *pixel = in + (iy * w->in[1] + ix) * BLOCK;
        const float *g = gradient + (oy * w->out[1] + x[0]) * BLOCK;
        for (int64_t ox = x[0]; ox < x[1]; ox++, pixel += w->stride[1] * BLOCK, g += BLOCK) {
            __m256 out[MAX_BLOCKS];
            for (int b = 0; b < n_blocks; b++) out[b] = _mm256_loadu_ps(g + b * plane);
            for (int i = 0; i < n_in; i++) {
                __m256 value = _mm256_broadcast_ss(pixel + i);
                for (int b = 0; b < n_blocks; b++)
                    sum[b][i] = _mm256_fmadd_ps(value, out[b], sum[b][i]);
            }
        }
    }
    for (int b = 0; b < n_blocks; b++)
        for (int i = 0; i < n_in; i++) {
            float *to = dw + b * dw_stride + i * BLOCK;
            _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), sum[b][i]));
        }
}

/* All taps of one block of input channels over one chunk of rows. */
AVX2 static void block_add(const weights *w, const float *in, const float *gradient, float *dw,
                           int64_t first_row, int64_t n_blocks) {
    int64_t dw_stride = w->in_blocks * w->kernel[0] * w->kernel[1] * BLOCK * BLOCK;
    int64_t end_row = smaller(first_row + w->rows, w->out[0]);
    for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
        int64_t y[2] = {first_row, end_row};
        tap_range(w, 0, ky, &y[0], &y[1]);
        for (int64_t kx = 0; kx < w->kernel[1]; kx++, dw += BLOCK * BLOCK) {
            int64_t x[2] = {0, w->out[1]};
            tap_range(w, 1, kx, &x[0], &x[1]);
            if (y[0] >= y[1] || x[0] >= x[1]) continue;
            switch (n_blocks) {
            case 3:
                tap_add(w, in, gradient, dw, dw_stride, y, x, ky, kx, 3, 4);
                tap_add(w, in + 4, gradient, dw + 4 * BLOCK, dw_stride, y, x, ky, kx, 3, 4);
                break;
            case 2:
                tap_add(w, in, gradient, dw, dw_stride, y, x, ky, kx, 2, 4);
                tap_add(w, in + 4, gradient, dw + 4 * BLOCK, dw_stride, y, x, ky, kx, 2, 4);
                break;
            default:
                tap_add(w, in, gradient, dw, dw_stride, y, x, ky, kx, 1, 8);
            }
        }
    }
}

/* The bias gradient of a block of output channels over one chunk. Biases are not padded. */
static void bias_add(const weights *w, const float *gradient, float *bias, int64_t block,
                     int64_t first_row) {
    int64_t end_row = smaller(first_row + w->rows, w->out[0]);
    float sum[BLOCK] = {0};
    for (int64_t i = first_row * w->out[1]; i < end_row * w->out[1]; i++)
        for (int l = 0; l < BLOCK; l++) sum[l] += gradient[i * BLOCK + l];
    int64_t n = smaller(w->out_channels - block * BLOCK, BLOCK);
    for (int64_t l = 0; l < n; l++) bias[block * BLOCK + l] += sum[l];
}

static void task_run(const weights *w, int64_t task, const float *in, const float *gradient,
                     float *dw, float *bias) {
    int64_t out_first = task / w->n_in_groups * MAX_BLOCKS;
    int64_t in_first = task % w->n_in_groups * w->group;
    int64_t n_out = smaller(w->out_blocks - out_first, MAX_BLOCKS);
    int64_t in_end = smaller(in_first + w->group, w->in_blocks);
    int64_t taps = w->kernel[0] * w->kernel[1] * BLOCK * BLOCK;
    int64_t in_plane = w->in[0] * w->in[1] * BLOCK, out_plane = w->out[0] * w->out[1] * BLOCK;
    for (int64_t o = out_first; o < out_first + n_out; o++)
        memset(dw + (o * w->in_blocks + in_first) * taps, 0,
               (size_t)((in_end - in_first) * taps) * sizeof(float));
    bool with_bias = bias && in_first == 0;
    for (int64_t o = out_first * BLOCK;
         with_bias && o < smaller((out_first + n_out) * BLOCK, w->out_channels); o++)
        bias[o] = 0.0f;
    for (int64_t n = 0; n < w->batch; n++) {
        const float *image = in + n * w->in_blocks * in_plane;
        const float *g = gradient + (n * w->out_blocks + out_first) * out_plane;
        for (int64_t row = 0; row < w->out[0]; row += w->rows) {
            for (int64_t i = in_first; i < in_end; i++)
                block_add(w, image + i * in_plane, g, dw + (out_first * w->in_blocks + i) * taps,
                          row, n_out);
            for (int64_t b = 0; with_bias && b < n_out; b++)
                bias_add(w, g + b * out_plane, bias, out_first + b, row);
        }
    }
}

static void weights_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const weights *w = step->settings;
    const float *in = step->data[0], *gradient = step->data[1];
    float *dw = step->data[2], *bias = step->n_buffers > 3 ? step->data[3] : NULL;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t task = 0; task < w->n_out_groups * w->n_in_groups; task++)
        task_run(w, task, in, gradient, dw, bias);
}

/* Large tasks read the gradients less often; enough of them keep all threads busy. */
static void weights_divide(weights *w, int64_t n_threads) {
    int64_t row_bytes = MAX_BLOCKS * w->out[1] * BLOCK * (int64_t)sizeof(float);
    w->rows = row_bytes < CHUNK_BYTES ? CHUNK_BYTES / row_bytes : 1;
    int64_t tile_bytes =
        MAX_BLOCKS * w->kernel[0] * w->kernel[1] * BLOCK * BLOCK * (int64_t)sizeof(float);
    w->group = tile_bytes < TILE_BYTES ? smaller(TILE_BYTES / tile_bytes, w->in_blocks) : 1;
    w->n_out_groups = divide_up(w->out_blocks, MAX_BLOCKS);
    w->n_in_groups = divide_up(w->in_blocks, w->group);
    while (w->group > 1 && w->n_out_groups * w->n_in_groups < TASKS_PER_THREAD * n_threads) {
        w->group = divide_up(w->group, 2);
        w->n_in_groups = divide_up(w->in_blocks, w->group);
    }
}

#endif

dnnb_status dnnb__conv_weights_add(dnnb__onednn_plan *plan, const char *layer,
                                   const dnnb__conv *conv, double flops, size_t in,
                                   size_t out_gradient, size_t weight, size_t bias) {
#ifdef AVX2
    void *memory = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(weights)));
    weights *w = memory;
    *w = (weights){.batch = conv->batch,
                   .in_blocks = divide_up(conv->in_channels, BLOCK),
                   .out_blocks = divide_up(conv->out_channels, BLOCK),
                   .out_channels = conv->out_channels};
    for (int i = 0; i < 2; i++) {
        w->in[i] = conv->in[i];
        w->out[i] = conv->out[i];
        w->kernel[i] = conv->kernel[i];
        w->stride[i] = conv->stride[i];
        w->padding[i] = conv->padding_begin[i];
        w->dilation[i] = conv->dilation[i];
    }
    weights_divide(w, (int64_t)plan->base.net->n_threads);
    size_t buffers[] = {in, out_gradient, weight, bias};
    DNNB_TRY(dnnb__onednn_add_kernel(plan, layer, "backward weights", "own avx2", weights_run, w,
                                     buffers, bias == DNNB__NO_BUFFER ? 3 : 4));
    plan->steps[plan->n_steps - 1].info.flops = flops;
    return DNNB_OK;
#else
    (void)plan, (void)conv, (void)flops, (void)in, (void)out_gradient, (void)weight, (void)bias;
    return dnnb__fail(DNNB_ERR_INTERNAL, "%s: no kernel for this processor", layer);
#endif
}
