/* predictions.csv of both tasks, and history.csv. */
#include "fuzz/fuzz.h"
#include "record/record.h"

static void read_predictions(const uint8_t *bytes, size_t n, dnnb_task task) {
    dnnb_record *record;
    if (dnnb__record_create(&record, "folder") != DNNB_OK) abort();
    record->task = task;
    dnnb_status status = dnnb__record_read_predictions(record, (const char *)bytes, n, FUZZ_NAME);
    fuzz_check(status);
    if (status == DNNB_OK) {
        float sum = 0;
        for (size_t i = 0; i < dnnb_record_get_n_predictions(record); i++) {
            dnnb_prediction p = dnnb_record_get_prediction(record, i);
            sum += p.outputs[dnnb_record_get_n_outputs(record) - 1];
            if (p.targets) sum += p.targets[dnnb_record_get_n_targets(record) - 1];
            fuzz_require(p.id && p.condition, "a prediction without its texts");
        }
        fuzz_require(sum == sum || sum != sum, "no sum");
        if (dnnb__record_name_classes(record) != DNNB_OK) abort();
        for (size_t k = 0; k < dnnb_record_get_n_classes(record); k++)
            fuzz_require(strlen(dnnb_record_get_class_name(record, k)) > 0, "a class without name");
    }
    dnnb_record_destroy(record);
}

static void read_history(const uint8_t *bytes, size_t n) {
    dnnb_history *history;
    if (dnnb_history_create(&history) != DNNB_OK) abort();
    fuzz_check(dnnb__record_read_history(&history, (const char *)bytes, n, FUZZ_NAME));
    dnnb_history_destroy(history);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    read_predictions(bytes, n, DNNB_CLASSIFICATION);
    read_predictions(bytes, n, DNNB_REGRESSION);
    read_history(bytes, n);
    return 0;
}
