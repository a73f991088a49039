/*
 * A sum of 128 bits that tells damage, over XXH3: ten times as fast as SHA-256, and no proof
 * against somebody who wants two inputs to have the same.
 */
#ifndef DNNB_CORE_CHECKSUM_H
#define DNNB_CORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

enum { DNNB__CHECKSUM_TEXT = 33 /* hex digits and a NUL */ };

typedef struct XXH3_state_s dnnb__checksum;

/** A sum of nothing so far. */
DNNB_MUST_CHECK dnnb_status dnnb__checksum_create(dnnb__checksum **out);
void dnnb__checksum_destroy(dnnb__checksum *sum);
/** These allocate nothing: a forked child may use them. */
void dnnb__checksum_update(dnnb__checksum *sum, const void *bytes, size_t n);
/** The sum as lower-case hex digits; it begins anew. */
void dnnb__checksum_finish(dnnb__checksum *sum, char out[DNNB__CHECKSUM_TEXT]);

/** Of n bytes at once. */
void dnnb__checksum_bytes(char out[DNNB__CHECKSUM_TEXT], const void *bytes, size_t n);
/** A sum of 64 bits, of n bytes. */
uint64_t dnnb__checksum_short(const void *bytes, size_t n);

#endif
