/*
 * Writing .pth in PyTorch's zip layout.
 *
 * Each tensor gets a storage of its own, packed and aligned to 64 bytes. The pickle is an
 * OrderedDict of tensors and nothing else, so that torch.load(weights_only=True) takes it.
 * Source: torch/serialization.py and torch/_utils.py of PyTorch.
 */
#include <string.h>

#include "formats/pickle.h"
#include "formats/pickle_write.h"
#include "formats/zip.h"

enum { MAX_PICKLE_BYTES = 1 << 30 };

/* Globals, kept in the memo under these numbers after their first use. */
enum { MEMO_DICT, MEMO_REBUILD, MEMO_STORAGE };

static const char *const storage_names[] = {
#define STORAGE_NAME(dtype, prefix) [DNNB_##dtype] = prefix "Storage",
    DNNB__PICKLE_STORAGE_LIST(STORAGE_NAME)
#undef STORAGE_NAME
};

/* A global, from the memo when it was used before; `used` has a bit for each number. */
static void put_global(dnnb__buf *out, unsigned *used, unsigned i, const char *module,
                       const char *name) {
    if (*used & 1u << i) {
        dnnb__pickle_put_again(out, (uint8_t)i);
        return;
    }
    dnnb__pickle_put_global(out, module, name);
    dnnb__pickle_put_memo(out, (uint8_t)i);
    *used |= 1u << i;
}

static void put_integers(dnnb__buf *out, const int64_t *integers, size_t n) {
    dnnb__pickle_put(out, DNNB__OP_MARK);
    for (size_t i = 0; i < n; i++) dnnb__pickle_put_integer(out, integers[i]);
    dnnb__pickle_put(out, DNNB__OP_TUPLE);
}

static void put_ordered_dict(dnnb__buf *out, unsigned *used) {
    put_global(out, used, MEMO_DICT, "collections", "OrderedDict");
    dnnb__pickle_put(out, DNNB__OP_EMPTY_TUPLE);
    dnnb__pickle_put(out, DNNB__OP_REDUCE);
}

static void put_tensor(dnnb__buf *out, unsigned *used, const dnnb_tensor *t, size_t key) {
    const dnnb_shape *shape = dnnb_tensor_get_shape(t);
    dnnb_dtype dtype = dnnb_tensor_get_dtype(t);
    char text[24];
    int64_t strides[DNNB_MAX_NDIM], step = 1;
    for (size_t i = shape->ndim; i-- > 0;) {
        strides[i] = step;
        if (shape->dim[i] > 1 && dnnb_tensor_get_count(t)) step *= shape->dim[i];
    }
    put_global(out, used, MEMO_REBUILD, "torch._utils", "_rebuild_tensor_v2");
    dnnb__pickle_put(out, DNNB__OP_MARK);
    dnnb__pickle_put(out, DNNB__OP_MARK);
    dnnb__pickle_put_text(out, "storage");
    put_global(out, used, MEMO_STORAGE + (unsigned)dtype, "torch", storage_names[dtype]);
    (void)snprintf(text, sizeof text, "%zu", key);
    dnnb__pickle_put_text(out, text);
    dnnb__pickle_put_text(out, "cpu");
    dnnb__pickle_put_integer(out, (int64_t)dnnb_tensor_get_count(t));
    dnnb__pickle_put(out, DNNB__OP_TUPLE);
    dnnb__pickle_put(out, DNNB__OP_PERSISTENT);
    dnnb__pickle_put_integer(out, 0);
    put_integers(out, shape->dim, shape->ndim);
    put_integers(out, strides, shape->ndim);
    dnnb__pickle_put(out, DNNB__OP_FALSE);
    put_ordered_dict(out, used);
    dnnb__pickle_put(out, DNNB__OP_TUPLE);
    dnnb__pickle_put(out, DNNB__OP_REDUCE);
}

static dnnb_status write_object(const dnnb_dict *dict, dnnb__zip_writer *zip) {
    dnnb__buf out;
    unsigned used = 0;
    dnnb__buf_init(&out, MAX_PICKLE_BYTES);
    dnnb__pickle_put_start(&out);
    put_ordered_dict(&out, &used);
    dnnb__pickle_put(&out, DNNB__OP_MARK);
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++) {
        dnnb__pickle_put_text(&out, dnnb_dict_get_name(dict, i));
        put_tensor(&out, &used, dnnb_dict_get_tensor(dict, i), i);
    }
    dnnb__pickle_put(&out, DNNB__OP_SETITEMS);
    dnnb__pickle_put(&out, DNNB__OP_STOP);
    dnnb_status status = dnnb__buf_get_status(&out);
    if (status == DNNB_OK)
        status = dnnb__zip_writer_add(zip, "archive/data.pkl", out.data, out.n_bytes);
    dnnb__buf_destroy(&out);
    return status;
}

static dnnb_status write_entries(const dnnb_dict *dict, dnnb__zip_writer *zip) {
    DNNB_TRY(write_object(dict, zip));
    DNNB_TRY(dnnb__zip_writer_add(zip, "archive/byteorder", "little", 6));
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++) {
        const dnnb_tensor *t = dnnb_dict_get_tensor(dict, i);
        char name[40];
        (void)snprintf(name, sizeof name, "archive/data/%zu", i);
        DNNB_TRY(dnnb__zip_writer_begin(zip, name, dnnb__tensor_get_packed_bytes(t)));
        DNNB_TRY(dnnb__zip_writer_write_tensor(zip, t));
        DNNB_TRY(dnnb__zip_writer_end(zip));
    }
    return dnnb__zip_writer_add(zip, "archive/version", "3\n", 2);
}

dnnb_status dnnb__pth_write(const dnnb_dict *dict, dnnb__writer *w) {
    dnnb__zip_writer zip;
    DNNB_TRY(dnnb__zip_writer_open(&zip, w));
    dnnb_status status = write_entries(dict, &zip);
    if (status == DNNB_OK) return dnnb__zip_writer_finish(&zip);
    dnnb__zip_writer_destroy(&zip);
    return status;
}
