/*
 * The training loop: check everything, then epochs of steps, then scores.
 *
 * Method: train_epoch() is the loop. A step takes the next batch (loaded images, or kept features
 * where the layers before them are frozen and images are not augmented), runs forward, loss,
 * backward, and the optimiser. After each step the run may be saved, and it goes on from there: the
 * loop reads where it is from the trainer's place, and never assumes that it began the epoch.
 *
 * Source: DNNBrain dnnbrain/dnn/base.py, DNN.train.
 */
#include <math.h>

#include "core/random.h"
#include "core/thread.h"
#include "train/trainer.h"

bool dnnb__trainer_is_over(const dnnb__trainer *t) {
    return t->place.epoch >= t->options->epochs || dnnb__monitor_is_over(&t->monitor);
}

/* The view in which an epoch shows every image; 0 where there are none. Fixed views take turns, so
 * that each is seen as often as the others. */
static size_t get_view(const dnnb__trainer *t) {
    return t->options->augment == DNNB_AUGMENT_VIEWS ? t->place.epoch % t->options->views : 0;
}

/* Begin to load what is left of the epoch. */
static void start_steps(dnnb__trainer *t) {
    bool has_views = t->options->augment == DNNB_AUGMENT_VIEWS;
    if (dnnb__features_are_kept(&t->train->training) || t->place.at == t->n_rows) return;
    dnnb__pass pass = {.set = t->train,
                       .order = t->train->order + t->place.at,
                       .n = t->n_rows - t->place.at,
                       .batch = t->batch,
                       .augment = t->options->augment != DNNB_AUGMENT_NONE,
                       .crop_scale = t->options->crop_scale,
                       .keep = true,
                       .seed = t->options->seed,
                       .epoch = has_views ? get_view(t) : t->place.epoch};
    dnnb__loader_start(t->session.loader, &pass);
}

/* Where the step's dropout masks come from. */
static dnnb__step_random get_random(const dnnb__trainer *t) {
    return (dnnb__step_random){.key =
                                   dnnb__random_key_create(t->options->seed, DNNB__PURPOSE_DROPOUT),
                               .step = t->place.n_steps};
}

/* A step's input from kept features of n rows. */
static dnnb_status get_kept(dnnb__trainer *t, const uint64_t *rows, size_t n, const float **input) {
    dnnb__features *frozen = &t->train->training;
    dnnb__step_random random = get_random(t);
    *input = t->session.features;
    if (t->ahead.node == 0)
        return dnnb__features_get(frozen, get_view(t), rows, n, t->session.features);
    return dnnb__ahead_get(&t->ahead, t->session.dnn, frozen, get_view(t), rows, n,
                           t->n_rows - t->place.at, &random, input);
}

/* The epoch's next batch: what the training plan reads, and the rows it is of. Rows that turn out
 * to be bad are missing; *n may be 0. */
static dnnb_status get_batch(dnnb__trainer *t, size_t n_planned, const void **input,
                             const uint64_t **rows, size_t *n) {
    dnnb__features *frozen = &t->train->training;
    dnnb__batch batch;
    if (dnnb__features_are_kept(frozen)) {
        const float *kept;
        *rows = t->train->order + t->place.at;
        *n = n_planned;
        dnnb_status status = get_kept(t, *rows, n_planned, &kept);
        *input = kept;
        if (status == DNNB_OK) return DNNB_OK;
        DNNB_TRY(dnnb__session_give_up_features(&t->session, frozen, status));
        start_steps(t);
    }
    *input = t->session.features;
    DNNB_TRY(dnnb__session_next(&t->session, t->train, &batch));
    *rows = batch.rows;
    *n = batch.n;
    if (batch.n > 0 && frozen->node > 0)
        return dnnb__session_run_frozen(&t->session, frozen, batch.images, batch.n);
    *input = batch.images;
    return DNNB_OK;
}

/* What a step came to. */
typedef struct step_result {
    double loss;   /* mean of the batch */
    double weight; /* of its images */
    double norm;   /* of the gradients before they are clipped; NaN when they are not */
} step_result;

static dnnb_status clip(dnnb__trainer *t, double *norm) {
    *norm = (double)NAN;
    if (t->options->clip_norm <= 0) return DNNB_OK;
    *norm = dnnb__optimizer_clip(t->optimizer, t->options->clip_norm, t->gradients);
    if (isfinite(*norm)) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_NUMERIC, "expected a finite norm of the gradients, found %g", *norm);
}

/* One step: forward, loss, backward, update. */
static dnnb_status take_step(dnnb__trainer *t, const void *input, const uint64_t *rows, size_t n,
                             double lr_factor, step_result *out) {
    dnnb_dnn *dnn = t->session.dnn;
    dnnb__plan_options options = {.mode = DNNB__MODE_TRAIN,
                                  .batch = n,
                                  .from = dnnb__trainer_get_start(t),
                                  .to = dnn->graph->n_nodes - 1};
    options.laid_out = options.from == 0;
    dnnb__step_random random = get_random(t);
    dnnb__plan *plan;
    DNNB_TRY(dnnb__dnn_get_plan(dnn, &options, &plan));
    DNNB_TRY(dnnb__plan_forward(plan, input, &random));
    out->loss = dnnb__criterion_get_step_loss(&t->criterion, t->train, dnnb__plan_get_output(plan),
                                              rows, n, t->output_gradient, &out->weight);
    if (!isfinite(out->loss))
        return dnnb__fail(DNNB_ERR_NUMERIC, "expected a finite loss, found %g", out->loss);
    dnnb__optimizer_begin_step(t->optimizer, lr_factor);
    t->is_torn = true; /* some arrays are updated in the backward pass */
    DNNB_TRY(dnnb__plan_backward(plan, t->output_gradient));
    DNNB_TRY(clip(t, &out->norm));
    dnnb__optimizer_end_step(t->optimizer, t->weights, (const float *const *)t->gradients);
    dnnb__net_mark_trained(dnn->net);
    t->is_torn = false;
    t->place.n_steps++;
    return DNNB_OK;
}

/* Time left after `done` of the epoch's images took `elapsed_s`; NaN while it cannot be known. */
static double estimate_left_s(const dnnb__trainer *t, double elapsed_s, size_t done, size_t total) {
    if (t->session.epoch == 0 && elapsed_s < 1.0) return (double)NAN;
    double rate_s = elapsed_s / (double)done;
    double epoch_s = isnan(t->last_steps_s) ? rate_s * (double)total : t->last_steps_s;
    double scoring_s = isnan(t->last_scoring_s) ? 0.0 : t->last_scoring_s;
    double n_later = (double)(t->session.n_epochs - t->session.epoch - 1);
    double fill_s = t->last_fill_s * (double)dnnb__features_count_missing(&t->train->training);
    return rate_s * (double)(total - done) + scoring_s + n_later * (epoch_s + scoring_s) + fill_s;
}

/* The learning rate of the epoch's step, and its factor on each of the optimiser's. */
static double get_learning_rate(const dnnb__trainer *t, size_t step, double *factor) {
    size_t n_before = t->place.n_steps - t->place.step; /* of the epochs before */
    *factor = t->range ? dnnb__lr_range_get_factor(t->range, n_before + step)
                       : dnnb_schedule_get_factor(&t->options->schedule, t->options->epochs,
                                                  t->steps_per_epoch, t->place.epoch, step);
    return t->lr * *factor;
}

/* A step on the next n_planned rows, and its place among the others; *norm is of its gradients. */
static dnnb_status run_step(dnnb__trainer *t, size_t n_planned, double *norm) {
    dnnb__place *p = &t->place;
    const void *input;
    const uint64_t *rows;
    size_t n;
    double factor, lr = get_learning_rate(t, p->step, &factor);
    step_result result = {.norm = (double)NAN};
    DNNB_TRY(get_batch(t, n_planned, &input, &rows, &n));
    if (n > 0) {
        dnnb_status status = take_step(t, input, rows, n, factor, &result);
        if (status == DNNB_ERR_NUMERIC) return dnnb__trainer_fail_loss(t, status, lr);
        if (status != DNNB_OK) return status;
        t->step_loss[p->step++] = result.loss;
        p->norm_sum += result.norm;
    }
    p->at += n_planned;
    p->weight += result.weight;
    p->weighted_loss += result.loss * result.weight;
    *norm = result.norm;
    return DNNB_OK;
}

static size_t count_trained(const dnnb__trainer *t) {
    int64_t n_trainable, n_all;
    dnnb_dnn_count_parameters(t->session.dnn, &n_trainable, &n_all);
    return (size_t)n_trainable;
}

/* All steps of the epoch that are left; the epoch's loss is weighted by their images. */
static dnnb_status run_steps(dnnb__trainer *t, dnnb_epoch *result) {
    dnnb__place *p = &t->place;
    size_t n_rows = dnnb__set_fill_shuffled(t->train, t->options->seed, p->epoch), before = p->at;
    t->n_rows = n_rows;
    double factor, begun_s = dnnb__session_now_s();
    t->steps_per_epoch = (n_rows + t->batch - 1) / t->batch;
    start_steps(t);
    while (p->at < n_rows) {
        size_t n_steps = p->step;
        double norm = (double)NAN;
        DNNB_TRY(run_step(t, n_rows - p->at < t->batch ? n_rows - p->at : t->batch, &norm));
        if (p->step == n_steps) continue; /* all of its images were left out */
        double elapsed_s = dnnb__session_now_s() - begun_s;
        result->images_per_second = (double)(p->at - before) / elapsed_s;
        dnnb_event event = {.kind = DNNB_EVENT_STEP,
                            .step = p->step - 1,
                            .n_steps = t->steps_per_epoch,
                            .loss = t->step_loss[p->step - 1],
                            .learning_rate = get_learning_rate(t, n_steps, &factor),
                            .gradient_norm = norm,
                            .images_per_second = result->images_per_second,
                            .seconds_left =
                                estimate_left_s(t, elapsed_s, p->at - before, n_rows - before)};
        DNNB_TRY(dnnb__session_emit(&t->session, &event));
        DNNB_TRY(dnnb__trainer_save(t, false));
    }
    result->n_steps = p->step;
    result->learning_rate = get_learning_rate(t, p->step - 1, &factor);
    result->epoch_loss = p->weighted_loss / p->weight;
    result->gradient_norm = p->norm_sum / (double)p->step; /* NaN where none was taken */
    result->n_trained = count_trained(t);
    t->last_steps_s = dnnb__session_now_s() - begun_s;
    return DNNB_OK;
}

static dnnb_status score(dnnb__trainer *t, dnnb__set *set, dnnb_predictions *predictions,
                         double *out) {
    *out = (double)NAN;
    if (!predictions) return DNNB_OK;
    t->session.pass = set == t->train ? DNNB_PASS_SCORE_TRAIN : DNNB_PASS_SCORE_VALIDATION;
    dnnb_status status = dnnb__session_predict(&t->session, set, predictions);
    if (status == DNNB_ERR_NUMERIC)
        return dnnb__fail_prefix(status, "epoch %zu (a lower learning rate may help)",
                                 t->session.epoch + 1);
    if (status == DNNB_OK) *out = dnnb__session_score(&t->session, set, predictions);
    return status;
}

static dnnb_status run_scoring(dnnb__trainer *t, dnnb_epoch *result) {
    double start_s = dnnb__session_now_s();
    double n_later = (double)(t->session.n_epochs - t->session.epoch - 1);
    t->session.scoring_end_s = start_s + t->last_scoring_s;
    t->session.later_s = n_later * (t->last_steps_s + t->last_scoring_s);
    DNNB_TRY(score(t, t->train, t->train_predictions, &result->score_train));
    DNNB_TRY(score(t, t->validation, t->validation_predictions, &result->score_validation));
    result->loss_validation = (double)NAN;
    if (t->validation)
        result->loss_validation =
            dnnb__criterion_get_set_loss(&t->criterion, t->validation, t->validation_predictions);
    t->last_scoring_s = dnnb__session_now_s() - start_s;
    return DNNB_OK;
}

/* The epoch has its scores: add it to the history, and stand before the next. */
static dnnb_status end_epoch(dnnb__trainer *t, dnnb_epoch *result) {
    dnnb__place *p = &t->place;
    result->n_left_out = t->train->n_bad + (t->validation ? t->validation->n_bad : 0);
    DNNB_TRY(dnnb_history_add(t->history, result));
    bool is_best = dnnb__monitor_add(&t->monitor, result);
    *p = (dnnb__place){.epoch = p->epoch + 1, .n_steps = p->n_steps};
    bool is_early = dnnb__trainer_is_over(t) && p->epoch < t->options->epochs;
    char message[256];
    if (is_early) dnnb__monitor_print_end(&t->monitor, t->options->epochs, message, sizeof message);
    dnnb_event event = {.kind = DNNB_EVENT_EPOCH,
                        .message = is_early ? message : NULL,
                        .result = result,
                        .is_best = is_best,
                        .is_last = dnnb__trainer_is_over(t),
                        .validation = t->validation_predictions};
    return dnnb__session_emit(&t->session, &event);
}

/* Train what is to be trained from this epoch on. */
static dnnb_status unfreeze(dnnb__trainer *t) {
    bool has_changed;
    DNNB_TRY(dnnb__trainer_unfreeze(t, t->place.epoch + 1, &has_changed));
    if (!has_changed) return DNNB_OK;
    return dnnb__trainer_tell_unfrozen(t);
}

/* Have the features of the images as this epoch shows them. An image that turns out to be bad is
 * missing from this epoch on. */
static dnnb_status fill_features(dnnb__trainer *t) {
    dnnb__features *features = &t->train->training;
    size_t n_missing = dnnb__features_count_missing(features);
    double begun_s = dnnb__session_now_s();
    t->session.has_begun = false;
    DNNB_TRY(dnnb__session_fill_features(&t->session, t->train, features, get_view(t)));
    if (dnnb__features_count_missing(features) < n_missing)
        t->last_fill_s = dnnb__session_now_s() - begun_s;
    t->session.has_begun = true;
    return DNNB_OK;
}

static dnnb_status train_epoch(dnnb__trainer *t) {
    dnnb_epoch result = {.step_loss = t->step_loss, .images_per_second = (double)NAN};
    bool is_saved_here = t->train_predictions || t->validation_predictions;
    t->epoch_begun_s = dnnb__session_now_s();
    t->session.epoch = t->place.epoch;
    if (t->place.at == 0) DNNB_TRY(unfreeze(t));
    DNNB_TRY(fill_features(t));
    DNNB_TRY(run_steps(t, &result));
    /* Before the scores: they change nothing that is being written, and take about as long. */
    if (is_saved_here) DNNB_TRY(dnnb__trainer_save(t, true));
    DNNB_TRY(run_scoring(t, &result));
    result.seconds = t->place.seconds + dnnb__session_now_s() - t->epoch_begun_s;
    DNNB_TRY(end_epoch(t, &result));
    DNNB_TRY(dnnb__trainer_check_learning(t));
    DNNB_TRY(dnnb__session_check_kernels(&t->session));
    if (!dnnb__trainer_is_over(t)) return dnnb__trainer_save(t, !is_saved_here);
    return t->options->keep_checkpoint ? dnnb__trainer_save_now(t) : DNNB_OK;
}

/* Save a run that cannot go on, unless its numbers are what is wrong, it failed within a step, or
 * when it had hardly begun. */
static dnnb_status end_early(dnnb__trainer *t, dnnb_status status) {
    char message[1024];
    bool has_begun = t->place.epoch > 0 || t->saver.has_saved;
    if (status == DNNB_ERR_NUMERIC || t->is_torn || (status != DNNB_ERR_STOPPED && !has_begun))
        return status;
    (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
    dnnb_status saved = dnnb__trainer_save_now(t);
    if (saved != DNNB_OK && status == DNNB_ERR_STOPPED)
        return dnnb__fail_prefix(saved, "stopped, and not saved");
    dnnb__set_error(message);
    return status;
}

dnnb_status dnnb__trainer_run(dnnb__trainer *t) {
    dnnb_checkpoint *resumed;
    DNNB_TRY(dnnb__trainer_resume(t, &resumed));
    dnnb_status status = dnnb__trainer_tell_start(t, resumed);
    dnnb__checkpoint_destroy(resumed);
    if (status == DNNB_OK) status = dnnb__session_check_kernels(&t->session);
    while (status == DNNB_OK && !dnnb__trainer_is_over(t)) status = train_epoch(t);
    return status == DNNB_OK ? DNNB_OK : end_early(t, status);
}

dnnb_status dnnb_train(dnnb_dnn *dnn, const dnnb_stimulus *train, const dnnb_stimulus *validation,
                       const dnnb_train_options *options, dnnb_history **history) {
    static const dnnb_train_options defaults = DNNB_TRAIN_OPTIONS_INIT;
    dnnb__trainer t = {.options = options ? options : &defaults};
    if (history) *history = NULL;
    size_t n_threads_before = dnnb__threads_set(dnnb_dnn_get_n_threads(dnn));
    dnnb_status status = dnnb__trainer_open(&t, dnn, train, validation);
    if (status == DNNB_OK) status = dnnb__trainer_run(&t);
    dnnb__threads_set(n_threads_before);
    if (history && (status == DNNB_OK || status == DNNB_ERR_STOPPED)) {
        *history = t.history;
        t.history = NULL;
    }
    dnnb__trainer_close(&t);
    return status;
}
