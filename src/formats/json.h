/* JSON over jansson, with a limit on what a text may make of itself. */
#ifndef DNNB_FORMATS_JSON_H
#define DNNB_FORMATS_JSON_H

#include <jansson.h>

#include "core/mem.h"

/**
 * Parse a JSON object; a key that is there twice is an error.
 *
 * @param[out] out     Free with json_decref().
 * @param      max_nodes Refuse texts with more brackets, braces and commas than this: each value
 *                       takes far more memory than its text.
 * @param      name    For messages: the file and the place in it.
 */
DNNB_MUST_CHECK dnnb_status dnnb__json_parse(json_t **out, const void *text, size_t n,
                                             size_t max_nodes, const char *name);

/** Text (other bytes than UTF-8 become '?'; NULL is null). */
json_t *dnnb__json_text(const char *text);
/** A number; null when it is not finite, which JSON cannot say. */
json_t *dnnb__json_real(double value);

#endif
