/*
 * Frozen parameters that are trained from an epoch on.
 *
 * Method: the optimiser has an array for each of them from the start, which it leaves out until
 * then. When the epoch comes plans are made anew, since they have decided what they differentiate,
 * and the network is cut again: what was kept after a layer that is trained now is given up.
 *
 * Invariant: between two epochs this is a function of their number, so a run that goes on comes to
 * the same arrays.
 */
#include <string.h>

#include "train/groups.h"
#include "train/trainer.h"

dnnb_status dnnb__trainer_plan_unfreezing(dnnb__trainer *t) {
    const dnnb_train_options *o = t->options;
    dnnb__graph *graph = t->session.dnn->graph;
    t->unfreeze_epochs = dnnb__calloc(graph->n_params, sizeof *t->unfreeze_epochs);
    if (!t->unfreeze_epochs) return dnnb__fail_memory();
    DNNB_TRY(
        dnnb__groups_read_unfreeze(t->unfreeze_epochs, t->session.dnn, o->unfreeze, o->epochs));
    for (size_t i = 0; i < graph->n_params; i++)
        graph->params[i].is_trained_later = t->unfreeze_epochs[i] > 0;
    return DNNB_OK;
}

dnnb_status dnnb__trainer_unfreeze(dnnb__trainer *t, size_t epoch, bool *has_changed) {
    dnnb_dnn *dnn = t->session.dnn;
    *has_changed = false;
    for (size_t i = 0; i < dnn->graph->n_params; i++) {
        dnnb__param *param = &dnn->graph->params[i];
        if (!param->is_trained_later || t->unfreeze_epochs[i] > epoch) continue;
        param->trainable = true;
        param->is_trained_later = false;
        *has_changed = true;
    }
    if (!*has_changed) return DNNB_OK;
    dnnb__dnn_drop_plans(dnn);
    DNNB_TRY(dnnb__trainer_freeze(t));
    for (size_t i = 0; i < t->n_params; i++)
        if (dnnb__optimizer_is_left_out(t->optimizer, i) &&
            dnn->graph->params[t->params[i]].trainable)
            dnnb__optimizer_begin(t->optimizer, i);
    return dnnb__trainer_create_plans(t);
}

void dnnb__trainer_end_unfreezing(dnnb__trainer *t) {
    for (size_t i = 0; t->unfreeze_epochs && i < t->session.dnn->graph->n_params; i++) {
        dnnb__param *param = &t->session.dnn->graph->params[i];
        if (t->unfreeze_epochs[i] == 0) continue;
        param->trainable = param->is_trained_later = false;
        dnnb__dnn_drop_plans(t->session.dnn);
    }
    dnnb__free(t->unfreeze_epochs);
    t->unfreeze_epochs = NULL;
}
