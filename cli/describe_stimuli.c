/* A .stim.csv: what it says, whether its pictures are there, and their sizes. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* What the header of each file says: those that no run could use, and the sizes of the others. */
static void print_files(const dnnb_stimulus *stim) {
    size_t n = dnnb_stimulus_get_count(stim), n_bad = 0;
    int64_t least_w = 0, least_h = 0, most_w = 0, most_h = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t w, h;
        if (dnnb_image_check(dnnb_stimulus_get_path(stim, i), NULL, &w, &h) != DNNB_OK) {
            if (n_bad++ < MOST_SHOWN)
                printf("cannot use line %zu: %s\n", dnnb_stimulus_get_line(stim, i),
                       dnnb_get_error());
            continue;
        }
        if (least_w == 0 || w * h < least_w * least_h) least_w = w, least_h = h;
        if (w * h > most_w * most_h) most_w = w, most_h = h;
    }
    if (n_bad < n)
        printf("%-10s %" PRId64 " x %" PRId64 " to %" PRId64 " x %" PRId64 " pixels\n", "sizes",
               least_w, least_h, most_w, most_h);
    if (n_bad > 0)
        printf("%zu of %zu files cannot be used\n", n_bad, n);
    else
        printf("all files are there and have the header of a picture\n");
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
    print_files(stim);
    dnnb_stimulus_destroy(loaded);
    return CLI_DONE;
}
