/* Text: the nearest of some words, globs over names, numbers read strictly. */
#ifndef DNNB_CORE_TEXT_H
#define DNNB_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Edits (insert, delete, replace, swap neighbours) from a to b, without case. */
size_t dnnb__text_distance(const char *a, const char *b);

/** The nearest word when it is near enough to be meant, NULL otherwise. */
const char *dnnb__text_nearest(const char *word, const char *const *words, size_t n);

/** True when `name` matches one of the globs in a list divided by commas. */
bool dnnb__text_matches(const char *globs, const char *name);

/** The whole text as a number (surrounding spaces allowed); false when it is anything else. */
bool dnnb__text_read_i64(const char *text, int64_t *out);
/** Accepts nan and inf, as strtod does in the C locale: check finiteness where it matters. */
bool dnnb__text_read_f64(const char *text, double *out);

/** The shortest digits that read back to the same double, with a point in every locale; "nan",
 *  "inf" and "-inf" for the others. */
void dnnb__text_print_f64(char out[32], double value);

/** Case-insensitive equality in ASCII. */
bool dnnb__text_equal_nocase(const char *a, const char *b);

#endif
