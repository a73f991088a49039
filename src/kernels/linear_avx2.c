/*
 * Linear layers with AVX2.
 *
 * A batch is a thin matrix, for which oneDNN's general product reaches a third to a half of such a
 * processor's peak, and at small batches a fraction of the memory's speed. Here the weights are
 * kept in one layout that all three passes read front to back.
 *
 * Method: a *tile* is 48 inputs by 16 outputs of the weights, 3 kB. In each kernel 12 vector
 * registers hold sums: 6 rows by 16 outputs forward, 6 inputs by 16 outputs for the weights
 * (linear_loops.h), and 4 rows by 3 inputs for the input's gradient, whose sums run along the
 * vectors. Where most inputs are zero a row, or an input of the weights, has its sums of 64 outputs
 * to itself.
 */
#include "kernels/linear.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>

#define TARGET DNNB__AVX2

enum {
    IN = DNNB__LINEAR_IN,
    OUT = DNNB__LINEAR_OUT,
    TILE = IN * OUT,
    AT_ONCE = 1,      /* tiles */
    ROWS = 6,         /* of a forward kernel */
    FEW_TILES = 4,    /* that one number meets, where most are zero */
    WORD = 64,        /* rows of a mask */
    QUAD = 4,         /* rows of a kernel for the input's gradient */
    TRIPLE = 3,       /* inputs of it */
    CHUNK_STRIPS = 64 /* of outputs that the input's gradient takes at once: they stay in the
                         second cache */
};

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* --- forward --- */

/* Add to `n` rows of 16 outputs what one tile gives; n is a constant wherever this is used. */
__attribute__((always_inline)) TARGET static inline void
rows_add(const float *in, const float *tile, float *sums, const int n) {
    __m256 sum[ROWS][2];
    for (int r = 0; r < n; r++) sum[r][0] = sum[r][1] = _mm256_setzero_ps();
    for (int i = 0; i < IN; i++) {
        __m256 w0 = _mm256_load_ps(tile + i * OUT), w1 = _mm256_load_ps(tile + i * OUT + 8);
        for (int r = 0; r < n; r++) {
            __m256 value = _mm256_broadcast_ss(in + r * IN + i);
            sum[r][0] = _mm256_fmadd_ps(value, w0, sum[r][0]);
            sum[r][1] = _mm256_fmadd_ps(value, w1, sum[r][1]);
        }
    }
    for (int r = 0; r < n; r++)
        for (int h = 0; h < 2; h++) {
            float *to = sums + r * OUT + h * 8;
            _mm256_store_ps(to, _mm256_add_ps(_mm256_load_ps(to), sum[r][h]));
        }
}

/* All rows, in groups of nearly equal size. */
TARGET static void tiles_add(const float *in, const float *tile, float *sums, int64_t rows,
                             int64_t n_tiles) {
    const char *next = (const char *)(tile + n_tiles * TILE);
    for (int64_t k = 0; k < n_tiles * TILE * 4; k += 64) _mm_prefetch(next + k, _MM_HINT_T0);
    int64_t groups = divide_up(rows, ROWS);
    for (int64_t g = 0; g < groups; g++) {
        int64_t first = rows * g / groups, n = rows * (g + 1) / groups - first;
        const float *group = in + first * IN;
        float *to = sums + first * OUT;
        switch (n) {
        case 6:
            rows_add(group, tile, to, 6);
            break;
        case 5:
            rows_add(group, tile, to, 5);
            break;
        case 4:
            rows_add(group, tile, to, 4);
            break;
        case 3:
            rows_add(group, tile, to, 3);
            break;
        case 2:
            rows_add(group, tile, to, 2);
            break;
        default:
            rows_add(group, tile, to, 1);
        }
    }
}

TARGET static inline uint64_t find_nonzero(const float *in) {
    enum { LANES = 8 };
    uint64_t mask = 0;
    for (int i = 0; i < IN; i += LANES) {
        __m256 some = _mm256_cmp_ps(_mm256_load_ps(in + i), _mm256_setzero_ps(), _CMP_NEQ_UQ);
        mask |= (uint64_t)(uint32_t)_mm256_movemask_ps(some) << i;
    }
    return mask;
}

/* n_tiles is a constant wherever this is used. */
__attribute__((always_inline)) TARGET static inline void row_add_n(const float *in, uint64_t mask,
                                                                   const float *tile, float *sums,
                                                                   int64_t stride,
                                                                   const int n_tiles) {
    __m256 sum[FEW_TILES][2];
    for (int t = 0; t < n_tiles; t++) sum[t][0] = sum[t][1] = _mm256_setzero_ps();
    for (; mask; mask &= mask - 1) {
        int i = __builtin_ctzll(mask);
        __m256 value = _mm256_broadcast_ss(in + i);
        for (int t = 0; t < n_tiles; t++)
            for (int h = 0; h < 2; h++) {
                __m256 w = _mm256_load_ps(tile + t * TILE + i * OUT + h * 8);
                sum[t][h] = _mm256_fmadd_ps(value, w, sum[t][h]);
            }
    }
    for (int t = 0; t < n_tiles; t++)
        for (int h = 0; h < 2; h++) {
            float *to = sums + t * stride + h * 8;
            _mm256_store_ps(to, _mm256_add_ps(_mm256_load_ps(to), sum[t][h]));
        }
}

/* --- the weights' gradient --- */

TARGET static inline void store(dnnb__linear_place to, int64_t at, __m256 values) {
    if (to.is_far)
        _mm256_stream_ps(to.tile + at, values);
    else
        _mm256_store_ps(to.tile + at, values);
}

/* One tile: six inputs at a time, over all rows. */
TARGET static void tiles_gradient(const float *in, const float *gradient, dnnb__linear_place to,
                                  int64_t rows, int64_t n_tiles) {
    (void)n_tiles;
    for (int first = 0; first < IN; first += ROWS) {
        __m256 sum[ROWS][2];
        for (int i = 0; i < ROWS; i++) sum[i][0] = sum[i][1] = _mm256_setzero_ps();
        for (int64_t row = 0; row < rows; row++) {
            __m256 g0 = _mm256_load_ps(gradient + row * OUT);
            __m256 g1 = _mm256_load_ps(gradient + row * OUT + 8);
            for (int i = 0; i < ROWS; i++) {
                __m256 value = _mm256_broadcast_ss(in + row * IN + first + i);
                sum[i][0] = _mm256_fmadd_ps(value, g0, sum[i][0]);
                sum[i][1] = _mm256_fmadd_ps(value, g1, sum[i][1]);
            }
        }
        for (int i = 0; i < ROWS; i++)
            for (int h = 0; h < 2; h++) store(to, (first + i) * OUT + h * 8, sum[i][h]);
    }
}

/* n_tiles is a constant wherever this is used. */
__attribute__((always_inline)) TARGET static inline bool
row_gradient_n(const float *in, const uint64_t *masks, const float *gradient, dnnb__linear_place to,
               int64_t rows, const int n_tiles) {
    __m256 sum[FEW_TILES][2];
    bool is_finite = true;
    for (int t = 0; t < n_tiles; t++) sum[t][0] = sum[t][1] = _mm256_setzero_ps();
    for (int64_t first = 0; first < rows; first += WORD)
        for (uint64_t mask = *masks++; mask; mask &= mask - 1) {
            int64_t row = first + __builtin_ctzll(mask);
            __m256 value = _mm256_broadcast_ss(in + row * IN);
            for (int t = 0; t < n_tiles; t++)
                for (int h = 0; h < 2; h++) {
                    __m256 g = _mm256_load_ps(gradient + (t * rows + row) * OUT + h * 8);
                    sum[t][h] = _mm256_fmadd_ps(value, g, sum[t][h]);
                }
        }
    for (int t = 0; t < n_tiles; t++)
        for (int h = 0; h < 2; h++) {
            __m256 nothing = _mm256_sub_ps(sum[t][h], sum[t][h]);
            is_finite &= _mm256_movemask_ps(_mm256_cmp_ps(nothing, nothing, _CMP_ORD_Q)) == 0xff;
            store(to, t * TILE + h * 8, sum[t][h]);
        }
    return is_finite;
}

#include "kernels/linear_loops.h"

/* --- the input's gradient --- */

/* Rows 4q .. 4q + 3 of all strips of outputs, [strip][4][16]; rows past the last are zero. */
static void pack_quad(const dnnb__linear *l, const float *matrix, int64_t q, float *packed) {
    for (int64_t strip = 0; strip < l->out_strips; strip++)
        for (int64_t r = 0; r < QUAD; r++, packed += OUT) {
            int64_t row = q * QUAD + r, n = smaller(l->out - strip * OUT, OUT);
            if (row >= l->rows) n = 0;
            for (int64_t k = 0; k < n; k++) packed[k] = matrix[row * l->out + strip * OUT + k];
            for (int64_t k = n; k < OUT; k++) packed[k] = 0.0f;
        }
}

/* The sums of four vectors' elements. */
TARGET static inline __m128 sum_lanes(__m256 a, __m256 b, __m256 c, __m256 d) {
    __m256 abcd = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1));
}

/* Four rows by three inputs over `n` strips of outputs: out[i] has the sums of the rows. */
TARGET static void quad_sums(const float *gradient, const float *weight, int64_t n, __m128 out[3]) {
    __m256 sum[QUAD][TRIPLE];
    for (int r = 0; r < QUAD; r++)
        for (int i = 0; i < TRIPLE; i++) sum[r][i] = _mm256_setzero_ps();
    for (int64_t strip = 0; strip < n; strip++, gradient += QUAD * OUT, weight += TILE)
        for (int h = 0; h < OUT; h += 8) {
            __m256 w[TRIPLE];
            for (int i = 0; i < TRIPLE; i++) w[i] = _mm256_load_ps(weight + i * OUT + h);
            for (int r = 0; r < QUAD; r++) {
                __m256 g = _mm256_load_ps(gradient + r * OUT + h);
                for (int i = 0; i < TRIPLE; i++) sum[r][i] = _mm256_fmadd_ps(g, w[i], sum[r][i]);
            }
        }
    for (int i = 0; i < TRIPLE; i++) out[i] = sum_lanes(sum[0][i], sum[1][i], sum[2][i], sum[3][i]);
}

/* One strip of inputs of all rows. */
TARGET static void strip_gradient(const dnnb__linear *l, int64_t strip, const float *packed,
                                  const float *weight, const float *weight_end,
                                  float *in_gradient) {
    int64_t quads = divide_up(l->rows, QUAD), n_in = smaller(l->in - strip * IN, IN);
    for (int64_t first = 0; first < l->out_strips; first += CHUNK_STRIPS) {
        int64_t n = smaller(l->out_strips - first, CHUNK_STRIPS);
        const float *chunk = weight + (strip * l->out_strips + first) * TILE;
        const float *next = chunk + n * TILE; /* fetched while this one is used */
        int64_t share = divide_up(n * TILE, quads * (IN / TRIPLE) * 16) * 16;
        for (int64_t q = 0; q < quads; q++)
            for (int64_t i = 0; i < IN; i += TRIPLE) {
                for (int64_t k = 0; k < share && next < weight_end; k += 16, next += 16)
                    _mm_prefetch((const char *)next, _MM_HINT_T1);
                __m128 sums[TRIPLE];
                quad_sums(packed + (q * l->out_strips + first) * QUAD * OUT, chunk + i * OUT, n,
                          sums);
                for (int64_t k = 0; k < smaller(n_in - i, TRIPLE); k++) {
                    float value[QUAD];
                    _mm_storeu_ps(value, sums[k]);
                    for (int64_t r = 0; r < smaller(l->rows - q * QUAD, QUAD); r++) {
                        float *to = in_gradient + (q * QUAD + r) * l->in + strip * IN + i + k;
                        *to = first ? *to + value[r] : value[r];
                    }
                }
            }
    }
}

static void backward_data_run(const dnnb__linear *l, const void *out_gradient, const float *weight,
                              void *in_gradient, float *packed) {
    const float *weight_end = weight + l->in_strips * l->out_strips * TILE;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t q = 0; q < divide_up(l->rows, QUAD); q++)
            pack_quad(l, out_gradient, q, packed + q * l->out_strips * QUAD * OUT);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < l->in_strips; i++)
            strip_gradient(l, i, packed, weight, weight_end, in_gradient);
    }
}

const dnnb__linear_kernel dnnb__linear_avx2 = {.name = "own:avx2",
                                               .forward = forward_run,
                                               .backward_weights = backward_weights_run,
                                               .backward_data = backward_data_run};

#endif
