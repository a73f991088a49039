/*
 * Dispatch to the engines of engine_list.h, and the checks of arguments that they share, so that an
 * engine may take its arguments as valid.
 */
#include "engine/engine.h"

#include "core/text.h"
#include "core/thread.h"
#include "engine/engine_list.h"
#include "tensor/tensor.h"

#define DECLARE_ENGINE(folder) extern const dnnb__engine dnnb__engine_##folder;
DNNB__ENGINE_LIST(DECLARE_ENGINE)
#undef DECLARE_ENGINE

static const dnnb__engine *const engines[] = {
#define ENGINE_ROW(folder) &dnnb__engine_##folder,
    DNNB__ENGINE_LIST(ENGINE_ROW)
#undef ENGINE_ROW
};
static const char *const names[] = {
#define ENGINE_NAME(folder) #folder,
    DNNB__ENGINE_LIST(ENGINE_NAME)
#undef ENGINE_NAME
};
enum { N_ENGINES = sizeof engines / sizeof engines[0], MAX_THREADS = 4096 };

const char *const *dnnb__engine_get_names(size_t *n) {
    *n = N_ENGINES;
    return names;
}

static dnnb_status find_engine(const dnnb__engine **out, const char *name) {
    *out = engines[0];
    if (!name) return DNNB_OK;
    for (size_t i = 0; i < N_ENGINES; i++) {
        *out = engines[i];
        if (dnnb__text_equal_nocase(names[i], name)) return DNNB_OK;
    }
    const char *nearest = dnnb__text_nearest(name, names, N_ENGINES);
    return dnnb__fail(DNNB_ERR_ARGUMENT, "engine: unknown name '%s'; did you mean %s?", name,
                      nearest ? nearest : names[0]);
}

const char *dnnb__engine_get_version(const char *engine) {
    const dnnb__engine *found;
    return find_engine(&found, engine) == DNNB_OK ? found->get_version() : "";
}

const char *dnnb__engine_get_instructions(const char *engine, dnnb__precision precision) {
    const dnnb__engine *found;
    return find_engine(&found, engine) == DNNB_OK ? found->get_instructions(precision) : "";
}

dnnb__bf16_support dnnb__engine_get_bf16_support(const char *engine) {
    const dnnb__engine *found;
    return find_engine(&found, engine) == DNNB_OK ? found->get_bf16_support() : DNNB__BF16_NONE;
}

dnnb_status dnnb__engine_check_precision(const char *engine, dnnb__precision precision) {
    const dnnb__engine *found;
    DNNB_TRY(find_engine(&found, engine));
    if (precision == DNNB__F32 || found->get_bf16_support() != DNNB__BF16_NONE) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_UNSUPPORTED,
                      "precision bf16: expected a processor with AVX-512 and the engine onednn, "
                      "found %s on %s; take f32, or auto",
                      found->name, found->get_instructions(DNNB__F32));
}

/* 0: every processor that is available. */
static dnnb_status choose_threads(size_t *n_threads) {
    if (*n_threads == 0) *n_threads = dnnb__threads_get_available();
    if (*n_threads <= MAX_THREADS) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT, "threads: expected 1 to %d, found %zu", MAX_THREADS,
                      *n_threads);
}

dnnb_status dnnb__engine_get_image_layout(dnnb__image_layout *out, const char *engine,
                                          const dnnb__graph *graph, size_t n_threads,
                                          dnnb__precision precision) {
    const dnnb_shape *shape = &graph->nodes[0].shape;
    const dnnb__engine *found;
    DNNB_ASSERT(shape->ndim == 3);
    *out = dnnb__image_layout_plain(shape->dim[0], shape->dim[1], shape->dim[2]);
    DNNB_TRY(find_engine(&found, engine));
    DNNB_TRY(dnnb__engine_check_precision(engine, precision));
    DNNB_TRY(choose_threads(&n_threads));
    return found->get_image_layout ? found->get_image_layout(out, graph, n_threads, precision)
                                   : DNNB_OK;
}

dnnb_status dnnb__net_create(dnnb__net **out, const char *engine, const dnnb__graph *graph,
                             size_t n_threads) {
    return dnnb__net_create_in(out, engine, graph, n_threads, DNNB__F32);
}

dnnb_status dnnb__net_create_in(dnnb__net **out, const char *engine, const dnnb__graph *graph,
                                size_t n_threads, dnnb__precision precision) {
    *out = NULL;
    const dnnb__engine *found;
    DNNB_TRY(find_engine(&found, engine));
    DNNB_TRY(dnnb__engine_check_precision(engine, precision));
    DNNB_TRY(choose_threads(&n_threads));
    DNNB_TRY(found->net_create(out, graph, n_threads, precision));
    (*out)->engine = found;
    (*out)->graph = graph;
    (*out)->n_threads = n_threads;
    (*out)->precision = precision;
    return DNNB_OK;
}

void dnnb__net_destroy(dnnb__net *net) {
    if (net) net->engine->net_destroy(net);
}

const dnnb__graph *dnnb__net_get_graph(const dnnb__net *net) {
    return net->graph;
}

size_t dnnb__net_get_n_threads(const dnnb__net *net) {
    return net->n_threads;
}

static dnnb_status check_param(const dnnb__net *net, size_t param) {
    if (param < net->graph->n_params) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT, "parameter: expected an index below %zu, found %zu",
                      net->graph->n_params, param);
}

dnnb_status dnnb__net_import(dnnb__net *net, size_t param, const float *values) {
    DNNB_TRY(check_param(net, param));
    return net->engine->net_import(net, param, values);
}

bool dnnb__net_lend(dnnb__net *net, size_t param, const float *values) {
    DNNB_ASSERT(param < net->graph->n_params);
    return net->engine->net_lend && net->engine->net_lend(net, param, values);
}

dnnb_status dnnb__net_export(const dnnb__net *net, size_t param, float *values) {
    DNNB_TRY(check_param(net, param));
    return net->engine->net_export(net, param, values);
}

bool dnnb__net_export_rows(const dnnb__net *net, size_t param, size_t first, size_t n,
                           float *values) {
    DNNB_ASSERT(param < net->graph->n_params && first % DNNB__EXPORT_ROWS == 0);
    return net->engine->net_export_rows &&
           net->engine->net_export_rows(net, param, first, n, values);
}

dnnb_status dnnb__net_export_gradient(const dnnb__net *net, size_t param, float *values) {
    DNNB_TRY(check_param(net, param));
    return net->engine->net_export_gradient(net, param, values);
}

dnnb__flat dnnb__net_get_flat(dnnb__net *net, size_t param) {
    DNNB_ASSERT(param < net->graph->n_params);
    return net->engine->net_get_flat(net, param);
}

void dnnb__net_mark_changed(dnnb__net *net) {
    net->engine->net_mark_changed(net);
}

void dnnb__net_mark_trained(dnnb__net *net) {
    net->engine->net_mark_trained(net);
}

bool dnnb__net_set_update(dnnb__net *net, size_t param, const dnnb__update *update) {
    DNNB_ASSERT(param < net->graph->n_params);
    return net->engine->net_set_update && net->engine->net_set_update(net, param, update);
}

void *dnnb__net_get_scratch(dnnb__net *net, size_t n_bytes) {
    return net->engine->net_get_scratch ? net->engine->net_get_scratch(net, n_bytes) : NULL;
}

/* The part from..to reads node `from` alone, and its batches can be counted in bytes. */
static dnnb_status check_part(const dnnb__graph *graph, const dnnb__plan_options *options) {
    if (options->from >= options->to || options->to >= graph->n_nodes)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "plan: expected from < to < %zu, found %zu and %zu",
                          graph->n_nodes, options->from, options->to);
    if (options->laid_out && (options->from > 0 || options->input_gradient))
        return dnnb__fail(
            DNNB_ERR_ARGUMENT,
            "plan: images that are laid out are read from node 0, without a gradient");
    for (size_t i = options->from; i <= options->to; i++) {
        const dnnb__node *node = &graph->nodes[i];
        size_t count, n_bytes;
        if (options->batch == 0 || !dnnb__shape_count(&node->shape, &count) ||
            !dnnb__mul_size(count, options->batch, &count) ||
            !dnnb__mul_size(count, 2 * sizeof(double), &n_bytes) || n_bytes > PTRDIFF_MAX)
            return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: a batch of %zu is not in its range",
                              i ? node->path : "plan", options->batch);
        for (size_t k = 0; i > options->from && k < node->n_inputs; k++)
            if (node->inputs[k] < options->from)
                return dnnb__fail(DNNB_ERR_ARGUMENT,
                                  "%s: reads %s, which lies before the part that starts at %s",
                                  node->path, graph->nodes[node->inputs[k]].name,
                                  graph->nodes[options->from].name);
    }
    return DNNB_OK;
}

dnnb_status dnnb__plan_create(dnnb__plan **out, dnnb__net *net, const dnnb__plan_options *options) {
    *out = NULL;
    DNNB_TRY(check_part(net->graph, options));
    DNNB_TRY(net->engine->plan_create(out, net, options));
    (*out)->engine = net->engine;
    (*out)->net = net;
    (*out)->options = *options;
    return DNNB_OK;
}

void dnnb__plan_destroy(dnnb__plan *plan) {
    if (plan) plan->engine->plan_destroy(plan);
}

dnnb_status dnnb__plan_forward(dnnb__plan *plan, const void *input,
                               const dnnb__step_random *random) {
    const dnnb__plan_options *options = &plan->options;
    const dnnb__graph *graph = plan->net->graph;
    for (size_t i = options->from + 1;
         options->mode == DNNB__MODE_TRAIN && !random && i <= options->to; i++)
        if (dnnb__layer_get_type(graph->nodes[i].kind)->random)
            return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: training needs the step's random key",
                              graph->nodes[i].path);
    return plan->engine->plan_forward(plan, input, random);
}

const float *dnnb__plan_get_output(const dnnb__plan *plan) {
    return plan->engine->plan_get_output(plan);
}

dnnb_status dnnb__plan_backward(dnnb__plan *plan, const float *output_gradient) {
    if (plan->options.mode != DNNB__MODE_TRAIN)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "plan: a backward pass needs a plan for training");
    return plan->engine->plan_backward(plan, output_gradient);
}

const float *dnnb__plan_get_input_gradient(const dnnb__plan *plan) {
    if (plan->options.mode != DNNB__MODE_TRAIN || !plan->options.input_gradient) return NULL;
    return plan->engine->plan_get_input_gradient(plan);
}

size_t dnnb__plan_get_n_ops(const dnnb__plan *plan) {
    return plan->engine->plan_get_n_ops(plan);
}

dnnb__plan_op dnnb__plan_get_op(const dnnb__plan *plan, size_t i) {
    DNNB_ASSERT(i < plan->engine->plan_get_n_ops(plan));
    return plan->engine->plan_get_op(plan, i);
}

bool dnnb__plan_is_rowwise(const dnnb__plan *plan) {
    for (size_t i = 0; i < dnnb__plan_get_n_ops(plan); i++)
        if (!dnnb__plan_get_op(plan, i).is_rowwise) return false;
    return true;
}

void dnnb__plan_set_timing(dnnb__plan *plan, bool on) {
    plan->engine->plan_set_timing(plan, on);
}
