/*
 * Winograd's convolution with AVX-512.
 *
 * Method: a *tile* is 2 x 2 outputs, and the 4 x 4 inputs that they read. A thread takes a group of
 * tiles at a time: it transforms their inputs, multiplies at each of the 16 *places* of a tile a
 * matrix of tiles by input channels with one of input by output channels, and transforms the
 * products. 28 of the 32 registers hold the sums of up to 14 tiles by two blocks of output
 * channels.
 *
 * A sum over the input channels is one chain of fused multiply-adds from zero; the bias is added
 * last. A weight gradient has such a chain over the tiles of each group, which all threads make,
 * and adds these up group by group.
 */
#include "kernels/winograd.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>

#define TARGET DNNB__AVX512
#define VECTOR __attribute__((always_inline)) DNNB__AVX512 static inline

enum {
    BLOCK = 16,
    SIDE = 4, /* of a tile's input */
    PLACES = SIDE * SIDE,
    WINDOW = 3,
    TAPS = WINDOW * WINDOW,
    SQUARE = BLOCK * BLOCK,
    ROW_BYTES = BLOCK * (int)sizeof(float),
    TILES = 14,  /* of a piece of the products */
    AT_ONCE = 2, /* blocks of output channels in it */
    GROUP = 56,  /* tiles: what is made of them stays in the second cache */
    /* Tiles of a weight gradient's group times channels on both sides: little enough for the
     * caches, and enough that threads do not wait for each other all the time. */
    GRADIENT_CHANNELS = 112 * 640,
    INPUTS = 8,        /* channels whose sums it holds in registers, by two blocks of outputs */
    APART = 3 * BLOCK, /* floats between places, whose stores must not meet in one set of a cache */
};

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Tiles of an image. */
static int64_t count_tiles(const dnnb__winograd *w) {
    return divide_up(w->out[0], 2) * divide_up(w->out[1], 2);
}

/* --- weights --- */

static size_t count_weights(int64_t in_blocks, int64_t out_blocks) {
    return (size_t)(PLACES * in_blocks * out_blocks * SQUARE);
}

/* Three values to four: G of the source. */
VECTOR void spread(const __m512 g[WINDOW], __m512 out[SIDE]) {
    __m512 half = _mm512_set1_ps(0.5f), ends = _mm512_add_ps(g[0], g[2]);
    out[0] = g[0];
    out[1] = _mm512_mul_ps(half, _mm512_add_ps(ends, g[1]));
    out[2] = _mm512_mul_ps(half, _mm512_sub_ps(ends, g[1]));
    out[3] = g[2];
}

/* One input block's weights to one output block. */
TARGET static void square_transform(const float *weight, bool turned, float *to, int64_t step) {
    for (int i = 0; i < SQUARE; i += BLOCK) {
        __m512 columns[WINDOW][SIDE];
        DNNB__UNROLL
        for (int x = 0; x < WINDOW; x++) {
            __m512 g[WINDOW];
            DNNB__UNROLL
            for (int y = 0; y < WINDOW; y++) {
                int tap = y * WINDOW + x;
                g[y] = _mm512_loadu_ps(weight + (turned ? TAPS - 1 - tap : tap) * SQUARE + i);
            }
            spread(g, columns[x]);
        }
        DNNB__UNROLL
        for (int y = 0; y < SIDE; y++) {
            __m512 row[WINDOW] = {columns[0][y], columns[1][y], columns[2][y]}, out[SIDE];
            spread(row, out);
            DNNB__UNROLL
            for (int x = 0; x < SIDE; x++) _mm512_storeu_ps(to + (y * SIDE + x) * step + i, out[x]);
        }
    }
}

static void transform(int64_t in_blocks, int64_t out_blocks, bool turned, const float *weight,
                      float *transformed) {
    int64_t n = in_blocks * out_blocks;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++)
        square_transform(weight + i * TAPS * SQUARE, turned, transformed + i * SQUARE, n * SQUARE);
}

/* --- inputs and outputs of tiles --- */

/* Some tiles, and the matrices of their inputs and outputs, or of the outputs' gradients. */
typedef struct group {
    const dnnb__winograd *w;
    int64_t first, n;          /* tiles */
    float *in, *out;           /* [place][blocks][n][BLOCK] */
    int64_t in_step, out_step; /* from place to place */
} group;

/* Where a tile's outputs begin. */
typedef struct place {
    int64_t image, y, x;
} place;

static place find_tile(const dnnb__winograd *w, int64_t tile) {
    int64_t per_image = count_tiles(w), columns = divide_up(w->out[1], 2);
    int64_t within = tile % per_image;
    return (place){tile / per_image, within / columns * 2, within % columns * 2};
}

/* Four values to four: the transpose of B of the source. */
VECTOR void differ(const __m512 d[SIDE], __m512 out[SIDE]) {
    out[0] = _mm512_sub_ps(d[0], d[2]);
    out[1] = _mm512_add_ps(d[1], d[2]);
    out[2] = _mm512_sub_ps(d[2], d[1]);
    out[3] = _mm512_sub_ps(d[1], d[3]);
}

TARGET static void tile_read(const group *g, const float *in, int64_t t) {
    const dnnb__winograd *w = g->w;
    place at = find_tile(w, g->first + t);
    int64_t plane = w->in[0] * w->in[1] * BLOCK, offset[PLACES];
    __mmask16 inside[PLACES]; /* the others are padding */
    for (int i = 0; i < PLACES; i++) {
        int64_t y = at.y - w->padding[0] + i / SIDE, x = at.x - w->padding[1] + i % SIDE;
        bool is_inside = y >= 0 && y < w->in[0] && x >= 0 && x < w->in[1];
        inside[i] = is_inside ? 0xffff : 0;
        offset[i] = is_inside ? (y * w->in[1] + x) * BLOCK : 0;
    }
    in += at.image * w->in_blocks * plane;
    float *to = g->in + t * BLOCK;
    for (int64_t b = 0; b < w->in_blocks; b++, in += plane, to += g->n * BLOCK) {
        __m512 columns[SIDE][SIDE];
        DNNB__UNROLL
        for (int x = 0; x < SIDE; x++) {
            __m512 d[SIDE];
            DNNB__UNROLL
            for (int y = 0; y < SIDE; y++)
                d[y] = _mm512_maskz_loadu_ps(inside[y * SIDE + x], in + offset[y * SIDE + x]);
            differ(d, columns[x]);
        }
        DNNB__UNROLL
        for (int y = 0; y < SIDE; y++) {
            __m512 row[SIDE] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y]};
            __m512 out[SIDE];
            differ(row, out);
            DNNB__UNROLL
            for (int x = 0; x < SIDE; x++)
                _mm512_storeu_ps(to + (y * SIDE + x) * g->in_step, out[x]);
        }
    }
}

/* Four values to two: the transpose of A of the source. */
VECTOR void gather(const __m512 m[SIDE], __m512 out[2]) {
    out[0] = _mm512_add_ps(_mm512_add_ps(m[0], m[1]), m[2]);
    out[1] = _mm512_sub_ps(_mm512_sub_ps(m[1], m[2]), m[3]);
}

TARGET static void tile_write(const group *g, const float *bias, float *out, int64_t t) {
    const dnnb__winograd *w = g->w;
    place at = find_tile(w, g->first + t);
    int64_t plane = w->out[0] * w->out[1] * BLOCK;
    int64_t rows = smaller(2, w->out[0] - at.y), columns = smaller(2, w->out[1] - at.x);
    out += at.image * w->out_blocks * plane + (at.y * w->out[1] + at.x) * BLOCK;
    const float *from = g->out + t * BLOCK;
    for (int64_t b = 0; b < w->out_blocks; b++, out += plane, from += g->n * BLOCK) {
        __m512 halves[2][SIDE];
        DNNB__UNROLL
        for (int x = 0; x < SIDE; x++) {
            __m512 m[SIDE], column[2];
            DNNB__UNROLL
            for (int y = 0; y < SIDE; y++)
                m[y] = _mm512_loadu_ps(from + (y * SIDE + x) * g->out_step);
            gather(m, column);
            halves[0][x] = column[0];
            halves[1][x] = column[1];
        }
        __m512 add = bias ? _mm512_loadu_ps(bias + b * BLOCK) : _mm512_setzero_ps();
        for (int y = 0; y < rows; y++) {
            __m512 row[2];
            gather(halves[y], row);
            for (int x = 0; x < columns; x++) {
                __m512 v = _mm512_add_ps(row[x], add);
                if (w->relu)
                    v = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NLE_UQ),
                                            v);
                _mm512_storeu_ps(out + (y * w->out[1] + x) * BLOCK, v);
            }
        }
    }
}

/* --- products --- */

/* n tiles by n_out blocks of output channels, at one place; both are constants wherever this is
 * used. What the next blocks will multiply with is asked for meanwhile. */
VECTOR void piece_multiply(const group *g, const float *in, const float *weight, float *out,
                           const char *next, int64_t next_step, const int n, const int n_out) {
    __m512 sum[AT_ONCE][TILES];
    int64_t blocks = g->w->in_blocks;
    DNNB__UNROLL
    for (int o = 0; o < n_out; o++) {
        DNNB__UNROLL
        for (int t = 0; t < n; t++) sum[o][t] = _mm512_setzero_ps();
    }
    for (int64_t b = 0; b < blocks; b++, in += g->n * BLOCK, weight += SQUARE)
        for (int i = 0; i < BLOCK; i++, next += next_step) {
            __m512 factor[AT_ONCE];
            for (int o = 0; o < n_out; o++)
                _mm_prefetch(next + o * blocks * BLOCK * ROW_BYTES, _MM_HINT_T1);
            DNNB__UNROLL
            for (int o = 0; o < n_out; o++)
                factor[o] = _mm512_loadu_ps(weight + o * blocks * SQUARE + i * BLOCK);
            DNNB__UNROLL
            for (int t = 0; t < n; t++) {
                __m512 value = _mm512_set1_ps(in[t * BLOCK + i]);
                DNNB__UNROLL
                for (int o = 0; o < n_out; o++)
                    sum[o][t] = _mm512_fmadd_ps(value, factor[o], sum[o][t]);
            }
        }
    DNNB__UNROLL
    for (int o = 0; o < n_out; o++) {
        DNNB__UNROLL
        for (int t = 0; t < n; t++) _mm512_storeu_ps(out + (o * g->n + t) * BLOCK, sum[o][t]);
    }
}

VECTOR void tiles_multiply(const group *g, const float *in, const float *weight, float *out,
                           const int n_out) {
    int64_t pieces = divide_up(g->n, TILES), next_step = ROW_BYTES / pieces;
    const char *next = (const char *)(weight + n_out * g->w->in_blocks * SQUARE);
    for (int64_t p = 0; p < pieces; p++) {
        int64_t first = g->n * p / pieces;
        const float *from = in + first * BLOCK;
        float *to = out + first * BLOCK;
        const char *far = next + p * next_step * g->w->in_blocks * BLOCK;
        switch (g->n * (p + 1) / pieces - first) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        piece_multiply(g, from, weight, to, far, next_step, n, n_out);                             \
        break;
            CASE(1)
            CASE(2)
            CASE(3)
            CASE(4)
            CASE(5)
            CASE(6)
            CASE(7)
            CASE(8)
            CASE(9)
            CASE(10)
            CASE(11)
            CASE(12)
            CASE(13)
            CASE(14)
#undef CASE
        default:
            break;
        }
    }
}

TARGET static void place_multiply(const group *g, const float *in, const float *weight,
                                  float *out) {
    int64_t n_out = g->w->out_blocks, row = g->w->in_blocks * SQUARE, o = 0;
    for (; o + AT_ONCE <= n_out; o += AT_ONCE)
        tiles_multiply(g, in, weight + o * row, out + o * g->n * BLOCK, AT_ONCE);
    if (o < n_out) tiles_multiply(g, in, weight + o * row, out + o * g->n * BLOCK, 1);
}

/* --- */

static void group_run(const group *g, const float *in, const float *transformed, const float *bias,
                      float *out) {
    int64_t step = g->w->in_blocks * g->w->out_blocks * SQUARE;
    for (int64_t t = 0; t < g->n; t++) tile_read(g, in, t);
    for (int i = 0; i < PLACES; i++)
        place_multiply(g, g->in + i * g->in_step, transformed + i * step, g->out + i * g->out_step);
    for (int64_t t = 0; t < g->n; t++) tile_write(g, bias, out, t);
}

/* All threads get as many, and none is empty. */
static int64_t count_groups(const dnnb__winograd *w) {
    int64_t n_tiles = w->batch * count_tiles(w);
    return smaller(divide_up(divide_up(n_tiles, GROUP), w->n_threads) * w->n_threads, n_tiles);
}

/* Floats of a place of the largest group. */
static int64_t count_step(const dnnb__winograd *w, int64_t blocks) {
    return blocks * divide_up(w->batch * count_tiles(w), count_groups(w)) * BLOCK + APART;
}

static int64_t count_floats(const dnnb__winograd *w) {
    return PLACES * (count_step(w, w->in_blocks) + count_step(w, w->out_blocks));
}

static size_t count_scratch(const dnnb__winograd *w) {
    return (size_t)(w->n_threads * count_floats(w)) * sizeof(float);
}

/* One thread: groups that no other has taken, one after the other. */
static void groups_run(const dnnb__winograd *w, const float *in, const float *transformed,
                       const float *bias, float *out, float *scratch, int64_t *taken) {
    int64_t n_tiles = w->batch * count_tiles(w), n_groups = count_groups(w), i;
    group g = {.w = w,
               .in = scratch,
               .in_step = count_step(w, w->in_blocks),
               .out = scratch + PLACES * count_step(w, w->in_blocks),
               .out_step = count_step(w, w->out_blocks)};
    for (;;) {
#pragma omp atomic capture
        i = (*taken)++;
        if (i >= n_groups) return;
        g.first = n_tiles * i / n_groups;
        g.n = n_tiles * (i + 1) / n_groups - g.first;
        group_run(&g, in, transformed, bias, out);
    }
}

static void run(const dnnb__winograd *w, const float *in, const float *transformed,
                const float *bias, float *out, void *scratch) {
    int64_t taken = 0;
#pragma omp parallel for schedule(static, 1) num_threads((int)w->n_threads)
    for (int64_t t = 0; t < w->n_threads; t++)
        groups_run(w, in, transformed, bias, out, (float *)scratch + t * count_floats(w), &taken);
}

/* --- the weight gradient --- */

/* Two values to four: A of the source. */
VECTOR void scatter(const __m512 g[2], __m512 out[SIDE]) {
    out[0] = g[0];
    out[1] = _mm512_add_ps(g[0], g[1]);
    out[2] = _mm512_sub_ps(g[0], g[1]);
    out[3] = _mm512_sub_ps(_mm512_setzero_ps(), g[1]);
}

/* The gradient of a tile's outputs, at the places of its products. */
TARGET static void tile_scatter(const group *g, const float *gradient, int64_t t) {
    const dnnb__winograd *w = g->w;
    place at = find_tile(w, g->first + t);
    int64_t plane = w->out[0] * w->out[1] * BLOCK, row = w->out[1] * BLOCK;
    bool has_row = at.y + 1 < w->out[0], has_column = at.x + 1 < w->out[1];
    __mmask16 below = has_row ? 0xffff : 0, right = has_column ? 0xffff : 0;
    int64_t down = has_row ? row : 0, across = has_column ? BLOCK : 0;
    gradient += at.image * w->out_blocks * plane + at.y * row + at.x * BLOCK;
    float *to = g->out + t * BLOCK;
    for (int64_t b = 0; b < w->out_blocks; b++, gradient += plane, to += g->n * BLOCK) {
        __m512 columns[2][SIDE];
        __m512 left[2] = {_mm512_loadu_ps(gradient), _mm512_maskz_loadu_ps(below, gradient + down)};
        __m512 other[2] = {_mm512_maskz_loadu_ps(right, gradient + across),
                           _mm512_maskz_loadu_ps(below & right, gradient + down + across)};
        scatter(left, columns[0]);
        scatter(other, columns[1]);
        DNNB__UNROLL
        for (int y = 0; y < SIDE; y++) {
            __m512 pair[2] = {columns[0][y], columns[1][y]}, out[SIDE];
            scatter(pair, out);
            DNNB__UNROLL
            for (int x = 0; x < SIDE; x++)
                _mm512_storeu_ps(to + (y * SIDE + x) * g->out_step, out[x]);
        }
    }
}

/* Add what a group's tiles give to INPUTS channels by n_out blocks of outputs, at one place; n_out
 * is a constant wherever this is used. */
VECTOR void square_add(const group *g, const float *in, const float *gradient, float *sums,
                       int64_t sums_step, const int n_out) {
    __m512 sum[AT_ONCE][INPUTS];
    DNNB__UNROLL
    for (int o = 0; o < n_out; o++) {
        DNNB__UNROLL
        for (int i = 0; i < INPUTS; i++) sum[o][i] = _mm512_setzero_ps();
    }
    for (int64_t t = 0; t < g->n; t++, in += BLOCK, gradient += BLOCK) {
        __m512 factor[AT_ONCE];
        DNNB__UNROLL
        for (int o = 0; o < n_out; o++) factor[o] = _mm512_loadu_ps(gradient + o * g->n * BLOCK);
        DNNB__UNROLL
        for (int i = 0; i < INPUTS; i++) {
            __m512 value = _mm512_set1_ps(in[i]);
            DNNB__UNROLL
            for (int o = 0; o < n_out; o++)
                sum[o][i] = _mm512_fmadd_ps(value, factor[o], sum[o][i]);
        }
    }
    DNNB__UNROLL
    for (int o = 0; o < n_out; o++) {
        DNNB__UNROLL
        for (int i = 0; i < INPUTS; i++) {
            float *to = sums + o * sums_step + i * BLOCK;
            if (g->first > 0) sum[o][i] = _mm512_add_ps(_mm512_loadu_ps(to), sum[o][i]);
            _mm512_storeu_ps(to, sum[o][i]);
        }
    }
}

/* Some blocks of outputs at one place. */
TARGET static void squares_add(const group *g, const float *in, const float *gradient, float *sums,
                               int64_t n_out) {
    int64_t step = g->w->in_blocks * SQUARE;
    for (int64_t b = 0; b < g->w->in_blocks; b++, in += g->n * BLOCK, sums += SQUARE)
        for (int i = 0; i < BLOCK; i += INPUTS) {
            if (n_out == AT_ONCE)
                square_add(g, in + i, gradient, sums + i * BLOCK, step, AT_ONCE);
            else
                square_add(g, in + i, gradient, sums + i * BLOCK, step, 1);
        }
}

/* Four values to three: the transpose of G of the source. */
VECTOR void collect(const __m512 x[SIDE], __m512 out[WINDOW]) {
    __m512 half = _mm512_set1_ps(0.5f), middle = _mm512_mul_ps(half, _mm512_add_ps(x[1], x[2]));
    out[0] = _mm512_add_ps(x[0], middle);
    out[1] = _mm512_mul_ps(half, _mm512_sub_ps(x[1], x[2]));
    out[2] = _mm512_add_ps(middle, x[3]);
}

/* The opposite of square_transform() for gradients. */
TARGET static void square_collect(const float *from, int64_t step, float *weight) {
    for (int i = 0; i < SQUARE; i += BLOCK) {
        __m512 columns[SIDE][WINDOW];
        DNNB__UNROLL
        for (int x = 0; x < SIDE; x++) {
            __m512 values[SIDE];
            DNNB__UNROLL
            for (int y = 0; y < SIDE; y++)
                values[y] = _mm512_loadu_ps(from + (y * SIDE + x) * step + i);
            collect(values, columns[x]);
        }
        DNNB__UNROLL
        for (int y = 0; y < WINDOW; y++) {
            __m512 out[WINDOW];
            __m512 row[SIDE] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y]};
            collect(row, out);
            DNNB__UNROLL
            for (int x = 0; x < WINDOW; x++)
                _mm512_storeu_ps(weight + (y * WINDOW + x) * SQUARE + i, out[x]);
        }
    }
}

/* Image by image, so that no sum gets long. */
TARGET static void bias_collect(const dnnb__winograd *w, const float *gradient, float *bias) {
    int64_t pixels = w->out[0] * w->out[1];
    __m512 total = _mm512_setzero_ps();
    for (int64_t n = 0; n < w->batch; n++, gradient += w->out_blocks * pixels * BLOCK) {
        __m512 sum = _mm512_setzero_ps();
        for (int64_t i = 0; i < pixels; i++)
            sum = _mm512_add_ps(sum, _mm512_loadu_ps(gradient + i * BLOCK));
        total = _mm512_add_ps(total, sum);
    }
    _mm512_storeu_ps(bias, total);
}

/* Tiles of a group; the order of the sums follows it. */
static int64_t gradient_group(const dnnb__winograd *w) {
    return divide_up(GRADIENT_CHANNELS, (w->in_blocks + w->out_blocks) * BLOCK);
}

static int64_t gradient_step(const dnnb__winograd *w, int64_t blocks) {
    return blocks * smaller(gradient_group(w), w->batch * count_tiles(w)) * BLOCK + APART;
}

static size_t count_gradient_scratch(const dnnb__winograd *w) {
    int64_t n = PLACES * (gradient_step(w, w->in_blocks) + gradient_step(w, w->out_blocks));
    return ((size_t)n + count_weights(w->in_blocks, w->out_blocks)) * sizeof(float);
}

/* All threads make the matrices of a group of tiles, and then share their products out by place and
 * outputs, so that the order of the sums is fixed. */
static void gradient(const dnnb__winograd *w, const float *in, const float *out_gradient,
                     float *weight_gradient, float *bias_gradient, void *scratch) {
    int64_t n_tiles = w->batch * count_tiles(w), n = w->in_blocks * w->out_blocks;
    int64_t n_pairs = divide_up(w->out_blocks, AT_ONCE);
    group g = {.w = w,
               .in = scratch,
               .in_step = gradient_step(w, w->in_blocks),
               .out_step = gradient_step(w, w->out_blocks)};
    g.out = g.in + PLACES * g.in_step;
    float *sums = g.out + PLACES * g.out_step;
    for (; g.first < n_tiles; g.first += g.n) {
        g.n = smaller(gradient_group(w), n_tiles - g.first);
#pragma omp parallel num_threads((int)w->n_threads)
        {
#pragma omp for schedule(static)
            for (int64_t t = 0; t < g.n; t++) {
                tile_read(&g, in, t);
                tile_scatter(&g, out_gradient, t);
            }
#pragma omp for schedule(dynamic, 1)
            for (int64_t i = 0; i < PLACES * n_pairs; i++) {
                int64_t at = i / n_pairs, o = i % n_pairs * AT_ONCE;
                squares_add(&g, g.in + at * g.in_step, g.out + at * g.out_step + o * g.n * BLOCK,
                            sums + (at * n + o * w->in_blocks) * SQUARE,
                            smaller(w->out_blocks - o, AT_ONCE));
            }
        }
    }
#pragma omp parallel num_threads((int)w->n_threads)
    {
#pragma omp for schedule(static) nowait
        for (int64_t i = 0; i < n; i++)
            square_collect(sums + i * SQUARE, n * SQUARE, weight_gradient + i * TAPS * SQUARE);
#pragma omp for schedule(static)
        for (int64_t o = 0; o < (bias_gradient ? w->out_blocks : 0); o++)
            bias_collect(w, out_gradient + o * w->out[0] * w->out[1] * BLOCK,
                         bias_gradient + o * BLOCK);
    }
}

const dnnb__winograd_kernel dnnb__winograd_avx512 = {.name = "own:avx512_winograd",
                                                     .block = BLOCK,
                                                     .count_weights = count_weights,
                                                     .transform = transform,
                                                     .count_scratch = count_scratch,
                                                     .run = run,
                                                     .count_gradient_scratch =
                                                         count_gradient_scratch,
                                                     .gradient = gradient};

#endif
