/*
 * A run folder read back.
 *
 * Method: each file that is there is read whole, but for the log, which is streamed. What the files
 * hold is judged by the readers; what is missing leaves its part empty.
 */
#include "record/record.h"

#include <locale.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/io.h"

enum { PIECE_BYTES = 1 << 16 };
static const size_t max_config_bytes = (size_t)1 << 26, max_table_bytes = (size_t)1 << 30;

const char *dnnb_run_state_get_name(dnnb_run_state state) {
    static const char *const names[] = {"unknown", "going on", "finished",
                                        "stopped", "failed",   "cut off"};
    size_t i = (size_t)state;
    return i < sizeof names / sizeof names[0] ? names[i] : names[0];
}

dnnb_status dnnb__record_create(dnnb_record **out, const char *folder) {
    *out = NULL;
    dnnb_record *record = dnnb__calloc(1, sizeof *record);
    if (!record) return dnnb__fail_memory();
    dnnb__buf *const buffers[] = {&record->text,     &record->predictions,  &record->outputs,
                                  &record->targets,  &record->target_names, &record->class_names,
                                  &record->warnings, &record->left_out,     &record->open_steps};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        dnnb__buf_init(buffers[i], (size_t)1 << 34); /* what they hold is in proportion to files */
    record->owns_history = true;
    record->started_s = record->ended_s = NAN;
    record->folder = dnnb__strdup(folder);
    if (!record->folder || dnnb_history_create(&record->history) != DNNB_OK) {
        dnnb_record_destroy(record);
        return dnnb__fail_memory();
    }
    *out = record;
    return DNNB_OK;
}

void dnnb_record_destroy(dnnb_record *record) {
    if (!record) return;
    dnnb__buf *const buffers[] = {&record->text,     &record->predictions,  &record->outputs,
                                  &record->targets,  &record->target_names, &record->class_names,
                                  &record->warnings, &record->left_out,     &record->open_steps};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) dnnb__buf_destroy(buffers[i]);
    if (record->owns_history) dnnb_history_destroy(record->history);
    json_decref(record->config);
    dnnb__free(record->config_text);
    dnnb__free(record->folder);
    dnnb__free(record);
}

size_t dnnb__record_keep_text(dnnb_record *record, const char *text) {
    size_t offset = record->text.n_bytes;
    dnnb__buf_printf(&record->text, "%s", text);
    dnnb__buf_append(&record->text, "", 1);
    return offset;
}

/* ---- files ---- */

typedef dnnb_status read_fn(dnnb_record *record, const char *bytes, size_t n, const char *path);

/* Read a file of the folder, when it is there. */
static dnnb_status read_file(dnnb_record *record, const char *name, size_t cap_bytes, read_fn *read,
                             bool *is_there) {
    char *path, *bytes = NULL;
    size_t n;
    DNNB_TRY(dnnb__path_join(&path, record->folder, name));
    dnnb_status status = dnnb__file_find(is_there, path);
    if (status == DNNB_OK && *is_there) status = dnnb__file_read(&bytes, &n, path, cap_bytes);
    if (status == DNNB_OK && *is_there) status = read(record, bytes, n, path);
    dnnb__free(bytes);
    dnnb__free(path);
    return status;
}

static dnnb_status read_train_dict(dnnb_record *record, bool *is_there) {
    static const char *const names[] = {"train_dict.json", "train_dict.pkl"};
    *is_there = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !*is_there; i++) {
        char *path;
        dnnb_history *history = NULL;
        DNNB_TRY(dnnb__path_join(&path, record->folder, names[i]));
        dnnb_status status = dnnb__file_find(is_there, path);
        if (status == DNNB_OK && *is_there) status = dnnb_history_load(&history, path);
        dnnb__free(path);
        if (status != DNNB_OK) return status;
        if (!history) continue;
        dnnb_history_destroy(record->history);
        record->history = history;
    }
    return DNNB_OK;
}

static dnnb_status read_history(dnnb_record *record, const char *bytes, size_t n,
                                const char *path) {
    return dnnb__record_read_history(&record->history, bytes, n, path);
}

static dnnb_status stream_log(dnnb__record_log *log, int fd, const char *path) {
    char piece[PIECE_BYTES];
    size_t n = sizeof piece;
    while (n == sizeof piece) {
        DNNB_TRY(dnnb__file_read_next(fd, path, piece, sizeof piece, &n));
        DNNB_TRY(dnnb__record_log_feed(log, piece, n));
    }
    return dnnb__record_log_finish(log);
}

static dnnb_status read_log(dnnb_record *record) {
    char *path;
    bool is_there;
    int fd;
    size_t n_bytes;
    DNNB_TRY(dnnb__path_join(&path, record->folder, "log.jsonl"));
    dnnb_status status = dnnb__file_find(&is_there, path);
    if (status == DNNB_OK && is_there) {
        status = dnnb__file_open(&fd, &n_bytes, path);
        if (status == DNNB_OK) {
            dnnb__record_log log;
            dnnb__record_log_init(&log, record, path);
            status = stream_log(&log, fd, path);
            dnnb__record_log_destroy(&log);
            close(fd);
        }
    }
    dnnb__free(path);
    return status;
}

/* Whether a run holds the folder's lock. */
static dnnb_status read_lock(const dnnb_record *record, bool *is_held) {
    char *path;
    int fd;
    size_t n_bytes;
    DNNB_TRY(dnnb__path_join(&path, record->folder, "lock"));
    dnnb_status status = dnnb__file_find(is_held, path);
    if (status == DNNB_OK && *is_held) {
        *is_held = dnnb__file_open(&fd, &n_bytes, path) == DNNB_OK;
        /* Where locks cannot be asked for, the file alone says that somebody works here. */
        if (*is_held) {
            *is_held = dnnb__io_is_locked(fd) != 0;
            close(fd);
        }
    }
    dnnb__free(path);
    return status;
}

/* The log of a run that goes on is like that of one that was killed: its lock tells them apart. It
 * is looked at before the log too: a run that ends meanwhile writes the log's end and lets go, and
 * one that begins takes the lock. */
static dnnb_status read_state(dnnb_record *record) {
    bool is_held;
    DNNB_TRY(read_lock(record, &is_held));
    DNNB_TRY(read_log(record));
    if (record->state != DNNB_RUN_CUT_OFF) return DNNB_OK;
    if (!is_held) DNNB_TRY(read_lock(record, &is_held));
    if (is_held) record->state = DNNB_RUN_GOING_ON;
    return DNNB_OK;
}

static dnnb_status check_folder(const dnnb_record *record) {
    bool is_there;
    DNNB_TRY(dnnb__folder_find(&is_there, record->folder));
    if (is_there) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_IO, "%s: expected a run folder, found none", record->folder);
}

static dnnb_status read_all(dnnb_record *record, const dnnb_history *history) {
    bool has_config, has_history = history != NULL, ignored;
    DNNB_TRY(check_folder(record));
    DNNB_TRY(
        read_file(record, "config.json", max_config_bytes, dnnb__record_read_config, &has_config));
    if (history) {
        dnnb_history_destroy(record->history);
        record->history = (dnnb_history *)(uintptr_t)history;
        record->owns_history = false;
    } else {
        DNNB_TRY(read_train_dict(record, &has_history));
    }
    if (!has_config && !has_history)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: expected a run folder with config.json or train_dict.json, found "
                          "neither",
                          record->folder);
    if (!history)
        DNNB_TRY(read_file(record, "history.csv", max_table_bytes, read_history, &ignored));
    DNNB_TRY(read_file(record, "predictions.csv", max_table_bytes, dnnb__record_read_predictions,
                       &ignored));
    DNNB_TRY(dnnb__record_name_classes(record));
    return read_state(record);
}

static void apply_known(dnnb_record *record, const dnnb__record_known *known) {
    if (known->state == DNNB_RUN_UNKNOWN) return;
    record->state = known->state;
    record->has_message = known->message && *known->message;
    if (record->has_message) record->message = dnnb__record_keep_text(record, known->message);
}

dnnb_status dnnb__record_load(dnnb_record **out, const char *folder,
                              const dnnb__record_known *known) {
    dnnb_record *record;
    *out = NULL;
    DNNB_TRY(dnnb__record_create(&record, folder));
    /* A point in every number, whatever the caller's locale. */
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    dnnb_status status = read_all(record, known ? known->history : NULL);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    if (status == DNNB_OK && known) {
        apply_known(record, known);
        status = dnnb__buf_get_status(&record->text);
    }
    if (status != DNNB_OK) {
        dnnb_record_destroy(record);
        return status;
    }
    *out = record;
    return DNNB_OK;
}

dnnb_status dnnb_record_load(dnnb_record **out, const char *folder) {
    return dnnb__record_load(out, folder, NULL);
}

/* ---- what was read ---- */

const char *dnnb_record_get_folder(const dnnb_record *record) {
    return record->folder;
}

dnnb_run_state dnnb_record_get_state(const dnnb_record *record) {
    return record->state;
}

const char *dnnb_record_get_message(const dnnb_record *record) {
    return record->has_message ? record->text.data + record->message : NULL;
}

double dnnb_record_get_started_s(const dnnb_record *record) {
    return record->started_s;
}

double dnnb_record_get_ended_s(const dnnb_record *record) {
    return record->ended_s;
}

double dnnb_record_get_worked_s(const dnnb_record *record) {
    return isnan(record->started_s) ? (double)NAN : record->worked_s;
}

const dnnb_history *dnnb_record_get_history(const dnnb_record *record) {
    return record->history;
}

size_t dnnb_record_get_best_epoch(const dnnb_record *record) {
    const char *monitor = dnnb_record_get_text(record, "training.stopping.monitor");
    bool by_loss = monitor && strcmp(monitor, "loss") == 0;
    return dnnb_history_find_best(record->history,
                                  by_loss ? DNNB_MONITOR_LOSS : DNNB_MONITOR_SCORE);
}
