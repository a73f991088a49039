/*
 * A whole training run, and one that goes on from a checkpoint, with each of their allocations and
 * each of their file operations failing once, those of the loader's thread and of the process that
 * writes a checkpoint among them. One header of four programs, so that each is short.
 *
 * Afterwards nothing in the folder is half there, temporary, open or locked. A run that says OK has
 * the bits of one that was not disturbed; one that failed is gone on with, or begun again, and then
 * has them.
 */
#ifndef DNNB_TESTS_FAULTS_RUN_H
#define DNNB_TESTS_FAULTS_RUN_H

#include "unit/faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <png.h>

#include "dnnbrain/run.h"
#include "train/checkpoint.h"
#include "unit/board.h"
#include "unit/tiny.h"

typedef struct job {
    tiny_folder folder;
    dnnb_stimulus *train, *validation;
    dnnb_train_options options;
    dnnb_run_options run;
    tiny_path run_path, whole_path, stopped_path, weights_path;
    bool resume;
    dnnb_dnn *dnn;
    size_t n_steps, stop_at; /* 0: go on to the end */
    size_t n_warnings, n_checks, n_failed, n_gone_on;
} job;

enum {
#ifdef DNNB_SANITIZE
    FAILED_A_CHECK = 16 /* of so many failed runs one is gone on with */
#else
    FAILED_A_CHECK = 8
#endif
};

/* Plots of a few rows, since packing whole ones would take most of the time: what the program calls
 * is here, and then libpng's. */
enum { PLOT_ROWS = 8 };

__attribute__((visibility("default"))) void png_set_IHDR(png_const_structrp png, png_inforp info,
                                                         png_uint_32 width, png_uint_32 height,
                                                         int depth, int colours, int interlace,
                                                         int compression, int filter) {
    void (*set)(png_const_structrp, png_inforp, png_uint_32, png_uint_32, int, int, int, int, int);
    void *found = dlsym(RTLD_NEXT, "png_set_IHDR");
    memcpy(&set, &found, sizeof set);
    assert_true(height > PLOT_ROWS);
    set(png, info, width, PLOT_ROWS, depth, colours, interlace, compression, filter);
}

__attribute__((visibility("default"))) void png_write_row(png_structrp png, png_const_bytep row) {
    static void (*write)(png_structrp, png_const_bytep);
    if (!write) {
        void *found = dlsym(RTLD_NEXT, "png_write_row");
        memcpy(&write, &found, sizeof write);
    }
    if (png_get_current_row_number(png) < PLOT_ROWS) write(png, row);
}

static const char *const same[] = {
    "model.pth",       "best.pth",      "train_dict.pkl",   "train_dict.json", "epoch_loss.svg",
    "epoch_loss.png",  "step_loss.svg", "step_loss.png",    "score.svg",       "score.png",
    "predictions.csv", "confusion.svg", "learning_rate.png"};
enum { N_SAME = sizeof same / sizeof same[0] };

#define fail_job(j, f, format, ...)                                                                \
    fail_msg("%s run, %s, number %llu: " format, (j)->resume ? "resumed" : "new", (f)->name,       \
             (unsigned long long)fault_now_at, __VA_ARGS__)

static bool watch(void *context, const dnnb_event *event) {
    job *j = context;
    if (event->kind == DNNB_EVENT_WARNING) {
        assert_true(event->message && *event->message);
        j->n_warnings++;
    }
    return event->kind != DNNB_EVENT_STEP || ++j->n_steps != j->stop_at;
}

static void renew_network(job *j) {
    dnnb_dnn_destroy(j->dnn);
    j->dnn = tiny_create(1, 2);
    if (j->options.unfreeze) assert_ok(dnnb_dnn_set_trainable(j->dnn, "backbone", false));
}

static dnnb_status run_into(job *j, const tiny_path *path, bool resume, bool overwrite) {
    j->run.folder = path->text;
    j->run.overwrite = overwrite;
    j->options.resume = resume;
    j->n_steps = 0;
    return dnnb_run_train(j->dnn, j->train, j->validation, &j->options, &j->run, NULL);
}

static void copy_file(const char *from, const char *to) {
    char *bytes;
    size_t n;
    assert_ok(dnnb__file_read(&bytes, &n, from, SIZE_MAX - 1));
    FILE *file = fopen(to, "wbe");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    dnnb__free(bytes);
}

static void copy_folder(const char *from, const char *to) {
    char paths[2][512];
    DIR *dir = opendir(from);
    assert_non_null(dir);
    assert_int_equal(mkdir(to, 0777), 0);
    const struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(paths[0], sizeof paths[0], "%s/%s", from, entry->d_name);
        (void)snprintf(paths[1], sizeof paths[1], "%s/%s", to, entry->d_name);
        if (dnnb__folder_exists(paths[0]))
            copy_folder(paths[0], paths[1]);
        else
            copy_file(paths[0], paths[1]);
    }
    closedir(dir);
}

static void remove_folder(const char *path) {
    if (dnnb__file_exists(path))
        assert_int_equal(nftw(path, tiny_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void prepare(void *context) {
    job *j = context;
    remove_folder(j->run_path.text);
    if (j->resume) copy_folder(j->stopped_path.text, j->run_path.text);
    renew_network(j);
    j->n_warnings = 0;
}

static dnnb_status act(void *context) {
    job *j = context;
    return run_into(j, &j->run_path, j->resume, false);
}

/* ---- what may be in the folder ---- */

static bool ends_with(const char *text, size_t n, const char *ending, size_t n_ending) {
    return n >= n_ending && memcmp(text + n - n_ending, ending, n_ending) == 0;
}

/* Each line is an object. A disk that stays full leaves no way to finish the last. */
static bool is_whole_log(const char *text, size_t n, const fault *f) {
    while (n > 0) {
        const char *newline = memchr(text, '\n', n);
        if (!newline) return f->kinds == DNNB__IO_WRITING && f->and_later;
        json_t *line = json_loadb(text, (size_t)(newline - text), 0, NULL);
        bool is_object = json_is_object(line);
        json_decref(line);
        if (!is_object) return false;
        n -= (size_t)(newline + 1 - text);
        text = newline + 1;
    }
    return true;
}

static bool is_whole_dict(const char *path) {
    dnnb_dict *dict;
    if (dnnb_dict_load(&dict, path) != DNNB_OK) return false;
    size_t n = dnnb_dict_get_count(dict);
    dnnb_dict_destroy(dict);
    return n == 6;
}

static bool is_whole_history(const char *path) {
    dnnb_history *history;
    if (dnnb_history_load(&history, path) != DNNB_OK) return false;
    dnnb_history_destroy(history);
    return true;
}

static bool is_whole_text(const char *name, const char *text, size_t n, const fault *f) {
    static const char png_end[] = "\0\0\0\0IEND\xAE\x42\x60\x82";
    const char *ending = strrchr(name, '.');
    if (!ending) return false;
    if (strcmp(ending, ".csv") == 0) return ends_with(text, n, "\n", 1);
    if (strcmp(ending, ".svg") == 0) return ends_with(text, n, "</svg>\n", 7);
    if (strcmp(ending, ".html") == 0) return ends_with(text, n, "</html>\n", 8);
    if (strcmp(ending, ".png") == 0) return ends_with(text, n, png_end, sizeof png_end - 1);
    if (strcmp(ending, ".jsonl") == 0) return is_whole_log(text, n, f);
    if (strcmp(ending, ".json") != 0) return false; /* no file of a run */
    json_t *json = json_loadb(text, n, 0, NULL);
    bool is_object = json_is_object(json);
    json_decref(json);
    return is_object && ends_with(text, n, "}\n", 2);
}

static bool is_whole(const char *path, const char *name, const fault *f) {
    char *text;
    size_t n;
    if (ends_with(name, strlen(name), ".pth", 4)) return is_whole_dict(path);
    if (ends_with(name, strlen(name), ".pkl", 4)) return is_whole_history(path);
    assert_ok(dnnb__file_read(&text, &n, path, SIZE_MAX - 1));
    bool answer = is_whole_text(name, text, n, f);
    dnnb__free(text);
    return answer;
}

/* The lock's file may stay where it could not be looked at, locked or removed; nobody may hold it.
 */
static void check_lock(const job *j, const fault *f, const char *path) {
    if (f->is_allocation) fail_job(j, f, "%s is left", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_true(fd >= 0);
    if (fcntl(fd, F_OFD_GETLK, &whole) != 0 || whole.l_type != F_UNLCK)
        fail_job(j, f, "%s is held", path);
    close(fd);
}

static void check_checkpoints(const job *j, const fault *f, const char *folder) {
    dnnb__checkpoint_place place;
    dnnb__buf damaged;
    dnnb_checkpoint *newest;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.' && f->kinds != DNNB__IO_REMOVING &&
            !dnnb__checkpoint_parse_name(entry->d_name, &place, NULL))
            fail_job(j, f, "%s/%s is left", folder, entry->d_name);
    closedir(dir);
    dnnb__buf_init(&damaged, 1 << 16);
    assert_ok(dnnb__checkpoint_load(&newest, folder, &damaged));
    if (damaged.n_bytes) fail_job(j, f, "%s", damaged.data);
    dnnb__checkpoint_destroy(newest);
    dnnb__buf_destroy(&damaged);
}

/* Where nothing more can be written or cut off, the last record may be there in part. */
static void check_board(const job *j, const fault *f, const char *path) {
    static board b;
    board_read(&b, path);
    if (b.n_rest_bytes > 0 && !(f->kinds == DNNB__IO_WRITING && f->and_later))
        fail_job(j, f, "%zu bytes at the end of %s are no record", b.n_rest_bytes, path);
}

static void check_folder(const job *j, const fault *f) {
    char path[512];
    DIR *dir = opendir(j->run_path.text);
    if (!dir) return;
    const struct dirent *entry;
    while ((entry = readdir(dir))) {
        const char *name = entry->d_name;
        (void)snprintf(path, sizeof path, "%s/%s", j->run_path.text, name);
        if (name[0] == '.' || (strstr(name, ".tmp-") && f->kinds == DNNB__IO_REMOVING)) continue;
        if (strcmp(name, "lock") == 0)
            check_lock(j, f, path);
        else if (strcmp(name, "checkpoint") == 0)
            check_checkpoints(j, f, path);
        else if (strcmp(name, "tensorboard") == 0)
            check_board(j, f, path);
        else if (!is_whole(path, name, f))
            fail_job(j, f, "%s is not whole", name);
    }
    closedir(dir);
}

/* ---- what a run must come to ---- */

static void check_results(const job *j, const fault *f, const char *when) {
    char sums[2][65], paths[2][512];
    for (size_t i = 0; i < N_SAME; i++) {
        (void)snprintf(paths[0], sizeof paths[0], "%s/%s", j->whole_path.text, same[i]);
        (void)snprintf(paths[1], sizeof paths[1], "%s/%s", j->run_path.text, same[i]);
        assert_ok(dnnb__sha256_file(sums[0], paths[0]));
        if (dnnb__sha256_file(sums[1], paths[1]) != DNNB_OK)
            fail_job(j, f, "%s: %s", when, dnnb_get_error());
        if (strcmp(sums[0], sums[1]) != 0) fail_job(j, f, "%s: %s differs", when, same[i]);
    }
    static board boards[2];
    (void)snprintf(paths[0], sizeof paths[0], "%s/tensorboard", j->whole_path.text);
    (void)snprintf(paths[1], sizeof paths[1], "%s/tensorboard", j->run_path.text);
    for (size_t i = 0; i < 2; i++) board_read(&boards[i], paths[i]);
    if (!is_same_board(&boards[0], &boards[1])) fail_job(j, f, "%s: tensorboard differs", when);
}

/* The same folder, once the machine is well again. */
static void go_on(job *j, const fault *f, const char *message) {
    renew_network(j);
    dnnb_status status = run_into(j, &j->run_path, true, false);
    if (status == DNNB_OK) {
        j->n_gone_on++;
    } else if (status == DNNB_ERR_ARGUMENT) {
        renew_network(j);
        status = run_into(j, &j->run_path, false, true);
    }
    if (status != DNNB_OK)
        fail_job(j, f, "failed with '%s', cannot be gone on with: %s", message, dnnb_get_error());
    check_results(j, f, "gone on");
}

static void check(void *context, const fault *f, dnnb_status status, bool has_fired) {
    job *j = context;
    char message[1024];
    (void)has_fired;
    (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
    check_folder(j, f);
    if (status == DNNB_OK) {
        check_results(j, f, "said OK");
    } else if (j->n_failed++ % FAILED_A_CHECK == 0) {
        j->n_checks++;
        go_on(j, f, message);
    }
}

static job job_create(size_t epochs) {
    job j = {.folder = tiny_folder_create(),
             .options = (dnnb_train_options)DNNB_TRAIN_OPTIONS_INIT,
             .run = (dnnb_run_options)DNNB_RUN_OPTIONS_INIT};
    j.train = tiny_write_set(&j.folder, "train.stim.csv", 4, 0);
    j.validation = tiny_write_set(&j.folder, "validation.stim.csv", 2, 100);
    j.run_path = tiny_join(&j.folder, "run");
    j.whole_path = tiny_join(&j.folder, "whole");
    j.stopped_path = tiny_join(&j.folder, "stopped");
    j.weights_path = tiny_join(&j.folder, "weights.pth");
    if (epochs > 1) j.options.unfreeze = "2";
    j.options.class_weights = "balanced";
    j.options.clip_norm = 1;
    renew_network(&j);
    assert_ok(dnnb_dnn_save(j.dnn, j.weights_path.text));
    j.options.epochs = epochs;
    j.options.batch = 2;
    j.options.n_workers = 1;
    j.options.checkpoint_every_s = 0;
    j.options.on_event = watch;
    j.run.network = "tiny";
    j.run.tensorboard = true;
    return j;
}

static void job_destroy(job *j) {
    dnnb_dnn_destroy(j->dnn);
    dnnb_stimulus_destroy(j->train);
    dnnb_stimulus_destroy(j->validation);
    tiny_folder_remove(&j->folder);
}

static void sweep(job *j, const char *name, size_t which) {
    fault_action action = {
        .name = name, .act = act, .prepare = prepare, .check = check, .is_long = true};
    j->options.context = j;
    j->run.weights_path = j->weights_path.text;
    assert_ok(run_into(j, &j->whole_path, false, false));
    if (j->resume) { /* it was stopped in the middle of its second epoch */
        j->stop_at = 3;
        renew_network(j);
        assert_int_equal(run_into(j, &j->stopped_path, false, false), DNNB_ERR_STOPPED);
        j->stop_at = 0;
    }
    fault_sweep(&action, j, which);
    print_message("  of %zu failed runs %zu were taken up again: %zu went on, %zu began again\n",
                  j->n_failed, j->n_checks, j->n_gone_on, j->n_checks - j->n_gone_on);
}

/* A run of one epoch, or one that was stopped in the second of two. */
static inline void faults_run(bool resume, size_t which) {
    job j = job_create(resume ? 2 : 1);
    j.resume = resume;
    sweep(&j, resume ? "a resumed run" : "a run", which);
    job_destroy(&j);
}

#endif
