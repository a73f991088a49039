/* Resampling in plain C: rows for any processor, and columns for all of them. */
#include "core/kernel.h"
#include "kernels/resample.h"

enum { CHANNELS = 3 };

static const int32_t half = 1 << (DNNB__RESAMPLE_BITS - 1);

static uint8_t to_u8(int32_t sum) {
    int32_t value = sum >> DNNB__RESAMPLE_BITS;
    return (uint8_t)(value > 255 ? 255 : value);
}

static void row_plain(const dnnb__resample_axis *x, const uint8_t *in, uint8_t *out) {
    for (size_t i = 0; i < x->n_out; i++) {
        const int32_t *weight = x->weight + i * x->n_padded;
        const uint8_t *pixel = in + (size_t)x->first[i] * CHANNELS;
        size_t count = (size_t)x->count[i];
        int32_t r = half, g = half, b = half;
        for (size_t j = 0; j < count; j++, pixel += CHANNELS) {
            r += pixel[0] * weight[j];
            g += pixel[1] * weight[j];
            b += pixel[2] * weight[j];
        }
        out[i * CHANNELS] = to_u8(r);
        out[i * CHANNELS + 1] = to_u8(g);
        out[i * CHANNELS + 2] = to_u8(b);
    }
}

enum { BLOCK = 64 }; /* columns whose sums are kept in registers */

DNNB__KERNEL static void add_rows(const int32_t *weight, size_t count, const uint8_t *rows,
                                  size_t stride_bytes, size_t n_bytes, uint8_t *out) {
    size_t at = 0;
    for (; at + BLOCK <= n_bytes; at += BLOCK) {
        int32_t sum[BLOCK];
        for (size_t i = 0; i < BLOCK; i++) sum[i] = half;
        for (size_t j = 0; j < count; j++) {
            const uint8_t *row = rows + j * stride_bytes + at;
            int32_t w = weight[j];
            for (size_t i = 0; i < BLOCK; i++) sum[i] += row[i] * w;
        }
        for (size_t i = 0; i < BLOCK; i++) out[at + i] = to_u8(sum[i]);
    }
    for (; at < n_bytes; at++) {
        int32_t sum = half;
        for (size_t j = 0; j < count; j++) sum += rows[j * stride_bytes + at] * weight[j];
        out[at] = to_u8(sum);
    }
}

void dnnb__resample_column(const int32_t *weight, size_t count, const uint8_t *rows,
                           size_t stride_bytes, size_t n_bytes, uint8_t *out) {
    add_rows(weight, count, rows, stride_bytes, n_bytes, out);
}

const dnnb__resample_kernel dnnb__resample_plain = {.name = "plain", .row = row_plain};
