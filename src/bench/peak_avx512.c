/* Multiply-adds with AVX-512. */
#include "bench/peak_list.h"

#ifdef DNNB__PEAK_X86
#include <immintrin.h>

/* 32 registers: 24 sums, a factor, a term. */
enum { LANES = 16, SUMS = 24 };

static bool can_run(void) {
    return __builtin_cpu_supports("avx512f");
}

__attribute__((target("avx512f"))) static double run(const float *table, float *sums) {
    __m512 sum[SUMS];
    DNNB__PEAK_UNROLL
    for (int i = 0; i < SUMS; i++) sum[i] = _mm512_load_ps(table + LANES * i);
    for (int k = 0; k < DNNB__PEAK_FLOATS; k += 2 * LANES) {
        __m512 factor = _mm512_load_ps(table + k), term = _mm512_load_ps(table + k + LANES);
        DNNB__PEAK_UNROLL
        for (int i = 0; i < SUMS; i++) sum[i] = _mm512_fmadd_ps(sum[i], factor, term);
    }
    DNNB__PEAK_UNROLL
    for (int i = 0; i < SUMS; i++) _mm512_store_ps(sums + LANES * i, sum[i]);
    return 2.0 * SUMS * LANES * (DNNB__PEAK_FLOATS / (2 * LANES));
}

const dnnb__peak dnnb__peak_avx512 = {.instructions = "AVX-512", .can_run = can_run, .run = run};
#endif
