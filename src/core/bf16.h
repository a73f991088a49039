/*
 * bfloat16: the upper half of a float32, 8 bits of precision and the same range.
 *
 * Rounding is to the nearest, ties to even; a NaN stays one. Pairs: processors multiply bfloat16 in
 * pairs of rows, so weights that are read are kept with each two rows interleaved:
 * [rows / 2][row][2] in the place of [rows][row].
 */
#ifndef DNNB_CORE_BF16_H
#define DNNB_CORE_BF16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline float dnnb__bf16_widen(uint16_t value) {
    uint32_t bits = (uint32_t)value << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

/* Written without a branch, so that loops of it become vectors. */
static inline uint16_t dnnb__bf16_round(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    uint32_t quiet = bits >> 16 | 0x40u; /* of a NaN: rounding could make an infinity of it */
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

/** Round n elements, whole pairs of rows of `row` elements, and interleave each pair; 0: none are
 *  interleaved. */
void dnnb__bf16_round_pairs(const float *in, size_t n, size_t row, uint16_t *out);

#endif
