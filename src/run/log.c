/*
 * log.jsonl: one JSON object a line, appended to under its final name.
 *
 * Invariant: no line is lost without a line that says so. A reader may see the end of the file in
 * the middle of a line only between a flush that begins or fails and the next that succeeds.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/io.h"
#include "run/run.h"

enum {
    FLUSH_BYTES = 1 << 16,
    WAITING_CAP_BYTES = 1 << 26,
    WARNING_BYTES = 256 /* room kept for the line that tells of dropped ones */
};

void dnnb__run_log_init(dnnb__run_log *log) {
    *log = (dnnb__run_log){.fd = -1};
    dnnb__buf_init(&log->waiting, WAITING_CAP_BYTES);
    dnnb__buf_init(&log->line, WAITING_CAP_BYTES);
}

static dnnb_status fail_write(const dnnb__run_log *log) {
    return dnnb__fail(DNNB_ERR_IO, "%s: cannot write: %s", log->path, strerror(errno));
}

/* The bytes up to the end of the last whole line, sought from the end. False with errno set. */
static bool find_last_line(int fd, off_t n_bytes, off_t *n_whole_bytes) {
    char piece[4096];
    for (off_t end = n_bytes; end > 0;) {
        size_t n = end < (off_t)sizeof piece ? (size_t)end : sizeof piece;
        if (lseek(fd, end - (off_t)n, SEEK_SET) < 0) return false;
        for (size_t at = 0; at < n;) {
            ssize_t got = dnnb__io_read(fd, piece + at, n - at);
            if (got < 0 && errno == EINTR) continue;
            if (got == 0) errno = EIO; /* somebody cuts the file at the same time */
            if (got <= 0) return false;
            at += (size_t)got;
        }
        const char *newline = memrchr(piece, '\n', n);
        *n_whole_bytes = newline ? end - (off_t)n + (newline - piece) + 1 : 0;
        if (newline) return true;
        end -= (off_t)n;
    }
    return true;
}

/* Cut off the half line that a run which was killed has left. */
static dnnb_status cut_half_line(dnnb__run_log *log) {
    struct stat st;
    if (dnnb__io_fstat(log->fd, &st) != 0 ||
        !find_last_line(log->fd, st.st_size, &log->n_whole_bytes))
        return dnnb__fail(DNNB_ERR_IO, "%s: cannot read: %s", log->path, strerror(errno));
    log->n_bytes = log->n_whole_bytes;
    if (log->n_whole_bytes < st.st_size && dnnb__io_ftruncate(log->fd, log->n_whole_bytes) != 0)
        return fail_write(log);
    return DNNB_OK;
}

dnnb_status dnnb__run_log_open(dnnb__run_log *log, const char *path, bool append) {
    dnnb__free(log->path);
    log->path = dnnb__strdup(path);
    if (!log->path) return dnnb__fail_memory();
    log->fd =
        dnnb__io_open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (append ? 0 : O_TRUNC), 0666);
    if (log->fd < 0) return fail_write(log);
    log->n_bytes = log->n_whole_bytes = 0;
    dnnb_status status = append ? cut_half_line(log) : DNNB_OK;
    if (status == DNNB_OK) return dnnb__run_log_flush(log);
    close(log->fd);
    log->fd = -1;
    return status;
}

/* Write what waits; what is left over goes on waiting. */
static dnnb_status write_waiting(dnnb__run_log *log) {
    dnnb__buf *waiting = &log->waiting;
    if (waiting->n_bytes == 0) return DNNB_OK;
    size_t n = dnnb__io_write_all(log->fd, waiting->data, waiting->n_bytes);
    int error = errno;
    const char *newline = n > 0 ? memrchr(waiting->data, '\n', n) : NULL;
    if (newline) log->n_whole_bytes = log->n_bytes + (newline - waiting->data) + 1;
    log->n_bytes += (off_t)n;
    waiting->n_bytes -= n;
    if (waiting->n_bytes == 0) return DNNB_OK;
    if (n > 0) memmove(waiting->data, waiting->data + n, waiting->n_bytes);
    errno = error;
    return fail_write(log);
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

static dnnb_status print_line(dnnb__buf *out, const char *event, json_t *object) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    json_t *line = json_pack("{s:s, s:o}", "event", event, "time",
                             json_real((double)t.tv_sec + (double)(t.tv_nsec / 1000000) * 1e-3));
    dnnb_status status = DNNB_OK;
    if (!line || !object || json_object_update(line, object) != 0)
        status = dnnb__fail(DNNB_ERR_MEMORY, "out of memory for a line of the log");
    if (status == DNNB_OK) status = dnnb__run_json_print(out, line, JSON_COMPACT);
    json_decref(line);
    json_decref(object);
    return status;
}

static bool has_room(const dnnb__run_log *log, size_t n) {
    return n <= WAITING_CAP_BYTES && log->waiting.n_bytes <= WAITING_CAP_BYTES - n;
}

/* Put a line where the dropped ones would stand. */
static dnnb_status tell_dropped(dnnb__run_log *log) {
    char message[128];
    if (log->n_dropped == 0) return DNNB_OK;
    (void)snprintf(message, sizeof message,
                   "the log lost %zu line%s here while its file could not be written",
                   log->n_dropped, log->n_dropped == 1 ? "" : "s");
    DNNB_TRY(print_line(&log->waiting, "warning", json_pack("{s:s}", "message", message)));
    log->n_dropped = 0;
    return DNNB_OK;
}

dnnb_status dnnb__run_log_flush(dnnb__run_log *log) {
    DNNB_TRY(dnnb__buf_get_status(&log->waiting));
    if (log->fd < 0) return DNNB_OK;
    DNNB_TRY(write_waiting(log));
    DNNB_TRY(tell_dropped(log));
    return write_waiting(log);
}

dnnb_status dnnb__run_log_add(dnnb__run_log *log, const char *event, json_t *object) {
    log->line.n_bytes = 0;
    DNNB_TRY(print_line(&log->line, event, object));
    if (has_room(log, log->line.n_bytes + 2 * (size_t)WARNING_BYTES)) {
        DNNB_TRY(tell_dropped(log));
        dnnb__buf_append(&log->waiting, log->line.data, log->line.n_bytes);
        DNNB_TRY(dnnb__buf_get_status(&log->waiting));
    } else {
        log->n_dropped++;
    }
    return log->waiting.n_bytes >= FLUSH_BYTES ? dnnb__run_log_flush(log) : DNNB_OK;
}

/* On a disk that is full, the beginning of a line may stand at the end of the file. */
static void end_with_whole_line(const dnnb__run_log *log) {
    struct stat st;
    if (log->n_bytes == log->n_whole_bytes) return;
    bool is_known = dnnb__io_fstat(log->fd, &st) == 0;
    if (!is_known || st.st_size > log->n_whole_bytes)
        (void)dnnb__io_ftruncate(log->fd, log->n_whole_bytes);
}

void dnnb__run_log_close(dnnb__run_log *log) {
    if (log->fd >= 0) {
        if (dnnb__run_log_flush(log) != DNNB_OK) end_with_whole_line(log);
        close(log->fd);
    }
    dnnb__buf_destroy(&log->waiting);
    dnnb__buf_destroy(&log->line);
    dnnb__free(log->path);
    log->fd = -1;
    log->path = NULL;
}
