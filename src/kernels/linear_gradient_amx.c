/*
 * The weight gradient of a linear layer in bfloat16 with AMX (amx.h).
 *
 * Method: both factors are packed into tiles of 32 rows of the batch: of the output's gradient
 * pairs of rows interleaved, of the input the same transposed. A block of the gradient is then one
 * to four tiles of sums side by side. Blocks follow each other as they lie in memory, along the
 * inputs: the tiles of a block's outputs stay in the first cache, and those of all inputs in the
 * second.
 */
#include "kernels/amx.h"
#include "kernels/linear_gradient.h"

#ifdef DNNB__HAS_X86

enum {
    IN = DNNB__LINEAR_GRADIENT_IN,
    ROWS = DNNB__LINEAR_GRADIENT_ROWS,
    LANES = 16,
    TILE = LANES * ROWS, /* elements of a packed tile */
    AT_ONCE = 4,         /* blocks: they are taken while they are in the first cache */
    TASK_BLOCKS = 64     /* many tasks a thread, each long beside its beginning */
};

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Up to 16 columns of a row; zeros beyond the columns and the rows. */
DNNB__AMX static inline __m512i load_row(const uint16_t *data, int64_t rows, int64_t columns,
                                         int64_t row, int64_t column) {
    if (row >= rows || column >= columns) return _mm512_setzero_si512();
    __mmask16 mask = (__mmask16)((1u << smaller(columns - column, LANES)) - 1);
    return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, data + row * columns + column));
}

/* 16 columns of rows `row` and row + 1 in pairs. */
DNNB__AMX static inline __m512i load_pairs(const uint16_t *data, int64_t rows, int64_t columns,
                                           int64_t row, int64_t column) {
    return _mm512_or_si512(load_row(data, rows, columns, row, column),
                           _mm512_slli_epi32(load_row(data, rows, columns, row + 1, column), 16));
}

/* The tiles of 16 inputs: a row of pairs for each. */
DNNB__AMX static void pack_in(const dnnb__linear_gradient *g, const uint16_t *in, int64_t column,
                              uint16_t *packed) {
    const __m512i down = dnnb__amx_rows();
    for (int64_t row = 0; row < g->rows; row += ROWS, packed += TILE)
        for (int p = 0; p < LANES; p++)
            _mm512_i32scatter_epi32(packed + 2 * p, down,
                                    load_pairs(in, g->rows, g->in, row + 2 * p, column), 4);
}

/* The tiles of a block's outputs, and the sums of their columns. */
DNNB__AMX static void pack_out(const dnnb__linear_gradient *g, const uint16_t *gradient,
                               int64_t column, uint16_t *packed, float *bias_gradient) {
    int64_t n_across = g->width / LANES;
    for (int64_t q = 0; q < n_across; q++, column += LANES) {
        __m512 sum = _mm512_setzero_ps();
        uint16_t *tile = packed + q * TILE;
        for (int64_t row = 0; row < g->rows; row += ROWS, tile += n_across * TILE)
            for (int p = 0; p < LANES; p++) {
                __m512i pairs = load_pairs(gradient, g->rows, g->out, row + 2 * p, column);
                _mm512_storeu_si512(tile + p * 2 * LANES, pairs);
                __m512i upper = _mm512_andnot_si512(_mm512_set1_epi32(0xffff), pairs);
                sum = _mm512_add_ps(sum, _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)));
                sum = _mm512_add_ps(sum, _mm512_castsi512_ps(upper));
            }
        if (!bias_gradient || column >= g->out) continue;
        __mmask16 mask = (__mmask16)((1u << smaller(g->out - column, LANES)) - 1);
        _mm512_mask_storeu_ps(bias_gradient + column, mask, sum);
    }
}

/* One block of n_across tiles, a constant wherever this is used; the tiles are configured. */
__attribute__((always_inline)) DNNB__AMX static inline void
make_block_n(int64_t n_tiles, const uint16_t *in, const uint16_t *out, float *block,
             const int n_across) {
    const int stride = n_across * DNNB__TILE_ROW_BYTES;
    _tile_zero(0);
    if (n_across > 1) _tile_zero(1);
    if (n_across > 2) _tile_zero(2);
    if (n_across > 2) _tile_zero(3);
    for (int64_t t = 0; t < n_tiles; t++, in += TILE, out += n_across * TILE) {
        _tile_loadd(4, in, DNNB__TILE_ROW_BYTES);
        _tile_loadd(5, out, DNNB__TILE_ROW_BYTES);
        _tile_dpbf16ps(0, 4, 5);
        if (n_across == 1) continue;
        _tile_loadd(6, out + TILE, DNNB__TILE_ROW_BYTES);
        _tile_dpbf16ps(1, 4, 6);
        if (n_across == 2) continue;
        _tile_loadd(5, out + 2 * TILE, DNNB__TILE_ROW_BYTES);
        _tile_dpbf16ps(2, 4, 5);
        _tile_loadd(6, out + 3 * TILE, DNNB__TILE_ROW_BYTES);
        _tile_dpbf16ps(3, 4, 6);
    }
    _tile_stored(0, block, stride);
    if (n_across > 1) _tile_stored(1, block + LANES, stride);
    if (n_across > 2) _tile_stored(2, block + 2 * LANES, stride);
    if (n_across > 2) _tile_stored(3, block + 3 * LANES, stride);
}

DNNB__AMX static void make_block(int64_t n_tiles, const uint16_t *in, const uint16_t *out,
                                 float *block, int64_t n_across) {
    if (n_across == 4)
        make_block_n(n_tiles, in, out, block, 4);
    else if (n_across == 2)
        make_block_n(n_tiles, in, out, block, 2);
    else
        make_block_n(n_tiles, in, out, block, 1);
}

/* Blocks `begin` to `end` of the inputs with strip o of the outputs. */
DNNB__AMX static void run_task(const dnnb__linear_gradient *g, int64_t o, int64_t begin,
                               int64_t end, const uint16_t *in_packed, const uint16_t *out_packed,
                               float *gradient, dnnb__linear_gradient_take take, void *context) {
    _Alignas(64) float sums[AT_ONCE * IN * DNNB__LINEAR_GRADIENT_MOST];
    int64_t n_tiles = divide_up(g->rows, ROWS), in_strips = divide_up(g->in, IN);
    const uint16_t *out = out_packed + o * n_tiles * g->width * ROWS;
    size_t n = (size_t)(IN * g->width);
    dnnb__amx_configure();
    for (int64_t i = begin; i < end; i += AT_ONCE) {
        size_t first = (size_t)(o * in_strips + i) * n,
               n_blocks = (size_t)smaller(end - i, AT_ONCE);
        float *to = take ? sums : gradient + first;
        for (size_t k = 0; k < n_blocks; k++)
            make_block(n_tiles, in_packed + (i + (int64_t)k) * n_tiles * TILE, out, to + k * n,
                       g->width / LANES);
        if (take) take(context, first, n_blocks * n, sums);
    }
    _tile_release();
}

static void run(const dnnb__linear_gradient *g, const uint16_t *in, const uint16_t *out_gradient,
                uint16_t *in_packed, uint16_t *out_packed, float *gradient, float *bias_gradient,
                dnnb__linear_gradient_take take, void *context) {
    int64_t n_tiles = divide_up(g->rows, ROWS);
    int64_t in_strips = divide_up(g->in, IN), out_strips = divide_up(g->out, g->width);
    int64_t groups = divide_up(in_strips, TASK_BLOCKS);
#pragma omp parallel
    {
#pragma omp for schedule(static) nowait
        for (int64_t i = 0; i < in_strips; i++)
            pack_in(g, in, i * IN, in_packed + i * n_tiles * TILE);
#pragma omp for schedule(static)
        for (int64_t o = 0; o < out_strips; o++)
            pack_out(g, out_gradient, o * g->width, out_packed + o * n_tiles * g->width * ROWS,
                     bias_gradient);
#pragma omp for schedule(static)
        for (int64_t t = 0; t < out_strips * groups; t++) {
            int64_t begin = t % groups * TASK_BLOCKS;
            run_task(g, t / groups, begin, smaller(in_strips, begin + TASK_BLOCKS), in_packed,
                     out_packed, gradient, take, context);
        }
    }
}

const dnnb__linear_gradient_kernel dnnb__linear_gradient_amx = {
    .name = "own:amx", .can_run = dnnb__amx_can_run, .run = run};
#endif
