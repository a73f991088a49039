/* Training: the loop's arithmetic, what is frozen and kept, what is checked, how it ends. */
#include "unit/unit.h"

#include "dnnbrain/train.h"
#include "unit/tiny.h"

enum { N_TRAIN = 22, N_VALIDATION = 10 };

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

static dnnb_train_options get_options(void) {
    dnnb_train_options o = DNNB_TRAIN_OPTIONS_INIT;
    o.epochs = 4;
    o.batch = 8;
    o.optimizer.lr = 5e-3;
    o.n_workers = 2;
    return o;
}

/* What the events told. */
typedef struct witness {
    size_t n_start, n_steps, n_scoring, n_epochs, n_warnings, n_best;
    size_t stop_at_step; /* of all steps, from 1; 0: never */
    char start[1024], warning[1024];
    uint64_t n_allocations; /* between steps of one epoch, from the second epoch on */
    uint64_t last_count;
    size_t last_epoch;
} witness;

static bool watch(void *context, const dnnb_event *event) {
    witness *w = context;
    uint64_t count = dnnb__mem_get_count();
    switch (event->kind) {
    case DNNB_EVENT_START:
        w->n_start++;
        (void)snprintf(w->start, sizeof w->start, "%s", event->message);
        break;
    case DNNB_EVENT_STEP:
        w->n_steps++;
        if (event->step > 0 && event->epoch > 0 && event->epoch == w->last_epoch)
            w->n_allocations += count - w->last_count;
        w->last_epoch = event->epoch;
        break;
    case DNNB_EVENT_SCORING:
        w->n_scoring++;
        break;
    case DNNB_EVENT_EPOCH:
        w->n_epochs++;
        w->n_best += event->is_best;
        break;
    case DNNB_EVENT_WARNING:
        w->n_warnings++;
        (void)snprintf(w->warning, sizeof w->warning, "%s", event->message);
        break;
    case DNNB_EVENT_UNFREEZE:
    case DNNB_EVENT_SAVE:
    case DNNB_EVENT_SAVED:
        break;
    }
    w->last_count = dnnb__mem_get_count();
    return !w->stop_at_step || w->n_steps < w->stop_at_step;
}

/* Mean loss of predictions of every row, in the plainest way. */
static double get_loss(const dnnb_predictions *p, const dnnb_stimulus *stim, dnnb_task task) {
    double sum = 0;
    float *targets;
    size_t n = dnnb_predictions_get_count(p), n_targets;
    assert_ok(dnnb_stimulus_read_targets(stim, "x,y", &targets, &n_targets));
    for (size_t i = 0; i < n; i++) {
        const float *x = dnnb_predictions_get_outputs(p, i);
        double a = (double)x[0], b = (double)x[1];
        if (task == DNNB_CLASSIFICATION)
            sum += log(exp(a) + exp(b)) - (i % 2 ? b : a);
        else
            sum +=
                pow(a - (double)targets[2 * i], 2) / 2 + pow(b - (double)targets[2 * i + 1], 2) / 2;
    }
    dnnb_free(targets);
    return sum / (double)n;
}

static void test_train_loop__both_tasks_are_learned(void **state) {
    (void)state;
    fixture f = fixture_create();
    for (int task = 0; task < 2; task++) {
        dnnb_train_options o = get_options();
        witness w = {0};
        dnnb_history *history;
        o.task = task ? DNNB_REGRESSION : DNNB_CLASSIFICATION;
        o.target = task ? "x,y" : NULL;
        o.epochs = 30;
        o.score_train = true;
        o.on_event = watch;
        o.context = &w;
        dnnb_dnn *dnn = tiny_create(1, 2);
        assert_ok(dnnb_train(dnn, f.train, f.validation, &o, &history));
        assert_int_equal(dnnb_history_get_count(history), 30);
        const dnnb_epoch *first = dnnb_history_get_epoch(history, 0);
        const dnnb_epoch *last = dnnb_history_get_epoch(history, 29);
        assert_int_equal(first->n_steps, 3);
        assert_true(last->epoch_loss < 0.5 * first->epoch_loss);
        assert_true(last->score_train > 0.9 && last->score_validation > 0.9);
        assert_true(last->seconds > 0 && last->images_per_second > 0);
        assert_close(last->learning_rate, 5e-3, 0);
        assert_true(last->loss_validation < 0.5 * first->loss_validation);
        double weighted =
            (first->step_loss[0] * 8 + first->step_loss[1] * 8 + first->step_loss[2] * 6) / N_TRAIN;
        assert_close(first->epoch_loss, weighted, 1e-12); /* another order of three sums */
        assert_int_equal(w.n_start, 1);
        assert_int_equal(w.n_steps, 90);
        assert_int_equal(w.n_epochs, 30);
        assert_true(w.n_best >= 1 && w.n_scoring >= 60);
        double score;
        dnnb_predictions *p;
        assert_ok(dnnb_test(dnn, f.validation, &o, &score, &p));
        assert_close(score, last->score_validation, task ? 1e-6 : 0);
        assert_close(get_loss(p, f.validation, o.task), last->loss_validation, 1e-6);
        dnnb_predictions_destroy(p);
        dnnb_history_destroy(history);
        dnnb_dnn_destroy(dnn);
    }
    fixture_destroy(&f);
}

/* Train a new network with these options, and give its parameters and history. */
static dnnb_dnn *train(const fixture *f, const dnnb_train_options *o, const char *freeze,
                       dnnb_history **history) {
    dnnb_dnn *dnn = tiny_create(1, 2);
    if (freeze) assert_ok(dnnb_dnn_set_trainable(dnn, freeze, false));
    assert_ok(dnnb_train(dnn, f->train, f->validation, o, history));
    return dnn;
}

static void assert_same_run(const fixture *f, const dnnb_train_options *a,
                            const dnnb_train_options *b, const char *freeze) {
    dnnb_history *histories[2];
    dnnb_dnn *dnns[2] = {train(f, a, freeze, &histories[0]), train(f, b, freeze, &histories[1])};
    assert_true(tiny_equal(dnns[0], dnns[1]));
    for (size_t i = 0; i < a->epochs; i++) {
        const dnnb_epoch *x = dnnb_history_get_epoch(histories[0], i);
        const dnnb_epoch *y = dnnb_history_get_epoch(histories[1], i);
        assert_memory_equal(x->step_loss, y->step_loss, x->n_steps * sizeof(double));
        assert_memory_equal(&x->epoch_loss, &y->epoch_loss, sizeof(double));
        assert_memory_equal(&x->score_train, &y->score_train, sizeof(double));
        assert_memory_equal(&x->score_validation, &y->score_validation, sizeof(double));
    }
    for (size_t i = 0; i < 2; i++) {
        dnnb_history_destroy(histories[i]);
        dnnb_dnn_destroy(dnns[i]);
    }
}

static void test_train_loop__no_result_depends_on_workers_or_memory(void **state) {
    (void)state;
    fixture f = fixture_create();
    static const char *const frozen[] = {NULL, "backbone", "conv1"};
    static const dnnb_augment augment[] = {DNNB_AUGMENT_DNNBRAIN, DNNB_AUGMENT_NONE,
                                           DNNB_AUGMENT_VIEWS};
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < 3; i++) {
            dnnb_train_options a = get_options(), b;
            a.score_train = true;
            a.augment = augment[k];
            a.views = augment[k] == DNNB_AUGMENT_VIEWS ? 3 : 0;
            b = a;
            b.n_workers = 1;
            b.cache_bytes = 0;
            assert_same_run(&f, &a, &b, frozen[i]);
            b.n_workers = 3;
            b.cache_folder = f.folder.path; /* a file has no room in memory */
            assert_same_run(&f, &a, &b, frozen[i]);
        }
    }
    fixture_destroy(&f);
}

/* The losses of an epoch's three steps, with the backbone frozen. */
static void get_losses(const fixture *f, const dnnb_train_options *o, double out[][3]) {
    dnnb_history *history;
    dnnb_dnn_destroy(train(f, o, "backbone", &history));
    for (size_t i = 0; i < o->epochs; i++)
        memcpy(out[i], dnnb_history_get_epoch(history, i)->step_loss, sizeof out[i]);
    dnnb_history_destroy(history);
}

static void test_train_loop__views_take_turns(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = get_options();
    double fresh[4][3], views[4][3], two[4][3];
    get_losses(&f, &o, fresh);
    o.augment = DNNB_AUGMENT_VIEWS;
    o.views = 9; /* more than there are epochs */
    get_losses(&f, &o, views);
    assert_memory_equal(views, fresh, sizeof fresh);
    o.views = 2;
    get_losses(&f, &o, two);
    assert_memory_equal(two, fresh, 2 * sizeof fresh[0]);
    assert_memory_not_equal(two[2], fresh[2], sizeof fresh[2]);
    /* With a rate of next to nothing the third epoch differs from a run of the first view alone by
     * nothing: both show that view. */
    o.optimizer.lr = 1e-30;
    get_losses(&f, &o, two);
    o.views = 1;
    get_losses(&f, &o, views);
    assert_memory_equal(two[0], views[0], sizeof views[0]);
    assert_memory_not_equal(two[1], views[1], sizeof views[1]);
    assert_memory_equal(two[2], views[2], sizeof views[2]);
    fixture_destroy(&f);
}

/* Saves the network after each step: the whole of it, as it is then. */
typedef struct saver {
    dnnb_dnn *dnn;
    const char *path;
} saver;

static bool save(void *context, const dnnb_event *event) {
    const saver *s = context;
    dnnb_dict *saved, *state;
    if (event->kind != DNNB_EVENT_STEP) return true;
    assert_ok(dnnb_dnn_save(s->dnn, s->path));
    assert_ok(dnnb_dict_load(&saved, s->path));
    assert_ok(dnnb_dnn_get_state(s->dnn, &state));
    assert_int_equal(dnnb_dict_get_count(saved), dnnb_dict_get_count(state));
    for (size_t i = 0; i < dnnb_dict_get_count(state); i++) {
        const dnnb_tensor *a = dnnb_dict_get_tensor(state, i);
        const dnnb_tensor *b = dnnb_dict_find(saved, dnnb_dict_get_name(state, i));
        assert_non_null(b);
        assert_memory_equal(dnnb_tensor_get_data(a), dnnb_tensor_get_data(b),
                            dnnb_tensor_get_count(a) * sizeof(float));
    }
    dnnb_dict_destroy(saved);
    dnnb_dict_destroy(state);
    return true;
}

static void test_train_loop__saving_the_network_changes_nothing(void **state) {
    (void)state;
    fixture f = fixture_create();
    static const char *const frozen[] = {NULL, "conv1"};
    tiny_path path = tiny_join(&f.folder, "now.safetensors");
    for (size_t i = 0; i < 2; i++) {
        dnnb_train_options o = get_options();
        dnnb_dnn *expected = train(&f, &o, frozen[i], NULL);
        saver s = {.dnn = tiny_create(1, 2), .path = path.text};
        o.on_event = save;
        o.context = &s;
        if (frozen[i]) assert_ok(dnnb_dnn_set_trainable(s.dnn, frozen[i], false));
        assert_ok(dnnb_train(s.dnn, f.train, f.validation, &o, NULL));
        assert_true(tiny_equal(s.dnn, expected));
        dnnb_dnn_destroy(s.dnn);
        dnnb_dnn_destroy(expected);
    }
    fixture_destroy(&f);
}

static void test_train_loop__the_seed_decides(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = get_options(), other = get_options();
    other.seed = 1;
    dnnb_dnn *a = train(&f, &o, NULL, NULL), *b = train(&f, &other, NULL, NULL);
    assert_false(tiny_equal(a, b));
    dnnb_dnn_destroy(a);
    dnnb_dnn_destroy(b);
    fixture_destroy(&f);
}

static void test_train_loop__frozen_parameters_keep_every_bit(void **state) {
    (void)state;
    fixture f = fixture_create();
    static const char *const optimizers[] = {"adam", "adamw", "sgd"};
    for (size_t i = 0; i < 3; i++) {
        dnnb_train_options o = get_options();
        o.optimizer.name = optimizers[i];
        o.optimizer.weight_decay = 0.1;
        dnnb_dnn *before = tiny_create(1, 2), *after = train(&f, &o, "conv1", NULL);
        static const char *const paths[] = {"features.0.weight", "features.0.bias",
                                            "classifier.1.weight", "classifier.3.bias"};
        for (size_t k = 0; k < 4; k++) {
            size_t n;
            float *x = tiny_copy_param(before, paths[k], &n);
            float *y = tiny_copy_param(after, paths[k], &n);
            assert_true((memcmp(x, y, n * sizeof *x) == 0) == (k < 2));
            dnnb__free(x);
            dnnb__free(y);
        }
        dnnb_dnn_destroy(before);
        dnnb_dnn_destroy(after);
    }
    fixture_destroy(&f);
}

static void test_train_loop__a_warm_step_allocates_nothing(void **state) {
    (void)state;
    fixture f = fixture_create();
    static const char *const frozen[] = {NULL, "backbone"};
    for (size_t i = 0; i < 6; i++) {
        dnnb_train_options o = get_options();
        witness w = {0};
        o.augment = i < 2 ? DNNB_AUGMENT_DNNBRAIN : i < 4 ? DNNB_AUGMENT_NONE : DNNB_AUGMENT_VIEWS;
        o.views = i < 4 ? 0 : 2;
        o.clip_norm = 0.5;
        o.n_workers = 1; /* one worker has seen every size after the first epoch */
        o.on_event = watch;
        o.context = &w;
        dnnb_dnn_destroy(train(&f, &o, frozen[i % 2], NULL));
        assert_int_equal(w.n_steps, 12);
        assert_int_equal(w.n_allocations, 0);
    }
    fixture_destroy(&f);
}

static void test_train_loop__it_says_what_is_frozen_and_kept(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = get_options();
    witness w = {0};
    o.augment = DNNB_AUGMENT_NONE;
    o.score_train = true;
    o.on_event = watch;
    o.context = &w;
    dnnb_dnn_destroy(train(&f, &o, "backbone", NULL));
    assert_non_null(strstr(w.start, "34 of 2,322 parameters are trained"));
    assert_non_null(strstr(w.start, "frozen up to flatten"));
    assert_non_null(strstr(w.start, "features of 22 images after flatten kept for training"));
    assert_non_null(strstr(w.start, "features of 32 images after fc1_relu kept for scoring"));
    o.augment = DNNB_AUGMENT_VIEWS;
    o.views = 3;
    dnnb_dnn_destroy(train(&f, &o, "backbone", NULL));
    assert_non_null(strstr(w.start, "features of 22 images in 3 views after flatten kept for "
                                    "training: 33.8 kB"));
    o.cache_bytes = 22 * 128 * sizeof(float); /* less than the views of all images take */
    o.cache_folder = f.folder.path;
    o.score_train = false;
    dnnb_dnn_destroy(train(&f, &o, "backbone", NULL));
    assert_non_null(strstr(w.start, "in 3 views after flatten kept for training in a file: 33.8"));
    assert_non_null(
        strstr(w.start, "features of 10 images after fc1_relu kept for scoring: 0.6 kB"));
    dnnb_dnn_destroy(train(&f, &o, NULL, NULL));
    assert_non_null(strstr(w.start, "2,322 of 2,322 parameters are trained"));
    assert_null(strstr(w.start, "frozen"));
    assert_null(strstr(w.start, "features"));
    fixture_destroy(&f);
}

static void test_train_loop__a_slow_kernel_is_told_once_a_call(void **state) {
    (void)state;
    for (unsigned is_slow = 0; is_slow < 2; is_slow++) {
        fixture f = fixture_create();
        dnnb_train_options o = get_options();
        witness w = {0};
        dnnb_predictions *predictions;
        dnnb_dnn *dnn = tiny_create(3, 2);
        o.on_event = watch;
        o.context = &w;
        if (is_slow) (void)snprintf(dnn->slow_op, sizeof dnn->slow_op, "conv1: forward by ref:any");
        assert_ok(dnnb_train(dnn, f.train, f.validation, &o, NULL));
        assert_true(w.n_epochs > 1);
        assert_int_equal(w.n_warnings, is_slow);
        if (is_slow) assert_non_null(strstr(w.warning, "conv1: forward by ref:any"));
        double score;
        assert_ok(dnnb_test(dnn, f.validation, &o, &score, NULL));
        assert_int_equal(w.n_warnings, 2 * is_slow);
        assert_ok(dnnb_predict(dnn, f.validation, &o, &predictions));
        assert_int_equal(w.n_warnings, 3 * is_slow);
        dnnb_predictions_destroy(predictions);
        dnnb_dnn_destroy(dnn);
        fixture_destroy(&f);
    }
}

static void test_train_loop__a_caller_can_stop_it(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = get_options();
    witness w = {.stop_at_step = 8}; /* in the third epoch of three steps each */
    dnnb_history *history;
    o.on_event = watch;
    o.context = &w;
    dnnb_dnn *dnn = tiny_create(1, 2);
    assert_fails(dnnb_train(dnn, f.train, f.validation, &o, &history), DNNB_ERR_STOPPED,
                 "epoch 3 of 4");
    assert_int_equal(dnnb_history_get_count(history), 2);
    dnnb_history_destroy(history);
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

static void test_train_loop__the_validation_set_has_its_own_targets(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = get_options();
    dnnb_predictions *predictions;
    double score;
    o.task = DNNB_REGRESSION;
    o.target = "x,y";
    dnnb_history *history;
    dnnb_dnn *dnn = train(&f, &o, NULL, &history);
    assert_ok(dnnb_test(dnn, f.validation, &o, &score, &predictions));
    double reported = dnnb_history_get_epoch(history, o.epochs - 1)->score_validation;
    assert_close(score, reported, 1e-6);
    assert_int_equal(dnnb_predictions_get_count(predictions), N_VALIDATION);
    assert_int_equal(dnnb_predictions_get_n_outputs(predictions), 2);
    dnnb_predictions_destroy(predictions);
    dnnb_history_destroy(history);
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

static void assert_refused(const fixture *f, const dnnb_train_options *o, int64_t n_outputs,
                           dnnb_status expected, const char *text) {
    dnnb_dnn *dnn = tiny_create(1, n_outputs), *untouched = tiny_create(1, n_outputs);
    witness w = {0};
    dnnb_train_options watched = *o;
    dnnb_history *history;
    watched.on_event = watch;
    watched.context = &w;
    assert_fails(dnnb_train(dnn, f->train, f->validation, &watched, &history), expected, text);
    assert_null(history);
    assert_int_equal(w.n_start, 0);
    assert_true(tiny_equal(dnn, untouched));
    dnnb_dnn_destroy(dnn);
    dnnb_dnn_destroy(untouched);
}

static void test_train_loop__all_is_checked_before_the_first_step(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = get_options();
    assert_refused(&f, &o, 1, DNNB_ERR_FORMAT, "train.stim.csv:5");
    o.epochs = 0;
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "epochs");
    o = get_options();
    o.augment = DNNB_AUGMENT_VIEWS;
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "views: expected 1 to 1000000 an image, found 0");
    o.views = 2;
    o.augment = DNNB_AUGMENT_NONE;
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "views: expected augment views with them");
    o = get_options();
    o.batch = 0;
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "batch");
    o = get_options();
    o.schedule.name = "cosin";
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "cosine");
    o = get_options();
    o.schedule.warmup_epochs = 5;
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "warm-up");
    o = get_options();
    o.optimizer.name = "adm";
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "adam");
    o = get_options();
    o.target = "x";
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "target");
    o.task = DNNB_REGRESSION;
    assert_refused(&f, &o, 2, DNNB_ERR_SHAPE, "found 1 (x)");
    o.label_smoothing = 0.1;
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "label smoothing: expected a classification");
    o.label_smoothing = 0;
    o.class_weights = "balanced";
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "class weights: expected a classification");
    o.class_weights = NULL;
    o.target = "x,z";
    assert_refused(&f, &o, 2, DNNB_ERR_FORMAT, "z");
    o = get_options();
    o.clip_norm = -1;
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "clip_norm: expected 0 or more, found -1");
    o = get_options();
    o.label_smoothing = 1.5;
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "label smoothing: expected 0 to 1, found 1.5");
    o.label_smoothing = (double)NAN;
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "label smoothing");
    o = get_options();
    o.class_weights = "1,2,3";
    assert_refused(&f, &o, 2, DNNB_ERR_ARGUMENT, "for each of 2 classes");
    /* A file of the validation set that is no picture, and one that is not there. */
    o = get_options();
    assert_ok(dnnb__file_write(tiny_join(&f.folder, "103.bmp").text, "no picture at all", 17));
    assert_refused(&f, &o, 2, DNNB_ERR_FORMAT, "validation.stim.csv:7");
    assert_int_equal(unlink(tiny_join(&f.folder, "5.bmp").text), 0);
    assert_refused(&f, &o, 2, DNNB_ERR_IO, "train.stim.csv:9");
    fixture_destroy(&f);
}

static void test_train_loop__a_wholly_frozen_network_is_refused(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnn = tiny_create(1, 2);
    assert_ok(dnnb_dnn_set_trainable(dnn, "all", false));
    assert_fails(dnnb_train(dnn, f.train, NULL, NULL, NULL), DNNB_ERR_ARGUMENT, "2322");
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

static void test_train_loop__a_damaged_picture_stops_or_is_left_out(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = get_options();
    witness w = {0};
    dnnb_history *history;
    o.on_event = watch;
    o.context = &w;
    o.epochs = 2;
    o.batch = 7; /* 21 images are three whole batches */
    tiny_damage(&f.folder, "6.bmp");
    dnnb_dnn *dnn = tiny_create(1, 2);
    assert_fails(dnnb_train(dnn, f.train, f.validation, &o, NULL), DNNB_ERR_FORMAT,
                 "train.stim.csv:10: 6.bmp");
    dnnb_dnn_destroy(dnn);
    o.on_bad_image = DNNB_BAD_IMAGE_SKIP;
    w = (witness){0};
    dnn = train(&f, &o, NULL, &history);
    assert_int_equal(w.n_warnings, 1);
    assert_non_null(strstr(w.warning, "train.stim.csv:10: 6.bmp"));
    assert_int_equal(w.n_steps, 6);
    assert_int_equal(dnnb_history_get_epoch(history, 1)->n_steps, 3);
    dnnb_history_destroy(history);
    dnnb_dnn_destroy(dnn);
    /* What is kept in memory changes no result where a picture is left out, either. */
    dnnb_train_options other = o;
    other.cache_bytes = 0;
    assert_same_run(&f, &o, &other, "backbone");

    dnnb_predictions *predictions;
    dnn = tiny_create(1, 2);
    assert_ok(dnnb_predict(dnn, f.train, &o, &predictions));
    assert_int_equal(dnnb_predictions_get_count(predictions), N_TRAIN - 1);
    assert_int_equal(dnnb_predictions_get_row(predictions, 5), 5);
    assert_int_equal(dnnb_predictions_get_row(predictions, 6), 7);
    dnnb_predictions_destroy(predictions);
    /* Two of 22 are more than a twentieth. */
    tiny_damage(&f.folder, "8.bmp");
    assert_fails(dnnb_train(dnn, f.train, f.validation, &o, NULL), DNNB_ERR_FORMAT, "5% of 22");
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

static void test_train_loop__a_loss_that_is_not_finite_ends_the_run(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = get_options();
    dnnb_history *history;
    o.optimizer.name = "sgd";
    o.optimizer.lr = 1e30;
    dnnb_dnn *dnn = tiny_create(1, 2);
    assert_fails(dnnb_train(dnn, f.train, NULL, &o, &history), DNNB_ERR_NUMERIC,
                 "epoch 1, step 2, learning rate 1e+30");
    assert_null(history);
    dnnb_dnn_destroy(dnn);
    o.epochs = 1;
    o.batch = 64; /* the only step is taken before its damage can be seen in a loss */
    dnn = tiny_create(1, 2);
    assert_fails(dnnb_train(dnn, f.train, f.validation, &o, &history), DNNB_ERR_NUMERIC, "epoch 1");
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

static void test_train_loop__dropout_has_its_rate_and_scale(void **state) {
    (void)state;
    enum { BATCH = 64, N = 128, STEPS = 8 };
    dnnb_dnn *dnn = tiny_create(1, 2);
    size_t flatten = dnnb__graph_find_node(dnn->graph, "flatten");
    dnnb__plan_options options = {.mode = DNNB__MODE_TRAIN,
                                  .batch = BATCH,
                                  .from = flatten,
                                  .to = dnnb__graph_find_node(dnn->graph, "classifier.0")};
    dnnb__step_random random = {.key = dnnb__random_key_create(5, DNNB__PURPOSE_DROPOUT)};
    dnnb__plan *plan;
    float ones[BATCH * N], first[BATCH * N];
    size_t n_kept = 0, n_same = 0;
    for (size_t i = 0; i < BATCH * N; i++) ones[i] = 1.0f;
    assert_ok(dnnb__dnn_get_plan(dnn, &options, &plan));
    for (; random.step < STEPS; random.step++) {
        assert_ok(dnnb__plan_forward(plan, ones, &random));
        const float *found = dnnb__plan_get_output(plan);
        if (random.step == 0) memcpy(first, found, sizeof first);
        for (size_t i = 0; i < BATCH * N; i++) {
            assert_true(found[i] == 0.0f || found[i] == 2.0f); /* 1 / (1 - p) */
            n_kept += found[i] != 0.0f;
            n_same += random.step > 0 && found[i] == first[i];
        }
    }
    /* Five standard deviations of a binomial share of 65,536 and of 57,344 draws. */
    assert_close((double)n_kept / (STEPS * BATCH * N), 0.5, 0.01);
    assert_close((double)n_same / ((STEPS - 1) * BATCH * N), 0.5, 0.011);
    options.mode = DNNB__MODE_TEST;
    assert_ok(dnnb__dnn_get_plan(dnn, &options, &plan));
    assert_ok(dnnb__plan_forward(plan, ones, NULL));
    assert_memory_equal(dnnb__plan_get_output(plan), ones, sizeof ones);
    dnnb_dnn_destroy(dnn);
}

static void test_train_loop__predictions_are_those_of_forward(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnn = tiny_create(1, 3);
    dnnb_predictions *predictions;
    assert_ok(dnnb_predict(dnn, f.validation, NULL, &predictions));
    for (size_t i = 0; i < N_VALIDATION; i++) {
        dnnb_image image, resized;
        float pixels[3 * 16 * 16], expected[3];
        assert_ok(dnnb_image_load(&image, dnnb_stimulus_get_path(f.validation, i), NULL));
        assert_ok(dnnb_image_resize(&resized, &image, NULL, 16, 16));
        dnnb_image_normalize(&resized, dnnb_imagenet_mean, dnnb_imagenet_std, pixels);
        assert_ok(dnnb_dnn_forward(dnn, pixels, 1, expected));
        /* Sums of about 30 terms below 2, perhaps in another order for another batch size. */
        for (size_t k = 0; k < 3; k++)
            assert_close((double)dnnb_predictions_get_outputs(predictions, i)[k],
                         (double)expected[k], 1e-5);
        dnnb_image_clear(&image);
        dnnb_image_clear(&resized);
    }
    dnnb_predictions_destroy(predictions);
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_loop__both_tasks_are_learned),
        cmocka_unit_test(test_train_loop__no_result_depends_on_workers_or_memory),
        cmocka_unit_test(test_train_loop__views_take_turns),
        cmocka_unit_test(test_train_loop__saving_the_network_changes_nothing),
        cmocka_unit_test(test_train_loop__the_seed_decides),
        cmocka_unit_test(test_train_loop__frozen_parameters_keep_every_bit),
        cmocka_unit_test(test_train_loop__a_warm_step_allocates_nothing),
        cmocka_unit_test(test_train_loop__it_says_what_is_frozen_and_kept),
        cmocka_unit_test(test_train_loop__a_slow_kernel_is_told_once_a_call),
        cmocka_unit_test(test_train_loop__a_caller_can_stop_it),
        cmocka_unit_test(test_train_loop__the_validation_set_has_its_own_targets),
        cmocka_unit_test(test_train_loop__all_is_checked_before_the_first_step),
        cmocka_unit_test(test_train_loop__a_wholly_frozen_network_is_refused),
        cmocka_unit_test(test_train_loop__a_damaged_picture_stops_or_is_left_out),
        cmocka_unit_test(test_train_loop__a_loss_that_is_not_finite_ends_the_run),
        cmocka_unit_test(test_train_loop__dropout_has_its_rate_and_scale),
        cmocka_unit_test(test_train_loop__predictions_are_those_of_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
