/*
 * A run folder through kills, full disks and vanishing: what goes on has the same files to the bit,
 * what cannot be written is told and tried again, and no final name holds half a file.
 */
#include "unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/io.h"
#include "dnnbrain/run.h"
#include "run/lock.h"
#include "unit/board.h"
#include "unit/tiny.h"

typedef struct fixture {
    tiny_folder folder;
    dnnb_stimulus *train, *validation;
    dnnb_train_options options;
} fixture;

static fixture fixture_create(void) {
    fixture f = {.folder = tiny_folder_create(),
                 .options = (dnnb_train_options)DNNB_TRAIN_OPTIONS_INIT};
    f.train = tiny_write_set(&f.folder, "train.stim.csv", 22, 0);
    f.validation = tiny_write_set(&f.folder, "validation.stim.csv", 10, 100);
    f.options.epochs = 4;
    f.options.batch = 8;
    f.options.n_workers = 2;
    f.options.checkpoint_every_s = 0;
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->train);
    dnnb_stimulus_destroy(f->validation);
    tiny_folder_remove(&f->folder);
}

/* What happens at a step of the run, and what the run told. */
typedef struct witness {
    size_t n_steps, at_step;       /* steps of this process; 0 for no event */
    void (*act)(struct witness *); /* at that step */
    const char *folder;
    size_t n_warnings;
    char warning[1280];
} witness;

static bool watch(void *context, const dnnb_event *event) {
    witness *w = context;
    if (event->kind == DNNB_EVENT_WARNING && w->n_warnings++ == 0)
        (void)snprintf(w->warning, sizeof w->warning, "%s", event->message);
    if (event->kind == DNNB_EVENT_STEP && ++w->n_steps == w->at_step) w->act(w);
    return true;
}

static dnnb_status run(const fixture *f, const char *name, const dnnb_train_options *options,
                       bool overwrite, witness *w, dnnb_history **history) {
    tiny_path path = tiny_join(&f->folder, name);
    dnnb_run_options r = DNNB_RUN_OPTIONS_INIT;
    dnnb_train_options o = *options;
    r.folder = path.text;
    r.overwrite = overwrite;
    r.network = "tiny";
    r.tensorboard = true;
    w->folder = path.text;
    o.on_event = watch;
    o.context = w;
    dnnb_dnn *dnn = tiny_create(1, 2);
    dnnb_status status = dnnb_run_train(dnn, f->train, f->validation, &o, &r, history);
    dnnb_dnn_destroy(dnn);
    return status;
}

static tiny_path join(const fixture *f, const char *folder, const char *name) {
    char path[96];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return tiny_join(&f->folder, path);
}

static bool exists(const fixture *f, const char *folder, const char *name) {
    return access(join(f, folder, name).text, F_OK) == 0;
}

static const char *const same[] = {"model.pth",       "best.pth",          "train_dict.pkl",
                                   "train_dict.json", "predictions.csv",   "epoch_loss.svg",
                                   "score.png",       "learning_rate.png", "confusion.svg"};

static void assert_same_results(const fixture *f, const char *a, const char *b) {
    static board boards[2];
    board_read(&boards[0], join(f, a, "tensorboard").text);
    board_read(&boards[1], join(f, b, "tensorboard").text);
    assert_true(boards[0].n > 0);
    assert_same_board(&boards[0], &boards[1]);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char sums[2][65];
        assert_ok(dnnb__sha256_file(sums[0], join(f, a, same[i]).text));
        assert_ok(dnnb__sha256_file(sums[1], join(f, b, same[i]).text));
        if (strcmp(sums[0], sums[1]) != 0) fail_msg("%s differs", same[i]);
    }
    assert_false(exists(f, b, "checkpoint"));
    assert_false(exists(f, b, "lock"));
}

static void assert_nothing_temporary(const fixture *f, const char *name) {
    DIR *dir = opendir(tiny_join(&f->folder, name).text);
    assert_non_null(dir);
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (strstr(entry->d_name, "tmp")) fail_msg("%s is left", entry->d_name);
    closedir(dir);
}

static void die(witness *w) {
    (void)w;
    raise(SIGKILL);
}

/* The run in a process that is killed at a step. */
static void run_and_kill(const fixture *f, const char *name, const dnnb_train_options *o,
                         size_t at_step) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        witness w = {.at_step = at_step, .act = die};
        _exit(run(f, name, o, false, &w, NULL) == DNNB_OK ? 0 : 1);
    }
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFSIGNALED(code) && WTERMSIG(code) == SIGKILL);
}

static void test_run_resume__killed_runs_end_with_the_same_files(void **state) {
    (void)state;
    fixture f = fixture_create();
    witness w = {0};
    assert_ok(run(&f, "whole", &f.options, false, &w, NULL));
    dnnb_train_options o = f.options;
    for (size_t at = 1; at <= 12; at += 1) {
        char name[16];
        (void)snprintf(name, sizeof name, "run%zu", at);
        o.resume = at % 2; /* asked for from the start, as in a batch system's script, or not */
        run_and_kill(&f, name, &o, at);
        o.resume = true;
        if (at > 4) run_and_kill(&f, name, &o, 1); /* twice */
        w = (witness){0};
        assert_ok(run(&f, name, &o, false, &w, NULL));
        assert_same_results(&f, "whole", name);
        assert_nothing_temporary(&f, name);
    }
    fixture_destroy(&f);
}

static void test_run_resume__a_finished_run_has_nothing_left_to_do(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = f.options;
    dnnb_history *history;
    witness w = {0};
    o.resume = true;
    assert_ok(run(&f, "run", &o, false, &w, NULL));
    assert_int_equal(w.n_warnings, 0);
    w = (witness){0};
    assert_ok(run(&f, "run", &o, false, &w, &history));
    assert_int_equal(w.n_steps, 0);
    assert_non_null(strstr(w.warning, "has finished 4 epochs"));
    assert_int_equal(dnnb_history_get_count(history), 4);
    dnnb_history_destroy(history);
    o.epochs = 6;
    assert_fails(run(&f, "run", &o, false, &w, NULL), DNNB_ERR_ARGUMENT, "--keep-checkpoint");
    /* With the checkpoint kept it can have more. */
    o = f.options;
    o.keep_checkpoint = true;
    assert_ok(run(&f, "kept", &o, false, &w, NULL));
    assert_true(exists(&f, "kept", "checkpoint"));
    o.epochs = 6;
    o.resume = true;
    o.keep_checkpoint = false;
    assert_ok(run(&f, "kept", &o, false, &w, &history));
    assert_int_equal(dnnb_history_get_count(history), 6);
    dnnb_history_destroy(history);
    o.resume = false;
    assert_ok(run(&f, "six", &o, false, &w, NULL));
    assert_same_results(&f, "six", "kept");
    fixture_destroy(&f);
}

/* The child that writes may add to the folder while it is being removed. */
static void remove_all(const char *path) {
    for (int i = 0; i < 1000 && access(path, F_OK) == 0; i++)
        (void)nftw(path, tiny_remove, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void kill_at_step(const fixture *f, const char *name, size_t step, void (*act)(witness *)) {
    pid_t child = fork();
    if (child == 0) {
        witness w = {.at_step = step, .act = act};
        _exit(run(f, name, &f->options, false, &w, NULL) == DNNB_OK ? 0 : 1);
    }
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFSIGNALED(code));
}

static void remove_checkpoints(witness *w) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/checkpoint", w->folder);
    remove_all(path);
    raise(SIGKILL);
}

static void test_run_resume__without_a_checkpoint_nothing_is_thrown_away(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = f.options;
    for (int later = 0; later < 2; later++) {
        const char *name = later ? "later" : "first";
        kill_at_step(&f, name, later ? 5 : 1, remove_checkpoints);
    }
    witness w = {0};
    assert_fails(run(&f, "first", &o, false, &w, NULL), DNNB_ERR_ARGUMENT,
                 "an unfinished run (use --overwrite, or --resume");
    o.resume = true;
    assert_ok(run(&f, "first", &o, false, &w, NULL));
    assert_non_null(strstr(w.warning, "before its first checkpoint"));
    assert_fails(run(&f, "later", &o, false, &w, NULL), DNNB_ERR_ARGUMENT,
                 "expected a checkpoint to go on from, found none");
    assert_true(exists(&f, "later", "best.pth") || exists(&f, "later", "train_dict.json"));
    fixture_destroy(&f);
}

/* As a run that is killed before the process that writes its first checkpoint has ended. */
static void empty_checkpoints(witness *w) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/checkpoint", w->folder);
    remove_all(path);
    if (mkdir(path, 0777) == 0) raise(SIGKILL);
}

static void test_run_resume__a_run_killed_before_its_first_checkpoint_begins_again(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = f.options;
    witness w = {0};
    assert_ok(run(&f, "whole", &o, false, &w, NULL));
    kill_at_step(&f, "killed", 5, empty_checkpoints);
    assert_true(exists(&f, "killed", "train_dict.json"));
    o.resume = true;
    assert_ok(run(&f, "killed", &o, false, &w, NULL));
    assert_non_null(strstr(w.warning, "before its first checkpoint"));
    assert_same_results(&f, "whole", "killed");
    /* Not where more would be lost than a kill may cost. */
    kill_at_step(&f, "long", 5, empty_checkpoints);
    dnnb_history *history;
    double loss = 1;
    dnnb_epoch epoch = {.step_loss = &loss, .n_steps = 1, .epoch_loss = 1, .seconds = 61};
    assert_ok(dnnb_history_create(&history));
    assert_ok(dnnb_history_add(history, &epoch));
    assert_ok(dnnb_history_save_json(history, join(&f, "long", "train_dict.json").text));
    assert_ok(dnnb_history_save_csv(history, join(&f, "long", "history.csv").text));
    dnnb_history_destroy(history);
    assert_fails(run(&f, "long", &o, false, &w, NULL), DNNB_ERR_ARGUMENT,
                 "expected a checkpoint to go on from, found none");
    fixture_destroy(&f);
}

static void disk_is_full(witness *w) {
    (void)w;
    dnnb__io_fail_at(1, DNNB__IO_WRITING, true, ENOSPC);
}

/* Becomes full for some steps. */
static bool watch_full_for_a_while(void *context, const dnnb_event *event) {
    witness *w = context;
    if (event->kind == DNNB_EVENT_STEP && w->n_steps + 1 == w->at_step + 5)
        dnnb__io_fail_at(0, DNNB__IO_ALL, false, 0);
    return watch(context, event);
}

static void test_run_resume__a_full_disk_costs_nothing_but_a_warning(void **state) {
    (void)state;
    fixture f = fixture_create();
    witness w = {0};
    assert_ok(run(&f, "whole", &f.options, false, &w, NULL));
    for (size_t at = 1; at <= 6; at++) {
        char name[16];
        (void)snprintf(name, sizeof name, "run%zu", at);
        tiny_path path = tiny_join(&f.folder, name);
        dnnb_run_options r = DNNB_RUN_OPTIONS_INIT;
        dnnb_train_options o = f.options;
        r.folder = path.text;
        r.tensorboard = true;
        w = (witness){.at_step = at, .act = disk_is_full, .folder = path.text};
        o.on_event = watch_full_for_a_while;
        o.context = &w;
        dnnb_dnn *dnn = tiny_create(1, 2);
        assert_ok(dnnb_run_train(dnn, f.train, f.validation, &o, &r, NULL));
        dnnb_dnn_destroy(dnn);
        assert_true(w.n_warnings > 0);
        assert_non_null(strstr(w.warning, "No space left on device"));
        assert_non_null(strstr(w.warning, "tried again"));
        assert_same_results(&f, "whole", name);
        assert_nothing_temporary(&f, name);
    }
    fixture_destroy(&f);
}

static void test_run_resume__a_disk_that_stays_full_fails_at_the_end(void **state) {
    (void)state;
    fixture f = fixture_create();
    witness w = {0};
    assert_ok(run(&f, "whole", &f.options, false, &w, NULL));
    for (size_t at = 1; at <= 11; at += 5) {
        char name[16];
        (void)snprintf(name, sizeof name, "run%zu", at);
        w = (witness){.at_step = at, .act = disk_is_full};
        dnnb_status status = run(&f, name, &f.options, false, &w, NULL);
        dnnb__io_fail_at(0, DNNB__IO_ALL, false, 0);
        assert_int_equal(status, DNNB_ERR_IO);
        assert_non_null(strstr(dnnb_get_error(), "No space left on device"));
        assert_int_equal(w.n_steps, 12); /* it trained to its end */
        assert_nothing_temporary(&f, name);
        assert_false(exists(&f, name, "model.pth"));
        assert_false(exists(&f, name, "lock"));
        /* With room again it goes on, from its last checkpoint or from the start. */
        dnnb_train_options o = f.options;
        o.resume = true;
        w = (witness){0};
        if (exists(&f, name, "checkpoint") || !exists(&f, name, "train_dict.json")) {
            assert_ok(run(&f, name, &o, false, &w, NULL));
            assert_same_results(&f, "whole", name);
        }
    }
    fixture_destroy(&f);
}

static void take_folder_away(witness *w) {
    remove_all(w->folder);
}

static void test_run_resume__a_folder_that_vanishes_is_made_again(void **state) {
    (void)state;
    fixture f = fixture_create();
    witness w = {0};
    assert_ok(run(&f, "whole", &f.options, false, &w, NULL));
    for (size_t at = 2; at <= 12; at += 10) {
        const char *name = at == 2 ? "early" : "late";
        w = (witness){.at_step = at, .act = take_folder_away};
        assert_ok(run(&f, name, &f.options, false, &w, NULL));
        assert_true(w.n_warnings > 0);
        for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
            if (at == 2 || strcmp(same[i], "best.pth") != 0) assert_true(exists(&f, name, same[i]));
        assert_true(exists(&f, name, "config.json") && exists(&f, name, "log.jsonl"));
        static board boards[2];
        board_read(&boards[0], join(&f, "whole", "tensorboard").text);
        board_read(&boards[1], join(&f, name, "tensorboard").text);
        assert_same_board(&boards[0], &boards[1]);
    }
    fixture_destroy(&f);
}

static void read_lock(witness *w) {
    char path[256], expected[32], *text;
    size_t n;
    (void)snprintf(path, sizeof path, "%s/lock", w->folder);
    (void)snprintf(expected, sizeof expected, "%d ", (int)getpid());
    assert_ok(dnnb__file_read(&text, &n, path, 4096));
    assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
    dnnb__free(text);
}

static void test_run_resume__the_folder_is_locked_while_the_run_goes_on(void **state) {
    (void)state;
    fixture f = fixture_create();
    witness w = {.at_step = 2, .act = read_lock};
    assert_ok(run(&f, "run", &f.options, false, &w, NULL));
    assert_false(exists(&f, "run", "lock"));
    /* Two at once: a process holds the folder at its first step until it is told to go on. */
    int ready[2], go[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ready[0]);
        dnnb__run_lock lock;
        if (dnnb__run_lock_take(&lock, tiny_join(&f.folder, "run").text) != DNNB_OK) _exit(1);
        (void)!write(ready[1], "x", 1);
        char c;
        (void)!read(go[0], &c, 1);
        dnnb__run_lock_release(&lock);
        _exit(0);
    }
    char c;
    assert_int_equal(read(ready[0], &c, 1), 1);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "process %d", (int)child);
    dnnb_train_options o = f.options;
    o.resume = true;
    w = (witness){0};
    assert_fails(run(&f, "run", &o, false, &w, NULL), DNNB_ERR_ARGUMENT, expected);
    o.resume = false;
    assert_fails(run(&f, "run", &o, true, &w, NULL), DNNB_ERR_ARGUMENT, expected);
    assert_int_equal(w.n_steps, 0);
    assert_true(exists(&f, "run", "model.pth"));
    assert_int_equal(write(go[1], "x", 1), 1);
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    assert_ok(run(&f, "run", &o, true, &w, NULL));
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_resume__killed_runs_end_with_the_same_files),
        cmocka_unit_test(test_run_resume__a_finished_run_has_nothing_left_to_do),
        cmocka_unit_test(test_run_resume__without_a_checkpoint_nothing_is_thrown_away),
        cmocka_unit_test(test_run_resume__a_run_killed_before_its_first_checkpoint_begins_again),
        cmocka_unit_test(test_run_resume__a_full_disk_costs_nothing_but_a_warning),
        cmocka_unit_test(test_run_resume__a_disk_that_stays_full_fails_at_the_end),
        cmocka_unit_test(test_run_resume__a_folder_that_vanishes_is_made_again),
        cmocka_unit_test(test_run_resume__the_folder_is_locked_while_the_run_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
