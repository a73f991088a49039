/*
 * The engine's side of a network: its net, made when it is first needed, and a few plans.
 *
 * Invariant: exactly one of `sources` and `net` is set, but for a net that sources are lent to. A
 * call that fails leaves the parameters where they were.
 */
#include <string.h>

#include "core/thread.h"
#include "dnn/dnn.h"
#include "tensor/tensor.h"

/* The source of parameter i where it is float32, row-major and aligned; NULL elsewhere. */
static const float *get_source(const dnnb_dnn *dnn, size_t i) {
    const dnnb_tensor *source = dnn->sources[i];
    if (!source || dnnb_tensor_get_dtype(source) != DNNB_F32 || !dnnb_tensor_is_contiguous(source))
        return NULL;
    const void *data = dnnb_tensor_get_data(source);
    return (uintptr_t)data % _Alignof(float) == 0 ? data : NULL;
}

/* Parameter i as float32, row-major, from its source or as it is initialised. */
static dnnb_status read_source(const dnnb_dnn *dnn, size_t i, float *out) {
    const dnnb__param *param = &dnn->graph->params[i];
    if (dnn->sources[i]) return dnnb_tensor_read_f32(dnn->sources[i], out, param->count);
    dnnb__random_key key = dnnb__random_key_create(dnn->seed, DNNB__PURPOSE_INIT);
    size_t threads_before = dnnb__threads_set(dnnb_dnn_get_n_threads(dnn));
    dnnb__param_initialize(param, key, out);
    dnnb__threads_set(threads_before);
    return DNNB_OK;
}

/* Where a source cannot be read in place: by way of a buffer for the longest parameter, which is
 * made when it is first needed. */
static dnnb_status import_copy(const dnnb_dnn *dnn, dnnb__net *net, size_t i, float **buffer) {
    size_t longest = 1;
    for (size_t k = 0; k < dnn->graph->n_params; k++)
        if (dnn->graph->params[k].count > longest) longest = dnn->graph->params[k].count;
    if (!*buffer) *buffer = dnnb__alloc(longest, sizeof **buffer);
    if (!*buffer) return dnnb__fail_memory();
    DNNB_TRY(read_source(dnn, i, *buffer));
    return dnnb__net_import(net, i, *buffer);
}

static bool can_lend(const dnnb_dnn *dnn, size_t i) {
    return dnn->graph->params[i].count >= DNNB__DNN_LARGE && get_source(dnn, i) &&
           dnnb__tensor_is_mapped(dnn->sources[i]);
}

/* Parameter by parameter: what was read of a mapped file is given back at once, so that all of the
 * parameters are never in memory twice. */
static dnnb_status import_all(const dnnb_dnn *dnn, dnnb__net *net, bool lends) {
    float *buffer = NULL;
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; status == DNNB_OK && i < dnn->graph->n_params; i++) {
        const float *values = get_source(dnn, i);
        if (lends && can_lend(dnn, i) && dnnb__net_lend(net, i, values)) continue;
        status = values ? dnnb__net_import(net, i, values) : import_copy(dnn, net, i, &buffer);
        if (dnn->sources[i]) dnnb__tensor_release_pages(dnn->sources[i]);
    }
    dnnb__free(buffer);
    return status;
}

static void drop_sources(dnnb_dnn *dnn) {
    for (size_t i = 0; dnn->sources && i < dnn->graph->n_params; i++)
        dnnb_tensor_destroy(dnn->sources[i]);
    dnnb__free(dnn->sources);
    dnn->sources = NULL;
}

/* A net with all parameters, beside the sources. */
static dnnb_status create_net(dnnb_dnn *dnn, bool lends, dnnb__net **out) {
    dnnb__net *net;
    *out = NULL;
    DNNB_TRY(dnnb__net_create_in(&net, dnn->engine, dnn->graph, dnn->n_threads, dnn->precision));
    dnnb_status status = import_all(dnn, net, lends);
    if (status != DNNB_OK) {
        dnnb__net_destroy(net);
        return status;
    }
    *out = net;
    return DNNB_OK;
}

dnnb_status dnnb__dnn_get_net(dnnb_dnn *dnn, dnnb__net **out) {
    *out = dnn->net;
    if (dnn->net) return DNNB_OK;
    DNNB_TRY(create_net(dnn, dnn->is_lending, &dnn->net));
    if (!dnn->is_lending) drop_sources(dnn);
    *out = dnn->net;
    return DNNB_OK;
}

bool dnnb__dnn_begin_lending(dnnb_dnn *dnn) {
    if (dnn->net || dnn->was_lent || dnn->precision != DNNB__F32) return false;
    for (size_t i = 0; i < dnn->graph->n_params && !dnn->is_lending; i++)
        dnn->is_lending = can_lend(dnn, i);
    dnn->was_lent = dnn->is_lending;
    return dnn->is_lending;
}

void dnnb__dnn_end_lending(dnnb_dnn *dnn) {
    dnnb__dnn_drop_plans(dnn);
    dnnb__net_destroy(dnn->net);
    dnn->net = NULL;
    dnn->is_lending = false;
}

dnnb_status dnnb__dnn_unload(dnnb_dnn *dnn) {
    if (!dnn->net) return DNNB_OK;
    dnnb_dict *state;
    dnnb_tensor **sources = dnnb__calloc(dnn->graph->n_params, sizeof *sources);
    if (!sources) return dnnb__fail_memory();
    dnnb_status status = dnnb_dnn_get_state(dnn, &state);
    for (size_t i = 0; status == DNNB_OK && i < dnn->graph->n_params; i++)
        status = dnnb_tensor_clone(&sources[i], dnnb_dict_get_tensor(state, i));
    dnnb_dict_destroy(state);
    if (status != DNNB_OK) {
        for (size_t i = 0; i < dnn->graph->n_params; i++) dnnb_tensor_destroy(sources[i]);
        dnnb__free(sources);
        return status;
    }
    dnnb__dnn_drop_plans(dnn);
    dnnb__net_destroy(dnn->net);
    dnn->net = NULL;
    dnn->sources = sources;
    return DNNB_OK;
}

void dnnb__dnn_drop_plans(dnnb_dnn *dnn) {
    for (size_t i = 0; i < dnn->n_plans; i++) dnnb__plan_destroy(dnn->plans[i].plan);
    dnn->n_plans = 0;
}

dnnb_status dnnb__dnn_get_image_layout(const dnnb_dnn *dnn, dnnb__image_layout *out) {
    return dnnb__engine_get_image_layout(out, dnn->engine, dnn->graph, dnn->n_threads,
                                         dnn->precision);
}

static bool same_options(const dnnb__plan_options *a, const dnnb__plan_options *b) {
    return a->mode == b->mode && a->batch == b->batch && a->from == b->from && a->to == b->to &&
           a->input_gradient == b->input_gradient && a->laid_out == b->laid_out;
}

dnnb_status dnnb__dnn_get_plan(dnnb_dnn *dnn, const dnnb__plan_options *options, dnnb__plan **out) {
    dnnb__net *net;
    *out = NULL;
    DNNB_TRY(dnnb__dnn_get_net(dnn, &net));
    size_t at = 0;
    for (size_t i = 0; i < dnn->n_plans; i++) {
        if (same_options(&dnn->plans[i].options, options)) {
            dnn->plans[i].last_use = ++dnn->clock;
            *out = dnn->plans[i].plan;
            return DNNB_OK;
        }
        if (dnn->plans[i].last_use < dnn->plans[at].last_use) at = i;
    }
    dnnb__plan *plan;
    DNNB_TRY(dnnb__plan_create(&plan, net, options));
    dnnb__dnn_note_slow(dnn, plan);
    if (dnn->n_plans < DNNB__DNN_MAX_PLANS)
        at = dnn->n_plans++;
    else
        dnnb__plan_destroy(dnn->plans[at].plan);
    dnn->plans[at] = (dnnb__dnn_plan){.plan = plan, .options = *options, .last_use = ++dnn->clock};
    *out = plan;
    return DNNB_OK;
}

dnnb_status dnnb_dnn_forward(dnnb_dnn *dnn, const float *images, size_t n, float *outputs) {
    size_t n_in = 1, n_out = (size_t)dnnb_dnn_get_n_outputs(dnn);
    for (size_t i = 0; i < dnn->model->input.ndim; i++) n_in *= (size_t)dnn->model->input.dim[i];
    for (size_t done = 0; done < n;) {
        size_t batch = n - done < DNNB__DNN_BATCH ? n - done : DNNB__DNN_BATCH;
        dnnb__plan_options options = {
            .mode = DNNB__MODE_TEST, .batch = batch, .to = dnn->graph->n_nodes - 1};
        dnnb__plan *plan;
        DNNB_TRY(dnnb__dnn_get_plan(dnn, &options, &plan));
        DNNB_TRY(dnnb__plan_forward(plan, images + done * n_in, NULL));
        memcpy(outputs + done * n_out, dnnb__plan_get_output(plan),
               batch * n_out * sizeof *outputs);
        done += batch;
    }
    return DNNB_OK;
}

/* A parameter's values, row-major float32, from the net or from its source. */
static dnnb_status read_values(const dnnb_dnn *dnn, size_t i, float *out) {
    return dnn->net ? dnnb__net_export(dnn->net, i, out) : read_source(dnn, i, out);
}

static size_t get_bytes(const dnnb_dnn *dnn, size_t i) {
    return dnn->graph->params[i].count * sizeof(float);
}

static dnnb_status create_copy(dnnb__storage **out, dnnb_dnn *dnn, size_t i) {
    DNNB_TRY(dnnb__storage_create_empty(out, get_bytes(dnn, i)));
    dnnb_status status = read_values(dnn, i, (float *)(void *)dnnb__storage_get_writable(*out));
    if (status != DNNB_OK) dnnb__storage_release(*out);
    return status;
}

/* Room in what passes use, or else of its own. */
static dnnb_status find_room(dnnb_dnn *dnn, size_t n_bytes, dnnb__made *out) {
    void *room = dnn->net ? dnnb__net_get_scratch(dnn->net, n_bytes) : NULL;
    *out = (dnnb__made){.bytes = room, .n_bytes = n_bytes};
    if (!room) out->bytes = out->copy = dnnb__alloc(n_bytes, 1);
    return out->bytes ? DNNB_OK : dnnb__fail_memory();
}

static void clear_made(dnnb__made *made) {
    dnnb__free(made->copy);
    *made = (dnnb__made){0};
}

/* The next rows of a parameter, where the engine gives rows. */
static dnnb_status make_rows(dnnb_dnn *dnn, size_t i, size_t at, dnnb__made *out) {
    size_t n_rows = (size_t)dnn->graph->params[i].shape.dim[0];
    size_t row = get_bytes(dnn, i) / n_rows, first = at / row;
    size_t n = n_rows - first < DNNB__EXPORT_ROWS ? n_rows - first : DNNB__EXPORT_ROWS;
    DNNB_TRY(find_room(dnn, n * row, out));
    if (!dnnb__net_export_rows(dnn->net, i, first, n, out->bytes)) clear_made(out);
    return DNNB_OK;
}

static dnnb_status make_values(void *context, size_t i, size_t at, dnnb__made *out) {
    dnnb_dnn *dnn = context;
    *out = (dnnb__made){0};
    if (dnn->net && dnn->graph->params[i].shape.ndim == 2) DNNB_TRY(make_rows(dnn, i, at, out));
    if (out->n_bytes > 0) return DNNB_OK;
    DNNB_TRY(find_room(dnn, get_bytes(dnn, i), out));
    dnnb_status status = read_values(dnn, i, out->bytes);
    if (status != DNNB_OK) clear_made(out);
    return status;
}

static dnnb_status create_made(dnnb__storage **out, dnnb_dnn *dnn, size_t i) {
    dnnb__maker maker = {.make = make_values, .context = dnn, .index = i};
    return dnnb__storage_create_made(out, get_bytes(dnn, i), maker);
}

typedef dnnb_status create_values(dnnb__storage **out, dnnb_dnn *dnn, size_t i);

static dnnb_status add_param(dnnb_dict *state, dnnb_dnn *dnn, size_t i, create_values *create) {
    const dnnb__param *param = &dnn->graph->params[i];
    dnnb__storage *storage;
    dnnb_tensor *tensor;
    DNNB_TRY(create(&storage, dnn, i));
    dnnb_status status = dnnb__tensor_view(&tensor, storage, 0, DNNB_F32, &param->shape, NULL);
    dnnb__storage_release(storage);
    if (status != DNNB_OK) return status;
    status = dnnb_dict_add(state, param->path, tensor);
    if (status != DNNB_OK) dnnb_tensor_destroy(tensor);
    return status;
}

static dnnb_status create_state(dnnb_dict **out, dnnb_dnn *dnn, create_values *create) {
    DNNB_TRY(dnnb_dict_create(out));
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; status == DNNB_OK && i < dnn->graph->n_params; i++)
        status = add_param(*out, dnn, i, create);
    if (status != DNNB_OK) {
        dnnb_dict_destroy(*out);
        *out = NULL;
    }
    return status;
}

dnnb_status dnnb_dnn_get_state(dnnb_dnn *dnn, dnnb_dict **out) {
    return create_state(out, dnn, create_copy);
}

/* Some rows after others, in what passes use: training takes the most memory as it is. */
dnnb_status dnnb_dnn_save(dnnb_dnn *dnn, const char *path) {
    dnnb_dict *state;
    DNNB_TRY(create_state(&state, dnn, create_made));
    dnnb_status status = dnnb_dict_save(state, path);
    dnnb_dict_destroy(state);
    return status;
}
