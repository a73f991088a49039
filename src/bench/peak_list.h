/* The instruction sets, the fastest first of each type: X(file) is src/bench/peak_<file>.c. */
#ifndef DNNB_BENCH_PEAK_LIST_H
#define DNNB_BENCH_PEAK_LIST_H

#include "bench/peak.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define DNNB__PEAK_X86
#define DNNB__PEAK_LIST(X)                                                                         \
    X(amx)                                                                                         \
    X(avx512_bf16)                                                                                 \
    X(avx512)                                                                                      \
    X(avx2)                                                                                        \
    X(any)
#else
#define DNNB__PEAK_LIST(X) X(any)
#endif

#define DNNB__PEAK_DECLARE(file) extern const dnnb__peak dnnb__peak_##file;
DNNB__PEAK_LIST(DNNB__PEAK_DECLARE)
#undef DNNB__PEAK_DECLARE

#endif
