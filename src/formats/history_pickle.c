/*
 * train_dict.pkl: a dict of lists of floats, as DNNBrain pickles it.
 *
 * Written at protocol 2 with plain floats. DNNBrain's own scores are numpy scalars: a call of
 * numpy.core.multiarray.scalar with a dtype and its bytes.
 */
#include <string.h>

#include "formats/history.h"
#include "formats/pickle.h"
#include "formats/pickle_write.h"

/* ---- writing ---- */

static void put_list(dnnb__buf *out, const dnnb_history *history, size_t list) {
    dnnb__pickle_put_text(out, dnnb__history_keys[list]);
    dnnb__pickle_put(out, DNNB__OP_EMPTY_LIST);
    dnnb__pickle_put(out, DNNB__OP_MARK);
    for (size_t i = 0; i < dnnb__history_get_list_count(history, list); i++) {
        if (list != DNNB__LIST_STEP_LOSS) {
            dnnb__pickle_put_real(out, dnnb__history_get_number(history, list, i));
            continue;
        }
        const dnnb_epoch *epoch = dnnb_history_get_epoch(history, i);
        dnnb__pickle_put(out, DNNB__OP_EMPTY_LIST);
        dnnb__pickle_put(out, DNNB__OP_MARK);
        for (size_t j = 0; j < epoch->n_steps; j++) dnnb__pickle_put_real(out, epoch->step_loss[j]);
        dnnb__pickle_put(out, DNNB__OP_APPENDS);
    }
    dnnb__pickle_put(out, DNNB__OP_APPENDS);
}

dnnb_status dnnb_history_save_pickle(const dnnb_history *history, const char *path) {
    dnnb__buf out;
    dnnb__buf_init(&out, DNNB__HISTORY_MAX_BYTES);
    dnnb__pickle_put_start(&out);
    dnnb__pickle_put(&out, DNNB__OP_EMPTY_DICT);
    dnnb__pickle_put(&out, DNNB__OP_MARK);
    for (size_t list = 0; list < DNNB__N_PICKLED_LISTS; list++) put_list(&out, history, list);
    dnnb__pickle_put(&out, DNNB__OP_SETITEMS);
    dnnb__pickle_put(&out, DNNB__OP_STOP);
    dnnb_status status = dnnb__buf_get_status(&out);
    if (status == DNNB_OK) status = dnnb__file_write(path, out.data, out.n_bytes);
    dnnb__buf_destroy(&out);
    return status;
}

/* ---- reading ---- */

static bool get_count(const void *list, size_t *n) {
    const dnnb__value *v = list;
    *n = dnnb__value_get_count(v);
    return v->kind == DNNB__VALUE_LIST || v->kind == DNNB__VALUE_TUPLE;
}

static const void *get_item(const void *list, size_t i) {
    return dnnb__value_get_item(list, i);
}

/* The number of a numpy scalar: a type such as 'f8' and its bytes. */
static bool read_scalar(const dnnb__value *scalar, double *out) {
    const dnnb__value *dtype = dnnb__value_get_item(scalar, 0);
    const dnnb__value *bytes = dnnb__value_get_item(scalar, 1);
    if (!dnnb__value_is_object(dtype, DNNB__PICKLE_NUMPY_DTYPE) || !bytes ||
        (bytes->kind != DNNB__VALUE_BYTES && bytes->kind != DNNB__VALUE_TEXT) ||
        dnnb__value_is_text(dnnb__value_get_item(dtype->as.object.state, 1), ">"))
        return false;
    const dnnb__value *type = dnnb__value_get_item(dtype, 0);
    const uint8_t *data = bytes->as.bytes.data;
    size_t n = bytes->as.bytes.n;
    float f4;
    int64_t i8;
    int32_t i4;
    if (dnnb__value_is_text(type, "f8") && n == 8) {
        memcpy(out, data, 8);
    } else if (dnnb__value_is_text(type, "f4") && n == 4) {
        memcpy(&f4, data, 4);
        *out = (double)f4;
    } else if (dnnb__value_is_text(type, "i8") && n == 8) {
        memcpy(&i8, data, 8);
        *out = (double)i8;
    } else if (dnnb__value_is_text(type, "i4") && n == 4) {
        memcpy(&i4, data, 4);
        *out = i4;
    } else {
        return false;
    }
    return true;
}

static bool get_number(const void *item, double *out) {
    const dnnb__value *v = item;
    if (dnnb__value_is_object(v, DNNB__PICKLE_NUMPY_SCALAR)) return read_scalar(v, out);
    if (v->kind == DNNB__VALUE_FLOAT)
        *out = v->as.real;
    else if (v->kind == DNNB__VALUE_INT)
        *out = (double)v->as.integer;
    else
        return false;
    return true;
}

dnnb_status dnnb__history_read_pickle(dnnb_history **out, const void *bytes, size_t n,
                                      const char *name) {
    dnnb__pickle pickle;
    dnnb__value *root;
    dnnb__cursor in = dnnb__cursor_create(bytes, n);
    *out = NULL;
    dnnb__pickle_init(&pickle, name, n);
    dnnb_status status = dnnb__pickle_read(&pickle, &in, &root);
    if (status == DNNB_OK) {
        dnnb__history_source source = {.name = name,
                                       .max_numbers = n,
                                       .get_count = get_count,
                                       .get_item = get_item,
                                       .get_number = get_number};
        for (size_t list = 0; list < DNNB__N_PICKLED_LISTS; list++)
            source.lists[list] = dnnb__value_find(root, dnnb__history_keys[list]);
        status = dnnb__history_build(out, &source);
    }
    dnnb__pickle_destroy(&pickle);
    return status;
}
