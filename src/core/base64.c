/* Base64 over nettle. */
#include "core/base64.h"

#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <string.h>

enum { PIECE_BYTES = 3 * 256 }; /* of three bytes each four digits are made, without a rest */

void dnnb__base64_append(dnnb__buf *out, const void *bytes, size_t n) {
    char digits[BASE64_ENCODE_RAW_LENGTH(PIECE_BYTES)];
    for (size_t at = 0; at < n; at += PIECE_BYTES) {
        size_t n_piece = n - at < PIECE_BYTES ? n - at : PIECE_BYTES;
        base64_encode_raw(digits, n_piece, (const uint8_t *)bytes + at);
        dnnb__buf_append(out, digits, BASE64_ENCODE_RAW_LENGTH(n_piece));
    }
}

void dnnb__base64_sha256(char out[DNNB__SHA256_BASE64], const void *bytes, size_t n) {
    struct sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&context);
    sha256_update(&context, n, bytes);
    sha256_digest(&context, sizeof digest, digest);
    base64_encode_raw(out, sizeof digest, digest);
    out[DNNB__SHA256_BASE64 - 1] = '\0';
}
