/*
 * The folder of a group: refused when it is taken, cleared.
 *
 * Invariant: no file is removed but those that a group and its runs make. Which folders its runs
 * have follows from its numbers, so nothing is looked for.
 */
#include <errno.h>
#include <string.h>

#include "core/file.h"
#include "core/io.h"
#include "group/group.h"
#include "run/run.h"

/* Everything that a group leaves beside its runs. The first two tell that a folder is a group. */
static const char *const files[] = {"cv.json",         "repeat.json", "cv.csv",     "repeat.csv",
                                    "cv.svg",          "cv.png",      "repeat.svg", "repeat.png",
                                    "predictions.csv", "report.html"};
enum { N_FILES = sizeof files / sizeof files[0] };

/* The lock of a process that is gone is no content. */
static dnnb_status find_content(bool *has_content, const char *folder) {
    DIR *dir = dnnb__io_opendir(folder);
    if (!dir) return dnnb__fail(DNNB_ERR_IO, "%s: cannot open: %s", folder, strerror(errno));
    const struct dirent *entry;
    *has_content = false;
    while ((entry = dnnb__io_readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, "lock") != 0)
            *has_content = true;
    int error = errno;
    closedir(dir);
    if (error != 0) return dnnb__fail(DNNB_ERR_IO, "%s: cannot read: %s", folder, strerror(error));
    return DNNB_OK;
}

/* A group that is to go on must be the one that is planned; it may have fewer repeats. */
static dnnb_status compare(const dnnb_group *then, const dnnb_group *now) {
    const dnnb_group_info *a = &then->info, *b = &now->info;
    const struct {
        const char *name;
        uint64_t then, now;
    } facts[] = {{"folds", a->n_folds, b->n_folds},
                 {"seed", a->seed, b->seed},
                 {"images", a->n_images, b->n_images},
                 {"task (1: regression)", a->task, b->task}};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        if (facts[i].then != facts[i].now)
            return dnnb__fail(DNNB_ERR_ARGUMENT,
                              "%s: %s: expected %llu, as in the runs that it holds, found %llu",
                              now->folder, facts[i].name, (unsigned long long)facts[i].then,
                              (unsigned long long)facts[i].now);
    if (a->n_repeats <= b->n_repeats) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT,
                      "%s: repeats: expected at least the %zu that it holds, found %zu",
                      now->folder, a->n_repeats, b->n_repeats);
}

static dnnb_status check_group(const dnnb_group *planned, bool resume) {
    dnnb_group *found;
    DNNB_TRY(dnnb_group_load(&found, planned->folder));
    bool is_finished = strcmp(found->info.status, "finished") == 0;
    dnnb_status status = resume
                             ? compare(found, planned)
                             : dnnb__fail(DNNB_ERR_ARGUMENT,
                                          "%s: expected a new or empty folder, found %s runs (use "
                                          "--overwrite%s)",
                                          planned->folder, is_finished ? "finished" : "unfinished",
                                          is_finished ? "" : ", or --resume to go on with them");
    dnnb_group_destroy(found);
    return status;
}

dnnb_status dnnb__group_folder_check(dnnb__group_folder *out, const dnnb_group *group,
                                     bool overwrite, bool resume) {
    const char *folder = group->folder;
    struct stat st;
    bool has_content;
    *out = DNNB__GROUP_FOLDER_ABSENT;
    if (!*folder) return dnnb__fail(DNNB_ERR_ARGUMENT, "folder: expected a path, found none");
    if (dnnb__io_stat(folder, &st) != 0) {
        if (errno == ENOENT) return DNNB_OK;
        return dnnb__fail(DNNB_ERR_IO, "%s: cannot be a folder of runs: %s", folder,
                          strerror(errno));
    }
    if (!S_ISDIR(st.st_mode))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected a new or empty folder, found a file",
                          folder);
    DNNB_TRY(find_content(&has_content, folder));
    *out = DNNB__GROUP_FOLDER_EMPTY;
    if (!has_content) return DNNB_OK;
    *out = DNNB__GROUP_FOLDER_TAKEN;
    if (!dnnb_group_is_there(folder))
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a new or empty folder, found files that are no group of "
                          "runs",
                          folder);
    return overwrite ? DNNB_OK : check_group(group, resume);
}

static dnnb_status remove_file(const char *folder, const char *name) {
    char *path;
    DNNB_TRY(dnnb__path_join(&path, folder, name));
    dnnb_status status = DNNB_OK;
    if (dnnb__io_unlink(path) != 0 && errno != ENOENT)
        status = dnnb__fail(DNNB_ERR_IO, "%s: cannot remove: %s", path, strerror(errno));
    dnnb__free(path);
    return status;
}

/* A user's own files in it are no reason to fail. */
static dnnb_status remove_folder(const char *path) {
    if (dnnb__io_rmdir(path) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST)
        return DNNB_OK;
    return dnnb__fail(DNNB_ERR_IO, "%s: cannot remove: %s", path, strerror(errno));
}

/* The files of one run, and its folder. */
static dnnb_status remove_run(const dnnb_group *group, size_t i) {
    char *path;
    bool is_there;
    DNNB_TRY(dnnb__group_join(&path, group, i, NULL));
    dnnb_status status = dnnb__folder_find(&is_there, path);
    if (status == DNNB_OK && is_there) {
        dnnb__run_lock lock = {0};
        status = dnnb__run_lock_take(&lock, path);
        if (status == DNNB_OK) status = dnnb__run_folder_clear(path);
        dnnb__run_lock_release(&lock);
        if (status == DNNB_OK) status = remove_folder(path);
    }
    dnnb__free(path);
    return status;
}

/* "seed-7" of "seed-7/fold-3", when the last of its runs is gone. */
static dnnb_status remove_repeat(const dnnb_group *group, size_t i) {
    const char *name = group->runs[i].folder, *slash = strchr(name, '/');
    char *parent, *path;
    if (!slash) return DNNB_OK;
    parent = dnnb__strndup(name, (size_t)(slash - name));
    if (!parent) return dnnb__fail_memory();
    dnnb_status status = dnnb__path_join(&path, group->folder, parent);
    dnnb__free(parent);
    if (status != DNNB_OK) return status;
    status = remove_folder(path);
    dnnb__free(path);
    return status;
}

dnnb_status dnnb__group_folder_clear(const char *folder) {
    dnnb_group *group;
    DNNB_TRY(dnnb_group_load(&group, folder));
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; status == DNNB_OK && i < group->n_runs; i++) {
        status = remove_run(group, i);
        if (status == DNNB_OK) status = remove_repeat(group, i);
    }
    dnnb_group_destroy(group);
    /* What is left is known for a group's by the first. */
    for (size_t i = N_FILES; status == DNNB_OK && i-- > 0;) status = remove_file(folder, files[i]);
    return status;
}
