/* Whether kernels with AMX can run. */
#include "kernels/amx.h"

#ifdef DNNB__HAS_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/isa.h"

enum {
    REQUEST_PERMISSION = 0x1023, /* ARCH_REQ_XCOMP_PERM */
    TILE_DATA = 18               /* the component that it is about */
};

bool dnnb__amx_can_run(void) {
    if (dnnb__isa_is_limited() || dnnb__isa_get_processor() < DNNB__ISA_AVX512) return false;
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    bool has_tiles = (d >> 24 & 1) && (d >> 22 & 1); /* AMX-TILE, AMX-BF16 */
    if (!has_tiles || !__get_cpuid_count(7, 1, &a, &b, &c, &d)) return false;
    bool has_bf16 = a >> 5 & 1; /* AVX512_BF16 */
    return has_bf16 && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#endif
