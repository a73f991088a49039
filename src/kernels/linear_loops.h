/*
 * Linear layers over tiles of weights, for one instruction set: packing, the forward pass and the
 * weights' gradient. Included once by each linear_<set>.c, after it has defined
 *   TARGET            its attribute
 *   IN, OUT, TILE     the sides of a tile, its elements
 *   AT_ONCE           tiles side by side that a kernel takes
 *   divide_up(a, b), smaller(a, b)
 *   tiles_add(in, tile, sums, rows, n)           add to sums, [n][rows][16], what n tiles give
 *   find_nonzero(in)                             a bit for each of 48 inputs that is not zero
 *   row_add(in, mask, tile, sums, stride, n)     add what those inputs in the mask of one row give,
 *                                                for n tiles, a constant up to FEW_TILES
 *   tiles_gradient(in, gradient, tile, rows, n)  write n tiles; gradient is [n][rows][16]
 * the last two for n from 1 to AT_ONCE and `in` [rows][48].
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

/* --- forward --- */

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

/* Some strips of outputs: what a task computes. */
typedef struct outputs {
    const dnnb__linear *l;
    int64_t first, end; /* strips */
    const float *packed, *weight;
    float *sums; /* [strip][rows][16] of all strips */
} outputs;

TARGET static void clear_sums(const outputs *to) {
    memset(to->sums + to->first * to->l->rows * OUT, 0,
           (size_t)((to->end - to->first) * to->l->rows * OUT) * sizeof(float));
}

TARGET static void add_all(const outputs *to) {
    const dnnb__linear *l = to->l;
    clear_sums(to);
    for (int64_t i = 0; i < l->in_strips; i++)
        for (int64_t o = to->first; o < to->end; o += AT_ONCE)
            tiles_add(to->packed + i * l->rows * IN, to->weight + (i * l->out_strips + o) * TILE,
                      to->sums + o * l->rows * OUT, l->rows, smaller(to->end - o, AT_ONCE));
}

/* --- forward, of inputs that are zero for the most part, as ReLU and dropout leave them --- */

enum {
    FEWEST_ROWS = 24, /* with fewer, reading the weights is what takes the time */
    MANY_OF_100 = 60, /* inputs that are not zero: all are multiplied */
    ROWS_AT_ONCE = 64,
    FAR_GROUPS = 3 /* as many groups of tiles further on are brought to the second cache */
};

/* The weights of the n-th group of tiles of a task. */
static const char *find_group(const outputs *to, int64_t n) {
    int64_t per_strip = divide_up(to->end - to->first, FEW_TILES);
    int64_t i = smaller(n / per_strip, to->l->in_strips - 1);
    int64_t o = to->first + n % per_strip * FEW_TILES;
    return (const char *)(to->weight + (i * to->l->out_strips + o) * TILE);
}

/* What some rows have of a group of tiles: all inputs of the first row, so that its sums tell of a
 * weight that is not finite, which gives NaN with zero; of the others those that are not zero. */
TARGET static void rows_add_nonzero(const float *in, const uint64_t *masks, int64_t n_rows,
                                    const float *tile, float *sums, int64_t stride, int64_t n_tiles,
                                    const char *far) {
    enum { LINE = 64, LINES = FEW_TILES * TILE * (int)sizeof(float) / LINE };
    const char *next = (const char *)(tile + n_tiles * TILE);
    int64_t n_lines = divide_up(LINES, n_rows);
    for (int64_t r = 0; r < n_rows; r++, in += IN, sums += OUT) {
        for (int64_t k = 0; k < n_lines; k++, next += LINE, far += LINE) {
            _mm_prefetch(next, _MM_HINT_T0);
            _mm_prefetch(far, _MM_HINT_T1);
        }
        row_add(in, masks[r], tile, sums, stride, n_tiles);
    }
}

/* @return Whether the sums are those of all inputs; they are unless a number is not finite. */
TARGET static bool add_nonzero(const outputs *to) {
    const dnnb__linear *l = to->l;
    const uint64_t all = ((uint64_t)1 << IN) - 1;
    int64_t group = 0;
    clear_sums(to);
    for (int64_t i = 0; i < l->in_strips; i++)
        for (int64_t row = 0; row < l->rows; row += ROWS_AT_ONCE) {
            uint64_t masks[ROWS_AT_ONCE];
            int64_t n_rows = smaller(ROWS_AT_ONCE, l->rows - row);
            const float *in = to->packed + (i * l->rows + row) * IN;
            for (int64_t r = 0; r < n_rows; r++) masks[r] = find_nonzero(in + r * IN);
            if (row == 0) masks[0] = all;
            group = i * divide_up(to->end - to->first, FEW_TILES);
            for (int64_t o = to->first; o < to->end; o += FEW_TILES, group++)
                rows_add_nonzero(in, masks, n_rows, to->weight + (i * l->out_strips + o) * TILE,
                                 to->sums + (o * l->rows + row) * OUT, l->rows * OUT,
                                 smaller(to->end - o, FEW_TILES),
                                 find_group(to, group + FAR_GROUPS));
        }
    for (int64_t o = to->first; o < to->end; o++)
        for (int64_t k = 0; k < OUT; k++)
            if (!isfinite(to->sums[o * l->rows * OUT + k])) return false;
    return true;
}

TARGET static void forward_task(const dnnb__linear *l, int64_t task, const float *packed,
                                const float *weight, const float *bias, float *sums, void *out,
                                bool has_few) {
    const outputs to = {.l = l,
                        .first = task * l->task_strips,
                        .end = smaller((task + 1) * l->task_strips, l->out_strips),
                        .packed = packed,
                        .weight = weight,
                        .sums = sums};
    if (!has_few || !add_nonzero(&to)) add_all(&to);
    for (int64_t o = to.first; o < to.end; o++)
        finish_strip(l, sums + o * l->rows * OUT, bias, o, out);
}

TARGET static int64_t count_nonzero(const float *packed, int64_t rows) {
    int64_t n = 0;
    for (int64_t row = 0; row < rows; row++)
        n += (int64_t)__builtin_popcountll(find_nonzero(packed + row * IN));
    return n;
}

static void forward_run(const dnnb__linear *l, const void *in, const float *weight,
                        const float *bias, void *out, float *packed, float *sums) {
    int64_t n_nonzero = 0;
#pragma omp parallel
    {
#pragma omp for schedule(static) reduction(+ : n_nonzero)
        for (int64_t i = 0; i < l->in_strips; i++) {
            pack_strip(l, in, l->in, i, IN, packed + i * l->rows * IN);
            n_nonzero += count_nonzero(packed + i * l->rows * IN, l->rows);
        }
        bool has_few = l->rows >= FEWEST_ROWS && n_nonzero * 100 < l->rows * l->in * MANY_OF_100;
#pragma omp for schedule(dynamic, 1)
        for (int64_t t = 0; t < divide_up(l->out_strips, l->task_strips); t++)
            forward_task(l, t, packed, weight, bias, sums, out, has_few);
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

static void backward_weights_run(const dnnb__linear *l, const float *in, const void *out_gradient,
                                 float *weight, float *bias, float *packed) {
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
            for (int64_t o = 0; o < l->out_strips; o += AT_ONCE)
                tiles_gradient(in + i * l->rows * IN, packed + o * l->rows * OUT,
                               weight + (i * l->out_strips + o) * TILE, l->rows,
                               smaller(l->out_strips - o, AT_ONCE));
        _mm_sfence();
    }
}
