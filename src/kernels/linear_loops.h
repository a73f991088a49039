/*
 * Linear layers over tiles of weights, for one instruction set: packing, the forward pass and the
 * weights' gradient. Included once by each linear_<set>.c, after it has defined
 *   TARGET            its attribute
 *   IN, OUT, TILE     the sides of a tile, its elements
 *   AT_ONCE           tiles side by side that a kernel takes
 *   divide_up(a, b), smaller(a, b)
 *   tiles_add(in, tile, sums, rows, n)           add to sums, [n][rows][16], what n tiles give
 *   find_nonzero(in)                             a bit for each of 48 inputs that is not zero
 *   FEW_TILES         tiles that one number meets, where others are left out
 *   row_add_n(in, mask, tile, sums, stride, n)   add to one row of n tiles' sums, `stride` apart,
 *                                                what the inputs in the mask give
 *   row_gradient_n(in, masks, gradient, to, rows, n)  write what the rows in the masks give to
 *                                                one input of n tiles; false if not finite
 *   tiles_gradient(in, gradient, to, rows, n)    write n tiles; gradient is [n][rows][16]
 * tiles_add and tiles_gradient for n from 1 to AT_ONCE, row_add_n and row_gradient_n for constants
 * from 1 to FEW_TILES, 4; `in` is [rows][48]. Masks of rows are words of WORD bits.
 *
 * Activations are packed into strips as wide as tiles, in float32, so that a kernel walks over
 * memory in one direction and rows that lie a power of two apart do not fight for the same place of
 * a cache.
 */
#include <math.h>
#include <string.h>

#include "core/bf16.h"

/* n activations in float32. */
TARGET static void widen(const dnnb__linear *l, const void *from, int64_t n, float *to) {
    const uint16_t *halves = from;
    if (!l->is_bf16)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        for (int64_t i = 0; i < n; i++) to[i] = dnnb__bf16_widen(halves[i]);
}

/* One strip of columns of a row-major matrix, row after row, with zeros past the last column. */
static void pack_strip(const dnnb__linear *l, const void *matrix, int64_t columns, int64_t strip,
                       int64_t width, float *packed) {
    int64_t n = smaller(columns - strip * width, width);
    for (int64_t row = 0; row < l->rows; row++, packed += width) {
        widen(l, dnnb__linear_find(l, matrix, row * columns + strip * width), n, packed);
        for (int64_t k = n; k < width; k++) packed[k] = 0.0f;
    }
}

/* From sums to outputs: bias, ReLU, row-major. */
TARGET static void finish_strip(const dnnb__linear *l, const float *sums, const float *bias,
                                int64_t strip, void *out) {
    int64_t first = strip * OUT, n = smaller(l->out - first, OUT);
    bool is_rounded = l->is_bf16 && !l->f32_out;
    for (int64_t row = 0; row < l->rows; row++, sums += OUT) {
        float values[OUT];
        for (int64_t k = 0; k < n; k++) {
            float value = sums[k] + (bias ? bias[first + k] : 0.0f);
            values[k] = l->relu && value <= 0.0f ? 0.0f : value;
        }
        int64_t at = row * l->out + first;
        if (is_rounded)
            for (int64_t k = 0; k < n; k++) ((uint16_t *)out)[at + k] = dnnb__bf16_round(values[k]);
        else
            memcpy((float *)out + at, values, (size_t)n * sizeof *values);
    }
}

/* --- inputs that are zero for the most part, as ReLU and dropout leave them ---
 *
 * They are left out: bits are those of all products but for the sign of a zero that underflowed. */

enum {
    FEWEST_ROWS = 24, /* with fewer, reading the weights is what takes the time */
    MOST_ROWS = 1024,
    MOST_OF_100 = 60, /* inputs that are not zero, where leaving out the others is faster */
    WORDS = MOST_ROWS / WORD
};

/* Which inputs of each row of a strip are not zero. @return False: of too few or too many rows, or
 * too many are not. */
TARGET static bool find_few(const dnnb__linear *l, const float *in, uint64_t masks[MOST_ROWS]) {
    int64_t n = 0;
    if (l->rows < FEWEST_ROWS || l->rows > MOST_ROWS) return false;
    for (int64_t r = 0; r < l->rows; r++) {
        masks[r] = find_nonzero(in + r * IN);
        n += (int64_t)__builtin_popcountll(masks[r]);
    }
    return n * 100 <= l->rows * IN * MOST_OF_100;
}

/* --- forward --- */

TARGET static void row_add(const float *in, uint64_t mask, const float *tile, float *sums,
                           int64_t stride, int64_t n) {
    switch (n) {
    case FEW_TILES:
        row_add_n(in, mask, tile, sums, stride, FEW_TILES);
        break;
    case 3:
        row_add_n(in, mask, tile, sums, stride, 3);
        break;
    case 2:
        row_add_n(in, mask, tile, sums, stride, 2);
        break;
    default:
        row_add_n(in, mask, tile, sums, stride, 1);
    }
}

/* Some strips of outputs: what a task computes. */
typedef struct outputs {
    const dnnb__linear *l;
    int64_t first, end; /* strips */
    const float *packed, *weight;
    float *sums; /* [strip][rows][16] of all strips */
} outputs;

static const float *find_tile(const outputs *to, int64_t i, int64_t o) {
    return to->weight + (i * to->l->out_strips + o) * TILE;
}

TARGET static void strip_add(const outputs *to, int64_t i) {
    int64_t rows = to->l->rows;
    for (int64_t o = to->first; o < to->end; o += AT_ONCE)
        tiles_add(to->packed + i * rows * IN, find_tile(to, i, o), to->sums + o * rows * OUT, rows,
                  smaller(to->end - o, AT_ONCE));
}

/* The tiles that come `n` groups after those from strip o on. */
static const char *find_far(const outputs *to, int64_t i, int64_t o, int64_t n) {
    int64_t groups = divide_up(to->end - to->first, FEW_TILES);
    n += (o - to->first) / FEW_TILES;
    i = smaller(i + n / groups, to->l->in_strips - 1);
    return (const char *)find_tile(to, i, to->first + n % groups * FEW_TILES);
}

/* What some rows have of a group of tiles. */
TARGET static void rows_add_few(const float *in, const uint64_t *masks, int64_t n_rows,
                                const float *tile, float *sums, int64_t stride, int64_t n_tiles,
                                const char *far) {
    enum { LINE = 64, LINES = FEW_TILES * TILE * (int)sizeof(float) / LINE };
    const char *next = (const char *)(tile + n_tiles * TILE);
    int64_t n_lines = divide_up(LINES, n_rows);
    for (int64_t r = 0; r < n_rows; r++) {
        for (int64_t k = 0; k < n_lines; k++, next += LINE, far += LINE) {
            _mm_prefetch(next, _MM_HINT_T0);
            _mm_prefetch(far, _MM_HINT_T1);
        }
        row_add(in + r * IN, masks[r], tile, sums + r * OUT, stride, n_tiles);
    }
}

TARGET static void strip_add_few(const outputs *to, int64_t i, const uint64_t *masks) {
    enum { AT_A_TIME = 64, FAR_GROUPS = 3 };
    int64_t rows = to->l->rows;
    for (int64_t row = 0; row < rows; row += AT_A_TIME)
        for (int64_t o = to->first; o < to->end; o += FEW_TILES)
            rows_add_few(to->packed + (i * rows + row) * IN, masks + row,
                         smaller(AT_A_TIME, rows - row), find_tile(to, i, o),
                         to->sums + (o * rows + row) * OUT, rows * OUT,
                         smaller(to->end - o, FEW_TILES), find_far(to, i, o, FAR_GROUPS));
}

TARGET static void clear_sums(const outputs *to) {
    int64_t size = to->l->rows * OUT;
    memset(to->sums + to->first * size, 0, (size_t)((to->end - to->first) * size) * sizeof(float));
}

static bool is_first_row_finite(const outputs *to) {
    for (int64_t o = to->first; o < to->end; o++)
        for (int64_t k = 0; k < OUT; k++)
            if (!isfinite(to->sums[o * to->l->rows * OUT + k])) return false;
    return true;
}

/* Zeros may be left out where all weights are finite. One that is not makes the first row's sum not
 * finite either, since none is left out there; then all is summed again. */
TARGET static void strips_add(const outputs *to) {
    uint64_t masks[MOST_ROWS];
    bool left_out = false;
    clear_sums(to);
    for (int64_t i = 0; i < to->l->in_strips; i++) {
        if (!find_few(to->l, to->packed + i * to->l->rows * IN, masks)) {
            strip_add(to, i);
            continue;
        }
        masks[0] = ((uint64_t)1 << IN) - 1;
        strip_add_few(to, i, masks);
        left_out = true;
    }
    if (!left_out || is_first_row_finite(to)) return;
    clear_sums(to);
    for (int64_t i = 0; i < to->l->in_strips; i++) strip_add(to, i);
}

TARGET static void forward_task(const dnnb__linear *l, int64_t task, const float *packed,
                                const float *weight, const float *bias, float *sums, void *out) {
    const outputs to = {.l = l,
                        .first = task * l->task_strips,
                        .end = smaller((task + 1) * l->task_strips, l->out_strips),
                        .packed = packed,
                        .weight = weight,
                        .sums = sums};
    strips_add(&to);
    for (int64_t o = to.first; o < to.end; o++)
        finish_strip(l, sums + o * l->rows * OUT, bias, o, out);
}

static void forward_run(const dnnb__linear *l, const void *in, const float *weight,
                        const float *bias, void *out, float *packed, float *sums) {
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < l->in_strips; i++)
            pack_strip(l, in, l->in, i, IN, packed + i * l->rows * IN);
#pragma omp for schedule(dynamic, 1)
        for (int64_t t = 0; t < divide_up(l->out_strips, l->task_strips); t++)
            forward_task(l, t, packed, weight, bias, sums, out);
    }
}

/* --- the weights' gradient --- */

static void bias_gradient(const dnnb__linear *l, const float *gradient, int64_t strip,
                          float *bias) {
    float sum[OUT] = {0};
    for (int64_t row = 0; row < l->rows; row++)
        for (int k = 0; k < OUT; k++) sum[k] += gradient[row * OUT + k];
    for (int64_t k = 0; k < smaller(l->out - strip * OUT, OUT); k++) bias[strip * OUT + k] = sum[k];
}

/* For each input of a strip the rows in which it is not zero; of the first input all rows. */
TARGET static void find_columns(const dnnb__linear *l, const uint64_t *masks,
                                uint64_t columns[IN][WORDS]) {
    memset(columns, 0, (size_t)IN * sizeof *columns);
    for (int64_t r = 0; r < l->rows; r++)
        for (uint64_t mask = masks[r] | 1; mask; mask &= mask - 1)
            columns[__builtin_ctzll(mask)][r / WORD] |= (uint64_t)1 << r % WORD;
}

TARGET static bool row_gradient(const float *in, const uint64_t *masks, const float *gradient,
                                dnnb__linear_place to, int64_t rows, int64_t n) {
    switch (n) {
    case FEW_TILES:
        return row_gradient_n(in, masks, gradient, to, rows, FEW_TILES);
    case 3:
        return row_gradient_n(in, masks, gradient, to, rows, 3);
    case 2:
        return row_gradient_n(in, masks, gradient, to, rows, 2);
    default:
        return row_gradient_n(in, masks, gradient, to, rows, 1);
    }
}

TARGET static void tiles_gradient_all(const dnnb__linear *l, const float *in, const float *gradient,
                                      dnnb__linear_place to, int64_t n) {
    for (int64_t o = 0; o < n; o += AT_ONCE)
        tiles_gradient(in, gradient + o * l->rows * OUT, dnnb__linear_further(to, o * TILE),
                       l->rows, smaller(n - o, AT_ONCE));
}

/* A gradient that is not finite gives NaN with zero. It makes the gradient of the first input's
 * weights not finite either; then no row is left out. */
TARGET static void tiles_gradient_few(const dnnb__linear *l, const float *in,
                                      uint64_t columns[IN][WORDS], const float *gradient,
                                      dnnb__linear_place to, int64_t n) {
    bool is_finite = row_gradient(in, columns[0], gradient, to, l->rows, n);
    for (int64_t i = 1; is_finite && i < IN; i++)
        (void)row_gradient(in + i, columns[i], gradient, dnnb__linear_further(to, i * OUT), l->rows,
                           n);
    if (!is_finite) tiles_gradient_all(l, in, gradient, to, n);
}

/* Where a weight gradient goes. */
typedef struct receiver {
    float *weight;
    dnnb__linear_gradient_take take; /* NULL: to `weight` */
    void *context;
} receiver;

/* The tiles of strip i of the inputs. */
TARGET static void strip_gradients(const dnnb__linear *l, int64_t i, const float *in,
                                   const float *gradient, const receiver *to) {
    _Alignas(64) float taken[FEW_TILES * TILE];
    uint64_t masks[MOST_ROWS], columns[IN][WORDS];
    bool has_few = find_few(l, in, masks);
    if (has_few) find_columns(l, masks, columns);
    for (int64_t o = 0; o < l->out_strips; o += FEW_TILES, gradient += FEW_TILES * l->rows * OUT) {
        int64_t n = smaller(l->out_strips - o, FEW_TILES), at = (i * l->out_strips + o) * TILE;
        dnnb__linear_place tiles = {to->take ? taken : to->weight + at, !to->take};
        if (has_few)
            tiles_gradient_few(l, in, columns, gradient, tiles, n);
        else
            tiles_gradient_all(l, in, gradient, tiles, n);
        if (to->take) to->take(to->context, (size_t)at, (size_t)(n * TILE), taken);
    }
}

static void backward_weights_run(const dnnb__linear *l, const float *in, const void *out_gradient,
                                 float *weight, float *bias, float *packed,
                                 dnnb__linear_gradient_take take, void *context) {
    const receiver to = {weight, take, context};
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t o = 0; o < l->out_strips; o++) {
            float *strip = packed + o * l->rows * OUT;
            pack_strip(l, out_gradient, l->out, o, OUT, strip);
            if (bias) bias_gradient(l, strip, o, bias);
        }
#pragma omp for schedule(static)
        for (int64_t i = 0; i < l->in_strips; i++)
            strip_gradients(l, i, in + i * l->rows * IN, packed, &to);
        _mm_sfence();
    }
}
