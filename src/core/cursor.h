/* A byte cursor: little-endian reads that never leave the block. */
#ifndef DNNB_CORE_CURSOR_H
#define DNNB_CORE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct dnnb__cursor {
    const uint8_t *data;
    size_t n_bytes;
    size_t at;   /* at <= n_bytes always */
    bool failed; /* a read went past the end; it and all later reads gave zero */
} dnnb__cursor;

static inline dnnb__cursor dnnb__cursor_create(const void *data, size_t n_bytes) {
    return (dnnb__cursor){.data = (const uint8_t *)data, .n_bytes = n_bytes};
}

static inline size_t dnnb__cursor_get_left(const dnnb__cursor *c) {
    return c->n_bytes - c->at;
}

/** The next n bytes in place, and steps over them; NULL when fewer are left. */
static inline const uint8_t *dnnb__cursor_take(dnnb__cursor *c, size_t n) {
    if (c->failed || n > c->n_bytes - c->at) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *p = c->data + c->at;
    c->at += n;
    return p;
}

static inline uint64_t dnnb__cursor_uint(dnnb__cursor *c, size_t n_bytes) {
    const uint8_t *p = dnnb__cursor_take(c, n_bytes);
    uint64_t value = 0;
    for (size_t i = 0; p && i < n_bytes; i++) value |= (uint64_t)p[i] << (8 * i);
    return value;
}

static inline uint8_t dnnb__cursor_u8(dnnb__cursor *c) {
    return (uint8_t)dnnb__cursor_uint(c, 1);
}
static inline uint16_t dnnb__cursor_u16(dnnb__cursor *c) {
    return (uint16_t)dnnb__cursor_uint(c, 2);
}
static inline uint32_t dnnb__cursor_u32(dnnb__cursor *c) {
    return (uint32_t)dnnb__cursor_uint(c, 4);
}
static inline uint64_t dnnb__cursor_u64(dnnb__cursor *c) {
    return dnnb__cursor_uint(c, 8);
}

#endif
