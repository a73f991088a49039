/*
 * The data of the page, put together.
 */
#include <math.h>
#include <string.h>

#include "page/page.h"

enum { MAX_LISTED = 200, MAX_DATA_BYTES = 1 << 26 };

void dnnb__page_put(dnnb__page *page, json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) != 0) page->failed = true;
}

void dnnb__page_add(dnnb__page *page, json_t *list, json_t *value) {
    if (json_array_append_new(list, value) != 0) page->failed = true;
}

json_t *dnnb__page_rounded(double value) {
    if (!isfinite(value) || value == 0) return dnnb__json_real(value);
    /* To six digits; those that follow come from the scale and are not printed. */
    double scale = pow(10, 5 - floor(log10(fabs(value)))), rounded = round(value * scale) / scale;
    return json_real(isfinite(rounded) ? rounded : value);
}

json_t *dnnb__page_interval(dnnb_interval interval) {
    if (isnan(interval.low) || isnan(interval.high)) return json_null();
    return json_pack("[f, f]", interval.low, interval.high);
}

/* The last part of a path, which may end with a slash. */
static json_t *make_name(const char *folder) {
    size_t end = strlen(folder);
    while (end > 1 && folder[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && folder[begin - 1] != '/') begin--;
    char *name = dnnb__strndup(folder + begin, end - begin);
    json_t *json = name ? dnnb__json_text(name) : NULL;
    dnnb__free(name);
    return json;
}

static json_t *describe_run(dnnb__page *page) {
    const dnnb_record *record = page->record;
    size_t best = dnnb_record_get_best_epoch(record);
    bool is_regression = dnnb_record_get_task(record) == DNNB_REGRESSION;
    json_t *run = json_object();
    dnnb__page_put(page, run, "name", make_name(dnnb_record_get_folder(record)));
    dnnb__page_put(page, run, "state",
                   dnnb__json_text(dnnb_run_state_get_name(dnnb_record_get_state(record))));
    dnnb__page_put(page, run, "message", dnnb__json_text(dnnb_record_get_message(record)));
    dnnb__page_put(page, run, "started_s", dnnb__json_real(dnnb_record_get_started_s(record)));
    dnnb__page_put(page, run, "ended_s", dnnb__json_real(dnnb_record_get_ended_s(record)));
    dnnb__page_put(page, run, "worked_s", dnnb__json_real(dnnb_record_get_worked_s(record)));
    dnnb__page_put(page, run, "task",
                   dnnb__json_text(is_regression ? "regression" : "classification"));
    dnnb__page_put(page, run, "chance", dnnb__json_real(dnnb_record_get_chance(record)));
    dnnb__page_put(page, run, "best_epoch",
                   best == SIZE_MAX ? json_null() : json_integer((json_int_t)best + 1));
    return run;
}

static json_t *list_names(dnnb__page *page) {
    json_t *list = json_array();
    for (size_t k = 0; k < dnnb_record_get_n_classes(page->record); k++)
        dnnb__page_add(page, list, dnnb__json_text(dnnb_record_get_class_name(page->record, k)));
    return list;
}

static json_t *list_left_out(dnnb__page *page) {
    json_t *list = json_array();
    for (size_t i = 0; i < dnnb_record_get_n_left_out(page->record) && i < MAX_LISTED; i++) {
        dnnb_left_out_image image = dnnb_record_get_left_out(page->record, i);
        json_t *row = json_object();
        dnnb__page_put(page, row, "set",
                       dnnb__json_text(image.is_validation ? "validation" : "training"));
        dnnb__page_put(page, row, "id", dnnb__json_text(image.id));
        dnnb__page_put(page, row, "reason", dnnb__json_text(image.reason));
        dnnb__page_add(page, list, row);
    }
    return list;
}

static json_t *list_warnings(dnnb__page *page) {
    json_t *list = json_array();
    for (size_t i = 0; i < dnnb_record_get_n_warnings(page->record) && i < MAX_LISTED; i++) {
        dnnb_warning warning = dnnb_record_get_warning(page->record, i);
        json_t *row = json_object();
        dnnb__page_put(page, row, "time_s", dnnb__json_real(warning.time_s));
        dnnb__page_put(page, row, "message", dnnb__json_text(warning.message));
        dnnb__page_add(page, list, row);
    }
    return list;
}

static json_t *copy_config(const dnnb_record *record) {
    const char *text = dnnb_record_get_config(record);
    json_t *config;
    if (!text) return json_null();
    dnnb_status status = dnnb__json_parse(&config, text, strlen(text), SIZE_MAX, "config.json");
    return status == DNNB_OK ? config : NULL;
}

static json_t *build(dnnb__page *page) {
    const dnnb_record *record = page->record;
    json_t *data = json_object();
    dnnb__page_put(page, data, "run", describe_run(page));
    dnnb__page_put(page, data, "config", copy_config(record));
    dnnb__page_put(page, data, "class_names", list_names(page));
    dnnb__page_put(page, data, "epochs", dnnb__page_epochs(page));
    dnnb__page_put(page, data, "steps", dnnb__page_steps(page));
    dnnb__page_put(page, data, "classification", dnnb__page_classification(page));
    dnnb__page_put(page, data, "regression", dnnb__page_regression(page));
    dnnb__page_put(page, data, "images", dnnb__page_images(page));
    dnnb__page_put(page, data, "n_left_out",
                   json_integer((json_int_t)dnnb_record_get_n_left_out(record)));
    dnnb__page_put(page, data, "left_out", list_left_out(page));
    dnnb__page_put(page, data, "n_warnings",
                   json_integer((json_int_t)dnnb_record_get_n_warnings(record)));
    dnnb__page_put(page, data, "warnings", list_warnings(page));
    dnnb__page_put(page, data, "methods", dnnb__page_methods(page));
    return data;
}

/* What HTML could take for markup stands within strings alone, where JSON can write it otherwise.
 */
static int append_escaped(const char *bytes, size_t n, void *context) {
    static const char special[] = "<>&";
    dnnb__buf *out = context;
    while (n > 0) {
        size_t n_plain = 0;
        while (n_plain < n && !memchr(special, bytes[n_plain], sizeof special - 1)) n_plain++;
        dnnb__buf_append(out, bytes, n_plain);
        if (n_plain < n)
            dnnb__buf_printf(out, "\\u%04x", (unsigned)(unsigned char)bytes[n_plain++]);
        bytes += n_plain;
        n -= n_plain;
    }
    return 0;
}

dnnb_status dnnb_report_print_json(const dnnb_record *record, char **json, size_t *n_bytes) {
    dnnb__page page = {.record = record};
    dnnb__buf out;
    *json = NULL;
    *n_bytes = 0;
    dnnb__buf_init(&out, MAX_DATA_BYTES);
    json_t *data = build(&page);
    bool is_whole =
        data && !page.failed &&
        json_dump_callback(data, append_escaped, &out, JSON_COMPACT | JSON_REAL_PRECISION(15)) == 0;
    json_decref(data);
    dnnb_status status = is_whole ? dnnb__buf_get_status(&out) : dnnb__fail_memory();
    if (status != DNNB_OK) {
        dnnb__buf_destroy(&out);
        return status;
    }
    *json = out.data;
    *n_bytes = out.n_bytes;
    return DNNB_OK;
}
