/*
 * config.json: its values by place, and the names of the classes.
 *
 * A place is keys and indices divided by points: "training.optimizer.lr", "class_names.0".
 */
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "record/record.h"

enum { MAX_VALUES = 1 << 22, PLACE_BYTES = 1024 };

dnnb_status dnnb__record_read_config(dnnb_record *record, const char *bytes, size_t n,
                                     const char *name) {
    DNNB_TRY(dnnb__json_parse(&record->config, bytes, n, MAX_VALUES, name));
    record->config_text = dnnb__strndup(bytes, n);
    if (!record->config_text) return dnnb__fail_memory();
    const char *task = dnnb_record_get_text(record, "training.task");
    if (task && strcmp(task, "regression") == 0) record->task = DNNB_REGRESSION;
    return DNNB_OK;
}

/* ---- one value ---- */

static const json_t *get_child(const json_t *parent, const char *key, size_t n) {
    char text[PLACE_BYTES];
    int64_t index;
    if (n >= sizeof text) return NULL;
    memcpy(text, key, n);
    text[n] = '\0';
    if (json_is_object(parent)) return json_object_get(parent, text);
    if (!dnnb__text_read_i64(text, &index) || index < 0) return NULL;
    return json_array_get(parent, (size_t)index);
}

/* A key may hold a point itself: the longest that is there is meant. */
static const json_t *find(const json_t *from, const char *place) {
    size_t n = strlen(place);
    const json_t *value = get_child(from, place, n);
    while (!value && n-- > 0) {
        const json_t *child = place[n] == '.' ? get_child(from, place, n) : NULL;
        if (child) value = find(child, place + n + 1);
    }
    return value;
}

const char *dnnb_record_get_config(const dnnb_record *record) {
    return record->config_text;
}

const char *dnnb_record_get_text(const dnnb_record *record, const char *place) {
    return json_string_value(find(record->config, place));
}

double dnnb_record_get_number(const dnnb_record *record, const char *place) {
    const json_t *value = find(record->config, place);
    if (json_is_number(value)) return json_number_value(value);
    return json_is_boolean(value) ? (double)json_is_true(value) : (double)NAN;
}

/* ---- all of them ---- */

typedef struct walk {
    dnnb_record_option_fn visit;
    void *context;
    dnnb__buf place;
} walk;

static void tell(const walk *w, const json_t *value) {
    char number[32];
    const char *text = NULL;
    if (json_is_string(value)) text = json_string_value(value);
    if (json_is_boolean(value)) text = json_is_true(value) ? "true" : "false";
    if (json_is_integer(value))
        (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    if (json_is_real(value)) dnnb__text_print_f64(number, json_real_value(value));
    if (json_is_number(value)) text = number;
    if (json_is_object(value) || json_is_array(value)) text = "";
    w->visit(w->context, w->place.data ? w->place.data : "", text);
}

static void walk_value(walk *w, const json_t *value);

static void walk_child(walk *w, const char *key, const json_t *value) {
    size_t n = w->place.n_bytes;
    dnnb__buf_printf(&w->place, "%s%s", n ? "." : "", key);
    if (w->place.status != DNNB_OK) return;
    walk_value(w, value);
    w->place.n_bytes = n;
    w->place.data[n] = '\0';
}

/* As deep as jansson lets a text be. */
static void walk_value(walk *w, const json_t *value) {
    json_t *object = (json_t *)(uintptr_t)value, *child;
    const char *key;
    char index[24];
    size_t i;
    if (json_object_size(value) == 0 && json_array_size(value) == 0) tell(w, value);
    json_object_foreach(object, key, child) walk_child(w, key, child);
    json_array_foreach(value, i, child) {
        (void)snprintf(index, sizeof index, "%zu", i);
        walk_child(w, index, child);
    }
}

dnnb_status dnnb_record_visit_options(const dnnb_record *record, dnnb_record_option_fn visit,
                                      void *context) {
    walk w = {.visit = visit, .context = context};
    if (!record->config) return DNNB_OK;
    dnnb__buf_init(&w.place, (size_t)1 << 24);
    walk_value(&w, record->config);
    dnnb_status status = dnnb__buf_get_status(&w.place);
    dnnb__buf_destroy(&w.place);
    return status;
}

/* ---- facts ---- */

dnnb_task dnnb_record_get_task(const dnnb_record *record) {
    return record->task;
}

double dnnb_record_get_chance(const dnnb_record *record) {
    const json_t *set = find(record->config, "validation");
    if (!json_is_object(set)) set = find(record->config, "train");
    double n = json_number_value(json_object_get(set, "n_images")), largest = 0;
    const json_t *counts = json_object_get(set, "n_images_of_class"), *count;
    size_t i;
    json_array_foreach(counts, i, count) largest = fmax(largest, json_number_value(count));
    return record->task == DNNB_CLASSIFICATION && n > 0 && largest > 0 ? largest / n : (double)NAN;
}

const char *dnnb_record_get_images_folder(const dnnb_record *record) {
    return dnnb_record_get_text(record, "validation.folder");
}

size_t dnnb_record_get_n_classes(const dnnb_record *record) {
    return record->n_classes;
}

const char *dnnb_record_get_class_name(const dnnb_record *record, size_t k) {
    const size_t *names = (const size_t *)(const void *)record->class_names.data;
    return record->text.data + names[k];
}

/* ---- names of classes ---- */

/* Where the config does not name the classes, the conditions of the predictions do. */
typedef struct found_name {
    size_t condition; /* offset; SIZE_MAX before the first image */
    bool is_mixed;
} found_name;

static void find_names(const dnnb_record *record, found_name *names) {
    const dnnb__record_prediction *p =
        (const dnnb__record_prediction *)(const void *)record->predictions.data;
    const char *text = record->text.data;
    for (size_t k = 0; k < record->n_classes; k++) names[k].condition = SIZE_MAX;
    for (size_t i = 0; i < record->n_predictions; i++) {
        if (p[i].label < 0 || (size_t)p[i].label >= record->n_classes) continue;
        found_name *name = &names[p[i].label];
        if (name->condition == SIZE_MAX)
            name->condition = p[i].condition;
        else if (strcmp(text + name->condition, text + p[i].condition) != 0)
            name->is_mixed = true;
    }
}

static void keep_name(dnnb_record *record, const char *configured, const found_name *found,
                      size_t k) {
    char label[24];
    size_t offset = found->condition;
    bool has_condition = offset != SIZE_MAX && !found->is_mixed && record->text.data[offset];
    (void)snprintf(label, sizeof label, "%zu", k);
    if (configured || !has_condition)
        offset = dnnb__record_keep_text(record, configured ? configured : label);
    dnnb__buf_append(&record->class_names, &offset, sizeof offset);
}

dnnb_status dnnb__record_name_classes(dnnb_record *record) {
    const json_t *configured = find(record->config, "class_names");
    if (record->task != DNNB_CLASSIFICATION) return DNNB_OK;
    record->n_classes =
        json_array_size(configured) ? json_array_size(configured) : record->n_outputs;
    found_name *found = dnnb__calloc(record->n_classes, sizeof *found);
    if (!found) return dnnb__fail_memory();
    find_names(record, found);
    for (size_t k = 0; k < record->n_classes; k++)
        keep_name(record, json_string_value(json_array_get(configured, k)), &found[k], k);
    dnnb__free(found);
    DNNB_TRY(dnnb__buf_get_status(&record->text));
    return dnnb__buf_get_status(&record->class_names);
}
