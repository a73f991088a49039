/*
 * Engines: they compute what nn describes.
 *
 * A *net* is a graph's parameters in an engine's own layout, with room for their gradients. A
 * *plan* computes a part of the graph for one batch size and mode, and shares its buffers with the
 * other plans of its net: one plan runs at a time, and a forward pass spoils what another plan
 * computed. PyTorch's layout exists at import and export only.
 *
 * Frozen parts: nothing at or before the graph's cut is differentiated or kept for a backward pass,
 * and no gradient to the plan's input is made unless options.input_gradient asks for it.
 * After it is created a plan allocates nothing.
 */
#ifndef DNNB_ENGINE_ENGINE_H
#define DNNB_ENGINE_ENGINE_H

#include "core/image_layout.h"
#include "nn/graph.h"

typedef struct dnnb__net dnnb__net;
typedef struct dnnb__plan dnnb__plan;

typedef enum dnnb__mode { DNNB__MODE_TEST, DNNB__MODE_TRAIN } dnnb__mode;

/** Numbers of the activations, their gradients and the weights that a pass reads. Weights as they
 *  are kept and trained, their gradients, sums, and a plan's input and output are float32. */
typedef enum dnnb__precision { DNNB__F32, DNNB__BF16 } dnnb__precision;

/** How an engine computes in bfloat16 on this processor. */
typedef enum dnnb__bf16_support {
    DNNB__BF16_NONE,
    DNNB__BF16_WIDENED, /* float32's products of what is kept in bfloat16, where own kernels can */
    DNNB__BF16_VECTORS, /* products of pairs in vectors: AVX512_BF16 */
    DNNB__BF16_TILES    /* products of matrices: AMX */
} dnnb__bf16_support;

typedef struct dnnb__plan_options {
    dnnb__mode mode;
    size_t batch;
    /** The plan reads the output of node `from` and computes the nodes after it, up to `to`. Every
     *  edge into the part must start at `from`. 0 and n_nodes - 1 are the whole graph. */
    size_t from, to;
    /** Make the gradient of the loss to the plan's input in the backward pass. */
    bool input_gradient;
    /** The input is images that lie as dnnb__engine_get_image_layout() says, and not row-major.
     *  From node 0 alone, and without a gradient to them. */
    bool laid_out;
} dnnb__plan_options;

/** What computes behind an engine, with its version: "oneDNN 2.6.3"; "dnnbrain 0.1.0" for ref.
 *  @param engine A name of engine_list.h; NULL for the default. "" for an unknown one. */
const char *dnnb__engine_get_version(const char *engine);

/** The instructions that it computes with on this processor, "AVX-512"; results and the layout of
 *  flat arrays depend on them. */
const char *dnnb__engine_get_instructions(const char *engine, dnnb__precision precision);

/** NONE for an unknown engine too. */
dnnb__bf16_support dnnb__engine_get_bf16_support(const char *engine);

/** @error DNNB_ERR_UNSUPPORTED the engine does not compute in it here, with what to take. */
DNNB_MUST_CHECK dnnb_status dnnb__engine_check_precision(const char *engine,
                                                         dnnb__precision precision);

/** How a net would like to have its input's images lie, so that no pass begins with bringing them
 *  there: row-major where the engine has no other wish. Batch and mode do not change it. */
DNNB_MUST_CHECK dnnb_status dnnb__engine_get_image_layout(dnnb__image_layout *out,
                                                          const char *engine,
                                                          const dnnb__graph *graph,
                                                          size_t n_threads,
                                                          dnnb__precision precision);

/** Names of the engines in the order of engine_list.h; the first is the default. */
const char *const *dnnb__engine_get_names(size_t *n);

/**
 * @param engine   A name of engine_list.h; NULL for the default.
 * @param graph    Borrowed: it must outlive the net, and its nodes and shapes must not change.
 *                 Which parameters are trainable may change between plans.
 * @param n_threads 0 for every processor that is available.
 */
DNNB_MUST_CHECK dnnb_status dnnb__net_create_in(dnnb__net **out, const char *engine,
                                                const dnnb__graph *graph, size_t n_threads,
                                                dnnb__precision precision);
/** The same in float32. */
DNNB_MUST_CHECK dnnb_status dnnb__net_create(dnnb__net **out, const char *engine,
                                             const dnnb__graph *graph, size_t n_threads);
void dnnb__net_destroy(dnnb__net *net);
const dnnb__graph *dnnb__net_get_graph(const dnnb__net *net);
size_t dnnb__net_get_n_threads(const dnnb__net *net);

/** Set a parameter from PyTorch's layout, row-major float32 of the graph's shape. */
DNNB_MUST_CHECK dnnb_status dnnb__net_import(dnnb__net *net, size_t param, const float *values);
/**
 * Lend a parameter in place of importing it, to a net that computes a few images and is destroyed:
 * its values are read where they lie, and so nothing is copied or brought into another layout.
 * Test mode alone, and neither export nor flat arrays of that parameter.
 *
 * @param values As for import, in pages of a mapped file; they outlive the net.
 * @return false where the engine does not read this parameter so: it must be imported.
 */
bool dnnb__net_lend(dnnb__net *net, size_t param, const float *values);
/** Read a parameter, in PyTorch's layout. */
DNNB_MUST_CHECK dnnb_status dnnb__net_export(const dnnb__net *net, size_t param, float *values);
/** Rows of the first dimension that dnnb__net_export_rows() gives at a time. */
enum { DNNB__EXPORT_ROWS = 256 };
/**
 * Read some rows of a parameter.
 *
 * @param first A multiple of DNNB__EXPORT_ROWS. @param n At most so many.
 * @return false where the engine keeps this parameter in another way: it gives the whole alone.
 */
bool dnnb__net_export_rows(const dnnb__net *net, size_t param, size_t first, size_t n,
                           float *values);
/** Read the gradient that the last backward pass made, in PyTorch's layout.
 *  @error DNNB_ERR_ARGUMENT no gradient was made for it. */
DNNB_MUST_CHECK dnnb_status dnnb__net_export_gradient(const dnnb__net *net, size_t param,
                                                      float *values);

/** A parameter and its gradient as flat arrays in the engine's layout, for optimisers. Padding
 *  elements are zero in both and must stay so (every elementwise optimiser keeps them). */
typedef struct dnnb__flat {
    float *weight;
    /** NULL when no plan that trains it was made, or it is handed over (dnnb__net_set_update()). */
    float *gradient;
    size_t n;
    /** What the passes read in its place, for whoever changes the weight to write: rounded to
     *  bfloat16, each two rows of `row` elements interleaved (core/bf16.h). NULL for none. */
    uint16_t *copy;
    size_t row;
} dnnb__flat;

dnnb__flat dnnb__net_get_flat(dnnb__net *net, size_t param);
/** Say that weights were changed through their flat arrays: copies of all are renewed. */
void dnnb__net_mark_changed(dnnb__net *net);
/** Say that the trainable parameters were changed, and their flat copies with them: only their
 *  copies in other layouts are renewed. */
void dnnb__net_mark_trained(dnnb__net *net);

/** Whoever changes a weight by parts of its gradient while these are in the first cache, so that
 * the gradient is not written to memory and read again. */
typedef struct dnnb__update {
    /** Elements `first` to first + n of the flat arrays, whole pairs of rows of the copy; called
     *  during the backward pass from several threads, for each element once, after the pass has
     *  read the weight for the last time. */
    void (*run)(void *context, size_t first, size_t n, const float *gradient);
    void *context;
    double bytes; /* that all these calls of a pass move: for dnnb__plan_op */
} dnnb__update;

/**
 * Have backward passes hand a parameter's gradient over instead of keeping it. It is not there then
 * for flat arrays or exports, and a plan that was made meanwhile has no place for it.
 *
 * @param update NULL: no more; the plans that were made meanwhile must not make a backward pass
 *               again.
 * @return false where the engine does not do so for this parameter, whose gradient is kept as ever.
 */
bool dnnb__net_set_update(dnnb__net *net, size_t param, const dnnb__update *update);

/** Scratch of so many bytes in memory that passes use, until the next one; NULL where they use
 * less. What the last ones left there is lost: outputs, what a backward pass would need, gradients.
 */
void *dnnb__net_get_scratch(dnnb__net *net, size_t n_bytes);

/** @error DNNB_ERR_UNSUPPORTED an op that the engine lacks, naming the layer; DNNB_ERR_MEMORY. */
DNNB_MUST_CHECK dnnb_status dnnb__plan_create(dnnb__plan **out, dnnb__net *net,
                                              const dnnb__plan_options *options);
void dnnb__plan_destroy(dnnb__plan *plan);

/** Where this step's dropout masks come from: element i of layer L is dropped when word i % 4 of
 *  dnnb__random_at(key, step, node index of L, i / 4) is below p * 2^32; i counts row-major over
 *  [rows of the step, shape of the layer]. */
typedef struct dnnb__step_random {
    dnnb__random_key key;
    uint32_t step;
    size_t n_rows; /* of a step: the batch's are those of several, one after the other, the last of
                      which may have fewer; 0: they are all this step's. Forward passes alone. */
} dnnb__step_random;

/**
 * Forward pass.
 * @param input  [batch, shape of node `from`], row-major float32 unless options.laid_out; must
 *               stay until the backward pass.
 * @param random NULL in test mode.
 */
DNNB_MUST_CHECK dnnb_status dnnb__plan_forward(dnnb__plan *plan, const void *input,
                                               const dnnb__step_random *random);
/** The output of node `to`, [batch, its shape], row-major; valid until the next pass of the net. */
const float *dnnb__plan_get_output(const dnnb__plan *plan);
/**
 * Backward pass after a forward pass of the same plan: sets (does not add to) the gradient of each
 * trainable parameter of the part, or hands it over (dnnb__net_set_update()).
 * @param output_gradient d loss / d output, the output's shape.
 */
DNNB_MUST_CHECK dnnb_status dnnb__plan_backward(dnnb__plan *plan, const float *output_gradient);
/** d loss / d input; NULL unless options.input_gradient. */
const float *dnnb__plan_get_input_gradient(const dnnb__plan *plan);

/** One line an op of the plan, for people and benchmarks; seconds are measured only while
 *  dnnb__plan_set_timing() is on. */
typedef struct dnnb__plan_op {
    const char *layer; /* path, or what it does when it belongs to no layer */
    const char *pass;  /* "forward", "backward data", "backward weights", "reorder",
                        "weights and update" where the gradient is handed over */
    const char *implementation;
    double flops;          /* of one pass over the batch, products with padding included */
    double unpadded_flops; /* without these, which a kernel may leave out */
    double bytes;    /* of what it reads and writes, each once; 0 where the engine does not count */
    bool is_slow;    /* the engine's last resort, tens of times slower than its other kernels */
    bool is_rowwise; /* forward: a row has the same bits in any batch, and in a plan that ends here;
                        not with ref, whose plans are float64 and round at the end */
    double seconds;
} dnnb__plan_op;
size_t dnnb__plan_get_n_ops(const dnnb__plan *plan);
dnnb__plan_op dnnb__plan_get_op(const dnnb__plan *plan, size_t i);
void dnnb__plan_set_timing(dnnb__plan *plan, bool on);
/** Whether all of its ops are. */
bool dnnb__plan_is_rowwise(const dnnb__plan *plan);

/* What an engine implements: dnnb__engine_<name> of src/engine/<name>/, listed in engine_list.h.
 * Nets and plans begin with these members. */
typedef struct dnnb__engine {
    const char *name;
    const char *(*get_version)(void);
    const char *(*get_instructions)(dnnb__precision precision);
    dnnb__bf16_support (*get_bf16_support)(void);
    dnnb_status (*get_image_layout)(dnnb__image_layout *out, const dnnb__graph *graph,
                                    size_t n_threads,
                                    dnnb__precision precision); /* NULL: row-major */
    dnnb_status (*net_create)(dnnb__net **out, const dnnb__graph *graph, size_t n_threads,
                              dnnb__precision precision);
    void (*net_destroy)(dnnb__net *net);
    dnnb_status (*net_import)(dnnb__net *net, size_t param, const float *values);
    bool (*net_lend)(dnnb__net *net, size_t param, const float *values); /* NULL: never */
    dnnb_status (*net_export)(const dnnb__net *net, size_t param, float *values);
    bool (*net_export_rows)(const dnnb__net *net, size_t param, size_t first, size_t n,
                            float *values); /* NULL: never */
    dnnb_status (*net_export_gradient)(const dnnb__net *net, size_t param, float *values);
    dnnb__flat (*net_get_flat)(dnnb__net *net, size_t param);
    void (*net_mark_changed)(dnnb__net *net);
    void (*net_mark_trained)(dnnb__net *net);
    bool (*net_set_update)(dnnb__net *net, size_t param,
                           const dnnb__update *update);       /* NULL: never */
    void *(*net_get_scratch)(dnnb__net *net, size_t n_bytes); /* NULL: never */
    dnnb_status (*plan_create)(dnnb__plan **out, dnnb__net *net, const dnnb__plan_options *options);
    void (*plan_destroy)(dnnb__plan *plan);
    dnnb_status (*plan_forward)(dnnb__plan *plan, const void *input,
                                const dnnb__step_random *random);
    const float *(*plan_get_output)(const dnnb__plan *plan);
    dnnb_status (*plan_backward)(dnnb__plan *plan, const float *output_gradient);
    const float *(*plan_get_input_gradient)(const dnnb__plan *plan);
    size_t (*plan_get_n_ops)(const dnnb__plan *plan);
    dnnb__plan_op (*plan_get_op)(const dnnb__plan *plan, size_t i);
    void (*plan_set_timing)(dnnb__plan *plan, bool on);
} dnnb__engine;

struct dnnb__net {
    const dnnb__engine *engine;
    const dnnb__graph *graph;
    size_t n_threads;
    dnnb__precision precision;
};

struct dnnb__plan {
    const dnnb__engine *engine;
    dnnb__net *net;
    dnnb__plan_options options;
};

#endif
