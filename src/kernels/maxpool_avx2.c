/* Max pooling with AVX2 (see maxpool_loops.h). */
#include "kernels/maxpool.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>
#include <math.h>

#define TARGET DNNB__AVX2
#define VECTOR __attribute__((always_inline)) DNNB__AVX2 static inline

enum { LANES = 8 };
typedef __m256 floats;
typedef __m256i ints;
typedef __m256 mask;

VECTOR floats load_f32(const float *from) {
    return _mm256_loadu_ps(from);
}

VECTOR void store_f32(float *to, floats v) {
    _mm256_storeu_ps(to, v);
}

VECTOR floats load_bf16(const uint16_t *from) {
    __m128i words = _mm_loadu_si128((const __m128i *)(const void *)from);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(words), 16));
}

/* As dnnb__bf16_round(). */
VECTOR void store_bf16(uint16_t *to, floats v) {
    __m256i bits = _mm256_castps_si256(v), upper = _mm256_srli_epi32(bits, 16);
    __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
    __m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, half), 16);
    __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
    __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    __m256i words = _mm256_blendv_epi8(rounded, quiet, is_nan);
    _mm_storeu_si128((__m128i *)(void *)to, _mm_packus_epi32(_mm256_castsi256_si128(words),
                                                             _mm256_extracti128_si256(words, 1)));
}

VECTOR floats set(float value) {
    return _mm256_set1_ps(value);
}

VECTOR ints set_ints(int value) {
    return _mm256_set1_epi32(value);
}

VECTOR ints load_places(const uint8_t *from) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)from));
}

/* Numbers up to 255, so that the packing instructions saturate nothing. */
VECTOR void store_places(uint8_t *to, ints v) {
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storel_epi64((__m128i *)(void *)to, _mm_packus_epi16(words, words));
}

VECTOR mask wins(floats value, floats best) {
    return _mm256_or_ps(_mm256_cmp_ps(value, best, _CMP_GT_OQ),
                        _mm256_cmp_ps(value, value, _CMP_UNORD_Q));
}

VECTOR mask not_positive(floats v) {
    return _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_LE_OQ);
}

VECTOR mask equal(ints a, ints b) {
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b));
}

VECTOR floats pick(mask m, floats a, floats b) {
    return _mm256_blendv_ps(b, a, m);
}

VECTOR ints pick_ints(mask m, ints a, ints b) {
    return _mm256_blendv_epi8(b, a, _mm256_castps_si256(m));
}

VECTOR floats add(floats a, floats b) {
    return _mm256_add_ps(a, b);
}

#include "kernels/maxpool_loops.h"

const dnnb__maxpool_kernel dnnb__maxpool_avx2 = {.name = "own:avx2",
                                                 .lanes = LANES,
                                                 .row_forward = row_forward,
                                                 .plane_backward = plane_backward,
                                                 .row_forward_bf16 = row_forward_bf16,
                                                 .plane_backward_bf16 = plane_backward_bf16};

#endif
