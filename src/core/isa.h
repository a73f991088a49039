/*
 * Instruction sets: the widest that own kernels may use, by the processor and by what the user
 * allows with DNNBRAIN_MAX_ISA. Each holds the ones before it.
 */
#ifndef DNNB_CORE_ISA_H
#define DNNB_CORE_ISA_H

#include <stdbool.h>

#include "dnnbrain/status.h"

typedef enum dnnb__isa {
    DNNB__ISA_SSE,    /* what every x86-64 has; plain C on other processors */
    DNNB__ISA_AVX2,   /* with FMA */
    DNNB__ISA_AVX512, /* F, BW, CD, DQ and VL: x86-64-v4 */
    DNNB__ISA_COUNT
} dnnb__isa;

/** "SSE", "AVX2", "AVX512": what DNNBRAIN_MAX_ISA takes, in any case. */
const char *dnnb__isa_get_name(dnnb__isa isa);
/** The widest that the processor has. */
dnnb__isa dnnb__isa_get_processor(void);
/** The widest to use. @error DNNB_ERR_ARGUMENT DNNBRAIN_MAX_ISA is none of the names. */
DNNB_MUST_CHECK dnnb_status dnnb__isa_get(dnnb__isa *out);
/** True when the user has set DNNBRAIN_MAX_ISA. */
bool dnnb__isa_is_limited(void);

#endif
