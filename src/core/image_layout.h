/*
 * Where the values of an image lie in memory, for whoever writes images that an engine reads.
 *
 * With stride s every s x s square of pixels is one place of `height` x `width` places, and has
 * s * s * channels values: channel (dy * s + dx) * channels + c of place (y, x) is colour c of
 * pixel (s y + dy - padding, s x + dx - padding). Channels lie in blocks: [n_blocks, height, width,
 * block]. Stride, block 1 and padding 0 are row-major, [channels, height, width].
 *
 * Values that stand for no pixel are zero, and pixels that have no place are left out.
 */
#ifndef DNNB_CORE_IMAGE_LAYOUT_H
#define DNNB_CORE_IMAGE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct dnnb__image_layout {
    int64_t channels;
    int64_t stride, padding[2];
    int64_t height, width;
    int64_t block, n_blocks;
    bool is_bf16; /* bfloat16 in place of float32 */
} dnnb__image_layout;

static inline dnnb__image_layout dnnb__image_layout_plain(int64_t channels, int64_t height_px,
                                                          int64_t width_px) {
    return (dnnb__image_layout){.channels = channels,
                                .stride = 1,
                                .height = height_px,
                                .width = width_px,
                                .block = 1,
                                .n_blocks = channels};
}

/** Row-major: a square of one pixel is no square. */
static inline bool dnnb__image_layout_is_plain(const dnnb__image_layout *l) {
    return l->stride == 1;
}

/** Elements of one image. */
static inline size_t dnnb__image_layout_count(const dnnb__image_layout *l) {
    return (size_t)l->n_blocks * (size_t)l->block * (size_t)l->height * (size_t)l->width;
}

static inline size_t dnnb__image_layout_get_bytes(const dnnb__image_layout *l) {
    return dnnb__image_layout_count(l) * (l->is_bf16 ? sizeof(uint16_t) : sizeof(float));
}

/** The element of a channel at place (y, 0); the next place is `block` elements on. */
static inline int64_t dnnb__image_layout_find_row(const dnnb__image_layout *l, int64_t channel,
                                                  int64_t y) {
    return (channel / l->block * l->height + y) * l->width * l->block + channel % l->block;
}

/** Places first .. end - 1 of a row whose column dx of the square is a pixel of a row of
 *  `width_px`. */
static inline void dnnb__image_layout_find_places(const dnnb__image_layout *l, int64_t dx,
                                                  int64_t width_px, int64_t *first, int64_t *end) {
    int64_t shift = l->padding[1] - dx;
    *first = shift > 0 ? (shift + l->stride - 1) / l->stride : 0;
    *end = (width_px + shift + l->stride - 1) / l->stride;
    if (*end > l->width) *end = l->width;
    if (*first > *end) *first = *end;
}

#endif
