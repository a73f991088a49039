/*
 * What the plans of a network consist of, for people, and which of them hold an operation that the
 * engine has no good kernel for.
 */
#include "dnnbrain/plan.h"

#include <string.h>

#include "dnn/dnn.h"

/* The node that an operation belongs to: the engine names a node's path or a parameter's. */
static const dnnb__node *find_node(const dnnb__graph *graph, const char *layer) {
    for (size_t i = 1; i < graph->n_nodes; i++)
        if (strcmp(graph->nodes[i].path, layer) == 0) return &graph->nodes[i];
    for (size_t i = 0; i < graph->n_params; i++)
        if (strcmp(graph->params[i].path, layer) == 0) return &graph->nodes[graph->params[i].node];
    return &graph->nodes[0];
}

dnnb_status dnnb_dnn_list_plan(dnnb_dnn *dnn, dnnb_plan_mode mode, size_t batch,
                               dnnb_plan_op_fn on_op, void *context) {
    dnnb__plan_options options = {.mode =
                                      mode == DNNB_PLAN_TEST ? DNNB__MODE_TEST : DNNB__MODE_TRAIN,
                                  .batch = batch,
                                  .to = dnn->graph->n_nodes - 1,
                                  .laid_out = true};
    dnnb__plan *plan;
    DNNB_TRY(dnnb__dnn_get_plan(dnn, &options, &plan));
    for (size_t i = 0; i < dnnb__plan_get_n_ops(plan); i++) {
        dnnb__plan_op op = dnnb__plan_get_op(plan, i);
        const dnnb__node *node = find_node(dnn->graph, op.layer);
        on_op(context, &(dnnb_plan_op){.name = node->name,
                                       .path = node->path,
                                       .pass = op.pass,
                                       .implementation = op.implementation,
                                       .flops = op.flops,
                                       .bytes = op.bytes,
                                       .is_slow = op.is_slow});
    }
    return DNNB_OK;
}

const char *dnnb_dnn_get_instructions(const dnnb_dnn *dnn) {
    return dnnb__engine_get_instructions(dnn->engine, dnn->precision);
}

bool dnnb__dnn_print_slow(const dnnb_dnn *dnn, char out[DNNB__DNN_SLOW_BYTES]) {
    if (!dnn->slow_op[0]) return false;
    (void)snprintf(out, DNNB__DNN_SLOW_BYTES,
                   "%s, a plain loop tens of times slower than other kernels: %s has none for it "
                   "with %s; 'dnnbrain inspect NET --plan' lists the kernel of each operation",
                   dnn->slow_op, dnnb_dnn_get_engine_version(dnn), dnnb_dnn_get_instructions(dnn));
    return true;
}

void dnnb__dnn_note_slow(dnnb_dnn *dnn, const dnnb__plan *plan) {
    for (size_t i = 0; !dnn->slow_op[0] && i < dnnb__plan_get_n_ops(plan); i++) {
        dnnb__plan_op op = dnnb__plan_get_op(plan, i);
        if (!op.is_slow) continue;
        (void)snprintf(dnn->slow_op, sizeof dnn->slow_op, "%s: %s by %s",
                       find_node(dnn->graph, op.layer)->name, op.pass, op.implementation);
    }
}
