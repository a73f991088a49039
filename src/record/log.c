/*
 * log.jsonl: how a run stands, what it warned of, what it left out, and the steps of an open epoch.
 *
 * Method: a run of a million steps has as many lines, nearly all of steps. These are told by their
 * beginning, kept as text until their epoch ends, and parsed only when it never does.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record/record.h"

/* How the log's writer begins the line of a step. */
static const char step_line[] = "{\"event\":\"step\"";
enum { MAX_LINE_BYTES = 1 << 20, MAX_LINE_VALUES = 1 << 12 };

void dnnb__record_log_init(dnnb__record_log *log, dnnb_record *record, const char *name) {
    *log = (dnnb__record_log){
        .record = record, .name = name, .part_began_s = NAN, .part_ended_s = NAN};
    dnnb__buf_init(&log->rest, MAX_LINE_BYTES);
    dnnb__buf_init(&log->steps, (size_t)1 << 30);
}

void dnnb__record_log_destroy(dnnb__record_log *log) {
    dnnb__buf_destroy(&log->rest);
    dnnb__buf_destroy(&log->steps);
}

static const char *get_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double get_number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static void add_left_out(dnnb_record *record, const json_t *image) {
    dnnb__record_left_out entry = {
        .is_validation = strcmp(get_text(image, "set"), "validation") == 0,
        .id = dnnb__record_keep_text(record, get_text(image, "stimID")),
        .reason = dnnb__record_keep_text(record, get_text(image, "reason"))};
    dnnb__buf_append(&record->left_out, &entry, sizeof entry);
    if (record->left_out.status == DNNB_OK) record->n_left_out++;
}

static void add_warning(dnnb_record *record, const json_t *line) {
    const json_t *image = json_object_get(line, "left_out");
    if (json_is_object(image)) {
        add_left_out(record, image);
        return;
    }
    dnnb__record_warning entry = {.time_s = get_number(line, "time"),
                                  .message =
                                      dnnb__record_keep_text(record, get_text(line, "message"))};
    dnnb__buf_append(&record->warnings, &entry, sizeof entry);
    if (record->warnings.status == DNNB_OK) record->n_warnings++;
}

static void see_time(dnnb__record_log *log, double time_s) {
    if (!isnan(time_s)) log->part_ended_s = log->record->ended_s = time_s;
}

/* The times of steps are not looked at but for the last one, when no later line tells one. */
static void see_last_step(dnnb__record_log *log) {
    json_t *line;
    if (log->steps.n_bytes == 0) return;
    const char *end = log->steps.data + log->steps.n_bytes - 1;
    const char *newline = memrchr(log->steps.data, '\n', log->steps.n_bytes - 1);
    const char *begin = newline ? newline + 1 : log->steps.data;
    if (dnnb__json_parse(&line, begin, (size_t)(end - begin), MAX_LINE_VALUES, "a step") != DNNB_OK)
        return; /* told when the steps are taken */
    double time_s = get_number(line, "time");
    json_decref(line);
    if (time_s >= log->part_began_s && !(time_s <= log->part_ended_s)) see_time(log, time_s);
}

static void end_part(dnnb__record_log *log) {
    see_last_step(log);
    double worked_s = log->part_ended_s - log->part_began_s;
    if (isfinite(worked_s) && worked_s > 0) log->record->worked_s += worked_s;
    log->part_began_s = log->part_ended_s = NAN;
}

static void begin_part(dnnb__record_log *log, double time_s) {
    dnnb_record *record = log->record;
    end_part(log);
    log->part_began_s = time_s;
    if (!log->has_start) record->started_s = time_s;
    log->has_start = true;
    log->has_end = record->has_message = false;
}

static void end_run(dnnb__record_log *log, const json_t *line) {
    dnnb_record *record = log->record;
    const char *status = get_text(line, "status"), *message = get_text(line, "message");
    log->has_end = true;
    record->state = strcmp(status, "finished") == 0  ? DNNB_RUN_FINISHED
                    : strcmp(status, "stopped") == 0 ? DNNB_RUN_STOPPED
                                                     : DNNB_RUN_FAILED;
    record->has_message = *message != '\0';
    record->message = dnnb__record_keep_text(record, message);
}

static void take_event(dnnb__record_log *log, const json_t *line) {
    const char *event = get_text(line, "event");
    double time_s = get_number(line, "time");
    if (strcmp(event, "start") == 0 || strcmp(event, "resume") == 0) begin_part(log, time_s);
    if (strcmp(event, "start") == 0 || strcmp(event, "epoch") == 0) log->steps.n_bytes = 0;
    if (strcmp(event, "warning") == 0) add_warning(log->record, line);
    if (strcmp(event, "end") == 0) end_run(log, line);
    see_time(log, time_s);
}

/* The end of the line is not a part of it. */
static dnnb_status take_line(dnnb__record_log *log, const char *bytes, size_t n) {
    json_t *line;
    log->line++;
    if (n == 0) return DNNB_OK;
    if (n > strlen(step_line) && memcmp(bytes, step_line, strlen(step_line)) == 0) {
        dnnb__buf_append(&log->steps, bytes, n);
        dnnb__buf_append(&log->steps, "\n", 1);
        return dnnb__buf_get_status(&log->steps);
    }
    dnnb_status status = dnnb__json_parse(&line, bytes, n, MAX_LINE_VALUES, "an event");
    if (status != DNNB_OK) return dnnb__fail_prefix(status, "%s: line %zu", log->name, log->line);
    take_event(log, line);
    json_decref(line);
    return dnnb__buf_get_status(&log->record->text);
}

static dnnb_status keep_rest(dnnb__record_log *log, const char *bytes, size_t n) {
    if (n > MAX_LINE_BYTES - log->rest.n_bytes)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: line %zu: expected lines of at most %d bytes",
                          log->name, log->line + 1, MAX_LINE_BYTES);
    dnnb__buf_append(&log->rest, bytes, n);
    return dnnb__buf_get_status(&log->rest);
}

dnnb_status dnnb__record_log_feed(dnnb__record_log *log, const char *bytes, size_t n) {
    while (n > 0) {
        const char *newline = memchr(bytes, '\n', n);
        size_t n_line = newline ? (size_t)(newline - bytes) : n;
        if (!newline || log->rest.n_bytes > 0) DNNB_TRY(keep_rest(log, bytes, n_line));
        if (!newline) return DNNB_OK;
        if (log->rest.n_bytes > 0)
            DNNB_TRY(take_line(log, log->rest.data, log->rest.n_bytes));
        else
            DNNB_TRY(take_line(log, bytes, n_line));
        log->rest.n_bytes = 0;
        bytes += n_line + 1;
        n -= n_line + 1;
    }
    return DNNB_OK;
}

/* Put a step of the open epoch in its place; those after it are of a part that was lost. */
static void add_step(dnnb_record *record, const json_t *line) {
    double epoch = get_number(line, "epoch"), step = get_number(line, "step");
    double loss = get_number(line, "loss");
    if (epoch != (double)dnnb_history_get_count(record->history) + 1) return;
    if (!(step >= 1 && step <= (double)record->n_open_steps + 1)) return;
    record->n_open_steps = (size_t)step - 1;
    record->open_steps.n_bytes = record->n_open_steps * sizeof loss;
    dnnb__buf_append(&record->open_steps, &loss, sizeof loss);
    if (record->open_steps.status == DNNB_OK) record->n_open_steps++;
}

static dnnb_status take_steps(dnnb__record_log *log) {
    const char *at = log->steps.data, *end = at + log->steps.n_bytes;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        json_t *line;
        dnnb_status status =
            dnnb__json_parse(&line, at, (size_t)(newline - at), MAX_LINE_VALUES, "a step");
        if (status != DNNB_OK) return dnnb__fail_prefix(status, "%s", log->name);
        add_step(log->record, line);
        json_decref(line);
        at = newline + 1;
    }
    return DNNB_OK;
}

/* ---- images once ---- */

typedef struct found_image {
    const dnnb_record *record;
    size_t i; /* of it in the log */
} found_image;

static int compare_images(const void *a, const void *b) {
    const found_image *x = a, *y = b;
    dnnb_left_out_image image_x = dnnb_record_get_left_out(x->record, x->i);
    dnnb_left_out_image image_y = dnnb_record_get_left_out(y->record, y->i);
    int order = (image_x.is_validation > image_y.is_validation) -
                (image_x.is_validation < image_y.is_validation);
    if (order == 0) order = strcmp(image_x.id, image_y.id);
    return order ? order : (x->i > y->i) - (x->i < y->i);
}

static bool is_same_image(const found_image *x, const found_image *y) {
    dnnb_left_out_image image_x = dnnb_record_get_left_out(x->record, x->i);
    dnnb_left_out_image image_y = dnnb_record_get_left_out(y->record, y->i);
    return image_x.is_validation == image_y.is_validation && strcmp(image_x.id, image_y.id) == 0;
}

/* A run that went on from an older checkpoint found its bad images again: the first time counts. */
static dnnb_status drop_repeated(dnnb_record *record) {
    size_t n = record->n_left_out, n_kept = 0;
    dnnb__record_left_out *entries = (dnnb__record_left_out *)(void *)record->left_out.data;
    found_image *sorted = dnnb__alloc(n, sizeof *sorted);
    bool *is_repeated = dnnb__calloc(n, sizeof *is_repeated);
    if (sorted && is_repeated) {
        for (size_t i = 0; i < n; i++) sorted[i] = (found_image){record, i};
        qsort(sorted, n, sizeof *sorted, compare_images);
        for (size_t i = 1; i < n; i++)
            is_repeated[sorted[i].i] = is_same_image(&sorted[i - 1], &sorted[i]);
        for (size_t i = 0; i < n; i++)
            if (!is_repeated[i]) entries[n_kept++] = entries[i];
        record->n_left_out = n_kept;
    }
    dnnb_status status = sorted && is_repeated ? DNNB_OK : dnnb__fail_memory();
    dnnb__free(sorted);
    dnnb__free(is_repeated);
    return status;
}

dnnb_status dnnb__record_log_finish(dnnb__record_log *log) {
    dnnb_record *record = log->record;
    end_part(log); /* first: where it cannot read the last step, the message is that of the steps */
    dnnb_status status = log->steps.n_bytes ? take_steps(log) : DNNB_OK;
    if (log->has_start && !log->has_end) record->state = DNNB_RUN_CUT_OFF;
    if (status == DNNB_OK) status = dnnb__buf_get_status(&record->warnings);
    if (status == DNNB_OK) status = dnnb__buf_get_status(&record->left_out);
    if (status == DNNB_OK) status = dnnb__buf_get_status(&record->open_steps);
    if (status == DNNB_OK) status = dnnb__buf_get_status(&record->text);
    if (status == DNNB_OK && record->n_left_out > 1) status = drop_repeated(record);
    dnnb__record_log_destroy(log);
    return status;
}

/* ---- what was read ---- */

const double *dnnb_record_get_open_steps(const dnnb_record *record) {
    return (const double *)(const void *)record->open_steps.data;
}

size_t dnnb_record_get_n_open_steps(const dnnb_record *record) {
    return record->n_open_steps;
}

size_t dnnb_record_get_n_warnings(const dnnb_record *record) {
    return record->n_warnings;
}

dnnb_warning dnnb_record_get_warning(const dnnb_record *record, size_t i) {
    const dnnb__record_warning *w =
        (const dnnb__record_warning *)(const void *)record->warnings.data + i;
    return (dnnb_warning){.time_s = w->time_s, .message = record->text.data + w->message};
}

size_t dnnb_record_get_n_left_out(const dnnb_record *record) {
    return record->n_left_out;
}

dnnb_left_out_image dnnb_record_get_left_out(const dnnb_record *record, size_t i) {
    const dnnb__record_left_out *l =
        (const dnnb__record_left_out *)(const void *)record->left_out.data + i;
    return (dnnb_left_out_image){.is_validation = l->is_validation,
                                 .id = record->text.data + l->id,
                                 .reason = record->text.data + l->reason};
}
