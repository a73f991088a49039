/* Products of bfloat16 pairs added to float32 sums, with AVX512_BF16. */
#include "kernels/peak.h"

#ifdef DNNB__HAS_X86
#include <immintrin.h>

/* 32 registers: 24 sums and two vectors of factors; a vector has 32 factors for 16 sums. */
enum { LANES = 16, SUMS = 24 };

static bool can_run(void) {
    return __builtin_cpu_supports("avx512bf16");
}

__attribute__((target("avx512f,avx512bf16"))) static double run(const float *table, float *sums) {
    __m512 sum[SUMS];
    DNNB__UNROLL
    for (int i = 0; i < SUMS; i++) sum[i] = _mm512_load_ps(table + LANES * i);
    for (int k = 0; k < DNNB__PEAK_FLOATS; k += 2 * LANES) {
        __m512bh a = (__m512bh)_mm512_load_ps(table + k);
        __m512bh b = (__m512bh)_mm512_load_ps(table + k + LANES);
        DNNB__UNROLL
        for (int i = 0; i < SUMS; i++) sum[i] = _mm512_dpbf16_ps(sum[i], a, b);
    }
    DNNB__UNROLL
    for (int i = 0; i < SUMS; i++) _mm512_store_ps(sums + LANES * i, sum[i]);
    return 4.0 * SUMS * LANES * (DNNB__PEAK_FLOATS / (2 * LANES));
}

const dnnb__peak_kernel dnnb__peak_avx512_bf16 = {
    .instructions = "AVX512_BF16", .is_bf16 = true, .can_run = can_run, .run = run};
#endif
