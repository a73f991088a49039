/* log.jsonl of a run, in pieces as a file is read; the last line may not be whole. */
#include "fuzz/fuzz.h"
#include "record/record.h"

static dnnb_status read_log(dnnb_record *record, const uint8_t *bytes, size_t n) {
    dnnb__record_log log;
    dnnb__record_log_init(&log, record, FUZZ_NAME);
    dnnb_status status = dnnb__record_log_feed(&log, (const char *)bytes, n / 2);
    if (status == DNNB_OK)
        status = dnnb__record_log_feed(&log, (const char *)bytes + n / 2, n - n / 2);
    if (status == DNNB_OK) status = dnnb__record_log_finish(&log);
    dnnb__record_log_destroy(&log);
    return status;
}

/* All that was taken can be looked at. */
static void use(const dnnb_record *record) {
    size_t n = 0;
    for (size_t i = 0; i < dnnb_record_get_n_warnings(record); i++)
        n += strlen(dnnb_record_get_warning(record, i).message);
    for (size_t i = 0; i < dnnb_record_get_n_left_out(record); i++) {
        dnnb_left_out_image image = dnnb_record_get_left_out(record, i);
        n += strlen(image.id) + strlen(image.reason);
    }
    const char *message = dnnb_record_get_message(record);
    if (message) n += strlen(message);
    fuzz_require(n < SIZE_MAX / 2, "texts of an impossible length");
    fuzz_require(dnnb_record_get_n_open_steps(record) == 0 || dnnb_record_get_open_steps(record),
                 "steps without their losses");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    dnnb_record *record;
    if (dnnb__record_create(&record, "folder") != DNNB_OK) abort();
    dnnb_status status = read_log(record, bytes, n);
    fuzz_check(status);
    if (status == DNNB_OK) use(record);
    dnnb_record_destroy(record);
    return 0;
}
