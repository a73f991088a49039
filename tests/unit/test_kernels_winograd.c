/* Winograd's convolutions and their weight gradients against plain loops with float64 sums. */
#include "unit/unit.h"

#include <math.h>
#include <string.h>

#include "core/bf16.h"
#include "core/mem.h"
#include "core/random.h"
#include "kernels/kernels.h"

/* float32 sums of up to two thousand products: plain ones come as near. */
static const double in_float32 = 1e-6;

/* The same where fewer products are made; and of outputs that are rounded to bfloat16, of which
 * some lie so near the middle between two that they go the other way. */
static const double in_fewer = 1e-5, in_fewer_rounded = 4e-4;

static const dnnb__random_key key = {{41, 42}};

static float *create_values(size_t n, uint32_t place) {
    float *values = dnnb__alloc(n, sizeof *values);
    assert_non_null(values);
    dnnb__random_draws draws = dnnb__random_draws_create(key, 1, place);
    for (size_t i = 0; i < n; i++) values[i] = (float)(2.0 * dnnb__random_uniform(&draws) - 1.0);
    return values;
}

static int64_t count_taps(const dnnb__winograd *w) {
    return w->window * w->window;
}

typedef struct convolution {
    dnnb__winograd w;
    int64_t block;
    bool turned;
    float *in, *weight, *bias, *out;
    size_t n_out;
} convolution;

static convolution create_convolution(const dnnb__winograd_kernel *kernel, const dnnb__winograd *w,
                                      bool turned) {
    int64_t block = kernel->block;
    convolution c = {.w = *w, .block = block, .turned = turned};
    c.n_out = (size_t)(w->batch * w->out_blocks * w->out[0] * w->out[1] * block);
    c.in = create_values((size_t)(w->batch * w->in_blocks * w->in[0] * w->in[1] * block), 1);
    c.weight =
        create_values((size_t)(w->in_blocks * w->out_blocks * count_taps(w) * block * block), 2);
    c.bias = create_values((size_t)(w->out_blocks * block), 3);
    c.out = create_values(c.n_out, 4);
    return c;
}

static void destroy_convolution(convolution *c) {
    dnnb__free(c->in);
    dnnb__free(c->weight);
    dnnb__free(c->bias);
    dnnb__free(c->out);
}

/* --- the order of a kernel with channels last: to and from that of a convolution --- */

static size_t count_in(const convolution *c) {
    return (size_t)(c->w.batch * c->w.in_blocks * c->w.in[0] * c->w.in[1] * c->block);
}

/* Where element `at` of [batch][blocks][pixels][block] is when channels come last. */
static size_t find_last(size_t at, int64_t n_blocks, int64_t n_pixels, int64_t block) {
    int64_t i = (int64_t)at, within = i % block, pixel = i / block % n_pixels;
    int64_t b = i / (block * n_pixels) % n_blocks, image = i / (block * n_pixels * n_blocks);
    return (size_t)(((image * n_pixels + pixel) * n_blocks + b) * block + within);
}

/* Rounds the inputs too. */
static uint16_t *create_last(convolution *c) {
    uint16_t *last = dnnb__alloc(count_in(c), sizeof *last);
    assert_non_null(last);
    for (size_t i = 0; i < count_in(c); i++) {
        uint16_t rounded = dnnb__bf16_round(c->in[i]);
        last[find_last(i, c->w.in_blocks, c->w.in[0] * c->w.in[1], c->block)] = rounded;
        c->in[i] = dnnb__bf16_widen(rounded);
    }
    return last;
}

/* Tiles of 16 outputs by 16 inputs; of a turned one, of the layer whose outputs are these inputs.
 */
static float *create_tiled(const convolution *c) {
    int64_t n_in = c->w.in_blocks * c->block, n_out = c->w.out_blocks * c->block;
    float *tiled = dnnb__alloc((size_t)(n_in * n_out * count_taps(&c->w)), sizeof *tiled);
    assert_non_null(tiled);
    for (int64_t o = 0; o < n_out; o++)
        for (int64_t i = 0; i < n_in; i++)
            for (int64_t k = 0; k < count_taps(&c->w); k++) {
                int64_t square = o / c->block * c->w.in_blocks + i / c->block;
                int64_t from = (square * count_taps(&c->w) + k) * c->block + i % c->block;
                int64_t row = c->turned ? i : o, column = c->turned ? o : i;
                int64_t tile = row / 16 * ((c->turned ? n_out : n_in) / 16) + column / 16;
                int64_t to = (tile * count_taps(&c->w) + k) * 256 + row % 16 * 16 + column % 16;
                tiled[to] = c->weight[from * c->block + o % c->block];
            }
    return tiled;
}

static void read_last(convolution *c, const uint16_t *out) {
    int64_t n_pixels = c->w.out[0] * c->w.out[1];
    for (size_t i = 0; i < c->n_out; i++)
        c->out[i] = dnnb__bf16_widen(out[find_last(i, c->w.out_blocks, n_pixels, c->block)]);
}

static void run_last(const dnnb__winograd_kernel *kernel, convolution *c, const float *bias,
                     float *transformed, void *scratch) {
    uint16_t *in = create_last(c), *out = dnnb__alloc(c->n_out, sizeof *out);
    float *weight = create_tiled(c);
    assert_non_null(out);
    memset(out, 0xff, c->n_out * sizeof *out);
    kernel->transform(&c->w, c->turned, weight, transformed);
    kernel->run(&c->w, in, transformed, bias, out, scratch);
    read_last(c, out);
    dnnb__free(in);
    dnnb__free(out);
    dnnb__free(weight);
}

/* What was there before must not matter: it is NaN. */
static void run(const dnnb__winograd_kernel *kernel, convolution *c, bool with_bias) {
    const float *bias = with_bias ? c->bias : NULL;
    size_t n_scratch = kernel->count_scratch(&c->w);
    size_t n = kernel->count_weights(&c->w);
    float *transformed = dnnb__alloc(n, sizeof *transformed);
    void *scratch = dnnb__alloc(n_scratch, 1);
    assert_true(transformed && scratch);
    memset(transformed, 0xff, n * sizeof *transformed);
    memset(scratch, 0xff, n_scratch);
    memset(c->out, 0xff, c->n_out * sizeof *c->out);
    if (kernel->channels_last) {
        run_last(kernel, c, bias, transformed, scratch);
    } else {
        kernel->transform(&c->w, c->turned, c->weight, transformed);
        kernel->run(&c->w, c->in, transformed, bias, c->out, scratch);
    }
    dnnb__free(transformed);
    dnnb__free(scratch);
}

/* The products of output (y, x) of one image with one block of input channels. */
static double sum_block(const convolution *c, const float *plane, const float *weight, int64_t o,
                        int64_t y, int64_t x) {
    double total = 0;
    int64_t side = c->w.window, taps = count_taps(&c->w);
    for (int64_t k = 0; k < taps; k++) {
        int64_t iy = y + k / side - c->w.padding[0], ix = x + k % side - c->w.padding[1];
        if (iy < 0 || iy >= c->w.in[0] || ix < 0 || ix >= c->w.in[1]) continue;
        const float *pixel = plane + (iy * c->w.in[1] + ix) * c->block;
        const float *tap = weight + (c->turned ? taps - 1 - k : k) * c->block * c->block;
        for (int64_t i = 0; i < c->block; i++)
            total += (double)pixel[i] * (double)tap[i * c->block + o];
    }
    return total;
}

static double sum(const convolution *c, int64_t at, bool with_bias) {
    const dnnb__winograd *w = &c->w;
    int64_t o = at % c->block, x = at / c->block % w->out[1];
    int64_t y = at / (c->block * w->out[1]) % w->out[0];
    int64_t block = at / (c->block * w->out[1] * w->out[0]) % w->out_blocks;
    int64_t image = at / (c->block * w->out[1] * w->out[0] * w->out_blocks);
    double total = with_bias ? (double)c->bias[block * c->block + o] : 0.0;
    for (int64_t i = 0; i < w->in_blocks; i++)
        total += sum_block(
            c, c->in + (image * w->in_blocks + i) * w->in[0] * w->in[1] * c->block,
            c->weight + (block * w->in_blocks + i) * count_taps(w) * c->block * c->block, o, y, x);
    return w->relu && total <= 0.0 ? 0.0 : total;
}

static void compare(const convolution *c, size_t shape, bool with_bias, double tolerance) {
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < (int64_t)c->n_out; i++) {
        double wanted = sum(c, i, with_bias);
        difference += ((double)c->out[i] - wanted) * ((double)c->out[i] - wanted);
        norm += wanted * wanted;
        if (c->w.relu) assert_false(signbit(c->out[i]));
    }
    if (!(difference <= tolerance * tolerance * norm))
        fail_msg("shape %zu: relative distance %g", shape, sqrt(difference / norm));
}

/* --- weight gradients: `out` is the output's gradient --- */

typedef struct gradients {
    float *weight, *bias;
    size_t n_weights, n_biases;
} gradients;

/* What was there before must not matter: it is NaN. */
static gradients run_gradient(const dnnb__winograd_kernel *kernel, const convolution *c,
                              bool with_bias) {
    gradients g = {.n_biases = (size_t)(c->w.out_blocks * c->block)};
    g.n_weights = g.n_biases * (size_t)(c->w.in_blocks * c->block * count_taps(&c->w));
    size_t n_scratch = kernel->count_gradient_scratch(&c->w);
    g.weight = dnnb__alloc(g.n_weights, sizeof *g.weight);
    g.bias = dnnb__alloc(g.n_biases, sizeof *g.bias);
    void *scratch = dnnb__alloc(n_scratch, 1);
    assert_true(g.weight && g.bias && scratch);
    memset(g.weight, 0xff, g.n_weights * sizeof *g.weight);
    memset(g.bias, 0xff, g.n_biases * sizeof *g.bias);
    memset(scratch, 0xff, n_scratch);
    kernel->gradient(&c->w, c->in, c->out, g.weight, with_bias ? g.bias : NULL, scratch);
    dnnb__free(scratch);
    return g;
}

static void destroy_gradients(gradients *g) {
    dnnb__free(g->weight);
    dnnb__free(g->bias);
}

/* The gradient of tap k from input channel i to output channel o; of the bias where i is -1. */
static double sum_gradient(const convolution *c, int64_t o, int64_t i, int64_t k) {
    const dnnb__winograd *w = &c->w;
    double total = 0;
    for (int64_t n = 0; n < w->batch; n++)
        for (int64_t y = 0; y < w->out[0]; y++)
            for (int64_t x = 0; x < w->out[1]; x++) {
                int64_t block = n * w->out_blocks + o / c->block;
                int64_t at = ((block * w->out[0] + y) * w->out[1] + x) * c->block + o % c->block;
                int64_t iy = y + k / w->window - w->padding[0];
                int64_t ix = x + k % w->window - w->padding[1];
                if (i >= 0 && (iy < 0 || iy >= w->in[0] || ix < 0 || ix >= w->in[1])) continue;
                block = n * w->in_blocks + i / c->block;
                int64_t from = ((block * w->in[0] + iy) * w->in[1] + ix) * c->block + i % c->block;
                total += (double)c->out[at] * (i < 0 ? 1.0 : (double)c->in[from]);
            }
    return total;
}

static void compare_gradients(const convolution *c, const gradients *g, size_t shape,
                              double tolerance) {
    double difference = 0, norm = 0, bias_difference = 0, bias_norm = 0;
    for (int64_t at = 0; at < (int64_t)g->n_weights; at++) {
        int64_t square = c->block * c->block, taps = count_taps(&c->w), pair = at / (square * taps);
        int64_t o = pair / c->w.in_blocks * c->block + at % c->block;
        int64_t i = pair % c->w.in_blocks * c->block + at / c->block % c->block;
        double wanted = sum_gradient(c, o, i, at / square % taps);
        difference += ((double)g->weight[at] - wanted) * ((double)g->weight[at] - wanted);
        norm += wanted * wanted;
    }
    for (int64_t o = 0; o < (int64_t)g->n_biases; o++) {
        double wanted = sum_gradient(c, o, -1, 0);
        bias_difference += ((double)g->bias[o] - wanted) * ((double)g->bias[o] - wanted);
        bias_norm += wanted * wanted;
    }
    if (!(difference <= tolerance * tolerance * norm))
        fail_msg("shape %zu, weights: relative distance %g", shape, sqrt(difference / norm));
    if (!(bias_difference <= in_float32 * in_float32 * bias_norm))
        fail_msg("shape %zu, bias: relative distance %g", shape, sqrt(bias_difference / bias_norm));
}

static const dnnb__winograd_kernel *find_kernel(void) {
    dnnb__isa isa;
    assert_int_equal(dnnb__isa_get(&isa), DNNB_OK);
    const dnnb__winograd_kernel *kernel = dnnb__kernels_find_winograd(isa);
    if (!kernel) print_message("left out: this processor has no AVX-512\n");
    return kernel;
}

/* Of both windows: even and odd sides; padding of none, one, two, and uneven after the last pixel;
 * one, few and an odd number of blocks, and more than a part of the channels; fewer tiles than a
 * piece of the products, several groups of them, also in a section of a weight gradient. */
static const dnnb__winograd shapes[] = {
    {3, 2, 3, 4, {13, 13}, {13, 13}, {1, 1}, 2, .relu = false},
    {3, 3, 2, 3, {9, 12}, {7, 10}, {0, 0}, 1, .relu = true},
    {3, 1, 1, 1, {4, 5}, {6, 7}, {2, 2}, 3, .relu = false},
    {3, 2, 4, 5, {8, 7}, {7, 8}, {0, 2}, 2, .relu = true},
    {3, 1, 2, 2, {3, 3}, {1, 1}, {0, 0}, 4, .relu = false},
    {3, 5, 2, 3, {27, 20}, {27, 20}, {1, 1}, 2, .relu = true},
    {3, 1, 9, 10, {5, 6}, {5, 6}, {1, 1}, 2, .relu = true},
    {5, 2, 2, 3, {13, 13}, {13, 13}, {2, 2}, 2, .relu = false},
    {5, 3, 1, 2, {10, 9}, {6, 5}, {0, 0}, 1, .relu = true},
    {5, 1, 1, 1, {5, 7}, {4, 6}, {1, 2}, 3, .relu = false},
    {5, 1, 2, 1, {5, 5}, {1, 1}, {0, 0}, 4, .relu = true},
    {5, 4, 5, 4, {7, 8}, {7, 8}, {2, 2}, 2, .relu = true},
    {5, 3, 4, 6, {12, 9}, {12, 9}, {2, 2}, 5, .relu = false},
    {3, 1, 1, 1, {74, 74}, {74, 74}, {1, 1}, 2, .relu = false},
    {5, 1, 1, 1, {104, 104}, {104, 104}, {2, 2}, 2, .relu = false},
    {3, 1, 1, 1, {130, 130}, {130, 130}, {1, 1}, 2, .relu = false},
    {3, 2, 2, 3, {6, 6}, {6, 6}, {1, 1}, 2, .relu = true},
};

enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

static void test_kernels_winograd__convolutions_are_those_of_plain_loops(void **state) {
    (void)state;
    const dnnb__winograd_kernel *kernel = find_kernel();
    for (size_t k = 0; kernel && k < N_SHAPES; k++)
        for (int turned = 0; turned < 2; turned++) {
            convolution c = create_convolution(kernel, &shapes[k], turned);
            run(kernel, &c, !turned);
            compare(&c, k, !turned, in_float32);
            destroy_convolution(&c);
        }
}

static void compare_batches_and_threads(const dnnb__winograd_kernel *kernel,
                                        const dnnb__winograd *shape) {
    convolution a = create_convolution(kernel, shape, false);
    run(kernel, &a, true);
    for (int64_t n = 1; n <= 5; n++) {
        convolution b = create_convolution(kernel, shape, false);
        b.w.n_threads = n;
        b.w.batch = n < a.w.batch ? n : a.w.batch;
        b.n_out = a.n_out / (size_t)a.w.batch * (size_t)b.w.batch;
        run(kernel, &b, true);
        assert_memory_equal(a.out, b.out, b.n_out * sizeof *a.out);
        destroy_convolution(&b);
    }
    destroy_convolution(&a);
}

static void test_kernels_winograd__bits_follow_neither_threads_nor_batch(void **state) {
    (void)state;
    const dnnb__winograd_kernel *kernel = find_kernel();
    for (size_t k = 0; kernel && k < N_SHAPES; k++) compare_batches_and_threads(kernel, &shapes[k]);
}

/* --- with AMX --- */

/* Transformed inputs, transformed weights and outputs are each rounded to 8 bits, by 0.16% in the
 * root of the mean square. Among random numbers the transforms make the first two count 5/3 times:
 * 0.42% together. */
static const double in_bfloat16 = 0.005;

static const dnnb__winograd_kernel *find_kernel_bf16(void) {
    dnnb__isa isa;
    assert_int_equal(dnnb__isa_get(&isa), DNNB_OK);
    const dnnb__winograd_kernel *kernel = dnnb__kernels_find_winograd_bf16(isa);
    if (!kernel) print_message("left out: this processor has no AMX\n");
    return kernel;
}

/* Also: more than a group of tiles, more than a part of the input and of the output channels, in
 * parts of unlike sizes. */
static const dnnb__winograd shapes_bf16[] = {
    {3, 2, 3, 2, {13, 13}, {13, 13}, {1, 1}, 2, .relu = false, .is_bf16 = true},
    {3, 3, 1, 5, {9, 12}, {7, 10}, {0, 0}, 1, .relu = true, .is_bf16 = true},
    {3, 1, 1, 1, {4, 5}, {6, 7}, {2, 2}, 3, .relu = false, .is_bf16 = true},
    {3, 1, 2, 1, {3, 3}, {1, 1}, {0, 0}, 4, .relu = false, .is_bf16 = true},
    {3, 2, 17, 1, {4, 7}, {3, 8}, {0, 2}, 2, .relu = true, .is_bf16 = true},
    {3, 1, 9, 5, {3, 4}, {3, 4}, {1, 1}, 2, .relu = false, .is_bf16 = true},
    {3, 5, 1, 1, {27, 20}, {27, 20}, {1, 1}, 2, .relu = true, .is_bf16 = true},
};

enum { N_SHAPES_BF16 = sizeof shapes_bf16 / sizeof shapes_bf16[0] };

static void test_kernels_winograd__convolutions_with_amx_are_those_of_plain_loops(void **state) {
    (void)state;
    const dnnb__winograd_kernel *kernel = find_kernel_bf16();
    for (size_t k = 0; kernel && k < N_SHAPES_BF16; k++)
        for (int turned = 0; turned < 2; turned++) {
            convolution c = create_convolution(kernel, &shapes_bf16[k], turned);
            run(kernel, &c, !turned);
            compare(&c, k, !turned, in_bfloat16);
            destroy_convolution(&c);
        }
}

static void test_kernels_winograd__bits_with_amx_follow_neither_threads_nor_batch(void **state) {
    (void)state;
    const dnnb__winograd_kernel *kernel = find_kernel_bf16();
    for (size_t k = 0; kernel && k < N_SHAPES_BF16; k++)
        compare_batches_and_threads(kernel, &shapes_bf16[k]);
}

static void test_kernels_winograd__weight_gradients_are_those_of_plain_loops(void **state) {
    (void)state;
    const dnnb__winograd_kernel *kernel = find_kernel();
    for (size_t k = 0; kernel && k < N_SHAPES; k++) {
        convolution c = create_convolution(kernel, &shapes[k], false);
        gradients g = run_gradient(kernel, &c, true);
        compare_gradients(&c, &g, k, in_float32);
        for (int64_t n = 1; n <= 5; n++) {
            c.w.n_threads = n;
            gradients again = run_gradient(kernel, &c, n % 2 == 0);
            assert_memory_equal(g.weight, again.weight, g.n_weights * sizeof *g.weight);
            if (n % 2 == 0) assert_memory_equal(g.bias, again.bias, g.n_biases * sizeof *g.bias);
            destroy_gradients(&again);
        }
        destroy_gradients(&g);
        destroy_convolution(&c);
    }
}

static void *create_rounded(float *values, size_t n) {
    uint16_t *rounded = dnnb__alloc(n, sizeof *rounded);
    assert_non_null(rounded);
    for (size_t i = 0; i < n; i++) {
        rounded[i] = dnnb__bf16_round(values[i]);
        values[i] = dnnb__bf16_widen(rounded[i]);
    }
    return rounded;
}

/* The outputs that are compared are rounded too: few of them differ, by the last bit. */
static void compare_rounded(const convolution *c, size_t shape) {
    const uint16_t *out = (const void *)c->out;
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < (int64_t)c->n_out; i++) {
        double wanted = (double)dnnb__bf16_widen(dnnb__bf16_round((float)sum(c, i, true)));
        double found = (double)dnnb__bf16_widen(out[i]);
        difference += (found - wanted) * (found - wanted);
        norm += wanted * wanted;
        if (c->w.relu) assert_int_equal(out[i] >> 15, 0);
    }
    if (!(difference <= in_fewer_rounded * in_fewer_rounded * norm))
        fail_msg("shape %zu: relative distance %g", shape, sqrt(difference / norm));
}

/* Of one image too, and of any number of threads, it has the same bits. */
static void compare_threads(const dnnb__winograd_kernel *kernel, const convolution *c) {
    uint16_t *out = dnnb__alloc(c->n_out, sizeof *out);
    assert_non_null(out);
    memcpy(out, c->out, c->n_out * sizeof *out);
    for (int64_t n = 1; n <= 5; n++) {
        convolution again = *c;
        again.w.n_threads = n;
        again.w.batch = n < c->w.batch ? n : c->w.batch;
        again.n_out = c->n_out / (size_t)c->w.batch * (size_t)again.w.batch;
        run(kernel, &again, true);
        assert_memory_equal(again.out, out, again.n_out * sizeof *out);
    }
    dnnb__free(out);
}

static void
test_kernels_winograd__bfloat16_is_multiplied_in_float32_and_rounded_once(void **state) {
    (void)state;
    const dnnb__winograd_kernel *kernel = find_kernel();
    for (size_t k = 0; kernel && k < N_SHAPES; k++)
        for (int turned = 0; turned < 2; turned++) {
            convolution c = create_convolution(kernel, &shapes[k], turned), rounded = c;
            rounded.w.is_bf16 = true;
            void *in = create_rounded(c.in, count_in(&c));
            rounded.in = in;
            run(kernel, &rounded, true);
            rounded.in = c.in;
            compare_rounded(&rounded, k);
            rounded.in = in;
            compare_threads(kernel, &rounded);
            dnnb__free(in);
            destroy_convolution(&c);
        }
}

static void test_kernels_winograd__weight_gradients_of_bfloat16_are_those_of_float32(void **state) {
    (void)state;
    const dnnb__winograd_kernel *kernel = find_kernel();
    for (size_t k = 0; kernel && k < N_SHAPES; k++) {
        convolution c = create_convolution(kernel, &shapes[k], false), rounded = c;
        rounded.w.is_bf16 = true;
        rounded.in = create_rounded(c.in, count_in(&c));
        rounded.out = create_rounded(c.out, c.n_out);
        gradients g = run_gradient(kernel, &rounded, true);
        compare_gradients(&c, &g, k, in_fewer);
        for (int64_t n = 1; n <= 5; n++) {
            rounded.w.n_threads = n;
            gradients again = run_gradient(kernel, &rounded, true);
            assert_memory_equal(g.weight, again.weight, g.n_weights * sizeof *g.weight);
            assert_memory_equal(g.bias, again.bias, g.n_biases * sizeof *g.bias);
            destroy_gradients(&again);
        }
        destroy_gradients(&g);
        dnnb__free(rounded.in);
        dnnb__free(rounded.out);
        destroy_convolution(&c);
    }
}

static void test_kernels_winograd__a_nan_stays_one(void **state) {
    (void)state;
    const dnnb__winograd_kernel *kernel = find_kernel();
    for (size_t k = 0; kernel && k < N_SHAPES; k++) {
        if (shapes[k].padding[0] > 0 || shapes[k].padding[1] > 0) continue;
        convolution c = create_convolution(kernel, &shapes[k], false), rounded = c;
        c.in[0] = NAN;
        run(kernel, &c, true);
        assert_true(isnan(c.out[0]));
        rounded.w.is_bf16 = true;
        rounded.in = create_rounded(c.in, count_in(&c));
        run(kernel, &rounded, true);
        assert_true(isnan(dnnb__bf16_widen(((const uint16_t *)(const void *)rounded.out)[0])));
        dnnb__free(rounded.in);
        destroy_convolution(&c);
    }
}

static void test_kernels_winograd__fewer_products_are_for_planes_that_gain(void **state) {
    (void)state;
    const dnnb__winograd_kernel *kernel = find_kernel();
    if (!kernel) return;
    static const struct {
        int64_t window, out[2], in_float32, in_bfloat16;
    } planes[] = {{3, {13, 13}, 7 * 7 * 16, 3 * 3 * 49},
                  {3, {6, 6}, 3 * 3 * 16, 3 * 3 * 16},
                  {3, {5, 6}, 3 * 3 * 16, 1 * 2 * 49},
                  {5, {27, 27}, 7 * 7 * 121, 7 * 7 * 64},
                  {7, {27, 27}, 0, 0}};
    for (size_t i = 0; i < sizeof planes / sizeof planes[0]; i++) {
        assert_int_equal(kernel->count_products(planes[i].window, false, planes[i].out),
                         planes[i].in_float32);
        assert_int_equal(kernel->count_products(planes[i].window, true, planes[i].out),
                         planes[i].in_bfloat16);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_winograd__convolutions_are_those_of_plain_loops),
        cmocka_unit_test(test_kernels_winograd__bits_follow_neither_threads_nor_batch),
        cmocka_unit_test(test_kernels_winograd__convolutions_with_amx_are_those_of_plain_loops),
        cmocka_unit_test(test_kernels_winograd__bits_with_amx_follow_neither_threads_nor_batch),
        cmocka_unit_test(test_kernels_winograd__weight_gradients_are_those_of_plain_loops),
        cmocka_unit_test(test_kernels_winograd__bfloat16_is_multiplied_in_float32_and_rounded_once),
        cmocka_unit_test(test_kernels_winograd__weight_gradients_of_bfloat16_are_those_of_float32),
        cmocka_unit_test(test_kernels_winograd__a_nan_stays_one),
        cmocka_unit_test(test_kernels_winograd__fewer_products_are_for_planes_that_gain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
