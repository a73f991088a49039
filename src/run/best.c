/*
 * The parameters after the epoch with the best validation score.
 *
 * Where few parameters are trained (a new head on fixed features) an epoch is much shorter than
 * writing the whole network. So these few are kept in memory, and best.pth is written at the end of
 * the run, from them and the parameters that no epoch changed. So are those of a network whose file
 * cannot be written when it is due: no later epoch has them.
 */
#include <string.h>

#include "dnn/dnn.h"
#include "run/run.h"

enum { MAX_KEPT_BYTES = 64 << 20 };

static bool changes(const dnnb__param *param) {
    return param->trainable || param->is_trained_later || param->is_buffer;
}

static size_t count_bytes(const dnnb_dnn *dnn) {
    size_t n = 0;
    for (size_t i = 0; i < dnn->graph->n_params; i++)
        if (changes(&dnn->graph->params[i])) n += dnn->graph->params[i].count * sizeof(float);
    return n;
}

/* Room for every parameter that changes. */
static dnnb_status create_kept(dnnb_dict **out, const dnnb_dnn *dnn) {
    DNNB_TRY(dnnb_dict_create(out));
    for (size_t i = 0; i < dnn->graph->n_params; i++) {
        const dnnb__param *param = &dnn->graph->params[i];
        dnnb_tensor *tensor;
        if (!changes(param)) continue;
        DNNB_TRY(dnnb_tensor_create(&tensor, DNNB_F32, &param->shape));
        dnnb_status status = dnnb_dict_add(*out, param->path, tensor);
        if (status == DNNB_OK) continue;
        dnnb_tensor_destroy(tensor);
        return status;
    }
    return DNNB_OK;
}

dnnb_status dnnb__run_best_create(dnnb_dict **kept, const dnnb_dnn *dnn) {
    dnnb_status status = create_kept(kept, dnn);
    if (status == DNNB_OK) return DNNB_OK;
    dnnb_dict_destroy(*kept);
    *kept = NULL;
    return status;
}

dnnb_status dnnb__run_best_keep(dnnb_dict **kept, dnnb_dnn *dnn, const char *path) {
    dnnb__net *net;
    if (!*kept && count_bytes(dnn) > MAX_KEPT_BYTES) {
        dnnb_status status = dnnb_dnn_save(dnn, path);
        if (status != DNNB_ERR_IO) return status;
    }
    if (!*kept) DNNB_TRY(dnnb__run_best_create(kept, dnn));
    DNNB_TRY(dnnb__dnn_get_net(dnn, &net));
    size_t at = 0;
    for (size_t i = 0; i < dnn->graph->n_params; i++) {
        if (!changes(&dnn->graph->params[i])) continue;
        dnnb_tensor *tensor = (dnnb_tensor *)dnnb_dict_get_tensor(*kept, at++);
        DNNB_TRY(dnnb__net_export(net, i, dnnb_tensor_get_writable(tensor)));
    }
    return DNNB_OK;
}

static dnnb_status add_view(dnnb_dict *dict, const char *name, const dnnb_tensor *of) {
    dnnb_tensor *view;
    DNNB_TRY(dnnb_tensor_clone(&view, of));
    dnnb_status status = dnnb_dict_add(dict, name, view);
    if (status != DNNB_OK) dnnb_tensor_destroy(view);
    return status;
}

dnnb_status dnnb__run_best_merge(dnnb_dict **out, const dnnb_dict *kept, const dnnb_dict *state) {
    DNNB_TRY(dnnb_dict_create(out));
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; status == DNNB_OK && i < dnnb_dict_get_count(state); i++) {
        const char *name = dnnb_dict_get_name(state, i);
        const dnnb_tensor *best = dnnb_dict_find(kept, name);
        status = add_view(*out, name, best ? best : dnnb_dict_get_tensor(state, i));
    }
    if (status == DNNB_OK) return DNNB_OK;
    dnnb_dict_destroy(*out);
    *out = NULL;
    return status;
}
