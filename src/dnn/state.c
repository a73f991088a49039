/*
 * State dicts against the network: strict loading, with everything that does not fit in one line.
 *
 * Source: PyTorch's Module.load_state_dict(strict=True).
 */
#include <string.h>

#include "dnn/dnn.h"
#include "formats/formats.h"
#include "tensor/tensor.h"

enum { N_SHOWN = 4, LIST_BYTES = 280 };

/* One kind of misfit: a count, and the first few of them as text. */
typedef struct misfits {
    const char *what;
    size_t n;
    char text[LIST_BYTES];
    size_t used;
} misfits;

static void add_misfit(misfits *m, const char *text) {
    size_t left = sizeof m->text - m->used;
    if (m->n++ >= N_SHOWN) return;
    int wrote = snprintf(m->text + m->used, left, "%s%s", m->n > 1 ? ", " : "", text);
    if (wrote > 0) m->used += (size_t)wrote < left ? (size_t)wrote : left - 1;
}

static void print_misfits(const misfits *m, char *text, size_t n, size_t *used) {
    if (m->n == 0) return;
    char more[40] = "";
    if (m->n > N_SHOWN) (void)snprintf(more, sizeof more, " and %zu more", m->n - N_SHOWN);
    int wrote = snprintf(text + *used, n - *used, "%s%zu %s (%s%s)", *used ? "; " : "", m->n,
                         m->what, m->text, more);
    if (wrote > 0) *used += (size_t)wrote < n - *used ? (size_t)wrote : n - *used - 1;
}

static void add_misshaped(misfits *m, const dnnb__param *param, const dnnb_shape *found) {
    char expected[DNNB__SHAPE_TEXT], got[DNNB__SHAPE_TEXT], text[LIST_BYTES];
    dnnb__shape_print(&param->shape, expected, sizeof expected);
    dnnb__shape_print(found, got, sizeof got);
    (void)snprintf(text, sizeof text, "%s: expected %s, found %s", param->path, expected, got);
    add_misfit(m, text);
}

dnnb_status dnnb__dnn_check_state(const dnnb_dnn *dnn, const dnnb_dict *state, const char *where) {
    misfits missing = {.what = "missing"}, unexpected = {.what = "unexpected"};
    misfits misshaped = {.what = "of another shape"};
    for (size_t i = 0; i < dnn->graph->n_params; i++) {
        const dnnb__param *param = &dnn->graph->params[i];
        const dnnb_tensor *tensor = dnnb_dict_find(state, param->path);
        if (!tensor)
            add_misfit(&missing, param->path);
        else if (!dnnb__shape_equal(&param->shape, dnnb_tensor_get_shape(tensor)))
            add_misshaped(&misshaped, param, dnnb_tensor_get_shape(tensor));
    }
    for (size_t i = 0; i < dnnb_dict_get_count(state); i++) {
        const char *name = dnnb_dict_get_name(state, i);
        if (dnnb__graph_find_param(dnn->graph, name) == SIZE_MAX) add_misfit(&unexpected, name);
    }
    if (missing.n + unexpected.n + misshaped.n == 0) return DNNB_OK;
    char text[900];
    size_t used = 0;
    print_misfits(&missing, text, sizeof text, &used);
    print_misfits(&unexpected, text, sizeof text, &used);
    print_misfits(&misshaped, text, sizeof text, &used);
    return dnnb__fail(DNNB_ERR_SHAPE, "%s: expected the %zu parameters of %s with %lld outputs: %s",
                      where, dnn->graph->n_params, dnn->model->name,
                      (long long)dnnb_dnn_get_n_outputs(dnn), text);
}

/* Parameter by parameter into the engine. Room for the longest is made before the first changes. */
static dnnb_status import_state(dnnb_dnn *dnn, const dnnb_dict *state) {
    size_t longest = 1;
    for (size_t i = 0; i < dnn->graph->n_params; i++)
        if (dnn->graph->params[i].count > longest) longest = dnn->graph->params[i].count;
    float *values = dnnb__alloc(longest, sizeof *values);
    if (!values) return dnnb__fail_memory();
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; status == DNNB_OK && i < dnn->graph->n_params; i++) {
        const dnnb__param *param = &dnn->graph->params[i];
        status = dnnb_tensor_read_f32(dnnb_dict_find(state, param->path), values, param->count);
        if (status == DNNB_OK) status = dnnb__net_import(dnn->net, i, values);
    }
    dnnb__free(values);
    return status;
}

/* All views are made before the first source goes. */
static dnnb_status replace_sources(dnnb_dnn *dnn, const dnnb_dict *state) {
    size_t n = dnn->graph->n_params;
    dnnb_tensor **views = dnnb__calloc(n, sizeof *views);
    if (!views) return dnnb__fail_memory();
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; status == DNNB_OK && i < n; i++)
        status = dnnb_tensor_clone(&views[i], dnnb_dict_find(state, dnn->graph->params[i].path));
    dnnb_tensor **unused = status == DNNB_OK ? dnn->sources : views;
    if (status == DNNB_OK) dnn->sources = views;
    for (size_t i = 0; i < n; i++) dnnb_tensor_destroy(unused[i]);
    dnnb__free(unused);
    return status;
}

dnnb_status dnnb__dnn_take_state(dnnb_dnn *dnn, const dnnb_dict *state) {
    return dnn->net ? import_state(dnn, state) : replace_sources(dnn, state);
}

dnnb_status dnnb_dnn_set_state(dnnb_dnn *dnn, const dnnb_dict *state) {
    DNNB_TRY(dnnb__dnn_check_state(dnn, state, "state dict"));
    return dnnb__dnn_take_state(dnn, state);
}

static dnnb_status set_note(dnnb_dnn *dnn, const dnnb_dict *state) {
    char *note = dnnb__strdup(dnnb_dict_get_note(state));
    if (!note) return dnnb__fail_memory();
    dnnb__free(dnn->note);
    dnn->note = note;
    return DNNB_OK;
}

dnnb_status dnnb_dnn_load(dnnb_dnn *dnn, const char *weights_path) {
    dnnb_dict *state;
    DNNB_TRY(dnnb__dict_load_in_place(&state, weights_path));
    dnnb_status status = dnnb__dnn_check_state(dnn, state, weights_path);
    if (status == DNNB_OK) status = set_note(dnn, state);
    if (status == DNNB_OK) status = dnnb__dnn_take_state(dnn, state);
    dnnb_dict_destroy(state);
    return status;
}

/* Give the network the head that the file's head weight has rows for; a head that does not fit for
 * another reason is left for the strict check to name. */
static dnnb_status fit_head(dnnb_dnn *dnn, const dnnb_dict *state, const char *where) {
    size_t head = dnnb__graph_find_head(dnn->graph);
    if (head == SIZE_MAX) return DNNB_OK;
    const dnnb__param *weight = &dnn->graph->params[dnn->graph->nodes[head].first_param];
    const dnnb_tensor *found = dnnb_dict_find(state, weight->path);
    if (!found) return DNNB_OK;
    const dnnb_shape *shape = dnnb_tensor_get_shape(found);
    if (shape->ndim != weight->shape.ndim || shape->dim[0] == weight->shape.dim[0]) return DNNB_OK;
    for (size_t i = 1; i < shape->ndim; i++)
        if (shape->dim[i] != weight->shape.dim[i]) return DNNB_OK;
    /* A view may name more elements than the file holds, by strides of zero. */
    size_t n_stored = dnnb__storage_get_size(dnnb__tensor_get_storage(found)) /
                      dnnb_dtype_get_size(dnnb_tensor_get_dtype(found));
    if (dnnb_tensor_get_count(found) > n_stored)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: %s: expected at most the %zu elements stored, "
                          "found %zu",
                          where, weight->path, n_stored, dnnb_tensor_get_count(found));
    dnnb_status status = dnnb_dnn_replace_head(dnn, shape->dim[0]);
    return status == DNNB_OK ? status : dnnb__fail_prefix(status, "%s", where);
}

dnnb_status dnnb_dnn_create_from_file(dnnb_dnn **out, const char *network, const char *weights_path,
                                      const dnnb_dnn_options *options) {
    dnnb_dnn *dnn;
    dnnb_dict *state = NULL;
    *out = NULL;
    DNNB_TRY(dnnb_dnn_create(&dnn, network, options));
    dnnb_status status = dnnb__dict_load_in_place(&state, weights_path);
    if (status == DNNB_OK) status = fit_head(dnn, state, weights_path);
    if (status == DNNB_OK) status = dnnb__dnn_check_state(dnn, state, weights_path);
    if (status == DNNB_OK) status = set_note(dnn, state);
    if (status == DNNB_OK) status = dnnb__dnn_take_state(dnn, state);
    dnnb_dict_destroy(state);
    if (status != DNNB_OK) {
        dnnb_dnn_destroy(dnn);
        return status;
    }
    *out = dnn;
    return DNNB_OK;
}
