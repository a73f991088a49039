/*
 * log.jsonl: one JSON object a line, appended to under its final name.
 *
 * A reader may see the end of the file in the middle of a line only while it is being flushed.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "run/run.h"

enum { FLUSH_BYTES = 1 << 16, WAITING_CAP_BYTES = 1 << 26 };

json_t *dnnb__run_json_text(const char *text) {
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

json_t *dnnb__run_json_real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

void dnnb__run_log_init(dnnb__run_log *log) {
    *log = (dnnb__run_log){0};
    dnnb__buf_init(&log->waiting, WAITING_CAP_BYTES);
}

dnnb_status dnnb__run_log_open(dnnb__run_log *log, const char *path) {
    log->path = dnnb__strdup(path);
    if (!log->path) return dnnb__fail_memory();
    log->file = fopen(path, "we");
    if (!log->file) return dnnb__fail(DNNB_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    return dnnb__run_log_flush(log);
}

dnnb_status dnnb__run_log_flush(dnnb__run_log *log) {
    DNNB_TRY(dnnb__buf_get_status(&log->waiting));
    if (!log->file || log->waiting.n_bytes == 0) return DNNB_OK;
    size_t n = fwrite(log->waiting.data, 1, log->waiting.n_bytes, log->file);
    if (n != log->waiting.n_bytes || fflush(log->file) != 0)
        return dnnb__fail(DNNB_ERR_IO, "%s: cannot write: %s", log->path, strerror(errno));
    log->waiting.n_bytes = 0;
    return DNNB_OK;
}

static int append(const char *bytes, size_t n, void *context) {
    dnnb__buf_append(context, bytes, n);
    return 0;
}

dnnb_status dnnb__run_json_print(dnnb__buf *out, const json_t *json, size_t flags) {
    if (!json || json_dump_callback(json, append, out, flags | JSON_REAL_PRECISION(15)) != 0)
        return dnnb__fail(DNNB_ERR_MEMORY, "out of memory for JSON");
    dnnb__buf_append(out, "\n", 1);
    return dnnb__buf_get_status(out);
}

dnnb_status dnnb__run_log_add(dnnb__run_log *log, const char *event, json_t *object) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    json_t *line = json_pack("{s:s, s:o}", "event", event, "time",
                             json_real((double)t.tv_sec + (double)(t.tv_nsec / 1000000) * 1e-3));
    dnnb_status status = DNNB_OK;
    if (!line || !object || json_object_update(line, object) != 0)
        status = dnnb__fail(DNNB_ERR_MEMORY, "out of memory for a line of the log");
    if (status == DNNB_OK) status = dnnb__run_json_print(&log->waiting, line, JSON_COMPACT);
    json_decref(line);
    json_decref(object);
    if (status == DNNB_OK && log->waiting.n_bytes >= FLUSH_BYTES) status = dnnb__run_log_flush(log);
    return status;
}

void dnnb__run_log_close(dnnb__run_log *log) {
    if (log->file) fclose(log->file);
    dnnb__buf_destroy(&log->waiting);
    dnnb__free(log->path);
    log->file = NULL;
    log->path = NULL;
}
