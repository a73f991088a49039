/* The layout of a linear layer's weights that own kernels read, and how the work is shared out. */
#include <string.h>

#include "core/status.h"
#include "kernels/linear.h"

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

/* Where weight (o, i) lies. */
static int64_t place(int64_t out_strips, int64_t o, int64_t i) {
    return ((i / IN * out_strips + o / OUT) * IN + i % IN) * OUT + o % OUT;
}

void dnnb__linear_expand(int64_t in, int64_t out, const float *plain, float *tiled) {
    int64_t out_strips = divide_up(out, OUT);
    memset(tiled, 0, (size_t)(divide_up(in, IN) * out_strips * TILE) * sizeof(float));
#pragma omp parallel for schedule(static)
    for (int64_t strip = 0; strip < out_strips; strip++)
        for (int64_t i = 0; i < in; i++)
            for (int64_t o = strip * OUT; o < smaller(out, (strip + 1) * OUT); o++)
                tiled[place(out_strips, o, i)] = plain[o * in + i];
}

void dnnb__linear_contract(int64_t in, int64_t out, const float *tiled, float *plain) {
    int64_t out_strips = divide_up(out, OUT);
#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < in; i++) plain[o * in + i] = tiled[place(out_strips, o, i)];
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
