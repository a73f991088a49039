/* Groups of runs: each run is the one that could be had alone, whatever stops the group. */
#include "unit/unit.h"

#include "dnnbrain/group.h"
#include "dnnbrain/record.h"
#include "unit/tiny.h"

enum { N_IMAGES = 22, N_FOLDS = 3 };

typedef struct fixture {
    tiny_folder folder;
    dnnb_stimulus *stim, *validation;
    dnnb_train_options options;
    dnnb_group_options group;
    size_t n_created, n_told, n_steps, stop_at_step, n_warnings;
} fixture;

static dnnb_status create(void *context, uint64_t seed, dnnb_dnn **out) {
    fixture *f = context;
    f->n_created++;
    *out = tiny_create(seed, 2);
    return dnnb_dnn_set_trainable(*out, "features.*", false);
}

static bool on_run(void *context, const dnnb_group *group, size_t i) {
    fixture *f = context;
    f->n_told++;
    return i < dnnb_group_get_count(group);
}

static bool on_event(void *context, const dnnb_event *event) {
    fixture *f = context;
    f->n_warnings += event->kind == DNNB_EVENT_WARNING;
    return event->kind != DNNB_EVENT_STEP || ++f->n_steps != f->stop_at_step;
}

static fixture *fixture_create(size_t n_folds, size_t n_repeats) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->folder = tiny_folder_create();
    f->stim = tiny_write_set(&f->folder, "train.stim.csv", N_IMAGES, 0);
    f->validation = tiny_write_set(&f->folder, "validation.stim.csv", 8, 100);
    f->options = (dnnb_train_options)DNNB_TRAIN_OPTIONS_INIT;
    f->options.epochs = 2;
    f->options.batch = 8;
    f->options.seed = 5;
    f->options.augment = DNNB_AUGMENT_NONE;
    f->options.checkpoint_every_s = 0;
    f->options.on_event = on_event;
    f->options.context = f;
    f->group = (dnnb_group_options)DNNB_GROUP_OPTIONS_INIT;
    f->group.n_folds = n_folds;
    f->group.n_repeats = n_repeats;
    f->group.create = create;
    f->group.on_run = on_run;
    f->group.context = f;
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->stim);
    dnnb_stimulus_destroy(f->validation);
    tiny_folder_remove(&f->folder);
    free(f);
}

static dnnb_run_options get_run(const tiny_path *path, bool overwrite) {
    dnnb_run_options run = DNNB_RUN_OPTIONS_INIT;
    run.folder = path->text;
    run.network = "tiny";
    run.overwrite = overwrite;
    return run;
}

static dnnb_status make(fixture *f, const char *name, bool overwrite, dnnb_group **out) {
    tiny_path path = tiny_join(&f->folder, name);
    dnnb_run_options run = get_run(&path, overwrite);
    return dnnb_run_group(f->stim, f->group.n_folds ? NULL : f->validation, &f->options, &run,
                          &f->group, out);
}

static bool exists(const fixture *f, const char *name) {
    return access(tiny_join(&f->folder, name).text, F_OK) == 0;
}

static void assert_same_file(const fixture *f, const char *a, const char *b) {
    char sums[2][65];
    assert_ok(dnnb__sha256_file(sums[0], tiny_join(&f->folder, a).text));
    assert_ok(dnnb__sha256_file(sums[1], tiny_join(&f->folder, b).text));
    if (strcmp(sums[0], sums[1]) != 0) fail_msg("%s and %s differ", a, b);
}

static const char *const run_files[] = {"model.pth", "best.pth", "train_dict.json",
                                        "predictions.csv"};

static void assert_same_run(const fixture *f, const char *a, const char *b) {
    for (size_t i = 0; i < sizeof run_files / sizeof run_files[0]; i++) {
        char paths[2][100];
        (void)snprintf(paths[0], sizeof paths[0], "%s/%s", a, run_files[i]);
        (void)snprintf(paths[1], sizeof paths[1], "%s/%s", b, run_files[i]);
        assert_same_file(f, paths[0], paths[1]);
    }
}

static void train_alone(fixture *f, const char *name, uint64_t seed, const dnnb_stimulus *train,
                        const dnnb_stimulus *validation) {
    tiny_path path = tiny_join(&f->folder, name);
    dnnb_run_options run = get_run(&path, false);
    dnnb_train_options options = f->options;
    dnnb_dnn *dnn;
    options.seed = seed;
    assert_ok(create(f, seed, &dnn));
    assert_ok(dnnb_run_train(dnn, train, validation, &options, &run, NULL));
    dnnb_dnn_destroy(dnn);
}

static void test_group_group__each_run_is_one_alone(void **state) {
    (void)state;
    fixture *f = fixture_create(0, 2);
    dnnb_group *group;
    assert_ok(make(f, "seeds", false, &group));
    assert_int_equal(dnnb_group_get_count(group), 2);
    assert_int_equal(f->n_created, 2);
    assert_int_equal(f->n_told, 4);
    train_alone(f, "alone", 6, f->stim, f->validation);
    assert_same_run(f, "seeds/seed-6", "alone");
    assert_true(exists(f, "seeds/repeat.svg") && !exists(f, "seeds/predictions.csv"));
    dnnb_group_destroy(group);

    f->group.n_folds = N_FOLDS;
    f->group.n_repeats = 1;
    assert_ok(make(f, "folds", false, &group));
    size_t folds[N_IMAGES];
    dnnb_stimulus *others, *held_out;
    assert_ok(dnnb_stimulus_assign_folds(f->stim, N_FOLDS, true, 5, folds));
    assert_ok(dnnb_stimulus_fold(f->stim, folds, 1, &others, &held_out));
    train_alone(f, "fold", dnnb_group_get_fold_seed(5, 1), others, held_out);
    assert_same_run(f, "folds/fold-2", "fold");
    assert_int_equal(dnnb_group_get_run(group, 1)->n_validation, dnnb_stimulus_get_count(held_out));
    dnnb_stimulus_destroy(others);
    dnnb_stimulus_destroy(held_out);
    dnnb_group_destroy(group);
    fixture_destroy(f);
}

static void test_group_group__every_image_is_predicted_once(void **state) {
    (void)state;
    fixture *f = fixture_create(N_FOLDS, 2);
    dnnb_group *group;
    char *text;
    size_t n, n_right = 0, n_of_image[2][N_IMAGES] = {{0}};
    assert_ok(make(f, "cv", false, &group));
    assert_ok(
        dnnb__file_read(&text, &n, tiny_join(&f->folder, "cv/predictions.csv").text, 1 << 20));
    assert_ptr_equal(strstr(text, "stimID,label,predicted,condition,output_0,output_1,fold,seed\n"),
                     text);
    for (char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        int image, label, predicted, fold, seed;
        char condition[16];
        float outputs[2];
        assert_int_equal(sscanf(line, "%d.bmp,%d,%d,%15[a-z],%f,%f,%d,%d\n", &image, &label,
                                &predicted, condition, &outputs[0], &outputs[1], &fold, &seed),
                         8);
        n_of_image[seed - 5][image]++;
        n_right += seed == 5 && label == predicted;
    }
    for (size_t i = 0; i < 2 * N_IMAGES; i++)
        assert_int_equal(n_of_image[i / N_IMAGES][i % N_IMAGES], 1);
    dnnb_group_pooled pooled = dnnb_group_get_pooled(group, 0);
    dnnb_interval interval = dnnb_metrics_get_wilson(n_right, N_IMAGES);
    assert_int_equal(pooled.n_images, N_IMAGES);
    assert_true(pooled.score == (double)n_right / N_IMAGES);
    assert_true(pooled.interval.low == interval.low && pooled.interval.high == interval.high);
    /* The mean and standard deviation of what the runs' own histories say. */
    double sum = 0, squares = 0;
    size_t n_runs = dnnb_group_get_count(group);
    assert_int_equal(n_runs, 2 * N_FOLDS);
    for (size_t i = 0; i < n_runs; i++) sum += dnnb_group_get_run(group, i)->score_last;
    for (size_t i = 0; i < n_runs; i++)
        squares += pow(dnnb_group_get_run(group, i)->score_last - sum / (double)n_runs, 2);
    dnnb_group_summary s = dnnb_group_summarise(group, DNNB_GROUP_SCORE_LAST);
    assert_close(s.mean, sum / (double)n_runs, 1e-15); /* a rounding */
    assert_close(s.sd, sqrt(squares / (double)(n_runs - 1)), 1e-15);
    dnnb__free(text);
    dnnb_group_destroy(group);
    fixture_destroy(f);
}

/* Stopped once at each of its steps, in a folder of its own each time. */
static void test_group_group__it_goes_on_with_the_same_bits(void **state) {
    (void)state;
    fixture *f = fixture_create(N_FOLDS, 1);
    dnnb_group *group;
    assert_ok(make(f, "whole", false, NULL));
    size_t n_steps = f->n_steps;
    for (size_t stop = 1; stop < n_steps; stop += 4) {
        char name[32], path[64];
        (void)snprintf(name, sizeof name, "stopped-%zu", stop);
        f->options.resume = false;
        f->n_steps = 0;
        f->stop_at_step = stop;
        assert_fails(make(f, name, false, &group), DNNB_ERR_STOPPED, "stopped");
        assert_string_equal(dnnb_group_get_info(group)->status, "stopped");
        dnnb_group_destroy(group);
        (void)snprintf(path, sizeof path, "%s/predictions.csv", name);
        assert_false(exists(f, path));
        assert_fails(make(f, name, false, NULL), DNNB_ERR_ARGUMENT, "found unfinished runs");
        f->stop_at_step = 0;
        f->options.resume = true;
        assert_ok(make(f, name, false, NULL));
        assert_true(f->n_steps <= n_steps); /* what was done is not done again */
        static const char *const files[] = {"cv.csv", "cv.json", "cv.svg", "predictions.csv"};
        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
            char whole[64];
            (void)snprintf(path, sizeof path, "%s/%s", name, files[i]);
            (void)snprintf(whole, sizeof whole, "whole/%s", files[i]);
            assert_same_file(f, path, whole);
        }
        (void)snprintf(path, sizeof path, "%s/fold-3", name);
        assert_same_run(f, path, "whole/fold-3");
    }
    fixture_destroy(f);
}

static void test_group_group__another_group_is_refused(void **state) {
    (void)state;
    fixture *f = fixture_create(0, 2);
    dnnb_group *group;
    assert_ok(make(f, "g", false, NULL));
    assert_fails(make(f, "g", false, NULL), DNNB_ERR_ARGUMENT, "found finished runs");
    f->options.resume = true;
    f->options.optimizer.lr = 0.5;
    assert_fails(make(f, "g", false, NULL), DNNB_ERR_ARGUMENT,
                 "training.optimizer.lr: expected 0.001, as the finished run has it, found 0.5");
    f->options.optimizer.lr = DNNB_NAN;
    f->options.seed = 6;
    assert_fails(make(f, "g", false, NULL), DNNB_ERR_ARGUMENT, "seed: expected 5");
    f->options.seed = 5;
    f->group.n_repeats = 1;
    assert_fails(make(f, "g", false, NULL), DNNB_ERR_ARGUMENT, "repeats: expected at least the 2");
    f->group.n_repeats = 3; /* more may come */
    f->n_steps = 0;
    assert_ok(make(f, "g", false, &group));
    assert_int_equal(f->n_steps, 2 * 3);
    assert_int_equal(dnnb_group_get_count(group), 3);
    assert_true(exists(f, "g/seed-7/model.pth"));
    dnnb_group_destroy(group);

    f->options.resume = false;
    f->group.n_folds = N_FOLDS;
    f->group.n_repeats = 1;
    assert_ok(dnnb__file_write(tiny_join(&f->folder, "g/seed-5/mine.txt").text, "x", 1));
    assert_ok(make(f, "g", true, NULL));
    assert_true(exists(f, "g/cv.json") && exists(f, "g/seed-5/mine.txt"));
    assert_false(exists(f, "g/repeat.json") || exists(f, "g/seed-5/model.pth") ||
                 exists(f, "g/seed-6"));
    /* Neither a run nor anything else is written over. */
    train_alone(f, "run", 1, f->stim, NULL);
    assert_fails(make(f, "run", true, NULL), DNNB_ERR_ARGUMENT, "found files that are no group");
    assert_fails(make(f, "train.stim.csv", true, NULL), DNNB_ERR_ARGUMENT, "found a file");
    fixture_destroy(f);
}

static void test_group_group__a_failure_names_the_run(void **state) {
    (void)state;
    fixture *f = fixture_create(N_FOLDS, 1);
    dnnb_group *group;
    f->options.batch = 0;
    assert_fails(make(f, "g", false, &group), DNNB_ERR_ARGUMENT, "fold-1: batch");
    assert_null(group);
    assert_false(exists(f, "g")); /* nothing to keep */
    f->options.batch = 8;
    f->group.n_folds = 1;
    assert_fails(make(f, "g", false, NULL), DNNB_ERR_ARGUMENT, "folds: expected 0, or 2 to 1000");
    f->group.n_folds = 12;
    assert_fails(make(f, "g", false, NULL), DNNB_ERR_ARGUMENT, "expected a label with at least 12");
    assert_false(exists(f, "g"));
    fixture_destroy(f);
}

static void test_group_group__what_is_read_back(void **state) {
    (void)state;
    fixture *f = fixture_create(N_FOLDS, 1);
    dnnb_group *made, *read;
    char *text;
    size_t n;
    assert_ok(make(f, "cv", false, &made));
    tiny_path path = tiny_join(&f->folder, "cv"), json = tiny_join(&f->folder, "cv/cv.json");
    assert_true(dnnb_group_is_there(path.text));
    assert_ok(dnnb_group_load(&read, path.text));
    assert_string_equal(dnnb_group_get_info(read)->status, "finished");
    for (size_t i = 0; i < N_FOLDS; i++) {
        const dnnb_group_run *a = dnnb_group_get_run(made, i), *b = dnnb_group_get_run(read, i);
        assert_string_equal(a->folder, b->folder);
        assert_true(a->seed == b->seed && b->is_finished && a->best_epoch == b->best_epoch);
        assert_close(a->loss, b->loss, 1e-14); /* JSON has 15 digits */
    }
    dnnb_group_destroy(read);
    dnnb_group_destroy(made);
    /* Cut anywhere it is refused; no number in it makes more of itself than it may. */
    assert_ok(dnnb__file_read(&text, &n, json.text, 1 << 20));
    for (size_t cut = 0; cut + 2 < n; cut += 7) {
        assert_ok(dnnb__file_write(json.text, text, cut));
        assert_true(dnnb_group_load(&read, path.text) != DNNB_OK);
        assert_null(read);
    }
    static const char *const lies[] = {
        "{}",
        "[]",
        "{\"n_folds\": 1e9, \"n_repeats\": 1, \"seed\": 1}",
        "{\"n_folds\": 1000, \"n_repeats\": 1000, \"seed\": 1}",
        "{\"n_folds\": 3, \"n_repeats\": 1, \"seed\": \"x\"}",
        "{\"n_folds\": 3, \"n_repeats\": 1, \"seed\": 5, \"status\": \"finished\", \"task\": "
        "\"classification\", \"n_images\": 1, \"chance\": null, \"pooled\": [1], \"runs\": [1, 2, "
        "3]}"};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        assert_ok(dnnb__file_write(json.text, lies[i], strlen(lies[i])));
        assert_fails(dnnb_group_load(&read, path.text), DNNB_ERR_FORMAT, "cv.json");
        assert_null(read);
    }
    dnnb__free(text);
    fixture_destroy(f);
}

static void test_group_group__rare_labels_are_told(void **state) {
    (void)state;
    fixture *f = fixture_create(4, 1);
    dnnb_stimulus_destroy(f->stim);
    tiny_path csv = tiny_join(&f->folder, "train.stim.csv");
    dnnb__buf text;
    dnnb__buf_init(&text, 1 << 16);
    dnnb__buf_printf(&text, "type=image\npath=%s\ndata=stimID,label\n", f->folder.path);
    for (int i = 0; i < 12; i++) dnnb__buf_printf(&text, "%d.bmp,%d\n", i, i < 3);
    assert_ok(dnnb__file_write(csv.text, text.data, text.n_bytes));
    dnnb__buf_destroy(&text);
    assert_ok(dnnb_stimulus_load(&f->stim, csv.text));
    assert_ok(make(f, "cv", false, NULL));
    assert_int_equal(f->n_warnings, 1);
    fixture_destroy(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_group__each_run_is_one_alone),
        cmocka_unit_test(test_group_group__every_image_is_predicted_once),
        cmocka_unit_test(test_group_group__it_goes_on_with_the_same_bits),
        cmocka_unit_test(test_group_group__another_group_is_refused),
        cmocka_unit_test(test_group_group__a_failure_names_the_run),
        cmocka_unit_test(test_group_group__what_is_read_back),
        cmocka_unit_test(test_group_group__rare_labels_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
