/* The kernels of a linear layer in bfloat16, each row of the table that this processor can run:
 * against plain loops in float64, and that neither the rest of a batch nor the number of threads
 * changes a bit of a row. */
#include "unit/unit.h"

#include <math.h>

#include "core/bf16.h"
#include "core/mem.h"
#include "core/random.h"
#include "core/thread.h"
#include "kernels/kernels.h"

enum { WIDTH = DNNB__LINEAR_BF16_WIDTH };

/* Products of two bfloat16 are exact in float32; sums of up to 3,000 of them lose some 1e-7 each.
 */
static const double tolerance = 2e-4;

static int64_t pad(int64_t n, int64_t block) {
    return (n + block - 1) / block * block;
}

static uint16_t *create_values(size_t n, uint32_t place) {
    uint16_t *values = dnnb__alloc(n, sizeof *values);
    assert_non_null(values);
    dnnb__random_draws draws =
        dnnb__random_draws_create(dnnb__random_key_create(5, DNNB__PURPOSE_TEST), 0, place);
    for (size_t i = 0; i < n; i++)
        values[i] = dnnb__bf16_round((float)(2.0 * dnnb__random_uniform(&draws) - 1.0));
    return values;
}

/* From [out, in] into blocks of pairs. */
static uint16_t *create_blocks(const dnnb__linear_bf16 *l, const uint16_t *weights) {
    int64_t in = pad(l->in, DNNB__LINEAR_BF16_IN);
    uint16_t *blocks = dnnb__calloc((size_t)(in * pad(l->out, WIDTH)), sizeof *blocks);
    assert_non_null(blocks);
    for (int64_t o = 0; o < l->out; o++)
        for (int64_t i = 0; i < l->in; i++)
            blocks[((o / WIDTH * in + i) / 2 * WIDTH + o % WIDTH) * 2 + i % 2] =
                weights[o * l->in + i];
    return blocks;
}

typedef struct factors {
    dnnb__linear_bf16 shape;
    uint16_t *in, *out_gradient, *weights, *blocks;
    float *bias;
} factors;

static factors factors_create(const dnnb__linear_bf16 *l) {
    factors f = {.shape = *l,
                 .in = create_values((size_t)(l->rows * l->in), 1),
                 .out_gradient = create_values((size_t)(l->rows * l->out), 2),
                 .weights = create_values((size_t)(l->in * l->out), 3),
                 .bias = dnnb__alloc((size_t)l->out, sizeof *f.bias)};
    assert_non_null(f.bias);
    f.blocks = create_blocks(l, f.weights);
    for (int64_t i = 0; i < l->out; i++) f.bias[i] = (float)i / 7.0f - 3.0f;
    return f;
}

static void factors_free(factors *f) {
    dnnb__free(f->in);
    dnnb__free(f->out_gradient);
    dnnb__free(f->weights);
    dnnb__free(f->blocks);
    dnnb__free(f->bias);
}

typedef struct results {
    float *f32;
    uint16_t *bf16, *in_gradient;
} results;

/* Rows `first` to first + rows. */
static results run(const dnnb__linear_bf16_kernel *kernel, const factors *f, int64_t first,
                   int64_t rows, size_t n_threads) {
    dnnb__linear_bf16 l = {.rows = rows, .in = f->shape.in, .out = f->shape.out};
    size_t n_in = (size_t)(rows * l.in), n_out = (size_t)(rows * l.out);
    uint16_t *packed[2] = {create_values(dnnb__linear_bf16_count(rows, l.in), 5),
                           create_values(dnnb__linear_bf16_count(rows, l.out), 6)};
    results r = {.f32 = dnnb__alloc(n_out, sizeof *r.f32),
                 .bf16 = create_values(n_out, 7),
                 .in_gradient = create_values(n_in, 8)};
    assert_non_null(r.f32);
    memset(r.f32, 0xff, n_out * sizeof *r.f32);
    size_t before = dnnb__threads_set(n_threads);
    const uint16_t *in = f->in + first * l.in;
    kernel->forward(&l, in, f->blocks, f->bias, packed[0], r.f32, true);
    kernel->forward(&l, in, f->blocks, NULL, packed[0], r.bf16, false);
    kernel->backward_data(&l, f->out_gradient + first * l.out, f->blocks, packed[1], r.in_gradient);
    (void)dnnb__threads_set(before);
    dnnb__free(packed[0]);
    dnnb__free(packed[1]);
    return r;
}

static void results_free(results *r) {
    dnnb__free(r->f32);
    dnnb__free(r->bf16);
    dnnb__free(r->in_gradient);
}

static double add_up(const uint16_t *a, int64_t a_step, const uint16_t *b, int64_t b_step,
                     int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)dnnb__bf16_widen(a[i * a_step]) * (double)dnnb__bf16_widen(b[i * b_step]);
    return sum;
}

/* A rounding to bfloat16 loses up to 2^-9 of it. */
static void expect_near(double found, double expected, bool is_bf16, const char *what, int64_t at) {
    double most = tolerance + (is_bf16 ? fabs(expected) / 256 : 0);
    if (!(fabs(found - expected) <= most))
        fail_msg("%s %lld: expected %g, found %g", what, (long long)at, expected, found);
}

static void compare(const factors *f, const results *r) {
    const dnnb__linear_bf16 *l = &f->shape;
    for (int64_t row = 0; row < l->rows; row++) {
        for (int64_t o = 0; o < l->out; o++) {
            int64_t at = row * l->out + o;
            double sum = add_up(f->in + row * l->in, 1, f->weights + o * l->in, 1, l->in);
            expect_near((double)r->f32[at], sum + (double)f->bias[o], false, "output", at);
            expect_near((double)dnnb__bf16_widen(r->bf16[at]), sum, true, "rounded output", at);
        }
        for (int64_t i = 0; i < l->in; i++) {
            int64_t at = row * l->in + i;
            double sum = add_up(f->out_gradient + row * l->out, 1, f->weights + i, l->in, l->out);
            expect_near((double)dnnb__bf16_widen(r->in_gradient[at]), sum, true, "gradient", at);
        }
    }
}

/* `part` has the rows of `whole` from `first` on. */
static void expect_same(const dnnb__linear_bf16 *l, const results *part, const results *whole,
                        int64_t first, int64_t rows) {
    size_t n_out = (size_t)(rows * l->out), n_in = (size_t)(rows * l->in);
    assert_memory_equal(part->f32, whole->f32 + first * l->out, n_out * sizeof(float));
    assert_memory_equal(part->bf16, whole->bf16 + first * l->out, n_out * sizeof(uint16_t));
    assert_memory_equal(part->in_gradient, whole->in_gradient + first * l->in,
                        n_in * sizeof(uint16_t));
}

static void check(const dnnb__linear_bf16_kernel *kernel, const dnnb__linear_bf16 *l) {
    factors f = factors_create(l);
    results whole = run(kernel, &f, 0, l->rows, 1);
    compare(&f, &whole);
    int64_t first = l->rows / 3;
    const int64_t parts[][2] = {{0, l->rows}, {first, l->rows - first}, {l->rows - 1, 1}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        results part = run(kernel, &f, parts[i][0], parts[i][1], 2);
        expect_same(l, &part, &whole, parts[i][0], parts[i][1]);
        results_free(&part);
    }
    results_free(&whole);
    factors_free(&f);
}

static void test_kernels_linear_bf16__is_that_of_plain_loops(void **state) {
    (void)state;
    static const dnnb__linear_bf16 shapes[] = {
        {1, 32, 64},     {8, 64, 100},     {16, 96, 64},     {17, 544, 128}, {33, 288, 65},
        {64, 1056, 640}, {70, 90, 200},    {100, 33, 1},     {130, 320, 64}, {2, 3000, 70},
        {48, 600, 300},  {256, 1056, 330}, {345, 1100, 190}, {80, 513, 129}};
    size_t n_checked = 0;
    for (int isa = 0; isa <= (int)dnnb__isa_get_processor(); isa++) {
        const dnnb__linear_bf16_kernel *kernel = dnnb__kernels_get_row((dnnb__isa)isa)->linear_bf16;
        if (!kernel || !kernel->can_run()) continue;
        n_checked++;
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) check(kernel, &shapes[i]);
    }
    if (n_checked == 0) printf("left out: this processor has no AMX\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_linear_bf16__is_that_of_plain_loops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
