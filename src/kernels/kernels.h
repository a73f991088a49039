/*
 * Kernels with wide instructions, and the table that chooses among them when the program runs.
 *
 * A kernel has a header, <kernel>.h, and a file an instruction set, <kernel>_<set>.c, on plain
 * arrays: it knows nothing of plans, images or oneDNN. Where two sets share a loop it stands in
 * <kernel>_loops.h, written with the few vector operations that each file defines before it
 * includes it. The table has a row for each set; a row has NULL where the set has no kernel of its
 * own, and then the row before is asked (dnnb__kernels_find_...()). The set that is asked for comes
 * from core/isa.h, so that DNNBRAIN_MAX_ISA holds for all. To add a kernel, write its header and
 * files, name it here and in kernels.c; tests/unit/test_kernels*.c compare each row that the
 * processor can run with plain loops. Kernels on bfloat16 are members of the same rows.
 *
 * All of one kernel's sets give the same bits unless it is said otherwise.
 *
 * What is written for an instruction set (intrinsics, vector types, assembler, a target attribute)
 * stands in this folder and nowhere else. A plain loop with DNNB__KERNEL before it (core/kernel.h)
 * stays where it is used: the compiler widens it, every clone gives the same bits, and the
 * processor alone decides among them, so that DNNBRAIN_MAX_ISA does not reach it.
 */
#ifndef DNNB_KERNELS_KERNELS_H
#define DNNB_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/isa.h"
#include "kernels/conv_weights.h"
#include "kernels/linear.h"
#include "kernels/linear_bf16.h"
#include "kernels/linear_gradient.h"
#include "kernels/maxpool.h"
#include "kernels/peak.h"
#include "kernels/resample.h"
#include "kernels/winograd.h"

enum { DNNB__KERNELS_MAX_PEAKS = 3 };

typedef struct dnnb__kernels {
    const dnnb__maxpool_kernel *maxpool;
    const dnnb__conv_weights_kernel *conv_weights;
    const dnnb__conv_weights_bf16_kernel *conv_weights_bf16;
    const dnnb__linear_kernel *linear;
    const dnnb__linear_bf16_kernel *linear_bf16;
    const dnnb__linear_gradient_kernel *linear_gradient;
    const dnnb__resample_kernel *resample;
    const dnnb__winograd_kernel *winograd;
    const dnnb__winograd_kernel *winograd_bf16; /* multiplies numbers of bfloat16 */
    /** The fastest first of each type; NULL after the last. */
    const dnnb__peak_kernel *peaks[DNNB__KERNELS_MAX_PEAKS];
} dnnb__kernels;

/** The row of an instruction set. Only for sets that the processor has. */
const dnnb__kernels *dnnb__kernels_get_row(dnnb__isa isa);

/** The widest kernel up to `isa` that takes the block of channels; there always is one. */
const dnnb__maxpool_kernel *dnnb__kernels_find_maxpool(dnnb__isa isa, int64_t block);
/** The kernel for exactly this block of channels, NULL when there is none up to `isa`. */
const dnnb__conv_weights_kernel *dnnb__kernels_find_conv_weights(dnnb__isa isa, int64_t block);
/** NULL when there is none up to `isa` that this processor can run. */
const dnnb__conv_weights_bf16_kernel *dnnb__kernels_find_conv_weights_bf16(dnnb__isa isa);
/** NULL when there is none up to `isa`. */
const dnnb__linear_kernel *dnnb__kernels_find_linear(dnnb__isa isa);
/** NULL when there is none up to `isa` that this processor can run. */
const dnnb__linear_bf16_kernel *dnnb__kernels_find_linear_bf16(dnnb__isa isa);
/** NULL when there is none up to `isa` that this processor can run. */
const dnnb__linear_gradient_kernel *dnnb__kernels_find_linear_gradient(dnnb__isa isa);
/** The widest up to `isa`; there always is one. */
const dnnb__resample_kernel *dnnb__kernels_find_resample(dnnb__isa isa);
/** The kernel that multiplies in float32. NULL when there is none up to `isa`. */
const dnnb__winograd_kernel *dnnb__kernels_find_winograd(dnnb__isa isa);
/** NULL when there is none up to `isa` that this processor can run. */
const dnnb__winograd_kernel *dnnb__kernels_find_winograd_bf16(dnnb__isa isa);
/** Whether this processor, AMX aside, multiplies float32 faster than bfloat16. */
bool dnnb__kernels_bf16_is_slow(void);
/** The fastest up to `isa` that this processor can run. There always is one for float32; NULL when
 *  there is none for bfloat16. */
const dnnb__peak_kernel *dnnb__kernels_find_peak(dnnb__isa isa, bool is_bf16);

#endif
