/*
 * Nets of the onednn engine: parameters, gradients, copies and the shared arena.
 *
 * Method: the layout of each parameter is chosen once, when the net is made, by its layer's
 * operation. Large blocks ask for huge pages: the passes over weights and activations then miss the
 * address translation cache far less often.
 */
#include "engine/onednn/net.h"

#include "core/status.h"
#include "core/thread.h"
#include "engine/onednn/plan.h"
#include "tensor/tensor.h"

/* The form of a parameter: the operation's, or row-major as in PyTorch. */
static dnnb_status param_describe(dnnb__onednn_net *net, size_t param, dnnb__param_form *form) {
    const dnnb__graph *graph = net->base.graph;
    const dnnb__param *p = &graph->params[param];
    const dnnb__node *node = &graph->nodes[p->node];
    const dnnb__op_type *type = dnnb__onednn_find_op(node->kind);
    if (type && type->describe)
        return type->describe(net->dnnl, graph, p->node, param - node->first_param, form);
    int64_t count = (int64_t)p->count;
    DNNB_TRY(dnnb__layout_plain(net->dnnl, &form->plain, &count, 1));
    form->layout = form->plain;
    return DNNB_OK;
}

static dnnb_status param_create(dnnb__onednn_net *net, size_t param) {
    dnnb__param_store *store = &net->params[param];
    dnnb_status status = param_describe(net, param, &store->form);
    if (status != DNNB_OK)
        return dnnb__fail_prefix(status, "%s", net->base.graph->params[param].path);
    size_t n_bytes = dnnb__layout_get_bytes(store->form.layout);
    store->n = n_bytes / sizeof(float);
    store->stamp = 1;
    /* What has no padding is written whole by its import, and so is what only `expand` brings into
     * its form: it takes no memory until then. */
    bool is_tiled = store->form.expand && store->form.layout == store->form.plain;
    bool is_padded = store->n != net->base.graph->params[param].count && !is_tiled;
    store->weight = is_padded ? dnnb__calloc_large(n_bytes, 1) : dnnb__alloc_large(n_bytes, 1);
    return store->weight ? DNNB_OK : dnnb__fail_memory();
}

dnnb_status dnnb__onednn_net_create(dnnb__net **out, const dnnb__graph *graph, size_t n_threads,
                                    dnnb__precision precision) {
    *out = NULL;
    dnnb__onednn_net *net = dnnb__calloc(1, sizeof *net);
    if (!net) return dnnb__fail_memory();
    net->base.engine = &dnnb__engine_onednn;
    net->base.graph = graph;
    net->base.n_threads = n_threads ? n_threads : dnnb__threads_get_available();
    size_t threads_before = dnnb__threads_set(net->base.n_threads);
    dnnb_status status = dnnb__dnnl_create(&net->dnnl, precision);
    if (status == DNNB_OK) {
        net->params = dnnb__calloc(graph->n_params, sizeof *net->params);
        if (!net->params) status = dnnb__fail_memory();
    }
    for (size_t i = 0; i < graph->n_params && status == DNNB_OK; i++) status = param_create(net, i);
    (void)dnnb__threads_set(threads_before);
    if (status != DNNB_OK) {
        dnnb__onednn_net_destroy(&net->base);
        return status;
    }
    *out = &net->base;
    return DNNB_OK;
}

void dnnb__onednn_net_destroy(dnnb__net *base) {
    dnnb__onednn_net *net = (dnnb__onednn_net *)base;
    if (!net) return;
    for (size_t i = 0; net->params && i < net->base.graph->n_params; i++) {
        dnnb__free(net->params[i].weight);
        dnnb__free(net->params[i].gradient);
    }
    for (size_t i = 0; i < net->n_copies; i++) {
        dnnb__free(net->copies[i]->data);
        dnnb__free(net->copies[i]);
    }
    dnnb__free(net->copies);
    dnnb__free(net->params);
    dnnb__free(net->arena);
    dnnb__dnnl_destroy(net->dnnl);
    dnnb__free(net);
}

/* From PyTorch's form to the engine's. */
static dnnb_status import_array(const dnnb__onednn_net *net, size_t param, const float *values) {
    const dnnb__param_store *store = &net->params[param];
    const dnnb__graph *graph = net->base.graph;
    if (!store->form.expand)
        return dnnb__reorder_once(net->dnnl, store->form.plain, values, store->form.layout,
                                  store->weight);
    if (store->form.layout == store->form.plain) {
        store->form.expand(graph, &graph->params[param], values, store->weight);
        return DNNB_OK;
    }
    float *expanded = dnnb__alloc(dnnb__layout_get_bytes(store->form.plain), 1);
    if (!expanded) return dnnb__fail_memory();
    store->form.expand(graph, &graph->params[param], values, expanded);
    dnnb_status status = dnnb__reorder_once(net->dnnl, store->form.plain, expanded,
                                            store->form.layout, store->weight);
    dnnb__free(expanded);
    return status;
}

dnnb_status dnnb__onednn_net_import(dnnb__net *base, size_t param, const float *values) {
    dnnb__onednn_net *net = (dnnb__onednn_net *)base;
    dnnb__param_store *store = &net->params[param];
    size_t threads_before = dnnb__threads_set(base->n_threads);
    dnnb_status status = import_array(net, param, values);
    (void)dnnb__threads_set(threads_before);
    store->stamp++;
    return status;
}

/* Weights of linear layers alone: linear_rows.c reads them as they are. */
bool dnnb__onednn_net_lend(dnnb__net *base, size_t param, const float *values) {
    dnnb__onednn_net *net = (dnnb__onednn_net *)base;
    const dnnb__node *node = &base->graph->nodes[base->graph->params[param].node];
    if (node->kind != DNNB__LAYER_LINEAR || param != node->first_param) return false;
    if (base->precision != DNNB__F32) return false;
    net->params[param].lent = values;
    return true;
}

/* From the engine's form to PyTorch's. */
static dnnb_status contract_array(const dnnb__onednn_net *net, size_t param, const float *array,
                                  float *values) {
    const dnnb__param_store *store = &net->params[param];
    const dnnb__graph *graph = net->base.graph;
    if (!store->form.contract)
        return dnnb__reorder_once(net->dnnl, store->form.layout, array, store->form.plain, values);
    if (store->form.layout == store->form.plain) {
        store->form.contract(graph, &graph->params[param], array, values);
        return DNNB_OK;
    }
    float *plain = dnnb__alloc(dnnb__layout_get_bytes(store->form.plain), 1);
    if (!plain) return dnnb__fail_memory();
    dnnb_status status =
        dnnb__reorder_once(net->dnnl, store->form.layout, array, store->form.plain, plain);
    if (status == DNNB_OK) store->form.contract(graph, &graph->params[param], plain, values);
    dnnb__free(plain);
    return status;
}

static dnnb_status export_array(const dnnb__onednn_net *net, size_t param, const float *array,
                                float *values) {
    size_t threads_before = dnnb__threads_set(net->base.n_threads);
    dnnb_status status = contract_array(net, param, array, values);
    (void)dnnb__threads_set(threads_before);
    return status;
}

dnnb_status dnnb__onednn_net_export(const dnnb__net *base, size_t param, float *values) {
    const dnnb__onednn_net *net = (const dnnb__onednn_net *)base;
    return export_array(net, param, net->params[param].weight, values);
}

bool dnnb__onednn_net_export_rows(const dnnb__net *base, size_t param, size_t first, size_t n,
                                  float *values) {
    const dnnb__param_store *store = &((const dnnb__onednn_net *)base)->params[param];
    if (!store->form.contract_rows) return false;
    size_t threads_before = dnnb__threads_set(base->n_threads);
    store->form.contract_rows(&store->form, &base->graph->params[param], first, n, store->weight,
                              values);
    (void)dnnb__threads_set(threads_before);
    return true;
}

dnnb_status dnnb__onednn_net_export_gradient(const dnnb__net *base, size_t param, float *values) {
    const dnnb__onednn_net *net = (const dnnb__onednn_net *)base;
    if (!net->params[param].has_gradient)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: no backward pass has made its gradient",
                          base->graph->params[param].path);
    return export_array(net, param, net->params[param].gradient, values);
}

dnnb__flat dnnb__onednn_net_get_flat(dnnb__net *base, size_t param) {
    const dnnb__param_store *store = &((dnnb__onednn_net *)base)->params[param];
    dnnb__flat flat = {.weight = store->weight,
                       .gradient = store->update.run ? NULL : store->gradient,
                       .n = store->n};
    if (store->flat) {
        flat.copy = store->flat->data;
        flat.row = store->flat->row;
    }
    return flat;
}

void dnnb__onednn_net_mark_changed(dnnb__net *base) {
    dnnb__param_store *stores = ((dnnb__onednn_net *)base)->params;
    for (size_t i = 0; i < base->graph->n_params; i++) stores[i].stamp++;
}

void dnnb__onednn_net_mark_trained(dnnb__net *base) {
    dnnb__param_store *stores = ((dnnb__onednn_net *)base)->params;
    for (size_t i = 0; i < base->graph->n_params; i++) {
        if (!base->graph->params[i].trainable) continue;
        stores[i].stamp++;
        if (stores[i].flat) stores[i].flat->stamp = stores[i].stamp;
    }
}

bool dnnb__onednn_net_set_update(dnnb__net *base, size_t param, const dnnb__update *update) {
    dnnb__param_store *store = &((dnnb__onednn_net *)base)->params[param];
    bool is_taken = update && store->form.hands_over;
    store->update = is_taken ? *update : (dnnb__update){0};
    if (is_taken) store->has_gradient = false;
    return is_taken;
}

void *dnnb__onednn_net_get_scratch(dnnb__net *base, size_t n_bytes) {
    dnnb__onednn_net *net = (dnnb__onednn_net *)base;
    if (n_bytes <= net->arena_bytes) {
        net->last_forward = NULL;
        return net->arena;
    }
    /* A gradient that the next backward pass makes anew, without padding, which must stay zero. */
    for (size_t i = 0; i < base->graph->n_params; i++) {
        dnnb__param_store *store = &net->params[i];
        if (!store->has_gradient && !store->is_scratch) continue;
        if (store->n != base->graph->params[i].count) continue;
        if (n_bytes > store->n * sizeof *store->gradient) continue;
        store->has_gradient = false;
        store->is_scratch = true;
        return store->gradient;
    }
    return NULL;
}

/* --- what plans need --- */

dnnb_status dnnb__onednn_net_need_gradient(dnnb__onednn_net *net, size_t param) {
    dnnb__param_store *store = &net->params[param];
    if (!store->gradient) store->gradient = dnnb__calloc_large(store->n, sizeof(float));
    return store->gradient ? DNNB_OK : dnnb__fail_memory();
}

dnnb_status dnnb__onednn_net_need_copy(dnnb__onednn_net *net, dnnb__weight_copy **out, size_t param,
                                       dnnb__layout layout, dnnb__copy_kind kind) {
    for (size_t i = 0; i < net->n_copies; i++) {
        const dnnb__weight_copy *made = net->copies[i];
        if (made->param != param || made->layout != layout || made->kind != kind) continue;
        *out = net->copies[i];
        return DNNB_OK;
    }
    dnnb__weight_copy **copies = dnnb__realloc(net->copies, net->n_copies + 1, sizeof *net->copies);
    if (!copies) return dnnb__fail_memory();
    net->copies = copies;
    dnnb__weight_copy *copy = dnnb__calloc(1, sizeof *copy);
    if (!copy) return dnnb__fail_memory();
    *copy = (dnnb__weight_copy){.param = param, .layout = layout, .kind = kind};
    dnnb_status status = DNNB_OK;
    if (kind == DNNB__COPY_SAME)
        status = dnnb__layout_find_pairs(net->dnnl, net->params[param].form.layout, layout,
                                         &copy->is_rounded, &copy->row);
    if (status != DNNB_OK) {
        dnnb__free(copy);
        return status;
    }
    copy->data = dnnb__calloc_large(dnnb__layout_get_bytes(layout), 1);
    if (!copy->data) {
        dnnb__free(copy);
        return dnnb__fail_memory();
    }
    net->copies[net->n_copies++] = copy;
    if (copy->is_rounded && !net->params[param].flat) net->params[param].flat = copy;
    *out = copy;
    return DNNB_OK;
}

dnnb_status dnnb__onednn_net_need_arena(dnnb__onednn_net *net, size_t n_bytes) {
    if (n_bytes <= net->arena_bytes) return DNNB_OK;
    /* Freed first: the old and the new arena never exist together. */
    dnnb__free(net->arena);
    net->arena = NULL;
    net->arena_bytes = 0;
    net->arena_generation++;
    net->last_forward = NULL;
    net->arena = dnnb__calloc_large(n_bytes, 1);
    if (!net->arena) return dnnb__fail_memory();
    net->arena_bytes = n_bytes;
    return DNNB_OK;
}
