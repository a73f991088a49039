/*
 * A network with its parameters: what training needs of it.
 *
 * Parameters live in one of two places. Until the network computes for the first time they are
 * *sources*: a tensor to take them from (often a view of a mapped file), or nothing, which means
 * "initialise from the seed". Then an engine's net is made, every source goes into it, and the
 * sources are dropped; so loading makes no second copy beside the engine's.
 */
#ifndef DNNB_DNN_DNN_H
#define DNNB_DNN_DNN_H

#include "core/status.h"
#include "dnnbrain/dnn.h"
#include "engine/engine.h"
#include "models/models.h"

/** Training keeps a few plans in use: full and short batches, of steps and of scoring passes, each
 *  with a frozen part before it. */
enum { DNNB__DNN_MAX_PLANS = 12, DNNB__DNN_MAX_OUTPUTS = 1000000, DNNB__DNN_BATCH = 64 };

/** Images for which lending pays, and elements of a parameter that is lent. */
enum { DNNB__DNN_FEW = 4, DNNB__DNN_LARGE = 1 << 16 };

/** A warning of a slow operation, with the NUL. */
enum { DNNB__DNN_SLOW_BYTES = 512 };

typedef struct dnnb__dnn_plan {
    dnnb__plan *plan;
    dnnb__plan_options options;
    uint64_t last_use;
} dnnb__dnn_plan;

struct dnnb_dnn {
    const dnnb__model *model;
    dnnb__graph *graph;
    const char *engine; /* a name of the list of engines */
    size_t n_threads;
    dnnb__precision precision;
    uint64_t seed;
    char *note;            /* NULL for none */
    dnnb_tensor **sources; /* one a parameter, NULL entry: from the seed; NULL once net is there */
    dnnb__net *net;        /* NULL until the first computation */
    bool is_lending, was_lent; /* see dnnb__dnn_begin_lending() */
    dnnb__dnn_plan plans[DNNB__DNN_MAX_PLANS];
    size_t n_plans;
    uint64_t clock;    /* counts uses of plans, to let the one go that was not used for longest */
    char slow_op[192]; /* the first operation of any plan without a good kernel; "" for none */
};

/** dnnb_dnn_create() for a model that need not be in the list. @param model Borrowed. */
DNNB_MUST_CHECK dnnb_status dnnb__dnn_create_from_model(dnnb_dnn **out, const dnnb__model *model,
                                                        const dnnb_dnn_options *options);

/** The net, made and filled when it is not there yet. */
DNNB_MUST_CHECK dnnb_status dnnb__dnn_get_net(dnnb_dnn *dnn, dnnb__net **out);

/**
 * The first time, and before anything was computed: let the net read the large weights of a mapped
 * file where they lie, so that it is quickly made. It gives way to the sources, which stay as they
 * were, with dnnb__dnn_end_lending(). In between nothing but test mode.
 *
 * @return False when there is nothing to gain: all goes on as always.
 */
bool dnnb__dnn_begin_lending(dnnb_dnn *dnn);
void dnnb__dnn_end_lending(dnnb_dnn *dnn);

/** How its plans read images that are laid out; the net need not be there. */
DNNB_MUST_CHECK dnnb_status dnnb__dnn_get_image_layout(const dnnb_dnn *dnn,
                                                       dnnb__image_layout *out);

/** A plan, made when it is not there yet. Borrowed until the next call that changes the network,
 *  or that asks for more than DNNB__DNN_MAX_PLANS different plans. */
DNNB_MUST_CHECK dnnb_status dnnb__dnn_get_plan(dnnb_dnn *dnn, const dnnb__plan_options *options,
                                               dnnb__plan **out);
void dnnb__dnn_drop_plans(dnnb_dnn *dnn);
/** Set dnn->slow_op when it is not set and the plan holds such an operation. */
void dnnb__dnn_note_slow(dnnb_dnn *dnn, const dnnb__plan *plan);
/** A warning of it. @return False when there is none. */
bool dnnb__dnn_print_slow(const dnnb_dnn *dnn, char out[DNNB__DNN_SLOW_BYTES]);

/** Take the parameters out of the net, which is destroyed: they are sources again. */
DNNB_MUST_CHECK dnnb_status dnnb__dnn_unload(dnnb_dnn *dnn);

/** Mark the parameters that a pattern names, as dnnb_dnn_set_trainable() reads it.
 *  @param[out] matches [parameters of the graph]; never true for a buffer. */
DNNB_MUST_CHECK dnnb_status dnnb__dnn_match(const dnnb_dnn *dnn, const char *pattern,
                                            bool *matches);
/** The failure of a name that no layer has, with the nearest. */
DNNB_MUST_CHECK dnnb_status dnnb__dnn_fail_name(const dnnb_dnn *dnn, const char *name);

/** Check names and shapes of all parameters; `where` begins the message. */
DNNB_MUST_CHECK dnnb_status dnnb__dnn_check_state(const dnnb_dnn *dnn, const dnnb_dict *state,
                                                  const char *where);
/** Take all parameters from a dict that was checked. */
DNNB_MUST_CHECK dnnb_status dnnb__dnn_take_state(dnnb_dnn *dnn, const dnnb_dict *state);

#endif
