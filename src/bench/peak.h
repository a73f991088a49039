/*
 * The most multiply-adds a second that a core can do, by instruction set: one file each, chosen
 * when the program runs.
 *
 * Method: more independent sums than the latency of a multiply-add times its width needs, all in
 * registers, over a table of random factors that stays in the first cache. Random, since a
 * processor computes zeros and repetitions with less power, and so faster. No result depends on
 * the widest unit being there: each file says whether it can run.
 */
#ifndef DNNB_BENCH_PEAK_H
#define DNNB_BENCH_PEAK_H

#include <stdbool.h>
#include <stddef.h>

enum { DNNB__PEAK_FLOATS = 4096 }; /* of the table: 16 kB */

/* Before a loop over the sums: written out, so that each sum stays in a register of its own. Left
 * alone gcc exchanges the loops, and every sum waits for itself. */
#if defined(__clang__)
#define DNNB__PEAK_UNROLL _Pragma("clang loop unroll(full)")
#else
#define DNNB__PEAK_UNROLL _Pragma("GCC unroll 32")
#endif

/** One way to multiply and add. */
typedef struct dnnb__peak {
    const char *instructions;
    bool is_bf16;
    /** True when the processor and the system let it run. */
    bool (*can_run)(void);
    /** Go once over the table. Returns how many multiplications and additions that was.
     *  @param table [DNNB__PEAK_FLOATS] 64-byte aligned; floats below 1 in magnitude, or, for
     *         bf16, any pairs of such numbers in their bits.
     *  @param sums  [DNNB__PEAK_FLOATS] room for what was summed, so that it is not left out. */
    double (*run)(const float *table, float *sums);
} dnnb__peak;

/** All of them, the fastest first of each type. */
const dnnb__peak *const *dnnb__peak_get_all(size_t *n);

#endif
