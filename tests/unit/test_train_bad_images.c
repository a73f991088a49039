/* Images that cannot be used: the check before the first step, and what turns bad later. */
#include "unit/unit.h"

#include "dnnbrain/train.h"
#include "unit/tiny.h"

enum { N_TRAIN = 22, N_VALIDATION = 20, EPOCHS = 3 };

/* A GIF of one pixel that ends before it: only decoding tells. */
static const char cut_gif[] =
    "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xFF\xFF\xFF,\0\0\0\0\x01\0\x01\0\0\x02";

typedef struct fixture {
    tiny_folder folder;
    dnnb_stimulus *train, *validation;
} fixture;

static fixture fixture_create(void) {
    fixture f = {.folder = tiny_folder_create()};
    f.train = tiny_write_set(&f.folder, "train.stim.csv", N_TRAIN, 0);
    f.validation = tiny_write_set(&f.folder, "validation.stim.csv", N_VALIDATION, 100);
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->train);
    dnnb_stimulus_destroy(f->validation);
    tiny_folder_remove(&f->folder);
}

static void cut(const fixture *f, const char *name) {
    assert_ok(dnnb__file_write(tiny_join(&f->folder, name).text, cut_gif, sizeof cut_gif - 1));
}

/* What happens to which files at which event, and what the events told. */
typedef struct witness {
    const fixture *f;
    dnnb_event_kind kind;
    size_t epoch;
    const char *damaged[3], *removed;
    size_t n_steps_until_stop; /* 0: never */
    size_t n_start, n_steps, n_warnings, n_warnings_before_start;
    size_t n_validated, n_missing; /* after the last epoch: predictions, and the row left out */
    char warning[1024];
} witness;

static void note_validation(witness *w, const dnnb_predictions *validation) {
    w->n_validated = dnnb_predictions_get_count(validation);
    w->n_missing = 0;
    while (w->n_missing < w->n_validated &&
           dnnb_predictions_get_row(validation, w->n_missing) == w->n_missing)
        w->n_missing++;
}

static bool watch(void *context, const dnnb_event *event) {
    witness *w = context;
    w->n_start += event->kind == DNNB_EVENT_START;
    w->n_steps += event->kind == DNNB_EVENT_STEP;
    if (event->kind == DNNB_EVENT_WARNING && strstr(event->message, "left out")) {
        w->n_warnings++;
        w->n_warnings_before_start += w->n_start == 0;
        (void)snprintf(w->warning, sizeof w->warning, "%s", event->message);
    }
    if (event->kind == DNNB_EVENT_EPOCH) note_validation(w, event->validation);
    if (event->kind == w->kind && event->epoch == w->epoch) {
        for (size_t i = 0; i < 3 && w->damaged[i]; i++) cut(w->f, w->damaged[i]);
        if (w->removed) assert_int_equal(unlink(tiny_join(&w->f->folder, w->removed).text), 0);
    }
    return w->n_steps_until_stop == 0 || w->n_steps < w->n_steps_until_stop;
}

static dnnb_train_options get_options(witness *w) {
    dnnb_train_options o = DNNB_TRAIN_OPTIONS_INIT;
    o.epochs = EPOCHS;
    o.batch = 8;
    o.score_train = true;
    o.optimizer.lr = 5e-3;
    o.n_workers = 2;
    o.cache_bytes = 0;
    o.on_bad_image = DNNB_BAD_IMAGE_SKIP;
    o.on_event = watch;
    o.context = w;
    return o;
}

/* Train on whole files, which are damaged as the witness says. */
static dnnb_status train(const fixture *f, const dnnb_train_options *o, const char *freeze,
                         dnnb_dnn **dnn, dnnb_history **history) {
    dnnb_stimulus_destroy(tiny_write_set(&f->folder, "again.stim.csv", N_TRAIN, 0));
    dnnb_stimulus_destroy(tiny_write_set(&f->folder, "again.stim.csv", N_VALIDATION, 100));
    *dnn = tiny_create(1, 2);
    if (freeze) assert_ok(dnnb_dnn_set_trainable(*dnn, freeze, false));
    dnnb_status status = dnnb_train(*dnn, f->train, f->validation, o, history);
    if (status != DNNB_OK) dnnb_dnn_destroy(*dnn);
    return status;
}

static void check_epochs(const dnnb_history *h, const size_t n_steps[EPOCHS],
                         const size_t n_left_out[EPOCHS]) {
    assert_int_equal(dnnb_history_get_count(h), EPOCHS);
    for (size_t i = 0; i < EPOCHS; i++) {
        const dnnb_epoch *e = dnnb_history_get_epoch(h, i);
        assert_int_equal(e->n_steps, n_steps[i]);
        assert_int_equal(e->n_left_out, n_left_out[i]);
        assert_true(isfinite(e->epoch_loss) && isfinite(e->score_train));
    }
}

static void assert_same(const dnnb_history *a, const dnnb_history *b) {
    for (size_t i = 0; i < EPOCHS; i++) {
        const dnnb_epoch *x = dnnb_history_get_epoch(a, i), *y = dnnb_history_get_epoch(b, i);
        assert_int_equal(x->n_steps, y->n_steps);
        assert_memory_equal(x->step_loss, y->step_loss, x->n_steps * sizeof *x->step_loss);
        assert_memory_equal(&x->score_train, &y->score_train, sizeof x->score_train);
        assert_memory_equal(&x->score_validation, &y->score_validation, sizeof x->score_train);
    }
}

/* The same damage with other numbers of workers and batches: the same bits, the same numbers. */
static void check_turned_bad(const fixture *f, witness w, size_t batch, const char *message,
                             const size_t n_steps[EPOCHS], const size_t n_left_out[EPOCHS]) {
    static const size_t n_workers[] = {1, 3, 5};
    dnnb_dnn *dnns[3];
    dnnb_history *histories[3];
    for (size_t i = 0; i < 3; i++) {
        witness own = w;
        dnnb_train_options o = get_options(&own);
        o.batch = batch;
        o.n_workers = n_workers[i];
        assert_ok(train(f, &o, NULL, &dnns[i], &histories[i]));
        check_epochs(histories[i], n_steps, n_left_out);
        assert_int_equal(own.n_warnings, 1);
        assert_int_equal(own.n_warnings_before_start, 0);
        assert_int_equal(own.n_steps, n_steps[0] + n_steps[1] + n_steps[2]);
        assert_non_null(strstr(own.warning, message));
        assert_true(tiny_equal(dnns[0], dnns[i]));
        assert_same(histories[0], histories[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        dnnb_dnn_destroy(dnns[i]);
        dnnb_history_destroy(histories[i]);
    }
}

static void test_train_bad_images__what_turns_bad_is_left_out_whatever_the_workers(void **state) {
    (void)state;
    fixture f = fixture_create();
    static const size_t steps[] = {3, 3, 3}, later[] = {0, 1, 1}, steps_of_1[] = {22, 21, 21};
    witness cut_image = {.f = &f, .kind = DNNB_EVENT_EPOCH, .damaged = {"6.bmp"}};
    witness gone = {.f = &f, .kind = DNNB_EVENT_EPOCH, .removed = "6.bmp"};
    check_turned_bad(&f, cut_image, 8, "train.stim.csv:10: 6.bmp: ", steps, later);
    check_turned_bad(&f, gone, 8, "6.bmp: cannot open: No such file", steps, later);
    /* Its batch is empty. */
    check_turned_bad(&f, cut_image, 1, "truncated GIF", steps_of_1, later);
    fixture_destroy(&f);
}

static void test_train_bad_images__one_of_validation_has_no_prediction(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnn;
    dnnb_history *history;
    static const size_t steps[] = {3, 3, 3}, later[] = {0, 1, 1};
    witness w = {.f = &f, .kind = DNNB_EVENT_EPOCH, .damaged = {"104.bmp"}};
    dnnb_train_options o = get_options(&w);
    assert_ok(train(&f, &o, NULL, &dnn, &history));
    check_epochs(history, steps, later);
    assert_int_equal(w.n_validated, N_VALIDATION - 1);
    assert_int_equal(w.n_missing, 4);
    assert_non_null(strstr(w.warning, "validation.stim.csv:8: 104.bmp: "));
    dnnb_history_destroy(history);
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

static void test_train_bad_images__what_turns_bad_can_end_the_run(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnn;
    witness w = {.f = &f, .kind = DNNB_EVENT_EPOCH, .epoch = 1, .damaged = {"6.bmp"}};
    dnnb_train_options o = get_options(&w);
    o.on_bad_image = DNNB_BAD_IMAGE_STOP;
    assert_fails(train(&f, &o, NULL, &dnn, NULL), DNNB_ERR_FORMAT, "train.stim.csv:10: 6.bmp: ");
    assert_int_equal(w.n_warnings, 0);
    assert_true(w.n_steps >= 6 && w.n_steps < 9);
    w = (witness){.f = &f, .kind = DNNB_EVENT_EPOCH, .damaged = {"6.bmp", "9.bmp"}};
    o.on_bad_image = DNNB_BAD_IMAGE_SKIP;
    assert_fails(train(&f, &o, NULL, &dnn, NULL), DNNB_ERR_FORMAT,
                 "train.stim.csv: expected at most 5% of 22 images left out, found 2 so far");
    assert_int_equal(w.n_warnings, 1);
    fixture_destroy(&f);
}

/* Train with frozen features, kept or not. */
static void train_on_features(const fixture *f, witness *w, size_t cache_bytes, dnnb_dnn **dnn,
                              dnnb_history **history) {
    dnnb_train_options o = get_options(w);
    o.augment = DNNB_AUGMENT_NONE;
    o.cache_bytes = cache_bytes;
    assert_ok(train(f, &o, "features.*", dnn, history));
}

/* Features are computed once, after START. A row that turns bad before they are is left out as if
 * it had been bad from the start; one that turns bad later is not read again. */
static void test_train_bad_images__a_row_without_features_is_never_used(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnns[3];
    dnnb_history *histories[3];
    static const size_t steps[] = {3, 3, 3}, at_once[] = {1, 1, 1}, never[] = {0, 0, 0};
    witness before = {.f = &f, .kind = DNNB_EVENT_START, .damaged = {"6.bmp"}};
    witness after = {.f = &f, .kind = DNNB_EVENT_EPOCH, .damaged = {"6.bmp"}};
    witness untouched = {.f = &f, .kind = DNNB_EVENT_SAVED};
    train_on_features(&f, &before, SIZE_MAX, &dnns[0], &histories[0]);
    train_on_features(&f, &after, SIZE_MAX, &dnns[1], &histories[1]);
    train_on_features(&f, &untouched, 0, &dnns[2], &histories[2]);
    check_epochs(histories[0], steps, at_once);
    check_epochs(histories[1], steps, never);
    assert_int_equal(before.n_warnings, 1);
    assert_int_equal(after.n_warnings, 0);
    assert_true(tiny_equal(dnns[1], dnns[2]));
    assert_same(histories[1], histories[2]);
    assert_false(tiny_equal(dnns[0], dnns[1]));
    for (size_t i = 0; i < 3; i++) {
        dnnb_dnn_destroy(dnns[i]);
        dnnb_history_destroy(histories[i]);
    }
    fixture_destroy(&f);
}

/* The file has another size when the run goes on, which is no other data set. */
static void test_train_bad_images__a_run_goes_on_without_what_it_left_out(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnn, *stopped;
    dnnb_history *history, *resumed;
    witness w = {.f = &f, .kind = DNNB_EVENT_EPOCH, .damaged = {"6.bmp"}};
    dnnb_train_options o = get_options(&w);
    assert_ok(train(&f, &o, NULL, &dnn, &history));
    /* Step 6 is the last of epoch 1. */
    w = (witness){.f = &f, .damaged = {"6.bmp"}, .kind = DNNB_EVENT_EPOCH, .n_steps_until_stop = 6};
    tiny_path folder = tiny_join(&f.folder, "checkpoint");
    o.checkpoint = folder.text;
    assert_fails(train(&f, &o, NULL, &stopped, NULL), DNNB_ERR_STOPPED, "");
    assert_int_equal(w.n_warnings, 1);
    w = (witness){.f = &f, .kind = DNNB_EVENT_SAVED, .epoch = EPOCHS};
    o.resume = true;
    stopped = tiny_create(1, 2);
    assert_ok(dnnb_train(stopped, f.train, f.validation, &o, &resumed));
    assert_int_equal(w.n_steps, 3);
    assert_true(tiny_equal(dnn, stopped));
    assert_same(history, resumed);
    dnnb_dnn_destroy(dnn);
    dnnb_dnn_destroy(stopped);
    dnnb_history_destroy(history);
    dnnb_history_destroy(resumed);
    fixture_destroy(&f);
}

/* Bad from the start: what quick and full say of a file with a whole header. */
static void test_train_bad_images__a_full_check_ends_before_the_first_step(void **state) {
    (void)state;
    fixture f = fixture_create();
    witness w = {.f = &f};
    dnnb_train_options o = get_options(&w);
    dnnb_dnn *dnn = tiny_create(1, 2);
    cut(&f, "6.bmp");
    cut(&f, "9.bmp");
    o.check = DNNB_CHECK_FULL;
    o.on_bad_image = DNNB_BAD_IMAGE_STOP;
    assert_fails(dnnb_train(dnn, f.train, NULL, &o, NULL), DNNB_ERR_FORMAT,
                 "train.stim.csv:10: 6.bmp: ");
    assert_non_null(strstr(dnnb_get_error(), "truncated GIF"));
    assert_non_null(strstr(dnnb_get_error(), " (2 bad rows in all)"));
    assert_int_equal(w.n_start, 0);
    o.check = DNNB_CHECK_QUICK;
    assert_fails(dnnb_train(dnn, f.train, NULL, &o, NULL), DNNB_ERR_FORMAT, "truncated GIF");
    assert_null(strstr(dnnb_get_error(), "in all"));
    assert_int_equal(w.n_start, 1);
    /* A header that is not whole is found by quick. */
    tiny_damage(&f.folder, "11.bmp");
    assert_fails(dnnb_train(dnn, f.train, NULL, &o, NULL), DNNB_ERR_FORMAT,
                 "train.stim.csv:15: 11.bmp: ");
    assert_non_null(strstr(dnnb_get_error(), " (1 bad row in all)"));
    assert_int_equal(w.n_start, 1);
    o.on_bad_image = DNNB_BAD_IMAGE_SKIP;
    o.check = DNNB_CHECK_FULL;
    assert_fails(dnnb_train(dnn, f.train, NULL, &o, NULL), DNNB_ERR_FORMAT, "5% of 22");
    assert_int_equal(w.n_start, 1);
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

/* What a check of many rows told: every warning, and how far it said it was. */
typedef struct report {
    char warnings[4096], message[1024];
    dnnb_status status;
    size_t n_done;
} report;

static bool note_check(void *context, const dnnb_event *event) {
    report *r = context;
    size_t n = strlen(r->warnings);
    if (event->kind == DNNB_EVENT_WARNING)
        (void)snprintf(r->warnings + n, sizeof r->warnings - n, "%s\n", event->message);
    if (event->kind != DNNB_EVENT_SCORING || event->pass != DNNB_PASS_CHECK) return true;
    assert_true(event->done > r->n_done && event->done <= event->total);
    r->n_done = event->done;
    return true;
}

static report run_check(const dnnb_stimulus *stim, dnnb_check kind, dnnb_on_bad_image on_bad_image,
                        size_t n_workers) {
    report r = {.status = DNNB_OK};
    dnnb_train_options o = DNNB_TRAIN_OPTIONS_INIT;
    dnnb_predictions *predictions;
    dnnb_dnn *dnn = tiny_create(1, 2);
    o.check = kind;
    o.on_bad_image = on_bad_image;
    o.n_workers = n_workers;
    o.on_event = note_check;
    o.context = &r;
    r.status = dnnb_predict(dnn, stim, &o, &predictions);
    if (r.status != DNNB_OK) (void)snprintf(r.message, sizeof r.message, "%s", dnnb_get_error());
    dnnb_predictions_destroy(predictions);
    dnnb_dnn_destroy(dnn);
    return r;
}

static void test_train_bad_images__a_check_says_the_same_whatever_the_workers(void **state) {
    (void)state;
    enum { N_ROWS = 300 };
    tiny_folder folder = tiny_folder_create();
    dnnb_stimulus *stim = tiny_write_set(&folder, "many.stim.csv", N_ROWS, 0);
    tiny_damage(&folder, "250.bmp");
    tiny_damage(&folder, "71.bmp");
    assert_int_equal(unlink(tiny_join(&folder, "70.bmp").text), 0);
    for (int kind = 0; kind < 2; kind++)
        for (int skip = 0; skip < 2; skip++) {
            report one = run_check(stim, (dnnb_check)kind, (dnnb_on_bad_image)skip, 1);
            report four = run_check(stim, (dnnb_check)kind, (dnnb_on_bad_image)skip, 4);
            assert_int_equal(one.n_done, kind == DNNB_CHECK_FULL ? N_ROWS : 256);
            assert_int_equal(four.n_done, one.n_done);
            assert_int_equal(one.status, four.status);
            assert_string_equal(one.message, four.message);
            assert_string_equal(one.warnings, four.warnings);
            assert_int_equal(one.status == DNNB_OK, skip);
            const char *told = skip ? one.warnings : one.message;
            assert_ptr_equal(strstr(told, "many.stim.csv:74: 70.bmp: "), strstr(told, "many.stim"));
            if (!skip) assert_non_null(strstr(told, " (3 bad rows in all)"));
            if (skip) assert_true(strstr(told, ":75: 71.bmp") < strstr(told, ":254: 250.bmp"));
        }
    dnnb_stimulus_destroy(stim);
    tiny_folder_remove(&folder);
}

static void test_train_bad_images__predictions_go_without_it_in_both_checks(void **state) {
    (void)state;
    fixture f = fixture_create();
    cut(&f, "6.bmp");
    for (int check = 0; check < 2; check++) {
        witness w = {.f = &f};
        dnnb_train_options o = get_options(&w);
        dnnb_predictions *predictions;
        double score;
        dnnb_dnn *dnn = tiny_create(1, 2);
        o.check = (dnnb_check)check;
        assert_ok(dnnb_predict(dnn, f.train, &o, &predictions));
        assert_int_equal(dnnb_predictions_get_count(predictions), N_TRAIN - 1);
        assert_int_equal(dnnb_predictions_get_row(predictions, 5), 5);
        assert_int_equal(dnnb_predictions_get_row(predictions, 6), 7);
        assert_int_equal(w.n_warnings, 1);
        dnnb_predictions_destroy(predictions);
        assert_ok(dnnb_test(dnn, f.train, &o, &score, &predictions));
        assert_int_equal(dnnb_predictions_get_count(predictions), N_TRAIN - 1);
        assert_true(score >= 0 && score <= 1);
        dnnb_predictions_destroy(predictions);
        o.on_bad_image = DNNB_BAD_IMAGE_STOP;
        assert_fails(dnnb_predict(dnn, f.train, &o, &predictions), DNNB_ERR_FORMAT,
                     "train.stim.csv:10: 6.bmp: ");
        assert_null(predictions);
        dnnb_dnn_destroy(dnn);
    }
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_bad_images__what_turns_bad_is_left_out_whatever_the_workers),
        cmocka_unit_test(test_train_bad_images__one_of_validation_has_no_prediction),
        cmocka_unit_test(test_train_bad_images__what_turns_bad_can_end_the_run),
        cmocka_unit_test(test_train_bad_images__a_row_without_features_is_never_used),
        cmocka_unit_test(test_train_bad_images__a_run_goes_on_without_what_it_left_out),
        cmocka_unit_test(test_train_bad_images__a_full_check_ends_before_the_first_step),
        cmocka_unit_test(test_train_bad_images__a_check_says_the_same_whatever_the_workers),
        cmocka_unit_test(test_train_bad_images__predictions_go_without_it_in_both_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
