/* Multiply-adds with AVX-512. */
#include "kernels/peak.h"

#ifdef DNNB__HAS_X86
#include <immintrin.h>

/* 32 registers: 24 sums, a factor, a term. */
enum { LANES = 16, SUMS = 24 };

DNNB__AVX512 static double run(const float *table, float *sums) {
    __m512 sum[SUMS];
    DNNB__UNROLL
    for (int i = 0; i < SUMS; i++) sum[i] = _mm512_load_ps(table + LANES * i);
    for (int k = 0; k < DNNB__PEAK_FLOATS; k += 2 * LANES) {
        __m512 factor = _mm512_load_ps(table + k), term = _mm512_load_ps(table + k + LANES);
        DNNB__UNROLL
        for (int i = 0; i < SUMS; i++) sum[i] = _mm512_fmadd_ps(sum[i], factor, term);
    }
    DNNB__UNROLL
    for (int i = 0; i < SUMS; i++) _mm512_store_ps(sums + LANES * i, sum[i]);
    return 2.0 * SUMS * LANES * (DNNB__PEAK_FLOATS / (2 * LANES));
}

const dnnb__peak_kernel dnnb__peak_avx512 = {.instructions = "AVX-512", .run = run};
#endif
