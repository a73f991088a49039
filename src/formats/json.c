/* JSON over jansson, with a limit on what a text may make of itself. */
#include "formats/json.h"

#include <math.h>

dnnb_status dnnb__json_parse(json_t **out, const void *text, size_t n, size_t max_nodes,
                             const char *name) {
    const char *bytes = text;
    size_t n_nodes = 0;
    json_error_t error;
    *out = NULL;
    for (size_t i = 0; i < n; i++) n_nodes += bytes[i] == ',' || bytes[i] == '[' || bytes[i] == '{';
    if (n_nodes > max_nodes)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: more than %zu values", name, max_nodes);
    *out = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &error);
    /* What jansson has no words for is memory. */
    if (!*out && (!error.text[0] || json_error_code(&error) == json_error_out_of_memory))
        return dnnb__fail(DNNB_ERR_MEMORY, "%s: out of memory for its JSON", name);
    if (!*out)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: JSON line %d, column %d: %s", name, error.line,
                          error.column, error.text);
    if (json_is_object(*out)) return DNNB_OK;
    json_decref(*out);
    *out = NULL;
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a JSON object", name);
}

json_t *dnnb__json_text(const char *text) {
    if (!text) return json_null();
    json_t *json = json_string(text);
    if (json) return json;
    char *copy = dnnb__strdup(text);
    if (!copy) return NULL;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    json = json_string(copy);
    dnnb__free(copy);
    return json;
}

json_t *dnnb__json_real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}
