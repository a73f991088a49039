/* Rounding of arrays to bfloat16. */
#include "core/bf16.h"

#include "core/kernel.h"

/* Elements of an inner loop that becomes vectors as a whole. */
enum { LANES = 16 };

DNNB__KERNEL static void round_all(const float *restrict in, size_t n, uint16_t *restrict out) {
    for (size_t i = 0; i < n; i++) out[i] = dnnb__bf16_round(in[i]);
}

/* A pair of bfloat16 as the 32 bits that it is in memory. */
static inline void round_pair(const float *restrict in, size_t row, uint16_t *restrict out) {
    uint32_t first = dnnb__bf16_round(in[0]), second = dnnb__bf16_round(in[row]);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t pair = first | second << 16;
#else
    uint32_t pair = first << 16 | second;
#endif
    memcpy(out, &pair, sizeof pair);
}

DNNB__KERNEL static void round_pairs(const float *restrict in, size_t n, size_t row,
                                     uint16_t *restrict out) {
    for (size_t i = 0; i < n; i += 2 * row) {
        size_t k = 0;
        for (; k + LANES <= row; k += LANES)
            for (size_t j = 0; j < LANES; j++)
                round_pair(in + i + k + j, row, out + i + 2 * (k + j));
        for (; k < row; k++) round_pair(in + i + k, row, out + i + 2 * k);
    }
}

void dnnb__bf16_round_pairs(const float *in, size_t n, size_t row, uint16_t *out) {
    if (row == 0)
        round_all(in, n, out);
    else
        round_pairs(in, n, row, out);
}
