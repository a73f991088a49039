/*
 * A training run that leaves a folder behind: dnnb_train() with an observer that writes.
 *
 * Method: the observer makes the folder at the START event, when everything has been checked, and
 * renews history, plots and log after each epoch. Failures of writing end the run; they travel in
 * `status` and `message`, since an observer can only say "stop". When no epoch was finished the
 * folder is taken away again.
 *
 * Invariant: every file but the log is written beside its name and renamed, so none is ever half
 * there.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "core/file.h"
#include "run/run.h"
#include "train/predictions.h"

#include "dnnbrain/plot.h"

typedef struct run {
    dnnb__run_inputs in;
    dnnb_dnn *dnn;
    dnnb__run_log log;
    dnnb_history *history;  /* the finished epochs */
    dnnb_predictions *last; /* of the validation set; NULL before the first epoch */
    dnnb_dict *best;        /* what changed, of the best epoch; NULL when it is in the file */
    double chance;
    double plot_s;             /* what the last drawing of the plots took */
    double plotted_at_s;       /* when it ended */
    bool is_started, was_made; /* folder made; it was not there before */
    dnnb_status status;        /* of writing */
    char message[1024];
} run;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Call `save` with the path of `name` in the run folder. */
#define WITH_PATH(r, name, call)                                                                   \
    do {                                                                                           \
        char *path;                                                                                \
        DNNB_TRY(dnnb__path_join(&path, (r)->in.run->folder, name));                               \
        dnnb_status with_path_status_ = (call);                                                    \
        dnnb__free(path);                                                                          \
        if (with_path_status_ != DNNB_OK) return with_path_status_;                                \
    } while (0)

static dnnb_status start(run *r, const dnnb_event *event) {
    DNNB_TRY(dnnb__run_get_chance(&r->in, &r->chance));
    DNNB_TRY(dnnb__run_folder_create(r->in.run->folder, &r->was_made));
    r->is_started = true;
    WITH_PATH(r, "config.json", dnnb__run_config_save(&r->in, path));
    WITH_PATH(r, "log.jsonl", dnnb__run_log_open(&r->log, path));
    return dnnb__run_log_add(&r->log, "start",
                             json_pack("{s:o, s:I}", "message", dnnb__run_json_text(event->message),
                                       "n_epochs", (json_int_t)event->n_epochs));
}

static dnnb_status draw_plots(run *r) {
    const char *score_name = r->in.options->task == DNNB_CLASSIFICATION ? "accuracy" : "r squared";
    bool has_scores = r->in.validation || r->in.options->score_train;
    double begin_s = now_s();
    WITH_PATH(r, "epoch_loss.svg", dnnb_plot_epoch_loss(r->history, path));
    WITH_PATH(r, "epoch_loss.png", dnnb_plot_epoch_loss(r->history, path));
    WITH_PATH(r, "step_loss.svg", dnnb_plot_step_loss(r->history, path));
    WITH_PATH(r, "step_loss.png", dnnb_plot_step_loss(r->history, path));
    if (has_scores) {
        WITH_PATH(r, "score.svg", dnnb_plot_score(r->history, score_name, r->chance, path));
        WITH_PATH(r, "score.png", dnnb_plot_score(r->history, score_name, r->chance, path));
    }
    r->plotted_at_s = now_s();
    r->plot_s = r->plotted_at_s - begin_s;
    return DNNB_OK;
}

/* Epochs on kept features last milliseconds: drawing after each would take longer than training.
 * So plots wait until drawing them costs a twentieth of the time that has passed. */
static bool is_time_to_plot(const run *r) {
    return now_s() - r->plotted_at_s >= 20 * r->plot_s;
}

static dnnb_status save_history(run *r) {
    WITH_PATH(r, "train_dict.pkl", dnnb_history_save_pickle(r->history, path));
    WITH_PATH(r, "train_dict.json", dnnb_history_save_json(r->history, path));
    WITH_PATH(r, "history.csv", dnnb_history_save_csv(r->history, path));
    return DNNB_OK;
}

static dnnb_status keep_predictions(run *r, const dnnb_predictions *predictions) {
    if (!predictions) return DNNB_OK;
    if (!r->last)
        DNNB_TRY(dnnb__predictions_create(&r->last, dnnb_stimulus_get_count(r->in.validation),
                                          dnnb_predictions_get_n_outputs(predictions)));
    dnnb__predictions_copy(r->last, predictions);
    return DNNB_OK;
}

static dnnb_status end_epoch(run *r, const dnnb_event *event) {
    const dnnb_epoch *e = event->result;
    DNNB_TRY(dnnb_history_add(r->history, e));
    DNNB_TRY(keep_predictions(r, event->validation));
    DNNB_TRY(save_history(r));
    if (event->is_best) WITH_PATH(r, "best.pth", dnnb__run_best_keep(&r->best, r->dnn, path));
    if (is_time_to_plot(r)) DNNB_TRY(draw_plots(r));
    json_t *line = json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "epoch", (json_int_t)event->epoch + 1, "loss",
        dnnb__run_json_real(e->epoch_loss), "score_train", dnnb__run_json_real(e->score_train),
        "score_validation", dnnb__run_json_real(e->score_validation), "learning_rate",
        dnnb__run_json_real(e->learning_rate), "seconds", dnnb__run_json_real(e->seconds),
        "images_per_second", dnnb__run_json_real(e->images_per_second), "best", event->is_best);
    DNNB_TRY(dnnb__run_log_add(&r->log, "epoch", line));
    return dnnb__run_log_flush(&r->log);
}

static dnnb_status observe(run *r, const dnnb_event *event) {
    switch (event->kind) {
    case DNNB_EVENT_START:
        return start(r, event);
    case DNNB_EVENT_EPOCH:
        return end_epoch(r, event);
    case DNNB_EVENT_STEP:
        return dnnb__run_log_add(
            &r->log, "step",
            json_pack("{s:I, s:I, s:o, s:o}", "epoch", (json_int_t)event->epoch + 1, "step",
                      (json_int_t)event->step + 1, "loss", dnnb__run_json_real(event->loss),
                      "learning_rate", dnnb__run_json_real(event->learning_rate)));
    case DNNB_EVENT_WARNING:
        return dnnb__run_log_add(
            &r->log, "warning", json_pack("{s:o}", "message", dnnb__run_json_text(event->message)));
    case DNNB_EVENT_SCORING:
    case DNNB_EVENT_SAVE:
    case DNNB_EVENT_SAVED:
        break;
    }
    return DNNB_OK;
}

static void keep_failure(run *r, dnnb_status status) {
    if (status == DNNB_OK || r->status != DNNB_OK) return;
    r->status = status;
    (void)snprintf(r->message, sizeof r->message, "%s", dnnb_get_error());
}

static bool on_event(void *context, const dnnb_event *event) {
    run *r = context;
    keep_failure(r, observe(r, event));
    if (r->status != DNNB_OK) return false;
    const dnnb_train_options *user = r->in.options;
    return !user->on_event || user->on_event(user->context, event);
}

/* What is written once: parameters (of a network that is not damaged), predictions, the plots. */
static dnnb_status save_results(run *r, bool is_sound) {
    const dnnb_train_options *o = r->in.options;
    bool is_regression = o->task == DNNB_REGRESSION;
    if (is_sound) WITH_PATH(r, "model.pth", dnnb_dnn_save(r->dnn, path));
    if (r->best) WITH_PATH(r, "best.pth", dnnb__run_best_save(r->best, r->dnn, path));
    if (r->last)
        WITH_PATH(r, "predictions.csv",
                  dnnb_predictions_save_csv(r->last, r->in.validation, o->task,
                                            is_regression && o->target ? o->target : "label",
                                            path));
    return draw_plots(r);
}

static dnnb_status log_end(run *r, dnnb_status status, const char *message) {
    const char *word = status == DNNB_OK            ? "finished"
                       : status == DNNB_ERR_STOPPED ? "stopped"
                                                    : "failed";
    DNNB_TRY(dnnb__run_log_add(&r->log, "end",
                               json_pack("{s:s, s:I, s:o}", "status", word, "n_epochs",
                                         (json_int_t)dnnb_history_get_count(r->history), "message",
                                         dnnb__run_json_text(status == DNNB_OK ? NULL : message))));
    return dnnb__run_log_flush(&r->log);
}

/* Leave the folder whole, or none. `status` is what the training ended with. */
static dnnb_status finish(run *r, dnnb_status status) {
    if (status == DNNB_ERR_STOPPED && r->status != DNNB_OK) {
        status = r->status;
        dnnb__set_error(r->message);
    }
    char message[1024];
    (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
    if (!r->is_started) return status;
    if (dnnb_history_get_count(r->history) == 0) {
        dnnb__run_log_close(&r->log);
        dnnb__run_folder_remove(r->in.run->folder, r->was_made);
        return status;
    }
    bool is_sound = status == DNNB_OK || status == DNNB_ERR_STOPPED;
    dnnb_status saved = save_results(r, is_sound);
    if (is_sound && saved != DNNB_OK) {
        status = saved;
        (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
    }
    dnnb_status logged = log_end(r, status, message);
    if (status == DNNB_OK) return logged;
    dnnb__set_error(message);
    return status;
}

dnnb_status dnnb_run_train(dnnb_dnn *dnn, const dnnb_stimulus *train,
                           const dnnb_stimulus *validation, const dnnb_train_options *options,
                           const dnnb_run_options *run_options, dnnb_history **history) {
    static const dnnb_train_options defaults = DNNB_TRAIN_OPTIONS_INIT;
    run r = {.dnn = dnn,
             .in = {.dnn = dnn,
                    .train = train,
                    .validation = validation,
                    .options = options ? options : &defaults,
                    .run = run_options}};
    if (history) *history = NULL;
    DNNB_TRY(dnnb__run_folder_check(run_options->folder, run_options->overwrite));
    DNNB_TRY(dnnb_history_create(&r.history));
    dnnb__run_log_init(&r.log);
    dnnb_train_options observed = *r.in.options;
    observed.on_event = on_event;
    observed.context = &r;
    dnnb_status status = finish(&r, dnnb_train(dnn, train, validation, &observed, history));
    if (status != DNNB_OK && status != DNNB_ERR_STOPPED && history) {
        dnnb_history_destroy(*history);
        *history = NULL;
    }
    dnnb__run_log_close(&r.log);
    dnnb_dict_destroy(r.best);
    dnnb_predictions_destroy(r.last);
    dnnb_history_destroy(r.history);
    return status;
}
