/* Multiply-adds with AVX2 and FMA. */
#include "bench/peak_list.h"

#ifdef DNNB__PEAK_X86
#include <immintrin.h>

/* 16 registers: 12 sums, a factor, a term; 8 would hide the latency. */
enum { LANES = 8, SUMS = 12 };

static bool can_run(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

__attribute__((target("avx2,fma"))) static double run(const float *table, float *sums) {
    __m256 sum[SUMS];
    DNNB__PEAK_UNROLL
    for (int i = 0; i < SUMS; i++) sum[i] = _mm256_load_ps(table + LANES * i);
    for (int k = 0; k < DNNB__PEAK_FLOATS; k += 2 * LANES) {
        __m256 factor = _mm256_load_ps(table + k), term = _mm256_load_ps(table + k + LANES);
        DNNB__PEAK_UNROLL
        for (int i = 0; i < SUMS; i++) sum[i] = _mm256_fmadd_ps(sum[i], factor, term);
    }
    DNNB__PEAK_UNROLL
    for (int i = 0; i < SUMS; i++) _mm256_store_ps(sums + LANES * i, sum[i]);
    return 2.0 * SUMS * LANES * (DNNB__PEAK_FLOATS / (2 * LANES));
}

const dnnb__peak dnnb__peak_avx2 = {.instructions = "AVX2", .can_run = can_run, .run = run};
#endif
