/*
 * A run as a checkpoint, and back.
 *
 * What is saved: the trained parameters and buffers, the optimiser's state, the place, the losses
 * of the epoch's steps, the history, the images that were left out, the identity, the sizes of the
 * images' files, and what the observer adds. Frozen parameters are not: they are compared by their
 * sum. Order, crops, flips and dropout follow from the seed and the place.
 *
 * Invariant: restore_all() changes nothing unless the whole checkpoint fits.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "train/identity.h"
#include "train/trainer.h"

enum { N_COUNTERS = 5, N_SUMS = 4, N_EPOCH_NUMBERS = 8, N_EPOCH_COUNTS = 3, MAX_NAME = 512 };
enum { BYTES_A_SECOND = 50000000 }; /* of checkpoints, on the average of a run */

/* ---- the place and the history as arrays ---- */

typedef struct snapshot {
    dnnb_checkpoint *checkpoint;
    int64_t counters[N_COUNTERS];
    int64_t *begins; /* [parameters of the optimiser], its steps before their first */
    double sums[N_SUMS];
    double *epochs;        /* [finished epochs, N_EPOCH_NUMBERS] */
    int64_t *epoch_counts; /* [finished epochs, N_EPOCH_COUNTS] */
    double *losses;        /* of all their steps */
} snapshot;

static void snapshot_close(snapshot *s) {
    dnnb__checkpoint_destroy(s->checkpoint);
    dnnb__free(s->begins);
    dnnb__free(s->epochs);
    dnnb__free(s->epoch_counts);
    dnnb__free(s->losses);
}

static dnnb_status add_history(snapshot *s, const dnnb_history *history) {
    size_t n = dnnb_history_get_count(history), n_losses = 0;
    for (size_t i = 0; i < n; i++) n_losses += dnnb_history_get_epoch(history, i)->n_steps;
    s->epochs = dnnb__alloc(n * N_EPOCH_NUMBERS, sizeof *s->epochs);
    s->epoch_counts = dnnb__alloc(n * N_EPOCH_COUNTS, sizeof *s->epoch_counts);
    s->losses = dnnb__alloc(n_losses, sizeof *s->losses);
    if (!s->epochs || !s->epoch_counts || !s->losses) return dnnb__fail_memory();
    double *loss = s->losses;
    for (size_t i = 0; i < n; i++) {
        const dnnb_epoch *e = dnnb_history_get_epoch(history, i);
        const double numbers[N_EPOCH_NUMBERS] = {
            e->epoch_loss, e->score_train,       e->score_validation, e->learning_rate,
            e->seconds,    e->images_per_second, e->loss_validation,  e->gradient_norm};
        memcpy(s->epochs + i * N_EPOCH_NUMBERS, numbers, sizeof numbers);
        s->epoch_counts[i * N_EPOCH_COUNTS] = (int64_t)e->n_steps;
        s->epoch_counts[i * N_EPOCH_COUNTS + 1] = (int64_t)e->n_left_out;
        s->epoch_counts[i * N_EPOCH_COUNTS + 2] = (int64_t)e->n_trained;
        for (size_t k = 0; k < e->n_steps; k++) *loss++ = e->step_loss[k];
    }
    dnnb_checkpoint *c = s->checkpoint;
    DNNB_TRY(dnnb__checkpoint_add(c, "history", DNNB_F64, s->epochs, n * N_EPOCH_NUMBERS));
    DNNB_TRY(
        dnnb__checkpoint_add(c, "history_counts", DNNB_I64, s->epoch_counts, n * N_EPOCH_COUNTS));
    return dnnb__checkpoint_add(c, "history_step_loss", DNNB_F64, s->losses, n_losses);
}

static dnnb_status restore_history(dnnb_history *history, const dnnb_checkpoint *c, size_t n) {
    const void *found;
    const double *numbers, *losses;
    const int64_t *counts;
    size_t n_losses, used = 0;
    DNNB_TRY(dnnb__checkpoint_read(c, "history", DNNB_F64, n * N_EPOCH_NUMBERS, &found, NULL));
    numbers = found;
    DNNB_TRY(
        dnnb__checkpoint_read(c, "history_counts", DNNB_I64, n * N_EPOCH_COUNTS, &found, NULL));
    counts = found;
    DNNB_TRY(dnnb__checkpoint_read(c, "history_step_loss", DNNB_F64, SIZE_MAX, &found, &n_losses));
    losses = found;
    for (size_t i = 0; i < n; i++, numbers += N_EPOCH_NUMBERS, counts += N_EPOCH_COUNTS) {
        if (counts[0] < 0 || (uint64_t)counts[0] > n_losses - used)
            return dnnb__fail(DNNB_ERR_FORMAT, "checkpoint: epoch %zu: its step losses are missing",
                              i + 1);
        dnnb_epoch epoch = {.step_loss = losses + used,
                            .n_steps = (size_t)counts[0],
                            .epoch_loss = numbers[0],
                            .score_train = numbers[1],
                            .score_validation = numbers[2],
                            .learning_rate = numbers[3],
                            .seconds = numbers[4],
                            .images_per_second = numbers[5],
                            .loss_validation = numbers[6],
                            .gradient_norm = numbers[7],
                            .n_left_out = (size_t)counts[1],
                            .n_trained = (size_t)counts[2]};
        used += epoch.n_steps;
        DNNB_TRY(dnnb_history_add(history, &epoch));
    }
    return DNNB_OK;
}

/* Let the monitor see the epochs. A run that was to stop at one of them would have none after it.
 */
static dnnb_status replay_history(dnnb__monitor *monitor, const dnnb_history *history) {
    size_t n = dnnb_history_get_count(history);
    for (size_t i = 0; i < n; i++) {
        if (dnnb__monitor_is_over(monitor))
            return dnnb__fail(DNNB_ERR_ARGUMENT,
                              "cannot go on with an earlier stop: %zu epochs are done, of which "
                              "%zu without an improvement would have ended the run after %zu",
                              n, monitor->patience, i);
        (void)dnnb__monitor_add(monitor, dnnb_history_get_epoch(history, i));
    }
    return DNNB_OK;
}

static dnnb_status add_place(snapshot *s, const dnnb__trainer *t) {
    const dnnb__place *p = &t->place;
    const int64_t counters[N_COUNTERS] = {(int64_t)p->epoch, (int64_t)p->step, (int64_t)p->at,
                                          (int64_t)p->n_steps,
                                          (int64_t)dnnb__optimizer_get_steps(t->optimizer)};
    double here_s = p->at > 0 ? dnnb__session_now_s() - t->epoch_begun_s : 0;
    const double sums[N_SUMS] = {p->weighted_loss, p->weight, p->seconds + here_s, p->norm_sum};
    memcpy(s->counters, counters, sizeof counters);
    memcpy(s->sums, sums, sizeof sums);
    s->begins = dnnb__alloc(t->n_params, sizeof *s->begins);
    if (!s->begins) return dnnb__fail_memory();
    for (size_t i = 0; i < t->n_params; i++)
        s->begins[i] = (int64_t)dnnb__optimizer_get_begin(t->optimizer, i);
    DNNB_TRY(
        dnnb__checkpoint_add(s->checkpoint, "optimizer_begins", DNNB_I64, s->begins, t->n_params));
    DNNB_TRY(dnnb__checkpoint_add(s->checkpoint, "counters", DNNB_I64, s->counters, N_COUNTERS));
    DNNB_TRY(dnnb__checkpoint_add(s->checkpoint, "sums", DNNB_F64, s->sums, N_SUMS));
    return dnnb__checkpoint_add(s->checkpoint, "step_loss", DNNB_F64, t->step_loss, p->step);
}

/* Where the checkpoint is; every number is checked, since others are counted by it. */
static dnnb_status read_place(dnnb__place *p, uint64_t *optimizer_steps, const dnnb__trainer *t,
                              const dnnb_checkpoint *c) {
    const void *found;
    DNNB_TRY(dnnb__checkpoint_read(c, "counters", DNNB_I64, N_COUNTERS, &found, NULL));
    const int64_t *k = found;
    DNNB_TRY(dnnb__checkpoint_read(c, "sums", DNNB_F64, N_SUMS, &found, NULL));
    const double *sums = found;
    int64_t n_rows = (int64_t)t->train->n;
    if (k[0] < 0 || k[1] < 0 || k[1] > (int64_t)t->max_steps || k[2] < 0 || k[2] > n_rows ||
        k[3] < 0 || k[3] > UINT32_MAX || k[4] < 0)
        return dnnb__fail(DNNB_ERR_FORMAT, "checkpoint: its counters are out of range");
    *p = (dnnb__place){.epoch = (size_t)k[0],
                       .step = (size_t)k[1],
                       .at = (size_t)k[2],
                       .n_steps = (uint32_t)k[3],
                       .weighted_loss = sums[0],
                       .weight = sums[1],
                       .seconds = sums[2],
                       .norm_sum = sums[3]};
    *optimizer_steps = (uint64_t)k[4];
    if (p->epoch <= t->options->epochs) return DNNB_OK;
    return dnnb__fail(
        DNNB_ERR_ARGUMENT,
        "cannot go on with fewer epochs than are done: expected %zu or more, found %zu", p->epoch,
        t->options->epochs);
}

/* ---- parameters, the optimiser's state, images that were left out ---- */

/* Visit every array of floats that training changes, in the engine's layout. */
typedef dnnb_status (*visit_fn)(void *context, const char *name, float *values, size_t n);

static dnnb_status visit_arrays(const dnnb__trainer *t, visit_fn visit, void *context) {
    char name[MAX_NAME];
    dnnb__net *net = t->session.dnn->net;
    const dnnb__graph *graph = t->session.dnn->graph;
    for (size_t i = 0; i < t->n_params; i++) {
        const char *path = graph->params[t->params[i]].path;
        if (!graph->params[t->params[i]].trainable) continue; /* not yet */
        (void)snprintf(name, sizeof name, "weight/%s", path);
        DNNB_TRY(visit(context, name, t->weights[i], t->sizes[i]));
        for (size_t k = 0; k < DNNB__OPTIM_MAX_STATES; k++) {
            float *state = dnnb__optimizer_get_state(t->optimizer, i, k);
            if (!state) continue;
            (void)snprintf(name, sizeof name, "optimizer%zu/%s", k, path);
            DNNB_TRY(visit(context, name, state, t->sizes[i]));
        }
    }
    for (size_t i = 0; i < graph->n_params; i++) {
        if (!graph->params[i].is_buffer) continue;
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        (void)snprintf(name, sizeof name, "buffer/%s", graph->params[i].path);
        DNNB_TRY(visit(context, name, flat.weight, flat.n));
    }
    return DNNB_OK;
}

static dnnb_status add_floats(void *context, const char *name, float *values, size_t n) {
    return dnnb__checkpoint_add(context, name, DNNB_F32, values, n);
}

static dnnb_status check_floats(void *context, const char *name, float *values, size_t n) {
    const void *found;
    (void)values;
    return dnnb__checkpoint_read(context, name, DNNB_F32, n, &found, NULL);
}

static dnnb_status restore_floats(void *context, const char *name, float *values, size_t n) {
    size_t n_found;
    memcpy(values, dnnb__checkpoint_find(context, name, DNNB_F32, &n_found), n * sizeof *values);
    return DNNB_OK;
}

static dnnb_status add_set(dnnb_checkpoint *c, const char *name, const dnnb__set *set,
                           const int64_t *sizes) {
    char text[MAX_NAME];
    if (!set) return DNNB_OK;
    (void)snprintf(text, sizeof text, "%s/bytes", name);
    DNNB_TRY(dnnb__checkpoint_add(c, text, DNNB_I64, sizes, set->n));
    (void)snprintf(text, sizeof text, "%s/bad_since", name);
    return dnnb__checkpoint_add(c, text, DNNB_I32, set->bad_since, set->n);
}

/* Find the rows that were left out, and compare the sizes of the others' files. */
static dnnb_status read_set(const uint32_t **bad_since, const dnnb_checkpoint *c, const char *name,
                            const dnnb__set *set, const int64_t *sizes) {
    char text[MAX_NAME];
    const void *found, *sizes_then;
    *bad_since = NULL;
    if (!set) return DNNB_OK;
    (void)snprintf(text, sizeof text, "%s/bytes", name);
    DNNB_TRY(dnnb__checkpoint_read(c, text, DNNB_I64, set->n, &sizes_then, NULL));
    (void)snprintf(text, sizeof text, "%s/bad_since", name);
    DNNB_TRY(dnnb__checkpoint_read(c, text, DNNB_I32, set->n, &found, NULL));
    *bad_since = found;
    return dnnb__identity_compare_sizes(set, *bad_since, sizes_then, sizes);
}

static void restore_set(dnnb__set *set, const uint32_t *bad_since) {
    if (!set) return;
    set->n_bad = 0;
    for (size_t i = 0; i < set->n; i++) {
        set->bad_since[i] = bad_since[i];
        set->n_bad += bad_since[i] != 0;
    }
}

static dnnb_status read_begins(const int64_t **out, const dnnb__trainer *t,
                               const dnnb_checkpoint *c, uint64_t optimizer_steps) {
    const void *found;
    DNNB_TRY(dnnb__checkpoint_read(c, "optimizer_begins", DNNB_I64, t->n_params, &found, NULL));
    *out = found;
    for (size_t i = 0; i < t->n_params; i++)
        if ((*out)[i] < 0 || (uint64_t)(*out)[i] > optimizer_steps)
            return dnnb__fail(DNNB_ERR_FORMAT, "checkpoint: its counters are out of range");
    return DNNB_OK;
}

/* ---- resuming ---- */

static dnnb_status restore_all(dnnb__trainer *t, dnnb_checkpoint *c) {
    const void *identity;
    const uint32_t *train, *validation;
    dnnb__place place;
    uint64_t optimizer_steps;
    const int64_t *begins;
    bool is_more;
    size_t n;
    DNNB_TRY(dnnb__checkpoint_read(c, "identity", DNNB_U8, SIZE_MAX, &identity, &n));
    DNNB_TRY(dnnb__identity_compare(identity, n, t->identity.data));
    DNNB_TRY(read_place(&place, &optimizer_steps, t, c));
    DNNB_TRY(read_set(&train, c, "train", t->train, t->train_sizes));
    DNNB_TRY(read_set(&validation, c, "validation", t->validation, t->validation_sizes));
    DNNB_TRY(dnnb__trainer_unfreeze(t, place.at > 0 ? place.epoch + 1 : place.epoch, &is_more));
    DNNB_TRY(visit_arrays(t, check_floats, c));
    DNNB_TRY(read_begins(&begins, t, c, optimizer_steps));
    const void *losses;
    DNNB_TRY(dnnb__checkpoint_read(c, "step_loss", DNNB_F64, place.step, &losses, NULL));
    DNNB_TRY(restore_history(t->history, c, place.epoch));
    DNNB_TRY(replay_history(&t->monitor, t->history));
    if (place.step > 0) memcpy(t->step_loss, losses, place.step * sizeof *t->step_loss);
    t->place = place;
    dnnb__optimizer_set_steps(t->optimizer, optimizer_steps);
    for (size_t i = 0; i < t->n_params; i++)
        dnnb__optimizer_set_begin(t->optimizer, i, (uint64_t)begins[i]);
    restore_set(t->train, train);
    restore_set(t->validation, validation);
    DNNB_TRY(visit_arrays(t, restore_floats, c));
    dnnb__net_mark_changed(t->session.dnn->net);
    return DNNB_OK;
}

static dnnb_status warn(dnnb__trainer *t, const char *text) {
    dnnb_event event = {.kind = DNNB_EVENT_WARNING, .message = text};
    return dnnb__session_emit(&t->session, &event);
}

dnnb_status dnnb__trainer_resume(dnnb__trainer *t, dnnb_checkpoint **out) {
    dnnb__buf damaged;
    *out = NULL;
    if (!t->options->resume) return DNNB_OK;
    dnnb__buf_init(&damaged, 1 << 16);
    dnnb_status status = dnnb__checkpoint_load(out, t->options->checkpoint, &damaged);
    if (status == DNNB_OK && damaged.n_bytes) {
        dnnb__buf_printf(&damaged, "; going on from the one before");
        status = warn(t, damaged.data);
    }
    if (status == DNNB_OK && *out) status = restore_all(t, *out);
    dnnb__buf_destroy(&damaged);
    if (status == DNNB_OK && *out) dnnb__saver_set_saved(&t->saver, &(*out)->place);
    if (status == DNNB_OK) return DNNB_OK;
    dnnb__checkpoint_destroy(*out);
    *out = NULL;
    return dnnb__fail_prefix(status, "%s", t->options->checkpoint);
}

/* ---- saving ---- */

static dnnb_status snapshot_open(snapshot *s, dnnb__trainer *t) {
    dnnb__checkpoint_place place = {t->place.epoch, t->place.step};
    *s = (snapshot){0};
    DNNB_TRY(dnnb__checkpoint_create(&s->checkpoint, &place));
    dnnb_checkpoint *c = s->checkpoint;
    DNNB_TRY(dnnb__checkpoint_add(c, "identity", DNNB_U8, t->identity.data, t->identity.n_bytes));
    DNNB_TRY(add_place(s, t));
    DNNB_TRY(add_history(s, t->history));
    DNNB_TRY(add_set(c, "train", t->train, t->train_sizes));
    DNNB_TRY(add_set(c, "validation", t->validation, t->validation_sizes));
    DNNB_TRY(visit_arrays(t, add_floats, c));
    dnnb_event event = {.kind = DNNB_EVENT_SAVE, .checkpoint = c};
    DNNB_TRY(dnnb__session_emit(&t->session, &event));
    if (c->status == DNNB_OK) return DNNB_OK;
    return dnnb__fail(c->status, "%s: out of memory for what the run adds to a checkpoint",
                      t->options->checkpoint);
}

/* Nothing has happened since the last save, or since the run began. */
static bool is_saved(const dnnb__trainer *t) {
    const dnnb__checkpoint_place *saved = &t->saver.saved;
    if (!t->saver.has_saved) return t->place.epoch == 0 && t->place.step == 0;
    return saved->epoch == t->place.epoch && saved->step == t->place.step;
}

static dnnb_status tell_saved(dnnb__trainer *t) {
    dnnb_event event = {.kind = DNNB_EVENT_SAVED,
                        .done = (size_t)t->saver.saved.epoch,
                        .step = (size_t)t->saver.saved.step};
    return dnnb__session_emit(&t->session, &event);
}

/* A failure to save costs nothing yet: say so, and go on. */
static dnnb_status tell_failure(dnnb__trainer *t, dnnb_status status) {
    if (status == DNNB_ERR_STOPPED) return status;
    char text[1280];
    (void)snprintf(text, sizeof text, "%s; the training goes on, and it is tried again at the next",
                   dnnb_get_error());
    return warn(t, text);
}

static dnnb_status poll(dnnb__trainer *t) {
    dnnb__saver_result result;
    dnnb_status status = dnnb__saver_poll(&t->saver, false, &result);
    if (status != DNNB_OK) return tell_failure(t, status);
    return result == DNNB__SAVER_SAVED ? tell_saved(t) : DNNB_OK;
}

static dnnb_status add_bytes(void *context, const char *name, float *values, size_t n) {
    (void)name;
    (void)values;
    *(double *)context += (double)(n * sizeof *values);
    return DNNB_OK;
}

/* Seconds that the end of an epoch keeps from the save before. Writing 684 MB takes some 0.75 s
 * of the training (docs/performance.md): too much of an epoch of a few seconds. */
static double get_pause_s(const dnnb__trainer *t) {
    double n_bytes = 0;
    (void)visit_arrays(t, add_bytes, &n_bytes);
    return fmin(n_bytes / BYTES_A_SECOND, t->options->checkpoint_every_s);
}

dnnb_status dnnb__trainer_save(dnnb__trainer *t, bool is_epoch_end) {
    if (!t->options->checkpoint) return DNNB_OK;
    DNNB_TRY(poll(t));
    t->is_due = t->is_due || is_epoch_end;
    if (dnnb__saver_is_writing(&t->saver) || is_saved(t)) return DNNB_OK;
    double since_s = dnnb__session_now_s() - t->saver.begun_s;
    if (since_s < (t->is_due ? get_pause_s(t) : t->options->checkpoint_every_s)) return DNNB_OK;
    t->is_due = false;
    snapshot s;
    dnnb_status status = snapshot_open(&s, t);
    if (status == DNNB_OK) status = dnnb__saver_start(&t->saver, s.checkpoint);
    snapshot_close(&s);
    return status == DNNB_OK ? DNNB_OK : tell_failure(t, status);
}

dnnb_status dnnb__trainer_save_now(dnnb__trainer *t) {
    if (!t->options->checkpoint) return DNNB_OK;
    dnnb__saver_result result;
    bool is_in_time =
        t->saver.writing.epoch == t->place.epoch && t->saver.writing.step == t->place.step;
    if (dnnb__saver_is_writing(&t->saver) && is_in_time &&
        dnnb__saver_poll(&t->saver, true, &result) == DNNB_OK && result == DNNB__SAVER_SAVED)
        return tell_saved(t);
    if (!dnnb__saver_is_writing(&t->saver) && is_saved(t)) return DNNB_OK;
    snapshot s;
    dnnb_status status = snapshot_open(&s, t);
    if (status == DNNB_OK) status = dnnb__saver_save(&t->saver, s.checkpoint);
    snapshot_close(&s);
    return status == DNNB_OK ? tell_saved(t) : status;
}
