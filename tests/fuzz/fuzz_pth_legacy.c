/* .pth in the layout with a magic number. */
#include "fuzz/fuzz_dict.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_dict(bytes, n, dnnb__pth_legacy_is);
    return 0;
}
