/*
 * The run folder as a folder: refused when it is taken, made, cleared.
 *
 * Invariant: no file is removed but those that a run makes.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/io.h"
#include "core/scratch.h"
#include "run/run.h"
#include "train/checkpoint.h"

#include "dnnbrain/record.h"

/* Everything that a run may leave behind. The first file tells that a folder is a run. */
static const char *const files[] = {
    "config.json",       "log.jsonl",         "model.pth",       "best.pth",      "train_dict.pkl",
    "train_dict.json",   "history.csv",       "predictions.csv", "report.html",   "epoch_loss.svg",
    "epoch_loss.png",    "step_loss.svg",     "step_loss.png",   "score.svg",     "score.png",
    "learning_rate.svg", "learning_rate.png", "confusion.svg",   "confusion.png", "regression.svg",
    "regression.png",
};
enum { N_FILES = sizeof files / sizeof files[0] };

enum { MAY_LOSE_S = 60 }; /* the default of --checkpoint-every */
static const char lock_name[] = "lock", checkpoint_name[] = "checkpoint";
/* What dnnb__writer adds to a name while it writes. */
static const char temporary_mark[] = ".tmp-";

static dnnb_status find(bool *is_there, const char *folder, const char *name) {
    char *path;
    DNNB_TRY(dnnb__path_join(&path, folder, name));
    dnnb_status status = dnnb__file_find(is_there, path);
    dnnb__free(path);
    return status;
}

/* Call `visit` with each name in the folder. */
static dnnb_status visit_names(const char *folder, void (*visit)(void *, const char *),
                               void *context) {
    DIR *dir = dnnb__io_opendir(folder);
    if (!dir) return dnnb__fail(DNNB_ERR_IO, "%s: cannot open: %s", folder, strerror(errno));
    const struct dirent *entry;
    while ((entry = dnnb__io_readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit(context, entry->d_name);
    int error = errno;
    closedir(dir);
    if (error != 0) return dnnb__fail(DNNB_ERR_IO, "%s: cannot read: %s", folder, strerror(error));
    return DNNB_OK;
}

/* The lock of a process that is gone is no content. */
static void find_content(void *context, const char *name) {
    if (strcmp(name, lock_name) != 0) *(bool *)context = true;
}

static dnnb_status count_checkpoints(size_t *n, const char *folder) {
    char *path, **names;
    DNNB_TRY(dnnb__path_join(&path, folder, checkpoint_name));
    dnnb_status status = dnnb__checkpoint_list(&names, n, path);
    dnnb__free(path);
    if (status == DNNB_OK) dnnb__checkpoint_list_destroy(names, *n);
    return status;
}

/* Whether a run's finished epochs took no longer than what a kill may cost. One that it is killed
 * in may be in the history without its time. */
static dnnb_status is_short(bool *out, const char *folder) {
    dnnb_record *record;
    DNNB_TRY(dnnb_record_load(&record, folder));
    const dnnb_history *history = dnnb_record_get_history(record);
    double seconds = 0;
    size_t n = dnnb_history_get_count(history), n_untimed = 0;
    for (size_t i = 0; i < n; i++) {
        double s = dnnb_history_get_epoch(history, i)->seconds;
        if (isnan(s))
            n_untimed++;
        else
            seconds += s;
    }
    dnnb_record_destroy(record);
    *out = seconds < MAY_LOSE_S && n_untimed <= 1;
    return DNNB_OK;
}

/* A folder that holds a run, which is to go on. A run has the folder of its checkpoints from its
 * first step to its end. */
static dnnb_status check_resumed(dnnb__run_folder *out, const char *folder, dnnb__buf *warning) {
    size_t n_checkpoints;
    bool has_model, has_folder, has_best, has_history, is_new = false;
    DNNB_TRY(count_checkpoints(&n_checkpoints, folder));
    *out = DNNB__RUN_FOLDER_SAVED;
    if (n_checkpoints > 0) return DNNB_OK;
    *out = DNNB__RUN_FOLDER_DONE;
    DNNB_TRY(find(&has_model, folder, "model.pth"));
    DNNB_TRY(find(&has_folder, folder, checkpoint_name));
    if (has_model && !has_folder) return DNNB_OK; /* the last thing that a run takes away */
    DNNB_TRY(find(&has_best, folder, "best.pth"));
    DNNB_TRY(find(&has_history, folder, "train_dict.json"));
    if (has_folder) DNNB_TRY(is_short(&is_new, folder));
    if (!is_new && (has_model || has_best || has_history))
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a checkpoint to go on from, found none (--overwrite begins "
                          "again)",
                          folder);
    *out = DNNB__RUN_FOLDER_TAKEN;
    dnnb__buf_printf(warning, "%s: the run ended before its first checkpoint; it begins again",
                     folder);
    return dnnb__buf_get_status(warning);
}

static dnnb_status fail_taken(const char *folder) {
    bool has_model, has_checkpoint;
    DNNB_TRY(find(&has_model, folder, "model.pth"));
    DNNB_TRY(find(&has_checkpoint, folder, checkpoint_name));
    bool is_finished = has_model && !has_checkpoint;
    return dnnb__fail(DNNB_ERR_ARGUMENT,
                      "%s: expected a new or empty folder, found %s run (use --overwrite%s)",
                      folder, is_finished ? "a finished" : "an unfinished",
                      is_finished ? "" : ", or --resume to go on with it");
}

dnnb_status dnnb__run_folder_check(dnnb__run_folder *out, const char *folder, bool overwrite,
                                   bool resume, dnnb__buf *warning) {
    struct stat st;
    bool has_content = false, is_run;
    *out = DNNB__RUN_FOLDER_ABSENT;
    if (!folder || !*folder)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "run folder: expected a path, found none");
    if (dnnb__io_stat(folder, &st) != 0) {
        if (errno == ENOENT) return DNNB_OK;
        return dnnb__fail(DNNB_ERR_IO, "%s: cannot be a run folder: %s", folder, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected a new or empty folder, found a file",
                          folder);
    DNNB_TRY(visit_names(folder, find_content, &has_content));
    *out = DNNB__RUN_FOLDER_TAKEN;
    if (!has_content) return DNNB_OK;
    DNNB_TRY(find(&is_run, folder, files[0]));
    if (!is_run)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a new or empty folder, found files that are no run",
                          folder);
    if (overwrite) return DNNB_OK;
    if (resume) return check_resumed(out, folder, warning);
    return fail_taken(folder);
}

/* Files of a folder that are being removed. */
typedef struct removal {
    const char *folder;
    dnnb_status status; /* of the first that stays */
} removal;

static void remove_file(removal *r, const char *name) {
    char *path;
    dnnb_status status = dnnb__path_join(&path, r->folder, name);
    if (status == DNNB_OK && dnnb__io_unlink(path) != 0 && errno != ENOENT)
        status = dnnb__fail(DNNB_ERR_IO, "%s: cannot remove: %s", path, strerror(errno));
    dnnb__free(path);
    if (r->status == DNNB_OK) r->status = status;
}

/* Those of the folder's names that `visit` removes. */
static dnnb_status remove_names(const char *folder, void (*visit)(void *, const char *)) {
    removal r = {.folder = folder, .status = DNNB_OK};
    DNNB_TRY(visit_names(folder, visit, &r));
    return r.status;
}

static bool is_temporary(const char *name) {
    for (size_t i = 0; i < N_FILES; i++) {
        size_t n = strlen(files[i]);
        if (strncmp(name, files[i], n) == 0 &&
            strncmp(name + n, temporary_mark, sizeof temporary_mark - 1) == 0)
            return true;
    }
    return strncmp(name, DNNB__SCRATCH_NAME, sizeof DNNB__SCRATCH_NAME - 1) == 0;
}

static void remove_temporary(void *context, const char *name) {
    if (is_temporary(name)) remove_file(context, name);
}

void dnnb__run_folder_remove_temporary(const char *folder) {
    /* Where it fails they stay, and hinder nothing. */
    dnnb_status ignored = remove_names(folder, remove_temporary);
    (void)ignored;
}

static void remove_saved(void *context, const char *name) {
    dnnb__checkpoint_place place;
    if (dnnb__checkpoint_parse_name(name, &place, NULL) ||
        strcmp(name, DNNB__CHECKPOINT_TEMPORARY) == 0)
        remove_file(context, name);
}

/* A folder of a run with what `visit` removes of it; a user's own files among them are no reason
 * to fail. */
static dnnb_status remove_folder(const char *path, void (*visit)(void *, const char *)) {
    bool is_there;
    DNNB_TRY(dnnb__folder_find(&is_there, path));
    if (!is_there) return DNNB_OK;
    DNNB_TRY(remove_names(path, visit));
    if (dnnb__io_rmdir(path) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST)
        return DNNB_OK;
    return dnnb__fail(DNNB_ERR_IO, "%s: cannot remove: %s", path, strerror(errno));
}

static dnnb_status remove_folder_of(const char *run, const char *name,
                                    void (*visit)(void *, const char *)) {
    char *path;
    DNNB_TRY(dnnb__path_join(&path, run, name));
    dnnb_status status = remove_folder(path, visit);
    dnnb__free(path);
    return status;
}

dnnb_status dnnb__run_folder_remove_checkpoint(const char *folder) {
    return remove_folder_of(folder, checkpoint_name, remove_saved);
}

static void remove_events(void *context, const char *name) {
    if (strncmp(name, DNNB__TENSORBOARD_PREFIX, sizeof DNNB__TENSORBOARD_PREFIX - 1) == 0)
        remove_file(context, name);
}

dnnb_status dnnb__run_folder_clear(const char *folder) {
    removal r = {.folder = folder, .status = DNNB_OK};
    r.status = remove_names(folder, remove_temporary);
    dnnb_status status = dnnb__run_folder_remove_checkpoint(folder);
    if (r.status == DNNB_OK) r.status = status;
    status = remove_folder_of(folder, DNNB__RUN_BOARD, remove_events);
    if (r.status == DNNB_OK) r.status = status;
    for (size_t i = N_FILES; i-- > 1;) remove_file(&r, files[i]);
    /* What is left is known for a run's by the first. */
    if (r.status == DNNB_OK) remove_file(&r, files[0]);
    return r.status;
}

dnnb_status dnnb__run_folder_create(const char *folder) {
    DNNB_TRY(dnnb__folder_create(folder));
    return dnnb__run_folder_clear(folder);
}
