/* SHA-256 in pieces, over nettle. Nothing here allocates, so that a forked child may use it. */
#ifndef DNNB_CORE_SHA256_H
#define DNNB_CORE_SHA256_H

#include <nettle/sha2.h>
#include <stddef.h>

enum { DNNB__SHA256_TEXT = 2 * SHA256_DIGEST_SIZE + 1 };

typedef struct sha256_ctx dnnb__sha256;

void dnnb__sha256_init(dnnb__sha256 *sum);
void dnnb__sha256_update(dnnb__sha256 *sum, const void *bytes, size_t n);
/** The sum as lower-case hex digits and a NUL. */
void dnnb__sha256_finish(dnnb__sha256 *sum, char out[DNNB__SHA256_TEXT]);

#endif
