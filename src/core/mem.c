/*
 * Allocation with checks, a failure hook and a growing buffer.
 *
 * Method: each block has a 64-byte header in front of it that holds its size, so that a block can
 * be grown with its alignment kept.
 */
#include "core/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dnnbrain/stimulus.h"

enum { ALIGNMENT = 64, HUGE_PAGE_BYTES = 1 << 21 };

static atomic_uint_fast64_t allocation_count;
static atomic_uint_fast64_t fail_at; /* count at which to fail; 0 is never */

void dnnb__mem_fail_at(uint64_t n) {
    atomic_store(&fail_at, n ? atomic_load(&allocation_count) + n : 0);
}

uint64_t dnnb__mem_get_count(void) {
    return atomic_load(&allocation_count);
}

dnnb_status dnnb__fail_memory(void) {
    return DNNB_ERR_MEMORY; /* the allocation that failed has set the message */
}

void *dnnb__alloc(size_t n, size_t size) {
    uint64_t count = atomic_fetch_add(&allocation_count, 1) + 1;
    size_t bytes, total;
    int ok = dnnb__mul_size(n, size, &bytes) && dnnb__add_size(bytes, (size_t)ALIGNMENT, &total) &&
             total <= PTRDIFF_MAX; /* no object of C is larger */
    /* Not aligned_alloc: it wants whole multiples, and a sanitizer would not see a read past a
     * block's end. */
    void *memory = NULL;
    if (ok && count != atomic_load(&fail_at) && posix_memalign(&memory, ALIGNMENT, total) != 0)
        memory = NULL;
    char *base = memory;
    if (!base) {
        char message[80];
        (void)snprintf(message, sizeof message, "out of memory: asked for %zu x %zu bytes", n,
                       size);
        dnnb__set_error(message);
        return NULL;
    }
    memcpy(base, &bytes, sizeof bytes);
    return base + ALIGNMENT;
}

/* Advice about the pages of `page` bytes that lie in the block; all is well without it too. */
static void advise(const void *data, size_t n_bytes, uintptr_t page, int advice) {
    uintptr_t first = ((uintptr_t)data + page - 1) & -page;
    uintptr_t end = ((uintptr_t)data + n_bytes) & -page;
    if (first < end) (void)madvise((void *)first, end - first, advice);
}

void *dnnb__alloc_large(size_t n, size_t size) {
    void *block = dnnb__alloc(n, size);
    if (block) advise(block, n * size, HUGE_PAGE_BYTES, MADV_HUGEPAGE);
    return block;
}

void *dnnb__calloc_large(size_t n, size_t size) {
    void *block = dnnb__alloc_large(n, size);
    if (block) memset(block, 0, n * size);
    return block;
}

void dnnb__mem_release_pages(const void *data, size_t n_bytes) {
    advise(data, n_bytes, (uintptr_t)sysconf(_SC_PAGESIZE), MADV_DONTNEED);
}

void *dnnb__calloc(size_t n, size_t size) {
    void *block = dnnb__alloc(n, size);
    if (block) memset(block, 0, n * size);
    return block;
}

void *dnnb__realloc(void *block, size_t n, size_t size) {
    void *grown = dnnb__alloc(n, size);
    if (grown && block) {
        size_t old;
        memcpy(&old, (char *)block - ALIGNMENT, sizeof old);
        memcpy(grown, block, old < n * size ? old : n * size);
        dnnb__free(block);
    }
    return grown;
}

void dnnb__free(void *block) {
    if (block) free((char *)block - ALIGNMENT);
}

void dnnb_free(void *array) {
    dnnb__free(array);
}

char *dnnb__strndup(const char *text, size_t n) {
    char *copy = dnnb__alloc(n + 1, 1);
    if (copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

char *dnnb__strdup(const char *text) {
    return dnnb__strndup(text, strlen(text));
}

void dnnb__buf_init(dnnb__buf *buf, size_t cap_bytes) {
    *buf = (dnnb__buf){.cap_bytes = cap_bytes, .status = DNNB_OK};
}

void dnnb__buf_destroy(dnnb__buf *buf) {
    dnnb__free(buf->data);
    buf->data = NULL;
    buf->n_bytes = buf->capacity_bytes = 0;
}

/* Make room for n more bytes and a NUL. */
static int buf_reserve(dnnb__buf *buf, size_t n) {
    if (buf->status != DNNB_OK) return 0;
    size_t need;
    if (!dnnb__add_size(buf->n_bytes, n, &need) || need > buf->cap_bytes) {
        buf->status =
            dnnb__fail(DNNB_ERR_LIMIT, "a text grew above its limit of %zu bytes", buf->cap_bytes);
        return 0;
    }
    if (need + 1 <= buf->capacity_bytes) return 1;
    size_t capacity = buf->capacity_bytes ? buf->capacity_bytes : 256;
    while (capacity < need + 1) capacity *= 2;
    char *data = dnnb__realloc(buf->data, capacity, 1);
    if (!data) {
        buf->status = DNNB_ERR_MEMORY;
        return 0;
    }
    buf->data = data;
    buf->capacity_bytes = capacity;
    return 1;
}

void dnnb__buf_append(dnnb__buf *buf, const void *bytes, size_t n) {
    if (!buf_reserve(buf, n)) return;
    if (n) memcpy(buf->data + buf->n_bytes, bytes, n);
    buf->n_bytes += n;
    buf->data[buf->n_bytes] = '\0';
}

void dnnb__buf_printf(dnnb__buf *buf, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !buf_reserve(buf, (size_t)n)) return;
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->n_bytes, (size_t)n + 1, format, args);
    va_end(args);
    buf->n_bytes += (size_t)n;
}

dnnb_status dnnb__buf_get_status(const dnnb__buf *buf) {
    if (buf->status == DNNB_ERR_MEMORY) return dnnb__fail_memory();
    if (buf->status == DNNB_ERR_LIMIT)
        return dnnb__fail(DNNB_ERR_LIMIT, "a text grew above its limit of %zu bytes",
                          buf->cap_bytes);
    return buf->status;
}
