/*
 * The graph: nodes in an order of computation, their parameters, and what may be frozen.
 *
 * Rows are appended one by one; a layer type's infer() gives the node its shape and declares its
 * parameters. A row that fails leaves the graph as it was before that row.
 * Invariant: the inputs of node i have indices below i; a node's parameters follow each other.
 */
#include "nn/graph.h"

#include <string.h>

#include "core/text.h"
#include "tensor/tensor.h"

enum { MAX_NODES = 1 << 16, MAX_PARAMS = 1 << 18, LONGEST_PATH = 255 };
/* Elements of one parameter or of one image's activation: far above any network, far below what
 * overflows a byte count. */
#define MAX_ELEMENTS ((size_t)1 << 36)

#define DECLARE_LAYER(kind, file, name) extern const dnnb__layer_type dnnb__layer_##file;
DNNB__LAYER_LIST(DECLARE_LAYER)
#undef DECLARE_LAYER

const dnnb__layer_type *dnnb__layer_get_type(dnnb__layer_kind kind) {
    static const dnnb__layer_type input = {.type_name = "Input"};
    switch (kind) {
#define LAYER_CASE(kind_, file, name)                                                              \
    case DNNB__LAYER_##kind_:                                                                      \
        return &dnnb__layer_##file;
        DNNB__LAYER_LIST(LAYER_CASE)
#undef LAYER_CASE
    case DNNB__LAYER_INPUT:
    case DNNB__LAYER_KIND_COUNT:
        break;
    }
    return &input;
}

/* Room for one more element, doubling; *items moves. */
static dnnb_status grow(void **items, size_t n, size_t *capacity, size_t size, size_t cap) {
    if (n < *capacity) return DNNB_OK;
    if (n >= cap) return dnnb__fail(DNNB_ERR_LIMIT, "network: more than %zu entries", cap);
    size_t larger = *capacity ? *capacity * 2 : 32;
    void *moved = *items ? dnnb__realloc(*items, larger, size) : dnnb__alloc(larger, size);
    if (!moved) return dnnb__fail_memory();
    *items = moved;
    *capacity = larger;
    return DNNB_OK;
}

static void pop_node(dnnb__graph *graph) {
    dnnb__node *node = &graph->nodes[graph->n_nodes - 1];
    while (graph->n_params > node->first_param) dnnb__free(graph->params[--graph->n_params].path);
    dnnb__free(node->path);
    dnnb__free(node->name);
    graph->n_nodes--;
}

/* A node without shape or parameters at the end of the list. */
static dnnb_status push_node(dnnb__graph *graph, const char *path, const char *name,
                             dnnb__layer_kind kind) {
    DNNB_TRY(grow((void **)&graph->nodes, graph->n_nodes, &graph->node_capacity,
                  sizeof *graph->nodes, MAX_NODES));
    dnnb__node *node = &graph->nodes[graph->n_nodes];
    *node = (dnnb__node){.path = dnnb__strdup(path),
                         .name = dnnb__strdup(name),
                         .kind = kind,
                         .first_param = graph->n_params};
    graph->n_nodes++;
    if (node->path && node->name) return DNNB_OK;
    pop_node(graph);
    return dnnb__fail_memory();
}

dnnb_status dnnb__graph_create(dnnb__graph **out, const dnnb_shape *input) {
    *out = NULL;
    size_t count;
    if (!dnnb__shape_count(input, &count) || count == 0 || count > MAX_ELEMENTS)
        return dnnb__fail(DNNB_ERR_SHAPE, "network: input: a dimension is not in its range");
    dnnb__graph *graph = dnnb__calloc(1, sizeof *graph);
    if (!graph) return dnnb__fail_memory();
    dnnb_status status = push_node(graph, "", "input", DNNB__LAYER_INPUT);
    if (status != DNNB_OK) {
        dnnb__graph_destroy(graph);
        return status;
    }
    graph->nodes[0].shape = *input;
    *out = graph;
    return DNNB_OK;
}

void dnnb__graph_destroy(dnnb__graph *graph) {
    if (!graph) return;
    while (graph->n_nodes) pop_node(graph);
    dnnb__free(graph->nodes);
    dnnb__free(graph->params);
    dnnb__free(graph);
}

static size_t find_path(const dnnb__graph *graph, const char *path) {
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (strcmp(graph->nodes[i].path, path) == 0) return i;
    return SIZE_MAX;
}

static dnnb_status set_inputs(const dnnb__graph *graph, dnnb__node *node,
                              const dnnb__layer_row *row) {
    if (!row->from[0]) {
        node->inputs[node->n_inputs++] = graph->n_nodes - 2;
        return DNNB_OK;
    }
    for (size_t i = 0; i < DNNB__MAX_INPUTS && row->from[i]; i++) {
        size_t from = find_path(graph, row->from[i]);
        if (from >= graph->n_nodes - 1)
            return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected an earlier layer as input, found %s",
                              row->path, row->from[i]);
        node->inputs[node->n_inputs++] = from;
    }
    return DNNB_OK;
}

/* Shape, multiply-accumulates and parameters from the layer type. */
static dnnb_status infer(dnnb__graph *graph, dnnb__node *node) {
    const dnnb_shape *in[DNNB__MAX_INPUTS];
    for (size_t i = 0; i < node->n_inputs; i++) in[i] = &graph->nodes[node->inputs[i]].shape;
    DNNB_TRY(dnnb__layer_get_type(node->kind)->infer(graph, node, in, node->n_inputs));
    size_t count;
    if (!dnnb__shape_count(&node->shape, &count) || count == 0 || count > MAX_ELEMENTS)
        return dnnb__fail(DNNB_ERR_SHAPE, "%s: its output is empty or too large", node->path);
    return DNNB_OK;
}

static dnnb_status add_row(dnnb__graph *graph, const dnnb__layer_row *row) {
    if (!row->path || !*row->path || strlen(row->path) > LONGEST_PATH)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "network: a layer's path is empty or too long");
    if (find_path(graph, row->path) != SIZE_MAX)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: the network has a layer of this path already",
                          row->path);
    if (row->kind <= DNNB__LAYER_INPUT || row->kind >= DNNB__LAYER_KIND_COUNT)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: unknown kind of layer", row->path);
    DNNB_TRY(push_node(graph, row->path, row->name ? row->name : row->path, row->kind));
    dnnb__node *node = &graph->nodes[graph->n_nodes - 1];
    node->attr = row->attr;
    dnnb_status status = set_inputs(graph, node, row);
    if (status == DNNB_OK) status = infer(graph, node);
    if (status != DNNB_OK) pop_node(graph);
    return status;
}

dnnb_status dnnb__graph_add(dnnb__graph *graph, const dnnb__layer_row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) DNNB_TRY(add_row(graph, &rows[i]));
    return DNNB_OK;
}

dnnb_status dnnb__graph_add_param(dnnb__graph *graph, dnnb__node *node, const char *suffix,
                                  const dnnb_shape *shape, dnnb__init init, bool is_buffer) {
    size_t count;
    if (node->n_params == DNNB__MAX_PARAMS_PER_LAYER)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: more than %d parameters", node->path,
                          DNNB__MAX_PARAMS_PER_LAYER);
    if (!dnnb__shape_count(shape, &count) || count == 0 || count > MAX_ELEMENTS)
        return dnnb__fail(DNNB_ERR_SHAPE, "%s.%s: a parameter that is empty or too large",
                          node->path, suffix);
    DNNB_TRY(grow((void **)&graph->params, graph->n_params, &graph->param_capacity,
                  sizeof *graph->params, MAX_PARAMS));
    dnnb__buf path;
    dnnb__buf_init(&path, 2 * (LONGEST_PATH + 1));
    dnnb__buf_printf(&path, "%s.%s", node->path, suffix);
    dnnb_status status = dnnb__buf_get_status(&path);
    if (status != DNNB_OK) {
        dnnb__buf_destroy(&path);
        return status;
    }
    graph->params[graph->n_params++] = (dnnb__param){.path = path.data,
                                                     .shape = *shape,
                                                     .count = count,
                                                     .node = (size_t)(node - graph->nodes),
                                                     .init = init,
                                                     .is_buffer = is_buffer,
                                                     .trainable = !is_buffer};
    node->n_params++;
    return DNNB_OK;
}

static dnnb_status copy_params(dnnb__graph *copy, const dnnb__graph *graph) {
    for (size_t i = 0; i < graph->n_params; i++) {
        DNNB_TRY(grow((void **)&copy->params, copy->n_params, &copy->param_capacity,
                      sizeof *copy->params, MAX_PARAMS));
        dnnb__param *param = &copy->params[i];
        *param = graph->params[i];
        param->path = dnnb__strdup(graph->params[i].path);
        if (!param->path) return dnnb__fail_memory();
        copy->n_params++;
    }
    return DNNB_OK;
}

dnnb_status dnnb__graph_clone(dnnb__graph **out, const dnnb__graph *graph) {
    dnnb__graph *copy;
    DNNB_TRY(dnnb__graph_create(&copy, &graph->nodes[0].shape));
    *out = NULL;
    dnnb_status status = DNNB_OK;
    for (size_t i = 1; status == DNNB_OK && i < graph->n_nodes; i++) {
        const dnnb__node *from = &graph->nodes[i];
        status = push_node(copy, from->path, from->name, from->kind);
        if (status != DNNB_OK) break;
        char *path = copy->nodes[i].path, *name = copy->nodes[i].name;
        copy->nodes[i] = *from;
        copy->nodes[i].path = path;
        copy->nodes[i].name = name;
    }
    if (status == DNNB_OK) status = copy_params(copy, graph);
    if (status != DNNB_OK) {
        dnnb__graph_destroy(copy);
        return status;
    }
    *out = copy;
    return DNNB_OK;
}

size_t dnnb__graph_find_node(const dnnb__graph *graph, const char *name) {
    size_t found = find_path(graph, name);
    for (size_t i = 0; found == SIZE_MAX && i < graph->n_nodes; i++)
        if (strcmp(graph->nodes[i].name, name) == 0) found = i;
    return found;
}

size_t dnnb__graph_find_param(const dnnb__graph *graph, const char *path) {
    for (size_t i = 0; i < graph->n_params; i++)
        if (strcmp(graph->params[i].path, path) == 0) return i;
    return SIZE_MAX;
}

size_t dnnb__graph_find_head(const dnnb__graph *graph) {
    size_t i = graph->n_nodes - 1;
    while (graph->nodes[i].n_params == 0) {
        if (graph->nodes[i].n_inputs != 1) return SIZE_MAX;
        i = graph->nodes[i].inputs[0];
    }
    dnnb__layer_kind kind = graph->nodes[i].kind;
    return kind == DNNB__LAYER_LINEAR || kind == DNNB__LAYER_CONV2D ? i : SIZE_MAX;
}

dnnb_status dnnb__graph_replace_head(dnnb__graph *graph, int64_t n_outputs) {
    size_t head = dnnb__graph_find_head(graph);
    if (head == SIZE_MAX || graph->nodes[head].kind != DNNB__LAYER_LINEAR)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED,
                          "network: the last layer is no Linear, so it cannot be replaced");
    dnnb__node *node = &graph->nodes[head];
    size_t n_inputs = (size_t)graph->nodes[node->inputs[0]].shape.dim[0], count;
    if (n_outputs < 1 || !dnnb__mul_size((size_t)n_outputs, n_inputs, &count) ||
        count > MAX_ELEMENTS)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected 1 or more outputs, found %lld%s",
                          node->path, (long long)n_outputs, n_outputs < 1 ? "" : ", too many");
    node->attr.linear.out_features = n_outputs;
    node->shape.dim[0] = n_outputs;
    node->macs = node->unpadded_macs = (int64_t)count;
    for (size_t i = node->first_param; i < node->first_param + node->n_params; i++) {
        dnnb__param *param = &graph->params[i];
        param->count = param->count / (size_t)param->shape.dim[0] * (size_t)n_outputs;
        param->shape.dim[0] = n_outputs;
        param->trainable = !param->is_buffer;
    }
    /* What follows has no parameters, so that a second inference declares none. */
    for (size_t i = head + 1; i < graph->n_nodes; i++)
        if (graph->nodes[i].n_params == 0) DNNB_TRY(infer(graph, &graph->nodes[i]));
    return DNNB_OK;
}

bool dnnb__graph_names_param(const dnnb__graph *graph, size_t i, const char *globs) {
    const dnnb__param *param = &graph->params[i];
    char path[2 * (LONGEST_PATH + 1)];
    if (dnnb__text_matches(globs, graph->nodes[param->node].name)) return true;
    memcpy(path, param->path, strlen(param->path) + 1);
    for (char *dot = path; dot; dot = strrchr(path, '.')) {
        if (dot != path) *dot = '\0';
        if (dnnb__text_matches(globs, path)) return true;
    }
    return false;
}

size_t dnnb__graph_set_trainable(dnnb__graph *graph, const char *globs, bool trainable) {
    size_t n_matched = 0;
    for (size_t i = 0; i < graph->n_params; i++) {
        dnnb__param *param = &graph->params[i];
        if (param->is_buffer || !dnnb__graph_names_param(graph, i, globs)) continue;
        param->trainable = trainable;
        n_matched++;
    }
    return n_matched;
}

static bool must_be_computed(const dnnb__graph *graph, const dnnb__node *node, bool training) {
    const dnnb__layer_type *type = dnnb__layer_get_type(node->kind);
    if (training && (type->random || type->stateful)) return true;
    for (size_t i = 0; i < node->n_params; i++)
        if (graph->params[node->first_param + i].trainable) return true;
    return false;
}

/* True when every edge from 0..c to later nodes starts at c. */
static bool is_bottleneck(const dnnb__graph *graph, size_t c) {
    for (size_t i = c + 1; i < graph->n_nodes; i++)
        for (size_t k = 0; k < graph->nodes[i].n_inputs; k++)
            if (graph->nodes[i].inputs[k] < c) return false;
    return true;
}

size_t dnnb__graph_find_cut(const dnnb__graph *graph, bool training) {
    size_t n_fixed = 1; /* nodes 0 .. n_fixed - 1 give the same output for the same image */
    while (n_fixed < graph->n_nodes && !must_be_computed(graph, &graph->nodes[n_fixed], training))
        n_fixed++;
    size_t c = n_fixed - 1;
    while (c > 0 && !is_bottleneck(graph, c)) c--;
    return c;
}
