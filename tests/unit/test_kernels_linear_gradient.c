/* The kernels of a linear layer's weight gradient in bfloat16, each row of the table that this
 * processor can run: against plain loops in float64, and that who takes the blocks and how many
 * threads make them change no bit. */
#include "unit/unit.h"

#include <math.h>

#include "core/bf16.h"
#include "core/mem.h"
#include "core/random.h"
#include "core/thread.h"
#include "kernels/kernels.h"

enum { IN = DNNB__LINEAR_GRADIENT_IN };

/* Products of two bfloat16 are exact in float32; sums of up to 100 of them lose some 1e-7 each. */
static const double tolerance = 1e-5;

static size_t pad(int64_t n, int64_t block) {
    return (size_t)((n + block - 1) / block * block);
}

static uint16_t *create_values(size_t n, uint32_t place) {
    uint16_t *values = dnnb__alloc(n, sizeof *values);
    assert_non_null(values);
    dnnb__random_draws draws =
        dnnb__random_draws_create(dnnb__random_key_create(4, DNNB__PURPOSE_TEST), 0, place);
    for (size_t i = 0; i < n; i++)
        values[i] = dnnb__bf16_round((float)(2.0 * dnnb__random_uniform(&draws) - 1.0));
    return values;
}

static size_t count_block(const dnnb__linear_gradient *g) {
    return IN * (size_t)g->width;
}

typedef struct results {
    float *gradient, *bias;
    size_t n, n_bias, block;
    int *n_taken; /* calls for each block; NULL where the kernel writes the gradient itself */
} results;

static void take(void *context, size_t first, size_t n, const float *gradient) {
    results *r = context;
    assert_true(n % r->block == 0 && first % r->block == 0 && first + n <= r->n);
    memcpy(r->gradient + first, gradient, n * sizeof *gradient);
    for (size_t i = 0; i < n / r->block; i++) r->n_taken[first / r->block + i]++;
}

static results run(const dnnb__linear_gradient_kernel *kernel, const dnnb__linear_gradient *g,
                   const uint16_t *in, const uint16_t *out_gradient, bool takes, size_t n_threads) {
    size_t n_in = pad(g->in, IN), n_out = pad(g->out, g->width);
    size_t n_rows = pad(g->rows, DNNB__LINEAR_GRADIENT_ROWS);
    results r = {.n = n_in * n_out, .n_bias = (size_t)g->out, .block = count_block(g)};
    uint16_t *packed[2] = {create_values(n_in * n_rows, 5), create_values(n_out * n_rows, 6)};
    r.gradient = dnnb__alloc(r.n, sizeof *r.gradient);
    r.bias = dnnb__alloc(r.n_bias, sizeof *r.bias);
    r.n_taken = dnnb__calloc(r.n / r.block, sizeof *r.n_taken);
    assert_true(r.gradient && r.bias && r.n_taken);
    memset(r.gradient, 0xff, r.n * sizeof *r.gradient);
    size_t before = dnnb__threads_set(n_threads);
    kernel->run(g, in, out_gradient, packed[0], packed[1], takes ? NULL : r.gradient, r.bias,
                takes ? take : NULL, &r);
    (void)dnnb__threads_set(before);
    for (size_t i = 0; i < r.n / r.block; i++) assert_int_equal(r.n_taken[i], takes);
    dnnb__free(packed[0]);
    dnnb__free(packed[1]);
    return r;
}

static void results_free(results *r) {
    dnnb__free(r->gradient);
    dnnb__free(r->bias);
    dnnb__free(r->n_taken);
}

/* The element of the plain gradient [out, in] that lies at `at`; -1 for padding. */
static int64_t find_place(const dnnb__linear_gradient *g, size_t at) {
    size_t width = (size_t)g->width, strips = pad(g->in, IN) / IN;
    size_t block = at / count_block(g), row = at % count_block(g) / width;
    int64_t o = (int64_t)(block / strips * width + at % width);
    int64_t i = (int64_t)(block % strips * IN + row);
    return o < g->out && i < g->in ? o * g->in + i : -1;
}

static double add_up(const uint16_t *a, int64_t a_step, const uint16_t *b, int64_t b_step,
                     int64_t rows) {
    double sum = 0;
    for (int64_t r = 0; r < rows; r++)
        sum += (double)dnnb__bf16_widen(a[r * a_step]) * (double)dnnb__bf16_widen(b[r * b_step]);
    return sum;
}

static void compare(const dnnb__linear_gradient *g, const uint16_t *in,
                    const uint16_t *out_gradient, const results *r) {
    static const uint16_t one = 0x3f80;
    for (size_t at = 0; at < r->n; at++) {
        int64_t place = find_place(g, at);
        double expected = 0;
        if (place >= 0)
            expected =
                add_up(out_gradient + place / g->in, g->out, in + place % g->in, g->in, g->rows);
        if (!(fabs((double)r->gradient[at] - expected) <= (place < 0 ? 0 : tolerance)))
            fail_msg("%zu: expected %g, found %g", at, expected, (double)r->gradient[at]);
    }
    for (int64_t o = 0; o < g->out; o++) {
        double expected = add_up(out_gradient + o, g->out, &one, 0, g->rows);
        if (!(fabs((double)r->bias[o] - expected) <= tolerance))
            fail_msg("bias %d: expected %g, found %g", (int)o, expected, (double)r->bias[o]);
    }
}

static void check(const dnnb__linear_gradient_kernel *kernel, const dnnb__linear_gradient *g) {
    uint16_t *in = create_values((size_t)(g->rows * g->in), 1);
    uint16_t *out_gradient = create_values((size_t)(g->rows * g->out), 2);
    results kept = run(kernel, g, in, out_gradient, false, 1);
    compare(g, in, out_gradient, &kept);
    for (size_t n_threads = 1; n_threads <= 2; n_threads++) {
        results taken = run(kernel, g, in, out_gradient, true, n_threads);
        assert_memory_equal(taken.gradient, kept.gradient, kept.n * sizeof *kept.gradient);
        assert_memory_equal(taken.bias, kept.bias, kept.n_bias * sizeof *kept.bias);
        results_free(&taken);
    }
    results_free(&kept);
    dnnb__free(in);
    dnnb__free(out_gradient);
}

static void test_kernels_linear_gradient__is_that_of_plain_loops(void **state) {
    (void)state;
    static const dnnb__linear_gradient shapes[] = {
        {1, 16, 64, 64},  {8, 48, 128, 64},   {33, 1040, 192, 64}, {64, 2064, 64, 64},
        {70, 90, 64, 32}, {31, 17, 100, 64},  {32, 1, 1, 16},      {100, 33, 65, 32},
        {64, 50, 40, 16}, {33, 1030, 64, 32},
    };
    size_t n_checked = 0;
    for (int isa = 0; isa <= (int)dnnb__isa_get_processor(); isa++) {
        const dnnb__linear_gradient_kernel *kernel =
            dnnb__kernels_get_row((dnnb__isa)isa)->linear_gradient;
        if (!kernel || !kernel->can_run()) continue;
        n_checked++;
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) check(kernel, &shapes[i]);
    }
    if (n_checked == 0) printf("left out: this processor has no AMX\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_linear_gradient__is_that_of_plain_loops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
