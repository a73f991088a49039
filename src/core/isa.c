/* The processor's instruction sets, and the user's limit. */
#include "core/isa.h"

#include <stdlib.h>

#include "core/status.h"
#include "core/text.h"

static const char variable[] = "DNNBRAIN_MAX_ISA";
static const char *const names[DNNB__ISA_COUNT] = {"SSE", "AVX2", "AVX512"};

const char *dnnb__isa_get_name(dnnb__isa isa) {
    return names[isa];
}

dnnb__isa dnnb__isa_get_processor(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return DNNB__ISA_SSE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return DNNB__ISA_AVX512;
    return DNNB__ISA_AVX2;
#else
    return DNNB__ISA_SSE;
#endif
}

bool dnnb__isa_is_limited(void) {
    const char *limit = getenv(variable);
    return limit && limit[0];
}

dnnb_status dnnb__isa_get(dnnb__isa *out) {
    const char *limit = getenv(variable);
    *out = dnnb__isa_get_processor();
    if (!dnnb__isa_is_limited()) return DNNB_OK;
    for (int i = 0; i < DNNB__ISA_COUNT; i++) {
        if (!dnnb__text_equal_nocase(names[i], limit)) continue;
        if ((dnnb__isa)i < *out) *out = (dnnb__isa)i;
        return DNNB_OK;
    }
    return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected SSE, AVX2 or AVX512, found '%s'", variable,
                      limit);
}
