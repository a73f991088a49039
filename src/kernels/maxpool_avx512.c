/* Max pooling with AVX-512 (see maxpool_loops.h). */
#include "kernels/maxpool.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>
#include <math.h>

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
    __m256i words = _mm256_loadu_si256((const __m256i *)(const void *)from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16));
}

/* As dnnb__bf16_round(): the processor's own conversion makes zeros of the smallest numbers. */
VECTOR void store_bf16(uint16_t *to, floats v) {
    __m512i bits = _mm512_castps_si512(v), upper = _mm512_srli_epi32(bits, 16);
    __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, half), 16);
    __m512i quiet = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
    __m512i words = _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), rounded, quiet);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_cvtepi32_epi16(words));
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

#include "kernels/maxpool_loops.h"

const dnnb__maxpool_kernel dnnb__maxpool_avx512 = {.name = "own:avx512",
                                                   .lanes = LANES,
                                                   .row_forward = row_forward,
                                                   .plane_backward = plane_backward,
                                                   .row_forward_bf16 = row_forward_bf16,
                                                   .plane_backward_bf16 = plane_backward_bf16};

#endif
