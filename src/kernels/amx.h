/*
 * What kernels with AMX share: whether they can run, and the configuration of the tiles.
 *
 * A tile has 16 rows of 64 bytes. A product takes two tiles of bfloat16, one with pairs of
 * neighbours in a row and one with pairs of rows interleaved, and adds 16 x 16 sums of 32 products
 * to a tile of float32. Linux gives the tiles to a process that asks for them; each thread
 * configures its own and gives them back, as a thread that has them costs more to switch.
 * Source: Intel Architecture Instruction Set Extensions, chapter "AMX"; Linux,
 * Documentation/arch/x86/xstate.rst.
 */
#ifndef DNNB_KERNELS_AMX_H
#define DNNB_KERNELS_AMX_H

#include "kernels/target.h"

#ifdef DNNB__HAS_X86
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define DNNB__AMX                                                                                  \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512bf16,"       \
                          "amx-tile,amx-bf16")))

enum {
    DNNB__TILE_ROWS = 16,
    DNNB__TILE_ROW_BYTES = 64,
    DNNB__TILE_DEPTH = 32, /* products in a sum */
    DNNB__TILE_FLOATS = DNNB__TILE_ROWS * DNNB__TILE_ROW_BYTES / 4
};

/** Whether the processor has AMX-BF16 and AVX512_BF16, Linux lets this process have the tiles, and
 *  DNNBRAIN_MAX_ISA, every value of which is below AMX, is not set. */
bool dnnb__amx_can_run(void);

/** Make all eight tiles of the calling thread whole ones. */
DNNB__AMX static inline void dnnb__amx_configure(void) {
    /* 64 bytes, all of which the instruction reads; gcc 12's _tile_loadconfig() says 8. */
    struct configuration {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } configuration = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        configuration.row_bytes[i] = DNNB__TILE_ROW_BYTES;
        configuration.rows[i] = DNNB__TILE_ROWS;
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(configuration));
}

/** Where the rows of a tile begin, in elements of 32 bits. */
DNNB__AMX static inline __m512i dnnb__amx_rows(void) {
    return _mm512_slli_epi32(
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), 4);
}

#endif
#endif
