/*
 * A net of the onednn engine: parameters in the layouts that the forward pass wants, their
 * gradients, copies in other layouts, and the memory that all plans of the net share.
 *
 * In bfloat16 parameters are kept in float32, in the layouts of their gradients, and passes read
 * rounded copies; own kernels that widen (dnnb__dnnl_widens()), and Winograd's convolutions, read
 * the parameters themselves. The copy that the forward pass reads has the order of the weight where
 * it can, so that an optimiser writes it in the pass that changes the weight (dnnb__flat.copy).
 *
 * Invariants: a gradient has the layout of its weight. Padding elements of both are zero. A copy is
 * as new as its weight when it has the same stamp.
 */
#ifndef DNNB_ENGINE_ONEDNN_NET_H
#define DNNB_ENGINE_ONEDNN_NET_H

#include "engine/engine.h"
#include "engine/onednn/dnnl_api.h"

/** How an engine keeps a parameter. Some operations keep it with other dimensions than PyTorch's;
 *  then `expand` and `contract` turn one row-major form into the other. */
typedef struct dnnb__param_form {
    dnnb__layout plain;  /* row-major, the engine's dimensions */
    dnnb__layout layout; /* as kept */
    void (*expand)(const dnnb__graph *graph, const dnnb__param *param, const float *pytorch,
                   float *engine);
    void (*contract)(const dnnb__graph *graph, const dnnb__param *param, const float *engine,
                     float *pytorch);
    /** Some rows in PyTorch's form, the first a multiple of DNNB__EXPORT_ROWS; NULL: all alone. */
    void (*contract_rows)(const struct dnnb__param_form *form, const dnnb__param *param,
                          size_t first, size_t n, const float *engine, float *pytorch);
    bool hands_over; /* steps make its gradient in parts, and can hand them over */
    int64_t width;   /* of the blocks of linear_update.h in which it is kept; 0 for none */
} dnnb__param_form;

typedef struct dnnb__param_store {
    dnnb__param_form form;
    size_t n; /* elements with padding */
    float *weight;
    const float *lent;   /* its values in PyTorch's layout, read in place of `weight`; else NULL */
    float *gradient;     /* NULL until a plan trains the parameter and keeps its gradient */
    dnnb__update update; /* takes the gradient instead; its `run` is NULL where nobody does */
    bool has_gradient;
    bool is_scratch;                /* its memory has served another purpose, and may again */
    uint64_t stamp;                 /* grows with each change of the weight */
    struct dnnb__weight_copy *flat; /* the copy that an optimiser writes; NULL for none */
} dnnb__param_store;

typedef enum dnnb__copy_kind {
    DNNB__COPY_SAME,
    DNNB__COPY_TURNED,  /* by half a circle (conv2d_data.h) */
    DNNB__COPY_WINOGRAD /* transformed (conv2d_winograd.h) */
} dnnb__copy_kind;

/** A parameter once more, in another layout. */
typedef struct dnnb__weight_copy {
    size_t param;
    dnnb__layout layout;
    void *data;
    bool is_rounded; /* the weight in its own order, in bfloat16, */
    size_t row;      /* with pairs of rows of so many elements interleaved */
    dnnb__copy_kind kind;
    uint64_t stamp; /* the weight's when it was last renewed */
} dnnb__weight_copy;

typedef struct dnnb__onednn_net {
    dnnb__net base;
    dnnb__dnnl *dnnl;
    dnnb__param_store *params; /* as many as the graph has */
    dnnb__weight_copy **copies;
    size_t n_copies;
    char *arena;
    size_t arena_bytes;
    uint64_t arena_generation; /* grows when the arena moves */
    const void *last_forward;  /* the plan whose intermediate results the arena holds */
} dnnb__onednn_net;

/** Room for the parameter's gradient. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_net_need_gradient(dnnb__onednn_net *net, size_t param);
/** The copy of a parameter of this kind in `layout`, made when there is none yet. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_net_need_copy(dnnb__onednn_net *net,
                                                       dnnb__weight_copy **out, size_t param,
                                                       dnnb__layout layout, dnnb__copy_kind kind);
/** Let the arena have at least so many bytes. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_net_need_arena(dnnb__onednn_net *net, size_t n_bytes);

extern const dnnb__engine dnnb__engine_onednn;

/* The functions of the engine's table. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_net_create(dnnb__net **out, const dnnb__graph *graph,
                                                    size_t n_threads, dnnb__precision precision);
void dnnb__onednn_net_destroy(dnnb__net *net);
DNNB_MUST_CHECK dnnb_status dnnb__onednn_net_import(dnnb__net *net, size_t param,
                                                    const float *values);
bool dnnb__onednn_net_lend(dnnb__net *net, size_t param, const float *values);
DNNB_MUST_CHECK dnnb_status dnnb__onednn_net_export(const dnnb__net *net, size_t param,
                                                    float *values);
bool dnnb__onednn_net_export_rows(const dnnb__net *net, size_t param, size_t first, size_t n,
                                  float *values);
DNNB_MUST_CHECK dnnb_status dnnb__onednn_net_export_gradient(const dnnb__net *net, size_t param,
                                                             float *values);
dnnb__flat dnnb__onednn_net_get_flat(dnnb__net *net, size_t param);
void dnnb__onednn_net_mark_changed(dnnb__net *net);
void dnnb__onednn_net_mark_trained(dnnb__net *net);
bool dnnb__onednn_net_set_update(dnnb__net *net, size_t param, const dnnb__update *update);
void *dnnb__onednn_net_get_scratch(dnnb__net *net, size_t n_bytes);

#endif
