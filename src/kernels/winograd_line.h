/*
 * Winograd's transforms along one dimension, in vectors of 16 channels with AVX-512.
 *
 * A window of three taps has F(2, 3) of the source: two outputs from four inputs by four products.
 *
 * A window of five has four outputs from eight inputs by eleven products. Outputs, inputs and taps
 * are divided into those of even and of odd places: with e and o the even and odd inputs, e' the
 * even ones from the second on, g the even and h the odd taps,
 *     even outputs  g (e - o) + (g + h) o
 *     odd outputs   (g + h) o + h (e' - o)
 * where g and g + h are windows of three taps, each computed by F(2, 3), and h is one of two, by
 * F(2, 2) with three products. So all constants are 1 and 1/2 here too; F(2, 5) has larger ones,
 * more than twice the error, and in two dimensions a fifth more products.
 *
 * Where activations are rounded to bfloat16 there are lines of fewer products (winograd_points.h).
 *
 * Names: see winograd.h. `line` is a constant wherever these are used.
 * Source: Mou and Duhamel, Short-Length FIR Filters and Their Use in Fast Nonrecursive Filtering,
 * 1991 (for the division by two), and that of winograd.h.
 */
#ifndef DNNB_KERNELS_WINOGRAD_LINE_H
#define DNNB_KERNELS_WINOGRAD_LINE_H

#include "kernels/target.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>
#include <stdbool.h>

#include "kernels/winograd_points.h"

#define DNNB__LINE __attribute__((always_inline, unused)) DNNB__AVX512 static inline

enum {
    DNNB__LARGEST_WINDOW = 5,
    DNNB__MOST_OUTPUTS = 5,
    DNNB__MOST_INPUTS = 8,
    DNNB__MOST_PRODUCTS = 11
};

/* A tile along one dimension: of three or five taps; with constants of 1 and 1/2 alone, or with
 * fewer products. */
typedef enum dnnb__line {
    DNNB__LINE_3,
    DNNB__LINE_3_FEWER,
    DNNB__LINE_5,
    DNNB__LINE_5_FEWER
} dnnb__line;

static inline dnnb__line dnnb__line_get(int64_t window, bool fewer) {
    if (window == 3) return fewer ? DNNB__LINE_3_FEWER : DNNB__LINE_3;
    return fewer ? DNNB__LINE_5_FEWER : DNNB__LINE_5;
}

static inline bool dnnb__line_has_fewer(dnnb__line line) {
    return line == DNNB__LINE_3_FEWER || line == DNNB__LINE_5_FEWER;
}

static inline int dnnb__line_window(dnnb__line line) {
    return line == DNNB__LINE_3 || line == DNNB__LINE_3_FEWER ? 3 : 5;
}

static inline int dnnb__line_outputs(dnnb__line line) {
    return line == DNNB__LINE_3 ? 2 : line == DNNB__LINE_3_FEWER ? 5 : 4;
}

static inline int dnnb__line_inputs(dnnb__line line) {
    return dnnb__line_outputs(line) + dnnb__line_window(line) - 1;
}

static inline int dnnb__line_products(dnnb__line line) {
    return line == DNNB__LINE_5 ? 11 : dnnb__line_inputs(line);
}

/* --- F(2, 3) and F(2, 2), and their transposes --- */

/* Taps to what is multiplied: G of the source. */
DNNB__LINE void dnnb__spread3(__m512 g0, __m512 g1, __m512 g2, __m512 *out) {
    __m512 half = _mm512_set1_ps(0.5f), ends = _mm512_add_ps(g0, g2);
    out[0] = g0;
    out[1] = _mm512_mul_ps(half, _mm512_add_ps(ends, g1));
    out[2] = _mm512_mul_ps(half, _mm512_sub_ps(ends, g1));
    out[3] = g2;
}

/* Inputs to what is multiplied: the transpose of B. */
DNNB__LINE void dnnb__differ3(const __m512 d[4], __m512 *out) {
    out[0] = _mm512_sub_ps(d[0], d[2]);
    out[1] = _mm512_add_ps(d[1], d[2]);
    out[2] = _mm512_sub_ps(d[2], d[1]);
    out[3] = _mm512_sub_ps(d[1], d[3]);
}

/* Products to outputs: the transpose of A. */
DNNB__LINE void dnnb__gather3(const __m512 m[4], __m512 out[2]) {
    out[0] = _mm512_add_ps(_mm512_add_ps(m[0], m[1]), m[2]);
    out[1] = _mm512_sub_ps(_mm512_sub_ps(m[1], m[2]), m[3]);
}

/* Outputs' gradients to those of products: A. */
DNNB__LINE void dnnb__scatter3(__m512 g0, __m512 g1, __m512 *out) {
    out[0] = g0;
    out[1] = _mm512_add_ps(g0, g1);
    out[2] = _mm512_sub_ps(g0, g1);
    out[3] = _mm512_sub_ps(_mm512_setzero_ps(), g1);
}

/* Gradients of what is multiplied to those of taps: the transpose of G. */
DNNB__LINE void dnnb__collect3(const __m512 x[4], __m512 out[3]) {
    __m512 half = _mm512_set1_ps(0.5f), middle = _mm512_mul_ps(half, _mm512_add_ps(x[1], x[2]));
    out[0] = _mm512_add_ps(x[0], middle);
    out[1] = _mm512_mul_ps(half, _mm512_sub_ps(x[1], x[2]));
    out[2] = _mm512_add_ps(middle, x[3]);
}

DNNB__LINE void dnnb__spread2(__m512 g0, __m512 g1, __m512 *out) {
    out[0] = g0;
    out[1] = _mm512_add_ps(g0, g1);
    out[2] = g1;
}

DNNB__LINE void dnnb__differ2(const __m512 d[3], __m512 *out) {
    out[0] = _mm512_sub_ps(d[0], d[1]);
    out[1] = d[1];
    out[2] = _mm512_sub_ps(d[2], d[1]);
}

/* That of F(2, 2) is also how gradients of taps come from those of products. */
DNNB__LINE void dnnb__gather2(const __m512 m[3], __m512 out[2]) {
    out[0] = _mm512_add_ps(m[0], m[1]);
    out[1] = _mm512_add_ps(m[1], m[2]);
}

/* --- the lines --- */

DNNB__LINE void dnnb__line_spread(const __m512 *g, __m512 *out, const dnnb__line line) {
    if (dnnb__line_has_fewer(line)) {
        dnnb__points_spread(g, out, dnnb__line_window(line));
        return;
    }
    if (line == DNNB__LINE_3) {
        dnnb__spread3(g[0], g[1], g[2], out);
        return;
    }
    dnnb__spread3(g[0], g[2], g[4], out);
    dnnb__spread3(_mm512_add_ps(g[0], g[1]), _mm512_add_ps(g[2], g[3]), g[4], out + 4);
    dnnb__spread2(g[1], g[3], out + 8);
}

DNNB__LINE void dnnb__line_differ(const __m512 *d, __m512 *out, const dnnb__line line) {
    if (dnnb__line_has_fewer(line)) {
        dnnb__points_differ(d, out, dnnb__line_window(line));
        return;
    }
    if (line == DNNB__LINE_3) {
        dnnb__differ3(d, out);
        return;
    }
    __m512 odd[4] = {d[1], d[3], d[5], d[7]};
    __m512 first[4] = {_mm512_sub_ps(d[0], d[1]), _mm512_sub_ps(d[2], d[3]),
                       _mm512_sub_ps(d[4], d[5]), _mm512_sub_ps(d[6], d[7])};
    __m512 last[3] = {_mm512_sub_ps(d[2], d[1]), _mm512_sub_ps(d[4], d[3]),
                      _mm512_sub_ps(d[6], d[5])};
    dnnb__differ3(first, out);
    dnnb__differ3(odd, out + 4);
    dnnb__differ2(last, out + 8);
}

DNNB__LINE void dnnb__line_gather(const __m512 *m, __m512 *out, const dnnb__line line) {
    if (dnnb__line_has_fewer(line)) {
        dnnb__points_gather(m, out, dnnb__line_window(line));
        return;
    }
    if (line == DNNB__LINE_3) {
        dnnb__gather3(m, out);
        return;
    }
    __m512 first[2], both[2], last[2];
    dnnb__gather3(m, first);
    dnnb__gather3(m + 4, both);
    dnnb__gather2(m + 8, last);
    out[0] = _mm512_add_ps(first[0], both[0]);
    out[1] = _mm512_add_ps(both[0], last[0]);
    out[2] = _mm512_add_ps(first[1], both[1]);
    out[3] = _mm512_add_ps(both[1], last[1]);
}

DNNB__LINE void dnnb__line_scatter(const __m512 *g, __m512 *out, const dnnb__line line) {
    if (dnnb__line_has_fewer(line)) {
        dnnb__points_scatter(g, out, dnnb__line_window(line));
        return;
    }
    if (line == DNNB__LINE_3) {
        dnnb__scatter3(g[0], g[1], out);
        return;
    }
    dnnb__scatter3(g[0], g[2], out);
    dnnb__scatter3(_mm512_add_ps(g[0], g[1]), _mm512_add_ps(g[2], g[3]), out + 4);
    dnnb__spread2(g[1], g[3], out + 8);
}

DNNB__LINE void dnnb__line_collect(const __m512 *x, __m512 *out, const dnnb__line line) {
    if (dnnb__line_has_fewer(line)) {
        dnnb__points_collect(x, out, dnnb__line_window(line));
        return;
    }
    if (line == DNNB__LINE_3) {
        dnnb__collect3(x, out);
        return;
    }
    __m512 even[3], both[3], odd[2];
    dnnb__collect3(x, even);
    dnnb__collect3(x + 4, both);
    dnnb__gather2(x + 8, odd);
    out[0] = _mm512_add_ps(even[0], both[0]);
    out[1] = _mm512_add_ps(odd[0], both[0]);
    out[2] = _mm512_add_ps(even[1], both[1]);
    out[3] = _mm512_add_ps(odd[1], both[1]);
    out[4] = _mm512_add_ps(even[2], both[2]);
}

#endif

#endif
