/*
 * Rows with AVX2.
 *
 * Method: four neighbouring pixels are 12 bytes. One load puts them in both halves of a register;
 * a byte shuffle lays pixels 0 and 1 side by side in the lower half and 2 and 3 in the upper half,
 * channel by channel, as 16-bit pairs; a multiply-add with the weights' low 15 bits and another
 * with their high bits give exact 32-bit sums. The pixels are those of the plain kernel.
 */
#include "kernels/resample.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>
#include <string.h>

enum { CHANNELS = 3, OUT = -128 /* a shuffle index that gives zero */ };

DNNB__AVX2 static void row_avx2(const dnnb__resample_axis *x, const uint8_t *in, uint8_t *out) {
    const __m256i pairs =
        _mm256_setr_epi8(0, OUT, 3, OUT, 1, OUT, 4, OUT, 2, OUT, 5, OUT, OUT, OUT, OUT, OUT, 6, OUT,
                         9, OUT, 7, OUT, 10, OUT, 8, OUT, 11, OUT, OUT, OUT, OUT, OUT);
    const __m256i spread = _mm256_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6,
                                            7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
    const int half_bits = 1 << (DNNB__RESAMPLE_BITS - 1);
    const __m256i half = _mm256_setr_epi32(half_bits, half_bits, half_bits, 0, 0, 0, 0, 0);
    const __m128i bytes =
        _mm_setr_epi8(0, 4, 8, OUT, OUT, OUT, OUT, OUT, OUT, OUT, OUT, OUT, OUT, OUT, OUT, OUT);
    /* As many groups for each output, so that the processor foresees the loop's end. */
    size_t n_padded = x->n_padded, n_used = x->n_used;
    for (size_t i = 0; i < x->n_out; i++) {
        const uint8_t *pixel = in + (size_t)x->first[i] * CHANNELS;
        const int16_t *low = x->low + i * n_padded, *high = x->high + i * n_padded;
        __m256i sum_low = half, sum_high = _mm256_setzero_si256();
        for (size_t j = 0; j < n_used; j += DNNB__RESAMPLE_GROUP) {
            __m128i four = _mm_loadu_si128((const __m128i *)(const void *)(pixel + j * CHANNELS));
            __m256i v = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(four), pairs);
            long long low4, high4;
            memcpy(&low4, low + j, sizeof low4);
            memcpy(&high4, high + j, sizeof high4);
            __m256i k_low = _mm256_shuffle_epi8(_mm256_set1_epi64x(low4), spread);
            __m256i k_high = _mm256_shuffle_epi8(_mm256_set1_epi64x(high4), spread);
            sum_low = _mm256_add_epi32(sum_low, _mm256_madd_epi16(v, k_low));
            sum_high = _mm256_add_epi32(sum_high, _mm256_madd_epi16(v, k_high));
        }
        __m256i sum =
            _mm256_add_epi32(sum_low, _mm256_slli_epi32(sum_high, DNNB__RESAMPLE_LOW_BITS));
        __m128i rgb = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
        rgb = _mm_srli_epi32(rgb, DNNB__RESAMPLE_BITS);
        rgb = _mm_min_epi32(rgb, _mm_set1_epi32(255));
        int32_t packed = _mm_cvtsi128_si32(_mm_shuffle_epi8(rgb, bytes));
        memcpy(out + i * CHANNELS, &packed,
               sizeof packed); /* the fourth byte is overwritten next */
    }
}

const dnnb__resample_kernel dnnb__resample_avx2 = {.name = "avx2", .row = row_avx2};

#endif
