/* Oddities of stimuli, found from their table and their files. */
#include "cli/oddities.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/classes.h"
#include "cli/common.h"

enum { MOST_SHOWN = 5, IMBALANCE = 3 };

/* A row's label and condition. */
typedef struct labelled {
    int64_t label;
    const char *condition;
} labelled;

/* One line; `n_before` of its kind have been printed. */
static void print_odd(cli_oddities *o, size_t n_before, const char *format, ...) DNNB_PRINTF(3, 4);
static void print_odd(cli_oddities *o, size_t n_before, const char *format, ...) {
    char text[2048];
    o->n_found++;
    if (n_before >= MOST_SHOWN) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cli_text_make_safe(text);
    cli_progress_clear(o->progress);
    printf("%s\n", text);
}

static void print_more(size_t n) {
    if (n > MOST_SHOWN) printf("and %zu more of this kind\n", n - MOST_SHOWN);
}

/* A path that is absolute, or goes up anywhere on its way. */
static bool leads_out(const char *id) {
    if (id[0] == '/') return true;
    for (const char *part = id; part; part = strchr(part, '/'), part = part ? part + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2])) return true;
    return false;
}

/* Allowed, for lists of pictures from several folders; in a stranger's file worth a look. */
static void find_leading_out(cli_oddities *o) {
    size_t n = dnnb_stimulus_get_count(o->stim), n_out = 0;
    for (size_t i = 0; i < n; i++)
        if (leads_out(dnnb_stimulus_get_id(o->stim, i)))
            print_odd(o, n_out++, "leads out of the folder, line %zu: %s",
                      dnnb_stimulus_get_line(o->stim, i), dnnb_stimulus_get_path(o->stim, i));
    if (n_out > 0) printf("%zu of %zu files lie, by their names, outside the folder\n", n_out, n);
}

static bool show_files(void *context, size_t done, size_t total) {
    cli_progress_count(context, "comparing files", done, total, "files");
    return true;
}

/* Rows of one file, and files with the same bytes. Where their labels differ, no network can be
 * right about both. */
static int find_copies(cli_oddities *o, const labelled *rows) {
    size_t n = dnnb_stimulus_get_count(o->stim), n_twice = 0, n_same = 0;
    size_t *first = calloc(n + 1, sizeof *first);
    if (!first) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    dnnb_status status = dnnb_stimulus_find_copies(o->stim, first, show_files, o->progress);
    cli_progress_clear(o->progress);
    for (size_t i = 0; status == DNNB_OK && i < n; i++) {
        if (first[i] == i) continue;
        size_t line = dnnb_stimulus_get_line(o->stim, i), of = first[i];
        const char *id = dnnb_stimulus_get_id(o->stim, i);
        bool is_one =
            strcmp(dnnb_stimulus_get_path(o->stim, i), dnnb_stimulus_get_path(o->stim, of)) == 0;
        const char *conflict =
            rows && rows[i].label != rows[of].label ? ", with another label" : "";
        if (is_one)
            print_odd(o, n_twice++, "listed twice%s: lines %zu and %zu, %s", conflict,
                      dnnb_stimulus_get_line(o->stim, of), line, id);
        else
            print_odd(o, n_same++, "the same picture%s: lines %zu and %zu, %s and %s", conflict,
                      dnnb_stimulus_get_line(o->stim, of), line, dnnb_stimulus_get_id(o->stim, of),
                      id);
    }
    if (n_twice + n_same > MOST_SHOWN)
        printf("%zu rows in all are of a file that a row before has\n", n_twice + n_same);
    free(first);
    return status == DNNB_OK ? CLI_DONE : cli_fail();
}

static int by_label(const void *a, const void *b) {
    const labelled *x = a, *y = b;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return strcmp(x->condition, y->condition);
}

static int by_condition(const void *a, const void *b) {
    const labelled *x = a, *y = b;
    int order = strcmp(x->condition, y->condition);
    return order ? order : (x->label > y->label) - (x->label < y->label);
}

/* Labels from 0 to the largest of which no image is; each is an output that learns nothing. */
static void find_gaps(cli_oddities *o, const labelled *sorted, size_t n) {
    size_t n_gaps = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t before = i ? sorted[i - 1].label : -1;
        if (sorted[i].label <= before + 1) continue;
        if (sorted[i].label == before + 2)
            print_odd(o, n_gaps++,
                      "no image has label %" PRId64 ": labels count from 0 without gaps",
                      before + 1);
        else
            print_odd(o, n_gaps++,
                      "no image has a label from %" PRId64 " to %" PRId64
                      ": labels count from 0 without gaps",
                      before + 1, sorted[i].label - 1);
    }
    print_more(n_gaps);
}

static void find_mixed_conditions(cli_oddities *o, labelled *rows, size_t n) {
    size_t n_labels = 0, n_conditions = 0;
    for (size_t i = 1; i < n; i++) {
        bool is_first = i == 1 || rows[i - 2].label != rows[i].label ||
                        strcmp(rows[i - 2].condition, rows[i - 1].condition) == 0;
        if (rows[i].label == rows[i - 1].label && is_first &&
            strcmp(rows[i].condition, rows[i - 1].condition) != 0)
            print_odd(o, n_labels++, "label %" PRId64 " has several conditions: %s, %s",
                      rows[i].label, rows[i - 1].condition, rows[i].condition);
    }
    print_more(n_labels);
    qsort(rows, n, sizeof *rows, by_condition);
    for (size_t i = 1; i < n; i++)
        if (strcmp(rows[i].condition, rows[i - 1].condition) == 0 &&
            rows[i].label != rows[i - 1].label)
            print_odd(o, n_conditions++, "condition %s has several labels: %" PRId64 ", %" PRId64,
                      rows[i].condition, rows[i - 1].label, rows[i].label);
    print_more(n_conditions);
}

static void find_imbalance(cli_oddities *o, const labelled *sorted, size_t n) {
    size_t fewest = SIZE_MAX, most = 0;
    int64_t rare = 0, frequent = 0;
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && sorted[end].label == sorted[begin].label;) end++;
        if (end - begin < fewest) fewest = end - begin, rare = sorted[begin].label;
        if (end - begin > most) most = end - begin, frequent = sorted[begin].label;
    }
    if (n == 0 || most < IMBALANCE * fewest) return;
    print_odd(o, 0,
              "label %" PRId64 " has %zu images and label %" PRId64 " only %zu: "
              "see --class-weights balanced of train",
              frequent, most, rare, fewest);
}

static int find_in_labels(cli_oddities *o, labelled *rows, size_t n) {
    bool has_conditions = dnnb_stimulus_find_column(o->stim, "condition") != SIZE_MAX;
    qsort(rows, n, sizeof *rows, by_label);
    find_gaps(o, rows, n);
    find_imbalance(o, rows, n);
    if (has_conditions) find_mixed_conditions(o, rows, n);
    return CLI_DONE;
}

/* One entry a row; NULL where there are no labels that can be read. */
static labelled *read_rows(const dnnb_stimulus *stim) {
    size_t n = dnnb_stimulus_get_count(stim);
    int64_t *labels = calloc(n + 1, sizeof *labels);
    labelled *rows = calloc(n + 1, sizeof *rows);
    if (!labels || !rows || dnnb_stimulus_read_labels(stim, labels, 0) != DNNB_OK) {
        free(rows);
        rows = NULL;
    }
    for (size_t i = 0; rows && i < n; i++)
        rows[i] = (labelled){.label = labels[i], .condition = cli_get_condition(stim, i)};
    free(labels);
    return rows;
}

int cli_oddities_print(cli_oddities *o) {
    labelled *rows = read_rows(o->stim);
    find_leading_out(o);
    int status = find_copies(o, rows);
    if (status == CLI_DONE && rows)
        status = find_in_labels(o, rows, dnnb_stimulus_get_count(o->stim));
    free(rows);
    return status;
}
