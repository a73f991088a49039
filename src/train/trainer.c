/*
 * Opening a training run: everything is checked first, then everything that steps need is made.
 *
 * After the first epoch a step allocates nothing.
 */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "train/groups.h"
#include "train/identity.h"

size_t dnnb__trainer_get_start(const dnnb__trainer *t) {
    const dnnb__features *features = &t->train->training;
    return t->ahead.node > 0 && dnnb__features_are_kept(features) ? t->ahead.node : features->node;
}

/* Plans for the batch sizes of an epoch. */
static dnnb_status make_plans(dnnb__trainer *t) {
    dnnb_dnn *dnn = t->session.dnn;
    size_t n_images = t->train->n - t->train->n_bad;
    DNNB_TRY(dnnb__ahead_open(&t->ahead, dnn, &t->train->training, t->batch, n_images));
    size_t start = dnnb__trainer_get_start(t);
    size_t sizes[2] = {n_images < t->batch ? n_images : t->batch, n_images % t->batch};
    for (size_t i = 0; i < 2; i++) {
        dnnb__plan_options options = {.mode = DNNB__MODE_TRAIN,
                                      .batch = sizes[i],
                                      .from = start,
                                      .to = dnn->graph->n_nodes - 1,
                                      .laid_out = start == 0};
        dnnb__plan *plan;
        if (sizes[i] > 0) DNNB_TRY(dnnb__dnn_get_plan(dnn, &options, &plan));
    }
    return DNNB_OK;
}

static void update_part(void *context, size_t first, size_t n, const float *gradient) {
    const dnnb__handed *handed = context;
    const dnnb__trainer *t = handed->trainer;
    dnnb__optimizer_update_part(t->optimizer, handed->array, first, n, t->weights[handed->array],
                                gradient);
}

/* Whether the gradient goes to the optimiser in parts, as the backward pass makes it. Before it is
 * used to clip, a gradient must be known as a whole. */
static bool hand_over(dnnb__trainer *t, size_t i) {
    dnnb__update update = {.run = update_part, .context = &t->handed[i]};
    t->handed[i] = (dnnb__handed){t, i};
    return t->session.dnn->graph->params[t->params[i]].trainable && t->options->clip_norm <= 0 &&
           dnnb__net_set_update(t->session.dnn->net, t->params[i], &update);
}

/* Before the plans are made, which have no place then for these gradients. */
static dnnb_status hand_over_gradients(dnnb__trainer *t) {
    dnnb__net *net;
    DNNB_TRY(dnnb__dnn_get_net(t->session.dnn, &net));
    if (!t->handed) t->handed = dnnb__calloc(t->n_params, sizeof *t->handed);
    if (!t->handed) return dnnb__fail_memory();
    for (size_t i = 0; i < t->n_params; i++) t->hands_over |= hand_over(t, i);
    return DNNB_OK;
}

static void end_handing_over(dnnb__trainer *t) {
    if (!t->hands_over) return;
    dnnb__dnn_drop_plans(t->session.dnn);
    for (size_t i = 0; i < t->n_params; i++)
        (void)dnnb__net_set_update(t->session.dnn->net, t->params[i], NULL);
}

/* The flat arrays that these plans train. */
static void find_arrays(dnnb__trainer *t) {
    dnnb_dnn *dnn = t->session.dnn;
    for (size_t i = 0; i < t->n_params; i++) {
        dnnb__flat flat = dnnb__net_get_flat(dnn->net, t->params[i]);
        t->weights[i] = flat.weight;
        t->gradients[i] = dnn->graph->params[t->params[i]].trainable ? flat.gradient : NULL;
        t->sizes[i] = flat.n;
    }
}

/* Once the plans are there, which read them, and the optimiser, which writes them. */
static void hand_over_copies(dnnb__trainer *t) {
    for (size_t i = 0; t->optimizer && i < t->n_params; i++) {
        dnnb__flat flat = dnnb__net_get_flat(t->session.dnn->net, t->params[i]);
        dnnb__optimizer_set_copy(t->optimizer, i, flat.copy, flat.row);
    }
}

dnnb_status dnnb__trainer_create_plans(dnnb__trainer *t) {
    DNNB_TRY(hand_over_gradients(t));
    DNNB_TRY(make_plans(t));
    find_arrays(t);
    hand_over_copies(t);
    return DNNB_OK;
}

static dnnb_status find_params(dnnb__trainer *t) {
    const dnnb__graph *graph = t->session.dnn->graph;
    t->params = dnnb__calloc(graph->n_params, sizeof *t->params);
    t->sizes = dnnb__calloc(graph->n_params, sizeof *t->sizes);
    t->weights = dnnb__calloc(graph->n_params, sizeof *t->weights);
    t->gradients = dnnb__calloc(graph->n_params, sizeof *t->gradients);
    if (!t->params || !t->sizes || !t->weights || !t->gradients) return dnnb__fail_memory();
    for (size_t i = 0; i < graph->n_params; i++)
        if (graph->params[i].trainable || graph->params[i].is_trained_later)
            t->params[t->n_params++] = i;
    return DNNB_OK;
}

static dnnb_status create_optimizer(dnnb__trainer *t) {
    const dnnb__graph *graph = t->session.dnn->graph;
    DNNB_TRY(dnnb__optimizer_create(&t->optimizer, &t->options->optimizer, t->sizes, t->n_params));
    double *rates = dnnb__alloc(graph->n_params, sizeof *rates);
    if (!rates) return dnnb__fail_memory();
    dnnb_status status = dnnb__groups_read_lr(rates, t->session.dnn, t->options->lr_groups,
                                              dnnb__optimizer_get_options(t->optimizer)->lr);
    for (size_t i = 0; status == DNNB_OK && i < t->n_params; i++) {
        t->lr = rates[t->params[i]];
        dnnb__optimizer_set_lr(t->optimizer, i, t->lr);
        if (!graph->params[t->params[i]].trainable) dnnb__optimizer_leave_out(t->optimizer, i);
    }
    hand_over_copies(t);
    dnnb__free(rates);
    return status;
}

static dnnb_status create_buffers(dnnb__trainer *t) {
    t->output_gradient = dnnb__alloc(t->batch * t->n_outputs, sizeof *t->output_gradient);
    t->step_loss = dnnb__alloc(t->max_steps, sizeof *t->step_loss);
    if (!t->output_gradient || !t->step_loss) return dnnb__fail_memory();
    DNNB_TRY(dnnb__criterion_open(&t->criterion, t->options, t->train, t->n_outputs, t->batch));
    if (t->options->score_train)
        DNNB_TRY(dnnb__predictions_create(&t->train_predictions, t->train->n, t->n_outputs));
    if (t->validation)
        DNNB_TRY(
            dnnb__predictions_create(&t->validation_predictions, t->validation->n, t->n_outputs));
    return dnnb_history_create(&t->history);
}

/* Small features, those of scoring, are kept first. */
dnnb_status dnnb__trainer_freeze(dnnb__trainer *t) {
    const dnnb__graph *graph = t->session.dnn->graph;
    size_t scoring = dnnb__graph_find_cut(graph, false), training = 0;
    const dnnb_train_options *o = t->options;
    if (o->augment != DNNB_AUGMENT_DNNBRAIN) training = dnnb__graph_find_cut(graph, true);
    size_t n_views = o->views < o->epochs ? o->views : o->epochs; /* that are shown at all */
    dnnb__session *s = &t->session;
    if (t->validation)
        DNNB_TRY(dnnb__session_freeze(s, &t->validation->scoring, scoring, t->validation->n, 0));
    if (o->score_train)
        DNNB_TRY(dnnb__session_freeze(s, &t->train->scoring, scoring, t->train->n, 0));
    DNNB_TRY(dnnb__session_freeze(s, &t->train->training, training, t->train->n, n_views));
    return dnnb__session_reserve(s, t->batch > DNNB__DNN_BATCH ? t->batch : DNNB__DNN_BATCH);
}

/* Where the run saves itself, and what it can go on from. */
static dnnb_status open_saver(dnnb__trainer *t) {
    dnnb__net *net;
    dnnb__buf_init(&t->identity, (size_t)1 << 26);
    if (!t->options->checkpoint) return DNNB_OK;
    DNNB_TRY(dnnb__dnn_get_net(t->session.dnn, &net));
    DNNB_TRY(dnnb__identity_print(&t->identity, &t->session,
                                  dnnb__optimizer_get_options(t->optimizer), &t->criterion,
                                  t->train, t->validation));
    DNNB_TRY(dnnb__identity_read_sizes(&t->train_sizes, t->train));
    if (t->validation) DNNB_TRY(dnnb__identity_read_sizes(&t->validation_sizes, t->validation));
    return dnnb__saver_open(&t->saver, t->options->checkpoint);
}

dnnb_status dnnb__trainer_open(dnnb__trainer *t, dnnb_dnn *dnn, const dnnb_stimulus *train,
                               const dnnb_stimulus *validation) {
    const dnnb_train_options *o = t->options;
    int64_t n_trainable, n_all;
    DNNB_TRY(dnnb_train_check(dnn, o, validation != NULL));
    /* Not above: a run has a folder of its own for them. */
    if (o->resume && !o->checkpoint)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "resume: expected a folder of checkpoints with it");
    dnnb_dnn_count_parameters(dnn, &n_trainable, &n_all);
    if (n_trainable == 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a parameter to train, found all %lld "
                          "frozen",
                          dnnb_dnn_get_name(dnn), (long long)n_all);
    t->n_outputs = (size_t)dnnb_dnn_get_n_outputs(dnn);
    t->last_steps_s = t->last_scoring_s = (double)NAN;
    t->monitor = dnnb__monitor_create(o);
    DNNB_TRY(dnnb__set_create(&t->train, train, o, true, (int64_t)t->n_outputs));
    if (validation)
        DNNB_TRY(dnnb__set_create(&t->validation, validation, o, true, (int64_t)t->n_outputs));
    t->batch = o->batch < t->train->n ? o->batch : t->train->n;
    t->max_steps = (t->train->n + t->batch - 1) / t->batch;
    if (t->max_steps > UINT32_MAX / o->epochs)
        return dnnb__fail(DNNB_ERR_LIMIT, "expected at most %u steps, found %zu epochs of %zu",
                          UINT32_MAX, o->epochs, t->max_steps);
    size_t max_batch = t->batch > DNNB__DNN_BATCH ? t->batch : DNNB__DNN_BATCH;
    DNNB_TRY(dnnb__session_open(&t->session, dnn, o, max_batch));
    t->session.n_epochs = o->epochs;
    t->session.keeps_images = true;
    DNNB_TRY(dnnb__trainer_plan_unfreezing(t));
    DNNB_TRY(dnnb__trainer_freeze(t)); /* features come before the images that a full check keeps */
    bool augment = o->augment != DNNB_AUGMENT_NONE;
    DNNB_TRY(dnnb__session_check_images(&t->session, t->train, augment));
    if (t->validation) DNNB_TRY(dnnb__session_check_images(&t->session, t->validation, false));
    DNNB_TRY(find_params(t));
    DNNB_TRY(dnnb__trainer_create_plans(t));
    DNNB_TRY(create_optimizer(t));
    DNNB_TRY(create_buffers(t));
    t->chance_loss = dnnb__criterion_get_chance_loss(&t->criterion, t->train);
    return open_saver(t);
}

void dnnb__trainer_close(dnnb__trainer *t) {
    dnnb__saver_close(&t->saver);
    end_handing_over(t);
    dnnb__trainer_end_unfreezing(t);
    dnnb__ahead_close(&t->ahead);
    dnnb__session_close(&t->session);
    dnnb__set_destroy(t->train);
    dnnb__set_destroy(t->validation);
    dnnb_predictions_destroy(t->train_predictions);
    dnnb_predictions_destroy(t->validation_predictions);
    dnnb__optimizer_destroy(t->optimizer);
    dnnb__free(t->params);
    dnnb__free(t->sizes);
    dnnb__free(t->weights);
    dnnb__free(t->gradients);
    dnnb__free(t->handed);
    dnnb__free(t->output_gradient);
    dnnb__criterion_close(&t->criterion);
    dnnb__free(t->step_loss);
    dnnb__free(t->train_sizes);
    dnnb__free(t->validation_sizes);
    dnnb__buf_destroy(&t->identity);
    dnnb_history_destroy(t->history);
}
