/*
 * What a run writes: history, plots and report, parameters, predictions, and its part of a
 * checkpoint.
 *
 * Invariant: every file is written beside its name and renamed, so none is ever half there.
 */
#include <string.h>

#include "core/file.h"
#include "dnn/dnn.h"
#include "record/record.h"
#include "run/run.h"
#include "train/checkpoint.h"
#include "train/predictions.h"
#include "train/session.h"

#include "dnnbrain/report.h"

enum { MAX_NAME = 512 };

static const char best_prefix[] = "run/best/", started_name[] = "run/started";
static const char rows_name[] = "run/prediction_rows", outputs_name[] = "run/prediction_outputs";

/* Call `save` with the path of `name` in the run folder. */
#define WITH_PATH(r, name, call)                                                                   \
    do {                                                                                           \
        char *path;                                                                                \
        DNNB_TRY(dnnb__path_join(&path, (r)->in.run->folder, name));                               \
        dnnb_status with_path_status_ = (call);                                                    \
        dnnb__free(path);                                                                          \
        if (with_path_status_ != DNNB_OK) return with_path_status_;                                \
    } while (0)

dnnb_status dnnb__run_begin(dnnb__run *r) {
    WITH_PATH(r, "config.json", dnnb__run_config_save(&r->in, path));
    WITH_PATH(r, "log.jsonl", dnnb__run_log_open(&r->log, path, r->is_resumed));
    /* Until the run has ended it says that this is not all (folder.c). */
    WITH_PATH(r, "checkpoint", dnnb__folder_create(path));
    return DNNB_OK;
}

/* The report is made of what the folder holds; how the run ended is not in its log yet. */
static dnnb_status save_report(dnnb__run *r, dnnb_run_state state, const char *message) {
    const dnnb__record_known known = {.history = r->history, .state = state, .message = message};
    dnnb_record *record;
    DNNB_TRY(dnnb__run_log_flush(&r->log));
    DNNB_TRY(dnnb__record_load(&record, r->in.run->folder, &known));
    char *path;
    dnnb_status status = dnnb__path_join(&path, r->in.run->folder, "report.html");
    if (status == DNNB_OK) status = dnnb_report_save(record, path);
    dnnb__free(path);
    dnnb_record_destroy(record);
    return status;
}

static dnnb_status save_pictures(dnnb__run *r, dnnb_run_state state, const char *message) {
    double begin_s = dnnb__session_now_s();
    DNNB_TRY(dnnb__run_draw_plots(r));
    DNNB_TRY(save_report(r, state, message));
    r->plotted_at_s = dnnb__session_now_s();
    r->plot_s = r->plotted_at_s - begin_s;
    return DNNB_OK;
}

/* Epochs on kept features last milliseconds: drawing after each would take longer than training.
 * So plots and report wait until drawing them costs a fiftieth of the time that has passed. */
static bool is_time_to_plot(const dnnb__run *r) {
    return dnnb__session_now_s() - r->plotted_at_s >= 50 * r->plot_s;
}

static dnnb_status save_history(dnnb__run *r) {
    WITH_PATH(r, "train_dict.pkl", dnnb_history_save_pickle(r->history, path));
    WITH_PATH(r, "train_dict.json", dnnb_history_save_json(r->history, path));
    WITH_PATH(r, "history.csv", dnnb_history_save_csv(r->history, path));
    return DNNB_OK;
}

dnnb_status dnnb__run_keep_best(dnnb__run *r) {
    WITH_PATH(r, "best.pth", dnnb__run_best_keep(&r->best, r->dnn, path));
    return DNNB_OK;
}

dnnb_status dnnb__run_save_epoch(dnnb__run *r, bool is_last) {
    DNNB_TRY(save_history(r));
    return !is_last && is_time_to_plot(r) ? save_pictures(r, DNNB_RUN_GOING_ON, NULL) : DNNB_OK;
}

/* A network to be written. */
typedef struct network {
    const char *name;
    const dnnb_dict *state;
    dnnb_status status;
    char message[1024];
} network;

static dnnb_status write_network(const dnnb__run *r, const network *n) {
    WITH_PATH(r, n->name, dnnb_dict_save(n->state, path));
    return DNNB_OK;
}

static void save_network(const dnnb__run *r, network *n) {
    n->status = write_network(r, n);
    if (n->status != DNNB_OK) /* the message is the thread's own */
        (void)snprintf(n->message, sizeof n->message, "%s", dnnb_get_error());
}

/* At once: while one waits for the disk the other is summed and copied. What had no room beside
 * the other may have it alone. */
static dnnb_status save_all(const dnnb__run *r, network *networks, size_t n) {
#pragma omp parallel for schedule(static, 1)
    for (size_t i = 0; i < n; i++) save_network(r, &networks[i]);
    for (size_t i = 0; i < n && n > 1; i++)
        if (networks[i].status == DNNB_ERR_IO) save_network(r, &networks[i]);
    for (size_t i = 0; i < n; i++) {
        if (networks[i].status == DNNB_OK) continue;
        dnnb__set_error(networks[i].message);
        return networks[i].status;
    }
    return DNNB_OK;
}

/* The network as it is, if that is sound, and as it was best, both from one copy of it. */
static dnnb_status save_networks(dnnb__run *r, bool has_model) {
    dnnb_dict *state, *best = NULL;
    if (!r->best) {
        if (has_model) WITH_PATH(r, "model.pth", dnnb_dnn_save(r->dnn, path));
        return DNNB_OK;
    }
    DNNB_TRY(dnnb_dnn_get_state(r->dnn, &state));
    dnnb_status status = dnnb__run_best_merge(&best, r->best, state);
    network networks[] = {{.name = "model.pth", .state = state},
                          {.name = "best.pth", .state = best}};
    if (status == DNNB_OK)
        status = has_model ? save_all(r, networks, 2) : save_all(r, networks + 1, 1);
    dnnb_dict_destroy(best);
    dnnb_dict_destroy(state);
    return status;
}

dnnb_status dnnb__run_save_results(dnnb__run *r, dnnb_status status, const char *message) {
    bool is_sound = status == DNNB_OK || status == DNNB_ERR_STOPPED;
    dnnb_run_state state = status == DNNB_OK            ? DNNB_RUN_FINISHED
                           : status == DNNB_ERR_STOPPED ? DNNB_RUN_STOPPED
                                                        : DNNB_RUN_FAILED;
    const dnnb_train_options *o = r->in.options;
    bool is_regression = o->task == DNNB_REGRESSION;
    DNNB_TRY(save_networks(r, is_sound));
    if (r->last)
        WITH_PATH(r, "predictions.csv",
                  dnnb_predictions_save_csv(r->last, r->in.validation, o->task,
                                            is_regression && o->target ? o->target : "label",
                                            path));
    DNNB_TRY(save_history(r));
    DNNB_TRY(save_pictures(r, state, message));
    return dnnb__run_board_finish(r);
}

/* ---- checkpoints ---- */

/* Those of the last epoch, which no later epoch makes again. */
static dnnb_status add_predictions(dnnb__run *r, dnnb_checkpoint *out) {
    const dnnb_predictions *p = r->last;
    if (!p || !r->is_over) return DNNB_OK;
    DNNB_TRY(dnnb__checkpoint_add(out, rows_name, DNNB_I64, p->rows, p->n));
    return dnnb__checkpoint_add(out, outputs_name, DNNB_F32, p->outputs, p->n * p->n_outputs);
}

static dnnb_status read_predictions(dnnb__run *r, const dnnb_checkpoint *in) {
    size_t n, n_values, n_outputs = (size_t)dnnb_dnn_get_n_outputs(r->dnn);
    const int64_t *rows = dnnb__checkpoint_find(in, rows_name, DNNB_I64, &n);
    const float *outputs = dnnb__checkpoint_find(in, outputs_name, DNNB_F32, &n_values);
    size_t n_rows = r->in.validation ? dnnb_stimulus_get_count(r->in.validation) : 0;
    if (!rows || !outputs || n > n_rows || n_values != n * n_outputs) return DNNB_OK;
    for (size_t i = 0; i < n; i++)
        if (rows[i] < 0 || (size_t)rows[i] >= n_rows) return DNNB_OK;
    DNNB_TRY(dnnb__predictions_create(&r->last, n_rows, n_outputs));
    for (size_t i = 0; i < n; i++) r->last->rows[i] = (size_t)rows[i];
    memcpy(r->last->outputs, outputs, n_values * sizeof *outputs);
    r->last->n = n;
    return DNNB_OK;
}

dnnb_status dnnb__run_add_to_checkpoint(dnnb__run *r, dnnb_checkpoint *out) {
    char name[MAX_NAME];
    if (r->is_behind)
        return dnnb__fail(DNNB_ERR_MEMORY, "the last epoch's results could not be kept");
    DNNB_TRY(add_predictions(r, out));
    DNNB_TRY(dnnb__checkpoint_add(out, started_name, DNNB_U8, r->in.started, sizeof r->in.started));
    for (size_t i = 0; r->best && i < dnnb_dict_get_count(r->best); i++) {
        const dnnb_tensor *tensor = dnnb_dict_get_tensor(r->best, i);
        (void)snprintf(name, sizeof name, "%s%s", best_prefix, dnnb_dict_get_name(r->best, i));
        DNNB_TRY(dnnb__checkpoint_add(out, name, DNNB_F32, dnnb_tensor_get_data(tensor),
                                      dnnb_tensor_get_count(tensor)));
    }
    return DNNB_OK;
}

/* A checkpoint from before the first best epoch has none, nor has one whose best are in the file.
 */
static bool has_best(const dnnb__run *r, const dnnb_checkpoint *in) {
    char name[MAX_NAME];
    size_t n;
    for (size_t i = 0; i < r->dnn->graph->n_params; i++) {
        (void)snprintf(name, sizeof name, "%s%s", best_prefix, r->dnn->graph->params[i].path);
        if (dnnb__checkpoint_find(in, name, DNNB_F32, &n)) return true;
    }
    return false;
}

static dnnb_status read_best(dnnb__run *r, const dnnb_checkpoint *in) {
    char name[MAX_NAME];
    if (!has_best(r, in)) return DNNB_OK;
    DNNB_TRY(dnnb__run_best_create(&r->best, r->dnn));
    for (size_t i = 0; i < dnnb_dict_get_count(r->best); i++) {
        dnnb_tensor *tensor = (dnnb_tensor *)dnnb_dict_get_tensor(r->best, i);
        size_t n = dnnb_tensor_get_count(tensor);
        (void)snprintf(name, sizeof name, "%s%s", best_prefix, dnnb_dict_get_name(r->best, i));
        const void *found;
        DNNB_TRY(dnnb__checkpoint_read(in, name, DNNB_F32, n, &found, NULL));
        memcpy(dnnb_tensor_get_writable(tensor), found, n * sizeof(float));
    }
    return DNNB_OK;
}

dnnb_status dnnb__run_read_checkpoint(dnnb__run *r, const dnnb_checkpoint *in) {
    size_t n;
    const char *started = dnnb__checkpoint_find(in, started_name, DNNB_U8, &n);
    if (started && n == sizeof r->in.started && started[n - 1] == '\0')
        memcpy(r->in.started, started, n);
    DNNB_TRY(read_predictions(r, in));
    return read_best(r, in);
}
