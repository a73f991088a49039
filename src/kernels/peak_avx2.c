/* Multiply-adds with AVX2 and FMA. */
#include "kernels/peak.h"

#ifdef DNNB__HAS_X86
#include <immintrin.h>

/* 16 registers: 12 sums, a factor, a term; 8 would hide the latency. */
enum { LANES = 8, SUMS = 12 };

DNNB__AVX2 static double run(const float *table, float *sums) {
    __m256 sum[SUMS];
    DNNB__UNROLL
    for (int i = 0; i < SUMS; i++) sum[i] = _mm256_load_ps(table + LANES * i);
    for (int k = 0; k < DNNB__PEAK_FLOATS; k += 2 * LANES) {
        __m256 factor = _mm256_load_ps(table + k), term = _mm256_load_ps(table + k + LANES);
        DNNB__UNROLL
        for (int i = 0; i < SUMS; i++) sum[i] = _mm256_fmadd_ps(sum[i], factor, term);
    }
    DNNB__UNROLL
    for (int i = 0; i < SUMS; i++) _mm256_store_ps(sums + LANES * i, sum[i]);
    return 2.0 * SUMS * LANES * (DNNB__PEAK_FLOATS / (2 * LANES));
}

const dnnb__peak_kernel dnnb__peak_avx2 = {.instructions = "AVX2", .run = run};
#endif
