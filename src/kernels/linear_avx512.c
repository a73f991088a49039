/*
 * Linear layers with AVX-512.
 *
 * Method: the tiles and the strips of linear_loops.h, with 24 to 26 of the 32 registers for sums:
 * 13 rows by 32 outputs forward, and 12 inputs by 32 outputs for the weights. For the input's
 * gradient vectors run along the rows of the batch, up to 64 rows by 6 inputs, so that no sum lies
 * across a vector; the output's gradient is transposed for it. Where most inputs are zero a row, or
 * an input of the weights, has its sums of 64 outputs to itself, and goes from one input, or row,
 * that is not zero to the next. Weights are asked for little by
 * little while others are used: in bursts, the requests fill the queue that loads wait in.
 *
 * A result is one chain of fused multiply-adds from zero: in the order of the inputs forward, of
 * the outputs for the input's gradient, of the rows for the weights. The bias is added last.
 */
#include "kernels/linear.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>

#define TARGET DNNB__AVX512
#define VECTOR __attribute__((always_inline)) DNNB__AVX512 static inline

enum {
    IN = DNNB__LINEAR_IN,
    OUT = DNNB__LINEAR_OUT,
    TILE = IN * OUT,
    TILE_BYTES = TILE * (int)sizeof(float),
    AT_ONCE = 2,   /* tiles */
    ROWS = 13,     /* of a forward kernel */
    FEW_TILES = 4, /* that one number meets, where most are zero */
    WORD = 64,     /* rows of a mask */
    FAR = 3,       /* as many tiles further on are brought to the second cache */
    INPUTS = 12,   /* of a kernel for the weights' gradient */
    LANES = 16,
    MAX_VECTORS = 4, /* of rows that a kernel for the input's gradient takes, */
    MAX_INPUTS = 12, /* inputs, */
    MAX_SUMS = 24,   /* products of the two, */
    CHUNK_STRIPS = 8 /* and strips of outputs: their weights stay in the first cache */
};

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* --- forward --- */

/* Add to n rows of some strips of outputs what their tiles give; n and n_tiles are constants
 * wherever this is used. */
VECTOR void rows_add(const float *in, const float *tile, float *sums, int64_t stride,
                     const char *next, int64_t step, const int n, const int n_tiles) {
    __m512 sum[ROWS][AT_ONCE];
    for (int r = 0; r < n; r++)
        for (int t = 0; t < n_tiles; t++) sum[r][t] = _mm512_load_ps(sums + t * stride + r * OUT);
    for (int i = 0; i < IN; i++, next += step) {
        __m512 w[AT_ONCE];
        for (int t = 0; t < n_tiles; t++) {
            _mm_prefetch(next + t * TILE_BYTES, _MM_HINT_T0);
            _mm_prefetch(next + (FAR * n_tiles + t) * TILE_BYTES, _MM_HINT_T1);
        }
        for (int t = 0; t < n_tiles; t++) w[t] = _mm512_load_ps(tile + t * TILE + i * OUT);
        for (int r = 0; r < n; r++) {
            __m512 value = _mm512_set1_ps(in[r * IN + i]);
            for (int t = 0; t < n_tiles; t++) sum[r][t] = _mm512_fmadd_ps(value, w[t], sum[r][t]);
        }
    }
    for (int r = 0; r < n; r++)
        for (int t = 0; t < n_tiles; t++) _mm512_store_ps(sums + t * stride + r * OUT, sum[r][t]);
}

/* All rows, in groups of nearly equal size; n_tiles is a constant wherever this is used. */
VECTOR void tiles_add_n(const float *in, const float *tile, float *sums, int64_t rows,
                        const int n_tiles) {
    int64_t groups = divide_up(rows, ROWS), step = OUT * (int64_t)sizeof(float) / groups;
    const char *next = (const char *)(tile + n_tiles * TILE);
    for (int64_t g = 0; g < groups; g++, next += step * IN) {
        int64_t first = rows * g / groups;
        const float *group = in + first * IN;
        float *to = sums + first * OUT;
        switch (rows * (g + 1) / groups - first) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        rows_add(group, tile, to, rows *OUT, next, step, n, n_tiles);                              \
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
#undef CASE
        default:
            break;
        }
    }
}

TARGET static void tiles_add(const float *in, const float *tile, float *sums, int64_t rows,
                             int64_t n) {
    if (n == AT_ONCE)
        tiles_add_n(in, tile, sums, rows, AT_ONCE);
    else
        tiles_add_n(in, tile, sums, rows, 1);
}

TARGET static inline uint64_t find_nonzero(const float *in) {
    uint64_t mask = 0;
    for (int i = 0; i < IN; i += LANES) {
        __mmask16 some =
            _mm512_cmp_ps_mask(_mm512_load_ps(in + i), _mm512_setzero_ps(), _CMP_NEQ_UQ);
        mask |= (uint64_t)some << i;
    }
    return mask;
}

VECTOR void row_add_n(const float *in, uint64_t mask, const float *tile, float *sums,
                      int64_t stride, const int n_tiles) {
    __m512 sum[FEW_TILES];
    for (int t = 0; t < n_tiles; t++) sum[t] = _mm512_load_ps(sums + t * stride);
    for (; mask; mask &= mask - 1) {
        int i = __builtin_ctzll(mask);
        __m512 value = _mm512_set1_ps(in[i]);
        for (int t = 0; t < n_tiles; t++)
            sum[t] = _mm512_fmadd_ps(value, _mm512_load_ps(tile + t * TILE + i * OUT), sum[t]);
    }
    for (int t = 0; t < n_tiles; t++) _mm512_store_ps(sums + t * stride, sum[t]);
}

/* --- the weights' gradient --- */

VECTOR void store(dnnb__linear_place to, int64_t at, __m512 values) {
    if (to.is_far)
        _mm512_stream_ps(to.tile + at, values);
    else
        _mm512_store_ps(to.tile + at, values);
}

VECTOR void tiles_gradient_n(const float *in, const float *gradient, dnnb__linear_place to,
                             int64_t rows, const int n_tiles) {
    for (int first = 0; first < IN; first += INPUTS) {
        __m512 sum[INPUTS][AT_ONCE];
        for (int i = 0; i < INPUTS; i++)
            for (int t = 0; t < n_tiles; t++) sum[i][t] = _mm512_setzero_ps();
        for (int64_t row = 0; row < rows; row++) {
            __m512 g[AT_ONCE];
            for (int t = 0; t < n_tiles; t++)
                g[t] = _mm512_load_ps(gradient + (t * rows + row) * OUT);
            for (int i = 0; i < INPUTS; i++) {
                __m512 value = _mm512_set1_ps(in[row * IN + first + i]);
                for (int t = 0; t < n_tiles; t++)
                    sum[i][t] = _mm512_fmadd_ps(value, g[t], sum[i][t]);
            }
        }
        for (int t = 0; t < n_tiles; t++)
            for (int i = 0; i < INPUTS; i++) store(to, t * TILE + (first + i) * OUT, sum[i][t]);
    }
}

TARGET static void tiles_gradient(const float *in, const float *gradient, dnnb__linear_place to,
                                  int64_t rows, int64_t n) {
    if (n == AT_ONCE)
        tiles_gradient_n(in, gradient, to, rows, AT_ONCE);
    else
        tiles_gradient_n(in, gradient, to, rows, 1);
}

VECTOR bool row_gradient_n(const float *in, const uint64_t *masks, const float *gradient,
                           dnnb__linear_place to, int64_t rows, const int n_tiles) {
    __m512 sum[FEW_TILES];
    bool is_finite = true;
    for (int t = 0; t < n_tiles; t++) sum[t] = _mm512_setzero_ps();
    for (int64_t first = 0; first < rows; first += WORD)
        for (uint64_t mask = *masks++; mask; mask &= mask - 1) {
            int64_t row = first + __builtin_ctzll(mask);
            __m512 value = _mm512_set1_ps(in[row * IN]);
            for (int t = 0; t < n_tiles; t++)
                sum[t] = _mm512_fmadd_ps(value, _mm512_load_ps(gradient + (t * rows + row) * OUT),
                                         sum[t]);
        }
    for (int t = 0; t < n_tiles; t++) {
        __m512 nothing = _mm512_sub_ps(sum[t], sum[t]);
        is_finite &= _mm512_cmp_ps_mask(nothing, nothing, _CMP_ORD_Q) == 0xffff;
        store(to, t * TILE, sum[t]);
    }
    return is_finite;
}

#include "kernels/linear_loops.h"

/* --- the input's gradient --- */

/* A strip of outputs of some rows, transposed: [16][rows, padded with zeros to whole vectors]. */
static void pack_transposed(const dnnb__linear *l, const void *matrix, int64_t strip,
                            float *packed) {
    int64_t n = smaller(l->out - strip * OUT, OUT), padded = divide_up(l->rows, LANES) * LANES;
    memset(packed, 0, (size_t)(padded * OUT) * sizeof *packed);
    for (int64_t row = 0; row < l->rows; row++) {
        float values[OUT];
        widen(l, dnnb__linear_find(l, matrix, row * l->out + strip * OUT), n, values);
        for (int64_t k = 0; k < n; k++) packed[k * padded + row] = values[k];
    }
}

/* Add to n_inputs by n_vectors of rows what some strips of outputs give. */
VECTOR void inputs_add(const float *gradient, int64_t padded, const float *weight, int64_t n_strips,
                       const float *next, float *sums, const int n_inputs, const int n_vectors) {
    __m512 sum[MAX_INPUTS][MAX_VECTORS];
    for (int i = 0; i < n_inputs; i++)
        for (int v = 0; v < n_vectors; v++)
            sum[i][v] = _mm512_load_ps(sums + (i * n_vectors + v) * LANES);
    for (int64_t strip = 0; strip < n_strips; strip++, weight += TILE)
        for (int o = 0; o < OUT; o++, gradient += padded, next += n_inputs) {
            _mm_prefetch((const char *)next, _MM_HINT_T1);
            __m512 g[MAX_VECTORS];
            for (int v = 0; v < n_vectors; v++) g[v] = _mm512_load_ps(gradient + v * LANES);
            for (int i = 0; i < n_inputs; i++) {
                __m512 value = _mm512_set1_ps(weight[i * OUT + o]);
                for (int v = 0; v < n_vectors; v++)
                    sum[i][v] = _mm512_fmadd_ps(value, g[v], sum[i][v]);
            }
        }
    for (int i = 0; i < n_inputs; i++)
        for (int v = 0; v < n_vectors; v++)
            _mm512_store_ps(sums + (i * n_vectors + v) * LANES, sum[i][v]);
}

/* One strip of inputs for n_vectors of rows: sums has [48][n_vectors][16]. */
VECTOR void strip_sums_n(const dnnb__linear *l, const float *gradient, const float *weight,
                         float *sums, const int n_vectors) {
    const int n_inputs = MAX_SUMS / n_vectors < MAX_INPUTS ? MAX_SUMS / n_vectors : MAX_INPUTS;
    int64_t padded = divide_up(l->rows, LANES) * LANES;
    memset(sums, 0, (size_t)(IN * n_vectors * LANES) * sizeof *sums);
    for (int64_t o = 0; o < l->out_strips; o += CHUNK_STRIPS) {
        int64_t n = smaller(l->out_strips - o, CHUNK_STRIPS);
        const float *next = weight + (o + n) * TILE;
        for (int i = 0; i < IN; i += n_inputs, next += n * OUT * n_inputs)
            inputs_add(gradient + o * OUT * padded, padded, weight + o * TILE + i * OUT, n, next,
                       sums + i * n_vectors * LANES, n_inputs, n_vectors);
    }
}

TARGET static void strip_sums(const dnnb__linear *l, const float *gradient, const float *weight,
                              float *sums, int64_t n_vectors) {
    switch (n_vectors) {
    case 1:
        strip_sums_n(l, gradient, weight, sums, 1);
        break;
    case 2:
        strip_sums_n(l, gradient, weight, sums, 2);
        break;
    case 3:
        strip_sums_n(l, gradient, weight, sums, 3);
        break;
    default:
        strip_sums_n(l, gradient, weight, sums, MAX_VECTORS);
    }
}

static void strip_gradient(const dnnb__linear *l, int64_t strip, const float *packed,
                           const float *weight, void *in_gradient) {
    _Alignas(64) float sums[IN * MAX_VECTORS * LANES];
    int64_t vectors = divide_up(l->rows, LANES), n_in = smaller(l->in - strip * IN, IN);
    for (int64_t v = 0; v < vectors; v += MAX_VECTORS) {
        int64_t n = smaller(vectors - v, MAX_VECTORS),
                rows = smaller(l->rows - v * LANES, n * LANES);
        strip_sums(l, packed + v * LANES, weight + strip * l->out_strips * TILE, sums, n);
        for (int64_t r = 0; r < rows; r++) {
            int64_t to = (v * LANES + r) * l->in + strip * IN;
            for (int64_t i = 0; i < n_in; i++) {
                float sum = sums[i * n * LANES + r];
                if (l->is_bf16)
                    ((uint16_t *)in_gradient)[to + i] = dnnb__bf16_round(sum);
                else
                    ((float *)in_gradient)[to + i] = sum;
            }
        }
    }
}

static void backward_data_run(const dnnb__linear *l, const void *out_gradient, const float *weight,
                              void *in_gradient, float *packed) {
    int64_t padded = divide_up(l->rows, LANES) * LANES;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t o = 0; o < l->out_strips; o++)
            pack_transposed(l, out_gradient, o, packed + o * OUT * padded);
#pragma omp for schedule(dynamic, 1)
        for (int64_t i = 0; i < l->in_strips; i++)
            strip_gradient(l, i, packed, weight, in_gradient);
    }
}

const dnnb__linear_kernel dnnb__linear_avx512 = {.name = "own:avx512",
                                                 .takes_bf16 = true,
                                                 .forward = forward_run,
                                                 .backward_weights = backward_weights_run,
                                                 .backward_data = backward_data_run};

#endif
