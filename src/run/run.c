/*
 * A training run that leaves a folder behind: dnnb_train() with an observer that writes.
 *
 * Method: the observer makes the folder at the START event, when everything has been checked, and
 * renews history, plots and log after each epoch. What cannot be written then is a warning, and is
 * tried again after the next epoch; what cannot be written at the end is a failure. Failures travel
 * in `status` and `message`, since an observer can only say "stop". The results are written within
 * the last epoch's event, so that a run whose disk is full then is still saved as a checkpoint.
 * When there is nothing to keep the folder is taken away again.
 */
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/io.h"
#include "run/run.h"
#include "train/checkpoint.h"
#include "train/monitor.h"
#include "train/predictions.h"
#include "train/session.h"

static const double flush_log_every_s = 1; /* somebody may be watching the run */

static bool tell(dnnb__run *r, const dnnb_event *event) {
    const dnnb_train_options *user = r->in.options;
    return !user->on_event || user->on_event(user->context, event);
}

/* A line of the log that cannot be written now waits for the next flush. */
static dnnb_status note(dnnb__run *r, const char *event, json_t *object) {
    const dnnb_run_options *o = r->in.run;
    dnnb_status status = dnnb__run_log_add(&r->log, event, object);
    if (o->on_log && (status == DNNB_OK || status == DNNB_ERR_IO))
        o->on_log(o->log_context, r->log.line.data, r->log.line.n_bytes);
    if (status == DNNB_OK && dnnb__session_now_s() - r->flushed_log_s >= flush_log_every_s) {
        r->flushed_log_s = dnnb__session_now_s();
        status = dnnb__run_log_flush(&r->log);
    }
    return status == DNNB_ERR_IO ? DNNB_OK : status;
}

static dnnb_status warn(dnnb__run *r, const char *text) {
    dnnb_event event = {.kind = DNNB_EVENT_WARNING,
                        .message = text,
                        .epoch = dnnb_history_get_count(r->history),
                        .n_epochs = r->in.options->epochs};
    dnnb_status status =
        note(r, "warning", json_pack("{s:o}", "message", dnnb__run_json_text(text)));
    (void)tell(r, &event); /* who wants to stop says so again at the next event */
    return status;
}

/* What could not be written now is no reason to lose the training. */
static dnnb_status warn_of_failure(dnnb__run *r, dnnb_status status) {
    char text[1280];
    if (status == DNNB_OK) return DNNB_OK;
    (void)snprintf(text, sizeof text,
                   "%s; the training goes on, and it is tried again after the next epoch",
                   dnnb_get_error());
    return warn(r, text);
}

static dnnb_status copy_history(dnnb__run *r, const dnnb_history *from) {
    for (size_t i = 0; i < dnnb_history_get_count(from); i++)
        DNNB_TRY(dnnb_history_add(r->history, dnnb_history_get_epoch(from, i)));
    return DNNB_OK;
}

static dnnb_status start(dnnb__run *r, const dnnb_event *event) {
    const char *folder = r->in.run->folder;
    DNNB_TRY(dnnb__run_get_chance(&r->in, &r->chance));
    r->is_resumed = r->is_saved = event->history != NULL;
    r->is_over = event->is_last;
    if (r->is_resumed) {
        DNNB_TRY(copy_history(r, event->history));
        DNNB_TRY(dnnb__run_read_checkpoint(r, event->checkpoint));
        dnnb__run_folder_remove_temporary(folder);
    } else {
        r->was_made = !dnnb__folder_exists(folder);
        DNNB_TRY(dnnb__folder_create(folder));
        if (!r->lock.path) DNNB_TRY(dnnb__run_lock_take(&r->lock, folder));
        DNNB_TRY(dnnb__run_folder_create(folder));
    }
    r->is_started = true;
    DNNB_TRY(dnnb__run_begin(r));
    DNNB_TRY(dnnb__run_board_begin(r, event));
    return note(r, r->is_resumed ? "resume" : "start",
                json_pack("{s:o, s:s, s:I, s:I, s:I}", "message",
                          dnnb__run_json_text(event->message), "precision",
                          dnnb_dnn_get_precision(r->in.dnn), "n_epochs",
                          (json_int_t)event->n_epochs, "epochs_done",
                          (json_int_t)dnnb_history_get_count(r->history), "steps_done",
                          (json_int_t)event->step));
}

/* A folder that somebody took away is made again: the run must have a place for its results. */
static dnnb_status renew_folder(dnnb__run *r) {
    const char *folder = r->in.run->folder;
    char text[1280];
    if (dnnb__folder_exists(folder)) return DNNB_OK;
    DNNB_TRY(dnnb__folder_create(folder));
    dnnb__run_lock_release(&r->lock);
    DNNB_TRY(dnnb__run_lock_take(&r->lock, folder));
    dnnb__run_log_close(&r->log);
    dnnb__run_log_init(&r->log);
    dnnb__tensorboard_close(&r->board);
    r->is_resumed = false;
    DNNB_TRY(dnnb__run_begin(r));
    (void)snprintf(text, sizeof text, "%s: the folder was taken away, and is made again", folder);
    return warn(r, text);
}

static dnnb_status keep_predictions(dnnb__run *r, const dnnb_predictions *predictions) {
    if (!predictions) return DNNB_OK;
    if (!r->last)
        DNNB_TRY(dnnb__predictions_create(&r->last, dnnb_stimulus_get_count(r->in.validation),
                                          dnnb_predictions_get_n_outputs(predictions)));
    dnnb__predictions_copy(r->last, predictions);
    return DNNB_OK;
}

static dnnb_status log_epoch(dnnb__run *r, const dnnb_event *event) {
    const dnnb_epoch *e = event->result;
    return note(
        r, "epoch",
        json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:I, s:b}", "epoch",
                  (json_int_t)event->epoch + 1, "loss", dnnb__run_json_real(e->epoch_loss),
                  "score_train", dnnb__run_json_real(e->score_train), "score_validation",
                  dnnb__run_json_real(e->score_validation), "loss_validation",
                  dnnb__run_json_real(e->loss_validation), "learning_rate",
                  dnnb__run_json_real(e->learning_rate), "seconds", dnnb__run_json_real(e->seconds),
                  "images_per_second", dnnb__run_json_real(e->images_per_second), "images_left_out",
                  (json_int_t)e->n_left_out, "gradient_norm", dnnb__run_json_real(e->gradient_norm),
                  "parameters_trained", (json_int_t)e->n_trained, "best", event->is_best));
}

static dnnb_status end_epoch(dnnb__run *r, const dnnb_event *event) {
    bool is_last = r->is_over = event->is_last;
    /* First what no later epoch makes again: without it the run must not be saved. */
    r->is_behind = true;
    DNNB_TRY(dnnb_history_add(r->history, event->result));
    DNNB_TRY(keep_predictions(r, event->validation));
    DNNB_TRY(warn_of_failure(r, renew_folder(r)));
    if (event->is_best) DNNB_TRY(dnnb__run_keep_best(r));
    r->is_behind = false;
    DNNB_TRY(log_epoch(r, event));
    DNNB_TRY(warn_of_failure(r, dnnb__run_save_epoch(r, is_last)));
    DNNB_TRY(warn_of_failure(r, dnnb__run_log_flush(&r->log)));
    DNNB_TRY(warn_of_failure(r, dnnb__run_board_add_epoch(r)));
    if (!is_last) return DNNB_OK;
    DNNB_TRY(dnnb__run_save_results(r, DNNB_OK, NULL));
    r->has_results = true;
    return DNNB_OK;
}

/* With the image that the warning is about, if it is about one. */
static dnnb_status log_warning(dnnb__run *r, const dnnb_event *event) {
    const dnnb_bad_image *image = event->bad_image;
    json_t *line = json_pack("{s:o}", "message", dnnb__run_json_text(event->message));
    if (!image || !line) return note(r, "warning", line);
    json_t *left_out = json_pack(
        "{s:s, s:o, s:I, s:o}", "set", image->stim == r->in.train ? "train" : "validation",
        "stimID", dnnb__run_json_text(dnnb_stimulus_get_id(image->stim, image->row)), "line",
        (json_int_t)dnnb_stimulus_get_line(image->stim, image->row), "reason",
        dnnb__run_json_text(image->reason));
    if (json_object_set_new(line, "left_out", left_out) != 0) {
        json_decref(line);
        line = NULL;
    }
    return note(r, "warning", line);
}

static dnnb_status log_step(dnnb__run *r, const dnnb_event *event) {
    json_t *line = json_pack("{s:I, s:I, s:o, s:o}", "epoch", (json_int_t)event->epoch + 1, "step",
                             (json_int_t)event->step + 1, "loss", dnnb__run_json_real(event->loss),
                             "learning_rate", dnnb__run_json_real(event->learning_rate));
    bool is_clipped = r->in.options->clip_norm > 0;
    if (line && is_clipped &&
        json_object_set_new(line, "gradient_norm", dnnb__run_json_real(event->gradient_norm)) !=
            0) {
        json_decref(line);
        line = NULL;
    }
    return note(r, "step", line);
}

static dnnb_status observe(dnnb__run *r, const dnnb_event *event) {
    switch (event->kind) {
    case DNNB_EVENT_START:
        return start(r, event);
    case DNNB_EVENT_EPOCH:
        return end_epoch(r, event);
    case DNNB_EVENT_STEP:
        DNNB_TRY(dnnb__run_board_add_step(r, event->loss));
        return log_step(r, event);
    case DNNB_EVENT_WARNING:
        return log_warning(r, event);
    case DNNB_EVENT_UNFREEZE:
        return note(r, "unfreeze",
                    json_pack("{s:I, s:o}", "epoch", (json_int_t)event->epoch + 1, "message",
                              dnnb__run_json_text(event->message)));
    case DNNB_EVENT_SAVE: /* a checkpoint without all of it is not written: no reason to stop */
        event->checkpoint->status = dnnb__run_add_to_checkpoint(r, event->checkpoint);
        break;
    case DNNB_EVENT_SAVED:
        r->is_saved = true;
        return note(r, "checkpoint",
                    json_pack("{s:I, s:I}", "epochs_done", (json_int_t)event->done, "steps_done",
                              (json_int_t)event->step));
    case DNNB_EVENT_SCORING:
        break;
    }
    return DNNB_OK;
}

static void keep_failure(dnnb__run *r, dnnb_status status) {
    if (status == DNNB_OK || r->status != DNNB_OK) return;
    r->status = status;
    (void)snprintf(r->message, sizeof r->message, "%s", dnnb_get_error());
}

static bool on_event(void *context, const dnnb_event *event) {
    dnnb__run *r = context;
    keep_failure(r, observe(r, event));
    bool goes_on = tell(r, event);
    return goes_on && r->status == DNNB_OK;
}

static dnnb_status log_end(dnnb__run *r, dnnb_status status, const char *message) {
    const char *word = status == DNNB_OK            ? "finished"
                       : status == DNNB_ERR_STOPPED ? "stopped"
                                                    : "failed";
    dnnb__monitor monitor = dnnb__monitor_replay(r->in.options, r->history);
    bool is_early = dnnb__monitor_is_over(&monitor) && monitor.n_epochs < r->in.options->epochs;
    char early[256];
    dnnb__monitor_print_end(&monitor, r->in.options->epochs, early, sizeof early);
    if (status == DNNB_OK) message = is_early ? early : NULL;
    DNNB_TRY(note(r, "end",
                  json_pack("{s:s, s:I, s:o, s:o}", "status", word, "n_epochs",
                            (json_int_t)monitor.n_epochs, "message", dnnb__run_json_text(message),
                            "best_epoch",
                            monitor.best_epoch == SIZE_MAX
                                ? json_null()
                                : json_integer((json_int_t)monitor.best_epoch + 1))));
    return dnnb__run_log_flush(&r->log);
}

/* Nothing was trained that could be kept. */
static void remove_folder(dnnb__run *r) {
    const char *folder = r->in.run->folder;
    dnnb__run_log_close(&r->log);
    dnnb__tensorboard_close(&r->board);
    dnnb_status ignored = dnnb__run_folder_clear(folder); /* there is a failure to tell already */
    (void)ignored;
    dnnb__run_lock_release(&r->lock);
    if (r->was_made) (void)dnnb__io_rmdir(folder);
}

/* Leave the folder whole, or none. `status` is what the training ended with. */
static dnnb_status finish(dnnb__run *r, dnnb_status status) {
    char message[1024];
    if (status == DNNB_ERR_STOPPED && r->status != DNNB_OK) {
        status = r->status;
        dnnb__set_error(r->message);
    }
    (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
    if (!r->is_started) return status;
    bool has_epochs = dnnb_history_get_count(r->history) > 0;
    if (!has_epochs && !r->is_saved) {
        dnnb_status told = log_end(r, status, message); /* to those who read along */
        (void)told;
        remove_folder(r);
        dnnb__set_error(message);
        return status;
    }
    bool is_sound = status == DNNB_OK || status == DNNB_ERR_STOPPED;
    if (has_epochs && !r->has_results) {
        dnnb_status saved = renew_folder(r);
        if (saved == DNNB_OK) saved = dnnb__run_save_results(r, status, message);
        if (is_sound && saved != DNNB_OK) {
            status = saved;
            (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
        }
    }
    dnnb_status logged = log_end(r, status, message);
    if (status == DNNB_OK && !r->in.options->keep_checkpoint) {
        /* Where it stays it hinders nothing. */
        dnnb_status ignored = dnnb__run_folder_remove_checkpoint(r->in.run->folder);
        (void)ignored;
    }
    if (status == DNNB_OK) return logged;
    dnnb__set_error(message);
    return status;
}

/* A run that was finished before is answered with what it gave. */
static dnnb_status answer_finished(dnnb__run *r, dnnb_history **history) {
    const char *folder = r->in.run->folder;
    char *path, text[1280];
    dnnb_history *found;
    DNNB_TRY(dnnb__path_join(&path, folder, "train_dict.json"));
    dnnb_status status = dnnb_history_load(&found, path);
    dnnb__free(path);
    if (status != DNNB_OK) return status;
    size_t n = dnnb_history_get_count(found);
    dnnb__monitor monitor = dnnb__monitor_replay(r->in.options, found);
    if (n < r->in.options->epochs && !dnnb__monitor_is_over(&monitor)) {
        dnnb_history_destroy(found);
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a checkpoint to go on from to %zu epochs, found a run that "
                          "ended after %zu without one (--keep-checkpoint keeps it)",
                          folder, r->in.options->epochs, n);
    }
    (void)snprintf(text, sizeof text, "%s: this run has finished %zu epochs; nothing is left to do",
                   folder, n);
    dnnb_event event = {.kind = DNNB_EVENT_WARNING, .message = text, .n_epochs = n};
    (void)tell(r, &event);
    if (history)
        *history = found;
    else
        dnnb_history_destroy(found);
    return DNNB_OK;
}

/* The run's own facts, for the identity of a run that goes on. */
static dnnb_status print_identity(dnnb__run *r, dnnb__buf *out) {
    const char *weights = r->in.run->weights_path;
    bool is_there = false;
    if (weights && *weights) DNNB_TRY(dnnb__file_find(&is_there, weights));
    if (is_there) DNNB_TRY(dnnb__sha256_file(r->in.weights_sum, weights));
    dnnb__buf_printf(out, "weights: %s\n", *r->in.weights_sum ? r->in.weights_sum : "none");
    if (r->in.options->identity) dnnb__buf_printf(out, "%s", r->in.options->identity);
    return dnnb__buf_get_status(out);
}

static dnnb_status train(dnnb__run *r, const char *checkpoint, dnnb_history **history) {
    dnnb__buf identity;
    dnnb__buf_init(&identity, 1 << 20);
    dnnb_status status = print_identity(r, &identity);
    if (status == DNNB_OK) {
        dnnb_train_options observed = *r->in.options;
        observed.on_event = on_event;
        observed.context = r;
        observed.checkpoint = checkpoint;
        observed.identity = identity.data;
        if (!observed.cache_folder) observed.cache_folder = r->in.run->folder;
        status = dnnb_train(r->dnn, r->in.train, r->in.validation, &observed, history);
        status = finish(r, status);
    }
    dnnb__buf_destroy(&identity);
    if (status != DNNB_OK && status != DNNB_ERR_STOPPED && history) {
        dnnb_history_destroy(*history);
        *history = NULL;
    }
    return status;
}

/* Look at the folder, lock it where there is one, and train. */
static dnnb_status open_and_train(dnnb__run *r, dnnb_history **history) {
    const dnnb_run_options *o = r->in.run;
    dnnb__run_folder found;
    dnnb__buf warning;
    char *checkpoint = NULL;
    dnnb__buf_init(&warning, 1 << 16);
    dnnb_status status =
        dnnb__run_folder_check(&found, o->folder, o->overwrite, r->in.options->resume, &warning);
    if (status == DNNB_OK && found != DNNB__RUN_FOLDER_ABSENT)
        status = dnnb__run_lock_take(&r->lock, o->folder);
    if (status == DNNB_OK && warning.n_bytes) status = warn(r, warning.data);
    if (status == DNNB_OK) status = dnnb__path_join(&checkpoint, o->folder, "checkpoint");
    if (status == DNNB_OK && found == DNNB__RUN_FOLDER_DONE)
        status = answer_finished(r, history);
    else if (status == DNNB_OK)
        status = train(r, checkpoint, history);
    dnnb__free(checkpoint);
    dnnb__buf_destroy(&warning);
    return status;
}

dnnb_status dnnb_run_train(dnnb_dnn *dnn, const dnnb_stimulus *train_set,
                           const dnnb_stimulus *validation, const dnnb_train_options *options,
                           const dnnb_run_options *run_options, dnnb_history **history) {
    static const dnnb_train_options defaults = DNNB_TRAIN_OPTIONS_INIT;
    dnnb__run r = {.dnn = dnn,
                   .in = {.dnn = dnn,
                          .train = train_set,
                          .validation = validation,
                          .options = options ? options : &defaults,
                          .run = run_options}};
    if (history) *history = NULL;
    DNNB_TRY(dnnb_history_create(&r.history));
    dnnb__run_log_init(&r.log);
    dnnb__tensorboard_init(&r.board);
    dnnb__run_print_time(r.in.started);
    dnnb_status status = open_and_train(&r, history);
    dnnb__run_log_close(&r.log);
    dnnb__tensorboard_close(&r.board);
    dnnb__run_lock_release(&r.lock);
    dnnb_dict_destroy(r.best);
    dnnb_predictions_destroy(r.last);
    dnnb_history_destroy(r.history);
    return status;
}
