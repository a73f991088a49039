/* config.json of a run: all of it visited, and the facts that are read from it. */
#include "fuzz/fuzz.h"
#include "record/record.h"

static void visit(void *context, const char *place, const char *value) {
    size_t *n = context;
    *n += strlen(place) + (value ? strlen(value) : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    dnnb_record *record;
    size_t n_bytes = 0;
    if (dnnb__record_create(&record, "folder") != DNNB_OK) abort();
    dnnb_status status = dnnb__record_read_config(record, (const char *)bytes, n, FUZZ_NAME);
    fuzz_check(status);
    if (status == DNNB_OK) {
        if (dnnb_record_visit_options(record, visit, &n_bytes) == DNNB_ERR_MEMORY) abort();
        if (dnnb__record_name_classes(record) != DNNB_OK) abort();
        (void)dnnb_record_get_chance(record);
        (void)dnnb_record_get_images_folder(record);
        (void)dnnb_record_get_number(record, "training.optimizer.lr");
        (void)dnnb_record_get_text(record, "a.0.b..c.");
    }
    dnnb_record_destroy(record);
    return 0;
}
