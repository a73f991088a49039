/*
 * Training in which linear layers are updated within the backward pass, as own kernels and AMX's do
 * (of so small ones in float32 where oneDNN has a general product alone: with AVX2): the bits of
 * training in which every gradient is kept, whatever is trained, saved and trained next; and what
 * is said of gradients when a run fails.
 */
#include "unit/unit.h"

#include "dnnbrain/train.h"
#include "engine/onednn/net.h"
#include "unit/tiny.h"

enum { N_TRAIN = 22 };

/* A limit that no norm reaches: the gradients are kept to be measured, and stay as they are. */
static const double no_limit = 1e30;

typedef struct fixture {
    tiny_folder folder;
    dnnb_stimulus *train;
    dnnb_precision precision;
} fixture;

static fixture fixture_create(dnnb_precision precision) {
    fixture f = {.folder = tiny_folder_create(), .precision = precision};
    f.train = tiny_write_set(&f.folder, "train.stim.csv", N_TRAIN, 0);
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->train);
    tiny_folder_remove(&f->folder);
}

typedef void part(dnnb_precision precision);

static void in_each_precision(part *run) {
    run(DNNB_PRECISION_F32);
    if (dnnb__engine_get_bf16_support("onednn") == DNNB__BF16_NONE)
        printf("left out: this processor has no AVX-512\n");
    else
        run(DNNB_PRECISION_BF16);
}

static dnnb_train_options get_options(void) {
    dnnb_train_options o = DNNB_TRAIN_OPTIONS_INIT;
    o.epochs = 3;
    o.batch = 8;
    o.optimizer.lr = 5e-3;
    o.n_workers = 1;
    return o;
}

static dnnb_dnn *create(const fixture *f, const char *freeze) {
    dnnb_dnn *dnn = tiny_create_in(1, 2, f->precision);
    if (freeze) assert_ok(dnnb_dnn_set_trainable(dnn, freeze, false));
    return dnn;
}

static void check_same(const fixture *f, const dnnb_train_options *options, const char *freeze) {
    dnnb_dnn *dnns[2];
    for (int k = 0; k < 2; k++) {
        dnnb_train_options o = *options;
        o.clip_norm = k ? no_limit : 0;
        dnns[k] = create(f, freeze);
        assert_ok(dnnb_train(dnns[k], f->train, NULL, &o, NULL));
    }
    assert_true(tiny_equal(dnns[0], dnns[1]));
    dnnb_dnn_destroy(dnns[0]);
    dnnb_dnn_destroy(dnns[1]);
}

static void compare_bits(dnnb_precision precision) {
    fixture f = fixture_create(precision);
    dnnb_train_options o = get_options();
    check_same(&f, &o, NULL);
    check_same(&f, &o, "features.*");
    check_same(&f, &o, "fc1");
    o.optimizer.name = "adamw";
    o.schedule.name = "cosine";
    check_same(&f, &o, NULL);
    o.optimizer.name = "sgd";
    o.optimizer.momentum = 0.9;
    o.lr_groups = "classifier.1.*=2e-3";
    check_same(&f, &o, NULL);
    o = get_options();
    o.augment = DNNB_AUGMENT_NONE;
    o.unfreeze = "2=fc1,3=all"; /* an array begins when others have long been handed over */
    check_same(&f, &o, "backbone");
    fixture_destroy(&f);
}

static void test_train_update__bits_are_those_with_gradients_kept(void **state) {
    (void)state;
    in_each_precision(compare_bits);
}

/* Runs with gradients that are kept and handed over follow each other on one network. */
static void make_runs(dnnb_precision precision) {
    fixture f = fixture_create(precision);
    dnnb_dnn *dnns[2] = {create(&f, NULL), create(&f, NULL)};
    for (int run = 0; run < 4; run++)
        for (int k = 0; k < 2; k++) {
            dnnb_train_options o = get_options();
            o.epochs = 1;
            o.clip_norm = (run + k) % 2 ? no_limit : 0;
            assert_ok(dnnb_train(dnns[k], f.train, NULL, &o, NULL));
        }
    assert_true(tiny_equal(dnns[0], dnns[1]));
    dnnb_dnn_destroy(dnns[0]);
    dnnb_dnn_destroy(dnns[1]);
    fixture_destroy(&f);
}

static void test_train_update__runs_may_follow_each_other(void **state) {
    (void)state;
    in_each_precision(make_runs);
}

typedef struct watcher {
    dnnb_dnn *dnn;
    const char *path; /* to save the network to after each step; NULL: not */
    uint64_t last_count, n_allocations;
} watcher;

static bool watch(void *context, const dnnb_event *event) {
    watcher *w = context;
    if (event->kind != DNNB_EVENT_STEP) return true;
    if (w->path) assert_ok(dnnb_dnn_save(w->dnn, w->path));
    if (event->step > 0 && event->epoch > 0)
        w->n_allocations += dnnb__mem_get_count() - w->last_count;
    w->last_count = dnnb__mem_get_count();
    return true;
}

static void save_between_steps(dnnb_precision precision) {
    fixture f = fixture_create(precision);
    tiny_path path = tiny_join(&f.folder, "now.safetensors");
    watcher watchers[2] = {{.dnn = create(&f, NULL)}, {.dnn = create(&f, NULL), .path = path.text}};
    for (int k = 0; k < 2; k++) {
        dnnb_train_options o = get_options();
        o.on_event = watch;
        o.context = &watchers[k];
        assert_ok(dnnb_train(watchers[k].dnn, f.train, NULL, &o, NULL));
    }
    assert_int_equal(watchers[0].n_allocations, 0);
    for (size_t i = 0; i < watchers[0].dnn->graph->n_params; i++) {
        dnnb__net *net = watchers[0].dnn->net;
        bool hands_over = ((dnnb__onednn_net *)net)->params[i].form.hands_over;
        assert_true((dnnb__net_get_flat(net, i).gradient == NULL) == hands_over);
    }
    assert_true(tiny_equal(watchers[0].dnn, watchers[1].dnn));
    dnnb_dnn_destroy(watchers[0].dnn);
    dnnb_dnn_destroy(watchers[1].dnn);
    fixture_destroy(&f);
}

static void test_train_update__saving_changes_nothing_and_a_step_allocates_nothing(void **state) {
    (void)state;
    in_each_precision(save_between_steps);
}

/* The whole message, with the largest gradient and its layer, is the same. */
static void lose_loss(dnnb_precision precision) {
    fixture f = fixture_create(precision);
    char messages[2][512];
    for (int k = 0; k < 2; k++) {
        dnnb_train_options o = get_options();
        o.task = DNNB_REGRESSION;
        o.target = "x,y";
        o.optimizer.name = "sgd";
        o.optimizer.lr = 1e25;
        o.clip_norm = k ? no_limit : 0;
        dnnb_dnn *dnn = create(&f, NULL);
        assert_fails(dnnb_train(dnn, f.train, NULL, &o, NULL), DNNB_ERR_NUMERIC,
                     "largest gradient of the step before");
        (void)snprintf(messages[k], sizeof messages[k], "%s", dnnb_get_error());
        dnnb_dnn_destroy(dnn);
    }
    assert_string_equal(messages[0], messages[1]);
    fixture_destroy(&f);
}

static void test_train_update__a_sick_loss_says_the_same(void **state) {
    (void)state;
    in_each_precision(lose_loss);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_update__bits_are_those_with_gradients_kept),
        cmocka_unit_test(test_train_update__runs_may_follow_each_other),
        cmocka_unit_test(test_train_update__saving_changes_nothing_and_a_step_allocates_nothing),
        cmocka_unit_test(test_train_update__a_sick_loss_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
