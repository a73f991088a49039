/*
 * The most multiply-adds a second that a core can do, by instruction set: one file each, chosen
 * when the program runs.
 *
 * Method: more independent sums than the latency of a multiply-add times its width needs, all in
 * registers, over a table of random factors that stays in the first cache. Random, since a
 * processor computes zeros and repetitions with less power, and so faster. No result depends on
 * the widest unit being there.
 */
#ifndef DNNB_KERNELS_PEAK_H
#define DNNB_KERNELS_PEAK_H

#include <stdbool.h>

#include "kernels/target.h"

enum { DNNB__PEAK_FLOATS = 4096 }; /* of the table: 16 kB */

/** One way to multiply and add. */
typedef struct dnnb__peak_kernel {
    const char *instructions;
    bool is_bf16;
    /** Whether the processor has what the instruction set of its row does not promise; NULL where
     *  nothing is missing. */
    bool (*can_run)(void);
    /** Go once over the table. Returns how many multiplications and additions that was.
     *  @param table [DNNB__PEAK_FLOATS] 64-byte aligned; floats below 1 in magnitude, or, for
     *         bf16, any pairs of such numbers in their bits.
     *  @param sums  [DNNB__PEAK_FLOATS] room for what was summed, so that it is not left out. */
    double (*run)(const float *table, float *sums);
} dnnb__peak_kernel;

extern const dnnb__peak_kernel dnnb__peak_sse;
#ifdef DNNB__HAS_X86
extern const dnnb__peak_kernel dnnb__peak_avx2, dnnb__peak_avx512, dnnb__peak_avx512_bf16,
    dnnb__peak_amx;
#endif

#endif
