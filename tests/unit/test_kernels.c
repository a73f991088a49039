/*
 * Kernels of layers, each row of the table that this processor can run: against plain loops with
 * float64 sums, and max pooling to the bit. The choice, and the limit on instruction sets.
 */
#include "unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/bf16.h"
#include "core/mem.h"
#include "core/random.h"
#include "kernels/kernels.h"

/* float32 sums of up to some thousand terms against float64: some 1e-7 a value. */
static const double tolerance = 1e-5;

static const dnnb__random_key key = {{21, 22}};

static float *create_values(size_t n, uint32_t place) {
    float *values = dnnb__alloc(n, sizeof *values);
    assert_non_null(values);
    dnnb__random_draws draws = dnnb__random_draws_create(key, 1, place);
    for (size_t i = 0; i < n; i++) values[i] = (float)(2.0 * dnnb__random_uniform(&draws) - 1.0);
    return values;
}

static void assert_near(const char *kernel, const char *what, const float *a, const double *b,
                        size_t n) {
    double difference = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += b[i] * b[i];
    }
    if (!(difference <= tolerance * tolerance * norm))
        fail_msg("%s, %s: relative distance %g", kernel, what, sqrt(difference / norm));
}

/* --- max pooling --- */

/* The window of output (oy, ox) of one channel: the place of its maximum, and the pixel. */
static float find_maximum(const dnnb__maxpool *p, const float *plane, int64_t lane, int64_t oy,
                          int64_t ox, int64_t *place, int64_t *pixel) {
    float best = -INFINITY;
    *place = -1;
    for (int64_t ky = 0; ky < p->kernel[0]; ky++)
        for (int64_t kx = 0; kx < p->kernel[1]; kx++) {
            int64_t y = oy * p->stride[0] - p->padding[0] + ky;
            int64_t x = ox * p->stride[1] - p->padding[1] + kx;
            if (y < 0 || y >= p->in[0] || x < 0 || x >= p->in[1]) continue;
            float value = plane[(y * p->in[1] + x) * p->block + lane];
            if (*place >= 0 && !(value > best) && !isnan(value)) continue;
            best = value;
            *place = ky * p->kernel[1] + kx;
            *pixel = (y * p->in[1] + x) * p->block + lane;
        }
    return p->relu && best <= 0.0f ? 0.0f : best;
}

/* Few different values, so that there are many equal ones, zeros of both signs and some NaN. */
static float *create_pixels(size_t n) {
    static const float special[] = {0.0f, -0.0f, (float)NAN, INFINITY, -INFINITY, -(float)NAN};
    float *values = create_values(n, 1);
    for (size_t i = 0; i < n; i++) {
        values[i] = roundf(4.0f * values[i]) / 4.0f;
        if (i % 41 == 0) values[i] = special[i / 41 % 6];
    }
    /* And many that have no NaN near them. */
    for (size_t i = n / 2; i < n; i++)
        if (isnan(values[i])) values[i] = 0.0f;
    return values;
}

static uint16_t *create_bf16(const float *values, size_t n) {
    uint16_t *out = dnnb__alloc(n, sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < n; i++) out[i] = dnnb__bf16_round(values[i]);
    return out;
}

static void widen(float *out, const uint16_t *in, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = dnnb__bf16_widen(in[i]);
}

static void take_bf16(float *values, uint16_t *from, size_t n) {
    widen(values, from, n);
    dnnb__free(from);
}

/* The kernel on float32, or on bfloat16 made of the same values. */
static void run_maxpool(const dnnb__maxpool_kernel *kernel, const dnnb__maxpool *p, bool is_bf16,
                        const float *in, const float *gradient, float *out, uint8_t *where,
                        float *in_gradient) {
    size_t n_in = (size_t)(p->in[0] * p->in[1] * p->block);
    size_t row = (size_t)(p->out[1] * p->block), n_out = (size_t)p->out[0] * row;
    if (!is_bf16) {
        for (int64_t y = 0; y < p->out[0]; y++)
            kernel->row_forward(p, in, y, out + (size_t)y * row,
                                where ? where + (size_t)y * row : NULL);
        if (where) kernel->plane_backward(p, gradient, where, in_gradient);
        return;
    }
    uint16_t *in16 = create_bf16(in, n_in), *out16 = create_bf16(out, n_out);
    uint16_t *gradient16 = create_bf16(gradient, n_out);
    uint16_t *in_gradient16 = create_bf16(in_gradient, n_in);
    for (int64_t y = 0; y < p->out[0]; y++)
        kernel->row_forward_bf16(p, in16, y, out16 + (size_t)y * row,
                                 where ? where + (size_t)y * row : NULL);
    if (where) kernel->plane_backward_bf16(p, gradient16, where, in_gradient16);
    take_bf16(out, out16, n_out);
    take_bf16(in_gradient, in_gradient16, n_in);
    dnnb__free(in16);
    dnnb__free(gradient16);
}

static void round_all(float *values, size_t n) {
    for (size_t i = 0; i < n; i++) values[i] = dnnb__bf16_widen(dnnb__bf16_round(values[i]));
}

static void compare_maxpool(const dnnb__maxpool_kernel *kernel, const dnnb__maxpool *p,
                            bool is_bf16) {
    size_t n_in = (size_t)(p->in[0] * p->in[1] * p->block);
    size_t n_out = (size_t)(p->out[0] * p->out[1] * p->block);
    float *in = create_pixels(n_in), *gradient = create_values(n_out, 2);
    float *out = create_values(n_out, 3), *in_gradient = create_values(n_in, 4);
    float *again = create_values(n_out, 5), *expected = dnnb__calloc(n_in, sizeof *expected);
    uint8_t *where = dnnb__alloc(n_out, 1);
    for (size_t i = 0; i < n_out; i += 5) gradient[i] = -0.0f;
    if (is_bf16) round_all(gradient, n_out);
    run_maxpool(kernel, p, is_bf16, in, gradient, out, where, in_gradient);
    for (int64_t oy = 0; oy < p->out[0]; oy++)
        for (int64_t ox = 0; ox < p->out[1]; ox++)
            for (int64_t lane = 0; lane < p->block; lane++) {
                int64_t at = (oy * p->out[1] + ox) * p->block + lane, place, pixel = 0;
                float best = find_maximum(p, in, lane, oy, ox, &place, &pixel);
                assert_memory_equal(&out[at], &best, sizeof best);
                bool is_zeroed = p->relu && best <= 0.0f;
                assert_int_equal(where[at], is_zeroed ? DNNB__MAXPOOL_NOWHERE : place);
                if (!is_zeroed) expected[pixel] += gradient[at];
            }
    if (is_bf16) round_all(expected, n_in);
    assert_memory_equal(in_gradient, expected, n_in * sizeof *expected);
    run_maxpool(kernel, p, is_bf16, in, gradient, again, NULL, in_gradient); /* as in testing */
    assert_memory_equal(again, out, n_out * sizeof *again);
    dnnb__free(in);
    dnnb__free(gradient);
    dnnb__free(out);
    dnnb__free(again);
    dnnb__free(in_gradient);
    dnnb__free(expected);
    dnnb__free(where);
}

static void test_kernels__max_pooling_is_exact(void **state) {
    (void)state;
    static const dnnb__maxpool shapes[] = {
        {.in = {11, 13}, .out = {5, 6}, .kernel = {3, 3}, .stride = {2, 2}},
        {.in = {7, 6}, .out = {7, 6}, .kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}},
        {.in = {9, 8}, .out = {3, 5}, .kernel = {2, 4}, .stride = {4, 2}, .padding = {1, 2}},
        {.in = {16, 16}, .out = {1, 1}, .kernel = {16, 16}, .stride = {16, 16}},
        {.in = {15, 17}, .out = {1, 1}, .kernel = {15, 17}, .stride = {15, 17}},
    };
    static const int64_t blocks[] = {1, 4, 8, 16, 48, 64};
    for (int isa = 0; isa <= (int)dnnb__isa_get_processor(); isa++)
        for (size_t b = 0; b < sizeof blocks / sizeof blocks[0]; b++)
            for (size_t i = 0; i < 4 * sizeof shapes / sizeof shapes[0]; i++) {
                dnnb__maxpool p = shapes[i / 4];
                p.planes = 1;
                p.block = blocks[b];
                p.relu = i % 2 && p.kernel[0] * p.kernel[1] <= DNNB__MAXPOOL_NOWHERE;
                bool is_bf16 = i / 2 % 2;
                const dnnb__maxpool_kernel *kernel =
                    dnnb__kernels_find_maxpool((dnnb__isa)isa, p.block);
                assert_int_equal(p.block % kernel->lanes, 0);
                compare_maxpool(kernel, &p, is_bf16);
            }
}

/* --- the weight gradient of a convolution --- */

/* Element c of image n at (y, x) in blocked activations of `blocks` blocks. */
static size_t place_of(const int64_t size[2], int64_t blocks, int64_t block, int64_t n, int64_t c,
                       int64_t y, int64_t x) {
    int64_t plane = n * blocks + c / block;
    return (size_t)(((plane * size[0] + y) * size[1] + x) * block + c % block);
}

static double sum_tap(const dnnb__conv_weights *w, int64_t block, const float *in,
                      const float *gradient, int64_t o, int64_t i, int64_t ky, int64_t kx) {
    double sum = 0;
    for (int64_t n = 0; n < w->batch; n++)
        for (int64_t oy = 0; oy < w->out[0]; oy++)
            for (int64_t ox = 0; ox < w->out[1]; ox++) {
                int64_t y = oy * w->stride[0] - w->padding[0] + ky * w->dilation[0];
                int64_t x = ox * w->stride[1] - w->padding[1] + kx * w->dilation[1];
                if (y < 0 || y >= w->in[0] || x < 0 || x >= w->in[1]) continue;
                sum += (double)in[place_of(w->in, w->in_blocks, block, n, i, y, x)] *
                       (double)gradient[place_of(w->out, w->out_blocks, block, n, o, oy, ox)];
            }
    return sum;
}

static void compare_conv_weights(const dnnb__conv_weights_kernel *kernel, dnnb__conv_weights w) {
    int64_t block = kernel->block, in_channels = w.in_blocks * block;
    size_t n_in = (size_t)(w.batch * in_channels * w.in[0] * w.in[1]);
    size_t n_gradient = (size_t)(w.batch * w.out_blocks * block * w.out[0] * w.out[1]);
    int64_t taps = w.kernel[0] * w.kernel[1];
    size_t n_weights = (size_t)(w.out_blocks * block * in_channels * taps);
    float *in = create_values(n_in, 1), *gradient = create_values(n_gradient, 2);
    float *weights = create_values(n_weights, 3), *bias = create_values((size_t)w.out_channels, 4);
    double *expected = dnnb__calloc(n_weights, sizeof *expected);
    double *expected_bias = dnnb__calloc((size_t)w.out_channels, sizeof *expected_bias);
    kernel->divide(&w, 2);
    kernel->run(&w, in, gradient, weights, bias);
    size_t at = 0;
    for (int64_t ob = 0; ob < w.out_blocks; ob++)
        for (int64_t ib = 0; ib < w.in_blocks; ib++)
            for (int64_t tap = 0; tap < taps; tap++)
                for (int64_t i = 0; i < block; i++)
                    for (int64_t o = 0; o < block; o++)
                        expected[at++] =
                            sum_tap(&w, block, in, gradient, ob * block + o, ib * block + i,
                                    tap / w.kernel[1], tap % w.kernel[1]);
    for (int64_t o = 0; o < w.out_channels; o++)
        for (int64_t n = 0; n < w.batch; n++)
            for (int64_t y = 0; y < w.out[0]; y++)
                for (int64_t x = 0; x < w.out[1]; x++)
                    expected_bias[o] +=
                        (double)gradient[place_of(w.out, w.out_blocks, block, n, o, y, x)];
    assert_near(kernel->name, "weights", weights, expected, n_weights);
    assert_near(kernel->name, "bias", bias, expected_bias, (size_t)w.out_channels);
    float *again = create_values(n_weights, 5); /* without the bias; sums add to nothing older */
    kernel->run(&w, in, gradient, again, NULL);
    assert_memory_equal(again, weights, n_weights * sizeof *again);
    dnnb__free(again);
    dnnb__free(in);
    dnnb__free(gradient);
    dnnb__free(weights);
    dnnb__free(bias);
    dnnb__free(expected);
    dnnb__free(expected_bias);
}

static void test_kernels__weight_gradients_of_convolutions(void **state) {
    (void)state;
    static const dnnb__conv_weights shapes[] = {
        {.in = {9, 10}, .out = {9, 10}, .kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}},
        {.in = {12, 9}, .out = {5, 4}, .kernel = {5, 3}, .stride = {2, 3}, .padding = {1, 2}},
        {.in = {9, 9}, .out = {5, 5}, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {2, 2}},
        {.in = {4, 70}, .out = {4, 70}, .kernel = {1, 1}, .stride = {1, 1}},
    };
    for (int isa = 0; isa <= (int)dnnb__isa_get_processor(); isa++) {
        const dnnb__conv_weights_kernel *kernel =
            dnnb__kernels_get_row((dnnb__isa)isa)->conv_weights;
        for (size_t i = 0; kernel && i < 4 * sizeof shapes / sizeof shapes[0]; i++) {
            dnnb__conv_weights w = shapes[i / 4];
            w.batch = 2;
            w.in_blocks = 1 + (int64_t)(i % 2);
            w.out_blocks = 1 + (int64_t)(i % 4); /* one, two, three, and three with one */
            w.out_channels = w.out_blocks * kernel->block - (int64_t)(i % 3);
            for (int d = 0; d < 2; d++)
                if (!w.dilation[d]) w.dilation[d] = 1;
            compare_conv_weights(kernel, w);
        }
    }
}

/* --- linear layers --- */

static void assert_rounded(const void *rounded, const float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_int_equal(((const uint16_t *)rounded)[i], dnnb__bf16_round(values[i]));
}

typedef struct linear_case {
    float *in, *weight, *bias, *gradient; /* row-major */
    double *out, *in_gradient, *weight_gradient, *bias_gradient;
} linear_case;

/* Most are zero, but for those of the first strip. */
static void clear_most(const dnnb__linear *l, float *in) {
    for (int64_t r = 0; r < l->rows; r++)
        for (int64_t i = DNNB__LINEAR_IN; i < l->in; i++)
            if (in[r * l->in + i] < 0.4f) in[r * l->in + i] = 0.0f;
}

static linear_case create_linear(const dnnb__linear *l, bool has_few) {
    size_t rows = (size_t)l->rows, n_in = (size_t)l->in, n_out = (size_t)l->out;
    linear_case c = {create_values(rows * n_in, 1),
                     create_values(n_in * n_out, 2),
                     create_values(n_out, 3),
                     create_values(rows * n_out, 4),
                     dnnb__calloc(rows * n_out, sizeof(double)),
                     dnnb__calloc(rows * n_in, sizeof(double)),
                     dnnb__calloc(n_in * n_out, sizeof(double)),
                     dnnb__calloc(n_out, sizeof(double))};
    if (has_few) clear_most(l, c.in);
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < n_out; o++) {
            double sum = (double)c.bias[o], g = (double)c.gradient[r * n_out + o];
            for (size_t i = 0; i < n_in; i++) {
                double value = (double)c.in[r * n_in + i], w = (double)c.weight[o * n_in + i];
                sum += value * w;
                c.in_gradient[r * n_in + i] += g * w;
                c.weight_gradient[o * n_in + i] += g * value;
            }
            c.bias_gradient[o] += g;
            c.out[r * n_out + o] = l->relu && sum <= 0 ? 0 : sum;
        }
    return c;
}

static void destroy_linear(linear_case *c) {
    float *floats[] = {c->in, c->weight, c->bias, c->gradient};
    double *doubles[] = {c->out, c->in_gradient, c->weight_gradient, c->bias_gradient};
    for (size_t i = 0; i < 4; i++) {
        dnnb__free(floats[i]);
        dnnb__free(doubles[i]);
    }
}

/* factors a and b that lie `a_step` and `b_step` apart: multiply-adds in their order, from zero. */
static float chain(const float *a, size_t a_step, const float *b, size_t b_step, size_t n) {
    float sum = 0;
    for (size_t k = 0; k < n; k++) sum = fmaf(a[k * a_step], b[k * b_step], sum);
    return sum;
}

/* Each result to the bit: whatever the rows beside it, the tiles and the threads are. */
static void assert_chains(const dnnb__linear *l, const linear_case *c, const float *out,
                          const float *in_gradient, const float *bias_gradient) {
    size_t rows = (size_t)l->rows, n_in = (size_t)l->in, n_out = (size_t)l->out;
    for (size_t o = 0; o < n_out; o++) {
        float bias = 0;
        for (size_t r = 0; r < rows; r++) {
            float sum = chain(c->in + r * n_in, 1, c->weight + o * n_in, 1, n_in) + c->bias[o];
            float expected = l->relu && sum <= 0 ? 0 : sum;
            assert_memory_equal(&out[r * n_out + o], &expected, sizeof expected);
            bias += c->gradient[r * n_out + o];
        }
        assert_memory_equal(&bias_gradient[o], &bias, sizeof bias);
    }
    for (size_t i = 0; i < n_in; i++)
        for (size_t r = 0; r < rows; r++) {
            float sum = chain(c->gradient + r * n_out, 1, c->weight + i, n_in, n_out);
            assert_memory_equal(&in_gradient[r * n_in + i], &sum, sizeof sum);
        }
}

static void assert_weight_chains(const dnnb__linear *l, const linear_case *c,
                                 const float *weight_gradient) {
    size_t n_in = (size_t)l->in, n_out = (size_t)l->out;
    for (size_t i = 0; i < n_in; i++)
        for (size_t o = 0; o < n_out; o++) {
            float sum = chain(c->gradient + o, n_out, c->in + i, n_in, (size_t)l->rows);
            assert_memory_equal(&weight_gradient[o * n_in + i], &sum, sizeof sum);
        }
}

typedef struct taker {
    float *gradient;
    int *n_taken; /* of each tile */
} taker;

static void take(void *context, size_t first, size_t n, const float *gradient) {
    enum { TILE = DNNB__LINEAR_IN * DNNB__LINEAR_OUT };
    const taker *t = context;
    if (first % TILE || n % TILE) return; /* not counted; this is no thread of the test's */
    memcpy(t->gradient + first, gradient, n * sizeof *gradient);
    for (size_t i = 0; i < n / TILE; i++) t->n_taken[first / TILE + i]++;
}

/* The weights' gradient has the same bits when somebody takes it, each tile once. */
static void make_gradients(const dnnb__linear_kernel *kernel, const dnnb__linear *l,
                           const float *in_strips, const void *out_gradient, float *weight,
                           float *bias, float *out_strips) {
    size_t n_tiles = (size_t)(l->in_strips * l->out_strips);
    size_t n = n_tiles * DNNB__LINEAR_IN * DNNB__LINEAR_OUT;
    taker t = {create_values(n, 13), dnnb__calloc(n_tiles, sizeof(int))};
    float *bias_then = bias ? create_values((size_t)l->out, 14) : NULL;
    assert_non_null(t.n_taken);
    kernel->backward_weights(l, in_strips, out_gradient, weight, bias, out_strips, NULL, NULL);
    kernel->backward_weights(l, in_strips, out_gradient, NULL, bias_then, out_strips, take, &t);
    for (size_t i = 0; i < n_tiles; i++) assert_int_equal(t.n_taken[i], 1);
    assert_memory_equal(t.gradient, weight, n * sizeof *weight);
    if (bias) assert_memory_equal(bias_then, bias, (size_t)l->out * sizeof *bias);
    dnnb__free(t.gradient);
    dnnb__free(t.n_taken);
    dnnb__free(bias_then);
}

static void compare_linear(const dnnb__linear_kernel *kernel, const dnnb__linear *l, bool has_few) {
    linear_case c = create_linear(l, has_few);
    size_t rows = (size_t)l->rows, n_in = (size_t)l->in, n_out = (size_t)l->out;
    int64_t count;
    assert_ok(dnnb__linear_count(l->in, l->out, &count));
    float *tiled = create_values((size_t)count, 5),
          *tiled_gradient = create_values((size_t)count, 6);
    float *in_strips = create_values(rows * (size_t)l->in_strips * DNNB__LINEAR_IN, 7);
    float *out_strips =
        create_values((rows + DNNB__LINEAR_ROWS - 1) * (size_t)l->out_strips * DNNB__LINEAR_OUT, 8);
    float *out = create_values(rows * n_out, 9), *in_gradient = create_values(rows * n_in, 10);
    float *plain = create_values(n_in * n_out, 11), *bias_gradient = create_values(n_out, 12);
    dnnb__linear_expand(l->in, l->out, c.weight, tiled);
    dnnb__linear_contract(l->in, l->out, tiled, plain);
    assert_memory_equal(plain, c.weight, n_in * n_out * sizeof *plain);
    kernel->forward(l, c.in, tiled, c.bias, out, in_strips, out_strips);
    assert_near(kernel->name, "output", out, c.out, rows * n_out);
    make_gradients(kernel, l, in_strips, c.gradient, tiled_gradient, bias_gradient, out_strips);
    dnnb__linear_contract(l->in, l->out, tiled_gradient, plain);
    assert_near(kernel->name, "weights", plain, c.weight_gradient, n_in * n_out);
    assert_near(kernel->name, "bias", bias_gradient, c.bias_gradient, n_out);
    kernel->backward_data(l, c.gradient, tiled, in_gradient, out_strips);
    assert_near(kernel->name, "input", in_gradient, c.in_gradient, rows * n_in);
    assert_weight_chains(l, &c, plain);
    if (strcmp(kernel->name, "own:avx512") == 0)
        assert_chains(l, &c, out, in_gradient, bias_gradient);
    float *const owned[] = {tiled, tiled_gradient, in_strips,   out_strips,
                            out,   plain,          in_gradient, bias_gradient};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) dnnb__free(owned[i]);
    destroy_linear(&c);
}

/* In bfloat16 everything is as in float32 from the same activations and weights that are not
 * rounded, but for what is stored: that is rounded once. Compared to the bit, in place of `l` in
 * float32. */
static void compare_linear_bf16(const dnnb__linear_kernel *kernel, dnnb__linear l, bool has_few) {
    size_t rows = (size_t)l.rows, n_in = (size_t)l.in, n_out = (size_t)l.out;
    int64_t count;
    assert_ok(dnnb__linear_count(l.in, l.out, &count));
    size_t n_strips_in = rows * (size_t)l.in_strips * DNNB__LINEAR_IN;
    size_t n_strips_out = (rows + DNNB__LINEAR_ROWS - 1) * (size_t)l.out_strips * DNNB__LINEAR_OUT;
    const size_t counts[] = {rows * n_in,  (size_t)count, n_out, rows * n_out, n_strips_in,
                             n_strips_out, (size_t)count, n_out, rows * n_in};
    enum { IN, WEIGHT, BIAS, OUT, IN_STRIPS, OUT_STRIPS, GRADIENT, BIAS_GRADIENT, IN_GRADIENT, N };
    float *a[N], *b[N]; /* of float32, and of bfloat16 */
    for (uint32_t k = 0; k < N; k++) {
        a[k] = create_values(counts[k], k);
        b[k] = create_values(counts[k], k);
    }
    if (has_few) clear_most(&l, a[IN]);
    /* Activations that are bfloat16 already. */
    dnnb__bf16_round_pairs(a[IN], counts[IN], 0, (uint16_t *)b[IN]);
    widen(a[IN], (uint16_t *)b[IN], counts[IN]);
    for (int is_f32 = 0; is_f32 < 2; is_f32++) {
        kernel->forward(&l, a[IN], a[WEIGHT], a[BIAS], a[OUT], a[IN_STRIPS], a[OUT_STRIPS]);
        l.is_bf16 = true;
        l.f32_out = is_f32;
        kernel->forward(&l, b[IN], b[WEIGHT], b[BIAS], b[OUT], b[IN_STRIPS], b[OUT_STRIPS]);
        if (is_f32)
            assert_memory_equal(a[OUT], b[OUT], counts[OUT] * sizeof(float));
        else
            assert_rounded(b[OUT], a[OUT], counts[OUT]);
        l.is_bf16 = l.f32_out = false;
    }
    /* The outputs are gradients now. */
    dnnb__bf16_round_pairs(a[OUT], counts[OUT], 0, (uint16_t *)b[OUT]);
    widen(a[OUT], (uint16_t *)b[OUT], counts[OUT]);
    make_gradients(kernel, &l, a[IN_STRIPS], a[OUT], a[GRADIENT], a[BIAS_GRADIENT], a[OUT_STRIPS]);
    kernel->backward_data(&l, a[OUT], a[WEIGHT], a[IN_GRADIENT], a[OUT_STRIPS]);
    l.is_bf16 = true;
    make_gradients(kernel, &l, b[IN_STRIPS], b[OUT], b[GRADIENT], b[BIAS_GRADIENT], b[OUT_STRIPS]);
    kernel->backward_data(&l, b[OUT], b[WEIGHT], b[IN_GRADIENT], b[OUT_STRIPS]);
    assert_memory_equal(a[GRADIENT], b[GRADIENT], counts[GRADIENT] * sizeof(float));
    assert_memory_equal(a[BIAS_GRADIENT], b[BIAS_GRADIENT], counts[BIAS_GRADIENT] * sizeof(float));
    assert_rounded(b[IN_GRADIENT], a[IN_GRADIENT], counts[IN_GRADIENT]);
    for (size_t k = 0; k < N; k++) {
        dnnb__free(a[k]);
        dnnb__free(b[k]);
    }
}

static void test_kernels__linear_layers(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{1, 5, 3},   {2, 48, 16},  {3, 50, 37},    {7, 100, 16},
                                        {8, 97, 40}, {13, 96, 70}, {64, 49, 1100}, {17, 60, 33},
                                        {35, 70, 5}, {43, 49, 50}, {70, 145, 290}, {147, 50, 40}};
    for (int isa = 0; isa <= (int)dnnb__isa_get_processor(); isa++) {
        const dnnb__linear_kernel *kernel = dnnb__kernels_get_row((dnnb__isa)isa)->linear;
        for (size_t i = 0; kernel && i < sizeof shapes / sizeof shapes[0]; i++) {
            dnnb__linear l = dnnb__linear_describe(shapes[i][0], shapes[i][1], shapes[i][2], i % 2,
                                                   1 + (int64_t)(i % 3));
            compare_linear(kernel, &l, false);
            if (kernel->takes_bf16) compare_linear_bf16(kernel, l, false);
        }
    }
    int64_t count;
    assert_fails(dnnb__linear_count(INT64_MAX / 2, INT64_MAX / 2, &count), DNNB_ERR_LIMIT, "large");
}

typedef struct linear_pass {
    float *in, *weight, *bias, *gradient; /* the weights in tiles */
    float *out, *weight_gradient, *in_strips, *out_strips;
} linear_pass;

static linear_pass create_pass(const dnnb__linear *l) {
    size_t rows = (size_t)l->rows, n_in = (size_t)l->in, n_out = (size_t)l->out;
    int64_t count;
    assert_ok(dnnb__linear_count(l->in, l->out, &count));
    linear_pass p = {create_values(rows * n_in, 1),
                     create_values((size_t)count, 2),
                     create_values(n_out, 3),
                     create_values(rows * n_out, 4),
                     create_values(rows * n_out, 5),
                     create_values((size_t)count, 6),
                     create_values(rows * (size_t)l->in_strips * DNNB__LINEAR_IN, 7),
                     create_values(rows * (size_t)l->out_strips * DNNB__LINEAR_OUT, 8)};
    clear_most(l, p.in);
    return p;
}

static void run_pass(const dnnb__linear_kernel *kernel, const dnnb__linear *l, linear_pass *p) {
    kernel->forward(l, p->in, p->weight, p->bias, p->out, p->in_strips, p->out_strips);
    make_gradients(kernel, l, p->in_strips, p->gradient, p->weight_gradient, NULL, p->out_strips);
}

static void destroy_pass(linear_pass *p) {
    float *const owned[] = {p->in,  p->weight,          p->bias,      p->gradient,
                            p->out, p->weight_gradient, p->in_strips, p->out_strips};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) dnnb__free(owned[i]);
}

/* Of a few rows at a time nothing is left out. */
static void compare_rows(const dnnb__linear_kernel *kernel, const dnnb__linear *l) {
    enum { ROWS = 7 };
    linear_pass p = create_pass(l);
    float *out = create_values((size_t)(ROWS * l->out), 9);
    run_pass(kernel, l, &p);
    for (int64_t r = 0; r + ROWS <= l->rows; r += ROWS) {
        dnnb__linear few = *l;
        few.rows = ROWS;
        kernel->forward(&few, p.in + r * l->in, p.weight, p.bias, out, p.in_strips, p.out_strips);
        assert_memory_equal(out, p.out + r * l->out, (size_t)(ROWS * l->out) * sizeof *out);
    }
    dnnb__free(out);
    destroy_pass(&p);
}

static const float *find_gradient(const dnnb__linear *l, const linear_pass *p, int64_t i,
                                  int64_t o) {
    int64_t tile = i / DNNB__LINEAR_IN * l->out_strips + o / DNNB__LINEAR_OUT;
    int64_t row = tile * DNNB__LINEAR_IN + i % DNNB__LINEAR_IN;
    return &p->weight_gradient[row * DNNB__LINEAR_OUT + o % DNNB__LINEAR_OUT];
}

/* With zero, what is not finite is NaN: nobody may take such a network for a sound one. */
static void compare_infinite(const dnnb__linear_kernel *kernel, const dnnb__linear *l) {
    linear_pass p = create_pass(l);
    float *weight = p.weight + (l->out_strips + 1) * DNNB__LINEAR_IN * DNNB__LINEAR_OUT;
    weight[3 * DNNB__LINEAR_OUT + 2] = INFINITY; /* of output 18 and an input of the last strips */
    p.gradient[(l->rows - 1) * l->out + 20] = INFINITY;
    run_pass(kernel, l, &p);
    for (int64_t r = 0; r < l->rows; r++)
        for (int64_t o = 0; o < l->out; o++)
            assert_true(isfinite(p.out[r * l->out + o]) == (o != 18));
    for (int64_t i = 0; i < l->in; i++)
        for (int64_t o = 0; o < l->out; o++)
            assert_true(isfinite(*find_gradient(l, &p, i, o)) == (o != 20));
    destroy_pass(&p);
}

/* So is what comes of an input that is not finite. */
static void compare_infinite_inputs(const dnnb__linear_kernel *kernel, const dnnb__linear *l) {
    enum { NAN_AT = DNNB__LINEAR_IN, INFINITE, NAN_ROW = 5, INFINITE_ROW = 9 };
    linear_pass p = create_pass(l);
    p.in[NAN_ROW * l->in + NAN_AT] = NAN;
    p.in[INFINITE_ROW * l->in + INFINITE] = INFINITY;
    run_pass(kernel, l, &p);
    for (int64_t r = 0; r < l->rows; r++)
        for (int64_t o = 0; o < l->out; o++)
            assert_true(isfinite(p.out[r * l->out + o]) == (r != NAN_ROW && r != INFINITE_ROW));
    for (int64_t i = 0; i < l->in; i++)
        for (int64_t o = 0; o < l->out; o++)
            assert_true(isfinite(*find_gradient(l, &p, i, o)) == (i != NAN_AT && i != INFINITE));
    destroy_pass(&p);
}

static void test_kernels__linear_layers_leave_zeros_out(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{24, 50, 37},   {43, 145, 90}, {64, 97, 1100},
                                        {70, 145, 290}, {147, 50, 40}, {1024, 60, 33},
                                        {1030, 60, 33}};
    for (int isa = 0; isa <= (int)dnnb__isa_get_processor(); isa++) {
        const dnnb__linear_kernel *kernel = dnnb__kernels_get_row((dnnb__isa)isa)->linear;
        for (size_t i = 0; kernel && i < sizeof shapes / sizeof shapes[0]; i++) {
            dnnb__linear l = dnnb__linear_describe(shapes[i][0], shapes[i][1], shapes[i][2], false,
                                                   1 + (int64_t)(i % 3));
            compare_linear(kernel, &l, true);
            if (kernel->takes_bf16) compare_linear_bf16(kernel, l, true);
            compare_rows(kernel, &l);
            compare_infinite(kernel, &l);
            compare_infinite_inputs(kernel, &l);
        }
    }
}

/* --- the choice --- */

static void test_kernels__a_row_falls_back_on_the_one_before(void **state) {
    (void)state;
    assert_string_equal(dnnb__kernels_find_maxpool(DNNB__ISA_SSE, 3)->name, "own");
    assert_string_equal(dnnb__kernels_find_maxpool(DNNB__ISA_SSE, 8)->name, "own:sse");
    assert_null(dnnb__kernels_find_linear(DNNB__ISA_SSE));
    assert_null(dnnb__kernels_find_conv_weights(DNNB__ISA_SSE, 8));
    assert_ptr_equal(dnnb__kernels_find_resample(DNNB__ISA_SSE), &dnnb__resample_plain);
    assert_ptr_equal(dnnb__kernels_find_peak(DNNB__ISA_SSE, false), &dnnb__peak_sse);
    assert_null(dnnb__kernels_find_peak(DNNB__ISA_SSE, true));
#ifdef DNNB__HAS_X86
    assert_string_equal(dnnb__kernels_find_maxpool(DNNB__ISA_AVX512, 16)->name, "own:avx512");
    assert_string_equal(dnnb__kernels_find_maxpool(DNNB__ISA_AVX512, 8)->name, "own:avx2");
    assert_string_equal(dnnb__kernels_find_maxpool(DNNB__ISA_AVX512, 4)->name, "own:sse");
    assert_null(dnnb__kernels_find_conv_weights(DNNB__ISA_AVX512, 16));
    assert_string_equal(dnnb__kernels_find_conv_weights(DNNB__ISA_AVX512, 8)->name, "own:avx2");
    assert_null(dnnb__kernels_find_conv_weights(DNNB__ISA_AVX2, 16));
    assert_ptr_equal(dnnb__kernels_find_linear(DNNB__ISA_AVX2), &dnnb__linear_avx2);
    assert_ptr_equal(dnnb__kernels_find_linear(DNNB__ISA_AVX512), &dnnb__linear_avx512);
    assert_ptr_equal(dnnb__kernels_find_resample(DNNB__ISA_AVX2), &dnnb__resample_avx2);
    assert_ptr_equal(dnnb__kernels_find_resample(DNNB__ISA_AVX512), &dnnb__resample_avx2);
    assert_ptr_equal(dnnb__kernels_find_peak(DNNB__ISA_AVX2, false), &dnnb__peak_avx2);
    assert_null(dnnb__kernels_find_peak(DNNB__ISA_AVX2, true));
    assert_ptr_equal(dnnb__kernels_find_peak(DNNB__ISA_AVX512, false), &dnnb__peak_avx512);
#endif
}

/* No limit has a name for AMX: with any of them oneDNN computes without it, and so do we. */
static void test_kernels__a_limit_excludes_amx(void **state) {
    (void)state;
    assert_int_equal(setenv("DNNBRAIN_MAX_ISA", "AVX512", 1), 0);
    const dnnb__peak_kernel *peak = dnnb__kernels_find_peak(DNNB__ISA_AVX512, true);
    assert_true(!peak || strcmp(peak->instructions, "AVX512_BF16") == 0);
    assert_int_equal(unsetenv("DNNBRAIN_MAX_ISA"), 0);
}

static void test_kernels__the_user_may_limit_the_instruction_set(void **state) {
    (void)state;
    dnnb__isa isa, processor = dnnb__isa_get_processor();
    assert_int_equal(unsetenv("DNNBRAIN_MAX_ISA"), 0);
    assert_ok(dnnb__isa_get(&isa));
    assert_int_equal(isa, processor);
    for (int limit = 0; limit < DNNB__ISA_COUNT; limit++) {
        assert_int_equal(setenv("DNNBRAIN_MAX_ISA", dnnb__isa_get_name((dnnb__isa)limit), 1), 0);
        assert_ok(dnnb__isa_get(&isa));
        assert_int_equal(isa, limit < (int)processor ? limit : (int)processor);
    }
    assert_int_equal(setenv("DNNBRAIN_MAX_ISA", "avx2", 1), 0);
    assert_ok(dnnb__isa_get(&isa));
    assert_true(isa <= DNNB__ISA_AVX2);
    assert_int_equal(setenv("DNNBRAIN_MAX_ISA", "AVX3", 1), 0);
    assert_fails(dnnb__isa_get(&isa), DNNB_ERR_ARGUMENT,
                 "DNNBRAIN_MAX_ISA: expected SSE, AVX2 or AVX512, found 'AVX3'");
    assert_int_equal(unsetenv("DNNBRAIN_MAX_ISA"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels__max_pooling_is_exact),
        cmocka_unit_test(test_kernels__weight_gradients_of_convolutions),
        cmocka_unit_test(test_kernels__linear_layers),
        cmocka_unit_test(test_kernels__linear_layers_leave_zeros_out),
        cmocka_unit_test(test_kernels__a_row_falls_back_on_the_one_before),
        cmocka_unit_test(test_kernels__a_limit_excludes_amx),
        cmocka_unit_test(test_kernels__the_user_may_limit_the_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
