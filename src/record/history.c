/*
 * history.csv: what a train_dict does not have, its columns found by their names.
 *
 * A run that goes on may write between the reading of the two: rows that the train_dict has not yet
 * are left out. Without a train_dict the rows are all there is.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/text.h"
#include "record/record.h"
#include "stim/csv.h"

typedef struct column {
    const char *name;
    size_t offset; /* of the number in dnnb_epoch */
} column;

static const column columns[] = {
    {"loss", offsetof(dnnb_epoch, epoch_loss)},
    {"score_train", offsetof(dnnb_epoch, score_train)},
    {"score_validation", offsetof(dnnb_epoch, score_validation)},
    {"loss_validation", offsetof(dnnb_epoch, loss_validation)},
    {"learning_rate", offsetof(dnnb_epoch, learning_rate)},
    {"seconds", offsetof(dnnb_epoch, seconds)},
    {"images_per_second", offsetof(dnnb_epoch, images_per_second)},
    {"gradient_norm", offsetof(dnnb_epoch, gradient_norm)},
};
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

/* Counts, which are never missing where there is a column. */
static const column counts[] = {
    {"images_left_out", offsetof(dnnb_epoch, n_left_out)},
    {"parameters_trained", offsetof(dnnb_epoch, n_trained)},
};
enum { N_COUNTS = sizeof counts / sizeof counts[0] };

typedef struct merge {
    const dnnb_history *from;
    dnnb_history *to;
    size_t at[N_COLUMNS], counts_at[N_COUNTS]; /* in a row; SIZE_MAX for a column that is missing */
} merge;

static void find_columns(merge *m, const dnnb__csv_row *row) {
    for (size_t c = 0; c < N_COLUMNS; c++) m->at[c] = SIZE_MAX;
    for (size_t c = 0; c < N_COUNTS; c++) m->counts_at[c] = SIZE_MAX;
    for (size_t i = 0; i < row->n; i++) {
        for (size_t c = 0; c < N_COLUMNS; c++)
            if (strcmp(row->fields[i], columns[c].name) == 0) m->at[c] = i;
        for (size_t c = 0; c < N_COUNTS; c++)
            if (strcmp(row->fields[i], counts[c].name) == 0) m->counts_at[c] = i;
    }
}

static dnnb_status fail_number(const char *name, const char *found) {
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a number, found '%.40s'", name, found);
}

/* A number that the train_dict has is kept: it has the same. */
static dnnb_status fill(const merge *m, const dnnb__csv_row *row, dnnb_epoch *epoch) {
    for (size_t c = 0; c < N_COLUMNS; c++) {
        const char *field = m->at[c] == SIZE_MAX ? "" : row->fields[m->at[c]];
        double *number = (double *)(void *)((char *)epoch + columns[c].offset), value;
        if (!*field || !isnan(*number)) continue;
        if (!dnnb__text_read_f64(field, &value)) return fail_number(columns[c].name, field);
        *number = value;
    }
    for (size_t c = 0; c < N_COUNTS; c++) {
        const char *field = m->counts_at[c] == SIZE_MAX ? "" : row->fields[m->counts_at[c]];
        int64_t count;
        if (!*field) continue;
        if (!dnnb__text_read_i64(field, &count) || count < 0)
            return fail_number(counts[c].name, field);
        *(size_t *)(void *)((char *)epoch + counts[c].offset) = (size_t)count;
    }
    return DNNB_OK;
}

static dnnb_status add_row(void *context, const dnnb__csv_row *row) {
    merge *m = context;
    size_t n = dnnb_history_get_count(m->from), i = row->number - 2;
    if (row->number == 1) {
        find_columns(m, row);
        return DNNB_OK;
    }
    if (n > 0 && i >= n) return DNNB_OK;
    dnnb_epoch epoch = {.epoch_loss = NAN,
                        .score_train = NAN,
                        .score_validation = NAN,
                        .loss_validation = NAN,
                        .learning_rate = NAN,
                        .seconds = NAN,
                        .images_per_second = NAN,
                        .gradient_norm = NAN};
    if (n > 0) epoch = *dnnb_history_get_epoch(m->from, i);
    DNNB_TRY(fill(m, row, &epoch));
    return dnnb_history_add(m->to, &epoch);
}

dnnb_status dnnb__record_read_history(dnnb_history **history, const char *bytes, size_t n,
                                      const char *name) {
    merge m = {.from = *history};
    DNNB_TRY(dnnb_history_create(&m.to));
    dnnb_status status = dnnb__csv_read(bytes, n, name, add_row, &m);
    size_t n_epochs = dnnb_history_get_count(*history);
    for (size_t i = dnnb_history_get_count(m.to); status == DNNB_OK && i < n_epochs; i++)
        status = dnnb_history_add(m.to, dnnb_history_get_epoch(*history, i));
    if (status != DNNB_OK) {
        dnnb_history_destroy(m.to);
        return status;
    }
    dnnb_history_destroy(*history);
    *history = m.to;
    return DNNB_OK;
}
