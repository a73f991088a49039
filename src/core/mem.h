/*
 * Memory: the only place that calls the C library's allocator.
 *
 * Counts are multiplied with a check for overflow, blocks are aligned to 64 bytes, and a hook can
 * make the n-th allocation fail. The number of allocations is counted, so that a test can state
 * that a training step makes none.
 */
#ifndef DNNB_CORE_MEM_H
#define DNNB_CORE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/** `n` elements of `size` bytes, zero-filled, 64-byte aligned. NULL when out of memory, with the
 *  message set; n * size == 0 gives a block of its own. */
void *dnnb__calloc(size_t n, size_t size);
/** The same, not filled. */
void *dnnb__alloc(size_t n, size_t size);
/** The same, in huge pages where it is large and the system has them to give: for what is filled at
 *  once and read again and again. What is gone through once or twice is sooner at hand in ordinary
 *  pages: the huge ones of a virtual machine often come from memory that its host took back. */
void *dnnb__alloc_large(size_t n, size_t size);
/** The same, zero-filled. */
void *dnnb__calloc_large(size_t n, size_t size);
/** Grow or shrink a block from dnnb__alloc or dnnb__calloc; the old block stays when it fails. */
void *dnnb__realloc(void *block, size_t n, size_t size);
void dnnb__free(void *block);

/** Give pages back that lie in the block entirely: those of a mapped file are read again when they
 *  are used again, those of memory are zero then. */
void dnnb__mem_release_pages(const void *data, size_t n_bytes);

/** A copy of a string, or of its first n bytes; NULL when out of memory. */
char *dnnb__strdup(const char *text);
char *dnnb__strndup(const char *text, size_t n);

/** The status to return after a NULL from the functions above. */
DNNB_MUST_CHECK dnnb_status dnnb__fail_memory(void);

/** Make the n-th allocation from now fail, in any thread; 0 turns the hook off. */
void dnnb__mem_fail_at(uint64_t n);
/** Allocations made since the program began. */
uint64_t dnnb__mem_get_count(void);

/** a * b or a + b; false on overflow. */
static inline int dnnb__mul_size(size_t a, size_t b, size_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}
static inline int dnnb__add_size(size_t a, size_t b, size_t *out) {
    return !__builtin_add_overflow(a, b, out);
}

/**
 * A growing block of bytes with a cap from birth. Text in it is kept ended by NUL.
 * After a failed append the buffer remembers it: check once at the end with dnnb__buf_get_status.
 */
typedef struct dnnb__buf {
    char *data; /* never NULL after a successful append */
    size_t n_bytes;
    size_t capacity_bytes;
    size_t cap_bytes;
    dnnb_status status;
} dnnb__buf;

void dnnb__buf_init(dnnb__buf *buf, size_t cap_bytes);
void dnnb__buf_destroy(dnnb__buf *buf);
void dnnb__buf_append(dnnb__buf *buf, const void *bytes, size_t n);
void dnnb__buf_printf(dnnb__buf *buf, const char *format, ...) DNNB_PRINTF(2, 3);
DNNB_MUST_CHECK dnnb_status dnnb__buf_get_status(const dnnb__buf *buf);

#endif
