/*
 * The learning-rate range test.
 *
 * Method: the training loop itself, with rates of its own (the trainer's `range`) and an observer
 * that takes the losses down and stops it. So a step is a step of dnnb_train(), bit for bit. What
 * training changes is copied before and put back after, in the engine's own layout.
 *
 * Source: Smith, "Cyclical learning rates for training neural networks", WACV 2017.
 */
#include <math.h>
#include <string.h>

#include "core/thread.h"
#include "train/lr_range.h"
#include "train/trainer.h"

/* Copies of the parameters and buffers that training may change. */
typedef struct kept {
    float **values; /* one a parameter of the graph; NULL for those that stay */
    size_t n;
} kept;

typedef struct finder {
    const dnnb_train_options *user;
    const dnnb_lr_find_options *options;
    dnnb_lr_curve *curve;
    double begun_s;  /* when the first step ended */
    bool is_stopped; /* on the user's wish */
} finder;

static void kept_clear(kept *k) {
    for (size_t i = 0; i < k->n; i++) dnnb__free(k->values[i]);
    dnnb__free(k->values);
}

static dnnb_status kept_create(kept *k, dnnb_dnn *dnn) {
    dnnb__net *net;
    size_t n = dnn->graph->n_params;
    DNNB_TRY(dnnb__dnn_get_net(dnn, &net));
    k->values = dnnb__calloc(n, sizeof *k->values);
    if (!k->values) return dnnb__fail_memory();
    k->n = n;
    for (size_t i = 0; i < n; i++) {
        const dnnb__param *param = &dnn->graph->params[i];
        if (!param->trainable && !param->is_buffer) continue;
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        k->values[i] = dnnb__alloc(flat.n, sizeof *flat.weight);
        if (!k->values[i]) return dnnb__fail_memory();
        memcpy(k->values[i], flat.weight, flat.n * sizeof *flat.weight);
    }
    return DNNB_OK;
}

static void kept_put_back(const kept *k, dnnb_dnn *dnn) {
    for (size_t i = 0; i < k->n; i++) {
        if (!k->values[i]) continue;
        dnnb__flat flat = dnnb__net_get_flat(dnn->net, i);
        memcpy(flat.weight, k->values[i], flat.n * sizeof *flat.weight);
    }
    dnnb__net_mark_changed(dnn->net);
}

/* A step of all: its number, and the time that those after it may take. */
static void count_step(finder *f, dnnb_event *event) {
    size_t n = f->curve->n;
    if (n == 1) f->begun_s = dnnb__session_now_s();
    event->step = n - 1;
    event->n_steps = f->options->steps;
    event->seconds_left = (double)NAN;
    if (n > 1)
        event->seconds_left = (dnnb__session_now_s() - f->begun_s) / (double)(n - 1) *
                              (double)(f->options->steps - n);
}

static bool observe(void *context, const dnnb_event *event) {
    finder *f = context;
    dnnb_event told = *event;
    if (event->kind == DNNB_EVENT_EPOCH) return true;
    told.epoch = told.n_epochs = 0;
    if (event->kind == DNNB_EVENT_STEP) {
        dnnb__lr_curve_add(f->curve, f->options, event->learning_rate, event->loss);
        count_step(f, &told);
    }
    f->is_stopped = f->user->on_event && !f->user->on_event(f->user->context, &told);
    bool is_done = f->curve->has_diverged || f->curve->n == f->options->steps;
    return !f->is_stopped && !is_done;
}

/* What the loop ended with, as the test's end. */
static dnnb_status judge(const finder *f, dnnb_status status) {
    if (f->is_stopped)
        return dnnb__fail(DNNB_ERR_STOPPED, "stopped after step %zu of %zu", f->curve->n,
                          f->options->steps);
    if (status == DNNB_ERR_NUMERIC && f->curve->n > 0) {
        f->curve->has_diverged = true;
        return DNNB_OK;
    }
    return status == DNNB_ERR_STOPPED ? DNNB_OK : status;
}

static dnnb_status find(finder *f, dnnb_dnn *dnn, const dnnb_stimulus *train) {
    dnnb_train_options options = *f->user;
    options.epochs = f->options->steps; /* each has a step at least */
    options.score_train = options.resume = options.keep_checkpoint = false;
    options.checkpoint = options.lr_groups = options.unfreeze = NULL;
    options.early_stop = 0;
    options.early_stop = 0;
    options.lr_groups = options.unfreeze = NULL; /* one rate for all that is trained */
    options.min_delta = 0;
    options.schedule = (dnnb_schedule_options)DNNB_SCHEDULE_OPTIONS_INIT;
    options.optimizer.lr = f->options->min_lr;
    options.on_event = observe;
    options.context = f;
    dnnb__trainer t = {.options = &options, .range = f->options};
    kept k = {0};
    dnnb_status status = dnnb__trainer_open(&t, dnn, train, NULL);
    if (status == DNNB_OK) status = kept_create(&k, dnn);
    if (status == DNNB_OK) {
        status = judge(f, dnnb__trainer_run(&t));
        kept_put_back(&k, dnn);
    }
    kept_clear(&k);
    dnnb__trainer_close(&t);
    return status;
}

dnnb_status dnnb_lr_find(dnnb_dnn *dnn, const dnnb_stimulus *train,
                         const dnnb_train_options *train_options,
                         const dnnb_lr_find_options *find_options, dnnb_lr_curve **out) {
    static const dnnb_train_options train_defaults = DNNB_TRAIN_OPTIONS_INIT;
    static const dnnb_lr_find_options find_defaults = DNNB_LR_FIND_OPTIONS_INIT;
    finder f = {.user = train_options ? train_options : &train_defaults,
                .options = find_options ? find_options : &find_defaults};
    *out = NULL;
    DNNB_TRY(dnnb__lr_range_check(f.options));
    DNNB_TRY(dnnb__lr_curve_create(&f.curve, f.options));
    size_t n_threads_before = dnnb__threads_set(dnnb_dnn_get_n_threads(dnn));
    dnnb_status status = find(&f, dnn, train);
    dnnb__threads_set(n_threads_before);
    if (status != DNNB_OK) {
        dnnb_lr_curve_destroy(f.curve);
        return status;
    }
    dnnb__lr_curve_suggest(f.curve, f.options);
    *out = f.curve;
    return DNNB_OK;
}
