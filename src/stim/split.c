/*
 * A split of a set in two that keeps each label's share.
 *
 * Method: the rows of a label are a stratum. Each stratum gives the whole part of its quota, and
 * the strata with the largest remainders give one more until the total is right. Which rows of a
 * stratum go is a permutation drawn at (seed, label). A set without whole-number labels, as in a
 * regression, is one stratum.
 */
#include <math.h>
#include <string.h>

#include "core/random.h"
#include "stim/table.h"

typedef struct labelled_row {
    int64_t label;
    uint32_t row;
} labelled_row;

typedef struct stratum {
    size_t first, n; /* its part of the sorted rows */
    size_t n_taken, n_most;
    double remainder;
} stratum;

typedef struct split {
    labelled_row *rows; /* by label, then by row */
    size_t n;
    stratum *strata;
    size_t n_strata;
    uint64_t *order; /* room for the permutation of one stratum */
    bool *in_second; /* the answer: one a row */
} split;

static int compare_rows(const void *a, const void *b) {
    const labelled_row *x = a, *y = b;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static int compare_remainders(const void *a, const void *b) {
    const stratum *x = a, *y = b;
    if (x->remainder != y->remainder) return x->remainder > y->remainder ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static void split_clear(split *s) {
    dnnb__free(s->rows);
    dnnb__free(s->strata);
    dnnb__free(s->order);
    dnnb__free(s->in_second);
}

static dnnb_status read_strata(split *s, const dnnb_stimulus *stim) {
    int64_t *labels = dnnb__calloc(s->n, sizeof *labels);
    if (!labels) return dnnb__fail_memory();
    if (dnnb_stimulus_read_labels(stim, labels, 0) != DNNB_OK)
        memset(labels, 0, s->n * sizeof *labels);
    for (size_t i = 0; i < s->n; i++)
        s->rows[i] = (labelled_row){.label = labels[i], .row = (uint32_t)i};
    dnnb__free(labels);
    qsort(s->rows, s->n, sizeof *s->rows, compare_rows);
    for (size_t i = 0; i < s->n; i++) {
        if (i == 0 || s->rows[i].label != s->rows[i - 1].label)
            s->strata[s->n_strata++] = (stratum){.first = i};
        s->strata[s->n_strata - 1].n++;
    }
    return DNNB_OK;
}

static size_t clamp_size(double value, size_t least, size_t most) {
    if (value < (double)least) return least;
    return value > (double)most ? most : (size_t)value;
}

/* How many rows each stratum gives. */
static void apportion(split *s, double fraction) {
    size_t total = clamp_size(round(fraction * (double)s->n), 1, s->n - 1), given = 0;
    for (size_t k = 0; k < s->n_strata; k++) {
        stratum *t = &s->strata[k];
        double quota = fraction * (double)t->n;
        t->n_most = t->n >= 2 ? t->n - 1 : 1;
        t->n_taken = clamp_size(floor(quota), t->n >= 2, t->n_most);
        t->remainder = quota - (double)t->n_taken;
        given += t->n_taken;
    }
    qsort(s->strata, s->n_strata, sizeof *s->strata, compare_remainders);
    for (size_t k = 0; k < s->n_strata && given < total; k++) {
        if (s->strata[k].n_taken == s->strata[k].n_most) continue;
        s->strata[k].n_taken++;
        given++;
    }
}

static void draw(split *s, uint64_t seed) {
    dnnb__random_key key = dnnb__random_key_create(seed, DNNB__PURPOSE_SPLIT);
    for (size_t k = 0; k < s->n_strata; k++) {
        const stratum *t = &s->strata[k];
        const labelled_row *rows = s->rows + t->first;
        dnnb__random_permutation(key, (uint32_t)rows[0].label, s->order, t->n);
        for (size_t i = 0; i < t->n_taken; i++) s->in_second[rows[s->order[i]].row] = true;
    }
}

static dnnb_status select_half(dnnb_stimulus **out, const dnnb_stimulus *stim, const split *s,
                               bool second) {
    size_t n = 0;
    uint32_t *rows = dnnb__alloc(s->n, sizeof *rows);
    if (!rows) return dnnb__fail_memory();
    for (size_t i = 0; i < s->n; i++)
        if (s->in_second[i] == second) rows[n++] = (uint32_t)i;
    dnnb_status status = dnnb__stimulus_select(out, stim, rows, n);
    dnnb__free(rows);
    return status;
}

dnnb_status dnnb_stimulus_split(const dnnb_stimulus *stim, double fraction, uint64_t seed,
                                dnnb_stimulus **first, dnnb_stimulus **second) {
    *first = *second = NULL;
    if (!(fraction > 0 && fraction < 1))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "split: expected a share between 0 and 1, found %g",
                          fraction);
    if (stim->n_rows < 2)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "split: expected at least 2 images, found %zu",
                          stim->n_rows);
    split s = {.n = stim->n_rows};
    s.rows = dnnb__alloc(s.n, sizeof *s.rows);
    s.strata = dnnb__alloc(s.n, sizeof *s.strata);
    s.order = dnnb__alloc(s.n, sizeof *s.order);
    s.in_second = dnnb__calloc(s.n, sizeof *s.in_second);
    dnnb_status status = DNNB_OK;
    if (!s.rows || !s.strata || !s.order || !s.in_second) status = dnnb__fail_memory();
    if (status == DNNB_OK) status = read_strata(&s, stim);
    if (status != DNNB_OK) goto done;
    apportion(&s, fraction);
    draw(&s, seed);
    status = select_half(first, stim, &s, false);
    if (status == DNNB_OK) status = select_half(second, stim, &s, true);
    if (status != DNNB_OK) {
        dnnb_stimulus_destroy(*first);
        *first = NULL;
    }
done:
    split_clear(&s);
    return status;
}
