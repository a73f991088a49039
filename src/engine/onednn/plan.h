/*
 * A plan of the onednn engine, and what its operations build it from.
 *
 * A plan is a list of *steps*, forward ones and then backward ones. A step is a primitive of oneDNN
 * or a kernel of our own, and names the *buffers* it reads and writes; from the list follows how
 * long each buffer lives, and so its place in the arena (memory.c).
 * A *value* is the output of a node in one layout: a data buffer and, when it is differentiated, a
 * gradient buffer. Activations [c, h, w] are kept with their channels in blocks (see
 * dnnb__layout_blocked); everything else is row-major, which is block 1. In a net of bfloat16 all
 * values are that, but for what the plan reads and writes.
 *
 * Each operation of op_list.h adds forward steps when its node is reached and, in a training plan,
 * backward steps in the opposite order. When its backward steps are added, the gradient of its
 * output is complete.
 */
#ifndef DNNB_ENGINE_ONEDNN_PLAN_H
#define DNNB_ENGINE_ONEDNN_PLAN_H

#include "engine/onednn/net.h"

enum { DNNB__STEP_MAX_ARGS = DNNB__MAX_INPUTS + 1 };
#define DNNB__NO_BUFFER SIZE_MAX

/* How a parameter is kept must not follow a plan's batch: it is chosen for this one. */
enum { DNNB__USUAL_BATCH = 64 };

typedef enum dnnb__buffer_kind {
    DNNB__BUFFER_ARENA,
    DNNB__BUFFER_FIXED,          /* the net's or the plan's own memory */
    DNNB__BUFFER_INPUT,          /* the caller's, another one in each pass */
    DNNB__BUFFER_OUTPUT_GRADIENT /* the same */
} dnnb__buffer_kind;

typedef struct dnnb__buffer {
    dnnb__buffer_kind kind;
    void *fixed;
    size_t n_bytes;
    size_t first, last; /* steps; first > last when it is never used */
    size_t offset;      /* in the arena */
} dnnb__buffer;

typedef struct dnnb__step dnnb__step;
typedef void (*dnnb__kernel)(const dnnb__step *step, const dnnb__step_random *random);

struct dnnb__step {
    dnnb__plan_op info;
    size_t buffers[DNNB__STEP_MAX_ARGS];
    void *data[DNNB__STEP_MAX_ARGS]; /* of the buffers, while the step runs */
    size_t n_buffers;
    dnnb__kernel kernel; /* NULL: a primitive */
    const void *settings;
    dnnb__primitive primitive;
    dnnl_exec_arg_t args[DNNB__STEP_MAX_ARGS];
    dnnb__weight_copy *copy;         /* this step renews it, when it is old */
    const dnnb__param_store *handed; /* whose gradient it makes, and may hand over; NULL for none */
};

typedef struct dnnb__value {
    dnnb_shape shape; /* without the batch */
    int64_t block;
    dnnb__precision precision; /* of data and gradient */
    size_t base;               /* the value that this one is a reordering of; itself */
    size_t data, gradient;
    bool wants_gradient;
    bool has_gradient; /* a step that writes the gradient was added */
    bool relu_masked;  /* the gradient already has the zeros of the ReLU that made the value */
} dnnb__value;

typedef struct dnnb__op dnnb__op;
typedef struct dnnb__onednn_plan dnnb__onednn_plan;

/** An operation: src/engine/onednn/<file>.c defines dnnb__onednn_<file>. */
typedef struct dnnb__op_type {
    /** How parameter `k` of the node is kept; NULL: row-major as in PyTorch. */
    dnnb_status (*describe)(dnnb__dnnl *dnnl, const dnnb__graph *graph, size_t node, size_t k,
                            dnnb__param_form *out);
    /** Add the forward steps and set op->out. */
    dnnb_status (*forward)(dnnb__onednn_plan *plan, dnnb__op *op);
    /** Add the backward steps. NULL when op->out is one of the inputs. */
    dnnb_status (*backward)(dnnb__onednn_plan *plan, dnnb__op *op);
} dnnb__op_type;

struct dnnb__op {
    const dnnb__op_type *type;
    size_t index; /* of the graph's node */
    const dnnb__node *node;
    size_t in[DNNB__MAX_INPUTS], n_in; /* values */
    size_t out;
    bool differentiated; /* something at or before this node is trained */
    bool relu;           /* its value is that of the ReLU that follows */
    size_t step;         /* a forward step that the backward pass refers to */
    size_t saved;        /* a buffer that it refers to */
};

struct dnnb__onednn_plan {
    dnnb__plan base;
    dnnb__onednn_net *net;
    const dnnb__graph *graph;
    dnnb__buffer *buffers;
    size_t n_buffers, buffer_capacity;
    dnnb__step *steps;
    size_t n_steps, step_capacity, n_forward;
    dnnb__value *values;
    size_t n_values, value_capacity;
    dnnb__op *ops;
    size_t n_ops, op_capacity;
    void **blocks; /* memory freed with the plan */
    size_t n_blocks, block_capacity;
    size_t *node_value;   /* the value of each node */
    size_t *n_consumers;  /* readers of each node within the part */
    bool *differentiated; /* of each node */
    bool *pooled;         /* a ReLU that the max pooling after it applies to its own output */
    bool *fused;          /* a ReLU that is part of the node before it */
    bool *trained;        /* of each parameter: this plan makes its gradient */
    bool laid_out;        /* the input is in this layout, not row-major: */
    dnnb__image_layout images;
    float *output, *input_gradient;
    uint64_t arena_generation; /* the net's when the steps were bound */
    bool bound, timing;
};

/* --- what operations call --- */

/** The operation of a layer type, NULL when the engine lacks it. */
const dnnb__op_type *dnnb__onednn_find_op(dnnb__layer_kind kind);

/** Zero-filled memory that lives as long as the plan. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_alloc(dnnb__onednn_plan *plan, void **out, size_t n,
                                               size_t size);
DNNB_MUST_CHECK dnnb_status dnnb__onednn_buffer_arena(dnnb__onednn_plan *plan, size_t *out,
                                                      size_t n, size_t size);
DNNB_MUST_CHECK dnnb_status dnnb__onednn_buffer_fixed(dnnb__onednn_plan *plan, size_t *out,
                                                      void *memory, size_t n_bytes);

/** The value of a node with this block, in the net's numbers; adds a reorder when it is kept in
 *  another form. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_value_get(dnnb__onednn_plan *plan, size_t *out,
                                                   size_t node, int64_t block);
DNNB_MUST_CHECK dnnb_status dnnb__onednn_value_get_in(dnnb__onednn_plan *plan, size_t *out,
                                                      size_t node, int64_t block,
                                                      dnnb__precision precision);
/** A new value for the output of the operation, in the net's numbers. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_value_add(dnnb__onednn_plan *plan, dnnb__op *op,
                                                   const dnnb_shape *shape, int64_t block);
DNNB_MUST_CHECK dnnb_status dnnb__onednn_value_add_in(dnnb__onednn_plan *plan, dnnb__op *op,
                                                      const dnnb_shape *shape, int64_t block,
                                                      dnnb__precision precision);
size_t dnnb__onednn_element_bytes(dnnb__precision precision);
/** Elements of a value, the batch and padding included. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_value_count(const dnnb__onednn_plan *plan,
                                                     const dnnb_shape *shape, int64_t block,
                                                     size_t *out);
/** Its layout; a shape that is not [c, h, w] has the layout of [batch, elements]. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_value_layout(dnnb__onednn_plan *plan, dnnb__layout *out,
                                                      const dnnb_shape *shape, int64_t block,
                                                      dnnb__precision precision);

typedef struct dnnb__binding {
    int arg;
    size_t buffer;
} dnnb__binding;

/** Add a step that runs a primitive, which it takes over even when it fails. Arguments that the
 *  primitive does not have are left out. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_add_primitive(dnnb__onednn_plan *plan, const char *layer,
                                                       const char *pass, dnnb__primitive *taken,
                                                       const dnnb__binding *bindings, size_t n);
/** Add a step that runs a kernel on these buffers. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_add_kernel(dnnb__onednn_plan *plan, const char *layer,
                                                    const char *pass, const char *name,
                                                    dnnb__kernel kernel, const void *settings,
                                                    const size_t *buffers, size_t n);
/** Say that the step added last makes the products of one pass over a node. */
void dnnb__onednn_count_products(dnnb__onednn_plan *plan, const dnnb__node *node);

/** The buffer of a parameter in `layout`: its own, or a copy with a step that renews it. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_weight(dnnb__onednn_plan *plan, size_t *out, size_t param,
                                                dnnb__layout layout);
/** Where a primitive writes the gradients of a layer's parameters. */
typedef struct dnnb__onednn_gradients {
    size_t weight; /* buffers */
    size_t bias;   /* DNNB__NO_BUFFER when it is not trained */
    dnnb__layout layout;
} dnnb__onednn_gradients;

/** Their buffers: the net's own where the parameter is trained and kept in `layout`. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_weight_gradients(dnnb__onednn_plan *plan,
                                                          dnnb__onednn_gradients *out,
                                                          size_t weight_param, dnnb__layout layout,
                                                          bool bias_trained);
/** After the step that writes them: bring the weight's into the layout that it is kept in. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_weight_gradients_end(dnnb__onednn_plan *plan,
                                                              const dnnb__onednn_gradients *g,
                                                              size_t weight_param);
bool dnnb__onednn_is_trained(const dnnb__onednn_plan *plan, size_t param);

/** Where to write the gradient of a value: its gradient buffer, or, when another operation has
 *  written that, a buffer that dnnb__onednn_gradient_end() adds to it. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_gradient_begin(dnnb__onednn_plan *plan, size_t value,
                                                        size_t *buffer);
DNNB_MUST_CHECK dnnb_status dnnb__onednn_gradient_end(dnnb__onednn_plan *plan, size_t value,
                                                      size_t buffer, const char *layer);

/** The reordering of a buffer that holds `shape`, as a step; out is a new arena buffer when it is
 *  DNNB__NO_BUFFER. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_add_reorder(dnnb__onednn_plan *plan, const char *layer,
                                                     dnnb__layout from_layout, size_t from,
                                                     dnnb__layout to_layout, size_t *to);

/** Whether a node is max pooling that can apply a ReLU to its own output (maxpool2d.c). */
bool dnnb__onednn_may_pool_relu(const dnnb__node *node);
/** Whether the operation's output is to be that of its ReLU, which no max pooling applies later
 *  (relu.c). */
bool dnnb__onednn_relu_is_due(const dnnb__onednn_plan *plan, const dnnb__op *op);
/** Apply it in place, where it is due. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_relu_apply(dnnb__onednn_plan *plan, const dnnb__op *op);
/** The gradient of the operation's output with the zeros of its ReLU, when it has one that the
 *  consumer has not already applied (relu.c). */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_relu_mask(dnnb__onednn_plan *plan, const dnnb__op *op,
                                                   size_t *buffer);

/* --- parts of a plan's making --- */

extern const dnnb__op_type dnnb__onednn_reorder;
/** Give each arena buffer its place, and the net's arena the room (memory.c). */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_plan_memory(dnnb__onednn_plan *plan);

/* The functions of the engine's table. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_plan_create(dnnb__plan **out, dnnb__net *net,
                                                     const dnnb__plan_options *options);
void dnnb__onednn_plan_destroy(dnnb__plan *plan);
DNNB_MUST_CHECK dnnb_status dnnb__onednn_plan_forward(dnnb__plan *plan, const void *input,
                                                      const dnnb__step_random *random);
const float *dnnb__onednn_plan_get_output(const dnnb__plan *plan);
DNNB_MUST_CHECK dnnb_status dnnb__onednn_plan_backward(dnnb__plan *plan,
                                                       const float *output_gradient);
const float *dnnb__onednn_plan_get_input_gradient(const dnnb__plan *plan);
size_t dnnb__onednn_plan_get_n_ops(const dnnb__plan *plan);
dnnb__plan_op dnnb__onednn_plan_get_op(const dnnb__plan *plan, size_t i);
void dnnb__onednn_plan_set_timing(dnnb__plan *plan, bool on);

#endif
