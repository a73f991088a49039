/*
 * Runs of one purpose, one after another.
 *
 * Method: each run is dnnb_run_train() into a folder of its own, so that it can be stopped, killed
 * and gone on with like any other; what the group knows of it is read back from that folder, also
 * when it ended just now. So a group that goes on needs no memory of its own but which it is.
 */
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/io.h"
#include "dnnbrain/record.h"
#include "group/group.h"
#include "run/run.h"

/* A group while it goes on. */
typedef struct maker {
    const dnnb_stimulus *stim, *validation;
    const dnnb_train_options *options;
    const dnnb_run_options *run;
    const dnnb_group_options *wanted;
    dnnb_group *group;
    size_t *folds; /* of each row, in the repeat that goes on; NULL without folds */
    dnnb__run_lock lock;
    char weights_sum[65];
    bool was_made; /* the folder was not there before */
} maker;

/* The sets of one run. */
typedef struct sets {
    const dnnb_stimulus *train, *validation;
    dnnb_stimulus *others, *held_out; /* owned; NULL without folds */
} sets;

static dnnb_status warn(const maker *m, const char *text) {
    dnnb_event event = {.kind = DNNB_EVENT_WARNING, .message = text, .n_epochs = 1};
    const dnnb_train_options *o = m->options;
    if (!o->on_event || o->on_event(o->context, &event)) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_STOPPED, "stopped");
}

/* Labels with fewer images than folds are missing from some of them. */
static dnnb_status warn_of_rare_labels(const maker *m) {
    size_t n = dnnb_stimulus_get_count(m->stim), n_rare = 0, n_folds = m->group->info.n_folds;
    int64_t *labels = dnnb__alloc(n, sizeof *labels), rare = 0;
    size_t *counts = dnnb__calloc(1000001, sizeof *counts); /* labels are at most a million */
    dnnb_status status = labels && counts ? DNNB_OK : dnnb__fail_memory();
    if (status == DNNB_OK) status = dnnb_stimulus_read_labels(m->stim, labels, 0);
    for (size_t i = 0; status == DNNB_OK && i < n; i++) counts[labels[i]]++;
    for (size_t k = 1000001; status == DNNB_OK && k-- > 0;)
        if (counts[k] > 0 && counts[k] < n_folds) {
            n_rare++;
            rare = (int64_t)k;
        }
    char text[256];
    if (n_rare > 0)
        (void)snprintf(text, sizeof text,
                       "label %lld: expected at least %zu images, one for each fold, found %zu; "
                       "%zu label%s missing from some folds",
                       (long long)rare, n_folds, counts[rare], n_rare,
                       n_rare == 1 ? " is" : "s are");
    dnnb__free(labels);
    dnnb__free(counts);
    return status == DNNB_OK && n_rare > 0 ? warn(m, text) : status;
}

/* Accuracy of naming the most frequent class of the set always. */
static dnnb_status find_chance(const maker *m) {
    dnnb_group_info *info = &m->group->info;
    const dnnb_stimulus *stim = m->validation ? m->validation : m->stim;
    size_t n = dnnb_stimulus_get_count(stim), largest = 0;
    if (info->task != DNNB_CLASSIFICATION || n == 0) return DNNB_OK;
    int64_t *labels = dnnb__alloc(n, sizeof *labels);
    size_t *counts = dnnb__calloc(1000001, sizeof *counts);
    dnnb_status status = labels && counts ? DNNB_OK : dnnb__fail_memory();
    if (status == DNNB_OK) status = dnnb_stimulus_read_labels(stim, labels, 0);
    for (size_t i = 0; status == DNNB_OK && i < n; i++)
        if (++counts[labels[i]] > largest) largest = counts[labels[i]];
    info->chance = (double)largest / (double)n;
    dnnb__free(labels);
    dnnb__free(counts);
    return status;
}

static dnnb_status make_sets(const maker *m, const dnnb_group_run *run, sets *out) {
    *out = (sets){.train = m->stim, .validation = m->validation};
    if (!m->folds) return DNNB_OK;
    if (run->fold == 0)
        DNNB_TRY(dnnb_stimulus_assign_folds(m->stim, m->group->info.n_folds,
                                            m->options->task == DNNB_CLASSIFICATION,
                                            m->group->info.seed + run->repeat, m->folds));
    DNNB_TRY(dnnb_stimulus_fold(m->stim, m->folds, run->fold, &out->others, &out->held_out));
    out->train = out->others;
    out->validation = out->held_out;
    return DNNB_OK;
}

static void sets_clear(sets *s) {
    dnnb_stimulus_destroy(s->others);
    dnnb_stimulus_destroy(s->held_out);
}

/* What a run that has finished left in its folder. */
static dnnb_status read_run(dnnb_group *group, size_t i, const sets *s) {
    dnnb_group_run *run = &group->runs[i];
    dnnb_record *record;
    char *path;
    DNNB_TRY(dnnb__group_join(&path, group, i, NULL));
    dnnb_status status = dnnb_record_load(&record, path);
    dnnb__free(path);
    if (status != DNNB_OK) return status;
    const dnnb_history *history = dnnb_record_get_history(record);
    size_t n = dnnb_history_get_count(history), best = dnnb_record_get_best_epoch(record);
    const dnnb_epoch *last = n ? dnnb_history_get_epoch(history, n - 1) : NULL;
    run->n_train = dnnb_stimulus_get_count(s->train);
    run->n_validation = s->validation ? dnnb_stimulus_get_count(s->validation) : 0;
    run->n_left_out = dnnb_record_get_n_left_out(record);
    run->n_epochs = n;
    if (last) {
        run->loss = last->epoch_loss;
        run->score_train = last->score_train;
        run->score_last = last->score_validation;
    }
    if (best < n) {
        run->best_epoch = best + 1;
        run->score_best = dnnb_history_get_epoch(history, best)->score_validation;
    }
    run->is_finished = n > 0;
    dnnb_record_destroy(record);
    return DNNB_OK;
}

/* Train, or see that a run which has finished is the one that is wanted. */
static dnnb_status train_or_check(const maker *m, const dnnb_group_run *run, const sets *s,
                                  const char *path, dnnb_dnn *dnn) {
    dnnb_train_options options = *m->options;
    dnnb_run_options where = *m->run;
    dnnb__run_folder found;
    dnnb__buf warning;
    char *config;
    options.seed = run->seed;
    where.folder = path;
    where.overwrite = false;
    dnnb__buf_init(&warning, 1 << 16);
    dnnb_status status = dnnb__run_folder_check(&found, path, false, options.resume, &warning);
    dnnb__buf_destroy(&warning);
    if (status != DNNB_OK) return status;
    if (found != DNNB__RUN_FOLDER_DONE)
        return dnnb_run_train(dnn, s->train, s->validation, &options, &where, NULL);
    dnnb__run_inputs inputs = {.dnn = dnn,
                               .train = s->train,
                               .validation = s->validation,
                               .options = &options,
                               .run = &where};
    (void)snprintf(inputs.weights_sum, sizeof inputs.weights_sum, "%s", m->weights_sum);
    DNNB_TRY(dnnb__path_join(&config, path, "config.json"));
    status = dnnb__run_config_compare(&inputs, config);
    dnnb__free(config);
    return status;
}

/* "seed-7" of "seed-7/fold-2". */
static dnnb_status create_parent(const maker *m, const dnnb_group_run *run) {
    const char *slash = strchr(run->folder, '/');
    char *name, *path;
    if (!slash) return DNNB_OK;
    name = dnnb__strndup(run->folder, (size_t)(slash - run->folder));
    if (!name) return dnnb__fail_memory();
    dnnb_status status = dnnb__path_join(&path, m->group->folder, name);
    dnnb__free(name);
    if (status != DNNB_OK) return status;
    status = dnnb__folder_create(path);
    dnnb__free(path);
    return status;
}

static dnnb_status tell_run(const maker *m, size_t i) {
    const dnnb_group_options *w = m->wanted;
    if (!w->on_run || w->on_run(w->context, m->group, i)) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_STOPPED, "stopped before %s", m->group->runs[i].folder);
}

static dnnb_status make_run(maker *m, size_t i) {
    dnnb_group_run *run = &m->group->runs[i];
    sets s;
    dnnb_dnn *dnn = NULL;
    char *path = NULL;
    DNNB_TRY(tell_run(m, i));
    dnnb_status status = make_sets(m, run, &s);
    if (status == DNNB_OK) status = create_parent(m, run);
    if (status == DNNB_OK) status = dnnb__group_join(&path, m->group, i, NULL);
    if (status == DNNB_OK) status = m->wanted->create(m->wanted->context, run->seed, &dnn);
    if (status == DNNB_OK) status = train_or_check(m, run, &s, path, dnn);
    if (status == DNNB_OK) status = read_run(m->group, i, &s);
    if (status != DNNB_OK && status != DNNB_ERR_STOPPED)
        status = dnnb__fail_prefix(status, "%s", run->folder);
    dnnb__free(path);
    dnnb_dnn_destroy(dnn);
    sets_clear(&s);
    return status;
}

/* What cannot be written now is written after the next run, or at the end. */
static dnnb_status save_meanwhile(const maker *m) {
    char text[1280];
    if (dnnb__group_save(m->group) == DNNB_OK) return DNNB_OK;
    (void)snprintf(text, sizeof text, "%s; it is tried again after the next run", dnnb_get_error());
    return warn(m, text);
}

static dnnb_status make_runs(maker *m) {
    for (size_t i = 0; i < m->group->n_runs; i++) {
        DNNB_TRY(make_run(m, i));
        DNNB_TRY(save_meanwhile(m));
        DNNB_TRY(tell_run(m, i));
    }
    return DNNB_OK;
}

static size_t count_finished(const dnnb_group *group) {
    size_t n = 0;
    for (size_t i = 0; i < group->n_runs; i++) n += group->runs[i].is_finished;
    return n;
}

/* True while no run has left a folder. */
static bool is_empty(const dnnb_group *group) {
    char *path;
    if (count_finished(group) > 0 || dnnb__group_join(&path, group, 0, NULL) != DNNB_OK)
        return false;
    bool is_there = dnnb__folder_exists(path);
    dnnb__free(path);
    return !is_there;
}

/* The table in any case; pooled predictions and the plot when all is there; nothing when there is
 * nothing to keep. */
static dnnb_status finish(maker *m, dnnb_status status) {
    dnnb_group *group = m->group;
    char message[1024];
    if (status == DNNB_OK && group->info.n_folds)
        status = dnnb__group_pool(group, m->stim, m->options);
    if (status == DNNB_OK) status = dnnb__group_draw(group);
    if (status == DNNB_OK) status = dnnb__group_save_page(group);
    (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
    dnnb__group_set_status(group, status == DNNB_OK            ? DNNB__GROUP_FINISHED
                                  : status == DNNB_ERR_STOPPED ? DNNB__GROUP_STOPPED
                                                               : DNNB__GROUP_FAILED);
    if (status == DNNB_OK) return dnnb__group_save(group);
    dnnb_status ignored =
        is_empty(group) ? dnnb__group_folder_clear(group->folder) : dnnb__group_save(group);
    (void)ignored; /* there is a failure to tell already */
    dnnb__run_lock_release(&m->lock);
    if (m->was_made && is_empty(group)) (void)dnnb__io_rmdir(group->folder);
    dnnb__set_error(message);
    return status;
}

static dnnb_status open_folder(maker *m) {
    const dnnb_run_options *run = m->run;
    dnnb__group_folder found;
    DNNB_TRY(dnnb__group_folder_check(&found, m->group, run->overwrite, m->options->resume));
    m->was_made = found == DNNB__GROUP_FOLDER_ABSENT;
    DNNB_TRY(dnnb__folder_create(m->group->folder));
    DNNB_TRY(dnnb__run_lock_take(&m->lock, m->group->folder));
    if (found == DNNB__GROUP_FOLDER_TAKEN && run->overwrite)
        DNNB_TRY(dnnb__group_folder_clear(m->group->folder));
    return dnnb__group_save(m->group);
}

static dnnb_status prepare(maker *m) {
    dnnb_group_info *info = &m->group->info;
    size_t n = dnnb_stimulus_get_count(m->stim);
    bool is_classification = m->options->task == DNNB_CLASSIFICATION, is_there = false;
    info->task = m->options->task;
    info->n_images = n;
    DNNB_TRY(find_chance(m));
    if (info->n_folds) {
        m->folds = dnnb__alloc(n, sizeof *m->folds);
        if (!m->folds) return dnnb__fail_memory();
        DNNB_TRY(dnnb_stimulus_assign_folds(m->stim, info->n_folds, is_classification, info->seed,
                                            m->folds));
        if (is_classification) DNNB_TRY(warn_of_rare_labels(m));
    }
    const char *weights = m->run->weights_path;
    if (weights && *weights) DNNB_TRY(dnnb__file_find(&is_there, weights));
    return is_there ? dnnb__sha256_file(m->weights_sum, weights) : DNNB_OK;
}

static dnnb_status make(maker *m) {
    DNNB_TRY(prepare(m));
    dnnb_status status = open_folder(m);
    if (status == DNNB_OK) return finish(m, make_runs(m));
    dnnb__run_lock_release(&m->lock);
    if (m->was_made) (void)dnnb__io_rmdir(m->group->folder);
    return status;
}

dnnb_status dnnb_run_group(const dnnb_stimulus *stim, const dnnb_stimulus *validation,
                           const dnnb_train_options *options, const dnnb_run_options *run,
                           const dnnb_group_options *wanted, dnnb_group **out) {
    static const dnnb_train_options defaults = DNNB_TRAIN_OPTIONS_INIT;
    maker m = {.stim = stim,
               .validation = validation,
               .options = options ? options : &defaults,
               .run = run,
               .wanted = wanted};
    if (out) *out = NULL;
    if (wanted->n_folds && validation)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "folds: expected no validation stimuli with them; each fold is those of "
                          "its run");
    if (!wanted->create)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "create: expected a function, found none");
    DNNB_TRY(dnnb__group_create(&m.group, run->folder ? run->folder : "", wanted->n_folds,
                                wanted->n_repeats, m.options->seed));
    dnnb_status status = make(&m);
    dnnb__run_lock_release(&m.lock);
    dnnb__free(m.folds);
    if (out && (status == DNNB_OK || status == DNNB_ERR_STOPPED))
        *out = m.group;
    else
        dnnb_group_destroy(m.group);
    return status;
}
