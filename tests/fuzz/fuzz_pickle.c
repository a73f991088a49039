/* A pickle alone: as the object of a .pth whose storages are there, and as a train_dict.pkl. */
#include "formats/history.h"
#include "formats/pth_object.h"
#include "fuzz/fuzz_dict.h"

enum { STORAGE_BYTES = 256 };

/* One storage stands for all that the pickle names, as far as it is large enough. */
static dnnb_status get_storage(void *context, const dnnb__value *id, dnnb__part *out,
                               dnnb_dtype *dtype) {
    dnnb__pth_id parsed;
    DNNB_TRY(dnnb__pth_id_read(&parsed, id, FUZZ_NAME));
    size_t size = dnnb_dtype_get_size(parsed.dtype);
    if (parsed.n_elements > (int64_t)(STORAGE_BYTES / size))
        return dnnb__fail(DNNB_ERR_FORMAT, FUZZ_NAME ": no such storage");
    *out = (dnnb__part){.storage = context, .n_bytes = (size_t)parsed.n_elements * size};
    *dtype = parsed.dtype;
    return DNNB_OK;
}

static void read_object(const uint8_t *bytes, size_t n, dnnb__storage *s) {
    dnnb__pickle pickle;
    dnnb__value *root;
    dnnb_dict *dict;
    dnnb__cursor in = dnnb__cursor_create(bytes, n);
    if (dnnb_dict_create(&dict) != DNNB_OK) return;
    dnnb__pickle_init(&pickle, FUZZ_NAME, n);
    dnnb_status status = dnnb__pickle_read(&pickle, &in, &root);
    if (status == DNNB_OK) {
        dnnb__pth_source source = {.name = FUZZ_NAME, .context = s, .get_storage = get_storage};
        status = dnnb__pth_object_read(dict, &source, root);
    }
    fuzz_check(status);
    if (status == DNNB_OK) fuzz_read_tensors(dict);
    dnnb_dict_destroy(dict);
    dnnb__pickle_destroy(&pickle);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    dnnb__storage *s;
    dnnb_history *history;
    if (dnnb__storage_create(&s, STORAGE_BYTES) != DNNB_OK) return 0;
    memset(dnnb__storage_get_writable(s), 1, STORAGE_BYTES); /* a bool of 1 is one */
    read_object(bytes, n, s);
    dnnb__storage_release(s);
    fuzz_check(dnnb__history_read_pickle(&history, bytes, n, FUZZ_NAME));
    dnnb_history_destroy(history);
    return 0;
}
