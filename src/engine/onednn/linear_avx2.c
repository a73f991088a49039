/*
 * Linear layers with AVX2 (see the header).
 *
 * Method: a *tile* is 48 inputs by 16 outputs of the weights, 3 kB. Activations are packed into
 * strips of the same widths, so that a kernel walks over memory in one direction and rows that lie
 * a power of two apart do not fight for the same place of a cache. In each kernel 12 vector
 * registers hold sums: 6 rows by 16 outputs forward, 6 inputs by 16 outputs for the weights, and 4
 * rows by 3 inputs for the input's gradient, whose sums run along the vectors.
 */
#include "engine/onednn/linear_avx2.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,fma")))
#endif

enum {
    IN = 48,
    OUT = 16,
    TILE = IN * OUT,
    ROWS = 6,         /* of a forward kernel */
    QUAD = 4,         /* rows of a kernel for the input's gradient */
    TRIPLE = 3,       /* inputs of it */
    OUT_STRIPS = 32,  /* in a forward task: their sums stay in the second cache */
    CHUNK_STRIPS = 64 /* of outputs that the input's gradient takes at once, for the same reason */
};

typedef struct linear {
    int64_t rows, in, out;
    int64_t in_strips, out_strips; /* with padding */
    bool relu;
    int64_t task_strips; /* of outputs in a forward task */
} linear;

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

bool dnnb__linear_avx2_suits(const dnnb__primitive *primitive) {
#ifdef AVX2
    bool general = dnnb__primitive_is_gemm(primitive) || dnnb__primitive_is_slow(primitive);
    return general && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    (void)primitive;
    return false;
#endif
}

dnnb_status dnnb__linear_avx2_count(int64_t in, int64_t out, int64_t *count) {
    if (__builtin_mul_overflow(divide_up(in, IN), divide_up(out, OUT), count) ||
        __builtin_mul_overflow(*count, (int64_t)TILE, count))
        return dnnb__fail(DNNB_ERR_LIMIT, "weights of %lld x %lld are too large", (long long)out,
                          (long long)in);
    return DNNB_OK;
}

/* Where weight (o, i) lies. */
static int64_t place(int64_t out_strips, int64_t o, int64_t i) {
    return ((i / IN * out_strips + o / OUT) * IN + i % IN) * OUT + o % OUT;
}

void dnnb__linear_avx2_expand(int64_t in, int64_t out, const float *plain, float *tiled) {
    int64_t out_strips = divide_up(out, OUT);
    memset(tiled, 0, (size_t)(divide_up(in, IN) * out_strips * TILE) * sizeof(float));
#pragma omp parallel for schedule(static)
    for (int64_t strip = 0; strip < out_strips; strip++)
        for (int64_t i = 0; i < in; i++)
            for (int64_t o = strip * OUT; o < smaller(out, (strip + 1) * OUT); o++)
                tiled[place(out_strips, o, i)] = plain[o * in + i];
}

void dnnb__linear_avx2_contract(int64_t in, int64_t out, const float *tiled, float *plain) {
    int64_t out_strips = divide_up(out, OUT);
#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < in; i++) plain[o * in + i] = tiled[place(out_strips, o, i)];
}

#ifdef AVX2

/* One strip of columns of a row-major matrix, row after row, with zeros past the last column. */
static void pack_strip(const float *matrix, int64_t rows, int64_t columns, int64_t strip,
                       int64_t width, float *packed) {
    int64_t n = smaller(columns - strip * width, width);
    for (int64_t row = 0; row < rows; row++, packed += width) {
        memcpy(packed, matrix + row * columns + strip * width, (size_t)n * sizeof(float));
        for (int64_t k = n; k < width; k++) packed[k] = 0.0f;
    }
}

/* --- forward --- */

/* Add to `n` rows of 16 outputs what one tile gives; n is a constant wherever this is used. */
__attribute__((always_inline)) AVX2 static inline void rows_add(const float *in, const float *tile,
                                                                float *sums, const int n) {
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
AVX2 static void tile_add(const float *in, const float *tile, float *sums, int64_t rows) {
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

/* From sums to outputs: bias, ReLU, row-major. */
static void finish_strip(const linear *l, const float *sums, const float *bias, int64_t strip,
                         float *out) {
    int64_t first = strip * OUT, n = smaller(l->out - first, OUT);
    for (int64_t row = 0; row < l->rows; row++)
        for (int64_t k = 0; k < n; k++) {
            float value = sums[row * OUT + k] + (bias ? bias[first + k] : 0.0f);
            out[row * l->out + first + k] = l->relu && value <= 0.0f ? 0.0f : value;
        }
}

AVX2 static void forward_task(const linear *l, int64_t task, const float *packed,
                              const float *weight, const float *bias, float *sums, float *out) {
    int64_t first = task * l->task_strips, end = smaller(first + l->task_strips, l->out_strips);
    memset(sums + first * l->rows * OUT, 0,
           (size_t)((end - first) * l->rows * OUT) * sizeof(float));
    for (int64_t i = 0; i < l->in_strips; i++)
        for (int64_t o = first; o < end; o++) {
            const float *tile = weight + (i * l->out_strips + o) * TILE;
            const char *next = (const char *)(tile + TILE);
            for (int k = 0; k < TILE * 4; k += 64) _mm_prefetch(next + k, _MM_HINT_T0);
            tile_add(packed + i * l->rows * IN, tile, sums + o * l->rows * OUT, l->rows);
        }
    for (int64_t o = first; o < end; o++) finish_strip(l, sums + o * l->rows * OUT, bias, o, out);
}

static void forward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const linear *l = step->settings;
    const float *in = step->data[0], *weight = step->data[1];
    float *out = step->data[2], *packed = step->data[3], *sums = step->data[4];
    const float *bias = step->n_buffers > 5 ? step->data[5] : NULL;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < l->in_strips; i++)
            pack_strip(in, l->rows, l->in, i, IN, packed + i * l->rows * IN);
#pragma omp for schedule(dynamic, 1)
        for (int64_t t = 0; t < divide_up(l->out_strips, l->task_strips); t++)
            forward_task(l, t, packed, weight, bias, sums, out);
    }
}

/* --- the weights' gradient --- */

/* One tile: six inputs at a time, over all rows. */
AVX2 static void tile_gradient(const float *in, const float *gradient, int64_t rows, float *tile) {
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
        /* Past the caches: nobody reads the gradient before the whole of it is written. */
        for (int i = 0; i < ROWS; i++)
            for (int h = 0; h < 2; h++)
                _mm256_stream_ps(tile + (first + i) * OUT + h * 8, sum[i][h]);
    }
}

static void bias_gradient(const linear *l, const float *gradient, int64_t strip, float *bias) {
    float sum[OUT] = {0};
    for (int64_t row = 0; row < l->rows; row++)
        for (int k = 0; k < OUT; k++) sum[k] += gradient[row * OUT + k];
    for (int64_t k = 0; k < smaller(l->out - strip * OUT, OUT); k++) bias[strip * OUT + k] = sum[k];
}

static void backward_weights_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const linear *l = step->settings;
    const float *in = step->data[0], *out_gradient = step->data[1];
    float *weight = step->data[2], *packed = step->data[3];
    float *bias = step->n_buffers > 4 ? step->data[4] : NULL;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t o = 0; o < l->out_strips; o++) {
            float *strip = packed + o * l->rows * OUT;
            pack_strip(out_gradient, l->rows, l->out, o, OUT, strip);
            if (bias) bias_gradient(l, strip, o, bias);
        }
#pragma omp for schedule(static)
        for (int64_t i = 0; i < l->in_strips; i++)
            for (int64_t o = 0; o < l->out_strips; o++)
                tile_gradient(in + i * l->rows * IN, packed + o * l->rows * OUT, l->rows,
                              weight + (i * l->out_strips + o) * TILE);
        _mm_sfence();
    }
}

/* --- the input's gradient --- */

/* Rows 4q .. 4q + 3 of all strips of outputs, [strip][4][16]; rows past the last are zero. */
static void pack_quad(const linear *l, const float *matrix, int64_t q, float *packed) {
    for (int64_t strip = 0; strip < l->out_strips; strip++)
        for (int64_t r = 0; r < QUAD; r++, packed += OUT) {
            int64_t row = q * QUAD + r, n = smaller(l->out - strip * OUT, OUT);
            if (row >= l->rows) n = 0;
            for (int64_t k = 0; k < n; k++) packed[k] = matrix[row * l->out + strip * OUT + k];
            for (int64_t k = n; k < OUT; k++) packed[k] = 0.0f;
        }
}

/* The sums of four vectors' elements. */
AVX2 static inline __m128 sum_lanes(__m256 a, __m256 b, __m256 c, __m256 d) {
    __m256 abcd = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1));
}

/* Four rows by three inputs over `n` strips of outputs: out[i] has the sums of the rows. */
AVX2 static void quad_sums(const float *gradient, const float *weight, int64_t n, __m128 out[3]) {
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
AVX2 static void strip_gradient(const linear *l, int64_t strip, const float *packed,
                                const float *weight, const float *weight_end, float *in_gradient) {
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

static void backward_data_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const linear *l = step->settings;
    const float *out_gradient = step->data[0], *weight = step->data[1];
    float *in_gradient = step->data[2], *packed = step->data[3];
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

/* --- steps --- */

static dnnb_status add_step(dnnb__onednn_plan *plan, const char *layer, const char *pass,
                            dnnb__kernel kernel, const dnnb__product *product,
                            const size_t *buffers, size_t n) {
    void *memory = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(linear)));
    linear *l = memory;
    *l = (linear){.rows = product->rows,
                  .in = product->in,
                  .out = product->out,
                  .in_strips = divide_up(product->in, IN),
                  .out_strips = divide_up(product->out, OUT),
                  .relu = product->relu};
    int64_t n_threads = (int64_t)plan->base.net->n_threads;
    l->task_strips = smaller(OUT_STRIPS, divide_up(l->out_strips, n_threads));
    DNNB_TRY(dnnb__onednn_add_kernel(plan, layer, pass, "own avx2", kernel, l, buffers, n));
    plan->steps[plan->n_steps - 1].info.flops =
        2.0 * (double)product->rows * (double)product->in * (double)product->out;
    return DNNB_OK;
}

/* A buffer for strips of `columns` columns of `rows` rows. */
static dnnb_status strip_buffer(dnnb__onednn_plan *plan, size_t *out, int64_t rows, int64_t columns,
                                int64_t width) {
    return dnnb__onednn_buffer_arena(plan, out, (size_t)(divide_up(columns, width) * width),
                                     (size_t)rows * sizeof(float));
}

dnnb_status dnnb__linear_avx2_forward(dnnb__onednn_plan *plan, const char *layer,
                                      const dnnb__product *p, size_t in, size_t weight, size_t bias,
                                      size_t out, size_t *packed) {
    size_t sums;
    DNNB_TRY(strip_buffer(plan, packed, p->rows, p->in, IN));
    DNNB_TRY(strip_buffer(plan, &sums, p->rows, p->out, OUT));
    size_t buffers[] = {in, weight, out, *packed, sums, bias};
    return add_step(plan, layer, "forward", forward_run, p, buffers,
                    bias == DNNB__NO_BUFFER ? 5 : 6);
}

dnnb_status dnnb__linear_avx2_backward_weights(dnnb__onednn_plan *plan, const char *layer,
                                               const dnnb__product *p, size_t packed,
                                               size_t out_gradient, size_t weight, size_t bias) {
    size_t strips;
    DNNB_TRY(strip_buffer(plan, &strips, p->rows, p->out, OUT));
    size_t buffers[] = {packed, out_gradient, weight, strips, bias};
    return add_step(plan, layer, "backward weights", backward_weights_run, p, buffers,
                    bias == DNNB__NO_BUFFER ? 4 : 5);
}

dnnb_status dnnb__linear_avx2_backward_data(dnnb__onednn_plan *plan, const char *layer,
                                            const dnnb__product *p, size_t out_gradient,
                                            size_t weight, size_t in_gradient) {
    size_t quads;
    DNNB_TRY(strip_buffer(plan, &quads, divide_up(p->rows, QUAD) * QUAD, p->out, OUT));
    size_t buffers[] = {out_gradient, weight, in_gradient, quads};
    return add_step(plan, layer, "backward data", backward_data_run, p, buffers, 4);
}

#else

/* Never called: dnnb__linear_avx2_suits() says no. */
static dnnb_status fail_here(const char *layer) {
    return dnnb__fail(DNNB_ERR_INTERNAL, "%s: no kernel for this processor", layer);
}

dnnb_status dnnb__linear_avx2_forward(dnnb__onednn_plan *plan, const char *layer,
                                      const dnnb__product *p, size_t in, size_t weight, size_t bias,
                                      size_t out, size_t *packed) {
    (void)plan, (void)p, (void)in, (void)weight, (void)bias, (void)out, (void)packed;
    return fail_here(layer);
}

dnnb_status dnnb__linear_avx2_backward_weights(dnnb__onednn_plan *plan, const char *layer,
                                               const dnnb__product *p, size_t packed,
                                               size_t out_gradient, size_t weight, size_t bias) {
    (void)plan, (void)p, (void)packed, (void)out_gradient, (void)weight, (void)bias;
    return fail_here(layer);
}

dnnb_status dnnb__linear_avx2_backward_data(dnnb__onednn_plan *plan, const char *layer,
                                            const dnnb__product *p, size_t out_gradient,
                                            size_t weight, size_t in_gradient) {
    (void)plan, (void)p, (void)out_gradient, (void)weight, (void)in_gradient;
    return fail_here(layer);
}

#endif
