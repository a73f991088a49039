/*
 * The formats for tests/golden/formats.py.
 *
 *   formats_driver dump IN OUT       what the library finds in IN, in the plain form below
 *   formats_driver convert IN OUT [DTYPE]    load, convert to PyTorch's type, and save
 *   formats_driver history IN OUT    load a history; save it as pickle, JSON or CSV by OUT's ending
 *
 * The plain form, little-endian: the note (u32 bytes, text), then for each tensor u32 bytes of its
 * name, name, u32 bytes of its dtype's name, that name, u32 ndim, i64 dimensions, u8 whether it is
 * a view of the file, elements. Exit status 1 with the message on standard error when it fails.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnnbrain/history.h"
#include "formats/formats.h"

static dnnb_status write_text(dnnb__writer *w, const char *text) {
    uint32_t n = (uint32_t)strlen(text);
    DNNB_TRY(dnnb__writer_write(w, &n, sizeof n));
    return dnnb__writer_write(w, text, n);
}

static dnnb_status write_tensor(dnnb__writer *w, const char *name, const dnnb_tensor *t) {
    const dnnb_shape *shape = dnnb_tensor_get_shape(t);
    uint32_t ndim = (uint32_t)shape->ndim;
    uint8_t is_view = !dnnb__storage_get_writable(dnnb__tensor_get_storage(t));
    DNNB_TRY(write_text(w, name));
    DNNB_TRY(write_text(w, dnnb_dtype_get_name(dnnb_tensor_get_dtype(t))));
    DNNB_TRY(dnnb__writer_write(w, &ndim, sizeof ndim));
    DNNB_TRY(dnnb__writer_write(w, shape->dim, ndim * sizeof shape->dim[0]));
    DNNB_TRY(dnnb__writer_write(w, &is_view, 1));
    const void *bytes;
    void *copy;
    DNNB_TRY(dnnb__tensor_pack(t, &bytes, &copy));
    dnnb_status status = dnnb__writer_write(w, bytes, dnnb__tensor_get_packed_bytes(t));
    dnnb__free(copy);
    return status;
}

static dnnb_status write_dump(dnnb__writer *w, const dnnb_dict *dict) {
    DNNB_TRY(write_text(w, dnnb_dict_get_note(dict)));
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++)
        DNNB_TRY(write_tensor(w, dnnb_dict_get_name(dict, i), dnnb_dict_get_tensor(dict, i)));
    return DNNB_OK;
}

static dnnb_status dump(const char *in, const char *out) {
    dnnb_dict *dict;
    dnnb__writer w;
    DNNB_TRY(dnnb_dict_load(&dict, in));
    dnnb_status status = dnnb__writer_create(&w, out);
    if (status == DNNB_OK) {
        status = write_dump(&w, dict);
        if (status == DNNB_OK)
            status = dnnb__writer_commit(&w);
        else
            dnnb__writer_destroy(&w);
    }
    dnnb_dict_destroy(dict);
    return status;
}

static dnnb_status convert(const char *in, const char *out, const char *dtype) {
    dnnb_dict *dict, *converted = NULL;
    DNNB_TRY(dnnb_dict_load(&dict, in));
    dnnb_status status = DNNB_OK;
    for (int i = 0; dtype && i <= DNNB_BOOL; i++)
        if (strcmp(dnnb_dtype_get_name((dnnb_dtype)i), dtype) == 0)
            status = dnnb_dict_convert(&converted, dict, (dnnb_dtype)i);
    if (status == DNNB_OK) status = dnnb_dict_save(converted ? converted : dict, out);
    dnnb_dict_destroy(converted);
    dnnb_dict_destroy(dict);
    return status;
}

static dnnb_status history(const char *in, const char *out) {
    dnnb_history *loaded;
    const char *ending = strrchr(out, '.');
    DNNB_TRY(dnnb_history_load(&loaded, in));
    dnnb_status status = ending && strcmp(ending, ".csv") == 0 ? dnnb_history_save_csv(loaded, out)
                         : ending && strcmp(ending, ".json") == 0
                             ? dnnb_history_save_json(loaded, out)
                             : dnnb_history_save_pickle(loaded, out);
    dnnb_history_destroy(loaded);
    return status;
}

int main(int argc, char **argv) {
    dnnb_status status = DNNB_ERR_ARGUMENT;
    if (argc == 4 && strcmp(argv[1], "dump") == 0)
        status = dump(argv[2], argv[3]);
    else if (argc >= 4 && strcmp(argv[1], "convert") == 0)
        status = convert(argv[2], argv[3], argc > 4 ? argv[4] : NULL);
    else if (argc == 4 && strcmp(argv[1], "history") == 0)
        status = history(argv[2], argv[3]);
    else
        return 2;
    if (status != DNNB_OK)
        fprintf(stderr, "%s: %s\n", dnnb_status_get_name(status), dnnb_get_error());
    return status == DNNB_OK ? 0 : 1;
}
