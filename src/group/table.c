/* The table of a group: its plan, its numbers, and what they come to. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/random.h"
#include "group/group.h"

const char *const dnnb__group_task_names[2] = {"classification", "regression"};
static const char *const status_names[] = {"going on", "finished", "stopped", "failed"};

static dnnb_status check_plan(size_t n_folds, size_t n_repeats) {
    if (n_folds == 1 || n_folds > DNNB__GROUP_MAX)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "folds: expected 0, or 2 to %d, found %zu",
                          DNNB__GROUP_MAX, n_folds);
    if (n_repeats < 1 || n_repeats > DNNB__GROUP_MAX)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "repeats: expected 1 to %d, found %zu",
                          DNNB__GROUP_MAX, n_repeats);
    size_t n_runs = n_repeats * (n_folds ? n_folds : 1);
    if (n_runs <= DNNB__GROUP_MAX_RUNS) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_LIMIT, "expected at most %d runs, found %zu", DNNB__GROUP_MAX_RUNS,
                      n_runs);
}

static dnnb_status plan_run(dnnb_group_run *run, const dnnb_group_info *info, size_t i) {
    size_t n_folds = info->n_folds ? info->n_folds : 1;
    char name[80];
    *run = (dnnb_group_run){.repeat = i / n_folds,
                            .fold = i % n_folds,
                            .seed = info->seed + i / n_folds,
                            .loss = (double)NAN,
                            .score_train = (double)NAN,
                            .score_last = (double)NAN,
                            .score_best = (double)NAN};
    if (info->n_folds == 0)
        (void)snprintf(name, sizeof name, "seed-%" PRIu64, run->seed);
    else if (info->n_repeats == 1)
        (void)snprintf(name, sizeof name, "fold-%zu", run->fold + 1);
    else
        (void)snprintf(name, sizeof name, "seed-%" PRIu64 "/fold-%zu", run->seed, run->fold + 1);
    if (info->n_folds) run->seed = dnnb_group_get_fold_seed(run->seed, run->fold);
    run->folder = dnnb__strdup(name);
    return run->folder ? DNNB_OK : dnnb__fail_memory();
}

dnnb_status dnnb__group_create(dnnb_group **out, const char *folder, size_t n_folds,
                               size_t n_repeats, uint64_t seed) {
    *out = NULL;
    DNNB_TRY(check_plan(n_folds, n_repeats));
    dnnb_group *group = dnnb__calloc(1, sizeof *group);
    if (!group) return dnnb__fail_memory();
    group->info = (dnnb_group_info){
        .n_folds = n_folds, .n_repeats = n_repeats, .seed = seed, .chance = (double)NAN};
    dnnb__group_set_status(group, DNNB__GROUP_GOING_ON);
    size_t n_runs = n_repeats * (n_folds ? n_folds : 1);
    group->folder = dnnb__strdup(folder);
    group->pooled = dnnb__calloc(n_repeats, sizeof *group->pooled);
    group->runs = dnnb__calloc(n_runs, sizeof *group->runs);
    dnnb_status status =
        group->folder && group->pooled && group->runs ? DNNB_OK : dnnb__fail_memory();
    while (status == DNNB_OK && group->n_runs < n_runs) {
        status = plan_run(&group->runs[group->n_runs], &group->info, group->n_runs);
        group->n_runs++;
    }
    for (size_t i = 0; group->pooled && i < n_repeats; i++)
        group->pooled[i] = (dnnb_group_pooled){
            .score = (double)NAN, .interval = {.low = (double)NAN, .high = (double)NAN}};
    if (status != DNNB_OK) {
        dnnb_group_destroy(group);
        return status;
    }
    *out = group;
    return DNNB_OK;
}

void dnnb_group_destroy(dnnb_group *group) {
    if (!group) return;
    for (size_t i = 0; i < group->n_runs; i++) dnnb__free((char *)group->runs[i].folder);
    dnnb__free(group->runs);
    dnnb__free(group->pooled);
    dnnb__free(group->folder);
    dnnb__free(group);
}

void dnnb__group_set_status(dnnb_group *group, dnnb__group_status status) {
    group->info.status = status_names[status];
}

const char *dnnb__group_get_stem(const dnnb_group *group) {
    return group->info.n_folds ? "cv" : "repeat";
}

dnnb_status dnnb__group_join(char **out, const dnnb_group *group, size_t run, const char *name) {
    char *folder;
    DNNB_TRY(dnnb__path_join(&folder, group->folder, group->runs[run].folder));
    *out = folder;
    if (!name) return DNNB_OK;
    dnnb_status status = dnnb__path_join(out, folder, name);
    dnnb__free(folder);
    return status;
}

uint64_t dnnb_group_get_fold_seed(uint64_t seed, size_t fold) {
    dnnb__random_key key = dnnb__random_key_create(seed, DNNB__PURPOSE_FOLD_SEED);
    return dnnb__random_at(key, (uint32_t)fold, 0, 0).word[0];
}

const char *dnnb_group_get_folder(const dnnb_group *group) {
    return group->folder;
}

const dnnb_group_info *dnnb_group_get_info(const dnnb_group *group) {
    return &group->info;
}

size_t dnnb_group_get_count(const dnnb_group *group) {
    return group->n_runs;
}

const dnnb_group_run *dnnb_group_get_run(const dnnb_group *group, size_t i) {
    DNNB_ASSERT(i < group->n_runs);
    return &group->runs[i];
}

/* Both passes add in the order of the runs, so that the same runs give the same bits. */
dnnb_group_summary dnnb__group_summarise(const double *values, size_t n) {
    dnnb_group_summary s = {.n = 0, .mean = (double)NAN, .sd = (double)NAN};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) continue;
        sum += values[i];
        s.n++;
    }
    if (s.n == 0) return s;
    s.mean = sum / (double)s.n;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) squares += (values[i] - s.mean) * (values[i] - s.mean);
    if (s.n > 1) s.sd = sqrt(squares / (double)(s.n - 1));
    return s;
}

static double get_value(const dnnb_group_run *run, dnnb_group_column column) {
    switch (column) {
    case DNNB_GROUP_LOSS:
        return run->loss;
    case DNNB_GROUP_SCORE_TRAIN:
        return run->score_train;
    case DNNB_GROUP_SCORE_LAST:
        return run->score_last;
    case DNNB_GROUP_SCORE_BEST:
        return run->score_best;
    }
    return (double)NAN;
}

dnnb_group_summary dnnb_group_summarise(const dnnb_group *group, dnnb_group_column column) {
    double values[DNNB__GROUP_MAX_RUNS];
    size_t n = 0;
    for (size_t i = 0; i < group->n_runs; i++)
        if (group->runs[i].is_finished) values[n++] = get_value(&group->runs[i], column);
    return dnnb__group_summarise(values, n);
}

dnnb_group_pooled dnnb_group_get_pooled(const dnnb_group *group, size_t repeat) {
    DNNB_ASSERT(repeat < group->info.n_repeats);
    return group->pooled[repeat];
}

dnnb_group_summary dnnb_group_summarise_pooled(const dnnb_group *group) {
    double values[DNNB__GROUP_MAX];
    for (size_t i = 0; i < group->info.n_repeats; i++) values[i] = group->pooled[i].score;
    return dnnb__group_summarise(values, group->info.n_repeats);
}
