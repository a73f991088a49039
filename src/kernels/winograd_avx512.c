/*
 * Winograd's convolution with AVX-512.
 *
 * Method (winograd_tiles.h has the words): a thread takes some tiles at a time. For each part of
 * the output channels it goes through those of the input channels: it transforms the inputs, again
 * for each part of the outputs where those are several, and multiplies at each of the places a
 * matrix of tiles by input channels with one of input by output channels; then it transforms the
 * products. 28 of the 32 registers hold the sums of up to 14 tiles by two blocks of output
 * channels.
 *
 * A sum over the input channels is one chain of fused multiply-adds from zero; the bias is added
 * last.
 */
#include "kernels/winograd.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>

#include "kernels/winograd_tiles.h"

enum {
    ROW_BYTES = BLOCK * (int)sizeof(float),
    TILES = 14, /* of a piece of the products */
    /* Of a group's matrices. It has one piece all the same where that takes more, as with a window
     * of five in float32 (0.9 MB), and of three in bfloat16 (0.7). */
    GROUP_BYTES = 480 * 1024,
    MOST_PIECES = 4
};

/* The largest parts, which follow the window, the channels and the plane, and the largest group. */
static sizes get_parts(const dnnb__winograd *w) {
    int64_t part = w->window == 3 ? 8 : 4;
    sizes most = {TILES, smaller(part, w->in_blocks), smaller(part, w->out_blocks)};
    int64_t n = GROUP_BYTES / (count_floats(w, most) * (int64_t)sizeof(float));
    most.tiles *= n < 1 ? 1 : smaller(n, MOST_PIECES);
    return most;
}

/* The same, with fewer tiles where that gives all threads about as many groups. */
static sizes get_sizes(const dnnb__winograd *w) {
    sizes most = get_parts(w);
    int64_t n_tiles = w->batch * count_tiles(w, get_line(w));
    int64_t n_groups = divide_up(divide_up(n_tiles, most.tiles), w->n_threads) * w->n_threads;
    most.tiles = divide_up(n_tiles, smaller(n_groups, n_tiles));
    return most;
}

static int64_t count_products(int64_t window, bool is_bf16, const int64_t out[2]) {
    const dnnb__winograd w = {.window = window, .is_bf16 = is_bf16, .out = {out[0], out[1]}};
    return window == 3 || window == 5 ? count_products_of(&w, get_line(&w)) : 0;
}

/* --- weights --- */

static size_t get_weights(const dnnb__winograd *w) {
    return (size_t)count_weights(w, w->in_blocks, w->out_blocks);
}

/* One input block's weights to one output block. */
VECTOR void square_transform(const float *weight, bool turned, float *to, int64_t step,
                             const dnnb__line line, const bool is_bf16) {
    (void)is_bf16;
    int window = dnnb__line_window(line), taps = window * window, n = dnnb__line_products(line);
    for (int i = 0; i < SQUARE; i += BLOCK) {
        __m512 columns[DNNB__LARGEST_WINDOW][DNNB__MOST_PRODUCTS];
        for (int x = 0; x < window; x++) {
            __m512 g[DNNB__LARGEST_WINDOW];
            DNNB__UNROLL
            for (int y = 0; y < window; y++) {
                int tap = y * window + x;
                g[y] = _mm512_loadu_ps(weight + (turned ? taps - 1 - tap : tap) * SQUARE + i);
            }
            dnnb__line_spread(g, columns[x], line);
        }
        for (int y = 0; y < n; y++) {
            __m512 row[DNNB__LARGEST_WINDOW], out[DNNB__MOST_PRODUCTS];
            DNNB__UNROLL
            for (int x = 0; x < window; x++) row[x] = columns[x][y];
            dnnb__line_spread(row, out, line);
            DNNB__UNROLL
            for (int x = 0; x < n; x++) _mm512_storeu_ps(to + (y * n + x) * step + i, out[x]);
        }
    }
}

TARGET static void pair_transform(const dnnb__winograd *w, int64_t pair, bool turned,
                                  const float *weight, float *transformed) {
    int64_t step, in = pair % w->in_blocks, out = pair / w->in_blocks;
    transformed += find_square(w, get_parts(w), in, out, &step);
    weight += pair * w->window * w->window * SQUARE;
    SPECIALISE(square_transform, w, weight, turned, transformed, step);
}

static void transform(const dnnb__winograd *w, bool turned, const float *weight,
                      float *transformed) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < w->in_blocks * w->out_blocks; i++)
        pair_transform(w, i, turned, weight, transformed);
}

/* --- outputs of tiles --- */

VECTOR void tile_gather(const group *g, const float *bias, void *out, int64_t t,
                        const dnnb__line line, const bool is_bf16) {
    const dnnb__winograd *w = g->w;
    corner at = find_corner(w, line, g->first + t);
    int side = dnnb__line_outputs(line), n = dnnb__line_products(line);
    int64_t plane = w->out[0] * w->out[1] * BLOCK;
    int64_t rows = smaller(side, w->out[0] - at.y), columns = smaller(side, w->out[1] - at.x);
    int64_t first = (at.image * w->out_blocks + g->first_out) * plane;
    first += (at.y * w->out[1] + at.x) * BLOCK;
    const float *from = g->out + t * BLOCK;
    for (int64_t b = 0; b < g->n_out; b++, first += plane, from += g->n * BLOCK) {
        __m512 lines[DNNB__MOST_OUTPUTS][DNNB__MOST_PRODUCTS];
        for (int x = 0; x < n; x++) {
            __m512 m[DNNB__MOST_PRODUCTS], column[DNNB__MOST_OUTPUTS];
            DNNB__UNROLL
            for (int y = 0; y < n; y++) m[y] = _mm512_loadu_ps(from + (y * n + x) * g->out_step);
            dnnb__line_gather(m, column, line);
            DNNB__UNROLL
            for (int y = 0; y < side; y++) lines[y][x] = column[y];
        }
        __m512 add =
            bias ? _mm512_loadu_ps(bias + (g->first_out + b) * BLOCK) : _mm512_setzero_ps();
        for (int y = 0; y < rows; y++) {
            __m512 row[DNNB__MOST_OUTPUTS];
            dnnb__line_gather(lines[y], row, line);
            for (int x = 0; x < columns; x++)
                dnnb__floats_store(out, first + (y * w->out[1] + x) * BLOCK,
                                   finish(row[x], add, w->relu), is_bf16);
        }
    }
}

TARGET static void tile_write(const group *g, const float *bias, void *out, int64_t t) {
    SPECIALISE(tile_gather, g->w, g, bias, out, t);
}

/* --- products --- */

/* n tiles by n_out blocks of output channels, at one place; both are constants wherever this is
 * used. What the next blocks will multiply with is asked for meanwhile. Sums go on from those of
 * the part of the input channels before this one. */
VECTOR void piece_multiply(const group *g, const float *in, const float *weight, float *out,
                           const char *next, int64_t next_step, const int n, const int n_out) {
    __m512 sum[AT_ONCE][TILES];
    int64_t blocks = g->n_in;
    bool goes_on = g->first_in > 0;
    DNNB__UNROLL
    for (int o = 0; o < n_out; o++) {
        DNNB__UNROLL
        for (int t = 0; t < n; t++)
            sum[o][t] =
                goes_on ? _mm512_loadu_ps(out + (o * g->n + t) * BLOCK) : _mm512_setzero_ps();
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
    const char *next = (const char *)(weight + n_out * g->n_in * SQUARE);
    for (int64_t p = 0; p < pieces; p++) {
        int64_t first = g->n * p / pieces;
        const float *from = in + first * BLOCK;
        float *to = out + first * BLOCK;
        const char *far = next + p * next_step * g->n_in * BLOCK;
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
    int64_t n_out = g->n_out, row = g->n_in * SQUARE, o = 0;
    for (; o + AT_ONCE <= n_out; o += AT_ONCE)
        tiles_multiply(g, in, weight + o * row, out + o * g->n * BLOCK, AT_ONCE);
    if (o < n_out) tiles_multiply(g, in, weight + o * row, out + o * g->n * BLOCK, 1);
}

/* One part of the channels by another. @return The weights of the next ones. */
static const float *parts_multiply(const group *g, const float *weight) {
    int64_t places = count_places(g->w), step = g->n_in * g->n_out * SQUARE;
    for (int64_t i = 0; i < places; i++, weight += step)
        place_multiply(g, g->in + i * g->in_step, weight, g->out + i * g->out_step);
    return weight;
}

typedef float weight_number;

#include "kernels/winograd_loops.h"

static size_t count_scratch(const dnnb__winograd *w) {
    return (size_t)(w->n_threads * count_floats(w, get_sizes(w))) * sizeof(float);
}

/* One thread: groups that no other has taken, one after the other. */
static void groups_run(const dnnb__winograd *w, const void *in, const float *transformed,
                       const float *bias, void *out, float *scratch, int64_t *taken) {
    sizes most = get_sizes(w);
    int64_t n_tiles = w->batch * count_tiles(w, get_line(w)),
            n_groups = divide_up(n_tiles, most.tiles), i;
    group g = create_group(w, most, scratch);
    for (;;) {
#pragma omp atomic capture
        i = (*taken)++;
        if (i >= n_groups) return;
        g.first = n_tiles * i / n_groups;
        g.n = n_tiles * (i + 1) / n_groups - g.first;
        group_run(&g, most, in, transformed, bias, out);
    }
}

static void run(const dnnb__winograd *w, const void *in, const float *transformed,
                const float *bias, void *out, void *scratch) {
    int64_t taken = 0, n_floats = count_floats(w, get_sizes(w));
#pragma omp parallel for schedule(static, 1) num_threads((int)w->n_threads)
    for (int64_t t = 0; t < w->n_threads; t++)
        groups_run(w, in, transformed, bias, out, (float *)scratch + t * n_floats, &taken);
}

const dnnb__winograd_kernel dnnb__winograd_avx512 = {.name = "own:avx512_winograd",
                                                     .block = BLOCK,
                                                     .fewest_channels = 32,
                                                     .count_products = count_products,
                                                     .count_weights = get_weights,
                                                     .transform = transform,
                                                     .count_scratch = count_scratch,
                                                     .run = run,
                                                     .count_gradient_scratch =
                                                         dnnb__winograd_count_gradient_avx512,
                                                     .gradient = dnnb__winograd_gradient_avx512};

#endif
