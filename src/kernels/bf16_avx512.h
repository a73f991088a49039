/*
 * Vectors of 16 numbers that memory holds in float32 or in bfloat16, with AVX-512. AVX512_BF16 is
 * not asked for: widening is a shift, and rounding takes a handful of instructions.
 */
#ifndef DNNB_KERNELS_BF16_AVX512_H
#define DNNB_KERNELS_BF16_AVX512_H

#include "kernels/target.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define DNNB__FLOATS __attribute__((always_inline, unused)) DNNB__AVX512 static inline

/* `is_bf16` is a constant wherever these are used.
 * @param at A number of elements.
 * @param mask Elements that are not in it are zero, and not read. */
DNNB__FLOATS __m512 dnnb__floats_load(const void *from, int64_t at, __mmask16 mask,
                                      const bool is_bf16) {
    if (!is_bf16) return _mm512_maskz_loadu_ps(mask, (const float *)from + at);
    __m256i halves = _mm256_maskz_loadu_epi16(mask, (const uint16_t *)from + at);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/* As dnnb__bf16_round(). */
DNNB__FLOATS __m256i dnnb__floats_round(__m512 values) {
    __m512i bits = _mm512_castps_si512(values), upper = _mm512_srli_epi32(bits, 16);
    __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __m512i rounded = _mm512_srli_epi32(up, 16);
    __m512i quiet = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
    __mmask16 is_nan = _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(rounded, is_nan, quiet));
}

DNNB__FLOATS void dnnb__floats_store(void *to, int64_t at, __m512 values, const bool is_bf16) {
    if (is_bf16)
        _mm256_storeu_si256((__m256i *)((uint16_t *)to + at), dnnb__floats_round(values));
    else
        _mm512_storeu_ps((float *)to + at, values);
}

#endif

#endif
