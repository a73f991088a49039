/* Counting the images of each class. Invariant: one entry a label, in the order of the labels. */
#include "cli/classes.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/table.h"

typedef struct class_row {
    int64_t label;
    const char *condition;
    bool is_mixed; /* images of one label have several conditions */
    size_t n_images[CLI_MOST_SETS];
} class_row;

const char *cli_get_condition(const dnnb_stimulus *stim, size_t row) {
    size_t column = dnnb_stimulus_find_column(stim, "condition");
    return column == SIZE_MAX ? "" : dnnb_stimulus_get_field(stim, row, column);
}

static int compare_labels(const void *a, const void *b) {
    int64_t x = ((const class_row *)a)->label, y = ((const class_row *)b)->label;
    return (x > y) - (x < y);
}

/* One row an image, sorted by label (conditions stay in order), then merged. */
static size_t merge(class_row *rows, size_t n) {
    qsort(rows, n, sizeof *rows, compare_labels);
    size_t n_classes = 0;
    for (size_t i = 0; i < n; i++) {
        class_row *last = n_classes ? &rows[n_classes - 1] : NULL;
        if (!last || last->label != rows[i].label) {
            rows[n_classes++] = rows[i];
            continue;
        }
        last->is_mixed |= strcmp(last->condition, rows[i].condition) != 0;
        for (size_t s = 0; s < CLI_MOST_SETS; s++) last->n_images[s] += rows[i].n_images[s];
    }
    return n_classes;
}

static dnnb_status collect(const dnnb_stimulus *const *sets, size_t n_sets, class_row *rows,
                           int64_t *labels) {
    size_t to = 0;
    for (size_t s = 0; s < n_sets; s++) {
        dnnb_status status = dnnb_stimulus_read_labels(sets[s], labels, 0);
        if (status != DNNB_OK) return status;
        size_t n = dnnb_stimulus_get_count(sets[s]);
        for (size_t i = 0; i < n; i++) {
            class_row row = {.label = labels[i], .condition = cli_get_condition(sets[s], i)};
            row.n_images[s] = 1;
            rows[to++] = row;
        }
    }
    return DNNB_OK;
}

static void print_rows(const class_row *rows, size_t n, const char *const *names, size_t n_sets) {
    cli_column columns[2 + CLI_MOST_SETS] = {{"label", true, false}, {"condition", false, true}};
    size_t n_all[CLI_MOST_SETS] = {0};
    for (size_t s = 0; s < n_sets; s++) columns[2 + s] = (cli_column){names[s], true, false};
    cli_table *table = cli_table_create(columns, 2 + n_sets);
    for (size_t i = 0; i < n; i++) {
        cli_table_add(table, "%" PRId64, rows[i].label);
        cli_table_add(table, "%s", rows[i].is_mixed ? "(several)" : rows[i].condition);
        for (size_t s = 0; s < n_sets; s++) {
            cli_table_add(table, "%s", cli_thousands((int64_t)rows[i].n_images[s]).s);
            n_all[s] += rows[i].n_images[s];
        }
    }
    cli_table_add_rule(table);
    cli_table_add(table, "all");
    cli_table_add(table, "%s", "");
    for (size_t s = 0; s < n_sets; s++)
        cli_table_add(table, "%s", cli_thousands((int64_t)n_all[s]).s);
    (void)cli_table_print(table);
    cli_table_destroy(table);
}

dnnb_status cli_print_classes(const dnnb_stimulus *const *sets, const char *const *names,
                              size_t n_sets) {
    size_t n_all = 0;
    for (size_t s = 0; s < n_sets; s++) n_all += dnnb_stimulus_get_count(sets[s]);
    class_row *rows = calloc(n_all + 1, sizeof *rows);
    int64_t *labels = calloc(n_all + 1, sizeof *labels);
    dnnb_status status = rows && labels ? collect(sets, n_sets, rows, labels) : DNNB_ERR_MEMORY;
    if (status == DNNB_OK) print_rows(rows, merge(rows, n_all), names, n_sets);
    free(labels);
    free(rows);
    return status;
}
