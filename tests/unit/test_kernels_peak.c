/* The kernels that measure peaks compute what they say, each that this processor can run. */
#include "unit/unit.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "kernels/kernels.h"

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

/* NULL where this processor cannot run it. */
static const dnnb__peak_kernel *find(const char *instructions) {
    for (int isa = 0; isa <= (int)dnnb__isa_get_processor(); isa++)
        for (size_t i = 0; i < DNNB__KERNELS_MAX_PEAKS; i++) {
            const dnnb__peak_kernel *peak = dnnb__kernels_get_row((dnnb__isa)isa)->peaks[i];
            if (peak && strcmp(peak->instructions, instructions) == 0)
                return !peak->can_run || peak->can_run() ? peak : NULL;
        }
    return NULL;
}

static void test_kernels_peak__float32_kernels_multiply_and_add(void **state) {
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
        const dnnb__peak_kernel *peak = find(kernels[k].instructions);
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

static void test_kernels_peak__avx512_bf16_adds_products_of_pairs(void **state) {
    (void)state;
    enum { LANES = 16, SUMS = 24, STEPS = DNNB__PEAK_FLOATS / (2 * LANES) };
    const dnnb__peak_kernel *peak = find("AVX512_BF16");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_peak__float32_kernels_multiply_and_add),
        cmocka_unit_test(test_kernels_peak__avx512_bf16_adds_products_of_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
