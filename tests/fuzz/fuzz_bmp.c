/* BMP pictures. */
#include "fuzz/fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_image(bytes, n, "BMP");
    return 0;
}
