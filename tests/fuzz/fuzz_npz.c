/* .npz: the zip directory, deflated entries, and the arrays in them. */
#include "fuzz/fuzz_dict.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_dict(bytes, n, dnnb__npz_is);
    return 0;
}
