/*
 * The history of a training run: its epochs, and a train_dict read by its first bytes.
 */
#include "formats/history.h"

#include <math.h>
#include <string.h>

struct dnnb_history {
    dnnb_epoch *epochs; /* each owns its step losses */
    size_t n, capacity;
};

const char *const dnnb__history_keys[DNNB__N_LISTS] = {"step_loss", "epoch_loss", "score_train",
                                                       "score_validation", "loss_validation"};

dnnb_status dnnb_history_create(dnnb_history **out) {
    *out = dnnb__calloc(1, sizeof **out);
    return *out ? DNNB_OK : dnnb__fail_memory();
}

void dnnb_history_destroy(dnnb_history *history) {
    if (!history) return;
    for (size_t i = 0; i < history->n; i++)
        dnnb__free((void *)(uintptr_t)history->epochs[i].step_loss);
    dnnb__free(history->epochs);
    dnnb__free(history);
}

dnnb_status dnnb_history_add(dnnb_history *history, const dnnb_epoch *epoch) {
    if (history->n == history->capacity) {
        size_t capacity = history->capacity ? 2 * history->capacity : 64;
        dnnb_epoch *grown = dnnb__realloc(history->epochs, capacity, sizeof *grown);
        if (!grown) return dnnb__fail_memory();
        history->epochs = grown;
        history->capacity = capacity;
    }
    double *step_loss = dnnb__alloc(epoch->n_steps, sizeof *step_loss);
    if (!step_loss) return dnnb__fail_memory();
    if (epoch->n_steps) memcpy(step_loss, epoch->step_loss, epoch->n_steps * sizeof *step_loss);
    history->epochs[history->n] = *epoch;
    history->epochs[history->n++].step_loss = step_loss;
    return DNNB_OK;
}

size_t dnnb_history_get_count(const dnnb_history *history) {
    return history->n;
}

size_t dnnb_history_find_best(const dnnb_history *history, dnnb_monitor monitor) {
    size_t best = SIZE_MAX;
    double best_value = NAN;
    for (size_t i = 0; i < history->n; i++) {
        const dnnb_epoch *e = &history->epochs[i];
        double value = monitor == DNNB_MONITOR_LOSS ? -e->loss_validation : e->score_validation;
        if (isnan(value) || (best != SIZE_MAX && value <= best_value)) continue;
        best = i;
        best_value = value;
    }
    return best;
}

const dnnb_epoch *dnnb_history_get_epoch(const dnnb_history *history, size_t i) {
    return &history->epochs[i];
}

double dnnb__history_get_number(const dnnb_history *history, size_t list, size_t i) {
    const dnnb_epoch *e = &history->epochs[i];
    return list == DNNB__LIST_EPOCH_LOSS         ? e->epoch_loss
           : list == DNNB__LIST_SCORE_TRAIN      ? e->score_train
           : list == DNNB__LIST_SCORE_VALIDATION ? e->score_validation
                                                 : e->loss_validation;
}

size_t dnnb__history_get_list_count(const dnnb_history *history, size_t list) {
    if (list == DNNB__LIST_STEP_LOSS || list == DNNB__LIST_EPOCH_LOSS) return history->n;
    for (size_t i = 0; i < history->n; i++)
        if (!isnan(dnnb__history_get_number(history, list, i))) return history->n;
    return 0;
}

/* ---- reading a train_dict ---- */

/* Numbers in a list, which must be there when `is_required` and then hold one an epoch. */
static dnnb_status count_list(const dnnb__history_source *s, size_t list, size_t n_epochs,
                              bool is_required, size_t *n) {
    const char *key = dnnb__history_keys[list];
    *n = 0;
    if (!s->lists[list]) {
        if (!is_required) return DNNB_OK;
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a train_dict, found no '%s'", s->name,
                          key);
    }
    if (!s->get_count(s->lists[list], n))
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: '%s': expected a list", s->name, key);
    if (list != DNNB__LIST_STEP_LOSS && *n != n_epochs && (is_required || *n != 0))
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: '%s': expected a number for each of %zu epochs, found %zu", s->name,
                          key, n_epochs, *n);
    return DNNB_OK;
}

static dnnb_status read_number(const dnnb__history_source *s, const void *list, size_t i,
                               const char *key, double *out) {
    if (s->get_number(s->get_item(list, i), out)) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: '%s': item %zu is no number", s->name, key, i);
}

static dnnb_status add_epoch(dnnb_history *history, const dnnb__history_source *s, size_t i,
                             const double numbers[DNNB__N_LISTS], size_t *n_left) {
    const char *key = dnnb__history_keys[DNNB__LIST_STEP_LOSS];
    const void *list = s->get_item(s->lists[DNNB__LIST_STEP_LOSS], i);
    size_t n;
    if (!s->get_count(list, &n))
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: '%s': item %zu: expected a list", s->name, key, i);
    if (n > *n_left)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: '%s': more than %zu numbers", s->name, key,
                          s->max_numbers);
    *n_left -= n;
    double *step_loss = dnnb__alloc(n, sizeof *step_loss);
    if (!step_loss) return dnnb__fail_memory();
    dnnb_status status = DNNB_OK;
    for (size_t j = 0; j < n && status == DNNB_OK; j++)
        status = read_number(s, list, j, key, &step_loss[j]);
    if (status == DNNB_OK) {
        dnnb_epoch epoch = {.step_loss = step_loss,
                            .n_steps = n,
                            .epoch_loss = numbers[DNNB__LIST_EPOCH_LOSS],
                            .score_train = numbers[DNNB__LIST_SCORE_TRAIN],
                            .score_validation = numbers[DNNB__LIST_SCORE_VALIDATION],
                            .loss_validation = numbers[DNNB__LIST_LOSS_VALIDATION],
                            .learning_rate = NAN,
                            .seconds = NAN,
                            .images_per_second = NAN,
                            .gradient_norm = NAN};
        status = dnnb_history_add(history, &epoch);
    }
    dnnb__free(step_loss);
    return status;
}

static dnnb_status add_epochs(dnnb_history *history, const dnnb__history_source *s) {
    size_t n_epochs = 0, n_left = s->max_numbers, counts[DNNB__N_LISTS] = {0};
    for (size_t list = 0; list < DNNB__N_LISTS; list++) {
        DNNB_TRY(count_list(s, list, n_epochs, list <= DNNB__LIST_EPOCH_LOSS, &counts[list]));
        if (list == DNNB__LIST_STEP_LOSS) n_epochs = counts[list];
    }
    for (size_t i = 0; i < n_epochs; i++) {
        double numbers[DNNB__N_LISTS] = {NAN, NAN, NAN, NAN, NAN};
        for (size_t list = DNNB__LIST_EPOCH_LOSS; list < DNNB__N_LISTS; list++)
            if (counts[list])
                DNNB_TRY(
                    read_number(s, s->lists[list], i, dnnb__history_keys[list], &numbers[list]));
        DNNB_TRY(add_epoch(history, s, i, numbers, &n_left));
    }
    return DNNB_OK;
}

dnnb_status dnnb__history_build(dnnb_history **out, const dnnb__history_source *source) {
    dnnb_history *history;
    *out = NULL;
    DNNB_TRY(dnnb_history_create(&history));
    dnnb_status status = add_epochs(history, source);
    if (status != DNNB_OK) {
        dnnb_history_destroy(history);
        return status;
    }
    *out = history;
    return DNNB_OK;
}

dnnb_status dnnb_history_load(dnnb_history **out, const char *path) {
    char *bytes;
    size_t n, at = 0;
    *out = NULL;
    DNNB_TRY(dnnb__file_read(&bytes, &n, path, DNNB__HISTORY_MAX_BYTES));
    while (at < n && strchr(" \t\r\n", bytes[at])) at++;
    bool is_json = at < n && bytes[at] == '{';
    dnnb_status status = is_json ? dnnb__history_read_json(out, bytes, n, path)
                                 : dnnb__history_read_pickle(out, bytes, n, path);
    dnnb__free(bytes);
    return status;
}
