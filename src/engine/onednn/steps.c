/*
 * What operations build a plan from: buffers, values, steps, parameters and gradients.
 *
 * Invariant: every step is complete when it is added, memory objects included, so that running a
 * plan only sets pointers.
 */
#include <string.h>

#include "core/bf16.h"
#include "core/status.h"
#include "engine/onednn/plan.h"
#include "tensor/tensor.h"

/* Far above any machine's memory, and low enough that sums of sizes cannot overflow. */
static const size_t max_buffer_bytes = (size_t)1 << 44;
enum { MAX_ITEMS = 1 << 16 };

/* Room for one more item in a growing array. */
static dnnb_status grow(void *array, size_t n, size_t *capacity, size_t item_bytes) {
    if (n < *capacity) return DNNB_OK;
    size_t larger = *capacity ? 2 * *capacity : 32;
    if (larger > MAX_ITEMS) return dnnb__fail(DNNB_ERR_LIMIT, "a plan of too many parts");
    void *old;
    memcpy(&old, array, sizeof old);
    void *grown = dnnb__realloc(old, larger, item_bytes);
    if (!grown) return dnnb__fail_memory();
    memcpy(array, &grown, sizeof grown);
    *capacity = larger;
    return DNNB_OK;
}

dnnb_status dnnb__onednn_alloc(dnnb__onednn_plan *plan, void **out, size_t n, size_t size) {
    DNNB_TRY(grow(&plan->blocks, plan->n_blocks, &plan->block_capacity, sizeof *plan->blocks));
    void *block = dnnb__calloc(n, size);
    if (!block) return dnnb__fail_memory();
    plan->blocks[plan->n_blocks++] = block;
    *out = block;
    return DNNB_OK;
}

static dnnb_status buffer_add(dnnb__onednn_plan *plan, size_t *out, dnnb__buffer buffer) {
    DNNB_TRY(grow(&plan->buffers, plan->n_buffers, &plan->buffer_capacity, sizeof *plan->buffers));
    *out = plan->n_buffers;
    plan->buffers[plan->n_buffers++] = buffer;
    return DNNB_OK;
}

dnnb_status dnnb__onednn_buffer_arena(dnnb__onednn_plan *plan, size_t *out, size_t n, size_t size) {
    size_t n_bytes;
    if (!dnnb__mul_size(n, size, &n_bytes) || n_bytes > max_buffer_bytes)
        return dnnb__fail(DNNB_ERR_LIMIT, "a buffer of %zu x %zu bytes is too large", n, size);
    return buffer_add(plan, out, (dnnb__buffer){.kind = DNNB__BUFFER_ARENA, .n_bytes = n_bytes});
}

dnnb_status dnnb__onednn_buffer_fixed(dnnb__onednn_plan *plan, size_t *out, void *memory,
                                      size_t n_bytes) {
    dnnb__buffer buffer = {.kind = DNNB__BUFFER_FIXED, .fixed = memory, .n_bytes = n_bytes};
    return buffer_add(plan, out, buffer);
}

/* --- values --- */

dnnb_status dnnb__onednn_value_count(const dnnb__onednn_plan *plan, const dnnb_shape *shape,
                                     int64_t block, size_t *out) {
    dnnb_shape padded = *shape;
    if (block > 1) padded.dim[0] = (padded.dim[0] + block - 1) / block * block;
    size_t count = 0;
    if (!dnnb__shape_count(&padded, &count) ||
        !dnnb__mul_size(count, plan->base.options.batch, out) ||
        *out > max_buffer_bytes / sizeof(float))
        return dnnb__fail(DNNB_ERR_LIMIT, "an activation of too many elements");
    return DNNB_OK;
}

size_t dnnb__onednn_element_bytes(dnnb__precision precision) {
    return precision == DNNB__BF16 ? sizeof(uint16_t) : sizeof(float);
}

dnnb_status dnnb__onednn_value_layout(dnnb__onednn_plan *plan, dnnb__layout *out,
                                      const dnnb_shape *shape, int64_t block,
                                      dnnb__precision precision) {
    int64_t batch = (int64_t)plan->base.options.batch;
    if (shape->ndim == 3) {
        int64_t dims[4] = {batch, shape->dim[0], shape->dim[1], shape->dim[2]};
        return dnnb__layout_blocked(plan->net->dnnl, out, precision, dims, block);
    }
    size_t count = 0;
    if (!dnnb__shape_count(shape, &count)) return dnnb__fail(DNNB_ERR_SHAPE, "a wrong shape");
    int64_t dims[2] = {batch, (int64_t)count};
    return dnnb__layout_plain_in(plan->net->dnnl, out, precision, dims, 2);
}

dnnb_status dnnb__onednn_value_add(dnnb__onednn_plan *plan, dnnb__op *op, const dnnb_shape *shape,
                                   int64_t block) {
    return dnnb__onednn_value_add_in(plan, op, shape, block,
                                     dnnb__dnnl_get_precision(plan->net->dnnl));
}

dnnb_status dnnb__onednn_value_add_in(dnnb__onednn_plan *plan, dnnb__op *op,
                                      const dnnb_shape *shape, int64_t block,
                                      dnnb__precision precision) {
    size_t count = 0, element_bytes = dnnb__onednn_element_bytes(precision);
    DNNB_TRY(dnnb__onednn_value_count(plan, shape, block, &count));
    DNNB_TRY(grow(&plan->values, plan->n_values, &plan->value_capacity, sizeof *plan->values));
    dnnb__value value = {.shape = *shape,
                         .block = block,
                         .precision = precision,
                         .base = plan->n_values,
                         .gradient = DNNB__NO_BUFFER,
                         .wants_gradient = op->differentiated};
    DNNB_TRY(dnnb__onednn_buffer_arena(plan, &value.data, count, element_bytes));
    if (value.wants_gradient)
        DNNB_TRY(dnnb__onednn_buffer_arena(plan, &value.gradient, count, element_bytes));
    op->out = plan->n_values;
    plan->values[plan->n_values++] = value;
    return DNNB_OK;
}

static bool value_is(const dnnb__value *value, int64_t block, dnnb__precision precision) {
    return value->block == block && value->precision == precision;
}

dnnb_status dnnb__onednn_value_get(dnnb__onednn_plan *plan, size_t *out, size_t node,
                                   int64_t block) {
    return dnnb__onednn_value_get_in(plan, out, node, block,
                                     dnnb__dnnl_get_precision(plan->net->dnnl));
}

dnnb_status dnnb__onednn_value_get_in(dnnb__onednn_plan *plan, size_t *out, size_t node,
                                      int64_t block, dnnb__precision precision) {
    *out = plan->node_value[node];
    if (value_is(&plan->values[*out], block, precision)) return DNNB_OK;
    size_t base = plan->values[*out].base;
    for (size_t i = base; i < plan->n_values; i++) {
        if (plan->values[i].base != base || !value_is(&plan->values[i], block, precision)) continue;
        *out = i;
        return DNNB_OK;
    }
    const dnnb__node *graph_node = &plan->graph->nodes[node];
    DNNB_TRY(grow(&plan->ops, plan->n_ops, &plan->op_capacity, sizeof *plan->ops));
    dnnb__op op = {.type = &dnnb__onednn_reorder,
                   .index = node,
                   .node = graph_node,
                   .in = {*out},
                   .n_in = 1,
                   .differentiated = plan->values[*out].wants_gradient};
    DNNB_TRY(dnnb__onednn_value_add_in(plan, &op, &graph_node->shape, block, precision));
    plan->values[op.out].base = base;
    DNNB_TRY(op.type->forward(plan, &op));
    plan->ops[plan->n_ops++] = op;
    *out = op.out;
    return DNNB_OK;
}

/* --- steps --- */

static dnnb_status step_add(dnnb__onednn_plan *plan, dnnb__step **out, const char *layer,
                            const char *pass) {
    DNNB_TRY(grow(&plan->steps, plan->n_steps, &plan->step_capacity, sizeof *plan->steps));
    dnnb__step *step = &plan->steps[plan->n_steps++];
    *step = (dnnb__step){.info = {.layer = layer, .pass = pass}};
    *out = step;
    return DNNB_OK;
}

/* One argument of a primitive: the buffer, and a memory object that gets its pointer later. */
static dnnb_status step_bind(dnnb__onednn_plan *plan, dnnb__step *step, int arg,
                             dnnb__layout layout, size_t buffer) {
    dnnl_exec_arg_t *slot = &step->args[step->n_buffers];
    slot->arg = arg;
    DNNB_TRY(dnnb__memory_create(plan->net->dnnl, &slot->memory, layout));
    step->buffers[step->n_buffers++] = buffer;
    return DNNB_OK;
}

dnnb_status dnnb__onednn_add_primitive(dnnb__onednn_plan *plan, const char *layer, const char *pass,
                                       dnnb__primitive *taken, const dnnb__binding *bindings,
                                       size_t n) {
    dnnb__step *step;
    dnnb_status status = step_add(plan, &step, layer, pass);
    if (status != DNNB_OK) {
        dnnb__primitive_destroy(taken);
        return status;
    }
    step->primitive = *taken;
    *taken = (dnnb__primitive){0};
    step->info.implementation = step->primitive.implementation;
    step->info.is_slow = dnnb__primitive_is_slow(&step->primitive);
    step->info.is_rowwise = strncmp(pass, "reorder", strlen("reorder")) == 0;
    for (size_t i = 0; i < n; i++) {
        dnnb__layout layout = dnnb__primitive_get_layout(&step->primitive, bindings[i].arg);
        if (layout) DNNB_TRY(step_bind(plan, step, bindings[i].arg, layout, bindings[i].buffer));
    }
    if (step->primitive.scratch) {
        size_t scratch;
        DNNB_TRY(dnnb__onednn_buffer_arena(plan, &scratch,
                                           dnnb__layout_get_bytes(step->primitive.scratch), 1));
        DNNB_TRY(step_bind(plan, step, DNNL_ARG_SCRATCHPAD, step->primitive.scratch, scratch));
    }
    return DNNB_OK;
}

dnnb_status dnnb__onednn_add_kernel(dnnb__onednn_plan *plan, const char *layer, const char *pass,
                                    const char *name, dnnb__kernel kernel, const void *settings,
                                    const size_t *buffers, size_t n) {
    DNNB_ASSERT(n <= DNNB__STEP_MAX_ARGS);
    dnnb__step *step;
    DNNB_TRY(step_add(plan, &step, layer, pass));
    step->info.implementation = name;
    step->info.is_rowwise = true; /* our own kernels all are, in forward passes */
    step->kernel = kernel;
    step->settings = settings;
    memcpy(step->buffers, buffers, n * sizeof *buffers);
    step->n_buffers = n;
    return DNNB_OK;
}

dnnb_status dnnb__onednn_add_reorder(dnnb__onednn_plan *plan, const char *layer,
                                     dnnb__layout from_layout, size_t from, dnnb__layout to_layout,
                                     size_t *to) {
    if (*to == DNNB__NO_BUFFER)
        DNNB_TRY(dnnb__onednn_buffer_arena(plan, to, dnnb__layout_get_bytes(to_layout), 1));
    dnnb__primitive primitive;
    DNNB_TRY(dnnb__reorder(plan->net->dnnl, &primitive, from_layout, to_layout));
    dnnb__binding bindings[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, *to}};
    return dnnb__onednn_add_primitive(plan, layer, "reorder", &primitive, bindings, 2);
}

void dnnb__onednn_count_products(dnnb__onednn_plan *plan, const dnnb__node *node) {
    dnnb__plan_op *info = &plan->steps[plan->n_steps - 1].info;
    double n_images = (double)plan->base.options.batch;
    info->flops = 2.0 * (double)node->macs * n_images;
    info->unpadded_flops = 2.0 * (double)node->unpadded_macs * n_images;
}

/* --- parameters --- */

bool dnnb__onednn_is_trained(const dnnb__onednn_plan *plan, size_t param) {
    return plan->trained[param];
}

/* A weight rounded to bfloat16 (see dnnb__flat.copy), n elements. */
typedef struct rounding {
    size_t n, row;
} rounding;

static void round_run(const dnnb__step *step, const dnnb__step_random *random) {
    enum { CHUNK = 1 << 16 }; /* a multiple of every pair of rows */
    (void)random;
    const rounding *r = step->settings;
    const float *weight = step->data[1];
    uint16_t *copy = step->data[0];
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < r->n; first += CHUNK)
        dnnb__bf16_round_pairs(weight + first, r->n - first < CHUNK ? r->n - first : CHUNK, r->row,
                               copy + first);
}

static dnnb_status add_rounding(dnnb__onednn_plan *plan, const dnnb__weight_copy *copy,
                                size_t original, size_t rounded) {
    void *settings = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &settings, 1, sizeof(rounding)));
    *(rounding *)settings = (rounding){plan->net->params[copy->param].n, copy->row};
    size_t buffers[] = {rounded, original};
    return dnnb__onednn_add_kernel(plan, plan->graph->params[copy->param].path, "reorder",
                                   "own rounding", round_run, settings, buffers, 2);
}

dnnb_status dnnb__onednn_weight(dnnb__onednn_plan *plan, size_t *out, size_t param,
                                dnnb__layout layout) {
    const dnnb__param_store *store = &plan->net->params[param];
    size_t original;
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &original, store->weight, store->n * sizeof(float)));
    *out = original;
    if (store->form.layout == layout) return DNNB_OK;
    dnnb__weight_copy *copy;
    DNNB_TRY(dnnb__onednn_net_need_copy(plan->net, &copy, param, layout, DNNB__COPY_SAME));
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, out, copy->data, dnnb__layout_get_bytes(layout)));
    if (copy->is_rounded)
        DNNB_TRY(add_rounding(plan, copy, original, *out));
    else
        DNNB_TRY(dnnb__onednn_add_reorder(plan, plan->graph->params[param].path, store->form.layout,
                                          original, layout, out));
    plan->steps[plan->n_steps - 1].copy = copy;
    plan->steps[plan->n_steps - 1].info.pass = "reorder weights";
    return DNNB_OK;
}

dnnb_status dnnb__onednn_weight_gradients(dnnb__onednn_plan *plan, dnnb__onednn_gradients *out,
                                          size_t weight_param, dnnb__layout layout,
                                          bool bias_trained) {
    const dnnb__param_store *store = &plan->net->params[weight_param];
    *out = (dnnb__onednn_gradients){.bias = DNNB__NO_BUFFER, .layout = layout};
    if (bias_trained)
        DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &out->bias, store[1].gradient,
                                           store[1].n * sizeof(float)));
    if (dnnb__onednn_is_trained(plan, weight_param) && store->form.layout == layout)
        return dnnb__onednn_buffer_fixed(plan, &out->weight, store->gradient,
                                         store->n * sizeof(float));
    return dnnb__onednn_buffer_arena(plan, &out->weight, dnnb__layout_get_bytes(layout), 1);
}

dnnb_status dnnb__onednn_weight_gradients_end(dnnb__onednn_plan *plan,
                                              const dnnb__onednn_gradients *g,
                                              size_t weight_param) {
    const dnnb__param_store *store = &plan->net->params[weight_param];
    if (!dnnb__onednn_is_trained(plan, weight_param) || store->form.layout == g->layout)
        return DNNB_OK;
    size_t kept;
    DNNB_TRY(dnnb__onednn_buffer_fixed(plan, &kept, store->gradient, store->n * sizeof(float)));
    DNNB_TRY(dnnb__onednn_add_reorder(plan, plan->graph->params[weight_param].path, g->layout,
                                      g->weight, store->form.layout, &kept));
    plan->steps[plan->n_steps - 1].info.pass = "reorder gradient";
    return DNNB_OK;
}

/* --- gradients of values --- */

dnnb_status dnnb__onednn_gradient_begin(dnnb__onednn_plan *plan, size_t value, size_t *buffer) {
    const dnnb__value *v = &plan->values[value];
    if (!v->has_gradient) {
        *buffer = v->gradient;
        return DNNB_OK;
    }
    size_t count = 0;
    DNNB_TRY(dnnb__onednn_value_count(plan, &v->shape, v->block, &count));
    return dnnb__onednn_buffer_arena(plan, buffer, count, dnnb__onednn_element_bytes(v->precision));
}

static void add_to_bf16(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    uint16_t *sum = step->data[0];
    const uint16_t *term = step->data[1];
    int64_t n = *(const int64_t *)step->settings;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++)
        sum[i] = dnnb__bf16_round(dnnb__bf16_widen(sum[i]) + dnnb__bf16_widen(term[i]));
}

static void add_to(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    float *sum = step->data[0];
    const float *term = step->data[1];
    int64_t n = *(const int64_t *)step->settings;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++) sum[i] += term[i];
}

dnnb_status dnnb__onednn_gradient_end(dnnb__onednn_plan *plan, size_t value, size_t buffer,
                                      const char *layer) {
    dnnb__value *v = &plan->values[value];
    v->has_gradient = true;
    if (buffer == v->gradient) return DNNB_OK;
    size_t count = 0;
    DNNB_TRY(dnnb__onednn_value_count(plan, &v->shape, v->block, &count));
    void *settings = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &settings, 1, sizeof(int64_t)));
    *(int64_t *)settings = (int64_t)count;
    size_t buffers[] = {v->gradient, buffer};
    return dnnb__onednn_add_kernel(plan, layer, "backward data", "sum of gradients",
                                   v->precision == DNNB__BF16 ? add_to_bf16 : add_to, settings,
                                   buffers, 2);
}
