/*
 * What Winograd's convolution and its weight gradient with AVX-512 share: the sizes of tiles, the
 * order of matrices, and the transform of inputs.
 *
 * At each *place* of a tile (winograd_plane.h) matrices of channels are multiplied. A *group* is
 * some tiles and a *part* of the input and output channels, few enough that what is made of them
 * stays in a second cache of 2 MiB.
 */
#ifndef DNNB_KERNELS_WINOGRAD_TILES_H
#define DNNB_KERNELS_WINOGRAD_TILES_H

#include "kernels/winograd.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>

#include "kernels/bf16_avx512.h"
#include "kernels/winograd_line.h"
#include "kernels/winograd_plane.h"

#define TARGET DNNB__AVX512
#define VECTOR __attribute__((always_inline)) DNNB__AVX512 static inline

enum {
    BLOCK = 16,
    SQUARE = BLOCK * BLOCK,
    AT_ONCE = 2,       /* blocks of output channels that are multiplied together */
    APART = 3 * BLOCK, /* floats between places, whose stores must not meet in one set of a cache */
};

/* Lines of fewer products are for activations in bfloat16, whose rounding hides what they cost; a
 * plane of six pixels takes more of them. */
static inline dnnb__line get_line(const dnnb__winograd *w) {
    dnnb__line line = dnnb__line_get(w->window, false), fewer = dnnb__line_get(w->window, true);
    return w->is_bf16 && count_products_of(w, fewer) < count_products_of(w, line) ? fewer : line;
}

static inline int64_t count_places(const dnnb__winograd *w) {
    int64_t products = dnnb__line_products(get_line(w));
    return products * products;
}

static inline int64_t count_weights(const dnnb__winograd *w, int64_t in_blocks,
                                    int64_t out_blocks) {
    return count_places(w) * in_blocks * out_blocks * SQUARE;
}

/* The largest group: tiles, and blocks of input and output channels. */
typedef struct sizes {
    int64_t tiles, in, out;
} sizes;

/* The order of the weights of all places: by part of the output channels, by part of the input
 * channels, [place][blocks of out][of in][in][out]. @return Where those of two blocks are at the
 * first place; `step`: from place to place. */
static inline int64_t find_square(const dnnb__winograd *w, sizes most, int64_t in, int64_t out,
                                  int64_t *step) {
    int64_t first_in = in / most.in * most.in, first_out = out / most.out * most.out;
    int64_t n_in = smaller(most.in, w->in_blocks - first_in);
    int64_t n_out = smaller(most.out, w->out_blocks - first_out);
    *step = n_in * n_out * SQUARE;
    return count_weights(w, w->in_blocks, first_out) + count_weights(w, first_in, n_out) +
           ((out - first_out) * n_in + in - first_in) * SQUARE;
}

typedef struct group {
    const dnnb__winograd *w;
    int64_t first, n;          /* tiles */
    int64_t first_in, n_in;    /* blocks of input channels */
    int64_t first_out, n_out;  /* and of output channels */
    float *in, *out;           /* [place][blocks][n][BLOCK]: inputs; outputs, or their gradients */
    int64_t in_step, out_step; /* from place to place */
} group;

static inline int64_t count_step(int64_t tiles, int64_t blocks) {
    return tiles * blocks * BLOCK + APART;
}

/* Of the matrices of a group. */
static inline int64_t count_floats(const dnnb__winograd *w, sizes most) {
    return count_places(w) * (count_step(most.tiles, most.in) + count_step(most.tiles, most.out));
}

static inline group create_group(const dnnb__winograd *w, sizes most, float *scratch) {
    int64_t in_step = count_step(most.tiles, most.in);
    return (group){.w = w,
                   .in = scratch,
                   .in_step = in_step,
                   .out = scratch + count_places(w) * in_step,
                   .out_step = count_step(most.tiles, most.out)};
}

/* Calls a function with the constants that it is compiled for. */
#define SPECIALISE(function, w, ...)                                                               \
    do {                                                                                           \
        switch (get_line(w)) {                                                                     \
        case DNNB__LINE_3:                                                                         \
            if ((w)->is_bf16)                                                                      \
                function(__VA_ARGS__, DNNB__LINE_3, true);                                         \
            else                                                                                   \
                function(__VA_ARGS__, DNNB__LINE_3, false);                                        \
            break;                                                                                 \
        case DNNB__LINE_3_FEWER:                                                                   \
            function(__VA_ARGS__, DNNB__LINE_3_FEWER, true);                                       \
            break;                                                                                 \
        case DNNB__LINE_5:                                                                         \
            function(__VA_ARGS__, DNNB__LINE_5, false);                                            \
            break;                                                                                 \
        default:                                                                                   \
            function(__VA_ARGS__, DNNB__LINE_5_FEWER, true);                                       \
        }                                                                                          \
    } while (0)

/* Pixels of some blocks of channels to all places: inputs, or gradients of outputs, of which there
 * are no others. The last three are constants wherever this is used.
 * @param at Of activations; `plane` from one block to the next. */
VECTOR void pixels_transform(const void *activations, int64_t at, int64_t plane, int64_t n_blocks,
                             const span *rows, const span *columns, float *to, int64_t to_block,
                             int64_t to_place, const bool is_gradient, const dnnb__line line,
                             const bool is_bf16) {
    int side = is_gradient ? dnnb__line_outputs(line) : dnnb__line_inputs(line);
    int n = dnnb__line_products(line);
    for (int64_t b = 0; b < n_blocks; b++, at += plane, to += to_block) {
        __m512 lines[DNNB__MOST_INPUTS][DNNB__MOST_PRODUCTS];
        for (int x = 0; x < side; x++) {
            __m512 d[DNNB__MOST_INPUTS];
            DNNB__UNROLL
            for (int y = 0; y < side; y++)
                d[y] =
                    dnnb__floats_load(activations, at + rows->offset[y] + columns->offset[x],
                                      (__mmask16)(rows->inside[y] & columns->inside[x]), is_bf16);
            if (is_gradient)
                dnnb__line_scatter(d, lines[x], line);
            else
                dnnb__line_differ(d, lines[x], line);
        }
        for (int y = 0; y < n; y++) {
            __m512 row[DNNB__MOST_INPUTS], out[DNNB__MOST_PRODUCTS];
            DNNB__UNROLL
            for (int x = 0; x < side; x++) row[x] = lines[x][y];
            if (is_gradient)
                dnnb__line_scatter(row, out, line);
            else
                dnnb__line_differ(row, out, line);
            DNNB__UNROLL
            for (int x = 0; x < n; x++) _mm512_storeu_ps(to + (y * n + x) * to_place, out[x]);
        }
    }
}

/* A tile's inputs, for the group's part of the channels. */
TARGET static inline void tile_read(const group *g, const void *in, int64_t t) {
    const dnnb__winograd *w = g->w;
    corner at = find_corner(w, get_line(w), g->first + t);
    int side = dnnb__line_inputs(get_line(w));
    int64_t plane = w->in[0] * w->in[1] * BLOCK;
    int64_t first = (at.image * w->in_blocks + g->first_in) * plane;
    span rows = find_pixels(at.y - w->padding[0], w->in[0], w->in[1] * BLOCK, side);
    span columns = find_pixels(at.x - w->padding[1], w->in[1], BLOCK, side);
    SPECIALISE(pixels_transform, w, in, first, plane, g->n_in, &rows, &columns, g->in + t * BLOCK,
               g->n * BLOCK, g->in_step, false);
}

#endif

#endif
