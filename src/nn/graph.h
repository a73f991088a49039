/*
 * A network as data: a directed acyclic graph of layers with names, shapes and parameters.
 *
 * Node 0 is the input (an image [C, H, W]); every other node reads nodes of smaller index, so the
 * order of the nodes is an order of computation. The last node is the output. Shapes leave out the
 * batch. The graph knows which parameters are trainable; it holds no values and no layouts: values
 * belong to an engine (engine/engine.h).
 */
#ifndef DNNB_NN_GRAPH_H
#define DNNB_NN_GRAPH_H

#include <stdbool.h>

#include "core/mem.h"
#include "core/random.h"
#include "dnnbrain/tensor.h"
#include "nn/layer_list.h"

enum { DNNB__MAX_INPUTS = 8, DNNB__MAX_PARAMS_PER_LAYER = 5 };

typedef enum dnnb__layer_kind {
    DNNB__LAYER_INPUT,
#define DNNB__LAYER_ENUM(kind, file, name) DNNB__LAYER_##kind,
    DNNB__LAYER_LIST(DNNB__LAYER_ENUM)
#undef DNNB__LAYER_ENUM
        DNNB__LAYER_KIND_COUNT
} dnnb__layer_kind;

/* The settings of each layer type, in PyTorch's words. Pairs are (height, width). */
typedef struct dnnb__conv2d_attr {
    int64_t out_channels;
    int64_t kernel[2], stride[2], padding[2];
    int64_t dilation[2]; /* 0 means 1 */
    int64_t groups;      /* 0 means 1 */
    bool no_bias;
} dnnb__conv2d_attr;

typedef struct dnnb__linear_attr {
    int64_t out_features;
    bool no_bias;
} dnnb__linear_attr;

typedef struct dnnb__pool2d_attr {
    int64_t kernel[2], stride[2], padding[2];
    bool ceil_mode;
} dnnb__pool2d_attr;

typedef struct dnnb__adaptive_pool2d_attr {
    int64_t out[2];
} dnnb__adaptive_pool2d_attr;

typedef struct dnnb__dropout_attr {
    float p; /* probability of zero */
} dnnb__dropout_attr;

typedef union dnnb__layer_attr {
    dnnb__conv2d_attr conv2d;
    dnnb__linear_attr linear;
    dnnb__pool2d_attr pool2d;
    dnnb__adaptive_pool2d_attr adaptive_pool2d;
    dnnb__dropout_attr dropout;
} dnnb__layer_attr;

/** One row of a network's table. */
typedef struct dnnb__layer_row {
    const char *path; /* module path in the state dict, "features.0"; unique */
    const char *name; /* DNNBrain's name, "conv1"; NULL when it has none */
    dnnb__layer_kind kind;
    dnnb__layer_attr attr;
    const char *from[DNNB__MAX_INPUTS]; /* paths of the inputs; none: the row before */
} dnnb__layer_row;

/** How a parameter is initialised. */
typedef enum dnnb__init_kind {
    DNNB__INIT_ZEROS,
    DNNB__INIT_ONES,
    DNNB__INIT_UNIFORM /* in [-bound, bound) */
} dnnb__init_kind;

typedef struct dnnb__init {
    dnnb__init_kind kind;
    double bound;
} dnnb__init;

typedef struct dnnb__param {
    char *path; /* "features.0.weight" */
    dnnb_shape shape;
    size_t count;
    size_t node;
    dnnb__init init;
    bool is_buffer;        /* state that no optimiser touches, such as a running mean */
    bool trainable;        /* never true for a buffer */
    bool is_trained_later; /* frozen now; the run that goes on will train it */
} dnnb__param;

typedef struct dnnb__node {
    char *path; /* "" for the input, whose name is "input" */
    char *name; /* DNNBrain's name, or the path where it has none */
    dnnb__layer_kind kind;
    dnnb__layer_attr attr;
    size_t inputs[DNNB__MAX_INPUTS];
    size_t n_inputs;
    dnnb_shape shape;   /* of the output, without the batch */
    size_t first_param; /* its parameters follow each other in the graph's list */
    size_t n_params;
    int64_t macs;          /* multiply-accumulates for one image, forward */
    int64_t unpadded_macs; /* those of them whose factor is no padding */
} dnnb__node;

typedef struct dnnb__graph {
    dnnb__node *nodes;
    size_t n_nodes, node_capacity;
    dnnb__param *params;
    size_t n_params, param_capacity;
} dnnb__graph;

/** A layer type's own part: src/nn/layers/<file>.c defines dnnb__layer_<file>. */
typedef struct dnnb__layer_type {
    const char *type_name; /* PyTorch's, "Conv2d" */
    bool random;           /* acts at random in training */
    bool stateful;         /* changes a buffer in training */
    /**
     * Check the inputs' shapes, set node->shape and node->macs, and declare the parameters with
     * dnnb__graph_add_param(). Messages name node->path.
     */
    dnnb_status (*infer)(dnnb__graph *graph, dnnb__node *node, const dnnb_shape *const *in,
                         size_t n_in);
} dnnb__layer_type;

const dnnb__layer_type *dnnb__layer_get_type(dnnb__layer_kind kind);

/** A graph that holds the input alone. */
DNNB_MUST_CHECK dnnb_status dnnb__graph_create(dnnb__graph **out, const dnnb_shape *input);
void dnnb__graph_destroy(dnnb__graph *graph);
/** Append rows; all parameters start trainable.
 *  @error DNNB_ERR_SHAPE a layer does not fit its inputs; DNNB_ERR_ARGUMENT an unknown input. */
DNNB_MUST_CHECK dnnb_status dnnb__graph_add(dnnb__graph *graph, const dnnb__layer_row *rows,
                                            size_t n);
/** For layer types: declare a parameter of `node`, "<node's path>.<suffix>". */
DNNB_MUST_CHECK dnnb_status dnnb__graph_add_param(dnnb__graph *graph, dnnb__node *node,
                                                  const char *suffix, const dnnb_shape *shape,
                                                  dnnb__init init, bool is_buffer);
DNNB_MUST_CHECK dnnb_status dnnb__graph_clone(dnnb__graph **out, const dnnb__graph *graph);

/** Node by module path or DNNBrain's name; SIZE_MAX when there is none. */
size_t dnnb__graph_find_node(const dnnb__graph *graph, const char *name);
size_t dnnb__graph_find_param(const dnnb__graph *graph, const char *path);

/** The head: the last Linear or Conv2d that has parameters and reaches the output through layers
 *  without parameters; SIZE_MAX when there is none. */
size_t dnnb__graph_find_head(const dnnb__graph *graph);
/** Give the head another number of outputs; its parameters' shapes and inits change with it.
 *  @error DNNB_ERR_UNSUPPORTED the network's last layer is no Linear. */
DNNB_MUST_CHECK dnnb_status dnnb__graph_replace_head(dnnb__graph *graph, int64_t n_outputs);

/** True when one of the globs, divided by commas, matches the parameter's path, its layer's path or
 *  DNNBrain's name of that, or a module around it ("features"). */
bool dnnb__graph_names_param(const dnnb__graph *graph, size_t param, const char *globs);
/** Set the parameters that `globs` names trainable or not; globs, divided by commas, match
 *  parameter paths, module paths and DNNBrain's layer names. Returns how many matched. */
size_t dnnb__graph_set_trainable(dnnb__graph *graph, const char *globs, bool trainable);

/**
 * The cut: the largest node index c such that no node at or before c has a trainable parameter or
 * (when training) is random or stateful, and every edge from 0..c to later nodes starts at c.
 * 0 when all must be computed each time. What lies at or before the cut is never differentiated.
 */
size_t dnnb__graph_find_cut(const dnnb__graph *graph, bool training);

/** Fill `out` (count floats, row-major) as PyTorch initialises the parameter: a function of the key
 *  and of the parameter's path, so that a replaced head does not shift the other parameters. */
void dnnb__param_initialize(const dnnb__param *param, dnnb__random_key key, float *out);

#endif
