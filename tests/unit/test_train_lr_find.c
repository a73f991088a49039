/* The learning-rate range test: its steps are those of training, the network stays as it was, and
 * what it suggests. */
#include "unit/unit.h"

#include "dnnbrain/lr_find.h"
#include "train/lr_range.h"
#include "unit/tiny.h"

typedef struct fixture {
    tiny_folder folder;
    dnnb_stimulus *stim;
    dnnb_train_options train;
    dnnb_lr_find_options find;
    size_t n_told, n_warnings, stop_at;
} fixture;

static bool on_event(void *context, const dnnb_event *event) {
    fixture *f = context;
    if (event->kind == DNNB_EVENT_WARNING) f->n_warnings++;
    if (event->kind != DNNB_EVENT_STEP) return true;
    assert_int_equal(event->step, f->n_told++);
    assert_int_equal(event->n_steps, f->find.steps);
    assert_int_equal(event->n_epochs, 0);
    return f->n_told != f->stop_at;
}

static fixture *fixture_create(void) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->folder = tiny_folder_create();
    f->stim = tiny_write_set(&f->folder, "train.stim.csv", 22, 0);
    f->train = (dnnb_train_options)DNNB_TRAIN_OPTIONS_INIT;
    f->train.batch = 8;
    f->train.n_workers = 2;
    f->train.on_event = on_event;
    f->train.context = f;
    f->find = (dnnb_lr_find_options)DNNB_LR_FIND_OPTIONS_INIT;
    f->find.steps = 60;
    f->find.min_lr = 1e-5;
    f->find.max_lr = 10;
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->stim);
    tiny_folder_remove(&f->folder);
    free(f);
}

/* A rate that does not grow worth speaking of: the losses are those of dnnb_train() at that rate.
 */
static void test_train_lr_find__steps_are_those_of_training(void **state) {
    (void)state;
    static const char *const frozen[] = {NULL, "features.*", "backbone"};
    static const dnnb_augment augment[] = {DNNB_AUGMENT_DNNBRAIN, DNNB_AUGMENT_NONE,
                                           DNNB_AUGMENT_NONE};
    fixture *f = fixture_create();
    f->find.min_lr = 0.01;
    f->find.max_lr = nextafter(0.01, 1); /* each rate is one of the two */
    for (size_t i = 0; i < 3; i++) {
        dnnb_dnn *found = tiny_create(4, 2), *trained = tiny_create(4, 2);
        dnnb_lr_curve *curve;
        dnnb_history *history;
        if (frozen[i]) assert_ok(dnnb_dnn_set_trainable(found, frozen[i], false));
        if (frozen[i]) assert_ok(dnnb_dnn_set_trainable(trained, frozen[i], false));
        f->train.augment = augment[i];
        f->n_told = 0;
        assert_ok(dnnb_lr_find(found, f->stim, &f->train, &f->find, &curve));
        assert_int_equal(curve->n, f->find.steps);
        dnnb_train_options options = f->train;
        options.on_event = NULL;
        options.epochs = 20; /* of 3 steps */
        options.optimizer.lr = 0.01;
        assert_ok(dnnb_train(trained, f->stim, NULL, &options, &history));
        for (size_t k = 0; k < curve->n; k++)
            /* The rates differ by 2e-16, the losses by what float32 makes of that: hardly ever a
             * rounding of a parameter, which later steps magnify. */
            assert_close(curve->steps[k].loss,
                         dnnb_history_get_epoch(history, k / 3)->step_loss[k % 3], 1e-5);
        dnnb_history_destroy(history);
        dnnb_lr_curve_destroy(curve);
        dnnb_dnn_destroy(found);
        dnnb_dnn_destroy(trained);
    }
    fixture_destroy(f);
}

static void test_train_lr_find__rates_grow_until_it_diverges(void **state) {
    (void)state;
    fixture *f = fixture_create();
    dnnb_dnn *dnn = tiny_create(4, 2), *before = tiny_create(4, 2);
    dnnb_lr_curve *curve;
    f->train.task = DNNB_REGRESSION; /* two colours are told apart at any rate */
    f->train.target = "x,y";
    f->train.optimizer.name = "sgd";
    f->find.max_lr = 1e6;
    f->find.smoothing = 0.5;
    assert_ok(dnnb_lr_find(dnn, f->stim, &f->train, &f->find, &curve));
    assert_true(curve->has_diverged);
    assert_true(curve->n > 10 && curve->n < f->find.steps);
    assert_int_equal(f->n_told, curve->n);
    double factor = pow(1e6 / 1e-5, 1.0 / 59);
    for (size_t i = 1; i < curve->n; i++) /* both sides are rounded, and pow() twice */
        assert_close(curve->steps[i].lr / curve->steps[i - 1].lr / factor, 1, 1e-13);
    assert_true(curve->steps[0].lr == f->find.min_lr);
    assert_true(curve->suggested_lr > 1e-4 && curve->suggested_lr < 1);
    assert_true(tiny_equal(dnn, before));
    /* The same again: nothing of the first is left in the network. */
    dnnb_lr_curve *again;
    f->n_told = 0;
    assert_ok(dnnb_lr_find(dnn, f->stim, &f->train, &f->find, &again));
    assert_int_equal(again->n, curve->n);
    assert_memory_equal(again->steps, curve->steps, curve->n * sizeof *curve->steps);
    assert_int_equal(f->n_warnings, 0); /* a loss at chance is nothing to warn of here */
    dnnb_lr_curve_destroy(again);
    dnnb_lr_curve_destroy(curve);
    dnnb_dnn_destroy(dnn);
    dnnb_dnn_destroy(before);
    fixture_destroy(f);
}

static void test_train_lr_find__the_network_stays_after_a_stop(void **state) {
    (void)state;
    fixture *f = fixture_create();
    dnnb_dnn *dnn = tiny_create(4, 2), *before = tiny_create(4, 2);
    dnnb_lr_curve *curve;
    f->stop_at = 30;
    f->find.divergence = INFINITY;
    assert_fails(dnnb_lr_find(dnn, f->stim, &f->train, &f->find, &curve), DNNB_ERR_STOPPED,
                 "stopped after step 30 of 60");
    assert_null(curve);
    assert_true(tiny_equal(dnn, before));
    dnnb_dnn_destroy(dnn);
    dnnb_dnn_destroy(before);
    fixture_destroy(f);
}

static void test_train_lr_find__a_loss_that_is_not_finite_is_diverged(void **state) {
    (void)state;
    fixture *f = fixture_create();
    dnnb_dnn *dnn = tiny_create(4, 1), *before = tiny_create(4, 1);
    dnnb_lr_curve *curve;
    f->train.task = DNNB_REGRESSION;
    f->train.target = "x";
    f->train.optimizer.name = "sgd";
    f->find.max_lr = 1e30;
    f->find.divergence = INFINITY;
    assert_ok(dnnb_lr_find(dnn, f->stim, &f->train, &f->find, &curve));
    assert_true(curve->has_diverged);
    assert_true(curve->n < f->find.steps);
    for (size_t i = 0; i < curve->n; i++) assert_true(isfinite(curve->steps[i].loss));
    assert_true(tiny_equal(dnn, before));
    dnnb_lr_curve_destroy(curve);
    dnnb_dnn_destroy(dnn);
    dnnb_dnn_destroy(before);
    fixture_destroy(f);
}

/* Made of numbers: losses, their averages by the defining sums, and what is suggested. */
static void test_train_lr_find__averages_and_suggestion(void **state) {
    (void)state;
    dnnb_lr_find_options o = DNNB_LR_FIND_OPTIONS_INIT;
    dnnb_lr_curve *curve;
    o.steps = 60;
    o.smoothing = 0.8;
    o.divergence = 20;
    assert_ok(dnnb__lr_curve_create(&curve, &o));
    for (size_t i = 0; i < 60; i++) {
        /* Flat, a fall around step 30, and an explosion at the end. */
        double loss = 1 - 0.6 / (1 + exp(30.0 - (double)i)) + (i > 50 ? exp((double)(i - 50)) : 0);
        double sum = 0, weights = 0;
        if (curve->has_diverged) break;
        dnnb__lr_curve_add(curve, &o, dnnb__lr_range_get_factor(&o, i) * o.min_lr, loss);
        for (size_t k = 0; k <= i; k++) {
            double weight = pow(o.smoothing, (double)(i - k));
            sum += weight * curve->steps[k].loss;
            weights += weight;
        }
        /* The same sum in another order. */
        assert_close(curve->steps[i].average, sum / weights, 1e-12);
    }
    assert_true(curve->has_diverged);
    assert_true(curve->n > 52 && curve->n < 60);
    assert_int_equal(curve->best, 50);
    dnnb__lr_curve_suggest(curve, &o);
    for (size_t i = 0; i < curve->n; i++) {
        double sum = 0, weights = 0;
        for (size_t k = 0; k <= curve->best; k++) {
            double weight = pow(o.smoothing, fabs((double)i - (double)k));
            sum += weight * curve->steps[k].loss;
            weights += weight;
        }
        if (i <= curve->best)
            assert_close(curve->steps[i].smoothed, sum / weights, 1e-12); /* likewise */
        else
            assert_true(isnan(curve->steps[i].smoothed));
    }
    assert_true(curve->suggested_lr == curve->steps[30].lr);
    dnnb_lr_curve_destroy(curve);
}

/* A suggestion needs a fall. */
static void test_train_lr_find__nothing_falls(void **state) {
    (void)state;
    dnnb_lr_find_options o = DNNB_LR_FIND_OPTIONS_INIT;
    dnnb_lr_curve *curve;
    assert_ok(dnnb__lr_curve_create(&curve, &o));
    for (size_t i = 0; i < 40; i++) dnnb__lr_curve_add(curve, &o, 1e-3, 1 + 0.01 * (double)i);
    dnnb__lr_curve_suggest(curve, &o);
    assert_true(isnan(curve->suggested_lr));
    assert_int_equal(curve->best, 0);
    dnnb_lr_curve_destroy(curve);
    assert_ok(dnnb__lr_curve_create(&curve, &o)); /* a little is chance */
    for (size_t i = 0; i < 40; i++) dnnb__lr_curve_add(curve, &o, 1e-3, 1 - 0.001 * (double)i);
    dnnb__lr_curve_suggest(curve, &o);
    assert_true(isnan(curve->suggested_lr));
    assert_int_equal(curve->best, 39);
    dnnb_lr_curve_destroy(curve);
    assert_ok(dnnb__lr_curve_create(&curve, &o)); /* nor can one be had of nothing */
    dnnb__lr_curve_suggest(curve, &o);
    assert_true(isnan(curve->suggested_lr));
    dnnb_lr_curve_destroy(curve);
}

static void test_train_lr_find__csv(void **state) {
    (void)state;
    fixture *f = fixture_create();
    dnnb_lr_find_options o = DNNB_LR_FIND_OPTIONS_INIT;
    dnnb_lr_curve *curve;
    char *text;
    size_t n;
    o.smoothing = 0.5;
    assert_ok(dnnb__lr_curve_create(&curve, &o));
    dnnb__lr_curve_add(curve, &o, 1e-7, 0.75);
    dnnb__lr_curve_add(curve, &o, 0.1, 0.25);
    tiny_path path = tiny_join(&f->folder, "curve.csv");
    assert_ok(dnnb_lr_curve_save_csv(curve, path.text));
    assert_ok(dnnb__file_read(&text, &n, path.text, 1 << 10));
    /* (0.75 / 4 + 0.25 / 2) / (3 / 4) */
    assert_string_equal(text, "step,learning_rate,loss,moving_average,smoothed_loss\n"
                              "1,1e-07,0.75,0.75,\n2,0.1,0.25,0.4166666666666667,\n");
    dnnb__free(text);
    dnnb_lr_curve_destroy(curve);
    fixture_destroy(f);
}

static void test_train_lr_find__wrong_options(void **state) {
    (void)state;
    fixture *f = fixture_create();
    dnnb_dnn *dnn = tiny_create(4, 2);
    dnnb_lr_curve *curve;
    static const struct {
        dnnb_lr_find_options options;
        const char *message;
    } rows[] = {
        {{0, 1, 100, 0.98, 4}, "learning rates: expected 0 < least < largest, found 0 and 1"},
        {{1, 1, 100, 0.98, 4}, "found 1 and 1"},
        {{1, INFINITY, 100, 0.98, 4}, "found 1 and inf"},
        {{0.1, 1, 9, 0.98, 4}, "steps: expected 10 to 10000, found 9"},
        {{0.1, 1, 100, 1, 4}, "smoothing: expected 0 to below 1, found 1"},
        {{0.1, 1, 100, 0.98, 1}, "divergence: expected a number above 1, found 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_fails(dnnb_lr_find(dnn, f->stim, &f->train, &rows[i].options, &curve),
                     DNNB_ERR_ARGUMENT, rows[i].message);
        assert_null(curve);
    }
    f->train.batch = 0;
    assert_fails(dnnb_lr_find(dnn, f->stim, &f->train, NULL, &curve), DNNB_ERR_ARGUMENT, "batch");
    dnnb_dnn_destroy(dnn);
    fixture_destroy(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_lr_find__steps_are_those_of_training),
        cmocka_unit_test(test_train_lr_find__rates_grow_until_it_diverges),
        cmocka_unit_test(test_train_lr_find__the_network_stays_after_a_stop),
        cmocka_unit_test(test_train_lr_find__a_loss_that_is_not_finite_is_diverged),
        cmocka_unit_test(test_train_lr_find__averages_and_suggestion),
        cmocka_unit_test(test_train_lr_find__nothing_falls),
        cmocka_unit_test(test_train_lr_find__csv),
        cmocka_unit_test(test_train_lr_find__wrong_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
