/* A reader of state dicts on one input, and every tensor that it finds. */
#ifndef DNNB_TESTS_FUZZ_FUZZ_DICT_H
#define DNNB_TESTS_FUZZ_FUZZ_DICT_H

#include "formats/formats.h"
#include "fuzz/fuzz.h"

enum { FUZZ_READ_ELEMENTS = 1 << 16 }; /* larger tensors are views that repeat, and only slow */

/** Read all elements, as loading weights does and as writing another format does. */
static inline void fuzz_read_tensors(const dnnb_dict *dict) {
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++) {
        const dnnb_tensor *t = dnnb_dict_get_tensor(dict, i);
        const char *name = dnnb_dict_get_name(dict, i);
        size_t n = dnnb_tensor_get_count(t);
        fuzz_require(dnnb__name_is_valid(name, strlen(name)), "a name that cannot be written");
        if (n > FUZZ_READ_ELEMENTS) continue;
        float *values = malloc((n + 1) * sizeof *values);
        const void *bytes;
        void *copy;
        fuzz_require(values && dnnb_tensor_read_f32(t, values, n) == DNNB_OK, "cannot be read");
        fuzz_require(dnnb__tensor_pack(t, &bytes, &copy) == DNNB_OK, "cannot be packed");
        size_t n_bytes = dnnb__tensor_get_packed_bytes(t);
        uint8_t *packed = malloc(n_bytes + 1);
        if (packed && n_bytes) memcpy(packed, bytes, n_bytes);
        free(packed);
        dnnb__free(copy);
        free(values);
    }
}

static inline void fuzz_dict(const uint8_t *bytes, size_t n,
                             bool (*is_format)(const uint8_t *bytes, size_t n)) {
    dnnb__storage *s;
    dnnb_dict *dict;
    if (n == 0 || !is_format(bytes, n) || dnnb__storage_create(&s, n) != DNNB_OK) return;
    memcpy(dnnb__storage_get_writable(s), bytes, n);
    dnnb_status status = dnnb__dict_read(&dict, s, FUZZ_NAME);
    dnnb__storage_release(s);
    fuzz_check(status);
    if (status != DNNB_OK) return;
    fuzz_read_tensors(dict);
    dnnb_dict_destroy(dict);
}

#endif
