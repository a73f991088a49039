/* Max pooling with AVX-512 (see maxpool_loops.h). */
#include "kernels/maxpool.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>
#include <math.h>

#include "kernels/bf16_avx512.h"

#define TARGET DNNB__AVX512
#define VECTOR __attribute__((always_inline)) DNNB__AVX512 static inline

enum { LANES = 16 };
typedef __m512 floats;
typedef __m512i ints;
typedef __mmask16 mask;

VECTOR floats load_f32(const float *from) {
    return _mm512_loadu_ps(from);
}

VECTOR void store_f32(float *to, floats v) {
    _mm512_storeu_ps(to, v);
}

VECTOR floats load_bf16(const uint16_t *from) {
    return dnnb__floats_load(from, 0, 0xffff, true);
}

/* Not by the processor's own conversion: it makes zeros of the smallest numbers. */
VECTOR void store_bf16(uint16_t *to, floats v) {
    dnnb__floats_store(to, 0, v, true);
}

VECTOR floats set(float value) {
    return _mm512_set1_ps(value);
}

VECTOR ints set_ints(int value) {
    return _mm512_set1_epi32(value);
}

VECTOR ints load_places(const uint8_t *from) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)from));
}

VECTOR void store_places(uint8_t *to, ints v) {
    _mm_storeu_si128((__m128i *)(void *)to, _mm512_cvtepi32_epi8(v));
}

VECTOR mask wins(floats value, floats best) {
    return _mm512_cmp_ps_mask(value, best, _CMP_GT_OQ) |
           _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
}

VECTOR mask not_positive(floats v) {
    return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LE_OQ);
}

VECTOR mask equal(ints a, ints b) {
    return _mm512_cmpeq_epi32_mask(a, b);
}

VECTOR floats pick(mask m, floats a, floats b) {
    return _mm512_mask_blend_ps(m, b, a);
}

VECTOR ints pick_ints(mask m, ints a, ints b) {
    return _mm512_mask_blend_epi32(m, b, a);
}

VECTOR floats add(floats a, floats b) {
    return _mm512_add_ps(a, b);
}

/* --- bfloat16, 32 channels at a time --- */

#define GATHER_BF16      gather_bf16
#define FIND_MAXIMA_BF16 find_maxima_bf16

enum { WORDS = 2 * LANES };
typedef struct holders holders;
VECTOR void gather_bf16(const dnnb__maxpool *p, const holders *h, const void *out_gradient,
                        const uint8_t *where, void *in_gradient);
VECTOR void find_maxima_bf16(const dnnb__maxpool *p, const void *in, int64_t oy, void *out,
                             uint8_t *where);

#include "kernels/maxpool_loops.h"

VECTOR __m512i load_words(const void *from, int64_t at) {
    return _mm512_loadu_si512((const uint16_t *)from + at);
}

VECTOR __mmask32 is_at(const uint8_t *where, int64_t place) {
    __m256i places = _mm256_loadu_si256((const __m256i *)(const void *)where);
    return _mm256_cmpeq_epi8_mask(places, _mm256_set1_epi8((char)place));
}

/* The maxima of one window after ReLU. What counts then is above zero, and is in the order of its
 * bits. false: there is a NaN. */
VECTOR bool find_positive(const dnnb__maxpool *p, const window *w, const void *in, int64_t lane,
                          uint16_t *out, uint8_t *where) {
    __m512i best = _mm512_setzero_si512(), any = best;
    __m256i best_at = _mm256_set1_epi8((char)DNNB__MAXPOOL_NOWHERE);
    for (int64_t y = w->y0; y < w->y1; y++) {
        int place = (int)(w->place + (y - w->y0) * p->kernel[1]);
        int64_t at = (y * p->in[1] + w->x0) * p->block + lane;
        for (int64_t x = w->x0; x < w->x1; x++, place++, at += p->block) {
            __m512i value = load_words(in, at);
            __mmask32 m = _mm512_cmpgt_epi16_mask(value, best);
            best = _mm512_max_epi16(best, value);
            any = _mm512_max_epu16(any, value);
            best_at = _mm256_mask_blend_epi8(m, best_at, _mm256_set1_epi8((char)place));
        }
    }
    /* Above infinity: NaN without a sign among the maxima, with one among what is not positive. */
    __mmask32 is_nan = _mm512_cmpgt_epi16_mask(best, _mm512_set1_epi16(0x7f80)) |
                       _mm512_cmpgt_epu16_mask(any, _mm512_set1_epi16((short)0xff80));
    if (is_nan) return false;
    _mm512_storeu_si512(out + lane, best);
    if (where) _mm256_storeu_si256((__m256i *)(void *)(where + lane), best_at);
    return true;
}

VECTOR void find_maxima_bf16(const dnnb__maxpool *p, const void *in, int64_t oy, void *out,
                             uint8_t *where) {
    for (int64_t ox = 0; ox < p->out[1]; ox++) {
        window w = get_window(p, oy, ox);
        uint16_t *to = (uint16_t *)out + ox * p->block;
        uint8_t *to_where = where ? where + ox * p->block : NULL;
        int64_t lane = 0;
        for (; p->relu && lane + WORDS <= p->block; lane += WORDS)
            if (!find_positive(p, &w, in, lane, to, to_where))
                for (int64_t i = lane; i < lane + WORDS; i += LANES)
                    find_maximum(p, &w, in, i, to, to_where, true);
        for (; lane < p->block; lane += LANES) find_maximum(p, &w, in, lane, to, to_where, true);
    }
}

/* As dnnb__bf16_round(), of float32 whose NaN have nothing in the bits that are lost; these are
 * left as they come. */
VECTOR __m512i round_bits(floats v) {
    __m512i bits = _mm512_castps_si512(v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    return _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
}

/* The sum of gradients from several windows, even and odd channels by themselves. */
VECTOR __m512i add_words(const dnnb__maxpool *p, const holders *h, const void *out_gradient,
                         const uint8_t *where, int64_t lane) {
    floats even = set(0.0f), odd = even;
    for (int64_t i = 0; i < h->rows; i++) {
        int64_t at = h->at + i * p->out[1] * p->block + lane;
        int64_t place = h->place - i * p->stride[0] * p->kernel[1];
        for (int64_t j = 0; j < h->columns; j++, at += p->block, place -= p->stride[1]) {
            __m512i g =
                _mm512_maskz_mov_epi16(is_at(where + at, place), load_words(out_gradient, at));
            even = add(even, _mm512_castsi512_ps(_mm512_slli_epi32(g, 16)));
            odd = add(odd, _mm512_castsi512_ps(_mm512_and_si512(g, set_ints(-0x10000))));
        }
    }
    __m512i low = _mm512_srli_epi32(round_bits(even), 16);
    return _mm512_mask_blend_epi16(0xaaaaaaaa, low, round_bits(odd));
}

VECTOR void gather_bf16(const dnnb__maxpool *p, const holders *h, const void *out_gradient,
                        const uint8_t *where, void *in_gradient) {
    if (p->block % WORDS) {
        gather(p, h, out_gradient, where, in_gradient, true);
        return;
    }
    for (int64_t lane = 0; lane < p->block; lane += WORDS) {
        __m512i sum;
        /* No sum, but no zero with a sign either; NaN are quiet already, as rounding makes them. */
        if (h->rows == 1 && h->columns == 1) {
            __m512i g = load_words(out_gradient, h->at + lane);
            __mmask32 is_here = is_at(where + h->at + lane, h->place);
            __m512i magnitude = _mm512_set1_epi16(0x7fff);
            sum = _mm512_maskz_mov_epi16(_mm512_mask_test_epi16_mask(is_here, g, magnitude), g);
        } else {
            sum = add_words(p, h, out_gradient, where, lane);
        }
        _mm512_storeu_si512((uint16_t *)in_gradient + lane, sum);
    }
}

const dnnb__maxpool_kernel dnnb__maxpool_avx512 = {.name = "own:avx512",
                                                   .lanes = LANES,
                                                   .row_forward = row_forward,
                                                   .plane_backward = plane_backward,
                                                   .row_forward_bf16 = row_forward_bf16,
                                                   .plane_backward_bf16 = plane_backward_bf16};

#endif
