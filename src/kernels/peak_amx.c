/*
 * Products of bfloat16 tiles added to float32 tiles, with AMX.
 *
 * A tile has 16 rows of 64 bytes. Linux gives the tiles to a process that asks for them; a thread
 * configures its own. Source: Intel Architecture Instruction Set Extensions, chapter "AMX"; Linux,
 * Documentation/arch/x86/xstate.rst.
 */
#include "core/isa.h"
#include "kernels/peak.h"

#ifdef DNNB__HAS_X86
#include <cpuid.h>
#include <immintrin.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ROWS = 16,
    ROW_BYTES = 64,
    TILE_FLOATS = ROWS * ROW_BYTES / 4, /* 1 kB; the table has 16 */
    SUMS = 4,                           /* tiles 0 to 3; 4 to 7 hold factors */
    REQUEST_PERMISSION = 0x1023,        /* ARCH_REQ_XCOMP_PERM */
    TILE_DATA = 18                      /* the component that it is about */
};

/* 64 bytes, all of which the instruction reads. */
typedef struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_configuration;

static bool can_run(void) {
    if (dnnb__isa_is_limited()) return false; /* every limit is below AMX, for oneDNN too */
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    bool has_tiles = (d >> 24 & 1) && (d >> 22 & 1); /* AMX-TILE, AMX-BF16 */
    return has_tiles && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

/* Two by two tiles of factors give four tiles of sums: 16 x 16 sums of 32 products each. */
__attribute__((target("amx-tile,amx-bf16"))) static double run(const float *table, float *sums) {
    tile_configuration configuration = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        configuration.row_bytes[i] = ROW_BYTES;
        configuration.rows[i] = ROWS;
    }
    /* By hand: gcc 12's _tile_loadconfig() says that it reads 8 bytes. */
    __asm__ volatile("ldtilecfg %0" ::"m"(configuration));
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    int n = 0;
    for (int k = 0; k + 4 * TILE_FLOATS <= DNNB__PEAK_FLOATS; k += TILE_FLOATS, n++) {
        _tile_loadd(4, table + k, ROW_BYTES);
        _tile_loadd(5, table + k + TILE_FLOATS, ROW_BYTES);
        _tile_loadd(6, table + k + 2 * TILE_FLOATS, ROW_BYTES);
        _tile_loadd(7, table + k + 3 * TILE_FLOATS, ROW_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, ROW_BYTES);
    _tile_stored(1, sums + TILE_FLOATS, ROW_BYTES);
    _tile_stored(2, sums + 2 * TILE_FLOATS, ROW_BYTES);
    _tile_stored(3, sums + 3 * TILE_FLOATS, ROW_BYTES);
    _tile_release();
    return 2.0 * SUMS * ROWS * ROWS * 32 * n;
}

const dnnb__peak_kernel dnnb__peak_amx = {
    .instructions = "AMX", .is_bf16 = true, .can_run = can_run, .run = run};
#endif
