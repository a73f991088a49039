/*
 * Linear in bfloat16 with AMX (amx.h).
 *
 * Method: up to 256 rows of the batch forward, 64 backward, are multiplied with a part of the
 * weights while both are in the first caches; the sums stay in between as tiles of float32.
 * Forward, a tile of weights is one as it lies: pairs of inputs, 16 of a block's outputs. Backward,
 * a sum runs over the outputs: each two tiles of 16 outputs are brought into rows of 32, one of an
 * input, in pairs of outputs 16 apart, in which the gradient is packed too. While a part is
 * multiplied the next one is fetched: weights are read once, as fast as memory gives them.
 */
#include "core/thread.h"
#include "kernels/amx.h"
#include "kernels/linear_bf16.h"

#ifdef DNNB__HAS_X86

enum {
    LANES = 16,
    WIDTH = DNNB__LINEAR_BF16_WIDTH,
    DEPTH = DNNB__TILE_DEPTH,
    TILE = LANES * DEPTH,     /* elements of a tile of bfloat16 */
    SUMS = DNNB__TILE_FLOATS, /* of a tile of sums */
    ACROSS = WIDTH / LANES,   /* tiles of a block's outputs */
    DOWN = 4,                 /* tiles of rows whose gradient is made together */
    STEP = DEPTH * WIDTH,     /* weights of 32 inputs */
    FORWARD_DOWN = 16,        /* tiles of rows that are multiplied together */
    FORWARD_STEPS = 16,       /* of 32 inputs, of a part: 64 KiB of weights */
    FORWARD_BLOCKS = 2,       /* of 64 outputs that share a part of many rows */
    BLOCK = LANES * WIDTH,    /* weights of 16 inputs */
    IN_TILES = 4,             /* of 16 inputs whose gradient is made together */
    BLOCKS = 4,               /* of 64 outputs, of a part */
    BACKWARD_STEPS = BLOCKS * WIDTH / DEPTH,
    LINE = 64 /* bytes that are fetched together */
};

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Ones for what there is of n elements from `at` on. */
static __mmask32 mask_of(int64_t at, int64_t n) {
    int64_t left = n - at;
    return left >= DEPTH ? 0xffffffffu : left <= 0 ? 0 : (1u << left) - 1;
}

static void fetch(const void *from, int64_t first_line, int64_t n_lines) {
    const char *line = (const char *)from + first_line * LINE;
    for (int64_t i = 0; i < n_lines; i++) __builtin_prefetch(line + i * LINE, 0, 3);
}

/* Sums of two tiles of rows and two of columns; a tile of sums is `down` floats below, 16 columns
 * `across` floats beside. */
typedef struct quarter {
    const uint16_t *a, *b;
    int64_t a_down, a_step, b_across, b_step; /* elements to the next tile, to the next product */
    int b_row_bytes;
    float *sums;
    int64_t down, across;
} quarter;

DNNB__AMX static inline void begin_tiles(const quarter *q, bool is_first) {
    if (is_first) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        return;
    }
    _tile_loadd(0, q->sums, DNNB__TILE_ROW_BYTES);
    _tile_loadd(1, q->sums + q->across, DNNB__TILE_ROW_BYTES);
    _tile_loadd(2, q->sums + q->down, DNNB__TILE_ROW_BYTES);
    _tile_loadd(3, q->sums + q->down + q->across, DNNB__TILE_ROW_BYTES);
}

/* n_lines of `next` are fetched with each product. */
DNNB__AMX static void multiply(const quarter *q, int64_t n_steps, bool is_first, const void *next,
                               int64_t n_lines) {
    const uint16_t *a = q->a, *b = q->b;
    begin_tiles(q, is_first);
    for (int64_t k = 0; k < n_steps; k++, a += q->a_step, b += q->b_step) {
        _tile_loadd(4, a, DNNB__TILE_ROW_BYTES);
        _tile_loadd(6, b, q->b_row_bytes);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, a + q->a_down, DNNB__TILE_ROW_BYTES);
        _tile_dpbf16ps(2, 5, 6);
        fetch(next, k * n_lines, n_lines);
        _tile_loadd(7, b + q->b_across, q->b_row_bytes);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, q->sums, DNNB__TILE_ROW_BYTES);
    _tile_stored(1, q->sums + q->across, DNNB__TILE_ROW_BYTES);
    _tile_stored(2, q->sums + q->down, DNNB__TILE_ROW_BYTES);
    _tile_stored(3, q->sums + q->down + q->across, DNNB__TILE_ROW_BYTES);
}

/* --- forward --- */

/* Tiles of 32 inputs, as many as there are rows. */
DNNB__AMX static void pack_in(const dnnb__linear_bf16 *l, const uint16_t *in, int64_t k,
                              uint16_t *packed) {
    int64_t n_rows = divide_up(l->rows, LANES) * LANES;
    __mmask32 mask = mask_of(k * DEPTH, l->in);
    uint16_t *to = packed + k * n_rows * DEPTH;
    for (int64_t row = 0; row < n_rows; row++, to += DEPTH) {
        __mmask32 there = row < l->rows ? mask : 0;
        _mm512_storeu_si512(to, _mm512_maskz_loadu_epi16(there, in + row * l->in + k * DEPTH));
    }
}

/* One tile of rows alone: all of a block's outputs. */
DNNB__AMX static void multiply_one(const uint16_t *a, int64_t a_step, const uint16_t *b,
                                   int64_t n_steps, float *sums, bool is_first, const void *next,
                                   int64_t n_lines) {
    enum { ROW_BYTES = WIDTH * 4 };
    if (is_first) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, sums, DNNB__TILE_ROW_BYTES);
        _tile_loadd(1, sums + SUMS, DNNB__TILE_ROW_BYTES);
        _tile_loadd(2, sums + 2 * SUMS, DNNB__TILE_ROW_BYTES);
        _tile_loadd(3, sums + 3 * SUMS, DNNB__TILE_ROW_BYTES);
    }
    for (int64_t k = 0; k < n_steps; k++, a += a_step, b += STEP) {
        _tile_loadd(4, a, DNNB__TILE_ROW_BYTES);
        _tile_loadd(5, b, ROW_BYTES);
        _tile_dpbf16ps(0, 4, 5);
        _tile_loadd(6, b + DEPTH, ROW_BYTES);
        _tile_dpbf16ps(1, 4, 6);
        fetch(next, k * n_lines, n_lines);
        _tile_loadd(7, b + 2 * DEPTH, ROW_BYTES);
        _tile_dpbf16ps(2, 4, 7);
        _tile_loadd(5, b + 3 * DEPTH, ROW_BYTES);
        _tile_dpbf16ps(3, 4, 5);
    }
    _tile_stored(0, sums, DNNB__TILE_ROW_BYTES);
    _tile_stored(1, sums + SUMS, DNNB__TILE_ROW_BYTES);
    _tile_stored(2, sums + 2 * SUMS, DNNB__TILE_ROW_BYTES);
    _tile_stored(3, sums + 3 * SUMS, DNNB__TILE_ROW_BYTES);
}

/* A part of a block's inputs with n_down tiles of rows, in twos; of many rows, half of the outputs
 * first, whose weights stay in the first cache while the rows go by. */
DNNB__AMX static void multiply_part(const uint16_t *a, int64_t a_step, int64_t n_down,
                                    const uint16_t *b, int64_t n_steps, float *sums, bool is_first,
                                    const uint16_t *next) {
    int64_t n_pairs = n_down / 2, last = n_pairs * 2, n_lines = STEP * 2 / LINE;
    int64_t lines = n_pairs ? n_lines / last : 0; /* of what is fetched: a share for each two */
    for (int64_t i = 0; i < last; i++, next += n_steps * lines * LINE / 2) {
        int64_t m = (n_down > DOWN ? i % n_pairs : i / 2) * 2;
        int64_t n = n_down > DOWN ? i / n_pairs : i % 2;
        quarter q = {.a = a + m * TILE,
                     .b = b + n * 2 * DEPTH,
                     .a_down = TILE,
                     .a_step = a_step,
                     .b_across = DEPTH,
                     .b_step = STEP,
                     .b_row_bytes = WIDTH * 4,
                     .sums = sums + (m * ACROSS + n * 2) * SUMS,
                     .down = ACROSS * SUMS,
                     .across = SUMS};
        multiply(&q, n_steps, is_first, next, lines);
    }
    if (last < n_down)
        multiply_one(a + last * TILE, a_step, b, n_steps, sums + last * ACROSS * SUMS, is_first,
                     next, n_pairs ? 0 : n_lines);
}

/* Rows of a block's outputs. */
DNNB__AMX static void put_out(const dnnb__linear_bf16 *l, const float *sums, int64_t row,
                              int64_t n_rows, int64_t block, const float *bias, void *out,
                              bool is_f32) {
    for (int64_t q = 0; q < ACROSS; q++) {
        int64_t column = block * WIDTH + q * LANES;
        __mmask16 mask = (__mmask16)mask_of(column, l->out);
        __m512 add = bias ? _mm512_maskz_loadu_ps(mask, bias + column) : _mm512_setzero_ps();
        for (int64_t r = 0; r < n_rows; r++) {
            const float *from = sums + (r / LANES * ACROSS + q) * SUMS + r % LANES * LANES;
            __m512 sum = _mm512_add_ps(_mm512_loadu_ps(from), add);
            int64_t at = (row + r) * l->out + column;
            if (is_f32)
                _mm512_mask_storeu_ps((float *)out + at, mask, sum);
            else
                _mm256_mask_storeu_epi16((uint16_t *)out + at, mask,
                                         (__m256i)_mm512_cvtneps_pbh(sum));
        }
    }
}

/* n_blocks of outputs: a part of the inputs stays in the second cache for all of them. */
DNNB__AMX static void make_blocks(const dnnb__linear_bf16 *l, const uint16_t *packed,
                                  const uint16_t *weights, int64_t block, int64_t n_blocks,
                                  const float *bias, void *out, bool is_f32) {
    enum { BLOCK_SUMS = FORWARD_DOWN * ACROSS * SUMS };
    _Alignas(64) float sums[FORWARD_BLOCKS * BLOCK_SUMS];
    int64_t n_steps = divide_up(l->in, DEPTH), n_tiles = divide_up(l->rows, LANES);
    int64_t n_weights = n_steps * STEP; /* of a block */
    dnnb__amx_configure();
    for (int64_t m = 0; m < n_tiles; m += FORWARD_DOWN) {
        int64_t n_down = smaller(FORWARD_DOWN, n_tiles - m), row = m * LANES;
        for (int64_t k = 0; k < n_steps; k += FORWARD_STEPS) {
            int64_t n = smaller(FORWARD_STEPS, n_steps - k);
            const uint16_t *a = packed + (k * n_tiles + m) * TILE;
            for (int64_t i = 0; i < n_blocks; i++) {
                const uint16_t *b = weights + (block + i) * n_weights + k * STEP;
                const uint16_t *next = b + n * STEP; /* of the last block: those to come */
                if (i + 1 < n_blocks)
                    next = b + n_weights;
                else if (k + n < n_steps)
                    next -= i * n_weights;
                multiply_part(a, n_tiles * TILE, n_down, b, n, sums + i * BLOCK_SUMS, k == 0, next);
            }
        }
        for (int64_t i = 0; i < n_blocks; i++)
            put_out(l, sums + i * BLOCK_SUMS, row, smaller(n_down * LANES, l->rows - row),
                    block + i, bias, out, is_f32);
    }
    _tile_release();
}

static void forward(const dnnb__linear_bf16 *l, const uint16_t *in, const uint16_t *weights,
                    const float *bias, uint16_t *packed, void *out, bool is_f32) {
    int64_t n_steps = divide_up(l->in, DEPTH), n_blocks = divide_up(l->out, WIDTH);
    int64_t n_threads = (int64_t)dnnb__threads_get();
    /* Each thread has some groups of blocks. */
    bool is_shared = l->rows > LANES * DOWN && n_blocks >= 2 * FORWARD_BLOCKS * n_threads;
    int64_t step = is_shared ? FORWARD_BLOCKS : 1;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t k = 0; k < n_steps; k++) pack_in(l, in, k, packed);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < n_blocks; i += step)
            make_blocks(l, packed, weights, i, smaller(step, n_blocks - i), bias, out, is_f32);
    }
}

/* --- backward --- */

/* The tiles of 32 outputs: pairs of outputs 16 apart, a pair of each row side by side. */
DNNB__AMX static void pack_gradient(const dnnb__linear_bf16 *l, const uint16_t *gradient, int64_t k,
                                    uint16_t *packed) {
    const __m512i down = dnnb__amx_rows();
    int64_t n_tiles = divide_up(l->rows, LANES);
    __mmask32 mask = mask_of(k * DEPTH, l->out);
    for (int64_t row = 0; row < n_tiles * LANES; row++) {
        __mmask32 there = row < l->rows ? mask : 0;
        __m512i both = _mm512_maskz_loadu_epi16(there, gradient + row * l->out + k * DEPTH);
        __m512i first = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(both));
        __m512i second = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1));
        uint16_t *to = packed + (k * n_tiles + row / LANES) * TILE + row % LANES * 2;
        _mm512_i32scatter_epi32(to, down, _mm512_or_si512(first, _mm512_slli_epi32(second, 16)), 4);
    }
}

/* A block's 16 inputs: two tiles, one after the other, an input a row. */
DNNB__AMX static void turn_block(const uint16_t *block, uint16_t *tiles) {
    for (int64_t p = 0; p < LANES / 2; p++)
        for (int64_t t = 0; t < 2; t++) {
            const uint16_t *from = block + p * WIDTH * 2 + t * 2 * DEPTH;
            __m512i a = _mm512_loadu_si512(from), b = _mm512_loadu_si512(from + DEPTH);
            uint16_t *to = tiles + t * TILE + p * 2 * DEPTH;
            const __mmask32 upper = 0xaaaaaaaau;
            _mm512_storeu_si512(to, _mm512_mask_blend_epi16(upper, a, _mm512_slli_epi32(b, 16)));
            _mm512_storeu_si512(to + DEPTH,
                                _mm512_mask_blend_epi16(upper, _mm512_srli_epi32(a, 16), b));
        }
}

/* The gradient of 16 inputs from tiles of them, 16 rows each. */
DNNB__AMX static void put_in(const dnnb__linear_bf16 *l, const float *sums, int64_t row,
                             int64_t n_rows, int64_t column, uint16_t *in_gradient) {
    const __m512i down = dnnb__amx_rows();
    __mmask16 mask = (__mmask16)mask_of(column, l->in);
    for (int64_t r = 0; r < n_rows; r++) {
        const float *from = sums + r / LANES * SUMS + r % LANES;
        __m512 values = _mm512_i32gather_ps(down, from, 4);
        _mm256_mask_storeu_epi16(in_gradient + (row + r) * l->in + column, mask,
                                 (__m256i)_mm512_cvtneps_pbh(values));
    }
}

/* n_in tiles of inputs from `tile` on, of up to 64 rows. */
DNNB__AMX static void make_inputs(const dnnb__linear_bf16 *l, const uint16_t *packed,
                                  const uint16_t *weights, int64_t tile, int64_t m,
                                  uint16_t *in_gradient) {
    _Alignas(64) uint16_t turned[IN_TILES * BACKWARD_STEPS * TILE];
    _Alignas(64) float sums[IN_TILES * DOWN * SUMS];
    int64_t in_tiles = divide_up(l->in, DEPTH) * 2, n_in = smaller(IN_TILES, in_tiles - tile);
    int64_t n_tiles = divide_up(l->rows, LANES), n_down = smaller(DOWN, n_tiles - m);
    int64_t n_blocks = divide_up(l->out, WIDTH), row = m * LANES;
    for (int64_t o = 0; o < n_blocks; o += BLOCKS) {
        int64_t n = smaller(BLOCKS, n_blocks - o);
        for (int64_t k = 0; k < n; k++) {
            const uint16_t *from = weights + ((o + k) * in_tiles + tile) * BLOCK;
            for (int64_t i = 0; i < n_in; i++)
                turn_block(from + i * BLOCK, turned + (i * BACKWARD_STEPS + k * 2) * TILE);
        }
        /* Tiles of inputs come in twos; of an odd number of tiles of rows the last comes twice. */
        for (int64_t i = 0; i < n_in; i += 2)
            for (int64_t r = 0; r < n_down; r += 2) {
                quarter q = {.a = turned + i * BACKWARD_STEPS * TILE,
                             .b = packed + (o * 2 * n_tiles + m + r) * TILE,
                             .a_down = BACKWARD_STEPS * TILE,
                             .a_step = TILE,
                             .b_across = r + 1 < n_down ? TILE : 0,
                             .b_step = n_tiles * TILE,
                             .b_row_bytes = DNNB__TILE_ROW_BYTES,
                             .sums = sums + (i * DOWN + r) * SUMS,
                             .down = DOWN * SUMS,
                             .across = SUMS};
                multiply(&q, n * 2, o == 0, q.b, 0);
            }
    }
    for (int64_t i = 0; i < n_in; i++)
        put_in(l, sums + i * DOWN * SUMS, row, smaller(n_down * LANES, l->rows - row),
               (tile + i) * LANES, in_gradient);
}

DNNB__AMX static void make_group(const dnnb__linear_bf16 *l, const uint16_t *packed,
                                 const uint16_t *weights, int64_t tile, uint16_t *in_gradient) {
    dnnb__amx_configure();
    for (int64_t m = 0; m < divide_up(l->rows, LANES); m += DOWN)
        make_inputs(l, packed, weights, tile, m, in_gradient);
    _tile_release();
}

static void backward_data(const dnnb__linear_bf16 *l, const uint16_t *out_gradient,
                          const uint16_t *weights, uint16_t *packed, uint16_t *in_gradient) {
    int64_t n_steps = divide_up(l->out, WIDTH) * 2;
    int64_t n_groups = divide_up(divide_up(l->in, DEPTH) * 2, IN_TILES);
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t k = 0; k < n_steps; k++) pack_gradient(l, out_gradient, k, packed);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < n_groups; i++)
            make_group(l, packed, weights, i * IN_TILES, in_gradient);
    }
}

const dnnb__linear_bf16_kernel dnnb__linear_bf16_amx = {.name = "own:amx",
                                                        .can_run = dnnb__amx_can_run,
                                                        .forward = forward,
                                                        .backward_data = backward_data};
#endif
