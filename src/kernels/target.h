/* The attribute of functions that a file writes for its instruction set. */
#ifndef DNNB_KERNELS_TARGET_H
#define DNNB_KERNELS_TARGET_H

#if defined(__x86_64__) && defined(__GNUC__)
#define DNNB__HAS_X86 1
#define DNNB__AVX2    __attribute__((target("avx2,fma")))
#define DNNB__AVX512  __attribute__((target("avx2,fma,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")))
#endif

#endif
