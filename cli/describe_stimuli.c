/* A .stim.csv: what it says and whether its pictures are there. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/classes.h"
#include "cli/common.h"
#include "cli/describe.h"

enum { MOST_MISSING_SHOWN = 5 };

static void print_headers(const dnnb_stimulus *stim) {
    static const char *const keys[] = {"type", "path", "title"};
    for (size_t i = 0; i < CLI_COUNT_OF(keys); i++) {
        const char *value = dnnb_stimulus_get_header(stim, keys[i]);
        if (value) printf("%-10s %s\n", keys[i], value);
    }
    printf("%-10s %s\n", "folder", dnnb_stimulus_get_folder(stim));
    printf("%-10s %zu\n", "images", dnnb_stimulus_get_count(stim));
}

/* Name, and least and largest value where every field is a number. */
static void print_column(const dnnb_stimulus *stim, size_t column) {
    double least = INFINITY, largest = -INFINITY;
    size_t n = dnnb_stimulus_get_count(stim);
    bool is_number = n > 0;
    for (size_t i = 0; is_number && i < n; i++) {
        const char *text = dnnb_stimulus_get_field(stim, i, column);
        char *end;
        double value = strtod(text, &end);
        is_number = end != text && !*end && isfinite(value);
        least = fmin(least, value);
        largest = fmax(largest, value);
    }
    printf("  %-16s", dnnb_stimulus_get_column_name(stim, column));
    if (is_number)
        printf("  %g to %g\n", least, largest);
    else
        printf("  text\n");
}

static void print_missing(const dnnb_stimulus *stim) {
    size_t n = dnnb_stimulus_get_count(stim), n_missing = 0;
    for (size_t i = 0; i < n; i++) {
        const char *path = dnnb_stimulus_get_path(stim, i);
        if (access(path, R_OK) == 0) continue;
        if (n_missing++ < MOST_MISSING_SHOWN)
            printf("cannot read line %zu: %s\n", dnnb_stimulus_get_line(stim, i), path);
    }
    if (n_missing > 0)
        printf("%zu of %zu files cannot be read\n", n_missing, n);
    else if (dnnb_stimulus_check_files(stim) == DNNB_OK)
        printf("all files are there and begin as pictures do\n");
    else
        printf("%s\n", dnnb_get_error());
}

int cli_describe_stimuli(const char *path) {
    static const char *const names[] = {"images"};
    dnnb_stimulus *loaded = NULL;
    if (dnnb_stimulus_load(&loaded, path) != DNNB_OK) return cli_fail();
    const dnnb_stimulus *stim = loaded;
    print_headers(stim);
    printf("columns\n");
    for (size_t c = 0; c < dnnb_stimulus_get_n_columns(stim); c++) print_column(stim, c);
    if (dnnb_stimulus_find_column(stim, "label") != SIZE_MAX &&
        cli_print_classes(&stim, names, 1) != DNNB_OK)
        printf("no classes: %s\n", dnnb_get_error());
    print_missing(stim);
    dnnb_stimulus_destroy(loaded);
    return CLI_DONE;
}
