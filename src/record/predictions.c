/*
 * predictions.csv: stimID, the label or the targets, predicted, condition, output_0, output_1 ...
 *
 * Targets may have any name, "condition" too, so columns are found by their place: the outputs are
 * the last ones, whose number their last name tells.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "record/record.h"
#include "stim/csv.h"

static const char output_prefix[] = "output_";

/* 0 when the last columns are none. */
static size_t count_outputs(const dnnb__csv_row *header) {
    const char *last = header->fields[header->n - 1];
    int64_t index;
    char name[48];
    if (strncmp(last, output_prefix, strlen(output_prefix)) != 0 ||
        !dnnb__text_read_i64(last + strlen(output_prefix), &index) || index < 0 ||
        (uint64_t)index >= header->n)
        return 0;
    size_t n = (size_t)index + 1;
    for (size_t k = 0; k < n; k++) {
        (void)snprintf(name, sizeof name, "%s%zu", output_prefix, k);
        if (strcmp(header->fields[header->n - n + k], name) != 0) return 0;
    }
    return n;
}

static dnnb_status read_header(dnnb_record *record, const dnnb__csv_row *header) {
    size_t n = count_outputs(header), n_known = header->n - n;
    if (n == 0 || n_known < 4 || strcmp(header->fields[0], "stimID") != 0 ||
        strcmp(header->fields[n_known - 2], "predicted") != 0 ||
        strcmp(header->fields[n_known - 1], "condition") != 0)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "expected stimID, a label or targets, predicted, condition, output_0, "
                          "output_1 ..., found others");
    size_t n_targets = n_known - 3;
    bool is_classification = record->task == DNNB_CLASSIFICATION;
    if (is_classification && (n_targets != 1 || strcmp(header->fields[1], "label") != 0))
        return dnnb__fail(DNNB_ERR_FORMAT, "expected a column 'label' after stimID, found '%.40s'",
                          header->fields[1]);
    record->n_outputs = n;
    record->n_targets = is_classification ? 0 : n_targets;
    for (size_t k = 0; k < record->n_targets; k++) {
        size_t offset = dnnb__record_keep_text(record, header->fields[1 + k]);
        dnnb__buf_append(&record->target_names, &offset, sizeof offset);
    }
    return DNNB_OK;
}

static dnnb_status read_floats(dnnb__buf *out, const char *const *fields, size_t n,
                               const char *what) {
    for (size_t k = 0; k < n; k++) {
        double value;
        if (!dnnb__text_read_f64(fields[k], &value) || !isfinite(value))
            return dnnb__fail(DNNB_ERR_FORMAT, "expected a finite number as %s %zu, found '%.40s'",
                              what, k, fields[k]);
        float rounded = (float)value;
        dnnb__buf_append(out, &rounded, sizeof rounded);
    }
    return DNNB_OK;
}

/* A label may be written as 1 or 1.0. */
static dnnb_status read_class(int64_t *out, const char *field, size_t n_classes, const char *what) {
    double value;
    if (!dnnb__text_read_f64(field, &value) || !(value >= 0 && value < (double)n_classes) ||
        value != floor(value))
        return dnnb__fail(DNNB_ERR_FORMAT, "expected %s from 0 to %zu, found '%.40s'", what,
                          n_classes - 1, field);
    *out = (int64_t)value;
    return DNNB_OK;
}

static dnnb_status add_row(void *context, const dnnb__csv_row *row) {
    dnnb_record *record = context;
    if (row->number == 1) return read_header(record, row);
    size_t n_known = row->n - record->n_outputs;
    dnnb__record_prediction p = {.label = -1, .predicted = -1};
    if (record->task == DNNB_CLASSIFICATION) {
        DNNB_TRY(read_class(&p.label, row->fields[1], record->n_outputs, "a label"));
        DNNB_TRY(
            read_class(&p.predicted, row->fields[n_known - 2], record->n_outputs, "a prediction"));
    }
    DNNB_TRY(read_floats(&record->targets, row->fields + 1, record->n_targets, "target"));
    DNNB_TRY(read_floats(&record->outputs, row->fields + n_known, record->n_outputs, "output"));
    p.id = dnnb__record_keep_text(record, row->fields[0]);
    p.condition = dnnb__record_keep_text(record, row->fields[n_known - 1]);
    dnnb__buf_append(&record->predictions, &p, sizeof p);
    record->n_predictions++;
    return DNNB_OK;
}

dnnb_status dnnb__record_read_predictions(dnnb_record *record, const char *bytes, size_t n,
                                          const char *name) {
    dnnb__buf *const all[] = {&record->predictions, &record->outputs, &record->targets,
                              &record->target_names, &record->text};
    DNNB_TRY(dnnb__csv_read(bytes, n, name, add_row, record));
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) DNNB_TRY(dnnb__buf_get_status(all[i]));
    return DNNB_OK;
}

size_t dnnb_record_get_n_predictions(const dnnb_record *record) {
    return record->n_predictions;
}

size_t dnnb_record_get_n_outputs(const dnnb_record *record) {
    return record->n_outputs;
}

size_t dnnb_record_get_n_targets(const dnnb_record *record) {
    return record->n_targets;
}

const char *dnnb_record_get_target_name(const dnnb_record *record, size_t target) {
    const size_t *names = (const size_t *)(const void *)record->target_names.data;
    return record->text.data + names[target];
}

dnnb_prediction dnnb_record_get_prediction(const dnnb_record *record, size_t i) {
    const dnnb__record_prediction *p =
        (const dnnb__record_prediction *)(const void *)record->predictions.data + i;
    const float *outputs = (const float *)(const void *)record->outputs.data;
    const float *targets = (const float *)(const void *)record->targets.data;
    return (dnnb_prediction){.id = record->text.data + p->id,
                             .condition = record->text.data + p->condition,
                             .label = p->label,
                             .predicted = p->predicted,
                             .outputs = outputs + i * record->n_outputs,
                             .targets = targets ? targets + i * record->n_targets : NULL};
}
