/* The run folder: made whole or not at all, refused when taken, the same bits for the same seed. */
#include "unit/unit.h"

#include <sys/stat.h>

#include "dnnbrain/run.h"
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
    f.options.epochs = 3;
    f.options.batch = 8;
    f.options.n_workers = 2;
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->train);
    dnnb_stimulus_destroy(f->validation);
    tiny_folder_remove(&f->folder);
}

static dnnb_status run(const fixture *f, const char *name, bool overwrite, const char *freeze,
                       bool with_validation) {
    tiny_path path = tiny_join(&f->folder, name);
    dnnb_run_options r = DNNB_RUN_OPTIONS_INIT;
    r.folder = path.text;
    r.overwrite = overwrite;
    r.network = "tiny";
    r.freeze = freeze;
    dnnb_dnn *dnn = tiny_create(1, 2);
    if (freeze) assert_ok(dnnb_dnn_set_trainable(dnn, freeze, false));
    dnnb_history *history;
    dnnb_status status = dnnb_run_train(dnn, f->train, with_validation ? f->validation : NULL,
                                        &f->options, &r, &history);
    assert_true((history != NULL) == (status == DNNB_OK || status == DNNB_ERR_STOPPED));
    dnnb_history_destroy(history);
    dnnb_dnn_destroy(dnn);
    return status;
}

static bool exists(const fixture *f, const char *folder, const char *name) {
    char path[64];
    (void)snprintf(path, sizeof path, "%s%s%s", folder, *name ? "/" : "", name);
    return access(tiny_join(&f->folder, path).text, F_OK) == 0;
}

static char *read_text(const fixture *f, const char *name) {
    char *text;
    size_t n;
    assert_ok(dnnb__file_read(&text, &n, tiny_join(&f->folder, name).text, 1 << 24));
    return text;
}

static const char *const always[] = {
    "config.json", "log.jsonl",      "model.pth",      "train_dict.pkl", "train_dict.json",
    "history.csv", "epoch_loss.svg", "epoch_loss.png", "step_loss.svg",  "step_loss.png"};
static const char *const of_validation[] = {"best.pth", "predictions.csv", "score.svg",
                                            "score.png"};

static void test_run_run__the_folder_is_whole(void **state) {
    (void)state;
    fixture f = fixture_create();
    for (int with_validation = 0; with_validation < 2; with_validation++) {
        const char *name = with_validation ? "with" : "without";
        assert_ok(run(&f, name, false, NULL, with_validation));
        for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
            assert_true(exists(&f, name, always[i]));
        for (size_t i = 0; i < sizeof of_validation / sizeof of_validation[0]; i++)
            assert_int_equal(exists(&f, name, of_validation[i]), with_validation);
    }
    char *config = read_text(&f, "with/config.json");
    assert_non_null(strstr(config, "\"seed\": 1"));
    assert_non_null(strstr(config, "\"n_trained_parameters\": 2322"));
    assert_non_null(strstr(config, "\"lr\": 0.001"));
    char sum[65];
    assert_ok(dnnb__sha256_file(sum, tiny_join(&f.folder, "train.stim.csv").text));
    assert_non_null(strstr(config, sum));
    dnnb__free(config);
    char *log = read_text(&f, "with/log.jsonl");
    size_t n_lines = 0, n_steps = 0, n_saved = 0;
    for (const char *c = log; *c; c++) n_lines += *c == '\n';
    for (const char *c = log; (c = strstr(c, "{\"event\":\"step\"")); c++) n_steps++;
    for (const char *c = log; (c = strstr(c, "{\"event\":\"checkpoint\"")); c++) n_saved++;
    assert_int_equal(n_lines, 1 + 3 * (3 + 1) + n_saved + 1);
    assert_int_equal(n_steps, 9);
    assert_non_null(strstr(log, "\"status\":\"finished\",\"n_epochs\":3"));
    dnnb__free(log);
    fixture_destroy(&f);
}

/* Nothing is learned, so two epochs follow the first. */
static void test_run_run__an_early_stop_is_a_finished_run(void **state) {
    (void)state;
    fixture f = fixture_create();
    f.options.optimizer.lr = 1e-12;
    f.options.epochs = 9;
    f.options.early_stop = 2;
    assert_ok(run(&f, "run", false, NULL, true));
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        assert_true(exists(&f, "run", always[i]));
    for (size_t i = 0; i < sizeof of_validation / sizeof of_validation[0]; i++)
        assert_true(exists(&f, "run", of_validation[i]));
    assert_false(exists(&f, "run", "checkpoint"));
    char *log = read_text(&f, "run/log.jsonl");
    assert_non_null(strstr(log, "\"status\":\"finished\",\"n_epochs\":3,\"message\":"
                                "\"stopped early after 3 of 9 epochs: 2 epochs without a better "
                                "validation score; the best was "));
    assert_non_null(strstr(log, "\"best_epoch\":1}"));
    dnnb__free(log);
    char *config = read_text(&f, "run/config.json");
    assert_non_null(strstr(config, "\"monitor\": \"score\""));
    assert_non_null(strstr(config, "\"early_stop\": 2"));
    dnnb__free(config);
    /* It is not gone on with, and has no checkpoint for more. */
    f.options.resume = true;
    assert_ok(run(&f, "run", false, NULL, true));
    f.options.early_stop = 0;
    assert_fails(run(&f, "run", false, NULL, true), DNNB_ERR_ARGUMENT,
                 "found a run that ended after 3 without one");
    fixture_destroy(&f);
}

/* Every epoch is the best so far of the loss, the first alone of the score. */
static void test_run_run__the_best_is_what_the_monitor_says(void **state) {
    (void)state;
    fixture f = fixture_create();
    char sums[3][65];
    f.options.optimizer.lr = 1e-5;
    assert_ok(run(&f, "score", false, NULL, true));
    f.options.monitor = DNNB_MONITOR_LOSS;
    assert_ok(run(&f, "loss", false, NULL, true));
    dnnb_history *history;
    assert_ok(dnnb_history_load(&history, tiny_join(&f.folder, "loss/train_dict.json").text));
    assert_int_equal(dnnb_history_find_best(history, DNNB_MONITOR_SCORE), 0);
    assert_int_equal(dnnb_history_find_best(history, DNNB_MONITOR_LOSS), 2);
    dnnb_history_destroy(history);
    assert_ok(dnnb__sha256_file(sums[0], tiny_join(&f.folder, "score/best.pth").text));
    assert_ok(dnnb__sha256_file(sums[1], tiny_join(&f.folder, "loss/best.pth").text));
    assert_ok(dnnb__sha256_file(sums[2], tiny_join(&f.folder, "loss/model.pth").text));
    assert_string_not_equal(sums[0], sums[1]);
    assert_string_equal(sums[1], sums[2]);
    fixture_destroy(&f);
}

static void assert_same_file(const fixture *f, const char *name) {
    char paths[2][64], sums[2][65];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/%s", i ? "b" : "a", name);
        assert_ok(dnnb__sha256_file(sums[i], tiny_join(&f->folder, paths[i]).text));
    }
    if (strcmp(sums[0], sums[1]) != 0) fail_msg("%s differs", name);
}

static void test_run_run__equal_seeds_give_equal_bits(void **state) {
    (void)state;
    fixture f = fixture_create();
    static const char *const files[] = {"model.pth",        "best.pth",        "train_dict.pkl",
                                        "train_dict.json",  "predictions.csv", "epoch_loss.svg",
                                        "step_loss.svg",    "score.svg",       "confusion.svg",
                                        "learning_rate.svg"};
    assert_ok(run(&f, "a", false, "backbone", true));
    f.options.n_workers = 1;
    f.options.cache_bytes = 0;
    assert_ok(run(&f, "b", false, "backbone", true));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) assert_same_file(&f, files[i]);
    fixture_destroy(&f);
}

/* Stops in the epoch after the best one, and keeps what best.pth should hold. */
typedef struct best_witness {
    dnnb_dnn *dnn;
    dnnb_dict *best;
    size_t n_epochs;
} best_witness;

static bool watch_best(void *context, const dnnb_event *event) {
    best_witness *w = context;
    if (event->kind != DNNB_EVENT_EPOCH) return true;
    w->n_epochs++;
    if (event->is_best) {
        dnnb_dict_destroy(w->best);
        assert_ok(dnnb_dnn_get_state(w->dnn, &w->best));
    }
    return true;
}

static void test_run_run__best_is_of_the_best_epoch(void **state) {
    (void)state;
    fixture f = fixture_create();
    tiny_path folder = tiny_join(&f.folder, "run"), file = tiny_join(&f.folder, "run/best.pth");
    dnnb_run_options r = DNNB_RUN_OPTIONS_INIT;
    r.folder = folder.text;
    best_witness w = {.dnn = tiny_create(1, 2)};
    f.options.on_event = watch_best;
    f.options.context = &w;
    f.options.epochs = 12;
    f.options.optimizer.lr = 0.01;
    assert_ok(dnnb_dnn_set_trainable(w.dnn, "conv1", false));
    assert_ok(dnnb_run_train(w.dnn, f.train, f.validation, &f.options, &r, NULL));
    assert_int_equal(w.n_epochs, 12);
    dnnb_dict *found;
    assert_ok(dnnb_dict_load(&found, file.text));
    assert_int_equal(dnnb_dict_get_count(found), dnnb_dict_get_count(w.best));
    for (size_t i = 0; i < dnnb_dict_get_count(found); i++) {
        const dnnb_tensor *a = dnnb_dict_get_tensor(found, i);
        const dnnb_tensor *b = dnnb_dict_find(w.best, dnnb_dict_get_name(found, i));
        assert_memory_equal(dnnb_tensor_get_data(a), dnnb_tensor_get_data(b),
                            dnnb_tensor_get_count(a) * sizeof(float));
    }
    dnnb_dict_destroy(found);
    dnnb_dict_destroy(w.best);
    dnnb_dnn_destroy(w.dnn);
    fixture_destroy(&f);
}

static void test_run_run__a_taken_folder_is_refused(void **state) {
    (void)state;
    fixture f = fixture_create();
    assert_ok(run(&f, "run", false, NULL, true));
    char *before = read_text(&f, "run/log.jsonl");
    assert_fails(run(&f, "run", false, NULL, true), DNNB_ERR_ARGUMENT,
                 "run: expected a new or empty folder, found a finished run (use --overwrite)");
    char *after = read_text(&f, "run/log.jsonl");
    assert_string_equal(before, after);
    dnnb__free(before);
    dnnb__free(after);
    assert_ok(run(&f, "run", true, NULL, false));
    assert_false(exists(&f, "run", "best.pth")); /* the old run's; the new one has none */
    /* Other files are not written over, whatever is asked. */
    assert_ok(dnnb__folder_create(tiny_join(&f.folder, "other").text));
    assert_ok(run(&f, "other", false, NULL, false)); /* empty: fine */
    assert_int_equal(unlink(tiny_join(&f.folder, "other/config.json").text), 0);
    assert_fails(run(&f, "other", true, NULL, false), DNNB_ERR_ARGUMENT, "no run");
    assert_fails(run(&f, "train.stim.csv", true, NULL, false), DNNB_ERR_ARGUMENT, "found a file");
    assert_fails(run(&f, "absent/run", false, NULL, false), DNNB_ERR_IO, "absent/run");
    fixture_destroy(&f);
}

static bool stop_in_second_epoch(void *context, const dnnb_event *event) {
    (void)context;
    return !(event->kind == DNNB_EVENT_STEP && event->epoch == 1 && event->step == 1);
}

static bool stop_in_first_epoch(void *context, const dnnb_event *event) {
    (void)context;
    return event->kind != DNNB_EVENT_STEP;
}

static void test_run_run__a_stopped_run_keeps_its_finished_epochs(void **state) {
    (void)state;
    fixture f = fixture_create();
    f.options.on_event = stop_in_second_epoch;
    assert_fails(run(&f, "run", false, NULL, true), DNNB_ERR_STOPPED, "epoch 2 of 3");
    char *history = read_text(&f, "run/history.csv"), *log = read_text(&f, "run/log.jsonl");
    size_t n_lines = 0;
    for (const char *c = history; *c; c++) n_lines += *c == '\n';
    assert_int_equal(n_lines, 2);
    assert_non_null(strstr(log, "\"status\":\"stopped\",\"n_epochs\":1"));
    assert_true(exists(&f, "run", "model.pth") && exists(&f, "run", "best.pth"));
    assert_true(exists(&f, "run", "predictions.csv") && exists(&f, "run", "score.svg"));
    dnnb__free(history);
    dnnb__free(log);
    fixture_destroy(&f);
}

static bool stop_at_the_start(void *context, const dnnb_event *event) {
    (void)context;
    return event->kind != DNNB_EVENT_START;
}

static void test_run_run__a_run_that_is_stopped_in_its_first_epoch_is_saved(void **state) {
    (void)state;
    fixture f = fixture_create();
    f.options.on_event = stop_in_first_epoch;
    assert_fails(run(&f, "run", false, NULL, true), DNNB_ERR_STOPPED, "epoch 1");
    static const char *const there[] = {"config.json", "log.jsonl", "checkpoint"};
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
        assert_true(exists(&f, "run", there[i]));
    assert_false(exists(&f, "run", "model.pth") || exists(&f, "run", "history.csv"));
    fixture_destroy(&f);
}

static void test_run_run__nothing_is_left_when_nothing_was_trained(void **state) {
    (void)state;
    fixture f = fixture_create();
    f.options.on_event = stop_at_the_start;
    assert_fails(run(&f, "run", false, NULL, true), DNNB_ERR_STOPPED, "epoch 1");
    assert_false(exists(&f, "run", ""));
    f.options.on_event = NULL;
    tiny_damage(&f.folder, "6.bmp");
    assert_fails(run(&f, "run", false, NULL, true), DNNB_ERR_FORMAT, "train.stim.csv:10");
    assert_false(exists(&f, "run", ""));
    f.options.epochs = 0;
    assert_fails(run(&f, "run", false, NULL, true), DNNB_ERR_ARGUMENT, "epochs");
    assert_false(exists(&f, "run", ""));
    /* A folder that was there stays, empty as it was. */
    f.options.epochs = 1;
    assert_ok(dnnb__folder_create(tiny_join(&f.folder, "run").text));
    assert_fails(run(&f, "run", false, NULL, true), DNNB_ERR_FORMAT, "train.stim.csv:10");
    assert_true(exists(&f, "run", ""));
    assert_false(exists(&f, "run", "config.json") || exists(&f, "run", "log.jsonl"));
    fixture_destroy(&f);
}

static void test_run_run__warnings_are_logged(void **state) {
    (void)state;
    fixture f = fixture_create();
    tiny_damage(&f.folder, "6.bmp");
    f.options.on_bad_image = DNNB_BAD_IMAGE_SKIP;
    assert_ok(run(&f, "run", false, NULL, false));
    char *log = read_text(&f, "run/log.jsonl");
    assert_true(strncmp(log, "{\"event\":\"warning\"", 18) == 0);
    assert_non_null(strstr(log, "train.stim.csv:10: 6.bmp"));
    dnnb__free(log);
    fixture_destroy(&f);
}

static void test_run_run__a_failed_epoch_keeps_those_before(void **state) {
    (void)state;
    fixture f = fixture_create();
    /* The rate grows so fast in the second epoch that the loss overflows. */
    f.options.optimizer.name = "sgd";
    f.options.optimizer.lr = 1e-12;
    f.options.schedule.name = "step";
    f.options.schedule.step_epochs = 1;
    f.options.schedule.gamma = 1e38;
    assert_fails(run(&f, "run", false, NULL, true), DNNB_ERR_NUMERIC, "epoch 2");
    assert_true(exists(&f, "run", "history.csv") && exists(&f, "run", "best.pth"));
    assert_false(exists(&f, "run", "model.pth")); /* its parameters would be damaged */
    char *log = read_text(&f, "run/log.jsonl");
    assert_non_null(strstr(log, "\"status\":\"failed\",\"n_epochs\":1"));
    dnnb__free(log);
    assert_fails(run(&f, "run", false, NULL, true), DNNB_ERR_ARGUMENT, "an unfinished run");
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_run__the_folder_is_whole),
        cmocka_unit_test(test_run_run__an_early_stop_is_a_finished_run),
        cmocka_unit_test(test_run_run__the_best_is_what_the_monitor_says),
        cmocka_unit_test(test_run_run__equal_seeds_give_equal_bits),
        cmocka_unit_test(test_run_run__best_is_of_the_best_epoch),
        cmocka_unit_test(test_run_run__a_taken_folder_is_refused),
        cmocka_unit_test(test_run_run__a_stopped_run_keeps_its_finished_epochs),
        cmocka_unit_test(test_run_run__a_run_that_is_stopped_in_its_first_epoch_is_saved),
        cmocka_unit_test(test_run_run__nothing_is_left_when_nothing_was_trained),
        cmocka_unit_test(test_run_run__warnings_are_logged),
        cmocka_unit_test(test_run_run__a_failed_epoch_keeps_those_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
