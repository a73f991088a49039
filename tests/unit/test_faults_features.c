/*
 * Training whose frozen features are kept in a file, with each of its operations failing once: what
 * cannot be kept is computed again, to the same bits. The network is one in which a layer behind
 * them is computed for several steps at once.
 */
#include "unit/faults.h"

#include "dnnbrain/train.h"
#include "unit/wide.h"

typedef struct job {
    tiny_folder folder;
    dnnb_stimulus *train, *validation;
    dnnb_train_options options;
    dnnb_dnn *dnn, *expected;
    size_t n_warnings, n_files; /* in the folder before */
} job;

static bool watch(void *context, const dnnb_event *event) {
    job *j = context;
    if (event->kind == DNNB_EVENT_WARNING)
        j->n_warnings += strstr(event->message, "frozen features cannot be kept") != NULL;
    return true;
}

static void renew_network(dnnb_dnn **dnn) {
    dnnb_dnn_destroy(*dnn);
    *dnn = wide_create("onednn", DNNB_PRECISION_F32);
}

static size_t count_files(const char *folder) {
    DIR *dir = opendir(folder);
    size_t n = 0;
    assert_non_null(dir);
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

static void prepare(void *context) {
    job *j = context;
    renew_network(&j->dnn);
    j->n_warnings = 0;
}

static dnnb_status act(void *context) {
    job *j = context;
    return dnnb_train(j->dnn, j->train, j->validation, &j->options, NULL);
}

static void check(void *context, const fault *f, dnnb_status status, bool has_fired) {
    job *j = context;
    assert_int_equal(count_files(j->folder.path), j->n_files);
    if (status == DNNB_OK) assert_true(tiny_equal(j->dnn, j->expected));
    if (f->kinds != DNNB__IO_WRITING) return;
    /* Nothing but features is written. A file that cannot be made in one way is made in another. */
    assert_int_equal(status, DNNB_OK);
    if (has_fired && f->and_later) assert_true(j->n_warnings > 0);
}

static void sweep(size_t which) {
    job j = {.folder = tiny_folder_create(),
             .options = (dnnb_train_options)DNNB_TRAIN_OPTIONS_INIT};
    j.train = tiny_write_set(&j.folder, "train.stim.csv", 4, 0);
    j.validation = tiny_write_set(&j.folder, "validation.stim.csv", 2, 100);
    j.options.epochs = 3;
    j.options.batch = 2;
    j.options.n_workers = 1;
    j.options.score_train = true;
    j.options.augment = DNNB_AUGMENT_VIEWS;
    j.options.views = 2;
    renew_network(&j.expected);
    assert_ok(dnnb_train(j.expected, j.train, j.validation, &j.options, NULL));
    j.options.cache_bytes = 0;
    j.options.cache_folder = j.folder.path;
    j.options.on_event = watch;
    j.options.context = &j;
    j.n_files = count_files(j.folder.path);
    fault_action action = {
        .name = "training with features in a file", .act = act, .prepare = prepare, .check = check};
    fault_sweep(&action, &j, which);
    dnnb_dnn_destroy(j.dnn);
    dnnb_dnn_destroy(j.expected);
    dnnb_stimulus_destroy(j.train);
    dnnb_stimulus_destroy(j.validation);
    tiny_folder_remove(&j.folder);
}

static void test_faults_features__of_memory(void **state) {
    (void)state;
    sweep(FAULT_ALLOCATION);
}

static void test_faults_features__of_reading(void **state) {
    (void)state;
    sweep(FAULT_READ);
}

static void test_faults_features__of_writing(void **state) {
    (void)state;
    sweep(FAULT_WRITE);
}

static void test_faults_features__of_a_full_disk(void **state) {
    (void)state;
    sweep(FAULT_DISK_FULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_features__of_memory),
        cmocka_unit_test(test_faults_features__of_reading),
        cmocka_unit_test(test_faults_features__of_writing),
        cmocka_unit_test(test_faults_features__of_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
