#include "core/sha256.h"

#include <stdint.h>

void dnnb__sha256_init(dnnb__sha256 *sum) {
    sha256_init(sum);
}

void dnnb__sha256_update(dnnb__sha256 *sum, const void *bytes, size_t n) {
    sha256_update(sum, n, bytes);
}

void dnnb__sha256_finish(dnnb__sha256 *sum, char out[DNNB__SHA256_TEXT]) {
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(sum, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * sizeof digest] = '\0';
}
