/* Columns as numbers: class labels and regression targets, each value checked with its line. */
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "stim/table.h"

static const int64_t largest_label = 1000000;

/* "found nothing", or the field's own text. */
static dnnb_status fail_field(const dnnb_stimulus *stim, size_t row, size_t column,
                              const char *expected) {
    const char *field = dnnb_stimulus_get_field(stim, row, column);
    const char *name = dnnb_stimulus_get_column_name(stim, column);
    size_t n = strlen(field);
    dnnb_status status = dnnb__fail(DNNB_ERR_FORMAT, "%s: expected %s, found %s",
                                    dnnb__clip_create(name, strlen(name)).text, expected,
                                    n ? dnnb__clip_create(field, n).text : "nothing");
    return dnnb__stimulus_fail_at(stim, row, status);
}

static dnnb_status fail_column(const dnnb_stimulus *stim, const char *name) {
    dnnb__buf names;
    dnnb__buf_init(&names, 512); /* a message holds no more; a longer list is cut */
    for (size_t c = 0; c < stim->n_columns; c++)
        dnnb__buf_printf(&names, "%s%s", c ? ", " : "", dnnb_stimulus_get_column_name(stim, c));
    dnnb_status status =
        dnnb__fail(DNNB_ERR_FORMAT, "expected a column '%s', found only %s",
                   dnnb__clip_create(name, strlen(name)).text, names.data ? names.data : "others");
    dnnb__buf_destroy(&names);
    return stim->file[0] ? dnnb__fail_prefix(status, "%s", stim->file) : status;
}

/* strtod also takes hexadecimal, "nan" and "inf", which no table of stimuli means. */
static bool read_decimal(const char *text, double *out) {
    return strspn(text, " \t+-.0123456789eE") == strlen(text) && dnnb__text_read_f64(text, out) &&
           isfinite(*out);
}

static bool read_label(const char *text, int64_t *out) {
    double value;
    if (dnnb__text_read_i64(text, out)) return true;
    if (!read_decimal(text, &value) || fabs(value) > 1e15 || value != floor(value)) return false;
    *out = (int64_t)value;
    return true;
}

dnnb_status dnnb_stimulus_read_labels(const dnnb_stimulus *stim, int64_t *out, int64_t n_classes) {
    size_t column = dnnb_stimulus_find_column(stim, "label");
    if (column == SIZE_MAX) return fail_column(stim, "label");
    int64_t largest = n_classes > 0 ? n_classes - 1 : largest_label;
    char expected[64];
    (void)snprintf(expected, sizeof expected, "an integer from 0 to %lld", (long long)largest);
    for (size_t i = 0; i < stim->n_rows; i++) {
        const char *field = dnnb_stimulus_get_field(stim, i, column);
        if (!read_label(field, &out[i]) || out[i] < 0 || out[i] > largest)
            return fail_field(stim, i, column, expected);
    }
    return DNNB_OK;
}

/* The columns named in a list divided by commas, as indices. */
static dnnb_status find_targets(const dnnb_stimulus *stim, const char *columns, size_t *indices,
                                size_t *n) {
    *n = 0;
    for (const char *at = columns;; at++) {
        at += strspn(at, " \t");
        size_t length = strcspn(at, ",");
        const char *next = at + length;
        while (length && strchr(" \t", at[length - 1])) length--;
        if (length == 0)
            return dnnb__fail(DNNB_ERR_ARGUMENT,
                              "targets: expected names divided by commas, found '%s'", columns);
        char *name = dnnb__strndup(at, length);
        if (!name) return dnnb__fail_memory();
        size_t column = dnnb_stimulus_find_column(stim, name);
        dnnb_status status = column == SIZE_MAX ? fail_column(stim, name) : DNNB_OK;
        dnnb__free(name);
        DNNB_TRY(status);
        for (size_t t = 0; t < *n; t++)
            if (indices[t] == column)
                return dnnb__fail(DNNB_ERR_ARGUMENT, "targets: expected each name once, found '%s'",
                                  columns);
        indices[(*n)++] = column;
        at = next;
        if (*at == '\0') return DNNB_OK;
    }
}

dnnb_status dnnb_stimulus_read_targets(const dnnb_stimulus *stim, const char *columns, float **out,
                                       size_t *n_targets) {
    *out = NULL;
    *n_targets = 0;
    size_t n;
    size_t *indices = dnnb__alloc(stim->n_columns, sizeof *indices);
    if (!indices) return dnnb__fail_memory();
    float *targets = NULL;
    dnnb_status status = find_targets(stim, columns, indices, &n);
    if (status != DNNB_OK) goto done;
    targets = dnnb__alloc(stim->n_rows, n * sizeof *targets);
    if (!targets) status = dnnb__fail_memory();
    for (size_t i = 0; i < stim->n_rows && status == DNNB_OK; i++)
        for (size_t t = 0; t < n && status == DNNB_OK; t++) {
            double value;
            float *target = &targets[i * n + t];
            /* 1e39 is finite here and infinite in float32. */
            if (!read_decimal(dnnb_stimulus_get_field(stim, i, indices[t]), &value) ||
                !isfinite(*target = (float)value))
                status = fail_field(stim, i, indices[t], "a finite number");
        }
done:
    dnnb__free(indices);
    if (status == DNNB_OK) {
        *out = targets;
        *n_targets = n;
    } else {
        dnnb__free(targets);
    }
    return status;
}
