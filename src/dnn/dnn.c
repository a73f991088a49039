/*
 * A network by name: its graph, head, trainable parameters, and what it tells of itself.
 *
 * Source: DNNBrain dnnbrain/dnn/base.py and models.py.
 */
#include "dnn/dnn.h"

#include <string.h>

#include "core/text.h"
#include "core/thread.h"

const char *const *dnnb_dnn_get_network_names(size_t *n) {
    enum { MAX_NETWORKS = 256 };
    static const char *names[MAX_NETWORKS]; /* the same values at every call */
    size_t n_models;
    const dnnb__model *const *models = dnnb__model_get_all(&n_models);
    if (n_models > MAX_NETWORKS) n_models = MAX_NETWORKS;
    for (size_t i = 0; i < n_models; i++) names[i] = models[i]->name;
    *n = n_models;
    return names;
}

static dnnb_status find_engine(const char **out, const char *name) {
    size_t n;
    const char *const *names = dnnb__engine_get_names(&n);
    if (!name) {
        *out = names[0];
        return DNNB_OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (!dnnb__text_equal_nocase(names[i], name)) continue;
        *out = names[i];
        return DNNB_OK;
    }
    const char *nearest = dnnb__text_nearest(name, names, n);
    return dnnb__fail(DNNB_ERR_ARGUMENT, "engine: expected %s, found '%s'",
                      nearest ? nearest : names[0], name);
}

/* What the options ask for, and the processor allows. */
static dnnb_status choose_precision(dnnb__precision *out, const char *engine,
                                    dnnb_precision asked) {
    *out = DNNB__F32;
    if (asked == DNNB_PRECISION_BF16) *out = DNNB__BF16;
    if (asked == DNNB_PRECISION_AUTO && dnnb__engine_get_bf16_support(engine) == DNNB__BF16_TILES)
        *out = DNNB__BF16;
    return dnnb__engine_check_precision(engine, *out);
}

dnnb_status dnnb__dnn_create_from_model(dnnb_dnn **out, const dnnb__model *model,
                                        const dnnb_dnn_options *options) {
    static const dnnb_dnn_options defaults = DNNB_DNN_OPTIONS_INIT;
    if (!options) options = &defaults;
    *out = NULL;
    const char *engine = NULL;
    dnnb__precision precision;
    DNNB_TRY(find_engine(&engine, options->engine));
    DNNB_TRY(choose_precision(&precision, engine, options->precision));
    dnnb_dnn *dnn = dnnb__calloc(1, sizeof *dnn);
    if (!dnn) return dnnb__fail_memory();
    dnn->model = model;
    dnn->engine = engine;
    dnn->precision = precision;
    dnn->seed = options->seed;
    dnn->n_threads = options->n_threads ? options->n_threads : dnnb__threads_get_available();
    dnnb_status status = dnnb__graph_create(&dnn->graph, &model->input);
    if (status == DNNB_OK) status = model->build(dnn->graph);
    if (status == DNNB_OK) {
        dnn->sources = dnnb__calloc(dnn->graph->n_params, sizeof *dnn->sources);
        if (!dnn->sources) status = dnnb__fail_memory();
    }
    if (status != DNNB_OK) {
        dnnb_dnn_destroy(dnn);
        return status;
    }
    *out = dnn;
    return DNNB_OK;
}

dnnb_status dnnb_dnn_create(dnnb_dnn **out, const char *network, const dnnb_dnn_options *options) {
    const dnnb__model *model;
    *out = NULL;
    DNNB_TRY(dnnb__model_find(&model, network));
    return dnnb__dnn_create_from_model(out, model, options);
}

void dnnb_dnn_destroy(dnnb_dnn *dnn) {
    if (!dnn) return;
    dnnb__dnn_drop_plans(dnn);
    dnnb__net_destroy(dnn->net);
    for (size_t i = 0; dnn->sources && i < dnn->graph->n_params; i++)
        dnnb_tensor_destroy(dnn->sources[i]);
    dnnb__free(dnn->sources);
    dnnb__graph_destroy(dnn->graph);
    dnnb__free(dnn->note);
    dnnb__free(dnn);
}

const char *dnnb_dnn_get_note(const dnnb_dnn *dnn) {
    return dnn->note ? dnn->note : "";
}

dnnb_status dnnb_dnn_replace_head(dnnb_dnn *dnn, int64_t n_outputs) {
    if (n_outputs < 1 || n_outputs > DNNB__DNN_MAX_OUTPUTS)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "head: expected 1 to %d outputs, found %lld",
                          DNNB__DNN_MAX_OUTPUTS, (long long)n_outputs);
    size_t head = dnnb__graph_find_head(dnn->graph);
    if (head == SIZE_MAX)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: expected a last layer that can be replaced",
                          dnn->model->name);
    /* The net's layout depends on the shapes, so the parameters leave it before these change. */
    DNNB_TRY(dnnb__dnn_unload(dnn));
    DNNB_TRY(dnnb__graph_replace_head(dnn->graph, n_outputs));
    const dnnb__node *node = &dnn->graph->nodes[head];
    for (size_t i = node->first_param; i < node->first_param + node->n_params; i++) {
        dnnb_tensor_destroy(dnn->sources[i]);
        dnn->sources[i] = NULL;
        dnn->graph->params[i].trainable = !dnn->graph->params[i].is_buffer;
    }
    return DNNB_OK;
}

void dnnb_dnn_count_parameters(const dnnb_dnn *dnn, int64_t *n_trainable, int64_t *n_all) {
    *n_trainable = *n_all = 0;
    for (size_t i = 0; i < dnn->graph->n_params; i++) {
        const dnnb__param *param = &dnn->graph->params[i];
        if (param->is_buffer) continue;
        *n_all += (int64_t)param->count;
        if (param->trainable) *n_trainable += (int64_t)param->count;
    }
}

const char *dnnb_dnn_get_name(const dnnb_dnn *dnn) {
    return dnn->model->name;
}

const char *dnnb_dnn_get_engine(const dnnb_dnn *dnn) {
    return dnn->engine;
}

const char *dnnb_dnn_get_engine_version(const dnnb_dnn *dnn) {
    return dnnb__engine_get_version(dnn->engine);
}

const char *dnnb_engine_get_version(const char *engine) {
    return dnnb__engine_get_version(engine);
}

const char *dnnb_dnn_get_precision(const dnnb_dnn *dnn) {
    return dnn->precision == DNNB__BF16 ? "bf16" : "f32";
}

size_t dnnb_dnn_get_n_threads(const dnnb_dnn *dnn) {
    return dnn->n_threads;
}

uint64_t dnnb_dnn_get_seed(const dnnb_dnn *dnn) {
    return dnn->seed;
}

const dnnb_shape *dnnb_dnn_get_input_shape(const dnnb_dnn *dnn) {
    return &dnn->model->input;
}

static int64_t count_elements(const dnnb_shape *shape) {
    int64_t n = 1;
    for (size_t i = 0; i < shape->ndim; i++) n *= shape->dim[i];
    return n;
}

int64_t dnnb_dnn_get_n_outputs(const dnnb_dnn *dnn) {
    return count_elements(&dnn->graph->nodes[dnn->graph->n_nodes - 1].shape);
}

size_t dnnb_dnn_get_n_layers(const dnnb_dnn *dnn) {
    return dnn->graph->n_nodes - 1; /* node 0 is the input */
}

dnnb_layer_info dnnb_dnn_get_layer(const dnnb_dnn *dnn, size_t i) {
    const dnnb__graph *graph = dnn->graph;
    const dnnb__node *node = &graph->nodes[i + 1];
    dnnb_layer_info info = {.path = node->path,
                            .name = node->name,
                            .type = dnnb__layer_get_type(node->kind)->type_name,
                            .output = node->shape,
                            .macs = node->macs};
    for (size_t k = 0; k < node->n_inputs; k++)
        info.n_inputs += count_elements(&graph->nodes[node->inputs[k]].shape);
    for (size_t p = node->first_param; p < node->first_param + node->n_params; p++) {
        if (graph->params[p].is_buffer) continue;
        info.n_parameters += (int64_t)graph->params[p].count;
        if (graph->params[p].trainable) info.n_trainable += (int64_t)graph->params[p].count;
    }
    return info;
}

dnnb_status dnnb_dnn_find_layer(const dnnb_dnn *dnn, const char *name, dnnb_layer_info *out) {
    size_t found = dnnb__graph_find_node(dnn->graph, name);
    *out = (dnnb_layer_info){0};
    if (found == SIZE_MAX || found == 0) return dnnb__dnn_fail_name(dnn, name);
    *out = dnnb_dnn_get_layer(dnn, found - 1);
    return DNNB_OK;
}
