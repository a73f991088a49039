/* The text is XXH128's canonical form, as `xxhsum -H2` prints it. */
#include "core/checksum.h"

#include <xxhash.h>

dnnb_status dnnb__checksum_create(dnnb__checksum **out) {
    *out = XXH3_createState();
    if (!*out) return dnnb__fail(DNNB_ERR_MEMORY, "out of memory for a checksum");
    (void)XXH3_128bits_reset(*out);
    return DNNB_OK;
}

void dnnb__checksum_destroy(dnnb__checksum *sum) {
    (void)XXH3_freeState(sum);
}

void dnnb__checksum_update(dnnb__checksum *sum, const void *bytes, size_t n) {
    (void)XXH3_128bits_update(sum, bytes, n);
}

static void print(char out[DNNB__CHECKSUM_TEXT], XXH128_hash_t hash) {
    static const char digits[] = "0123456789abcdef";
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    for (size_t i = 0; i < sizeof canonical.digest; i++) {
        out[2 * i] = digits[canonical.digest[i] >> 4];
        out[2 * i + 1] = digits[canonical.digest[i] & 15];
    }
    out[2 * sizeof canonical.digest] = '\0';
}

void dnnb__checksum_finish(dnnb__checksum *sum, char out[DNNB__CHECKSUM_TEXT]) {
    print(out, XXH3_128bits_digest(sum));
    (void)XXH3_128bits_reset(sum);
}

void dnnb__checksum_bytes(char out[DNNB__CHECKSUM_TEXT], const void *bytes, size_t n) {
    print(out, XXH3_128bits(bytes, n));
}

uint64_t dnnb__checksum_short(const void *bytes, size_t n) {
    return XXH3_64bits(bytes, n);
}
