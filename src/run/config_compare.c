/*
 * config.json of a run that has finished, against what it would be now: whether the run is the one
 * that is asked for.
 *
 * What a run follows from is compared, not when and where it was made nor how its files were named:
 * their checksums say what was in them.
 */
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "run/run.h"

enum { MAX_CONFIG_BYTES = 64 << 20, MAX_NODES = 1 << 20, MAX_PLACE = 256 };

static const char *const places[][2] = {{"network", NULL},      {"train", NULL},
                                        {"validation", NULL},   {"training", NULL},
                                        {"machine", "threads"}, {"versions", "engine"}};

static bool is_compared(const char *key) {
    static const char *const names[] = {"file", "folder", "asked_for"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(key, names[i]) == 0) return false;
    return true;
}

static dnnb_status print_value(dnnb__buf *out, const json_t *json) {
    if (!json) {
        dnnb__buf_printf(out, "nothing");
        return dnnb__buf_get_status(out);
    }
    DNNB_TRY(dnnb__run_json_print(out, json, JSON_ENCODE_ANY | JSON_COMPACT));
    out->data[out->n_bytes - 1] = '\0'; /* the end of the line */
    return DNNB_OK;
}

static dnnb_status fail_different(const char *place, const json_t *then, const json_t *now) {
    dnnb__buf texts[2];
    const json_t *values[] = {then, now};
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; i < 2; i++) {
        dnnb__buf_init(&texts[i], MAX_CONFIG_BYTES);
        if (status == DNNB_OK) status = print_value(&texts[i], values[i]);
    }
    if (status == DNNB_OK)
        status = dnnb__fail(DNNB_ERR_ARGUMENT,
                            "%s: expected %.200s, as the finished run has it, found %.200s", place,
                            texts[0].data, texts[1].data);
    for (size_t i = 0; i < 2; i++) dnnb__buf_destroy(&texts[i]);
    return status;
}

/* config.json has 15 digits of a number. */
static bool is_same(const json_t *then, const json_t *now) {
    if (!json_is_real(then) || !json_is_real(now)) return json_equal(then, now);
    double a = json_real_value(then), b = json_real_value(now);
    return fabs(a - b) <= 1e-14 * fabs(b);
}

static dnnb_status compare(const json_t *then, const json_t *now, const char *place) {
    if (!json_is_object(then) || !json_is_object(now))
        return is_same(then, now) ? DNNB_OK : fail_different(place, then, now);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)now, key, value) {
        char inner[MAX_PLACE];
        if (!is_compared(key)) continue;
        (void)snprintf(inner, sizeof inner, "%s.%s", place, key);
        DNNB_TRY(compare(json_object_get(then, key), value, inner));
    }
    return DNNB_OK;
}

static dnnb_status compare_all(const json_t *then, const json_t *now) {
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *section = places[i][0], *key = places[i][1];
        const json_t *a = json_object_get(then, section), *b = json_object_get(now, section);
        char place[MAX_PLACE];
        (void)snprintf(place, sizeof place, "%s%s%s", section, key ? "." : "", key ? key : "");
        DNNB_TRY(
            compare(key ? json_object_get(a, key) : a, key ? json_object_get(b, key) : b, place));
    }
    return DNNB_OK;
}

dnnb_status dnnb__run_config_compare(const dnnb__run_inputs *inputs, const char *path) {
    char *text;
    size_t n;
    json_t *then = NULL, *now = NULL;
    DNNB_TRY(dnnb__file_read(&text, &n, path, MAX_CONFIG_BYTES));
    dnnb_status status = dnnb__json_parse(&then, text, n, MAX_NODES, path);
    dnnb__free(text);
    if (status == DNNB_OK) status = dnnb__run_config_create(&now, inputs);
    if (status == DNNB_OK) {
        status = compare_all(then, now);
        if (status == DNNB_ERR_ARGUMENT) status = dnnb__fail_prefix(status, "%s", path);
    }
    json_decref(then);
    json_decref(now);
    return status;
}
