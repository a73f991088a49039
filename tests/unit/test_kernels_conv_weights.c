/* The weight gradient of a convolution in bfloat16, against plain loops with float64 sums. */
#include "unit/unit.h"

#include <math.h>
#include <string.h>

#include "core/bf16.h"
#include "core/mem.h"
#include "core/random.h"
#include "core/thread.h"
#include "kernels/kernels.h"

/* float32 sums of up to some thousand products that are exact in it. */
static const double tolerance = 1e-5;

static const dnnb__random_key key = {{31, 32}};

enum { TILE = 16 };

/* Values whose bfloat16 are exact. */
static uint16_t *create_values(size_t n, uint32_t place) {
    uint16_t *values = dnnb__alloc(n, sizeof *values);
    assert_non_null(values);
    dnnb__random_draws draws = dnnb__random_draws_create(key, 1, place);
    for (size_t i = 0; i < n; i++)
        values[i] = dnnb__bf16_round((float)(2.0 * dnnb__random_uniform(&draws) - 1.0));
    return values;
}

typedef struct gradients {
    dnnb__conv_weights_bf16 w;
    uint16_t *in, *out;
    float *weight, *bias;
    size_t n_weights, n_scratch;
    void *scratch;
} gradients;

static gradients create_gradients(const dnnb__conv_weights_bf16_kernel *kernel,
                                  const dnnb__conv_weights_bf16 *w) {
    gradients g = {.w = *w, .n_scratch = kernel->count_scratch(w)};
    size_t tiles = (size_t)((w->in_channels + TILE - 1) / TILE) *
                   (size_t)((w->out_channels + TILE - 1) / TILE);
    g.n_weights = tiles * (size_t)(w->kernel[0] * w->kernel[1]) * TILE * TILE;
    g.in = create_values((size_t)(w->batch * w->in[0] * w->in[1] * w->in_channels), 1);
    g.out = create_values((size_t)(w->batch * w->out[0] * w->out[1] * w->out_channels), 2);
    g.weight = dnnb__alloc(g.n_weights, sizeof *g.weight);
    g.bias = dnnb__alloc((size_t)w->out_channels, sizeof *g.bias);
    g.scratch = dnnb__alloc(g.n_scratch, 1);
    assert_true(g.weight && g.bias && g.scratch);
    return g;
}

/* What was there before must not matter: it is NaN. */
static void run(const dnnb__conv_weights_bf16_kernel *kernel, gradients *g, bool with_bias) {
    memset(g->weight, 0xff, g->n_weights * sizeof *g->weight);
    memset(g->bias, 0xff, (size_t)g->w.out_channels * sizeof *g->bias);
    memset(g->scratch, 0xff, g->n_scratch);
    kernel->run(&g->w, g->in, g->out, g->weight, with_bias ? g->bias : NULL, g->scratch);
}

static void destroy_gradients(gradients *g) {
    dnnb__free(g->in);
    dnnb__free(g->out);
    dnnb__free(g->weight);
    dnnb__free(g->bias);
    dnnb__free(g->scratch);
}

/* The gradient of weight [o][i][ky][kx]; of the bias where i is -1. */
static double sum(const gradients *g, int64_t o, int64_t i, int64_t ky, int64_t kx) {
    const dnnb__conv_weights_bf16 *w = &g->w;
    double total = 0;
    for (int64_t n = 0; n < w->batch; n++)
        for (int64_t y = 0; y < w->out[0]; y++)
            for (int64_t x = 0; x < w->out[1]; x++) {
                int64_t at = ((n * w->out[0] + y) * w->out[1] + x) * w->out_channels + o;
                double gradient = (double)dnnb__bf16_widen(g->out[at]);
                int64_t iy = y + ky * w->dilation[0] - w->padding[0];
                int64_t ix = x + kx * w->dilation[1] - w->padding[1];
                if (i >= 0 && (iy < 0 || iy >= w->in[0] || ix < 0 || ix >= w->in[1])) continue;
                int64_t from = ((n * w->in[0] + iy) * w->in[1] + ix) * w->in_channels + i;
                total += i < 0 ? gradient : gradient * (double)dnnb__bf16_widen(g->in[from]);
            }
    return total;
}

static void compare(const gradients *g, size_t shape) {
    const dnnb__conv_weights_bf16 *w = &g->w;
    int64_t in_tiles = (w->in_channels + TILE - 1) / TILE;
    int64_t taps = w->kernel[0] * w->kernel[1];
    double difference = 0, norm = 0, bias_difference = 0, bias_norm = 0;
    for (int64_t at = 0; at < (int64_t)g->n_weights; at++) {
        int64_t tile = at / (TILE * TILE * taps), tap = at / (TILE * TILE) % taps;
        int64_t o = tile / in_tiles * TILE + at / TILE % TILE;
        int64_t i = tile % in_tiles * TILE + at % TILE;
        bool is_padding = o >= w->out_channels || i >= w->in_channels;
        double wanted = is_padding ? 0.0 : sum(g, o, i, tap / w->kernel[1], tap % w->kernel[1]);
        if (is_padding) assert_true(g->weight[at] == 0.0f); /* optimisers keep it so */
        difference += ((double)g->weight[at] - wanted) * ((double)g->weight[at] - wanted);
        norm += wanted * wanted;
    }
    for (int64_t o = 0; o < w->out_channels; o++) {
        double wanted = sum(g, o, -1, 0, 0);
        bias_difference += ((double)g->bias[o] - wanted) * ((double)g->bias[o] - wanted);
        bias_norm += wanted * wanted;
    }
    if (!(difference <= tolerance * tolerance * norm))
        fail_msg("shape %zu: relative distance %g", shape, sqrt(difference / norm));
    if (!(bias_difference <= tolerance * tolerance * bias_norm))
        fail_msg("shape %zu, bias: relative distance %g", shape, sqrt(bias_difference / bias_norm));
}

static const dnnb__conv_weights_bf16_kernel *find_kernel(void) {
    dnnb__isa isa;
    assert_int_equal(dnnb__isa_get(&isa), DNNB_OK);
    const dnnb__conv_weights_bf16_kernel *kernel = dnnb__kernels_find_conv_weights_bf16(isa);
    if (!kernel) print_message("left out: this processor has no AMX\n");
    return kernel;
}

/* Whole tiles, parts of them, odd numbers of tiles; padding on both sides, on none, more than an
 * output reads, outputs that read nothing else; dilation; images in several groups. */
static const dnnb__conv_weights_bf16 shapes[] = {
    {2, 32, 32, {13, 13}, {13, 13}, {3, 3}, {1, 1}, {1, 1}},
    {3, 48, 64, {9, 11}, {7, 9}, {3, 3}, {0, 0}, {1, 1}},
    {1, 3, 20, {12, 10}, {12, 10}, {5, 5}, {2, 2}, {1, 1}},
    {2, 17, 33, {8, 9}, {8, 8}, {3, 2}, {1, 0}, {1, 1}},
    {5, 16, 16, {7, 7}, {7, 7}, {1, 1}, {0, 0}, {1, 1}},
    {2, 40, 24, {10, 12}, {10, 14}, {3, 2}, {2, 2}, {2, 2}},
    {2, 64, 32, {1, 1}, {1, 1}, {3, 3}, {1, 1}, {1, 1}},
    {2, 16, 32, {5, 6}, {7, 8}, {1, 1}, {1, 1}, {1, 1}},
    {40, 64, 80, {27, 13}, {27, 13}, {3, 1}, {1, 0}, {1, 1}},
};

static void test_kernels_conv_weights__are_those_of_plain_loops(void **state) {
    (void)state;
    const dnnb__conv_weights_bf16_kernel *kernel = find_kernel();
    for (size_t k = 0; kernel && k < sizeof shapes / sizeof shapes[0]; k++) {
        gradients g = create_gradients(kernel, &shapes[k]);
        run(kernel, &g, true);
        compare(&g, k);
        destroy_gradients(&g);
    }
}

static void test_kernels_conv_weights__bits_follow_no_threads(void **state) {
    (void)state;
    const dnnb__conv_weights_bf16_kernel *kernel = find_kernel();
    for (size_t k = 0; kernel && k < sizeof shapes / sizeof shapes[0]; k++) {
        gradients a = create_gradients(kernel, &shapes[k]);
        gradients b = create_gradients(kernel, &shapes[k]);
        size_t before = dnnb__threads_set(1);
        run(kernel, &a, true);
        for (size_t n_threads = 2; n_threads <= 5; n_threads++) {
            (void)dnnb__threads_set(n_threads);
            bool with_bias = n_threads % 2 == 0;
            run(kernel, &b, with_bias);
            assert_memory_equal(a.weight, b.weight, a.n_weights * sizeof *a.weight);
            size_t n_bytes = (size_t)a.w.out_channels * sizeof *a.bias;
            if (with_bias) assert_memory_equal(a.bias, b.bias, n_bytes);
        }
        (void)dnnb__threads_set(before);
        destroy_gradients(&a);
        destroy_gradients(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_conv_weights__are_those_of_plain_loops),
        cmocka_unit_test(test_kernels_conv_weights__bits_follow_no_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
