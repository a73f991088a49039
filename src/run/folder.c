/*
 * The run folder as a folder: refused when it is taken, made, cleared.
 *
 * Invariant: no file is removed but those that a run makes.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "run/run.h"

/* Everything that a run may leave behind. The first file tells that a folder is a run. */
static const char *const files[] = {
    "config.json",     "log.jsonl",     "model.pth",       "best.pth",    "train_dict.pkl",
    "train_dict.json", "history.csv",   "predictions.csv", "report.html", "epoch_loss.svg",
    "epoch_loss.png",  "step_loss.svg", "step_loss.png",   "score.svg",   "score.png",
};

static bool holds(const char *folder, const char *name) {
    char *path;
    if (dnnb__path_join(&path, folder, name) != DNNB_OK) return false;
    bool found = dnnb__file_exists(path);
    dnnb__free(path);
    return found;
}

static dnnb_status is_empty(const char *folder, bool *out) {
    DIR *dir = opendir(folder);
    if (!dir) return dnnb__fail(DNNB_ERR_IO, "%s: cannot open: %s", folder, strerror(errno));
    const struct dirent *entry;
    *out = true;
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) *out = false;
    closedir(dir);
    return DNNB_OK;
}

dnnb_status dnnb__run_folder_check(const char *folder, bool overwrite) {
    struct stat st;
    bool empty = false;
    if (!folder || !*folder)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "run folder: expected a path, found none");
    if (stat(folder, &st) != 0) {
        if (errno == ENOENT) return DNNB_OK;
        return dnnb__fail(DNNB_ERR_IO, "%s: cannot be a run folder: %s", folder, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected a new or empty folder, found a file",
                          folder);
    DNNB_TRY(is_empty(folder, &empty));
    if (empty) return DNNB_OK;
    if (!holds(folder, files[0]))
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a new or empty folder, found files that are no run",
                          folder);
    if (overwrite) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT,
                      "%s: expected a new or empty folder, found %s run (use --overwrite)", folder,
                      holds(folder, "model.pth") ? "a finished" : "an unfinished");
}

static void remove_files(const char *folder) {
    for (size_t i = sizeof files / sizeof files[0]; i-- > 0;) {
        char *path;
        if (dnnb__path_join(&path, folder, files[i]) != DNNB_OK) continue;
        (void)unlink(path);
        dnnb__free(path);
    }
}

dnnb_status dnnb__run_folder_create(const char *folder, bool *was_made) {
    *was_made = !dnnb__folder_exists(folder);
    DNNB_TRY(dnnb__folder_create(folder));
    remove_files(folder);
    return DNNB_OK;
}

void dnnb__run_folder_remove(const char *folder, bool was_made) {
    remove_files(folder);
    if (was_made) (void)rmdir(folder);
}
