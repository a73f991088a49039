/* Groups of parameters: rates of their own, and layers that are trained from an epoch on. */
#include "unit/unit.h"

#include <math.h>

#include "dnnbrain/run.h"
#include "train/groups.h"
#include "unit/tiny.h"

enum { N_TRAIN = 22, N_VALIDATION = 10, N_PARAMS = 6 };

/* Of the tiny network: conv1's weight and bias, fc1's, fc2's. */
static void check_rates(const char *text, const double expected[N_PARAMS]) {
    dnnb_dnn *dnn = tiny_create(1, 2);
    double rates[N_PARAMS];
    assert_int_equal(dnn->graph->n_params, N_PARAMS);
    assert_ok(dnnb__groups_read_lr(rates, dnn, text, 0.5));
    assert_memory_equal(rates, expected, sizeof rates);
    dnnb_dnn_destroy(dnn);
}

static void test_train_groups__the_first_that_names_a_parameter_counts(void **state) {
    (void)state;
    check_rates(NULL, (const double[]){0.5, 0.5, 0.5, 0.5, 0.5, 0.5});
    check_rates("features.*=1e-5,classifier.*=1e-4",
                (const double[]){1e-5, 1e-5, 1e-4, 1e-4, 1e-4, 1e-4});
    check_rates("conv1=1", (const double[]){1, 1, 0.5, 0.5, 0.5, 0.5});
    check_rates("conv1=1,2", (const double[]){1, 1, 2, 2, 2, 2});
    check_rates("2,conv1=1", (const double[]){1, 1, 2, 2, 2, 2});
    check_rates("fc2=3,classifier.*=1,*.bias=2", (const double[]){0.5, 2, 1, 1, 3, 3});
    check_rates("all=4,fc2=3", (const double[]){4, 4, 4, 4, 4, 4});
    check_rates("backbone=4,0.25", (const double[]){4, 4, 4, 4, 0.25, 0.25});
}

static void test_train_groups__rates_that_are_none_are_refused(void **state) {
    (void)state;
    dnnb_dnn *dnn = tiny_create(1, 2);
    double rates[N_PARAMS];
    static const char *const rows[][2] = {
        {"conv1=0", "expected a number above 0, or PATTERN=NUMBER"},
        {"conv1=-1", "found 'conv1=-1'"},
        {"conv1=inf", "found 'conv1=inf'"},
        {"conv1=nan", "found 'conv1=nan'"},
        {"conv1=", "found 'conv1='"},
        {"=1", "learning rate: layer pattern: expected a name"},
        {"conv1", "found 'conv1'"},
        {"", "found ''"},
        {"conv1=1,,fc1=2", "found ''"},
        {"1,2", "expected one number for all others, found 1 and 2"},
        {"conf1=1", "learning rate: layer 'conf1': Tiny has none that matches; the nearest is "
                    "'conv1'"},
        {"conv1_relu=1", "expected a layer with parameters, found ReLU"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_fails(dnnb__groups_read_lr(rates, dnn, rows[i][0], 0.5), DNNB_ERR_ARGUMENT,
                     rows[i][1]);
    dnnb_dnn_destroy(dnn);
}

static void check_epochs(const char *freeze, const char *text, const size_t expected[N_PARAMS]) {
    dnnb_dnn *dnn = tiny_create(1, 2);
    size_t epochs[N_PARAMS];
    assert_ok(dnnb_dnn_set_trainable(dnn, freeze, false));
    assert_ok(dnnb__groups_read_unfreeze(epochs, dnn, text, 9));
    assert_memory_equal(epochs, expected, sizeof epochs);
    dnnb_dnn_destroy(dnn);
}

static void test_train_groups__epochs_are_read(void **state) {
    (void)state;
    check_epochs("backbone", NULL, (const size_t[]){0, 0, 0, 0, 0, 0});
    check_epochs("backbone", "4", (const size_t[]){4, 4, 4, 4, 0, 0});
    check_epochs("backbone", "3=classifier.*,6=all", (const size_t[]){6, 6, 3, 3, 0, 0});
    check_epochs("backbone", "2=fc1,conv1", (const size_t[]){2, 2, 2, 2, 0, 0});
    check_epochs("all", "2=fc2,3=fc1,*.0.bias,9=all", (const size_t[]){9, 3, 3, 3, 2, 2});
    check_epochs("conv1", "5=features.0.weight,conv1", (const size_t[]){5, 5, 0, 0, 0, 0});
}

static void test_train_groups__epochs_that_are_none_are_refused(void **state) {
    (void)state;
    dnnb_dnn *dnn = tiny_create(1, 2);
    size_t epochs[N_PARAMS];
    assert_ok(dnnb_dnn_set_trainable(dnn, "backbone", false));
    static const char *const rows[][2] = {
        {"1", "expected an epoch from 2 to 9, found 1"},
        {"10", "expected an epoch from 2 to 9, found 10"},
        {"-3=all", "expected an epoch from 2 to 9, found -3"},
        {"all", "expected an epoch, or EPOCH=PATTERN"},
        {"x=all", "found 'x=all'"},
        {"3=", "found '3='"},
        {"", "found ''"},
        {"3=conv1,3=fc1", "expected epochs in rising order, found 3 after 3"},
        {"3=fc2", "names frozen parameters, found 'fc2', which are trained by then"},
        {"3=all,4=conv1", "epoch 4: expected a pattern that names frozen parameters"},
        {"3=conf1", "unfreezing: layer 'conf1': Tiny has none that matches; the nearest is"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_fails(dnnb__groups_read_unfreeze(epochs, dnn, rows[i][0], 9), DNNB_ERR_ARGUMENT,
                     rows[i][1]);
    dnnb_dnn_destroy(dnn);
}

typedef struct fixture {
    tiny_folder folder;
    dnnb_stimulus *train, *validation;
    dnnb_train_options options;
} fixture;

static fixture fixture_create(void) {
    fixture f = {.folder = tiny_folder_create(),
                 .options = (dnnb_train_options)DNNB_TRAIN_OPTIONS_INIT};
    f.train = tiny_write_set(&f.folder, "train.stim.csv", N_TRAIN, 0);
    f.validation = tiny_write_set(&f.folder, "validation.stim.csv", N_VALIDATION, 100);
    f.options.epochs = 4;
    f.options.batch = 8;
    f.options.optimizer.lr = 5e-3;
    f.options.n_workers = 2;
    f.options.score_train = true;
    f.options.augment = DNNB_AUGMENT_NONE;
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->train);
    dnnb_stimulus_destroy(f->validation);
    tiny_folder_remove(&f->folder);
}

/* What was trained in each epoch, and the parameters when each ended. */
typedef struct witness {
    dnnb_dnn *dnn;
    size_t n_unfrozen, n_trained[16];
    double lr[16];
    float *conv[16], *fc1[16];
    char message[1024], start[2048];
} witness;

static bool watch(void *context, const dnnb_event *event) {
    witness *w = context;
    size_t n;
    if (event->kind == DNNB_EVENT_START)
        (void)snprintf(w->start, sizeof w->start, "%s", event->message);
    if (event->kind == DNNB_EVENT_UNFREEZE) {
        w->n_unfrozen++;
        (void)snprintf(w->message, sizeof w->message, "%s", event->message);
    }
    if (event->kind != DNNB_EVENT_EPOCH) return true;
    w->n_trained[event->epoch] = event->result->n_trained;
    w->lr[event->epoch] = event->result->learning_rate;
    w->conv[event->epoch] = tiny_copy_param(w->dnn, "features.0.weight", &n);
    w->fc1[event->epoch] = tiny_copy_param(w->dnn, "classifier.1.weight", &n);
    return true;
}

static void witness_clear(witness *w) {
    for (size_t i = 0; i < 16; i++) dnnb__free(w->conv[i]);
    for (size_t i = 0; i < 16; i++) dnnb__free(w->fc1[i]);
}

static dnnb_dnn *train(const fixture *f, const dnnb_train_options *options, const char *freeze,
                       witness *w, dnnb_history **history) {
    dnnb_train_options o = *options;
    dnnb_dnn *dnn = tiny_create(1, 2);
    if (freeze) assert_ok(dnnb_dnn_set_trainable(dnn, freeze, false));
    if (w) {
        *w = (witness){.dnn = dnn};
        o.on_event = watch;
        o.context = w;
    }
    assert_ok(dnnb_train(dnn, f->train, f->validation, &o, history));
    return dnn;
}

static bool is_same(const float *a, const float *b, size_t n) {
    return memcmp(a, b, n * sizeof *a) == 0;
}

static void test_train_groups__layers_are_trained_from_their_epoch_on(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = f.options;
    witness w;
    o.unfreeze = "2=fc1,4=all";
    dnnb_dnn *start = tiny_create(1, 2), *dnn = train(&f, &o, "backbone", &w, NULL);
    size_t n_conv, n_fc1;
    float *conv = tiny_copy_param(start, "features.0.weight", &n_conv);
    float *fc1 = tiny_copy_param(start, "classifier.1.weight", &n_fc1);
    static const size_t expected[] = {34, 34 + 16 * 129, 34 + 16 * 129, 2322};
    assert_memory_equal(w.n_trained, expected, sizeof expected);
    assert_int_equal(w.n_unfrozen, 2);
    assert_non_null(strstr(w.start, "more is trained from epochs on: 2=fc1,4=all"));
    assert_string_equal(w.message, "from epoch 4 on 2,322 of 2,322 parameters are trained");
    for (size_t i = 0; i < 4; i++) {
        assert_true(is_same(w.conv[i], conv, n_conv) == (i < 3));
        assert_true(is_same(w.fc1[i], fc1, n_fc1) == (i < 1));
    }
    /* The network is the caller's again: frozen as it was. */
    int64_t n_trainable, n_all;
    dnnb_dnn_count_parameters(dnn, &n_trainable, &n_all);
    assert_int_equal(n_trainable, 34);
    witness_clear(&w);
    dnnb__free(conv);
    dnnb__free(fc1);
    dnnb_dnn_destroy(start);
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

/* Features are kept or not, by many workers or by one; and images are cropped or not. */
static void test_train_groups__what_is_kept_changes_no_bit(void **state) {
    (void)state;
    fixture f = fixture_create();
    for (int augment = 0; augment < 2; augment++) {
        dnnb_train_options a = f.options, b;
        dnnb_history *histories[2];
        a.unfreeze = "2=fc1,3=all";
        a.augment = augment ? DNNB_AUGMENT_DNNBRAIN : DNNB_AUGMENT_NONE;
        b = a;
        b.cache_bytes = 0;
        b.n_workers = 1;
        dnnb_dnn *x = train(&f, &a, "backbone", NULL, &histories[0]);
        dnnb_dnn *y = train(&f, &b, "backbone", NULL, &histories[1]);
        assert_true(tiny_equal(x, y));
        for (size_t i = 0; i < a.epochs; i++)
            assert_memory_equal(&dnnb_history_get_epoch(histories[0], i)->loss_validation,
                                &dnnb_history_get_epoch(histories[1], i)->loss_validation,
                                sizeof(double));
        for (size_t i = 0; i < 2; i++) dnnb_history_destroy(histories[i]);
        dnnb_dnn_destroy(x);
        dnnb_dnn_destroy(y);
    }
    fixture_destroy(&f);
}

static void test_train_groups__each_group_has_its_rate(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = f.options;
    witness w;
    o.optimizer.name = "sgd";
    o.epochs = 1;
    o.batch = 64; /* one step, so each weight moves by its rate times its gradient */
    dnnb_dnn *start = tiny_create(1, 2), *plain, *groups;
    o.optimizer.lr = 0.5;
    plain = train(&f, &o, NULL, NULL, NULL);
    o.lr_groups = "conv1=0.125,fc1=0.25,0.5";
    groups = train(&f, &o, NULL, &w, NULL);
    assert_close(w.lr[0], 0.5, 0); /* the last layer's */
    assert_non_null(strstr(w.start, "learning rates conv1=0.125,fc1=0.25,0.5, from 0.125 to 0.5"));
    static const struct {
        const char *path;
        double part;
    } rows[] = {{"features.0.weight", 0.25},
                {"features.0.bias", 0.25},
                {"classifier.1.weight", 0.5},
                {"classifier.3.weight", 1}};
    for (size_t i = 0; i < 4; i++) {
        size_t n;
        float *from = tiny_copy_param(start, rows[i].path, &n);
        float *a = tiny_copy_param(plain, rows[i].path, &n);
        float *b = tiny_copy_param(groups, rows[i].path, &n);
        double moved = 0;
        for (size_t k = 0; k < n; k++) {
            double step = (double)a[k] - (double)from[k];
            moved += fabs(step);
            /* Roundings of weights below 1 to float32. */
            assert_close((double)b[k] - (double)from[k], rows[i].part * step, 1.5e-7);
        }
        assert_true(moved / (double)n > 1e-4);
        dnnb__free(from);
        dnnb__free(a);
        dnnb__free(b);
    }
    witness_clear(&w);
    dnnb_dnn_destroy(start);
    dnnb_dnn_destroy(plain);
    dnnb_dnn_destroy(groups);
    fixture_destroy(&f);
}

/* best.pth of an epoch before the unfreezing holds what was frozen then. */
static void test_train_groups__the_best_of_an_earlier_epoch_is_whole(void **state) {
    (void)state;
    fixture f = fixture_create();
    tiny_path path = tiny_join(&f.folder, "run");
    dnnb_run_options r = DNNB_RUN_OPTIONS_INIT;
    dnnb_train_options o = f.options;
    dnnb_history *history;
    r.folder = path.text;
    r.network = "tiny";
    o.epochs = 6;
    o.unfreeze = "6";
    o.lr_groups = "backbone=10,0.05"; /* no later score is above the best, which is 1 */
    dnnb_dnn *dnn = tiny_create(1, 2), *start = tiny_create(1, 2), *best;
    assert_ok(dnnb_dnn_set_trainable(dnn, "backbone", false));
    assert_ok(dnnb_run_train(dnn, f.train, f.validation, &o, &r, &history));
    assert_true(dnnb_history_find_best(history, DNNB_MONITOR_SCORE) < 5);
    dnnb_history_destroy(history);
    best = tiny_create(7, 2);
    assert_ok(dnnb_dnn_load(best, tiny_join(&f.folder, "run/best.pth").text));
    size_t n;
    float *a = tiny_copy_param(start, "features.0.weight", &n);
    float *b = tiny_copy_param(best, "features.0.weight", &n);
    float *c = tiny_copy_param(dnn, "features.0.weight", &n);
    assert_true(is_same(a, b, n));
    assert_false(is_same(a, c, n));
    dnnb__free(a);
    dnnb__free(b);
    dnnb__free(c);
    char *log;
    assert_ok(dnnb__file_read(&log, &n, tiny_join(&f.folder, "run/log.jsonl").text, 1 << 20));
    assert_non_null(strstr(log, "{\"event\":\"unfreeze\",\"time\":"));
    assert_non_null(strstr(log, "\"epoch\":6,\"message\":\"from epoch 6 on 2,322 of 2,322"));
    dnnb__free(log);
    char *config;
    assert_ok(dnnb__file_read(&config, &n, tiny_join(&f.folder, "run/config.json").text, 1 << 20));
    assert_non_null(strstr(config, "\"unfreeze\": \"6\""));
    assert_non_null(strstr(config, "\"lr_groups\": \"backbone=10,0.05\""));
    dnnb__free(config);
    dnnb_dnn_destroy(dnn);
    dnnb_dnn_destroy(start);
    dnnb_dnn_destroy(best);
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_groups__the_first_that_names_a_parameter_counts),
        cmocka_unit_test(test_train_groups__rates_that_are_none_are_refused),
        cmocka_unit_test(test_train_groups__epochs_are_read),
        cmocka_unit_test(test_train_groups__epochs_that_are_none_are_refused),
        cmocka_unit_test(test_train_groups__layers_are_trained_from_their_epoch_on),
        cmocka_unit_test(test_train_groups__what_is_kept_changes_no_bit),
        cmocka_unit_test(test_train_groups__each_group_has_its_rate),
        cmocka_unit_test(test_train_groups__the_best_of_an_earlier_epoch_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
