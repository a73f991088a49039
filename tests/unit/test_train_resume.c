/*
 * Checkpoints: a run that is stopped anywhere and goes on ends with the bits of one that was not;
 * what would make it another run is refused by name; damaged files are seen.
 */
#include "unit/unit.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "dnnbrain/train.h"
#include "train/checkpoint.h"
#include "train/saver.h"
#include "unit/tiny.h"

enum { N_TRAIN = 22, N_VALIDATION = 10, N_EPOCHS = 3 };

typedef struct fixture {
    tiny_folder folder;
    tiny_path checkpoint;
    dnnb_stimulus *train, *validation;
    dnnb_train_options options;
    dnnb_precision precision;
} fixture;

static fixture fixture_create(void) {
    fixture f = {.folder = tiny_folder_create(),
                 .options = (dnnb_train_options)DNNB_TRAIN_OPTIONS_INIT};
    f.checkpoint = tiny_join(&f.folder, "checkpoint");
    f.train = tiny_write_set(&f.folder, "train.stim.csv", N_TRAIN, 0);
    f.validation = tiny_write_set(&f.folder, "validation.stim.csv", N_VALIDATION, 100);
    f.options.epochs = N_EPOCHS;
    f.options.batch = 8;
    f.options.optimizer.lr = 5e-3;
    f.options.n_workers = 2;
    f.options.score_train = true;
    f.options.seed = 3;
    f.options.checkpoint_every_s = 1e9;
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->train);
    dnnb_stimulus_destroy(f->validation);
    tiny_folder_remove(&f->folder);
}

/* Counts events, stops at one of them, and remembers what was said. */
typedef struct watcher {
    size_t n, stop_at; /* events of any kind but SAVE and SAVED; from 1, 0 for never */
    size_t n_steps, n_saved, n_warnings;
    const char *folder; /* from the second step on, wait until it holds a checkpoint */
    char start[1024], warning[1024];
} watcher;

/* Wait until the process that writes a checkpoint has ended: until then the run starts no other. */
static void wait_for_writer(void) {
    siginfo_t info;
    while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) continue;
}

static void wait_for_checkpoint(const char *path) {
    char **names;
    size_t n = 0;
    for (size_t i = 0; n == 0 && i < 60000; i++) {
        usleep(1000);
        assert_ok(dnnb__checkpoint_list(&names, &n, path));
        dnnb__checkpoint_list_destroy(names, n);
    }
}

static bool watch(void *context, const dnnb_event *event) {
    watcher *w = context;
    if (event->kind == DNNB_EVENT_SAVED) w->n_saved++;
    if (event->kind == DNNB_EVENT_SAVE || event->kind == DNNB_EVENT_SAVED) return true;
    w->n_steps += event->kind == DNNB_EVENT_STEP;
    if (event->kind == DNNB_EVENT_STEP && event->step > 0 && w->folder && w->n_saved == 0) {
        wait_for_checkpoint(w->folder);
        wait_for_writer();
    }
    if (event->kind == DNNB_EVENT_START)
        (void)snprintf(w->start, sizeof w->start, "%s", event->message);
    if (event->kind == DNNB_EVENT_WARNING) {
        w->n_warnings++;
        (void)snprintf(w->warning, sizeof w->warning, "%s", event->message);
    }
    return ++w->n != w->stop_at;
}

typedef struct outcome {
    dnnb_status status;
    dnnb_dnn *dnn;
    dnnb_history *history;
} outcome;

static void outcome_destroy(outcome *o) {
    dnnb_dnn_destroy(o->dnn);
    dnnb_history_destroy(o->history);
}

/* Train a new network of seed 1. */
static outcome train(const fixture *f, const dnnb_train_options *options, const char *freeze,
                     watcher *w) {
    dnnb_train_options o = *options;
    outcome out = {.dnn = tiny_create_in(1, 2, f->precision)};
    o.on_event = watch;
    o.context = w;
    if (freeze) assert_ok(dnnb_dnn_set_trainable(out.dnn, freeze, false));
    out.status = dnnb_train(out.dnn, f->train, f->validation, &o, &out.history);
    return out;
}

static void assert_same_history(const dnnb_history *a, const dnnb_history *b) {
    size_t n = dnnb_history_get_count(a);
    assert_int_equal(n, dnnb_history_get_count(b));
    for (size_t i = 0; i < n; i++) {
        const dnnb_epoch *x = dnnb_history_get_epoch(a, i), *y = dnnb_history_get_epoch(b, i);
        assert_int_equal(x->n_steps, y->n_steps);
        assert_memory_equal(x->step_loss, y->step_loss, x->n_steps * sizeof *x->step_loss);
        const double p[] = {x->epoch_loss,    x->score_train,     x->score_validation,
                            x->learning_rate, x->loss_validation, x->gradient_norm};
        const double q[] = {y->epoch_loss,    y->score_train,     y->score_validation,
                            y->learning_rate, y->loss_validation, y->gradient_norm};
        assert_memory_equal(p, q, sizeof p);
        assert_int_equal(x->n_left_out, y->n_left_out);
        assert_int_equal(x->n_trained, y->n_trained);
    }
}

/* Stop at each event in turn, go on, and compare with the run that was never stopped. */
static void check_every_stop(const fixture *f, const dnnb_train_options *options,
                             const char *freeze) {
    watcher whole = {0};
    outcome expected = train(f, options, freeze, &whole);
    assert_int_equal(expected.status, DNNB_OK);
    dnnb_train_options o = *options;
    o.checkpoint = f->checkpoint.text;
    for (size_t at = 1; at <= whole.n; at++) {
        watcher w = {.stop_at = at}, rest = {0};
        o.resume = false;
        outcome stopped = train(f, &o, freeze, &w);
        assert_int_equal(stopped.status, DNNB_ERR_STOPPED);
        assert_true((w.n_saved > 0) == (w.n_steps > 0));
        outcome_destroy(&stopped);
        o.resume = true;
        outcome resumed = train(f, &o, freeze, &rest);
        assert_true((strstr(rest.start, "going on after ") != NULL) == (w.n_steps > 0));
        if (resumed.status != DNNB_OK) fail_msg("event %zu: %s", at, dnnb_get_error());
        assert_same_history(resumed.history, expected.history);
        assert_true(tiny_equal(resumed.dnn, expected.dnn));
        if (rest.n_warnings > 0) fail_msg("event %zu: %s", at, rest.warning);
        outcome_destroy(&resumed);
        char **names;
        size_t n;
        assert_ok(dnnb__checkpoint_list(&names, &n, f->checkpoint.text));
        assert_true(n <= 2); /* the newest, and the one before it */
        for (size_t i = 0; i < n; i++) {
            char name[96];
            (void)snprintf(name, sizeof name, "checkpoint/%s", names[i]);
            assert_int_equal(unlink(tiny_join(&f->folder, name).text), 0);
        }
        dnnb__checkpoint_list_destroy(names, n);
    }
    outcome_destroy(&expected);
}

static void test_train_resume__any_stop_changes_no_bit(void **state) {
    (void)state;
    fixture f = fixture_create();
    check_every_stop(&f, &f.options, NULL);
    dnnb_train_options o = f.options;
    o.augment = DNNB_AUGMENT_NONE; /* on kept features */
    o.schedule.name = "cosine";
    check_every_stop(&f, &o, "features.*");
    o.augment = DNNB_AUGMENT_VIEWS; /* one of which is of the first and of the last epoch */
    o.views = o.epochs - 1;
    check_every_stop(&f, &o, "features.*");
    o = f.options;
    o.optimizer.name = "sgd";
    o.optimizer.momentum = 0.9;
    o.optimizer.lr = 1e-2;
    o.task = DNNB_REGRESSION;
    o.target = "x,y";
    o.schedule.warmup_epochs = 2;
    check_every_stop(&f, &o, "conv1");
    o = f.options;
    o.class_weights = "0.25,2";
    o.clip_norm = 0.3;
    o.label_smoothing = 0.1;
    check_every_stop(&f, &o, "features.*");
    o = f.options;
    o.unfreeze = "2=fc1,3=all";
    o.lr_groups = "features.*=1e-3,classifier.1.*=2e-3";
    check_every_stop(&f, &o, "backbone");
    o.augment = DNNB_AUGMENT_NONE;
    o.optimizer.name = "sgd";
    o.optimizer.momentum = 0.9;
    check_every_stop(&f, &o, "backbone");
    o = f.options;
    o.early_stop = 2; /* the second and third epoch do not get better by so much */
    o.min_delta = 0.9;
    o.epochs = 6;
    check_every_stop(&f, &o, "backbone");
    fixture_destroy(&f);
}

/* There linear layers are updated in the backward pass where the processor has AMX; in float32,
 * above, such small ones are with AVX2 alone. */
static void test_train_resume__any_stop_changes_no_bit_in_bf16(void **state) {
    (void)state;
    if (dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_NONE) {
        printf("left out: this processor has no AVX-512\n");
        return;
    }
    fixture f = fixture_create();
    f.precision = DNNB_PRECISION_BF16;
    check_every_stop(&f, &f.options, NULL);
    f.options.unfreeze = "2=fc1,3=all";
    check_every_stop(&f, &f.options, "backbone");
    fixture_destroy(&f);
}

/* In memory that a child shares: has a handler that a library may have for children been run? */
static bool *was_child_told;

static void tell_child(void) {
    *was_child_told = true;
}

/* With 0 seconds each step starts a save when none is being written. */
static void check_background(void) {
    fixture f = fixture_create();
    watcher whole = {0}, often = {.folder = f.checkpoint.text};
    outcome expected = train(&f, &f.options, NULL, &whole);
    dnnb_train_options o = f.options;
    o.checkpoint = f.checkpoint.text;
    o.checkpoint_every_s = 0;
    outcome saved = train(&f, &o, NULL, &often);
    assert_int_equal(saved.status, DNNB_OK);
    assert_int_equal(often.n_warnings, 0);
    assert_true(often.n_saved > 0);
    assert_true(tiny_equal(saved.dnn, expected.dnn));
    assert_same_history(saved.history, expected.history);
    outcome_destroy(&saved);
    /* What the last of them holds is enough to go on from, as after a kill. */
    o.resume = true;
    watcher rest = {0};
    outcome resumed = train(&f, &o, NULL, &rest);
    assert_int_equal(resumed.status, DNNB_OK);
    assert_non_null(strstr(rest.start, "going on after "));
    assert_true(tiny_equal(resumed.dnn, expected.dnn));
    assert_same_history(resumed.history, expected.history);
    outcome_destroy(&resumed);
    outcome_destroy(&expected);
    fixture_destroy(&f);
}

static void test_train_resume__saving_in_a_child_changes_no_bit(void **state) {
    (void)state;
    was_child_told = mmap(NULL, sizeof *was_child_told, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(was_child_told != MAP_FAILED);
    assert_int_equal(pthread_atfork(NULL, NULL, tell_child), 0);
    check_background();
    assert_false(*was_child_told);
}

static size_t count_children_that_ended(void) {
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
    return (size_t)usage.ru_minflt; /* each has touched some page */
}

static void test_train_resume__saving_in_a_thread_changes_no_bit(void **state) {
    (void)state;
    size_t before = count_children_that_ended();
    dnnb__saver_set_most_copied(SIZE_MAX);
    check_background();
    assert_int_equal(count_children_that_ended(), before);
    dnnb__saver_set_most_copied(0);
}

/* At each epoch's end: wait until the folder's newest checkpoint is of that epoch's last step.
 * Epochs are made longer than what the end of one keeps from the save before. */
static bool wait_for_each_end(void *context, const dnnb_event *event) {
    const char *folder = context;
    if (event->kind == DNNB_EVENT_STEP) usleep(5000);
    if (event->kind != DNNB_EVENT_EPOCH) return true;
    for (size_t i = 0; i < 60000; i++) {
        dnnb__checkpoint_place place = {UINT64_MAX, UINT64_MAX};
        char **names;
        size_t n;
        assert_ok(dnnb__checkpoint_list(&names, &n, folder));
        if (n > 0) assert_true(dnnb__checkpoint_parse_name(names[0], &place, NULL));
        dnnb__checkpoint_list_destroy(names, n);
        if (place.epoch == event->epoch && place.step == event->result->n_steps) {
            wait_for_writer();
            return true;
        }
        usleep(1000);
    }
    fail_msg("the end of epoch %zu was not saved", event->epoch + 1);
    return false;
}

static void test_train_resume__every_epoch_is_saved(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = f.options;
    o.checkpoint = f.checkpoint.text;
    o.on_event = wait_for_each_end;
    o.context = f.checkpoint.text;
    dnnb_dnn *dnn = tiny_create(1, 2);
    assert_ok(dnnb_train(dnn, f.train, f.validation, &o, NULL));
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

static void test_train_resume__epochs_may_grow(void **state) {
    (void)state;
    fixture f = fixture_create();
    watcher w = {0};
    dnnb_train_options o = f.options;
    o.epochs = 5;
    outcome expected = train(&f, &o, NULL, &w);
    o.checkpoint = f.checkpoint.text;
    o.keep_checkpoint = true;
    o.epochs = 2;
    outcome first = train(&f, &o, NULL, &w);
    assert_int_equal(first.status, DNNB_OK);
    outcome_destroy(&first);
    o.resume = true;
    o.epochs = 5;
    outcome more = train(&f, &o, NULL, &w);
    assert_int_equal(more.status, DNNB_OK);
    assert_true(tiny_equal(more.dnn, expected.dnn));
    assert_same_history(more.history, expected.history);
    outcome_destroy(&more);
    o.epochs = 4;
    outcome fewer = train(&f, &o, NULL, &w);
    assert_int_equal(fewer.status, DNNB_ERR_ARGUMENT);
    assert_non_null(strstr(dnnb_get_error(), "expected 5 or more, found 4"));
    outcome_destroy(&fewer);
    outcome_destroy(&expected);
    fixture_destroy(&f);
}

static void make_checkpoint(const fixture *f, dnnb_train_options *o) {
    watcher w = {.stop_at = 9};
    *o = f->options;
    o->checkpoint = f->checkpoint.text;
    outcome stopped = train(f, o, "conv1", &w);
    assert_int_equal(stopped.status, DNNB_ERR_STOPPED);
    outcome_destroy(&stopped);
    o->resume = true;
}

static void assert_refused(const fixture *f, const dnnb_train_options *o, const char *freeze,
                           const char *name) {
    watcher w = {0};
    outcome refused = train(f, o, freeze, &w);
    assert_int_equal(refused.status, DNNB_ERR_ARGUMENT);
    if (!strstr(dnnb_get_error(), name)) fail_msg("expected '%s' in '%s'", name, dnnb_get_error());
    assert_non_null(strstr(dnnb_get_error(), f->checkpoint.text));
    assert_int_equal(w.n, 0);
    outcome_destroy(&refused);
}

static void test_train_resume__another_run_is_refused_by_name(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o, c;
    make_checkpoint(&f, &o);
#define REFUSED(change, name)                                                                      \
    do {                                                                                           \
        c = o;                                                                                     \
        change;                                                                                    \
        assert_refused(&f, &c, "conv1", name);                                                     \
    } while (0)
    REFUSED(c.batch = 4, "batch: expected 8, as in the checkpoint, found 4");
    REFUSED(c.seed = 4, "seed: expected 3, as in the checkpoint, found 4");
    REFUSED(c.optimizer.lr = 1e-4, "learning rate: expected 0.005");
    REFUSED(c.optimizer.name = "adamw", "optimizer: expected adam, as in the checkpoint, found");
    REFUSED(c.optimizer.weight_decay = 0.5, "weight decay");
    REFUSED(c.schedule.name = "cosine", "schedule: expected constant");
    REFUSED(c.schedule.warmup_epochs = 1, "warm-up epochs");
    REFUSED(c.augment = DNNB_AUGMENT_NONE, "augment: expected dnnbrain");
    REFUSED((c.augment = DNNB_AUGMENT_VIEWS, c.views = 5), "augment: expected dnnbrain, as in the "
                                                           "checkpoint, found views:5");
    REFUSED(c.crop_scale = 0.5, "crop scale: expected 0.08");
    REFUSED(c.score_train = false, "score of the training set");
    REFUSED(c.on_bad_image = DNNB_BAD_IMAGE_SKIP, "on a bad image");
    REFUSED(c.class_weights = "balanced", "class weights: expected none, as in the checkpoint");
    REFUSED(c.label_smoothing = 0.1, "label smoothing: expected 0, as in the checkpoint");
    REFUSED(c.monitor = DNNB_MONITOR_LOSS, "monitor: expected score, as in the checkpoint");
    REFUSED(c.clip_norm = 1, "clip norm: expected 0, as in the checkpoint, found 1");
    REFUSED(c.lr_groups = "fc1=1", "learning rates of groups: expected none, as in the");
    REFUSED(c.unfreeze = "2", "unfreezing: expected none, as in the checkpoint, found 2");
    REFUSED(c.decode.max_pixels = 1000, "largest image");
    REFUSED(c.identity = "weights: another\n", "weights: expected nothing");
#undef REFUSED
    assert_refused(&f, &o, NULL, "trained parameters: expected");
    assert_refused(&f, &o, "conv1,fc1", "trained parameters: expected");
    /* Other parameters under the frozen layers. */
    dnnb_dnn *other = tiny_create(2, 2);
    assert_ok(dnnb_dnn_set_trainable(other, "conv1", false));
    assert_fails(dnnb_train(other, f.train, f.validation, &o, NULL), DNNB_ERR_ARGUMENT,
                 "frozen parameters: expected");
    dnnb_dnn_destroy(other);
    /* Without validation images, and with more training images. */
    dnnb_dnn *dnn = tiny_create(1, 2);
    assert_ok(dnnb_dnn_set_trainable(dnn, "conv1", false));
    assert_fails(dnnb_train(dnn, f.train, NULL, &o, NULL), DNNB_ERR_ARGUMENT,
                 "validation images: expected 10, as in the checkpoint, found none");
    assert_fails(dnnb_train(dnn, f.validation, f.validation, &o, NULL), DNNB_ERR_ARGUMENT,
                 "training images: expected 22, as in the checkpoint, found 10");
    dnnb_dnn_destroy(dnn);
    /* An image's file that has changed. */
    FILE *file = fopen(tiny_join(&f.folder, "7.bmp").text, "ab");
    assert_non_null(file);
    fputs("more", file);
    fclose(file);
    assert_refused(&f, &o, "conv1", "7.bmp: expected 1494 bytes, as in the checkpoint, found 1498");
    fixture_destroy(&f);
}

static void test_train_resume__a_damaged_checkpoint_is_seen(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = f.options;
    char **names;
    size_t n;
    o.checkpoint = f.checkpoint.text;
    o.keep_checkpoint = true;
    watcher w = {.stop_at = 9};
    outcome stopped = train(&f, &o, NULL, &w);
    outcome_destroy(&stopped);
    o.resume = true;
    w = (watcher){.stop_at = 4};
    stopped = train(&f, &o, NULL, &w); /* two checkpoints */
    outcome_destroy(&stopped);
    assert_ok(dnnb__checkpoint_list(&names, &n, o.checkpoint));
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        char name[96];
        (void)snprintf(name, sizeof name, "checkpoint/%s", names[i]);
        FILE *file = fopen(tiny_join(&f.folder, name).text, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, -1, SEEK_END), 0);
        int last = fgetc(file);
        assert_int_equal(fseek(file, -1, SEEK_END), 0);
        fputc(last ^ 1, file);
        fclose(file);
        if (i == 1) break;
        watcher rest = {.stop_at = 2}; /* the warning, and the start */
        outcome resumed = train(&f, &o, NULL, &rest);
        assert_int_equal(resumed.status, DNNB_ERR_STOPPED);
        assert_int_equal(rest.n_warnings, 1);
        assert_non_null(strstr(rest.warning, "damaged"));
        assert_non_null(strstr(rest.start, "going on after "));
        outcome_destroy(&resumed);
    }
    watcher none = {0};
    outcome refused = train(&f, &o, NULL, &none);
    assert_int_equal(refused.status, DNNB_ERR_FORMAT);
    assert_non_null(strstr(dnnb_get_error(), "expected a whole checkpoint, found "));
    outcome_destroy(&refused);
    dnnb__checkpoint_list_destroy(names, n);
    fixture_destroy(&f);
}

static void test_train_resume__names_are_taken_apart(void **state) {
    (void)state;
    dnnb__checkpoint_place place;
    char sum[DNNB__CHECKPOINT_SUM + 1];
    assert_true(dnnb__checkpoint_parse_name(
        "epoch-4-step-12-7be5be79d0c1f3a61b2e4f5a6c7d8e90.safetensors", &place, sum));
    assert_int_equal(place.epoch, 3);
    assert_int_equal(place.step, 12);
    assert_string_equal(sum, "7be5be79d0c1f3a61b2e4f5a6c7d8e90");
    static const char *const others[] = {
        "saving.tmp",
        "epoch-4-step-12.safetensors",
        "epoch-0-step-0-7be5be79d0c1f3a61b2e4f5a6c7d8e90.safetensors",
        "epoch-4-step-12-7be5be79d0c1f3a61b2e4f5a6c7d8e9.safetensors",
        "epoch-4-step-12-7be5be79d0c1f3a61b2e4f5a6c7d8e90.safetensors.tmp",
        "epoch-4-step--7be5be79d0c1f3a61b2e4f5a6c7d8e90.safetensors",
        ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(dnnb__checkpoint_parse_name(others[i], &place, sum));
}

/* Targets so large that the first step spoils the network. */
static void test_train_resume__a_sick_loss_says_where_and_why(void **state) {
    (void)state;
    fixture f = fixture_create();
    watcher w = {0};
    dnnb_train_options o = f.options;
    o.checkpoint = f.checkpoint.text;
    o.task = DNNB_REGRESSION;
    o.target = "x,y";
    o.optimizer.name = "sgd";
    o.optimizer.lr = 1e25;
    outcome sick = train(&f, &o, NULL, &w);
    assert_int_equal(sick.status, DNNB_ERR_NUMERIC);
    static const char *const parts[] = {"epoch 1, step ", "learning rate 1e+25",
                                        "largest gradient of the step before", " in ",
                                        "try a tenth of the learning rate"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!strstr(dnnb_get_error(), parts[i])) fail_msg("%s: %s", parts[i], dnnb_get_error());
    outcome_destroy(&sick);
    fixture_destroy(&f);
}

static void test_train_resume__a_loss_at_chance_is_told_once(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options o = f.options;
    o.optimizer.lr = 1e-12;
    o.epochs = 6;
    watcher w = {0};
    dnnb_dnn *dnn = tiny_create(1, 2);
    /* A head of zeros gives every class the same probability. */
    dnnb__net *net;
    float zeros[32] = {0};
    assert_ok(dnnb__dnn_get_net(dnn, &net));
    assert_ok(
        dnnb__net_import(net, dnnb__graph_find_param(dnn->graph, "classifier.3.weight"), zeros));
    assert_ok(
        dnnb__net_import(net, dnnb__graph_find_param(dnn->graph, "classifier.3.bias"), zeros));
    o.on_event = watch;
    o.context = &w;
    assert_ok(dnnb_train(dnn, f.train, f.validation, &o, NULL));
    assert_int_equal(w.n_warnings, 1);
    assert_non_null(strstr(w.warning, "at chance (0.6931) for 3 epochs"));
    assert_non_null(strstr(w.warning, "learning rate"));
    dnnb_dnn_destroy(dnn);
    /* A run that learns is not told so. */
    o = f.options;
    o.epochs = 4;
    w = (watcher){0};
    outcome learns = train(&f, &o, NULL, &w);
    assert_int_equal(learns.status, DNNB_OK);
    assert_int_equal(w.n_warnings, 0);
    outcome_destroy(&learns);
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_resume__any_stop_changes_no_bit),
        cmocka_unit_test(test_train_resume__any_stop_changes_no_bit_in_bf16),
        cmocka_unit_test(test_train_resume__saving_in_a_child_changes_no_bit),
        cmocka_unit_test(test_train_resume__saving_in_a_thread_changes_no_bit),
        cmocka_unit_test(test_train_resume__every_epoch_is_saved),
        cmocka_unit_test(test_train_resume__epochs_may_grow),
        cmocka_unit_test(test_train_resume__another_run_is_refused_by_name),
        cmocka_unit_test(test_train_resume__a_damaged_checkpoint_is_seen),
        cmocka_unit_test(test_train_resume__names_are_taken_apart),
        cmocka_unit_test(test_train_resume__a_sick_loss_says_where_and_why),
        cmocka_unit_test(test_train_resume__a_loss_at_chance_is_told_once),
    };
    /* Networks are small: a child writes them in tests that do not say otherwise. */
    dnnb__saver_set_most_copied(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
