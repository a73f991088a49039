/* Base64, as data URIs and content security policies have it. */
#ifndef DNNB_CORE_BASE64_H
#define DNNB_CORE_BASE64_H

#include "core/mem.h"

enum { DNNB__SHA256_BASE64 = 45 /* digits of a SHA-256 and a NUL */ };

/** Append bytes in base64, padded. */
void dnnb__base64_append(dnnb__buf *out, const void *bytes, size_t n);
/** SHA-256 of bytes in base64. */
void dnnb__base64_sha256(char out[DNNB__SHA256_BASE64], const void *bytes, size_t n);

#endif
