/* train_dict.json. */
#include "formats/history.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    dnnb_history *history;
    fuzz_check(dnnb__history_read_json(&history, bytes, n, FUZZ_NAME));
    dnnb_history_destroy(history);
    return 0;
}
