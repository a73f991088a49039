/* .pth in the zip layout. */
#include "fuzz/fuzz_dict.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_dict(bytes, n, dnnb__pth_zip_is);
    return 0;
}
