/*
 * Weight gradients of Winograd's convolution with AVX-512.
 *
 * Method (winograd_tiles.h has the words): a *task* is a part of the input and of the output
 * channels and, where these are few, a *section* of the tiles. It transforms the inputs and the
 * outputs' gradients of a group of its tiles, and at each place multiplies a matrix of input
 * channels by tiles with one of tiles by output channels. The sums of all places of a task stay in
 * the second cache with the group, so parts are small, and several tasks transform the same inputs:
 * that takes less time than to share them between threads through the third cache. At the end the
 * sums of all sections are added up and transformed to the gradient.
 *
 * A sum has a chain of fused multiply-adds over the tiles of each group; these are added group by
 * group, and section by section.
 */
#include "kernels/winograd.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>

#include "kernels/winograd_tiles.h"

enum {
    INPUTS = 8,       /* channels whose sums registers hold, by two blocks of outputs */
    FEWEST_TASKS = 24 /* where there are tiles enough; more threads than tasks have to wait */
};

/* The largest parts and the largest group. Neither these nor the sections follow the number of
 * threads. */
static sizes get_parts(const dnnb__winograd *w) {
    static const sizes of_line[] = {[DNNB__LINE_3] = {56, 4, 8},
                                    [DNNB__LINE_3_FEWER] = {28, 4, 4},
                                    [DNNB__LINE_5] = {28, 2, 2},
                                    [DNNB__LINE_5_FEWER] = {28, 2, 4}};
    sizes most = of_line[get_line(w)];
    most.in = smaller(most.in, w->in_blocks);
    most.out = smaller(most.out, w->out_blocks);
    return most;
}

/* Pairs of parts of the channels. */
static int64_t count_pairs(const dnnb__winograd *w) {
    sizes most = get_parts(w);
    return divide_up(w->in_blocks, most.in) * divide_up(w->out_blocks, most.out);
}

/* None has less than a group. */
static int64_t count_sections(const dnnb__winograd *w) {
    int64_t n_groups = divide_up(w->batch * count_tiles(w, get_line(w)), get_parts(w).tiles);
    return smaller(divide_up(FEWEST_TASKS, count_pairs(w)), n_groups);
}

/* Threads that have something to do. */
static int64_t count_threads(const dnnb__winograd *w) {
    return smaller(w->n_threads, count_pairs(w) * count_sections(w));
}

/* The gradient of a tile's outputs, for the group's part of the channels. */
TARGET static void tile_read_gradient(const group *g, const void *gradient, int64_t t) {
    const dnnb__winograd *w = g->w;
    corner at = find_corner(w, get_line(w), g->first + t);
    int side = dnnb__line_outputs(get_line(w));
    int64_t plane = w->out[0] * w->out[1] * BLOCK;
    int64_t first = (at.image * w->out_blocks + g->first_out) * plane;
    span rows = find_pixels(at.y, w->out[0], w->out[1] * BLOCK, side);
    span columns = find_pixels(at.x, w->out[1], BLOCK, side);
    SPECIALISE(pixels_transform, w, gradient, first, plane, g->n_out, &rows, &columns,
               g->out + t * BLOCK, g->n * BLOCK, g->out_step, true);
}

/* Add what a group's tiles give to INPUTS channels by n_out blocks of outputs, at one place; n_out
 * is a constant wherever this is used. @param before 0xffff: to what is there; 0: in its place. */
VECTOR void square_add(const group *g, const float *in, const float *gradient, float *sums,
                       __mmask16 before, const int n_out) {
    __m512 sum[AT_ONCE][INPUTS];
    int64_t step = g->n_in * SQUARE;
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
            float *to = sums + o * step + i * BLOCK;
            _mm512_storeu_ps(to, _mm512_add_ps(_mm512_maskz_loadu_ps(before, to), sum[o][i]));
        }
    }
}

/* What a group's tiles give to a part of the channels at one place. */
TARGET static void place_add(const group *g, const float *in, const float *gradient, float *sums,
                             __mmask16 before) {
    for (int64_t o = 0; o < g->n_out; o += AT_ONCE, gradient += AT_ONCE * g->n * BLOCK)
        for (int64_t b = 0; b < g->n_in; b++)
            for (int i = 0; i < BLOCK; i += INPUTS) {
                const float *from = in + b * g->n * BLOCK + i;
                float *to = sums + (o * g->n_in + b) * SQUARE + i * BLOCK;
                if (o + AT_ONCE <= g->n_out)
                    square_add(g, from, gradient, to, before, AT_ONCE);
                else
                    square_add(g, from, gradient, to, before, 1);
            }
}

/* @param sums Of the task's section. */
static void task_run(const dnnb__winograd *w, const void *in, const void *out_gradient,
                     int64_t task, float *scratch, float *sums) {
    sizes most = get_parts(w);
    int64_t n_pairs = count_pairs(w), n_in = divide_up(w->in_blocks, most.in), step;
    int64_t n_tiles = w->batch * count_tiles(w, get_line(w)), n_sections = count_sections(w);
    int64_t n_places = count_places(w);
    int64_t section = task / n_pairs, pair = task % n_pairs;
    int64_t first = n_tiles * section / n_sections, end = n_tiles * (section + 1) / n_sections;
    group g = create_group(w, most, scratch);
    g.first_in = pair % n_in * most.in;
    g.n_in = smaller(most.in, w->in_blocks - g.first_in);
    g.first_out = pair / n_in * most.out;
    g.n_out = smaller(most.out, w->out_blocks - g.first_out);
    sums += find_square(w, most, g.first_in, g.first_out, &step);
    for (g.first = first; g.first < end; g.first += g.n) {
        g.n = smaller(most.tiles, end - g.first);
        for (int64_t t = 0; t < g.n; t++) {
            tile_read(&g, in, t);
            tile_read_gradient(&g, out_gradient, t);
        }
        for (int64_t i = 0; i < n_places; i++)
            place_add(&g, g.in + i * g.in_step, g.out + i * g.out_step, sums + i * step,
                      g.first > first ? 0xffff : 0);
    }
}

/* One thread: tasks that no other has taken, one after the other. */
static void tasks_run(const dnnb__winograd *w, const void *in, const void *out_gradient,
                      float *scratch, float *sums, int64_t *taken) {
    int64_t n_pairs = count_pairs(w), n_tasks = n_pairs * count_sections(w), i;
    int64_t n_sums = count_weights(w, w->in_blocks, w->out_blocks);
    for (;;) {
#pragma omp atomic capture
        i = (*taken)++;
        if (i >= n_tasks) return;
        task_run(w, in, out_gradient, i, scratch, sums + i / n_pairs * n_sums);
    }
}

/* The sum over all sections. */
VECTOR __m512 sum_sections(const float *from, int64_t n_sections, int64_t step) {
    __m512 sum = _mm512_loadu_ps(from);
    for (int64_t s = 1; s < n_sections; s++)
        sum = _mm512_add_ps(sum, _mm512_loadu_ps(from + s * step));
    return sum;
}

/* The gradient of one input block's weights to one output block. */
VECTOR void square_collect(const dnnb__winograd *w, const float *from, int64_t step, float *weight,
                           const dnnb__line line, const bool is_bf16) {
    (void)is_bf16;
    int window = dnnb__line_window(line), n = dnnb__line_products(line);
    int64_t n_sections = count_sections(w);
    int64_t n_sums = count_weights(w, w->in_blocks, w->out_blocks);
    for (int i = 0; i < SQUARE; i += BLOCK) {
        __m512 lines[DNNB__LARGEST_WINDOW][DNNB__MOST_PRODUCTS];
        for (int x = 0; x < n; x++) {
            __m512 values[DNNB__MOST_PRODUCTS], column[DNNB__LARGEST_WINDOW];
            DNNB__UNROLL
            for (int y = 0; y < n; y++)
                values[y] = sum_sections(from + (y * n + x) * step + i, n_sections, n_sums);
            dnnb__line_collect(values, column, line);
            DNNB__UNROLL
            for (int y = 0; y < window; y++) lines[y][x] = column[y];
        }
        for (int y = 0; y < window; y++) {
            __m512 out[DNNB__LARGEST_WINDOW];
            dnnb__line_collect(lines[y], out, line);
            DNNB__UNROLL
            for (int x = 0; x < window; x++)
                _mm512_storeu_ps(weight + (y * window + x) * SQUARE + i, out[x]);
        }
    }
}

TARGET static void pair_collect(const dnnb__winograd *w, const float *sums, int64_t pair,
                                float *weight) {
    int64_t step;
    sums += find_square(w, get_parts(w), pair % w->in_blocks, pair / w->in_blocks, &step);
    weight += pair * w->window * w->window * SQUARE;
    SPECIALISE(square_collect, w, w, sums, step, weight);
}

/* The gradient of a block's biases: row by row, so that no sum gets long. `is_bf16` is a constant
 * wherever this is used. */
VECTOR __m512 sum_rows(const dnnb__winograd *w, const void *gradient, int64_t block,
                       const bool is_bf16) {
    int64_t plane = w->out[0] * w->out[1] * BLOCK;
    __m512 total = _mm512_setzero_ps();
    for (int64_t row = 0; row < w->batch * w->out[0]; row++) {
        int64_t at = (row / w->out[0] * w->out_blocks + block) * plane;
        at += row % w->out[0] * w->out[1] * BLOCK;
        __m512 sum = _mm512_setzero_ps();
        for (int64_t x = 0; x < w->out[1]; x++)
            sum = _mm512_add_ps(sum, dnnb__floats_load(gradient, at + x * BLOCK, 0xffff, is_bf16));
        total = _mm512_add_ps(total, sum);
    }
    return total;
}

TARGET static void bias_collect(const dnnb__winograd *w, const void *gradient, int64_t block,
                                float *bias) {
    __m512 sum =
        w->is_bf16 ? sum_rows(w, gradient, block, true) : sum_rows(w, gradient, block, false);
    _mm512_storeu_ps(bias + block * BLOCK, sum);
}

size_t dnnb__winograd_count_gradient_avx512(const dnnb__winograd *w) {
    int64_t n_sums = count_weights(w, w->in_blocks, w->out_blocks);
    return (size_t)(count_threads(w) * count_floats(w, get_parts(w)) + count_sections(w) * n_sums) *
           sizeof(float);
}

void dnnb__winograd_gradient_avx512(const dnnb__winograd *w, const void *in,
                                    const void *out_gradient, float *weight_gradient,
                                    float *bias_gradient, void *scratch) {
    int64_t n_floats = count_floats(w, get_parts(w)), n_threads = count_threads(w), taken = 0;
    float *sums = (float *)scratch + n_threads * n_floats;
#pragma omp parallel num_threads((int)w->n_threads)
    {
#pragma omp for schedule(static, 1)
        for (int64_t t = 0; t < n_threads; t++)
            tasks_run(w, in, out_gradient, (float *)scratch + t * n_floats, sums, &taken);
#pragma omp for schedule(static) nowait
        for (int64_t i = 0; i < w->in_blocks * w->out_blocks; i++)
            pair_collect(w, sums, i, weight_gradient);
#pragma omp for schedule(static)
        for (int64_t o = 0; o < (bias_gradient ? w->out_blocks : 0); o++)
            bias_collect(w, out_gradient, o, bias_gradient);
    }
}

#endif
