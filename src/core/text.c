/* Edit distance, globs and strict numbers. */
#include "core/text.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_WORD = 63 };

static size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

static int lower(char c) {
    return tolower((unsigned char)c);
}

size_t dnnb__text_distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST_WORD || m > LONGEST_WORD) return n > m ? n : m;
    size_t row[3][LONGEST_WORD + 1]; /* rows i - 2, i - 1 and i of the table */
    for (size_t j = 0; j <= m; j++) row[0][j] = row[1][j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[2][0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t replace = row[1][j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            size_t best = min_size(replace, min_size(row[1][j], row[2][j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                best = min_size(best, row[0][j - 2] + 1);
            row[2][j] = best;
        }
        memcpy(row[0], row[1], sizeof row[0]);
        memcpy(row[1], row[2], sizeof row[1]);
    }
    return row[1][m];
}

const char *dnnb__text_nearest(const char *word, const char *const *words, size_t n) {
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 2;
    for (size_t i = 0; i < n; i++) {
        size_t distance = dnnb__text_distance(word, words[i]);
        if (distance < best_distance) {
            best = words[i];
            best_distance = distance;
        }
    }
    return best;
}

bool dnnb__text_matches(const char *globs, const char *name) {
    char glob[256];
    while (*globs) {
        size_t n = strcspn(globs, ",");
        if (n > 0 && n < sizeof glob) {
            memcpy(glob, globs, n);
            glob[n] = '\0';
            if (fnmatch(glob, name, 0) == 0) return true;
        }
        globs += n + (globs[n] == ',');
    }
    return false;
}

static bool at_end(const char *text) {
    while (isspace((unsigned char)*text)) text++;
    return *text == '\0';
}

bool dnnb__text_read_i64(const char *text, int64_t *out) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || errno != 0 || !at_end(end)) return false;
    *out = value;
    return true;
}

bool dnnb__text_read_f64(const char *text, double *out) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || !at_end(end)) return false;
    *out = value;
    return true;
}

/* A locale's decimal separator, of one or more bytes, becomes a point. */
static void put_point(char *text) {
    size_t n_kept = 0;
    bool in_separator = false;
    for (const char *c = text; *c; c++) {
        bool is_number = strchr("0123456789+-e", *c) != NULL;
        if (is_number)
            text[n_kept++] = *c;
        else if (!in_separator)
            text[n_kept++] = '.';
        in_separator = !is_number;
    }
    text[n_kept] = '\0';
}

void dnnb__text_print_f64(char out[32], double value) {
    if (!isfinite(value)) {
        (void)snprintf(out, 32, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    /* Up to 15 digits always survive, but a subnormal number has fewer. */
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        (void)snprintf(out, 32, "%.*g", digits, value);
        if (digits == 17 || strtod(out, NULL) == value) break;
    }
    put_point(out);
}

bool dnnb__text_equal_nocase(const char *a, const char *b) {
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}
