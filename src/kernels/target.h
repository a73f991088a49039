/* The attribute of functions that a file writes for its instruction set. */
#ifndef DNNB_KERNELS_TARGET_H
#define DNNB_KERNELS_TARGET_H

#if defined(__x86_64__) && defined(__GNUC__)
#define DNNB__HAS_X86 1
#define DNNB__AVX2    __attribute__((target("avx2,fma")))
#define DNNB__AVX512  __attribute__((target("avx2,fma,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")))
#endif

/* Before a loop over vectors: written out, so that each stays in a register of its own. Left alone
 * gcc may exchange loops, and every sum waits for itself. */
#if defined(__clang__)
#define DNNB__UNROLL _Pragma("clang loop unroll(full)")
#else
#define DNNB__UNROLL _Pragma("GCC unroll 32")
#endif

#endif
