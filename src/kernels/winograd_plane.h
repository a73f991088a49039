/*
 * Where the tiles of Winograd's convolutions lie in their images, whatever computes them, and what
 * becomes of a sum of products.
 *
 * A *tile* is a square of outputs, and the inputs that they read.
 */
#ifndef DNNB_KERNELS_WINOGRAD_PLANE_H
#define DNNB_KERNELS_WINOGRAD_PLANE_H

#include "kernels/winograd.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>

#include "kernels/winograd_line.h"

static inline int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static inline int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Tiles of an image. */
static inline int64_t count_tiles(const dnnb__winograd *w, dnnb__line line) {
    int64_t side = dnnb__line_outputs(line);
    return divide_up(w->out[0], side) * divide_up(w->out[1], side);
}

static inline int64_t count_products_of(const dnnb__winograd *w, dnnb__line line) {
    int64_t products = dnnb__line_products(line);
    return count_tiles(w, line) * products * products;
}

/* Where a tile's outputs begin. */
typedef struct corner {
    int64_t image, y, x;
} corner;

static inline corner find_corner(const dnnb__winograd *w, dnnb__line line, int64_t tile) {
    int64_t side = dnnb__line_outputs(line), columns = divide_up(w->out[1], side);
    int64_t per_image = count_tiles(w, line), within = tile % per_image;
    return (corner){tile / per_image, within / columns * side, within % columns * side};
}

/* Along one dimension of a plane: where some pixels are, and which ones; the others are padding. */
typedef struct span {
    int64_t offset[DNNB__MOST_INPUTS];
    uint32_t inside[DNNB__MOST_INPUTS]; /* all bits, or none */
} span;

static inline span find_pixels(int64_t first, int64_t end, int64_t step, int n) {
    span p = {.inside = {0}};
    for (int i = 0; i < n; i++) {
        bool is_inside = first + i >= 0 && first + i < end;
        p.inside[i] = is_inside ? UINT32_MAX : 0;
        p.offset[i] = is_inside ? (first + i) * step : 0;
    }
    return p;
}

/* An output's value. */
DNNB__LINE __m512 finish(__m512 sum, __m512 bias, bool relu) {
    __m512 v = _mm512_add_ps(sum, bias), zero = _mm512_setzero_ps();
    return relu ? _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, zero, _CMP_NLE_UQ), v) : v;
}

#endif

#endif
