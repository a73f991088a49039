/*
 * PNG pictures.
 *
 * Each chunk ends with a checksum, which hardly any mutation keeps: it is put right again, so that
 * what lies behind it is reached.
 */
#include "fuzz/fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_image(bytes, n, "PNG");
    return 0;
}

#ifdef DNNB_FUZZ
enum { SIGNATURE_BYTES = 8, HEAD_BYTES = 8, CRC_BYTES = 4 };

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t n, size_t max_n);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t max_n, unsigned seed);

static uint32_t get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The CRC of ISO 3309 that PNG names, a bit at a time. */
static uint32_t get_crc(const uint8_t *bytes, size_t n) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t max_n, unsigned seed) {
    n = LLVMFuzzerMutate(bytes, n, max_n);
    if (seed % 8 == 0) return n; /* wrong checksums are an input too */
    size_t at = SIGNATURE_BYTES;
    while (n >= HEAD_BYTES + CRC_BYTES && at <= n - HEAD_BYTES - CRC_BYTES) {
        size_t length = get_u32(bytes + at);
        if (length > n - at - HEAD_BYTES - CRC_BYTES) break;
        uint32_t crc = get_crc(bytes + at + 4, length + 4);
        uint8_t *end = bytes + at + HEAD_BYTES + length;
        for (size_t i = 0; i < CRC_BYTES; i++) end[i] = (uint8_t)(crc >> (24 - 8 * i));
        at += HEAD_BYTES + length + CRC_BYTES;
    }
    return n;
}
#endif
