/*
 * .pth in the layout of a tar archive.
 *
 * A header of a member has a checksum, which hardly any mutation keeps: it is put right again, so
 * that what lies behind it is reached.
 */
#include "fuzz/fuzz_dict.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_dict(bytes, n, dnnb__pth_tar_is);
    return 0;
}

#ifdef DNNB_FUZZ
enum { BLOCK = 512, SUM_AT = 148, SUM_BYTES = 8, MAGIC_AT = 257 };

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t n, size_t max_n);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t max_n, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t max_n, unsigned seed) {
    n = LLVMFuzzerMutate(bytes, n, max_n);
    if (seed % 8 == 0) return n; /* wrong checksums are an input too */
    for (size_t at = 0; at + BLOCK <= n; at += BLOCK) {
        char text[SUM_BYTES];
        unsigned sum = 0;
        if (memcmp(bytes + at + MAGIC_AT, "ustar", 5) != 0) continue;
        memset(bytes + at + SUM_AT, ' ', SUM_BYTES);
        for (size_t i = 0; i < BLOCK; i++) sum += bytes[at + i];
        (void)snprintf(text, sizeof text, "%06o", sum & 0777777);
        memcpy(bytes + at + SUM_AT, text, SUM_BYTES - 1);
    }
    return n;
}
#endif
