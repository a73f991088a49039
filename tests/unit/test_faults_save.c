/*
 * Saving, with each of its allocations and each of its file operations failing once: the name holds
 * the new file whole, or what it held before, or nothing; and no temporary file is left.
 */
#include "unit/faults.h"

#include "dnnbrain/history.h"
#include "dnnbrain/plot.h"
#include "dnnbrain/train.h"
#include "run/run.h"
#include "train/predictions.h"
#include "unit/tiny.h"

typedef struct things {
    tiny_folder folder;
    dnnb_dnn *dnn;
    dnnb_dict *dict;
    dnnb_stimulus *stim;
    dnnb_history *history;
    dnnb_predictions *predictions;
} things;

typedef dnnb_status (*save_fn)(const things *t, const char *path);

typedef struct job {
    const things *things;
    save_fn save;
    tiny_path path;
    char whole[65]; /* the sum of the file */
    bool has_old;   /* another file has the name before */
} job;

static const char old_text[] = "what was there before";

static things things_create(void) {
    things t = {.folder = tiny_folder_create(), .dnn = tiny_create(1, 2)};
    t.stim = tiny_write_set(&t.folder, "a.stim.csv", 6, 0);
    assert_ok(dnnb_dnn_get_state(t.dnn, &t.dict));
    assert_ok(dnnb_history_create(&t.history));
    for (size_t i = 0; i < 3; i++) {
        double losses[40];
        for (size_t k = 0; k < 40; k++) losses[k] = 1 / (1.0 + (double)(40 * i + k));
        dnnb_epoch epoch = {.step_loss = losses,
                            .n_steps = 40,
                            .epoch_loss = losses[20],
                            .score_train = (double)NAN,
                            .score_validation = 0.25 * (double)i,
                            .learning_rate = 1e-3,
                            .seconds = 1.5,
                            .images_per_second = 10};
        assert_ok(dnnb_history_add(t.history, &epoch));
    }
    assert_ok(dnnb__predictions_create(&t.predictions, 6, 2));
    t.predictions->n = 6;
    for (size_t i = 0; i < 6; i++) {
        t.predictions->rows[i] = i;
        t.predictions->outputs[2 * i] = (float)i / 7;
    }
    return t;
}

static void things_destroy(things *t) {
    dnnb_predictions_destroy(t->predictions);
    dnnb_history_destroy(t->history);
    dnnb_dict_destroy(t->dict);
    dnnb_dnn_destroy(t->dnn);
    dnnb_stimulus_destroy(t->stim);
    tiny_folder_remove(&t->folder);
}

static dnnb_status save(void *context) {
    const job *j = context;
    return j->save(j->things, j->path.text);
}

static void prepare(void *context) {
    const job *j = context;
    (void)unlink(j->path.text);
    if (j->has_old) assert_ok(dnnb__file_write(j->path.text, old_text, sizeof old_text - 1));
}

static void check_no_temporary(const job *j, const fault *f) {
    DIR *dir = opendir(j->things->folder.path);
    assert_non_null(dir);
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (strstr(entry->d_name, ".tmp-"))
            fail_msg("%s: %s, number %llu: %s is left", j->path.text, f->name,
                     (unsigned long long)fault_now_at, entry->d_name);
    closedir(dir);
}

static void check(void *context, const fault *f, dnnb_status status, bool has_fired) {
    const job *j = context;
    char sum[65], old_sum[65];
    (void)has_fired;
    check_no_temporary(j, f);
    bool is_there = dnnb__file_exists(j->path.text);
    if (is_there) assert_ok(dnnb__sha256_file(sum, j->path.text));
    dnnb__sha256_bytes(old_sum, old_text, sizeof old_text - 1);
    bool is_new = is_there && strcmp(sum, j->whole) == 0;
    bool is_old = j->has_old ? is_there && strcmp(sum, old_sum) == 0 : !is_there;
    if (status == DNNB_OK ? !is_new : !is_new && !is_old)
        fail_msg("%s: %s, number %llu: the file is neither whole nor what was there", j->path.text,
                 f->name, (unsigned long long)fault_now_at);
}

static void sweep(const things *t, const char *name, save_fn save_one) {
    job j = {.things = t, .save = save_one, .path = tiny_join(&t->folder, name)};
    fault_action action = {
        .name = name, .act = save, .prepare = prepare, .check = check, .is_long = false};
    prepare(&j);
    assert_ok(save(&j));
    assert_ok(dnnb__sha256_file(j.whole, j.path.text));
    for (size_t i = 0; i < N_FAULTS; i++) {
        j.has_old = i % 2;
        fault_sweep(&action, &j, i);
    }
    (void)unlink(j.path.text);
}

static dnnb_status save_dict(const things *t, const char *path) {
    return dnnb_dict_save(t->dict, path);
}

static dnnb_status save_network(const things *t, const char *path) {
    return dnnb_dnn_save(t->dnn, path);
}

static dnnb_status save_predictions(const things *t, const char *path) {
    return dnnb_predictions_save_csv(t->predictions, t->stim, DNNB_CLASSIFICATION, "label", path);
}

static dnnb_status save_stimuli(const things *t, const char *path) {
    return dnnb_stimulus_save(t->stim, path);
}

static dnnb_status save_pickle(const things *t, const char *path) {
    return dnnb_history_save_pickle(t->history, path);
}

static dnnb_status save_json(const things *t, const char *path) {
    return dnnb_history_save_json(t->history, path);
}

static dnnb_status save_csv(const things *t, const char *path) {
    return dnnb_history_save_csv(t->history, path);
}

static dnnb_status plot_epochs(const things *t, const char *path) {
    return dnnb_plot_epoch_loss(t->history, path);
}

static dnnb_status plot_steps(const things *t, const char *path) {
    return dnnb_plot_step_loss(t->history, path);
}

static dnnb_status plot_score(const things *t, const char *path) {
    return dnnb_plot_score(t->history, "accuracy", 0.5, path);
}

/* What a run writes with jansson: its configuration, and the first lines of its log. */
static dnnb__run_inputs make_inputs(const things *t, const dnnb_train_options *options,
                                    const dnnb_run_options *run) {
    return (dnnb__run_inputs){.dnn = t->dnn,
                              .train = t->stim,
                              .validation = t->stim,
                              .options = options,
                              .run = run,
                              .weights_sum = "0",
                              .started = "2026-01-31T12:00:00Z"};
}

static dnnb_status save_config(const things *t, const char *path) {
    dnnb_train_options options = DNNB_TRAIN_OPTIONS_INIT;
    dnnb_run_options run = DNNB_RUN_OPTIONS_INIT;
    options.seed = UINT64_MAX;
    options.decode.use_background = true;
    run.network = "tiny \xFF";
    dnnb__run_inputs inputs = make_inputs(t, &options, &run);
    return dnnb__run_config_save(&inputs, path);
}

static dnnb_status save_log(void *context) {
    const job *j = context;
    dnnb__run_log log;
    dnnb__run_log_init(&log);
    dnnb_status status = dnnb__run_log_open(&log, j->path.text, j->has_old);
    for (int i = 0; status == DNNB_OK && i < 3; i++) {
        status = dnnb__run_log_add(&log, "step", json_pack("{s:i, s:f}", "step", i, "loss", 0.5));
        if (status == DNNB_OK) status = dnnb__run_log_flush(&log);
    }
    dnnb__run_log_close(&log);
    return status;
}

/* Whole lines, but where a disk that stays full does not let the last be cut off. */
static void check_log(void *context, const fault *f, dnnb_status status, bool has_fired) {
    const job *j = context;
    char *text;
    size_t n, n_lines = 0;
    (void)has_fired;
    if (!dnnb__file_exists(j->path.text)) return;
    assert_ok(dnnb__file_read(&text, &n, j->path.text, 1 << 20));
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, n_lines++) {
        json_t *json = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_true(json_is_object(json));
        json_decref(json);
    }
    if (n > 0 && text[n - 1] != '\n') assert_true(f->kinds == DNNB__IO_WRITING && f->and_later);
    if (status == DNNB_OK) assert_int_equal(n_lines, 3);
    dnnb__free(text);
}

static void test_faults_save__config(void **state) {
    (void)state;
    things t = things_create();
    sweep(&t, "config.json", save_config);
    things_destroy(&t);
}

static void remove_log(void *context) {
    (void)unlink(((job *)context)->path.text);
}

static void test_faults_save__log(void **state) {
    (void)state;
    things t = things_create();
    job j = {.things = &t, .path = tiny_join(&t.folder, "log.jsonl")};
    fault_action action = {
        .name = "log.jsonl", .act = save_log, .prepare = remove_log, .check = check_log};
    for (size_t i = 0; i < N_FAULTS; i++) fault_sweep(&action, &j, i);
    things_destroy(&t);
}

/* A network too large for its best parameters to be kept in memory beside the file: they are when
 * the file cannot be written, since no later epoch has them. */
static void test_faults_save__best_parameters_on_a_full_disk(void **state) {
    (void)state;
    tiny_folder folder = tiny_folder_create();
    tiny_path path = tiny_join(&folder, "best.pth");
    dnnb_dnn *dnn;
    dnnb_dict *kept = NULL, *later, *best, *whole, *loaded;
    assert_ok(dnnb_dnn_create(&dnn, "alexnet", NULL));
    assert_ok(dnnb_dnn_set_trainable(dnn, "features.*", false));
    dnnb__io_fail_at(3, DNNB__IO_WRITING, true, ENOSPC);
    assert_ok(dnnb__run_best_keep(&kept, dnn, path.text));
    fault_disarm();
    assert_false(dnnb__file_exists(path.text));
    assert_non_null(kept);
    assert_ok(dnnb_dnn_get_state(dnn, &later));
    for (size_t i = 0; i < dnnb_dict_get_count(kept); i++) { /* what later epochs made of them */
        const dnnb_tensor *tensor = dnnb_dict_find(later, dnnb_dict_get_name(kept, i));
        memset(dnnb_tensor_get_writable((dnnb_tensor *)tensor), 0,
               dnnb_tensor_get_count(tensor) * sizeof(float));
    }
    assert_ok(dnnb__run_best_merge(&best, kept, later));
    assert_ok(dnnb_dict_save(best, path.text));
    dnnb_dict_destroy(best);
    dnnb_dict_destroy(later);
    assert_ok(dnnb_dnn_get_state(dnn, &whole));
    assert_ok(dnnb_dict_load(&loaded, path.text));
    assert_int_equal(dnnb_dict_get_count(whole), dnnb_dict_get_count(loaded));
    for (size_t i = 0; i < dnnb_dict_get_count(whole); i++) {
        const dnnb_tensor *a = dnnb_dict_get_tensor(whole, i);
        const dnnb_tensor *b = dnnb_dict_find(loaded, dnnb_dict_get_name(whole, i));
        assert_non_null(b);
        assert_memory_equal(dnnb_tensor_get_data(a), dnnb_tensor_get_data(b),
                            dnnb_tensor_get_count(a) * sizeof(float));
    }
    dnnb_dict_destroy(loaded);
    dnnb_dict_destroy(whole);
    dnnb_dict_destroy(kept);
    dnnb_dnn_destroy(dnn);
    tiny_folder_remove(&folder);
}

static void test_faults_save__parameters(void **state) {
    (void)state;
    things t = things_create();
    sweep(&t, "dict.pth", save_dict);
    sweep(&t, "dict.safetensors", save_dict);
    sweep(&t, "dict.npz", save_dict);
    sweep(&t, "network.pth", save_network);
    dnnb_dict_destroy(t.dict);
    assert_ok(dnnb_dict_create(&t.dict));
    dnnb_tensor *tensor;
    assert_ok(dnnb_tensor_create(&tensor, DNNB_F32, &(dnnb_shape){{3, 50}, 2}));
    assert_ok(dnnb_dict_add(t.dict, "array", tensor));
    sweep(&t, "array.npy", save_dict);
    things_destroy(&t);
}

static void test_faults_save__tables(void **state) {
    (void)state;
    things t = things_create();
    sweep(&t, "predictions.csv", save_predictions);
    sweep(&t, "b.stim.csv", save_stimuli);
    sweep(&t, "train_dict.pkl", save_pickle);
    sweep(&t, "train_dict.json", save_json);
    sweep(&t, "history.csv", save_csv);
    things_destroy(&t);
}

static void test_faults_save__plots(void **state) {
    (void)state;
    things t = things_create();
    sweep(&t, "epoch_loss.svg", plot_epochs);
    sweep(&t, "epoch_loss.png", plot_epochs);
    sweep(&t, "step_loss.svg", plot_steps);
    sweep(&t, "step_loss.png", plot_steps);
    sweep(&t, "score.svg", plot_score);
    sweep(&t, "score.png", plot_score);
    things_destroy(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_save__parameters),
        cmocka_unit_test(test_faults_save__tables),
        cmocka_unit_test(test_faults_save__plots),
        cmocka_unit_test(test_faults_save__config),
        cmocka_unit_test(test_faults_save__log),
        cmocka_unit_test(test_faults_save__best_parameters_on_a_full_disk),
    };
    fault_take_jansson(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
