/* Rounding of arrays to bfloat16. */
#include "core/bf16.h"

#include "core/kernel.h"

DNNB__KERNEL static void round_all(const float *restrict in, size_t n, uint16_t *restrict out) {
    for (size_t i = 0; i < n; i++) out[i] = dnnb__bf16_round(in[i]);
}

/* A pair of bfloat16 as the 32 bits that it is in memory: the stores are then vectors. */
DNNB__KERNEL static void round_pair(const float *restrict in, size_t row, uint16_t *restrict out) {
    for (size_t k = 0; k < row; k++) {
        uint16_t pair[2] = {dnnb__bf16_round(in[k]), dnnb__bf16_round(in[row + k])};
        memcpy(out + 2 * k, pair, sizeof pair);
    }
}

void dnnb__bf16_round_pairs(const float *in, size_t n, size_t row, uint16_t *out) {
    if (row == 0) {
        round_all(in, n, out);
        return;
    }
    for (size_t i = 0; i < n; i += 2 * row) round_pair(in + i, row, out + i);
}
