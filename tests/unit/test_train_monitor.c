/* The best epoch and early stopping: what counts as better, when a run ends, and how it goes on. */
#include "unit/unit.h"

#include <math.h>

#include "train/checkpoint.h"
#include "train/monitor.h"
#include "unit/tiny.h"

/* The epochs' values as digits of a tenth, '-' for none; `best` marks those that are best so far,
 * `over` the epoch (from 1) after which the run ends, 0 for never. */
static void check(dnnb_monitor kind, size_t patience, double min_delta, const char *values,
                  const char *best, size_t over) {
    dnnb_train_options o = DNNB_TRAIN_OPTIONS_INIT;
    o.monitor = kind;
    o.early_stop = patience;
    o.min_delta = min_delta;
    dnnb__monitor m = dnnb__monitor_create(&o);
    dnnb_history *history;
    size_t last_best = SIZE_MAX, ended = 0;
    assert_ok(dnnb_history_create(&history));
    for (size_t i = 0; values[i] && !ended; i++) {
        double value = values[i] == '-' ? (double)NAN : 0.1 * (values[i] - '0');
        /* The other number gets worse all the time. */
        bool is_loss = kind == DNNB_MONITOR_LOSS;
        dnnb_epoch epoch = {.score_validation = is_loss ? -(double)i : value,
                            .loss_validation = is_loss ? value : (double)i};
        bool is_best = dnnb__monitor_add(&m, &epoch);
        if (is_best != (best[i] == 'b')) fail_msg("%s: epoch %zu", values, i + 1);
        assert_ok(dnnb_history_add(history, &epoch));
        if (is_best) last_best = i;
        assert_int_equal(dnnb_history_find_best(history, kind), last_best);
        if (dnnb__monitor_is_over(&m)) ended = i + 1;
    }
    assert_int_equal(ended, over);
    assert_int_equal(m.best_epoch, last_best);
    dnnb__monitor again = dnnb__monitor_replay(&o, history);
    assert_int_equal(again.n_since, m.n_since);
    assert_int_equal(again.n_epochs, m.n_epochs);
    assert_int_equal(again.best_epoch, m.best_epoch);
    dnnb_history_destroy(history);
}

static void test_train_monitor__what_is_better_and_when_it_ends(void **state) {
    (void)state;
    const dnnb_monitor score = DNNB_MONITOR_SCORE, loss = DNNB_MONITOR_LOSS;
    check(score, 0, 0, "5566554", "b.b....", 0);
    check(score, 2, 0, "556655", "b.b...", 5); /* an equal score is no better */
    check(score, 3, 0, "5566565", "b.b....", 6);
    check(score, 1, 0, "123", "bbb", 0);
    check(score, 1, 0, "11", "b.", 2);
    check(loss, 2, 0, "98778", "bbb..", 5);
    check(loss, 0, 0, "98778", "bbb..", 0);
    check(score, 2, 0, "-5-4", "-b--", 4);
    check(score, 2, 0, "--", "--", 2);
    /* Best epochs know no delta; improvements add up from the last one that counted. */
    check(score, 2, 0.15, "123456", "bbbbbb", 0);
    check(score, 2, 0.25, "123456", "bbb", 3);
    check(loss, 3, 0.15, "9887666", "bb.bb..", 7);
    check(loss, 2, 0.15, "988766", "bb.", 3);
}

enum { N_TRAIN = 22, N_VALIDATION = 10, N_EPOCHS = 8 };

typedef struct fixture {
    tiny_folder folder;
    dnnb_stimulus *train, *validation;
    dnnb_train_options options;
} fixture;

/* Nothing is learned, so the score stays what it was. */
static fixture fixture_create(void) {
    fixture f = {.folder = tiny_folder_create(),
                 .options = (dnnb_train_options)DNNB_TRAIN_OPTIONS_INIT};
    f.train = tiny_write_set(&f.folder, "train.stim.csv", N_TRAIN, 0);
    f.validation = tiny_write_set(&f.folder, "validation.stim.csv", N_VALIDATION, 100);
    f.options.epochs = N_EPOCHS;
    f.options.batch = 8;
    f.options.optimizer.lr = 1e-12;
    f.options.n_workers = 2;
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->train);
    dnnb_stimulus_destroy(f->validation);
    tiny_folder_remove(&f->folder);
}

typedef struct witness {
    size_t n_epochs, n_last, n_best;
    char start[1024], end[256];
} witness;

static bool watch(void *context, const dnnb_event *event) {
    witness *w = context;
    if (event->kind == DNNB_EVENT_START)
        (void)snprintf(w->start, sizeof w->start, "%s", event->message);
    if (event->kind != DNNB_EVENT_EPOCH) return true;
    w->n_epochs++;
    w->n_last += event->is_last;
    w->n_best += event->is_best;
    if (event->message) (void)snprintf(w->end, sizeof w->end, "%s", event->message);
    return true;
}

/* Train a new network; its history's length must be n_epochs. */
static dnnb_dnn *train(const fixture *f, const dnnb_train_options *options, size_t n_epochs,
                       witness *w) {
    dnnb_train_options o = *options;
    dnnb_history *history;
    *w = (witness){0};
    o.on_event = watch;
    o.context = w;
    dnnb_dnn *dnn = tiny_create(1, 2);
    assert_ok(dnnb_train(dnn, f->train, f->validation, &o, &history));
    assert_int_equal(dnnb_history_get_count(history), n_epochs);
    dnnb_history_destroy(history);
    return dnn;
}

static void test_train_monitor__a_run_ends_early_with_the_bits_of_a_short_one(void **state) {
    (void)state;
    fixture f = fixture_create();
    witness w;
    dnnb_train_options o = f.options;
    o.epochs = 4;
    dnnb_dnn *four = train(&f, &o, 4, &w);
    assert_int_equal(w.n_last, 1);
    assert_string_equal(w.end, "");
    o = f.options;
    o.early_stop = 3;
    dnnb_dnn *stopped = train(&f, &o, 4, &w);
    assert_int_equal(w.n_epochs, 4);
    assert_int_equal(w.n_last, 1);
    assert_int_equal(w.n_best, 1);
    assert_non_null(strstr(w.start, "stops after 3 epochs without a better validation score"));
    assert_non_null(strstr(w.end, "stopped early after 4 of 8 epochs: 3 epochs without a better "
                                  "validation score; the best was "));
    assert_non_null(strstr(w.end, " after epoch 1"));
    assert_true(tiny_equal(four, stopped));
    dnnb_dnn_destroy(four);
    dnnb_dnn_destroy(stopped);
    /* On the loss, which moves by much less than the delta. */
    o.monitor = DNNB_MONITOR_LOSS;
    o.min_delta = 0.01;
    o.early_stop = 2;
    dnnb_dnn_destroy(train(&f, &o, 3, &w));
    assert_non_null(strstr(w.end, "2 epochs without a better validation loss"));
    fixture_destroy(&f);
}

static void test_train_monitor__more_patience_goes_on_and_less_is_refused(void **state) {
    (void)state;
    fixture f = fixture_create();
    witness w;
    tiny_path folder = tiny_join(&f.folder, "checkpoint");
    dnnb_train_options o = f.options;
    o.early_stop = 4;
    dnnb_dnn *expected = train(&f, &o, 5, &w);
    o.checkpoint = folder.text;
    o.keep_checkpoint = true;
    o.early_stop = 2;
    dnnb_dnn_destroy(train(&f, &o, 3, &w));
    o.resume = true;
    dnnb_dnn_destroy(train(&f, &o, 3, &w)); /* nothing is left to do */
    assert_int_equal(w.n_epochs, 0);
    o.early_stop = 4;
    dnnb_dnn *more = train(&f, &o, 5, &w);
    assert_int_equal(w.n_epochs, 2);
    assert_true(tiny_equal(more, expected));
    dnnb_dnn_destroy(more);
    dnnb_dnn_destroy(expected);
    o.early_stop = 2;
    dnnb_dnn *dnn = tiny_create(1, 2);
    assert_fails(dnnb_train(dnn, f.train, f.validation, &o, NULL), DNNB_ERR_ARGUMENT,
                 "cannot go on with an earlier stop: 5 epochs are done, of which 2 without an "
                 "improvement would have ended the run after 3");
    o.early_stop = 4;
    o.monitor = DNNB_MONITOR_LOSS;
    assert_fails(dnnb_train(dnn, f.train, f.validation, &o, NULL), DNNB_ERR_ARGUMENT,
                 "monitor: expected score, as in the checkpoint, found loss");
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

static void test_train_monitor__what_cannot_be_watched_is_refused(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnn = tiny_create(1, 2);
    dnnb_train_options o = f.options;
    o.early_stop = 1;
    assert_fails(dnnb_train(dnn, f.train, NULL, &o, NULL), DNNB_ERR_ARGUMENT,
                 "early stop: expected validation stimuli with it");
    o.early_stop = 0;
    o.min_delta = 0.1;
    assert_fails(dnnb_train(dnn, f.train, f.validation, &o, NULL), DNNB_ERR_ARGUMENT,
                 "min_delta: expected early stop with it");
    o.min_delta = -1;
    assert_fails(dnnb_train(dnn, f.train, f.validation, &o, NULL), DNNB_ERR_ARGUMENT,
                 "min_delta: expected 0 or more, found -1");
    o.min_delta = 0;
    o.monitor = (dnnb_monitor)7;
    assert_fails(dnnb_train(dnn, f.train, f.validation, &o, NULL), DNNB_ERR_ARGUMENT,
                 "monitor: expected score or loss");
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_monitor__what_is_better_and_when_it_ends),
        cmocka_unit_test(test_train_monitor__a_run_ends_early_with_the_bits_of_a_short_one),
        cmocka_unit_test(test_train_monitor__more_patience_goes_on_and_less_is_refused),
        cmocka_unit_test(test_train_monitor__what_cannot_be_watched_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
