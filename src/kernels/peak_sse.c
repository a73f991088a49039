/* Multiply-adds in vectors of 128 bits, a product and then a sum: SSE2, which every x86-64 has. */
#include "kernels/peak.h"

typedef float lanes __attribute__((vector_size(16), may_alias));

/* 16 registers: 12 sums, a factor, a term. */
enum { LANES = 4, SUMS = 12 };

static double run(const float *table, float *sums) {
    const lanes *from = (const lanes *)(const void *)table;
    lanes *to = (lanes *)(void *)sums, sum[SUMS];
    DNNB__UNROLL
    for (int i = 0; i < SUMS; i++) sum[i] = from[i];
    for (int k = 0; k < DNNB__PEAK_FLOATS / LANES; k += 2) DNNB__UNROLL
    for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * from[k] + from[k + 1];
    DNNB__UNROLL
    for (int i = 0; i < SUMS; i++) to[i] = sum[i];
    return 2.0 * SUMS * LANES * (DNNB__PEAK_FLOATS / (2 * LANES));
}

const dnnb__peak_kernel dnnb__peak_sse = {
#ifdef DNNB__HAS_X86
    .instructions = "SSE2",
#else
    .instructions = "128 bits",
#endif
    .run = run};
