/*
 * Answers to requests.
 *
 * What can be had stands in a fixed list: the page, its data, the stream of news, and files of a
 * run by their names. A file is opened within the folder and never through a link. Who asks under
 * another machine's name is refused: a page from elsewhere whose name was made to lead here
 * (DNS rebinding) must not read the run.
 */
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/io.h"
#include "watch/watch.h"

typedef struct file_row {
    const char *name, *type;
} file_row;

static const char text[] = "text/plain; charset=utf-8", html[] = "text/html; charset=utf-8";
static const char json[] = "application/json", csv[] = "text/csv; charset=utf-8";
static const char script[] = "text/javascript; charset=utf-8", stream[] = "text/event-stream";
static const char binary[] = "application/octet-stream";
static const char svg[] = "image/svg+xml", png[] = "image/png";

static const file_row files[] = {
    {"config.json", json},      {"log.jsonl", text},        {"train_dict.json", json},
    {"train_dict.pkl", binary}, {"history.csv", csv},       {"predictions.csv", csv},
    {"model.pth", binary},      {"best.pth", binary},       {"report.html", html},
    {"epoch_loss.svg", svg},    {"epoch_loss.png", png},    {"step_loss.svg", svg},
    {"step_loss.png", png},     {"score.svg", svg},         {"score.png", png},
    {"learning_rate.svg", svg}, {"learning_rate.png", png}, {"confusion.svg", svg},
    {"confusion.png", png},     {"regression.svg", svg},    {"regression.png", png},
};

/* The report allows its own scripts by their sums in a policy of its own; both hold. */
static const char page_policy[] =
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";
/* A file that is opened by itself has no rights of the page's. */
static const char file_policy[] =
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

static const file_row *find_file(const char *name) {
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(files[i].name, name) == 0) return &files[i];
    return NULL;
}

/* ---- responses ---- */

/* Answer, and let the response go; NULL ends the connection. */
static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type,
                             const char *policy, struct MHD_Response *response) {
    if (!response) return MHD_NO;
    const char *const headers[][2] = {{MHD_HTTP_HEADER_CONTENT_TYPE, type},
                                      {"Content-Security-Policy", policy},
                                      {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
                                      {"X-Content-Type-Options", "nosniff"},
                                      {"Cross-Origin-Resource-Policy", "same-origin"},
                                      {"Referrer-Policy", "no-referrer"}};
    enum MHD_Result result = MHD_YES;
    for (size_t i = 0; result == MHD_YES && i < sizeof headers / sizeof headers[0]; i++)
        result = MHD_add_response_header(response, headers[i][0], headers[i][1]);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED && result == MHD_YES)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (result == MHD_YES) result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Response *copy(const char *bytes, size_t n) {
    return MHD_create_response_from_buffer(n, (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const char *reason) {
    return reply(connection, status, text, file_policy, copy(reason, strlen(reason)));
}

static enum MHD_Result send_file(dnnb_watch *w, struct MHD_Connection *connection,
                                 const file_row *row) {
    struct stat st;
    int folder = dnnb__io_open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int fd = folder < 0 ? -1 : dnnb__io_open_in(folder, row->name);
    if (folder >= 0) close(folder);
    if (fd < 0 || dnnb__io_fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0) close(fd);
        return refuse(connection, MHD_HTTP_NOT_FOUND, "the run has no such file yet\n");
    }
    struct MHD_Response *response = MHD_create_response_from_fd64((uint64_t)st.st_size, fd);
    if (!response) close(fd);
    return reply(connection, MHD_HTTP_OK, row->type, file_policy, response);
}

static enum MHD_Result send_page(dnnb_watch *w, struct MHD_Connection *connection) {
    const char *page;
    size_t n;
    if (dnnb__source_get_page(&w->source, &page, &n) != DNNB_OK)
        return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory for the page\n");
    return reply(connection, MHD_HTTP_OK, html, page_policy, copy(page, n));
}

static enum MHD_Result send_json(dnnb_watch *w, struct MHD_Connection *connection) {
    size_t n;
    const char *bytes = dnnb__source_get_json(&w->source, &n);
    if (!bytes) return refuse(connection, MHD_HTTP_NOT_FOUND, "there is no run yet\n");
    return reply(connection, MHD_HTTP_OK, json, file_policy, copy(bytes, n));
}

static enum MHD_Result send_stream(dnnb_watch *w, struct MHD_Connection *connection) {
    struct MHD_Response *response = dnnb__stream_create_response(w, connection);
    if (!response)
        return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many pages are open\n");
    return reply(connection, MHD_HTTP_OK, stream, file_policy, response);
}

/* ---- requests ---- */

/* "127.0.0.1:PORT" or "localhost:PORT"; the port may be missing where it is HTTP's own. */
static bool is_our_name(const dnnb_watch *w, const char *host) {
    static const char *const names[] = {"127.0.0.1", "localhost"};
    char expected[32];
    if (!host) return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(expected, sizeof expected, "%s:%u", names[i], w->port);
        if (strcasecmp(host, expected) == 0) return true;
        if (w->port == 80 && strcasecmp(host, names[i]) == 0) return true;
    }
    return false;
}

static bool has_body(struct MHD_Connection *connection) {
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (length && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

enum MHD_Result dnnb__watch_answer(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *upload, size_t *n_upload_bytes, void **state) {
    dnnb_watch *w = context;
    (void)version;
    (void)upload;
    if (!*state) {
        /* Before a body is read. What is refused here ends the connection. */
        static const char seen;
        const char *host =
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
        if (!is_our_name(w, host))
            return refuse(connection, MHD_HTTP_FORBIDDEN, "this server answers to its own name\n");
        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
            return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "expected GET or HEAD\n");
        if (has_body(connection))
            return refuse(connection, MHD_HTTP_BAD_REQUEST, "expected a request without a body\n");
        *state = (void *)(uintptr_t)&seen;
        return MHD_YES;
    }
    *n_upload_bytes = 0;
    if (strcmp(url, "/") == 0) return send_page(w, connection);
    if (strcmp(url, "/report.json") == 0) return send_json(w, connection);
    if (strcmp(url, "/events") == 0) return send_stream(w, connection);
    if (strcmp(url, DNNB__WATCH_SCRIPT) == 0)
        return reply(connection, MHD_HTTP_OK, script, file_policy,
                     copy(dnnb__watch_waiting_script, strlen(dnnb__watch_waiting_script)));
    const file_row *row = url[0] == '/' ? find_file(url + 1) : NULL;
    if (row) return send_file(w, connection, row);
    return refuse(connection, MHD_HTTP_NOT_FOUND, "a run has no such file\n");
}
