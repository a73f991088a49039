/*
 * The weight gradient of a convolution, for one instruction set. Included once by each
 * conv_weights_<set>.c, after it has defined
 *   TARGET           its attribute
 *   BLOCK            channels of a block, and elements of a vector `floats`
 *   IN_AT_ONCE       input channels whose sums, for MAX_BLOCKS blocks, fill the registers
 *   load, store, zero, repeat (a vector of one element), add, multiply_add (a * b + c)
 *
 * Method: dW[o][i][ky][kx] is the sum over images and pixels of out_gradient[o] times in[i] at the
 * pixel that the tap (ky, kx) reads. A task owns some blocks of output channels and some of input
 * channels, so no two threads add to the same weights and the order of the sums is fixed. Pixels
 * come in chunks of rows that fit the first cache; a chunk's sum is made in registers from zero and
 * then added to the weights, which keeps rounding errors small.
 */

enum {
    MAX_BLOCKS = 3,          /* of output channels in a task */
    CHUNK_BYTES = 17 * 1024, /* of output gradients: half of a usual first cache */
    TILE_BYTES = 192 * 1024, /* of weights: less than half of a usual second cache */
    TASKS_PER_THREAD = 4
};

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* Outputs whose tap k lies inside the input, along dimension i, cut to first .. end. */
static inline void tap_range(const dnnb__conv_weights *w, int i, int64_t k, int64_t *first,
                             int64_t *end) {
    int64_t shift = w->padding[i] - k * w->dilation[i]; /* output o reads o * stride - shift */
    int64_t low = shift > 0 ? (shift + w->stride[i] - 1) / w->stride[i] : 0;
    int64_t last = w->in[i] - 1 + shift; /* o * stride <= last */
    int64_t high = last < 0 ? 0 : last / w->stride[i] + 1;
    if (*first < low) *first = low;
    if (*end > high) *end = high;
}

/* One tap: add the sum over the chunk's pixels to the weights of `n_in` input channels and
 * `n_blocks` blocks of output channels, which are constants wherever this is used. */
__attribute__((always_inline)) TARGET static inline void
tap_add(const dnnb__conv_weights *w, const float *in, const float *gradient, float *dw,
        int64_t dw_stride, const int64_t y[2], const int64_t x[2], int64_t ky, int64_t kx,
        const int n_blocks, const int n_in) {
    floats sum[MAX_BLOCKS][BLOCK];
    int64_t plane = w->out[0] * w->out[1] * BLOCK;
    for (int b = 0; b < n_blocks; b++)
        for (int i = 0; i < n_in; i++) sum[b][i] = zero();
    for (int64_t oy = y[0]; oy < y[1]; oy++) {
        int64_t iy = oy * w->stride[0] - w->padding[0] + ky * w->dilation[0];
        int64_t ix = x[0] * w->stride[1] - w->padding[1] + kx * w->dilation[1];
        const float *pixel = in + (iy * w->in[1] + ix) * BLOCK;
        const float *g = gradient + (oy * w->out[1] + x[0]) * BLOCK;
        for (int64_t ox = x[0]; ox < x[1]; ox++, pixel += w->stride[1] * BLOCK, g += BLOCK) {
            floats out[MAX_BLOCKS];
            for (int b = 0; b < n_blocks; b++) out[b] = load(g + b * plane);
            for (int i = 0; i < n_in; i++) {
                floats value = repeat(pixel + i);
                for (int b = 0; b < n_blocks; b++)
                    sum[b][i] = multiply_add(value, out[b], sum[b][i]);
            }
        }
    }
    for (int b = 0; b < n_blocks; b++)
        for (int i = 0; i < n_in; i++) {
            float *to = dw + b * dw_stride + i * BLOCK;
            store(to, add(load(to), sum[b][i]));
        }
}

/* All taps of one block of input channels over one chunk of rows. */
TARGET static void block_add(const dnnb__conv_weights *w, const float *in, const float *gradient,
                             float *dw, int64_t first_row, int64_t n_blocks) {
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
                for (int i = 0; i < BLOCK; i += IN_AT_ONCE)
                    tap_add(w, in + i, gradient, dw + i * BLOCK, dw_stride, y, x, ky, kx, 3,
                            IN_AT_ONCE);
                break;
            case 2:
                for (int i = 0; i < BLOCK; i += IN_AT_ONCE)
                    tap_add(w, in + i, gradient, dw + i * BLOCK, dw_stride, y, x, ky, kx, 2,
                            IN_AT_ONCE);
                break;
            default:
                tap_add(w, in, gradient, dw, dw_stride, y, x, ky, kx, 1, BLOCK);
            }
        }
    }
}

/* The bias gradient of a block of output channels over one chunk. Biases are not padded. */
static void bias_add(const dnnb__conv_weights *w, const float *gradient, float *bias, int64_t block,
                     int64_t first_row) {
    int64_t end_row = smaller(first_row + w->rows, w->out[0]);
    float sum[BLOCK] = {0};
    for (int64_t i = first_row * w->out[1]; i < end_row * w->out[1]; i++)
        for (int l = 0; l < BLOCK; l++) sum[l] += gradient[i * BLOCK + l];
    int64_t n = smaller(w->out_channels - block * BLOCK, BLOCK);
    for (int64_t l = 0; l < n; l++) bias[block * BLOCK + l] += sum[l];
}

static void task_run(const dnnb__conv_weights *w, int64_t task, const float *in,
                     const float *gradient, float *dw, float *bias) {
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

static void weights_run(const dnnb__conv_weights *w, const float *in, const float *out_gradient,
                        float *weight_gradient, float *bias_gradient) {
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t task = 0; task < w->n_out_groups * w->n_in_groups; task++)
        task_run(w, task, in, out_gradient, weight_gradient, bias_gradient);
}

/* Large tasks read the gradients less often; enough of them keep all threads busy. */
static void weights_divide(dnnb__conv_weights *w, int64_t n_threads) {
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
