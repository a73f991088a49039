/*
 * The predictions of all folds taken together: predictions.csv, with the fold of each, and its
 * score.
 *
 * They are read back from the runs' own predictions.csv, also those that ended just now, so that a
 * group that was stopped and went on has the same bytes. %.9g gives a float32 back exactly.
 */
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "dnnbrain/record.h"
#include "group/group.h"
#include "train/predictions.h"

/* What is gathered: predictions of the rows, repeat after repeat, and where each came from. */
typedef struct pool {
    const dnnb_stimulus *stim;
    const dnnb_train_options *options;
    dnnb_predictions *predictions; /* NULL before the first record */
    uint64_t *folds, *seeds;       /* of each prediction, counted from 1 */
    size_t capacity;
} pool;

static void pool_clear(pool *p) {
    dnnb_predictions_destroy(p->predictions);
    dnnb__free(p->folds);
    dnnb__free(p->seeds);
}

static dnnb_status add_row(pool *p, const dnnb_group *group, const dnnb_group_run *run, size_t row,
                           const dnnb_record *record, size_t i) {
    size_t n_outputs = dnnb_record_get_n_outputs(record);
    if (!p->predictions)
        DNNB_TRY(dnnb__predictions_create(&p->predictions, p->capacity, n_outputs));
    dnnb_predictions *all = p->predictions;
    if (all->n_outputs != n_outputs || all->n == all->capacity)
        return dnnb__fail(DNNB_ERR_FORMAT, "expected predictions of %zu outputs, found %zu",
                          all->n_outputs, n_outputs);
    memcpy(all->outputs + all->n * n_outputs, dnnb_record_get_prediction(record, i).outputs,
           n_outputs * sizeof *all->outputs);
    all->rows[all->n] = row;
    p->folds[all->n] = run->fold + 1;
    p->seeds[all->n++] = group->info.seed + run->repeat;
    return DNNB_OK;
}

/* A repeat's records: the prediction of each fold that is to come next. */
typedef struct sources {
    dnnb_record **records;
    size_t *next;
    size_t n;
} sources;

static void sources_clear(sources *s) {
    for (size_t f = 0; s->records && f < s->n; f++) dnnb_record_destroy(s->records[f]);
    dnnb__free(s->records);
    dnnb__free(s->next);
}

static dnnb_status sources_load(sources *s, const dnnb_group *group, size_t repeat) {
    s->n = group->info.n_folds;
    s->records = dnnb__calloc(s->n, sizeof(dnnb_record *));
    s->next = dnnb__calloc(s->n, sizeof *s->next);
    if (!s->records || !s->next) return dnnb__fail_memory();
    for (size_t f = 0; f < s->n; f++) {
        char *path;
        DNNB_TRY(dnnb__group_join(&path, group, repeat * s->n + f, NULL));
        dnnb_status status = dnnb_record_load(&s->records[f], path);
        dnnb__free(path);
        if (status != DNNB_OK) return status;
    }
    return DNNB_OK;
}

/* Rows in order. A fold's predictions are in the order of its rows, without those left out. */
static dnnb_status add_repeat(pool *p, const dnnb_group *group, size_t repeat,
                              const size_t *folds) {
    sources s = {0};
    dnnb_status status = sources_load(&s, group, repeat);
    for (size_t row = 0; status == DNNB_OK && row < dnnb_stimulus_get_count(p->stim); row++) {
        size_t f = folds[row], i = s.next[f];
        const dnnb_record *record = s.records[f];
        if (i == dnnb_record_get_n_predictions(record) ||
            strcmp(dnnb_record_get_prediction(record, i).id, dnnb_stimulus_get_id(p->stim, row)))
            continue;
        s.next[f]++;
        status = add_row(p, group, &group->runs[repeat * s.n + f], row, record, i);
    }
    for (size_t f = 0; status == DNNB_OK && f < s.n; f++)
        if (s.next[f] < dnnb_record_get_n_predictions(s.records[f]))
            status = dnnb__fail(DNNB_ERR_FORMAT,
                                "%s/%s/predictions.csv: expected images of the fold, found %s",
                                group->folder, group->runs[repeat * s.n + f].folder,
                                dnnb_record_get_prediction(s.records[f], s.next[f]).id);
    sources_clear(&s);
    return status;
}

static dnnb_status score_classes(const pool *p, size_t first, dnnb_group_pooled *out) {
    const dnnb_predictions *all = p->predictions;
    size_t n_right = 0;
    int64_t *labels = dnnb__alloc(dnnb_stimulus_get_count(p->stim), sizeof *labels);
    if (!labels) return dnnb__fail_memory();
    dnnb_status status = dnnb_stimulus_read_labels(p->stim, labels, 0);
    for (size_t i = first; status == DNNB_OK && i < all->n; i++)
        n_right += dnnb__predictions_argmax(all->outputs + i * all->n_outputs, all->n_outputs) ==
                   (size_t)labels[all->rows[i]];
    dnnb__free(labels);
    out->score = (double)n_right / (double)out->n_images;
    out->interval = dnnb_metrics_get_wilson(n_right, out->n_images);
    return status;
}

static dnnb_status score_numbers(const pool *p, size_t first, dnnb_group_pooled *out) {
    const dnnb_predictions *all = p->predictions;
    size_t n_outputs = all->n_outputs, n = out->n_images * n_outputs, n_targets;
    float *targets;
    dnnb_regression_score score;
    DNNB_TRY(dnnb_stimulus_read_targets(p->stim, p->options->target ? p->options->target : "label",
                                        &targets, &n_targets));
    double *values = n_targets == n_outputs ? dnnb__alloc(2 * n, sizeof *values) : NULL;
    for (size_t i = 0; values && i < n; i++) {
        size_t at = first + i / n_outputs, k = i % n_outputs;
        values[i] = (double)all->outputs[at * n_outputs + k];
        values[n + i] = (double)targets[all->rows[at] * n_outputs + k];
    }
    if (values) {
        dnnb_metrics_score_regression(values, values + n, n, &score);
        out->score = score.r_squared;
        out->interval = score.r_squared_interval;
    }
    dnnb_free(targets);
    dnnb__free(values);
    return values ? DNNB_OK : dnnb__fail(DNNB_ERR_MEMORY, "out of memory for the targets");
}

static dnnb_status score_repeat(const pool *p, size_t first, dnnb_group_pooled *out) {
    out->n_images = p->predictions ? p->predictions->n - first : 0;
    if (out->n_images == 0) return DNNB_OK;
    return p->options->task == DNNB_CLASSIFICATION ? score_classes(p, first, out)
                                                   : score_numbers(p, first, out);
}

static dnnb_status save(const pool *p, const dnnb_group *group) {
    const dnnb__extra_column extra[] = {{"fold", p->folds}, {"seed", p->seeds}};
    const dnnb_train_options *o = p->options;
    const char *labels = o->task == DNNB_REGRESSION && o->target ? o->target : "label";
    char *path;
    if (!p->predictions) return DNNB_OK;
    DNNB_TRY(dnnb__path_join(&path, group->folder, "predictions.csv"));
    dnnb_status status = dnnb__predictions_save_csv(p->predictions, p->stim, o->task, labels, extra,
                                                    group->info.n_repeats > 1 ? 2 : 1, path);
    dnnb__free(path);
    return status;
}

static dnnb_status pool_all(pool *p, dnnb_group *group, size_t *folds) {
    bool stratify = p->options->task == DNNB_CLASSIFICATION;
    for (size_t r = 0; r < group->info.n_repeats; r++) {
        size_t first = p->predictions ? p->predictions->n : 0;
        DNNB_TRY(dnnb_stimulus_assign_folds(p->stim, group->info.n_folds, stratify,
                                            group->info.seed + r, folds));
        DNNB_TRY(add_repeat(p, group, r, folds));
        DNNB_TRY(score_repeat(p, first, &group->pooled[r]));
    }
    return save(p, group);
}

dnnb_status dnnb__group_pool(dnnb_group *group, const dnnb_stimulus *stim,
                             const dnnb_train_options *options) {
    size_t n = dnnb_stimulus_get_count(stim);
    pool p = {.stim = stim, .options = options};
    if (!dnnb__mul_size(n, group->info.n_repeats, &p.capacity))
        return dnnb__fail(DNNB_ERR_LIMIT, "predictions: too many");
    size_t *folds = dnnb__alloc(n, sizeof *folds);
    p.folds = dnnb__alloc(p.capacity, sizeof *p.folds);
    p.seeds = dnnb__alloc(p.capacity, sizeof *p.seeds);
    dnnb_status status = folds && p.folds && p.seeds ? DNNB_OK : dnnb__fail_memory();
    if (status == DNNB_OK) status = pool_all(&p, group, folds);
    dnnb__free(folds);
    pool_clear(&p);
    return status;
}
