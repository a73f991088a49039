/* Products of bfloat16 tiles added to float32 tiles, with AMX (amx.h). */
#include "kernels/amx.h"
#include "kernels/peak.h"

#ifdef DNNB__HAS_X86

enum { SUMS = 4 }; /* tiles 0 to 3; 4 to 7 hold factors */

/* Two by two tiles of factors give four tiles of sums: 16 x 16 sums of 32 products each. */
DNNB__AMX static double run(const float *table, float *sums) {
    dnnb__amx_configure();
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    int n = 0;
    for (int k = 0; k + 4 * DNNB__TILE_FLOATS <= DNNB__PEAK_FLOATS; k += DNNB__TILE_FLOATS, n++) {
        _tile_loadd(4, table + k, DNNB__TILE_ROW_BYTES);
        _tile_loadd(5, table + k + DNNB__TILE_FLOATS, DNNB__TILE_ROW_BYTES);
        _tile_loadd(6, table + k + 2 * DNNB__TILE_FLOATS, DNNB__TILE_ROW_BYTES);
        _tile_loadd(7, table + k + 3 * DNNB__TILE_FLOATS, DNNB__TILE_ROW_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, DNNB__TILE_ROW_BYTES);
    _tile_stored(1, sums + DNNB__TILE_FLOATS, DNNB__TILE_ROW_BYTES);
    _tile_stored(2, sums + 2 * DNNB__TILE_FLOATS, DNNB__TILE_ROW_BYTES);
    _tile_stored(3, sums + 3 * DNNB__TILE_FLOATS, DNNB__TILE_ROW_BYTES);
    _tile_release();
    return 2.0 * SUMS * DNNB__TILE_ROWS * DNNB__TILE_ROWS * DNNB__TILE_DEPTH * n;
}

const dnnb__peak_kernel dnnb__peak_amx = {
    .instructions = "AMX", .is_bf16 = true, .can_run = dnnb__amx_can_run, .run = run};
#endif
