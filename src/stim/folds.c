/*
 * Folds of a set, for cross-validation.
 *
 * Method: the rows of each label are shuffled, by a permutation drawn at (seed, label), and dealt
 * to the folds in turn like cards; each label goes on where the one before it stopped. So the folds
 * differ by at most one row in all, and by at most one row of each label. A set that is not
 * stratified is dealt as if it had one label.
 *
 * Source: scikit-learn sklearn/model_selection/_split.py. Its StratifiedKFold counts a fold's rows
 * of each label by dealing the sorted labels, where labels come in the order in which the set first
 * has them; its KFold gives one row more to the first folds. Dealing does both.
 */
#include "core/random.h"
#include "stim/table.h"

typedef struct labelled_row {
    int64_t label;
    uint64_t row;
} labelled_row;

/* The rows of a label among the sorted ones. */
typedef struct stratum {
    size_t first, n;
    uint64_t first_row; /* of the set */
} stratum;

typedef struct dealer {
    labelled_row *rows; /* by label, then by row */
    size_t n;
    stratum *strata;
    size_t n_strata;
    uint64_t *order; /* room for the permutation of one stratum */
} dealer;

static int compare_rows(const void *a, const void *b) {
    const labelled_row *x = a, *y = b;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static int compare_strata(const void *a, const void *b) {
    const stratum *x = a, *y = b;
    return x->first_row < y->first_row ? -1 : x->first_row > y->first_row;
}

static void dealer_clear(dealer *d) {
    dnnb__free(d->rows);
    dnnb__free(d->strata);
    dnnb__free(d->order);
}

static dnnb_status dealer_create(dealer *d, const dnnb_stimulus *stim, bool stratify) {
    *d = (dealer){.n = stim->n_rows};
    int64_t *labels = dnnb__calloc(d->n, sizeof *labels);
    d->rows = dnnb__alloc(d->n, sizeof *d->rows);
    d->strata = dnnb__alloc(d->n, sizeof *d->strata);
    d->order = dnnb__alloc(d->n, sizeof *d->order);
    dnnb_status status = DNNB_OK;
    if (!labels || !d->rows || !d->strata || !d->order) status = dnnb__fail_memory();
    if (status == DNNB_OK && stratify) status = dnnb_stimulus_read_labels(stim, labels, 0);
    for (size_t i = 0; status == DNNB_OK && i < d->n; i++)
        d->rows[i] = (labelled_row){.label = labels[i], .row = i};
    dnnb__free(labels);
    return status;
}

static void find_strata(dealer *d) {
    qsort(d->rows, d->n, sizeof *d->rows, compare_rows);
    for (size_t i = 0; i < d->n; i++) {
        if (i == 0 || d->rows[i].label != d->rows[i - 1].label)
            d->strata[d->n_strata++] = (stratum){.first = i, .first_row = d->rows[i].row};
        d->strata[d->n_strata - 1].n++;
    }
    qsort(d->strata, d->n_strata, sizeof *d->strata, compare_strata);
}

static dnnb_status check_strata(const dealer *d, size_t n_folds) {
    size_t largest = 0;
    for (size_t k = 0; k < d->n_strata; k++)
        if (d->strata[k].n > largest) largest = d->strata[k].n;
    if (largest >= n_folds) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT,
                      "folds: expected a label with at least %zu images, one for each fold, found "
                      "at most %zu of a label",
                      n_folds, largest);
}

static void deal(dealer *d, size_t n_folds, uint64_t seed, size_t *folds) {
    dnnb__random_key key = dnnb__random_key_create(seed, DNNB__PURPOSE_FOLD);
    size_t n_dealt = 0;
    for (size_t k = 0; k < d->n_strata; k++) {
        const stratum *s = &d->strata[k];
        const labelled_row *rows = d->rows + s->first;
        dnnb__random_permutation(key, (uint32_t)rows[0].label, d->order, s->n);
        for (size_t i = 0; i < s->n; i++) folds[rows[d->order[i]].row] = n_dealt++ % n_folds;
    }
}

dnnb_status dnnb_stimulus_assign_folds(const dnnb_stimulus *stim, size_t n_folds, bool stratify,
                                       uint64_t seed, size_t *folds) {
    if (n_folds < 2 || n_folds > stim->n_rows)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "folds: expected at least 2 and at most one an image, %zu, found %zu",
                          stim->n_rows, n_folds);
    dealer d;
    dnnb_status status = dealer_create(&d, stim, stratify);
    if (status == DNNB_OK) {
        find_strata(&d);
        status = check_strata(&d, n_folds);
    }
    if (status == DNNB_OK) deal(&d, n_folds, seed, folds);
    dealer_clear(&d);
    return status;
}

/* The rows that are in the fold, or those that are not. */
static dnnb_status select_rows(dnnb_stimulus **out, const dnnb_stimulus *stim, const size_t *folds,
                               size_t fold, bool in_fold) {
    size_t n = 0;
    uint32_t *rows = dnnb__alloc(stim->n_rows, sizeof *rows);
    if (!rows) return dnnb__fail_memory();
    for (size_t i = 0; i < stim->n_rows; i++)
        if ((folds[i] == fold) == in_fold) rows[n++] = (uint32_t)i;
    dnnb_status status = n > 0 ? dnnb__stimulus_select(out, stim, rows, n)
                               : dnnb__fail(DNNB_ERR_ARGUMENT,
                                            "fold %zu: expected images in it and others, found "
                                            "all or none of %zu",
                                            fold + 1, stim->n_rows);
    dnnb__free(rows);
    return status;
}

dnnb_status dnnb_stimulus_fold(const dnnb_stimulus *stim, const size_t *folds, size_t fold,
                               dnnb_stimulus **others, dnnb_stimulus **held_out) {
    *others = *held_out = NULL;
    DNNB_TRY(select_rows(others, stim, folds, fold, false));
    dnnb_status status = select_rows(held_out, stim, folds, fold, true);
    if (status == DNNB_OK) return DNNB_OK;
    dnnb_stimulus_destroy(*others);
    *others = NULL;
    return status;
}
