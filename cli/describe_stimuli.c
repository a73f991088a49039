/* A .stim.csv: what it says and whether its pictures are there. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/classes.h"
#include "cli/common.h"
#include "cli/describe.h"

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

/* A path that is absolute, or goes up anywhere on its way. */
static bool leads_out(const char *id) {
    if (id[0] == '/') return true;
    for (const char *part = id; part; part = strchr(part, '/'), part = part ? part + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2])) return true;
    return false;
}

/* Allowed, for lists of pictures from several folders; in a stranger's file worth a look. */
static void print_leading_out(const dnnb_stimulus *stim) {
    size_t n = dnnb_stimulus_get_count(stim), n_out = 0;
    for (size_t i = 0; i < n; i++) {
        if (!leads_out(dnnb_stimulus_get_id(stim, i))) continue;
        if (n_out++ < MOST_SHOWN)
            printf("leads out of the folder, line %zu: %s\n", dnnb_stimulus_get_line(stim, i),
                   dnnb_stimulus_get_path(stim, i));
    }
    if (n_out > 0) printf("%zu of %zu files lie, by their names, outside the folder\n", n_out, n);
}

static void print_missing(const dnnb_stimulus *stim) {
    size_t n = dnnb_stimulus_get_count(stim), n_missing = 0;
    for (size_t i = 0; i < n; i++) {
        const char *path = dnnb_stimulus_get_path(stim, i);
        if (access(path, R_OK) == 0) continue;
        if (n_missing++ < MOST_SHOWN)
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
    print_leading_out(stim);
    print_missing(stim);
    dnnb_stimulus_destroy(loaded);
    return CLI_DONE;
}
