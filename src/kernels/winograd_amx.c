/*
 * Winograd's convolution of 3 x 3 pixels in bfloat16 with AMX, channels last.
 *
 * Method: a thread takes some tiles at a time (winograd_plane.h). For each part of the output
 * channels it goes through those of the input channels: it transforms the inputs in float32 and
 * rounds them, multiplies at each of the 16 places a matrix of tiles by input channels with one of
 * input by output channels, adding up in float32, and at the end transforms the sums and rounds
 * the outputs. Weights are transformed in float32 from the float32 ones and rounded once.
 *
 * Here a *panel* is what amx.h calls a tile: 16 rows of 64 bytes. A block of channels is a row of
 * inputs: widening takes the even and the odd ones apart, each by one instruction, and they stay
 * so, the even ones first; the weights of a pair of such neighbours lie side by side.
 *
 * A sum over the input channels goes block by block; the bias is added last. What rows of a panel
 * hold past the last tile is whatever was there: it reaches no output.
 */
#include "kernels/winograd.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>

#include "kernels/amx.h"
#include "kernels/winograd_plane.h"

#define TARGET DNNB__AMX
#define VECTOR __attribute__((always_inline)) DNNB__AMX static inline

enum {
    WINDOW = 3,
    TAPS = WINDOW * WINDOW,
    SIDE = 2,   /* outputs of a tile along a dimension, */
    INPUTS = 4, /* and inputs, and products */
    PLACES = INPUTS * INPUTS,
    BLOCK = DNNB__TILE_DEPTH,
    LANES = BLOCK / 2,
    ROWS = DNNB__TILE_ROWS,
    SUMS = DNNB__TILE_FLOATS, /* of a panel */
    PANEL = ROWS * BLOCK,     /* numbers of bfloat16 of a panel */
    SQUARE = 2 * PANEL,       /* weights of two blocks at one place */
    /* Of a group: its matrices, 1 MB, stay in a second cache of 2 MiB while the weights of the
     * places go through it. */
    MOST_PANELS = 4,
    MOST_IN = 8,
    MOST_OUT = 4,
    LINE = 64,
    APART = 3 * LINE /* bytes between places, whose stores must not meet in one set of a cache */
};

/* --- sizes --- */

/* The largest group: panels of tiles, and blocks of input and output channels. */
typedef struct sizes {
    int64_t panels, in, out;
} sizes;

/* As few parts as may be, of nearly the same size. They follow the channels alone. */
static int64_t get_part(int64_t n_blocks, int64_t most) {
    return divide_up(n_blocks, divide_up(n_blocks, most));
}

static int64_t count_panels(const dnnb__winograd *w) {
    return divide_up(w->batch * count_tiles(w, DNNB__LINE_3), ROWS);
}

/* Threads have about as many groups each. */
static int64_t count_groups(const dnnb__winograd *w) {
    int64_t n_panels = count_panels(w), n = divide_up(n_panels, MOST_PANELS);
    return smaller(divide_up(n, w->n_threads) * w->n_threads, n_panels);
}

static sizes get_sizes(const dnnb__winograd *w) {
    return (sizes){.panels = divide_up(count_panels(w), count_groups(w)),
                   .in = get_part(w->in_blocks, MOST_IN),
                   .out = get_part(w->out_blocks, MOST_OUT)};
}

/* Bytes from one place of a group's matrices to the next. */
static int64_t get_in_step(sizes most) {
    return most.panels * most.in * PANEL * (int64_t)sizeof(uint16_t) + APART;
}

static int64_t get_out_step(sizes most) {
    return most.panels * most.out * 2 * SUMS * (int64_t)sizeof(float) + APART;
}

/* Of a thread. */
static int64_t count_bytes(const dnnb__winograd *w) {
    sizes most = get_sizes(w);
    return PLACES * (get_in_step(most) + get_out_step(most));
}

static size_t count_scratch(const dnnb__winograd *w) {
    return (size_t)(w->n_threads * count_bytes(w));
}

static int64_t count_products(int64_t window, bool is_bf16, const int64_t out[2]) {
    const dnnb__winograd w = {.is_bf16 = is_bf16, .out = {out[0], out[1]}};
    return window == WINDOW ? count_products_of(&w, DNNB__LINE_3) : 0;
}

/* --- weights --- */

static size_t get_weights(const dnnb__winograd *w) {
    return (size_t)(w->in_blocks * w->out_blocks * PLACES * SQUARE) * sizeof(uint16_t) /
           sizeof(float);
}

/* The order of the weights: by part of the output channels, by part of the input channels,
 * [place][blocks of out][of in][half of out][pairs of in][16 of out][2]. @return Where those of two
 * blocks are at the first place; `step`: from place to place. */
static int64_t find_square(const dnnb__winograd *w, int64_t in, int64_t out, int64_t *step) {
    sizes most = get_sizes(w);
    int64_t first_in = in / most.in * most.in, first_out = out / most.out * most.out;
    int64_t n_in = smaller(most.in, w->in_blocks - first_in);
    int64_t n_out = smaller(most.out, w->out_blocks - first_out);
    *step = n_in * n_out * SQUARE;
    return PLACES * SQUARE * (first_out * w->in_blocks + first_in * n_out) +
           ((out - first_out) * n_in + in - first_in) * SQUARE;
}

/* The weights of a layer, in float32. */
typedef struct taps {
    const float *weight;
    int64_t in, out; /* channels / 16 */
    bool turned;
} taps;

/* One tap of an input channel to 16 output channels. */
VECTOR __m512 tap_load(const taps *w, int64_t in, int64_t out, int tap) {
    int64_t i = in / LANES, within = in % LANES;
    if (w->turned)
        return _mm512_loadu_ps(
            w->weight + (((i * w->out + out) * TAPS + TAPS - 1 - tap) * LANES + within) * LANES);
    const float *tile = w->weight + ((out * w->in + i) * TAPS + tap) * LANES * LANES;
    return _mm512_i32gather_ps(dnnb__amx_rows(), tile + within, sizeof(float));
}

/* What an input channel is multiplied with at each place. */
VECTOR void channel_transform(const taps *w, int64_t in, int64_t out, __m512 places[PLACES]) {
    __m512 columns[WINDOW][INPUTS];
    for (int x = 0; x < WINDOW; x++) {
        __m512 g[WINDOW];
        DNNB__UNROLL for (int y = 0; y < WINDOW; y++) g[y] = tap_load(w, in, out, y * WINDOW + x);
        dnnb__line_spread(g, columns[x], DNNB__LINE_3);
    }
    for (int y = 0; y < INPUTS; y++) {
        __m512 row[WINDOW];
        DNNB__UNROLL for (int x = 0; x < WINDOW; x++) row[x] = columns[x][y];
        dnnb__line_spread(row, places + y * INPUTS, DNNB__LINE_3);
    }
}

VECTOR __m512i interleave(__m512 first, __m512 second) {
    __m512i a = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
    __m512i b = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
    return _mm512_or_si512(a, _mm512_slli_epi32(b, 16));
}

/* Two blocks of channels: row after row of the panels, the even input channels before the odd. */
TARGET static void square_transform(const taps *w, int64_t in, int64_t out, uint16_t *to,
                                    int64_t step) {
    for (int64_t half = 0; half < 2; half++)
        for (int64_t row = 0; row < ROWS; row++, to += BLOCK) {
            __m512 first[PLACES], second[PLACES];
            int64_t channel = in * BLOCK + row * 4 % BLOCK + row / (ROWS / 2);
            channel_transform(w, channel, out * 2 + half, first);
            channel_transform(w, channel + 2, out * 2 + half, second);
            for (int p = 0; p < PLACES; p++)
                _mm512_storeu_si512(to + p * step, interleave(first[p], second[p]));
        }
}

static void transform(const dnnb__winograd *w, bool turned, const float *weight,
                      float *transformed) {
    uint16_t *to = (uint16_t *)(void *)transformed;
    const taps from = {weight, w->in_blocks * 2, w->out_blocks * 2, turned};
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < w->in_blocks * w->out_blocks; i++) {
        int64_t step, in = i % w->in_blocks, out = i / w->in_blocks;
        int64_t at = find_square(w, in, out, &step);
        square_transform(&from, in, out, to + at, step);
    }
}

/* --- inputs --- */

typedef struct group {
    const dnnb__winograd *w;
    int64_t first, n;         /* tiles */
    int64_t n_panels;         /* of them */
    int64_t first_in, n_in;   /* blocks of input channels */
    int64_t first_out, n_out; /* and of output channels */
    char *in;                 /* [place][blocks][panels], in bfloat16 */
    char *out;                /* [place][blocks][halves][panels], in float32 */
    int64_t in_step, out_step;
} group;

/* The inputs of a tile, 16 channels of a block, to all places. */
VECTOR void inputs_transform(__m512 d[INPUTS][INPUTS], __m512 places[PLACES]) {
    __m512 lines[INPUTS][INPUTS];
    DNNB__UNROLL for (int x = 0; x < INPUTS; x++) dnnb__line_differ(d[x], lines[x], DNNB__LINE_3);
    DNNB__UNROLL for (int y = 0; y < INPUTS; y++) {
        __m512 row[INPUTS];
        DNNB__UNROLL for (int x = 0; x < INPUTS; x++) row[x] = lines[x][y];
        dnnb__line_differ(row, places + y * INPUTS, DNNB__LINE_3);
    }
}

TARGET static void tile_read(const group *g, const uint16_t *in, int64_t t) {
    const dnnb__winograd *w = g->w;
    const __m512i upper = _mm512_set1_epi32((int32_t)0xffff0000);
    corner at = find_corner(w, DNNB__LINE_3, g->first + t);
    int64_t pixel = w->in_blocks * BLOCK;
    span rows = find_pixels(at.y - w->padding[0], w->in[0], w->in[1] * pixel, INPUTS);
    span columns = find_pixels(at.x - w->padding[1], w->in[1], pixel, INPUTS);
    in += at.image * w->in[0] * w->in[1] * pixel + g->first_in * BLOCK;
    char *to = g->in + t * BLOCK * (int64_t)sizeof *in;
    for (int64_t b = 0; b < g->n_in; b++, in += BLOCK) {
        __m512 even[INPUTS][INPUTS], odd[INPUTS][INPUTS], first[PLACES], second[PLACES];
        for (int x = 0; x < INPUTS; x++)
            for (int y = 0; y < INPUTS; y++) {
                __m512i both = _mm512_maskz_loadu_epi16(rows.inside[y] & columns.inside[x],
                                                        in + rows.offset[y] + columns.offset[x]);
                even[x][y] = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
                odd[x][y] = _mm512_castsi512_ps(_mm512_and_si512(both, upper));
            }
        inputs_transform(even, first);
        inputs_transform(odd, second);
        for (int p = 0; p < PLACES; p++)
            _mm512_storeu_si512(to + p * g->in_step,
                                (__m512i)_mm512_cvtne2ps_pbh(second[p], first[p]));
        to += g->n_panels * PANEL * (int64_t)sizeof *in;
    }
}

/* --- outputs --- */

/* The outputs of a tile, 16 channels; `from` at the first place. */
VECTOR void outputs_transform(const char *from, int64_t step, __m512 out[SIDE][SIDE]) {
    __m512 lines[SIDE][INPUTS];
    for (int x = 0; x < INPUTS; x++) {
        __m512 m[INPUTS], column[SIDE];
        DNNB__UNROLL for (int y = 0; y < INPUTS; y++) m[y] =
            _mm512_loadu_ps(from + (y * INPUTS + x) * step);
        dnnb__line_gather(m, column, DNNB__LINE_3);
        DNNB__UNROLL for (int y = 0; y < SIDE; y++) lines[y][x] = column[y];
    }
    DNNB__UNROLL for (int y = 0; y < SIDE; y++) dnnb__line_gather(lines[y], out[y], DNNB__LINE_3);
}

TARGET static void tile_write(const group *g, const float *bias, uint16_t *out, int64_t t) {
    const dnnb__winograd *w = g->w;
    corner at = find_corner(w, DNNB__LINE_3, g->first + t);
    int64_t pixel = w->out_blocks * BLOCK;
    int64_t rows = smaller(SIDE, w->out[0] - at.y), columns = smaller(SIDE, w->out[1] - at.x);
    int64_t half = g->n_panels * SUMS * (int64_t)sizeof(float);
    const char *from = g->out + t * LANES * (int64_t)sizeof(float);
    out += ((at.image * w->out[0] + at.y) * w->out[1] + at.x) * pixel + g->first_out * BLOCK;
    for (int64_t b = 0; b < g->n_out; b++, from += 2 * half, out += BLOCK) {
        __m512 first[SIDE][SIDE], second[SIDE][SIDE];
        __m512 add[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
        for (int i = 0; bias && i < 2; i++)
            add[i] = _mm512_loadu_ps(bias + (g->first_out + b) * BLOCK + i * LANES);
        outputs_transform(from, g->out_step, first);
        outputs_transform(from + half, g->out_step, second);
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < columns; x++)
                _mm512_storeu_si512(
                    out + (y * w->out[1] + x) * pixel,
                    (__m512i)_mm512_cvtne2ps_pbh(finish(second[y][x], add[1], w->relu),
                                                 finish(first[y][x], add[0], w->relu)));
    }
}

/* --- products --- */

/* n panels of tiles, one or two and a constant wherever this is used, by a block of output
 * channels. n_lines of the weights to come are asked for with each block of inputs. Sums go on from
 * those of the part of the input channels before this one. */
VECTOR void panels_multiply(const group *g, const uint16_t *in, const uint16_t *weight, float *sums,
                            const char *next, int64_t n_lines, const int n) {
    enum { ROW_BYTES = DNNB__TILE_ROW_BYTES };
    float *beside = sums + g->n_panels * SUMS; /* the other half of the output channels */
    if (g->first_in == 0) {
        _tile_zero(0);
        _tile_zero(1);
        if (n > 1) _tile_zero(2);
        if (n > 1) _tile_zero(3);
    } else {
        _tile_loadd(0, sums, ROW_BYTES);
        _tile_loadd(1, beside, ROW_BYTES);
        if (n > 1) _tile_loadd(2, sums + SUMS, ROW_BYTES);
        if (n > 1) _tile_loadd(3, beside + SUMS, ROW_BYTES);
    }
    for (int64_t b = 0; b < g->n_in; b++, in += g->n_panels * PANEL, weight += SQUARE) {
        _tile_loadd(4, in, ROW_BYTES);
        _tile_loadd(6, weight, ROW_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, weight + PANEL, ROW_BYTES);
        _tile_dpbf16ps(1, 4, 7);
        for (int64_t i = 0; i < n_lines; i++, next += LINE) _mm_prefetch(next, _MM_HINT_T1);
        if (n == 1) continue;
        _tile_loadd(5, in + PANEL, ROW_BYTES);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, ROW_BYTES);
    _tile_stored(1, beside, ROW_BYTES);
    if (n > 1) _tile_stored(2, sums + SUMS, ROW_BYTES);
    if (n > 1) _tile_stored(3, beside + SUMS, ROW_BYTES);
}

/* The panels of a group by a block of output channels: its weights stay in the first cache. */
TARGET static void block_multiply(const group *g, const uint16_t *in, const uint16_t *weight,
                                  float *sums) {
    const char *next = (const char *)(weight + g->n_in * SQUARE);
    int64_t n_lines = SQUARE * (int64_t)sizeof *weight / LINE / divide_up(g->n_panels, 2), p = 0;
    for (; p + 2 <= g->n_panels; p += 2, next += g->n_in * n_lines * LINE)
        panels_multiply(g, in + p * PANEL, weight, sums + p * SUMS, next, n_lines, 2);
    if (p < g->n_panels)
        panels_multiply(g, in + p * PANEL, weight, sums + p * SUMS, next, n_lines, 1);
}

/* One part of the channels by another. @return The weights of the next ones. */
TARGET static const uint16_t *parts_multiply(const group *g, const uint16_t *weight) {
    for (int64_t i = 0; i < PLACES; i++)
        for (int64_t o = 0; o < g->n_out; o++, weight += g->n_in * SQUARE) {
            const void *in = g->in + i * g->in_step;
            void *out = g->out + i * g->out_step;
            block_multiply(g, in, weight, (float *)out + o * 2 * g->n_panels * SUMS);
        }
    return weight;
}

typedef uint16_t weight_number;

#include "kernels/winograd_loops.h"

/* One thread: groups that no other has taken, one after the other. */
TARGET static void groups_run(const dnnb__winograd *w, const uint16_t *in, const uint16_t *weight,
                              const float *bias, uint16_t *out, char *scratch, int64_t *taken) {
    sizes most = get_sizes(w);
    int64_t n_tiles = w->batch * count_tiles(w, DNNB__LINE_3), n_panels = count_panels(w);
    int64_t n_groups = count_groups(w), i;
    group g = {.w = w, .in = scratch, .in_step = get_in_step(most), .out_step = get_out_step(most)};
    g.out = scratch + PLACES * g.in_step;
    dnnb__amx_configure();
    for (;;) {
#pragma omp atomic capture
        i = (*taken)++;
        if (i >= n_groups) break;
        int64_t first = n_panels * i / n_groups;
        g.n_panels = n_panels * (i + 1) / n_groups - first;
        g.first = first * ROWS;
        g.n = smaller(g.n_panels * ROWS, n_tiles - g.first);
        group_run(&g, most, in, weight, bias, out);
    }
    _tile_release();
}

static void run(const dnnb__winograd *w, const void *in, const float *transformed,
                const float *bias, void *out, void *scratch) {
    const void *weight = transformed;
    int64_t taken = 0, n_bytes = count_bytes(w);
#pragma omp parallel for schedule(static, 1) num_threads((int)w->n_threads)
    for (int64_t t = 0; t < w->n_threads; t++)
        groups_run(w, in, weight, bias, out, (char *)scratch + t * n_bytes, &taken);
}

const dnnb__winograd_kernel dnnb__winograd_amx = {.name = "own:amx_winograd",
                                                  .can_run = dnnb__amx_can_run,
                                                  .block = BLOCK,
                                                  .channels_last = true,
                                                  .fewest_channels = 192,
                                                  .count_products = count_products,
                                                  .count_weights = get_weights,
                                                  .transform = transform,
                                                  .count_scratch = count_scratch,
                                                  .run = run};

#endif
