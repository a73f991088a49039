/*
 * The training loop: check everything, then epochs of steps, then scores.
 *
 * Method: train_epoch() is the loop. A step takes the next batch (loaded images, or kept features
 * where the layers before them are frozen and images are not augmented), runs forward, loss,
 * backward, and the optimiser. After the first epoch a step allocates nothing.
 *
 * Source: DNNBrain dnnbrain/dnn/base.py, DNN.train.
 */
#include <math.h>
#include <string.h>

#include "core/random.h"
#include "core/text.h"
#include "core/thread.h"
#include "engine/loss.h"
#include "optim/optim.h"
#include "train/session.h"

enum { MAX_BATCH = 65536, MAX_EPOCHS = 1000000 };

typedef struct trainer {
    const dnnb_train_options *options;
    dnnb__session session;
    dnnb__set *train, *validation; /* validation NULL without one */
    dnnb_predictions *train_predictions, *validation_predictions;
    dnnb__optimizer *optimizer;
    float **weights; /* of each trainable parameter, in the engine's layout */
    const float **gradients;
    size_t batch; /* images a step, at most the set's */
    size_t n_outputs;
    float *output_gradient;              /* [batch, n_outputs] */
    int64_t *labels;                     /* [batch], of the step */
    float *targets;                      /* [batch, n_targets], of the step */
    double *step_loss;                   /* of the epoch's steps */
    size_t steps_per_epoch;              /* of the schedule */
    uint32_t n_steps_done;               /* places the dropout masks */
    double best_score;                   /* NaN before the first */
    double last_steps_s, last_scoring_s; /* of the epoch before; NaN in the first */
    dnnb_history *history;
} trainer;

static dnnb_status check_options(const dnnb_train_options *o) {
    size_t n_schedules, i = 0;
    const char *const *schedules = dnnb_schedule_get_names(&n_schedules);
    const char *name = o->schedule.name ? o->schedule.name : "";
    if (o->task != DNNB_CLASSIFICATION && o->task != DNNB_REGRESSION)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "task: expected classification or regression");
    if (o->augment != DNNB_AUGMENT_DNNBRAIN && o->augment != DNNB_AUGMENT_NONE)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "augment: expected dnnbrain or none");
    if (o->on_bad_image != DNNB_BAD_IMAGE_STOP && o->on_bad_image != DNNB_BAD_IMAGE_SKIP)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "on_bad_image: expected stop or skip");
    if (o->epochs < 1 || o->epochs > MAX_EPOCHS)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "epochs: expected 1 to %d, found %zu", MAX_EPOCHS,
                          o->epochs);
    if (o->batch < 1 || o->batch > MAX_BATCH)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "batch: expected 1 to %d images, found %zu", MAX_BATCH,
                          o->batch);
    if (o->task == DNNB_CLASSIFICATION && o->target)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "target: expected a regression with it; a classification learns the "
                          "column 'label'");
    while (i < n_schedules && strcmp(schedules[i], name) != 0) i++;
    if (i == n_schedules) {
        const char *nearest = dnnb__text_nearest(name, schedules, n_schedules);
        return dnnb__fail(DNNB_ERR_ARGUMENT, "schedule: expected %s, found '%s'",
                          nearest ? nearest : schedules[0], name);
    }
    if (o->schedule.warmup_epochs > o->epochs)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "warm-up: expected at most %zu epochs, found %zu",
                          o->epochs, o->schedule.warmup_epochs);
    if (!isfinite(o->schedule.gamma) || o->schedule.gamma < 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "gamma: expected a factor of 0 or more, found %g",
                          o->schedule.gamma);
    return DNNB_OK;
}

/* Plans for the batch sizes of an epoch, then the flat arrays that these plans train. */
static dnnb_status create_optimizer(trainer *t) {
    dnnb_dnn *dnn = t->session.dnn;
    const dnnb__graph *graph = dnn->graph;
    size_t n_images = t->train->n - t->train->n_bad, n = 0;
    size_t sizes[2] = {n_images < t->batch ? n_images : t->batch, n_images % t->batch};
    for (size_t i = 0; i < 2; i++) {
        dnnb__plan_options options = {.mode = DNNB__MODE_TRAIN,
                                      .batch = sizes[i],
                                      .from = t->train->training.node,
                                      .to = graph->n_nodes - 1};
        dnnb__plan *plan;
        if (sizes[i] > 0) DNNB_TRY(dnnb__dnn_get_plan(dnn, &options, &plan));
    }
    size_t *counts = dnnb__calloc(graph->n_params, sizeof *counts);
    t->weights = dnnb__calloc(graph->n_params, sizeof *t->weights);
    t->gradients = dnnb__calloc(graph->n_params, sizeof *t->gradients);
    dnnb_status status = DNNB_OK;
    if (!counts || !t->weights || !t->gradients) status = dnnb__fail_memory();
    for (size_t i = 0; status == DNNB_OK && i < graph->n_params; i++) {
        if (!graph->params[i].trainable) continue;
        dnnb__flat flat = dnnb__net_get_flat(dnn->net, i);
        t->weights[n] = flat.weight;
        t->gradients[n] = flat.gradient;
        counts[n++] = flat.n;
    }
    if (status == DNNB_OK)
        status = dnnb__optimizer_create(&t->optimizer, &t->options->optimizer, counts, n);
    dnnb__free(counts);
    return status;
}

static dnnb_status create_buffers(trainer *t) {
    t->output_gradient = dnnb__alloc(t->batch * t->n_outputs, sizeof *t->output_gradient);
    t->labels = dnnb__alloc(t->batch, sizeof *t->labels);
    t->targets = dnnb__alloc(t->batch * t->train->n_targets, sizeof *t->targets);
    t->step_loss = dnnb__alloc(t->steps_per_epoch, sizeof *t->step_loss);
    if (!t->output_gradient || !t->labels || !t->targets || !t->step_loss)
        return dnnb__fail_memory();
    if (t->options->score_train)
        DNNB_TRY(dnnb__predictions_create(&t->train_predictions, t->train->n, t->n_outputs));
    if (t->validation)
        DNNB_TRY(
            dnnb__predictions_create(&t->validation_predictions, t->validation->n, t->n_outputs));
    return DNNB_OK;
}

/* Decide where the network is cut, and which features are kept: small ones of scoring first. */
static dnnb_status freeze(trainer *t, size_t max_batch) {
    const dnnb__graph *graph = t->session.dnn->graph;
    size_t scoring = dnnb__graph_find_cut(graph, false), training = 0;
    if (t->options->augment == DNNB_AUGMENT_NONE) training = dnnb__graph_find_cut(graph, true);
    dnnb__session *s = &t->session;
    if (t->validation)
        DNNB_TRY(dnnb__session_freeze(s, &t->validation->scoring, scoring, t->validation->n));
    if (t->options->score_train)
        DNNB_TRY(dnnb__session_freeze(s, &t->train->scoring, scoring, t->train->n));
    DNNB_TRY(dnnb__session_freeze(s, &t->train->training, training, t->train->n));
    return dnnb__session_reserve(s, max_batch);
}

/* Check everything, and make everything that the steps need. */
static dnnb_status trainer_open(trainer *t, dnnb_dnn *dnn, const dnnb_stimulus *train,
                                const dnnb_stimulus *validation) {
    const dnnb_train_options *o = t->options;
    int64_t n_trainable, n_all;
    DNNB_TRY(check_options(o));
    dnnb_dnn_count_parameters(dnn, &n_trainable, &n_all);
    if (n_trainable == 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a parameter to train, found all %lld "
                          "frozen",
                          dnnb_dnn_get_name(dnn), (long long)n_all);
    t->n_outputs = (size_t)dnnb_dnn_get_n_outputs(dnn);
    t->best_score = t->last_steps_s = t->last_scoring_s = (double)NAN;
    DNNB_TRY(dnnb__set_create(&t->train, train, o, true, (int64_t)t->n_outputs));
    if (validation)
        DNNB_TRY(dnnb__set_create(&t->validation, validation, o, true, (int64_t)t->n_outputs));
    t->batch = o->batch < t->train->n ? o->batch : t->train->n;
    size_t max_batch = t->batch > DNNB__DNN_BATCH ? t->batch : DNNB__DNN_BATCH;
    DNNB_TRY(dnnb__session_open(&t->session, dnn, o, max_batch));
    t->session.n_epochs = o->epochs;
    t->session.keeps_images = true;
    bool augment = o->augment == DNNB_AUGMENT_DNNBRAIN;
    DNNB_TRY(dnnb__session_check_images(&t->session, t->train, augment));
    if (t->validation) DNNB_TRY(dnnb__session_check_images(&t->session, t->validation, false));
    t->steps_per_epoch = (t->train->n - t->train->n_bad + t->batch - 1) / t->batch;
    if (t->steps_per_epoch > UINT32_MAX / o->epochs)
        return dnnb__fail(DNNB_ERR_LIMIT, "expected at most %u steps, found %zu epochs of %zu",
                          UINT32_MAX, o->epochs, t->steps_per_epoch);
    DNNB_TRY(freeze(t, max_batch));
    DNNB_TRY(create_optimizer(t));
    DNNB_TRY(create_buffers(t));
    return dnnb_history_create(&t->history);
}

static void trainer_close(trainer *t) {
    dnnb__session_close(&t->session);
    dnnb__set_destroy(t->train);
    dnnb__set_destroy(t->validation);
    dnnb_predictions_destroy(t->train_predictions);
    dnnb_predictions_destroy(t->validation_predictions);
    dnnb__optimizer_destroy(t->optimizer);
    dnnb__free(t->weights);
    dnnb__free(t->gradients);
    dnnb__free(t->output_gradient);
    dnnb__free(t->labels);
    dnnb__free(t->targets);
    dnnb__free(t->step_loss);
    dnnb_history_destroy(t->history);
}

static void print_kept(dnnb__buf *text, const dnnb__graph *graph, const dnnb__features *features,
                       size_t n_images, const char *what) {
    if (!features->values || n_images == 0) return;
    dnnb__buf_printf(text, "; features of %zu images after %s kept for %s: %.1f MB", n_images,
                     graph->nodes[features->node].name, what,
                     (double)n_images * (double)features->n * sizeof(float) * 1e-6);
}

/* Say what is trained, what is frozen, and what is kept in memory. */
static dnnb_status emit_start(trainer *t) {
    const dnnb__graph *graph = t->session.dnn->graph;
    const dnnb__features *of_train = &t->train->scoring;
    const dnnb__features *of_validation = t->validation ? &t->validation->scoring : of_train;
    int64_t n_trainable, n_all;
    dnnb__buf text;
    dnnb_dnn_count_parameters(t->session.dnn, &n_trainable, &n_all);
    dnnb__buf_init(&text, 4096);
    dnnb__buf_printf(&text, "%lld of %lld parameters are trained", (long long)n_trainable,
                     (long long)n_all);
    size_t cut = dnnb__graph_find_cut(graph, true);
    if (cut > 0) dnnb__buf_printf(&text, "; frozen up to %s", graph->nodes[cut].name);
    print_kept(&text, graph, &t->train->training, t->train->n, "training");
    size_t n_scoring = (of_train->values ? t->train->n : 0) +
                       (t->validation && of_validation->values ? t->validation->n : 0);
    print_kept(&text, graph, of_train->values ? of_train : of_validation, n_scoring, "scoring");
    dnnb__buf_printf(&text, "; at most %.0f MB of images kept",
                     (double)atomic_load(&t->session.budget.left_bytes) * 1e-6);
    dnnb_status status = dnnb__buf_get_status(&text);
    dnnb_event event = {.kind = DNNB_EVENT_START, .message = text.data};
    if (status == DNNB_OK) status = dnnb__session_emit(&t->session, &event);
    dnnb__buf_destroy(&text);
    return status;
}

/* The next batch of the epoch: what the training plan reads, and the rows it is of. */
static dnnb_status get_batch(trainer *t, size_t at, size_t n, const float **input,
                             const uint64_t **rows) {
    const dnnb__features *frozen = &t->train->training;
    *rows = t->train->order + at;
    *input = t->session.features;
    if (frozen->values) {
        dnnb__session_gather(&t->session, frozen, *rows, n);
        return DNNB_OK;
    }
    dnnb__batch batch;
    DNNB_TRY(dnnb__loader_next(t->session.loader, &batch));
    if (frozen->node > 0) return dnnb__session_run_frozen(&t->session, frozen, batch.images, n);
    *input = batch.images;
    return DNNB_OK;
}

static double get_loss(trainer *t, const float *outputs, const uint64_t *rows, size_t n) {
    if (t->options->task == DNNB_CLASSIFICATION) {
        for (size_t i = 0; i < n; i++) t->labels[i] = t->train->labels[rows[i]];
        return dnnb__loss_cross_entropy(outputs, t->labels, n, t->n_outputs, t->output_gradient);
    }
    for (size_t i = 0; i < n; i++)
        memcpy(t->targets + i * t->n_outputs, t->train->targets + rows[i] * t->n_outputs,
               t->n_outputs * sizeof *t->targets);
    return dnnb__loss_mse(outputs, t->targets, n, t->n_outputs, t->output_gradient);
}

/* One step: forward, loss, backward, update. */
static dnnb_status take_step(trainer *t, const float *input, const uint64_t *rows, size_t n,
                             double lr_factor, double *loss) {
    dnnb_dnn *dnn = t->session.dnn;
    dnnb__plan_options options = {.mode = DNNB__MODE_TRAIN,
                                  .batch = n,
                                  .from = t->train->training.node,
                                  .to = dnn->graph->n_nodes - 1};
    dnnb__step_random random = {
        .key = dnnb__random_key_create(t->options->seed, DNNB__PURPOSE_DROPOUT),
        .step = t->n_steps_done++};
    dnnb__plan *plan;
    DNNB_TRY(dnnb__dnn_get_plan(dnn, &options, &plan));
    DNNB_TRY(dnnb__plan_forward(plan, input, &random));
    *loss = get_loss(t, dnnb__plan_get_output(plan), rows, n);
    if (!isfinite(*loss))
        return dnnb__fail(DNNB_ERR_NUMERIC, "expected a finite loss, found %g", *loss);
    DNNB_TRY(dnnb__plan_backward(plan, t->output_gradient));
    dnnb__optimizer_step(t->optimizer, lr_factor, t->weights, t->gradients);
    dnnb__net_mark_changed(dnn->net);
    return DNNB_OK;
}

/* Time left after `done` of the epoch's images took `elapsed_s`; NaN while it cannot be known. */
static double estimate_left_s(const trainer *t, double elapsed_s, size_t done, size_t total) {
    if (t->session.epoch == 0 && elapsed_s < 1.0) return (double)NAN;
    double rate_s = elapsed_s / (double)done;
    double epoch_s = isnan(t->last_steps_s) ? rate_s * (double)total : t->last_steps_s;
    double scoring_s = isnan(t->last_scoring_s) ? 0.0 : t->last_scoring_s;
    double n_later = (double)(t->session.n_epochs - t->session.epoch - 1);
    return rate_s * (double)(total - done) + scoring_s + n_later * (epoch_s + scoring_s);
}

static void start_steps(trainer *t, size_t epoch, size_t n) {
    if (t->train->training.values) return;
    dnnb__pass pass = {.set = t->train,
                       .order = t->train->order,
                       .n = n,
                       .batch = t->batch,
                       .augment = t->options->augment == DNNB_AUGMENT_DNNBRAIN,
                       .keep = true,
                       .seed = t->options->seed,
                       .epoch = epoch};
    dnnb__loader_start(t->session.loader, &pass);
}

/* All steps of an epoch; the epoch's loss is weighted by batch size. */
static dnnb_status run_steps(trainer *t, size_t epoch, dnnb_epoch *result) {
    const dnnb_train_options *o = t->options;
    double start_s = dnnb__session_now_s(), lr = dnnb__optimizer_get_options(t->optimizer)->lr;
    double weighted_loss = 0;
    size_t n_images = dnnb__set_fill_shuffled(t->train, o->seed, epoch), done = 0;
    start_steps(t, epoch, n_images);
    for (size_t step = 0; done < n_images; step++) {
        size_t n = n_images - done < t->batch ? n_images - done : t->batch;
        const float *input;
        const uint64_t *rows;
        double loss;
        DNNB_TRY(get_batch(t, done, n, &input, &rows));
        double factor =
            dnnb_schedule_get_factor(&o->schedule, o->epochs, t->steps_per_epoch, epoch, step);
        dnnb_status status = take_step(t, input, rows, n, factor, &loss);
        if (status == DNNB_ERR_NUMERIC)
            return dnnb__fail_prefix(status,
                                     "epoch %zu, step %zu, learning rate %g (a lower one "
                                     "may help)",
                                     epoch + 1, step + 1, lr * factor);
        if (status != DNNB_OK) return status;
        done += n;
        t->step_loss[step] = loss;
        result->n_steps = step + 1;
        weighted_loss += loss * (double)n;
        result->learning_rate = lr * factor;
        double elapsed_s = dnnb__session_now_s() - start_s;
        result->images_per_second = (double)done / elapsed_s;
        dnnb_event event = {.kind = DNNB_EVENT_STEP,
                            .step = step,
                            .n_steps = t->steps_per_epoch,
                            .loss = loss,
                            .learning_rate = result->learning_rate,
                            .images_per_second = result->images_per_second,
                            .seconds_left = estimate_left_s(t, elapsed_s, done, n_images)};
        DNNB_TRY(dnnb__session_emit(&t->session, &event));
    }
    result->epoch_loss = weighted_loss / (double)n_images;
    t->last_steps_s = dnnb__session_now_s() - start_s;
    return DNNB_OK;
}

static dnnb_status score(trainer *t, dnnb__set *set, dnnb_predictions *predictions, double *out) {
    *out = (double)NAN;
    if (!predictions) return DNNB_OK;
    dnnb_status status = dnnb__session_predict(&t->session, set, predictions);
    if (status == DNNB_ERR_NUMERIC)
        return dnnb__fail_prefix(status, "epoch %zu (a lower learning rate may help)",
                                 t->session.epoch + 1);
    if (status == DNNB_OK) *out = dnnb__session_score(&t->session, set, predictions);
    return status;
}

static dnnb_status run_scoring(trainer *t, dnnb_epoch *result) {
    double start_s = dnnb__session_now_s();
    double n_later = (double)(t->session.n_epochs - t->session.epoch - 1);
    t->session.scoring_end_s = start_s + t->last_scoring_s;
    t->session.later_s = n_later * (t->last_steps_s + t->last_scoring_s);
    DNNB_TRY(score(t, t->train, t->train_predictions, &result->score_train));
    DNNB_TRY(score(t, t->validation, t->validation_predictions, &result->score_validation));
    t->last_scoring_s = dnnb__session_now_s() - start_s;
    return DNNB_OK;
}

static dnnb_status train_epoch(trainer *t, size_t epoch) {
    double start_s = dnnb__session_now_s();
    dnnb_epoch result = {.step_loss = t->step_loss};
    t->session.epoch = epoch;
    DNNB_TRY(run_steps(t, epoch, &result));
    DNNB_TRY(run_scoring(t, &result));
    result.seconds = dnnb__session_now_s() - start_s;
    DNNB_TRY(dnnb_history_add(t->history, &result));
    bool is_best = !isnan(result.score_validation) && !(result.score_validation <= t->best_score);
    if (is_best) t->best_score = result.score_validation;
    dnnb_event event = {.kind = DNNB_EVENT_EPOCH,
                        .result = &result,
                        .is_best = is_best,
                        .validation = t->validation_predictions};
    return dnnb__session_emit(&t->session, &event);
}

dnnb_status dnnb_train(dnnb_dnn *dnn, const dnnb_stimulus *train, const dnnb_stimulus *validation,
                       const dnnb_train_options *options, dnnb_history **history) {
    static const dnnb_train_options defaults = DNNB_TRAIN_OPTIONS_INIT;
    trainer t = {.options = options ? options : &defaults};
    if (history) *history = NULL;
    size_t n_threads_before = dnnb__threads_set(dnnb_dnn_get_n_threads(dnn));
    dnnb_status status = trainer_open(&t, dnn, train, validation);
    if (status == DNNB_OK) status = emit_start(&t);
    if (status == DNNB_OK)
        status = dnnb__session_fill_features(&t.session, t.train, &t.train->training);
    for (size_t epoch = 0; status == DNNB_OK && epoch < t.options->epochs; epoch++)
        status = train_epoch(&t, epoch);
    dnnb__threads_set(n_threads_before);
    if (history && (status == DNNB_OK || status == DNNB_ERR_STOPPED)) {
        *history = t.history;
        t.history = NULL;
    }
    trainer_close(&t);
    return status;
}
