/*
 * DNNB__KERNEL before a plain loop makes the compiler build it for several instruction sets and the
 * loader take the widest that the processor has. The arithmetic is the same in each: products and
 * sums are never contracted (-ffp-contract=off), and reductions are written with a fixed order.
 * Code that is written for one instruction set stands in src/kernels; kernels/kernels.h says more.
 */
#ifndef DNNB_CORE_KERNEL_H
#define DNNB_CORE_KERNEL_H

/* The resolvers that choose a clone run before a sanitizer's runtime is ready. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(DNNB_SANITIZE)
#define DNNB__KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DNNB__KERNEL
#endif

#endif
