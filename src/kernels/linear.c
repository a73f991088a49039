/* The layout of a linear layer's weights that own kernels read, and how the work is shared out. */
#include <string.h>

#include "core/status.h"
#include "kernels/linear.h"
#include "kernels/linear_gradient.h"

enum {
    IN = DNNB__LINEAR_IN,
    OUT = DNNB__LINEAR_OUT,
    TILE = IN * OUT,
    OUT_STRIPS = 32 /* in a forward task: their sums stay in the second cache */
};

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

dnnb_status dnnb__linear_count(int64_t in, int64_t out, int64_t *count) {
    if (__builtin_mul_overflow(divide_up(in, IN), divide_up(out, OUT), count) ||
        __builtin_mul_overflow(*count, (int64_t)TILE, count))
        return dnnb__fail(DNNB_ERR_LIMIT, "weights of %lld x %lld are too large", (long long)out,
                          (long long)in);
    return DNNB_OK;
}

/* The tile of strips i and o: how many inputs and outputs of it there are, and where it begins. */
typedef struct place {
    int64_t n_in, n_out;
    size_t plain, tiled;
} place;

static place find_tile(int64_t in, int64_t out, int64_t i, int64_t o) {
    return (place){.n_in = smaller(in - i * IN, IN),
                   .n_out = smaller(out - o * OUT, OUT),
                   .plain = (size_t)(o * OUT * in + i * IN),
                   .tiled = (size_t)((i * divide_up(out, OUT) + o) * TILE)};
}

/* Both ways rows are walked along, and tiles, which stay in the first cache, across: rows often lie
 * a multiple of 4096 bytes apart. */
void dnnb__linear_expand(int64_t in, int64_t out, const float *plain, float *tiled) {
#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < divide_up(out, OUT); o++)
        for (int64_t i = 0; i < divide_up(in, IN); i++) {
            place at = find_tile(in, out, i, o);
            float *tile = tiled + at.tiled;
            if (at.n_in < IN || at.n_out < OUT) memset(tile, 0, TILE * sizeof *tile);
            for (int64_t r = 0; r < at.n_out; r++)
                for (int64_t c = 0; c < at.n_in; c++)
                    tile[c * OUT + r] = plain[at.plain + (size_t)(r * in + c)];
        }
}

void dnnb__linear_contract_rows(int64_t in, int64_t out, int64_t first, int64_t n,
                                const float *tiled, float *plain) {
#pragma omp parallel for schedule(static)
    for (int64_t o = first / OUT; o < divide_up(first + n, OUT); o++)
        for (int64_t i = 0; i < divide_up(in, IN); i++) {
            place at = find_tile(in, out, i, o);
            float *to = plain + (at.plain - (size_t)(first * in));
            for (int64_t r = 0; r < smaller(at.n_out, first + n - o * OUT); r++)
                for (int64_t c = 0; c < at.n_in; c++)
                    to[r * in + c] = tiled[at.tiled + (size_t)(c * OUT + r)];
        }
}

void dnnb__linear_contract(int64_t in, int64_t out, const float *tiled, float *plain) {
    dnnb__linear_contract_rows(in, out, 0, out, tiled, plain);
}

void dnnb__linear_gradient_contract_rows(int64_t in, int64_t width, int64_t first, int64_t n,
                                         const float *blocks, float *plain) {
    int64_t column = divide_up(in, DNNB__LINEAR_GRADIENT_IN) * DNNB__LINEAR_GRADIENT_IN * width;
#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < divide_up(n, width); o++) {
        const float *from = blocks + (first / width + o) * column;
        float *to = plain + o * width * in;
        for (int64_t i = 0; i < in; i += DNNB__LINEAR_GRADIENT_IN)
            for (int64_t r = 0; r < smaller(width, n - o * width); r++)
                for (int64_t k = i; k < smaller(in, i + DNNB__LINEAR_GRADIENT_IN); k++)
                    to[r * in + k] = from[k * width + r];
    }
}

dnnb__linear dnnb__linear_describe(int64_t rows, int64_t in, int64_t out, bool relu,
                                   int64_t n_threads) {
    dnnb__linear l = {.rows = rows,
                      .in = in,
                      .out = out,
                      .in_strips = divide_up(in, IN),
                      .out_strips = divide_up(out, OUT),
                      .relu = relu};
    l.task_strips = smaller(OUT_STRIPS, divide_up(l.out_strips, n_threads));
    return l;
}
