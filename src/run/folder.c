/*
 * The run folder as a folder: refused when it is taken, made, cleared.
 *
 * Invariant: no file is removed but those that a run makes.
 */
#include <errno.h>
#include <string.h>

#include "core/file.h"
#include "core/io.h"
#include "run/run.h"
#include "train/checkpoint.h"

/* Everything that a run may leave behind. The first file tells that a folder is a run. */
static const char *const files[] = {
    "config.json",     "log.jsonl",     "model.pth",       "best.pth",    "train_dict.pkl",
    "train_dict.json", "history.csv",   "predictions.csv", "report.html", "epoch_loss.svg",
    "epoch_loss.png",  "step_loss.svg", "step_loss.png",   "score.svg",   "score.png",
};
enum { N_FILES = sizeof files / sizeof files[0] };

static const char lock_name[] = "lock", checkpoint_name[] = "checkpoint";
/* What dnnb__writer adds to a name while it writes. */
static const char temporary_mark[] = ".tmp-";

static bool holds(const char *folder, const char *name) {
    char *path;
    if (dnnb__path_join(&path, folder, name) != DNNB_OK) return false;
    bool found = dnnb__file_exists(path);
    dnnb__free(path);
    return found;
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

/* A folder that holds a run, which is to go on. */
static dnnb_status check_resumed(dnnb__run_folder *out, const char *folder, dnnb__buf *warning) {
    size_t n_checkpoints;
    DNNB_TRY(count_checkpoints(&n_checkpoints, folder));
    *out = DNNB__RUN_FOLDER_SAVED;
    if (n_checkpoints > 0) return DNNB_OK;
    *out = DNNB__RUN_FOLDER_DONE;
    if (holds(folder, "model.pth")) return DNNB_OK;
    if (holds(folder, "best.pth") || holds(folder, "train_dict.json"))
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a checkpoint to go on from, found none (--overwrite begins "
                          "again)",
                          folder);
    *out = DNNB__RUN_FOLDER_TAKEN;
    dnnb__buf_printf(warning, "%s: the run ended before its first checkpoint; it begins again",
                     folder);
    return dnnb__buf_get_status(warning);
}

dnnb_status dnnb__run_folder_check(dnnb__run_folder *out, const char *folder, bool overwrite,
                                   bool resume, dnnb__buf *warning) {
    struct stat st;
    bool has_content = false;
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
    if (!holds(folder, files[0]))
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a new or empty folder, found files that are no run",
                          folder);
    if (overwrite) return DNNB_OK;
    if (resume) return check_resumed(out, folder, warning);
    bool is_finished = holds(folder, "model.pth") && !holds(folder, checkpoint_name);
    return dnnb__fail(DNNB_ERR_ARGUMENT,
                      "%s: expected a new or empty folder, found %s run (use --overwrite%s)",
                      folder, is_finished ? "a finished" : "an unfinished",
                      is_finished ? "" : ", or --resume to go on with it");
}

static void remove_file(const char *folder, const char *name) {
    char *path;
    if (dnnb__path_join(&path, folder, name) != DNNB_OK) return;
    (void)dnnb__io_unlink(path);
    dnnb__free(path);
}

static bool is_temporary(const char *name) {
    for (size_t i = 0; i < N_FILES; i++) {
        size_t n = strlen(files[i]);
        if (strncmp(name, files[i], n) == 0 &&
            strncmp(name + n, temporary_mark, sizeof temporary_mark - 1) == 0)
            return true;
    }
    return false;
}

static void remove_temporary(void *context, const char *name) {
    if (is_temporary(name)) remove_file(context, name);
}

void dnnb__run_folder_remove_temporary(const char *folder) {
    /* Where it fails they stay, and hinder nothing. */
    dnnb_status ignored = visit_names(folder, remove_temporary, (void *)(uintptr_t)folder);
    (void)ignored;
}

static void remove_saved(void *context, const char *name) {
    dnnb__checkpoint_place place;
    if (dnnb__checkpoint_parse_name(name, &place, NULL) ||
        strcmp(name, DNNB__CHECKPOINT_TEMPORARY) == 0)
        remove_file(context, name);
}

void dnnb__run_folder_remove_checkpoint(const char *folder) {
    char *path;
    if (dnnb__path_join(&path, folder, checkpoint_name) != DNNB_OK) return;
    if (dnnb__folder_exists(path) && visit_names(path, remove_saved, path) == DNNB_OK)
        (void)dnnb__io_rmdir(path);
    dnnb__free(path);
}

void dnnb__run_folder_clear(const char *folder) {
    dnnb__run_folder_remove_temporary(folder);
    dnnb__run_folder_remove_checkpoint(folder);
    for (size_t i = N_FILES; i-- > 0;) remove_file(folder, files[i]);
}

dnnb_status dnnb__run_folder_create(const char *folder) {
    DNNB_TRY(dnnb__folder_create(folder));
    dnnb__run_folder_clear(folder);
    return DNNB_OK;
}
