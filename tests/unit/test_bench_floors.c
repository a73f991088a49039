/* The kernels that measure peaks compute what they say, and what follows from the floors. */
#include "unit/unit.h"

#include <math.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/peak.h"
#include "core/mem.h"

static float bf16_to_f32(const float *table, size_t i) {
    uint16_t half;
    uint32_t bits;
    float value;
    memcpy(&half, (const char *)table + i * sizeof half, sizeof half);
    bits = (uint32_t)half << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Factors of either type in (-1, 1), none of them 0. */
static void fill(float *table) {
    for (size_t i = 0; i < DNNB__PEAK_FLOATS; i++) {
        float high = (float)((i * 37 + 11) % 199) / 100.0f - 0.993f;
        uint32_t bits;
        memcpy(&bits, &high, sizeof bits);
        bits = (bits & 0xffff0000U) | 0x3e80U; /* the lower one is 0.25 */
        memcpy(&table[i], &bits, sizeof bits);
    }
}

static const dnnb__peak *find(const char *instructions) {
    size_t n;
    const dnnb__peak *const *all = dnnb__peak_get_all(&n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i]->instructions, instructions) == 0)
            return all[i]->can_run() ? all[i] : NULL;
    return NULL;
}

static void test_bench_floors__float32_kernels_multiply_and_add(void **state) {
    (void)state;
    static const struct {
        const char *instructions;
        size_t lanes, n_sums;
        bool is_fused;
    } kernels[] = {{"SSE2", 4, 12, false}, {"AVX2", 8, 12, true}, {"AVX-512", 16, 24, true}};
    float *table = dnnb__alloc(DNNB__PEAK_FLOATS, sizeof *table);
    float *sums = dnnb__calloc(DNNB__PEAK_FLOATS, sizeof *sums);
    assert_true(table && sums);
    fill(table);
    for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
        const dnnb__peak *peak = find(kernels[k].instructions);
        if (!peak) {
            print_message("left out in part: this processor lacks %s\n", kernels[k].instructions);
            continue;
        }
        size_t lanes = kernels[k].lanes, n_steps = DNNB__PEAK_FLOATS / (2 * lanes);
        double flops = peak->run(table, sums);
        assert_true(flops == 2.0 * (double)(lanes * kernels[k].n_sums * n_steps));
        for (size_t i = 0; i < lanes * kernels[k].n_sums; i++) {
            float sum = table[i];
            for (size_t s = 0; s < n_steps; s++) {
                float factor = table[2 * s * lanes + i % lanes];
                float term = table[(2 * s + 1) * lanes + i % lanes];
                /* The same operations in the same order: the same bits. */
                sum = kernels[k].is_fused ? fmaf(sum, factor, term) : sum * factor + term;
            }
            assert_memory_equal(&sums[i], &sum, sizeof sum);
        }
    }
    dnnb__free(sums);
    dnnb__free(table);
}

static void test_bench_floors__avx512_bf16_adds_products_of_pairs(void **state) {
    (void)state;
    enum { LANES = 16, SUMS = 24, STEPS = DNNB__PEAK_FLOATS / (2 * LANES) };
    const dnnb__peak *peak = find("AVX512_BF16");
    if (!peak) {
        print_message("left out: this processor lacks AVX512_BF16\n");
        skip();
    }
    float *table = dnnb__alloc(DNNB__PEAK_FLOATS, sizeof *table);
    float *sums = dnnb__calloc(DNNB__PEAK_FLOATS, sizeof *sums);
    assert_true(table && sums);
    fill(table);
    assert_true(peak->run(table, sums) == 4.0 * LANES * SUMS * STEPS);
    for (size_t i = 0; i < LANES * SUMS; i++) {
        double sum = (double)table[i];
        for (size_t s = 0; s < STEPS; s++)
            for (size_t h = 0; h < 2; h++)
                sum += (double)bf16_to_f32(table, 2 * (2 * s * LANES + i % LANES) + h) *
                       (double)bf16_to_f32(table, 2 * ((2 * s + 1) * LANES + i % LANES) + h);
        /* 256 products below 1, each sum rounded to float32: 256 * 2^-24 times a sum below 256. */
        if (!(fabs((double)sums[i] - sum) < 4e-3))
            fail_msg("sum %zu: %.9g, expected %.9g", i, (double)sums[i], sum);
    }
    dnnb__free(sums);
    dnnb__free(table);
}

static void test_bench_floors__a_kernel_without_its_instructions_is_not_taken(void **state) {
    (void)state;
    dnnb_bench_floors floors;
    assert_ok(dnnb_bench_measure_floors(&floors, 1, 0.01));
    const dnnb__peak *peak = find(floors.f32_instructions);
    assert_non_null(peak);
    assert_false(peak->is_bf16);
    assert_true(floors.f32_flops_s > 0 && floors.read_bytes_s > 0 && floors.update_bytes_s > 0);
    assert_int_equal(floors.n_threads, 1);
    if (floors.bf16_instructions) {
        assert_non_null(find(floors.bf16_instructions));
        assert_true(floors.bf16_flops_s > 0);
    } else {
        assert_true(floors.bf16_flops_s == 0);
        assert_null(find("AVX512_BF16"));
    }
}

static void test_bench_floors__the_slower_of_computing_and_moving_counts(void **state) {
    (void)state;
    dnnb_bench_floors floors = {.f32_flops_s = 100,
                                .bf16_flops_s = 200,
                                .read_bytes_s = 10,
                                .update_bytes_s = 20,
                                .cache_bytes = 40};
    /* Quotients of small whole numbers are exact. */
    assert_true(dnnb__bench_get_floor_s(&floors, false, 1000, 0) == 10);
    assert_true(dnnb__bench_get_floor_s(&floors, true, 1000, 0) == 5);
    assert_true(dnnb__bench_get_floor_s(&floors, false, 0, 440) == 20);
    assert_true(dnnb__bench_get_floor_s(&floors, false, 1000, 440) == 20);
    assert_true(dnnb__bench_get_floor_s(&floors, false, 0, 40) == 0);
    assert_true(dnnb__bench_get_floor_s(&floors, false, 0, 7) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bench_floors__float32_kernels_multiply_and_add),
        cmocka_unit_test(test_bench_floors__avx512_bf16_adds_products_of_pairs),
        cmocka_unit_test(test_bench_floors__a_kernel_without_its_instructions_is_not_taken),
        cmocka_unit_test(test_bench_floors__the_slower_of_computing_and_moving_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
