/*
 * Winograd's transforms along one dimension of few products, in vectors of 16 channels with
 * AVX-512: a product at each of the points 1, -1, 2, -2, 1/2, -1/2 and infinity, which gives three
 * taps five outputs from seven inputs, and with the point 0 five taps four outputs from eight.
 *
 * Inputs d and taps g are polynomials' coefficients, and so are a product's transposes. With
 * M(x) = (x^2 - 1) (x^2 - 4) (x^2 - 1/4) the inputs meet the coefficients of M(x) / (x - p), and
 * where 0 is a point those of x M(x) / (x - p). For p and -p these differ in sign at every second
 * place, so that even and odd places are summed once for both. The order is that of the points
 * above. Rounding errors are ten times those of winograd_line.h's other transforms, 2e-6 to 4e-6 of
 * the outputs' norm in NumPy; rounding these to bfloat16 makes 1.6e-3.
 *
 * `window` is a constant, three or five, wherever these are used. Source: that of winograd.h.
 */
#ifndef DNNB_KERNELS_WINOGRAD_POINTS_H
#define DNNB_KERNELS_WINOGRAD_POINTS_H

#include "kernels/target.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>

#define DNNB__POINTS __attribute__((always_inline, unused)) DNNB__AVX512 static inline

enum {
    DNNB__PAIRS = 3, /* of points, p and -p */
    DNNB__AT_INFINITY = 2 * DNNB__PAIRS,
    DNNB__AT_ZERO
};

/* A positive point, and M(x) / (x^2 - p^2) = x^4 + b x^2 + c. */
typedef struct dnnb__pair {
    float p, b, c;
} dnnb__pair;

DNNB__POINTS dnnb__pair dnnb__pair_get(int i) {
    if (i == 0) return (dnnb__pair){1.0f, -4.25f, 1.0f};
    if (i == 1) return (dnnb__pair){2.0f, -1.25f, 0.25f};
    return (dnnb__pair){0.5f, -5.0f, 4.0f};
}

/* What the taps are divided by: the value of M(x) / (x - p), or x M(x) / (x - p), at p; at -p it is
 * the same, of three taps with another sign. */
DNNB__POINTS __m512 dnnb__pair_scale(dnnb__pair at, const int window) {
    float square = at.p * at.p, value = 2.0f * at.p * (square * square + at.b * square + at.c);
    return _mm512_set1_ps(1.0f / (window == 3 ? value : value * at.p));
}

/* sum + times * value */
DNNB__POINTS __m512 dnnb__add_times(__m512 sum, float times, __m512 value) {
    return _mm512_fmadd_ps(_mm512_set1_ps(times), value, sum);
}

/* The values at p and -p of the polynomial of n coefficients. */
DNNB__POINTS void dnnb__pair_evaluate(const __m512 *g, float p, __m512 out[2], const int n) {
    __m512 even = g[0], odd = _mm512_mul_ps(_mm512_set1_ps(p), g[1]);
    float power = p * p;
    DNNB__UNROLL
    for (int k = 2; k < n; k++, power *= p) {
        if (k % 2 == 0) even = dnnb__add_times(even, power, g[k]);
        if (k % 2 == 1) odd = dnnb__add_times(odd, power, g[k]);
    }
    out[0] = _mm512_add_ps(even, odd);
    out[1] = _mm512_sub_ps(even, odd);
}

/* Adds to each coefficient what its power takes of the values at p and -p, of which `even` is the
 * sum and `odd` the difference; the transpose of the above. */
DNNB__POINTS void dnnb__pair_add(__m512 *out, float p, __m512 even, __m512 odd, const int n) {
    float power = 1.0f;
    DNNB__UNROLL
    for (int k = 0; k < n; k++, power *= p)
        out[k] = dnnb__add_times(out[k], power, k % 2 == 0 ? even : odd);
}

/* The coefficients of M with seven inputs. */
DNNB__POINTS __m512 dnnb__meet_all(const __m512 *d) {
    return dnnb__add_times(_mm512_sub_ps(d[6], d[0]), 5.25f, _mm512_sub_ps(d[2], d[4]));
}

DNNB__POINTS void dnnb__points_spread(const __m512 *g, __m512 *out, const int window) {
    DNNB__UNROLL
    for (int i = 0; i < DNNB__PAIRS; i++) {
        dnnb__pair at = dnnb__pair_get(i);
        __m512 values[2], scale = dnnb__pair_scale(at, window);
        dnnb__pair_evaluate(g, at.p, values, window);
        out[2 * i] = _mm512_mul_ps(scale, values[0]);
        if (window == 3) scale = _mm512_sub_ps(_mm512_setzero_ps(), scale);
        out[2 * i + 1] = _mm512_mul_ps(scale, values[1]);
    }
    out[DNNB__AT_INFINITY] = g[window - 1];
    if (window == 5) out[DNNB__AT_ZERO] = _mm512_sub_ps(_mm512_setzero_ps(), g[0]);
}

DNNB__POINTS void dnnb__points_differ(const __m512 *d, __m512 *out, const int window) {
    if (window == 5) out[DNNB__AT_ZERO] = dnnb__meet_all(d++);
    out[DNNB__AT_INFINITY] = dnnb__meet_all(d);
    DNNB__UNROLL
    for (int i = 0; i < DNNB__PAIRS; i++) {
        dnnb__pair at = dnnb__pair_get(i);
        __m512 even = dnnb__add_times(dnnb__add_times(d[4], at.b, d[2]), at.c, d[0]);
        __m512 odd = dnnb__add_times(dnnb__add_times(d[5], at.b, d[3]), at.c, d[1]);
        out[2 * i] = dnnb__add_times(odd, at.p, even);
        out[2 * i + 1] = dnnb__add_times(odd, -at.p, even);
    }
}

DNNB__POINTS void dnnb__points_gather(const __m512 *m, __m512 *out, const int window) {
    const int n = window == 3 ? 5 : 4;
    DNNB__UNROLL
    for (int k = 0; k < n; k++) out[k] = _mm512_setzero_ps();
    out[n - 1] = m[DNNB__AT_INFINITY];
    if (window == 5) out[0] = m[DNNB__AT_ZERO];
    DNNB__UNROLL
    for (int i = 0; i < DNNB__PAIRS; i++)
        dnnb__pair_add(out, dnnb__pair_get(i).p, _mm512_add_ps(m[2 * i], m[2 * i + 1]),
                       _mm512_sub_ps(m[2 * i], m[2 * i + 1]), n);
}

DNNB__POINTS void dnnb__points_scatter(const __m512 *g, __m512 *out, const int window) {
    const int n = window == 3 ? 5 : 4;
    DNNB__UNROLL
    for (int i = 0; i < DNNB__PAIRS; i++)
        dnnb__pair_evaluate(g, dnnb__pair_get(i).p, out + 2 * i, n);
    out[DNNB__AT_INFINITY] = g[n - 1];
    if (window == 5) out[DNNB__AT_ZERO] = g[0];
}

DNNB__POINTS void dnnb__points_collect(const __m512 *x, __m512 *out, const int window) {
    DNNB__UNROLL
    for (int k = 0; k < window; k++) out[k] = _mm512_setzero_ps();
    out[window - 1] = x[DNNB__AT_INFINITY];
    if (window == 5) out[0] = _mm512_sub_ps(_mm512_setzero_ps(), x[DNNB__AT_ZERO]);
    DNNB__UNROLL
    for (int i = 0; i < DNNB__PAIRS; i++) {
        dnnb__pair at = dnnb__pair_get(i);
        __m512 scale = dnnb__pair_scale(at, window);
        __m512 sum = _mm512_mul_ps(scale, _mm512_add_ps(x[2 * i], x[2 * i + 1]));
        __m512 difference = _mm512_mul_ps(scale, _mm512_sub_ps(x[2 * i], x[2 * i + 1]));
        if (window == 3)
            dnnb__pair_add(out, at.p, difference, sum, window);
        else
            dnnb__pair_add(out, at.p, sum, difference, window);
    }
}

#endif

#endif
