/* The kernels of resampling, each row of the table that this processor can run, against the sums
 * that they stand for: equal to the bit. */
#include "unit/unit.h"

#include <string.h>

#include "core/mem.h"
#include "core/random.h"
#include "kernels/kernels.h"

enum { IN_PX = 300, HALF = 1 << (DNNB__RESAMPLE_BITS - 1) };

static dnnb__random_draws create_draws(uint32_t place) {
    return dnnb__random_draws_create(dnnb__random_key_create(3, DNNB__PURPOSE_TEST), 0, place);
}

static size_t draw_below(dnnb__random_draws *draws, size_t n) {
    return (size_t)(dnnb__random_uniform(draws) * (double)n);
}

/* Noise, with runs of the extremes. */
static uint8_t *create_pixels(size_t n, uint32_t place) {
    uint8_t *pixels = dnnb__alloc(n, 1);
    assert_non_null(pixels);
    dnnb__random_draws draws = create_draws(place);
    for (size_t i = 0; i < n; i++)
        pixels[i] = i / 50 % 3 == 0 ? 255 : (uint8_t)draw_below(&draws, 256);
    return pixels;
}

/* `count` weights with the sum of one, all of it on one of them for every fifth. */
static void fill_weights(dnnb__random_draws *draws, int32_t *weight, size_t count, size_t i) {
    int32_t left = 1 << DNNB__RESAMPLE_BITS;
    for (size_t j = 0; j < count; j++) {
        weight[j] = i % 5 == 0 ? 0 : (int32_t)draw_below(draws, (size_t)left / 2 + 1);
        left -= weight[j];
    }
    weight[draw_below(draws, count)] += left;
}

/* Outputs anywhere in the row, each from up to `most` pixels; the last ends where the row does. */
static dnnb__resample_axis create_axis(size_t n_out, size_t most) {
    size_t group = DNNB__RESAMPLE_GROUP, n_used = (most + group - 1) / group * group;
    dnnb__resample_axis x = {.n_out = n_out, .n_padded = n_used + group, .n_used = n_used};
    x.first = dnnb__calloc(n_out, sizeof *x.first);
    x.count = dnnb__calloc(n_out, sizeof *x.count);
    x.weight = dnnb__calloc(n_out * x.n_padded, sizeof *x.weight);
    x.low = dnnb__calloc(n_out * x.n_padded, sizeof *x.low);
    x.high = dnnb__calloc(n_out * x.n_padded, sizeof *x.high);
    assert_true(x.first && x.count && x.weight && x.low && x.high);
    dnnb__random_draws draws = create_draws((uint32_t)(n_out * 100 + most));
    for (size_t i = 0; i < n_out; i++) {
        size_t count = 1 + draw_below(&draws, most);
        x.count[i] = (int32_t)count;
        x.first[i] = (int32_t)(i + 1 == n_out ? IN_PX - count : draw_below(&draws, IN_PX - most));
        fill_weights(&draws, x.weight + i * x.n_padded, count, i);
    }
    for (size_t i = 0; i < n_out * x.n_padded; i++) {
        x.low[i] = (int16_t)(x.weight[i] % (1 << DNNB__RESAMPLE_LOW_BITS));
        x.high[i] = (int16_t)(x.weight[i] / (1 << DNNB__RESAMPLE_LOW_BITS));
    }
    return x;
}

static void destroy_axis(dnnb__resample_axis *x) {
    dnnb__free(x->first);
    dnnb__free(x->count);
    dnnb__free(x->weight);
    dnnb__free(x->low);
    dnnb__free(x->high);
}

/* One byte: weights times bytes that lie `stride` apart. */
static uint8_t add_up(const int32_t *weight, size_t count, const uint8_t *in, size_t stride) {
    int64_t sum = HALF;
    for (size_t j = 0; j < count; j++) sum += (int64_t)weight[j] * in[j * stride];
    sum >>= DNNB__RESAMPLE_BITS;
    return (uint8_t)(sum > 255 ? 255 : sum);
}

static void compare_row(const dnnb__resample_kernel *kernel, const dnnb__resample_axis *x,
                        const uint8_t *in) {
    uint8_t *out = create_pixels(x->n_out * 3 + DNNB__RESAMPLE_SLACK, 2);
    kernel->row(x, in, out);
    for (size_t i = 0; i < x->n_out; i++)
        for (size_t c = 0; c < 3; c++) {
            const uint8_t *first = in + (size_t)x->first[i] * 3 + c;
            uint8_t expected = add_up(x->weight + i * x->n_padded, (size_t)x->count[i], first, 3);
            if (out[i * 3 + c] != expected)
                fail_msg("%s: pixel %zu, channel %zu: %d, expected %d", kernel->name, i, c,
                         out[i * 3 + c], expected);
        }
    dnnb__free(out);
}

/* Every kernel that this processor has. */
static void compare_rows(const dnnb__resample_axis *x, const uint8_t *in) {
    for (int isa = 0; isa <= (int)dnnb__isa_get_processor(); isa++) {
        const dnnb__resample_kernel *kernel = dnnb__kernels_get_row((dnnb__isa)isa)->resample;
        if (kernel) compare_row(kernel, x, in);
    }
}

/* Filled to the last byte that a kernel may touch, so that a sanitizer sees each step beyond. */
static size_t get_in_bytes(const dnnb__resample_axis *x) {
    return (IN_PX + x->n_used) * 3 + DNNB__RESAMPLE_SLACK;
}

static void test_kernels_resample__rows_of_every_instruction_set(void **state) {
    (void)state;
    static const size_t widths[] = {1, 2, 7, 64, 224}, mosts[] = {1, 3, 4, 5, 12, 31};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
        for (size_t m = 0; m < sizeof mosts / sizeof mosts[0]; m++) {
            dnnb__resample_axis x = create_axis(widths[w], mosts[m]);
            uint8_t *in = create_pixels(get_in_bytes(&x), 1);
            compare_rows(&x, in);
            dnnb__free(in);
            destroy_axis(&x);
        }
}

/* The least weight with which one white pixel among black ones gives `value`; with one unit less it
 * gives value - 1. Rounding to eight bits hides most errors of other weights. */
static int32_t get_edge(int32_t value) {
    return (int32_t)((((int64_t)2 * value - 1) * HALF + 254) / 255);
}

/* With all weights at such edges, or one unit below: an error of one unit in any one shows. */
static void fill_edges(dnnb__resample_axis *x, int32_t below) {
    dnnb__random_draws draws = create_draws(5);
    for (size_t i = 0; i < x->n_out; i++)
        for (size_t j = 0; j < (size_t)x->count[i]; j++) {
            size_t k = i * x->n_padded + j;
            x->weight[k] = get_edge(1 + (int32_t)draw_below(&draws, 255)) - below;
            x->low[k] = (int16_t)(x->weight[k] % (1 << DNNB__RESAMPLE_LOW_BITS));
            x->high[k] = (int16_t)(x->weight[k] / (1 << DNNB__RESAMPLE_LOW_BITS));
        }
}

static void test_kernels_resample__rows_use_each_weight_to_the_unit(void **state) {
    (void)state;
    static const size_t mosts[] = {1, 3, 4, 5, 12, 31};
    for (size_t m = 0; m < sizeof mosts / sizeof mosts[0]; m++) {
        dnnb__resample_axis x = create_axis(64, mosts[m]);
        uint8_t *in = dnnb__calloc(get_in_bytes(&x), 1);
        assert_non_null(in);
        for (int32_t below = 0; below < 2; below++) {
            fill_edges(&x, below);
            for (size_t i = 0; i < (size_t)IN_PX * 3; i++) {
                in[i] = 255;
                compare_rows(&x, in);
                in[i] = 0;
            }
        }
        dnnb__free(in);
        destroy_axis(&x);
    }
}

static void test_kernels_resample__columns(void **state) {
    (void)state;
    enum { MOST_BYTES = 200, MOST_ROWS = 9, STRIDE = 211 };
    uint8_t *rows = create_pixels(MOST_ROWS * STRIDE, 3), out[MOST_BYTES + 1];
    dnnb__random_draws draws = create_draws(4);
    for (size_t n_bytes = 1; n_bytes <= MOST_BYTES; n_bytes += 7) {
        int32_t weight[MOST_ROWS];
        size_t count = 1 + n_bytes % MOST_ROWS;
        fill_weights(&draws, weight, count, n_bytes);
        memset(out, 77, sizeof out);
        dnnb__resample_column(weight, count, rows, STRIDE, n_bytes, out);
        for (size_t i = 0; i < n_bytes; i++)
            assert_int_equal(out[i], add_up(weight, count, rows + i, STRIDE));
        assert_int_equal(out[n_bytes], 77);
    }
    dnnb__free(rows);
}

static void test_kernels_resample__columns_use_each_weight_to_the_unit(void **state) {
    (void)state;
    enum { N_BYTES = 67, N_ROWS = 9 };
    uint8_t rows[N_ROWS * N_BYTES] = {0}, out[N_BYTES];
    for (int32_t value = 1; value <= 255; value++)
        for (int32_t below = 0; below < 2; below++) {
            int32_t weight[N_ROWS];
            for (int32_t j = 0; j < N_ROWS; j++)
                weight[j] = get_edge((value + 29 * j) % 255 + 1) - below;
            for (size_t at = 0; at < sizeof rows; at += 7) {
                rows[at] = 255;
                dnnb__resample_column(weight, N_ROWS, rows, N_BYTES, N_BYTES, out);
                for (size_t i = 0; i < N_BYTES; i++)
                    assert_int_equal(out[i], add_up(weight, N_ROWS, rows + i, N_BYTES));
                rows[at] = 0;
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_resample__rows_of_every_instruction_set),
        cmocka_unit_test(test_kernels_resample__rows_use_each_weight_to_the_unit),
        cmocka_unit_test(test_kernels_resample__columns),
        cmocka_unit_test(test_kernels_resample__columns_use_each_weight_to_the_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
