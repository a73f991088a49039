/*
 * train_dict.json: the same lists as the pickle, and the validation loss.
 *
 * JSON has no number for what is not finite: NaN and the infinities are written as null, and null
 * reads as NaN.
 */
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "formats/history.h"
#include "formats/json.h"

enum { MAX_NODES = 1 << 24 };

/* ---- writing ---- */

static void put_number(dnnb__buf *out, size_t i, double number) {
    char text[32];
    dnnb__text_print_f64(text, number);
    /* A float stays a float in Python: 1.0, not 1. */
    const char *tail = strpbrk(text, ".e") ? "" : ".0";
    if (isfinite(number))
        dnnb__buf_printf(out, "%s%s%s", i ? ", " : "", text, tail);
    else
        dnnb__buf_printf(out, "%snull", i ? ", " : "");
}

static void put_list(dnnb__buf *out, const dnnb_history *history, size_t list) {
    size_t n = dnnb__history_get_list_count(history, list);
    dnnb__buf_printf(out, "%s\n  \"%s\": [", list ? "," : "", dnnb__history_keys[list]);
    for (size_t i = 0; i < n; i++) {
        if (list != DNNB__LIST_STEP_LOSS) {
            put_number(out, i, dnnb__history_get_number(history, list, i));
            continue;
        }
        const dnnb_epoch *epoch = dnnb_history_get_epoch(history, i);
        dnnb__buf_printf(out, "%s\n    [", i ? "," : "");
        for (size_t j = 0; j < epoch->n_steps; j++) put_number(out, j, epoch->step_loss[j]);
        dnnb__buf_printf(out, "]");
    }
    dnnb__buf_printf(out, "]");
}

dnnb_status dnnb_history_save_json(const dnnb_history *history, const char *path) {
    dnnb__buf out;
    dnnb__buf_init(&out, DNNB__HISTORY_MAX_BYTES);
    dnnb__buf_printf(&out, "{");
    for (size_t list = 0; list < DNNB__N_LISTS; list++) put_list(&out, history, list);
    dnnb__buf_printf(&out, "\n}\n");
    dnnb_status status = dnnb__buf_get_status(&out);
    if (status == DNNB_OK) status = dnnb__file_write(path, out.data, out.n_bytes);
    dnnb__buf_destroy(&out);
    return status;
}

/* ---- reading ---- */

static bool get_count(const void *list, size_t *n) {
    *n = json_array_size(list);
    return json_is_array((const json_t *)list);
}

static const void *get_item(const void *list, size_t i) {
    return json_array_get(list, i);
}

static bool get_number(const void *item, double *out) {
    const json_t *v = item;
    *out = json_is_null(v) ? NAN : json_number_value(v);
    return json_is_null(v) || json_is_number(v);
}

dnnb_status dnnb__history_read_json(dnnb_history **out, const void *bytes, size_t n,
                                    const char *name) {
    json_t *root;
    *out = NULL;
    DNNB_TRY(dnnb__json_parse(&root, bytes, n, MAX_NODES, name));
    dnnb__history_source source = {.name = name,
                                   .max_numbers = n,
                                   .get_count = get_count,
                                   .get_item = get_item,
                                   .get_number = get_number};
    for (size_t list = 0; list < DNNB__N_LISTS; list++)
        source.lists[list] = json_object_get(root, dnnb__history_keys[list]);
    dnnb_status status = dnnb__history_build(out, &source);
    json_decref(root);
    return status;
}
