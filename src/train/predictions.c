/*
 * Predictions as an array, and as a CSV for people and statistics programs (RFC 4180 quoting).
 */
#include "train/predictions.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"

dnnb_status dnnb__predictions_create(dnnb_predictions **out, size_t capacity, size_t n_outputs) {
    size_t n_values;
    *out = NULL;
    if (!dnnb__mul_size(capacity, n_outputs, &n_values))
        return dnnb__fail(DNNB_ERR_LIMIT, "predictions: %zu images of %zu outputs are too many",
                          capacity, n_outputs);
    dnnb_predictions *p = dnnb__calloc(1, sizeof *p);
    if (!p) return dnnb__fail_memory();
    p->capacity = capacity;
    p->n_outputs = n_outputs;
    p->rows = dnnb__calloc(capacity, sizeof *p->rows);
    p->outputs = dnnb__calloc(n_values, sizeof *p->outputs);
    if (!p->rows || !p->outputs) {
        dnnb_predictions_destroy(p);
        return dnnb__fail_memory();
    }
    *out = p;
    return DNNB_OK;
}

void dnnb_predictions_destroy(dnnb_predictions *p) {
    if (!p) return;
    dnnb__free(p->rows);
    dnnb__free(p->outputs);
    dnnb__free(p);
}

void dnnb__predictions_copy(dnnb_predictions *to, const dnnb_predictions *from) {
    DNNB_ASSERT(to->capacity >= from->n && to->n_outputs == from->n_outputs);
    memcpy(to->rows, from->rows, from->n * sizeof *to->rows);
    memcpy(to->outputs, from->outputs, from->n * from->n_outputs * sizeof *to->outputs);
    to->n = from->n;
}

bool dnnb__predictions_find_bad(const dnnb_predictions *p, size_t *i, float *value) {
    for (size_t k = 0; k < p->n * p->n_outputs; k++) {
        if (isfinite(p->outputs[k])) continue;
        *i = k / p->n_outputs;
        *value = p->outputs[k];
        return true;
    }
    return false;
}

size_t dnnb__predictions_argmax(const float *outputs, size_t n) {
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (outputs[k] > outputs[best]) best = k;
    return best;
}

size_t dnnb_predictions_get_count(const dnnb_predictions *p) {
    return p->n;
}

size_t dnnb_predictions_get_n_outputs(const dnnb_predictions *p) {
    return p->n_outputs;
}

size_t dnnb_predictions_get_row(const dnnb_predictions *p, size_t i) {
    return p->rows[i];
}

const float *dnnb_predictions_get_outputs(const dnnb_predictions *p, size_t i) {
    return p->outputs + i * p->n_outputs;
}

/* A text field; quoted where a reader would otherwise take it apart. */
static void put_text(FILE *file, const char *text) {
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, file);
        return;
    }
    putc('"', file);
    for (; *text; text++) {
        if (*text == '"') putc('"', file);
        putc(*text, file);
    }
    putc('"', file);
}

enum { MAX_LABEL_COLUMNS = 1024 };

/* The columns of the set that follow stimID. */
typedef struct label_columns {
    size_t index[MAX_LABEL_COLUMNS];
    size_t n;
    const dnnb__extra_column *extra; /* behind the outputs */
    size_t n_extra;
} label_columns;

static dnnb_status find_columns(label_columns *out, const dnnb_stimulus *stim, const char *names) {
    char name[256];
    out->n = 0;
    while (names && *names) {
        size_t n = strcspn(names, ",");
        if (n >= sizeof name || out->n == MAX_LABEL_COLUMNS)
            return dnnb__fail(DNNB_ERR_LIMIT, "predictions: more label columns than can be named");
        memcpy(name, names, n);
        name[n] = '\0';
        names += n + (names[n] == ',');
        size_t column = dnnb_stimulus_find_column(stim, name);
        if (column == SIZE_MAX)
            return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a column '%s', found none",
                              dnnb_stimulus_get_file(stim), name);
        out->index[out->n++] = column;
    }
    return DNNB_OK;
}

static void put_header(FILE *file, const dnnb_predictions *p, const dnnb_stimulus *stim,
                       const label_columns *labels) {
    fputs("stimID", file);
    for (size_t k = 0; k < labels->n; k++) {
        putc(',', file);
        put_text(file, dnnb_stimulus_get_column_name(stim, labels->index[k]));
    }
    fputs(",predicted,condition", file);
    for (size_t k = 0; k < p->n_outputs; k++) fprintf(file, ",output_%zu", k);
    for (size_t k = 0; k < labels->n_extra; k++) fprintf(file, ",%s", labels->extra[k].name);
    putc('\n', file);
}

static void put_rows(FILE *file, const dnnb_predictions *p, const dnnb_stimulus *stim,
                     dnnb_task task, const label_columns *labels) {
    size_t condition = dnnb_stimulus_find_column(stim, "condition");
    for (size_t i = 0; i < p->n; i++) {
        const float *outputs = dnnb_predictions_get_outputs(p, i);
        put_text(file, dnnb_stimulus_get_id(stim, p->rows[i]));
        for (size_t k = 0; k < labels->n; k++) {
            putc(',', file);
            put_text(file, dnnb_stimulus_get_field(stim, p->rows[i], labels->index[k]));
        }
        if (task == DNNB_CLASSIFICATION)
            fprintf(file, ",%zu,", dnnb__predictions_argmax(outputs, p->n_outputs));
        else
            fprintf(file, ",%.9g,", (double)outputs[0]);
        if (condition != SIZE_MAX)
            put_text(file, dnnb_stimulus_get_field(stim, p->rows[i], condition));
        for (size_t k = 0; k < p->n_outputs; k++) fprintf(file, ",%.9g", (double)outputs[k]);
        for (size_t k = 0; k < labels->n_extra; k++)
            fprintf(file, ",%" PRIu64, labels->extra[k].values[i]);
        putc('\n', file);
    }
}

/* With a point in every number, whatever the caller's locale. */
static void put_all(FILE *file, const dnnb_predictions *p, const dnnb_stimulus *stim,
                    dnnb_task task, const label_columns *columns) {
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    put_header(file, p, stim, columns);
    put_rows(file, p, stim, task, columns);
    if (!plain) return;
    uselocale(before);
    freelocale(plain);
}

dnnb_status dnnb__predictions_save_csv(const dnnb_predictions *p, const dnnb_stimulus *stim,
                                       dnnb_task task, const char *labels,
                                       const dnnb__extra_column *extra, size_t n_extra,
                                       const char *path) {
    label_columns columns = {.extra = extra, .n_extra = n_extra};
    dnnb__writer writer;
    DNNB_TRY(find_columns(&columns, stim, labels));
    DNNB_TRY(dnnb__writer_create(&writer, path));
    put_all(writer.file, p, stim, task, &columns);
    return dnnb__writer_commit(&writer);
}

dnnb_status dnnb_predictions_save_csv(const dnnb_predictions *p, const dnnb_stimulus *stim,
                                      dnnb_task task, const char *labels, const char *path) {
    return dnnb__predictions_save_csv(p, stim, task, labels, NULL, 0, path);
}

dnnb_status dnnb_predictions_write_csv(const dnnb_predictions *p, const dnnb_stimulus *stim,
                                       dnnb_task task, const char *labels, FILE *file) {
    label_columns columns = {.n_extra = 0};
    DNNB_TRY(find_columns(&columns, stim, labels));
    put_all(file, p, stim, task, &columns);
    return DNNB_OK;
}
