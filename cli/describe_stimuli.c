/* A .stim.csv: what it says, whether its pictures are there, their sizes, and what is odd. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/classes.h"
#include "cli/common.h"
#include "cli/describe.h"
#include "cli/oddities.h"
#include "cli/table.h"

enum { MOST_SHOWN = 5 };

static void print_headers(const dnnb_stimulus *stim) {
    static const char *const keys[] = {"type", "path", "title"};
    for (size_t i = 0; i < CLI_COUNT_OF(keys); i++) {
        const char *value = dnnb_stimulus_get_header(stim, keys[i]);
        if (value) printf("%-10s %s\n", keys[i], value);
    }
    char *real = realpath(dnnb_stimulus_get_folder(stim), NULL); /* past links and ".." */
    printf("%-10s %s\n", "folder", real ? real : dnnb_stimulus_get_folder(stim));
    free(real);
    printf("%-10s %s\n\n", "images", cli_thousands((int64_t)dnnb_stimulus_get_count(stim)).s);
}

static int compare_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Number of different texts in a column; 0 when memory is short. */
static size_t count_different(const dnnb_stimulus *stim, size_t column) {
    size_t n = dnnb_stimulus_get_count(stim), n_different = 0;
    const char **texts = calloc(n + 1, sizeof *texts);
    if (!texts) return 0;
    for (size_t i = 0; i < n; i++) texts[i] = dnnb_stimulus_get_field(stim, i, column);
    qsort(texts, n, sizeof *texts, compare_text);
    for (size_t i = 0; i < n; i++) n_different += i == 0 || strcmp(texts[i], texts[i - 1]) != 0;
    free(texts);
    return n_different;
}

/* Name, kind, number of different values; least, mean and largest where all are numbers. */
static void add_column(cli_table *table, const dnnb_stimulus *stim, size_t column) {
    double least = INFINITY, largest = -INFINITY, sum = 0;
    size_t n = dnnb_stimulus_get_count(stim);
    bool is_number = n > 0;
    for (size_t i = 0; is_number && i < n; i++) {
        const char *text = dnnb_stimulus_get_field(stim, i, column);
        char *end;
        double value = strtod(text, &end);
        is_number = end != text && !*end && isfinite(value);
        least = fmin(least, value);
        largest = fmax(largest, value);
        sum += value;
    }
    cli_table_add(table, "%s", dnnb_stimulus_get_column_name(stim, column));
    cli_table_add(table, "%s", is_number ? "number" : "text");
    cli_table_add(table, "%s", cli_thousands((int64_t)count_different(stim, column)).s);
    const double values[] = {least, sum / (double)n, largest};
    for (size_t i = 0; i < CLI_COUNT_OF(values); i++)
        if (is_number)
            cli_table_add(table, "%.6g", values[i]);
        else
            cli_table_add(table, "%s", "");
}

static int print_columns(const dnnb_stimulus *stim) {
    static const cli_column columns[] = {{"column", false, true},    {"type", false, false},
                                         {"different", true, false}, {"least", true, false},
                                         {"mean", true, false},      {"largest", true, false}};
    cli_table *table = cli_table_create(columns, CLI_COUNT_OF(columns));
    for (size_t c = 0; c < dnnb_stimulus_get_n_columns(stim); c++) add_column(table, stim, c);
    int status = cli_table_print(table);
    cli_table_destroy(table);
    return status;
}

/* What the files of a set are found to be. */
typedef struct files {
    size_t n_bad, n_grey, n_sizes; /* n_sizes counts changes: 1 when all are alike */
    int64_t least_w, least_h, most_w, most_h, first_w, first_h;
} files;

static bool is_grey(const dnnb_image *image) {
    const uint8_t *p = image->pixels;
    size_t n = (size_t)(image->width_px * image->height_px);
    for (size_t i = 0; i < n; i++, p += 3)
        if (p[0] != p[1] || p[1] != p[2]) return false;
    return true;
}

static dnnb_status look_at(const char *path, dnnb_check check, int64_t *w, int64_t *h, bool *grey) {
    dnnb_image image;
    *grey = false;
    if (check == DNNB_CHECK_QUICK) return dnnb_image_check(path, NULL, w, h);
    dnnb_status status = dnnb_image_load(&image, path, NULL);
    if (status != DNNB_OK) return status;
    *w = image.width_px;
    *h = image.height_px;
    *grey = is_grey(&image);
    dnnb_image_clear(&image);
    return DNNB_OK;
}

static void add_file(files *f, int64_t w, int64_t h, bool grey) {
    if (f->n_sizes == 0) {
        *f = (files){.n_bad = f->n_bad, .n_sizes = 1, .first_w = w, .first_h = h};
        f->least_w = f->most_w = w, f->least_h = f->most_h = h;
    }
    f->n_sizes += w != f->first_w || h != f->first_h;
    f->n_grey += grey;
    if (w * h < f->least_w * f->least_h) f->least_w = w, f->least_h = h;
    if (w * h > f->most_w * f->most_h) f->most_w = w, f->most_h = h;
}

static void print_found(const files *f, size_t n, dnnb_check check) {
    size_t n_good = n - f->n_bad;
    if (n_good > 0 && f->n_sizes == 1)
        printf("%-10s all %" PRId64 " x %" PRId64 " pixels\n", "sizes", f->first_w, f->first_h);
    else if (n_good > 0)
        printf("%-10s %" PRId64 " x %" PRId64 " to %" PRId64 " x %" PRId64 " pixels\n", "sizes",
               f->least_w, f->least_h, f->most_w, f->most_h);
    if (check == DNNB_CHECK_FULL && n_good > 0 && f->n_grey > 0)
        printf("%-10s %zu of %zu pictures are grey\n", "colours", f->n_grey, n_good);
    if (f->n_bad > 0)
        printf("%zu of %zu files cannot be used\n", f->n_bad, n);
    else if (check == DNNB_CHECK_FULL)
        printf("all files are there and can be decoded\n");
    else
        printf("all files are there and have the header of a picture\n");
}

/* Those that no run could use, and the sizes of the others. */
static void print_files(const dnnb_stimulus *stim, dnnb_check check, cli_progress *progress) {
    size_t n = dnnb_stimulus_get_count(stim);
    files found = {0};
    for (size_t i = 0; i < n; i++) {
        int64_t w, h;
        bool grey;
        if (look_at(dnnb_stimulus_get_path(stim, i), check, &w, &h, &grey) == DNNB_OK) {
            add_file(&found, w, h, grey);
        } else if (found.n_bad++ < MOST_SHOWN) {
            cli_progress_clear(progress);
            printf("cannot use line %zu: %s\n", dnnb_stimulus_get_line(stim, i), dnnb_get_error());
        }
        cli_progress_count(progress, "looking at images", i + 1, n, "images");
    }
    cli_progress_clear(progress);
    print_found(&found, n, check);
}

static int print_classes(const dnnb_stimulus *stim) {
    static const char *const names[] = {"images"};
    if (dnnb_stimulus_find_column(stim, "label") == SIZE_MAX) return CLI_DONE;
    putchar('\n');
    if (cli_print_classes(&stim, names, 1) != DNNB_OK) printf("no classes: %s\n", dnnb_get_error());
    return CLI_DONE;
}

int cli_describe_stimuli(const char *path, dnnb_check check) {
    dnnb_stimulus *stim = NULL;
    cli_progress progress;
    cli_progress_init(&progress, false);
    if (dnnb_stimulus_load(&stim, path) != DNNB_OK) return cli_fail();
    print_headers(stim);
    int status = print_columns(stim);
    if (status == CLI_DONE) status = print_classes(stim);
    if (status == CLI_DONE) {
        putchar('\n');
        print_files(stim, check, &progress);
        putchar('\n');
        cli_oddities oddities = {.stim = stim, .progress = &progress};
        status = cli_oddities_print(&oddities);
        if (status == CLI_DONE && oddities.n_found == 0) printf("nothing odd was found\n");
    }
    dnnb_stimulus_destroy(stim);
    return status;
}
