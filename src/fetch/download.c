/*
 * Fetching over HTTP with libcurl.
 *
 * Method: a try asks for the bytes from where the file ends ("Range"), on the condition that the
 * server still has the same version ("If-Range"). An answer 206 that begins there is added; a 200
 * is the whole file, and begins it anew. After a break the next try asks for the rest; tries that
 * bring nothing are few, with growing pauses. A server may lie about lengths and contents: what is
 * fetched is limited here and judged by its SHA-256 elsewhere.
 * Source: RFC 9110, sections 13.1.5, 14 and 15.
 */
#include "fetch/download.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "core/io.h"

enum { PROGRESS_MS = 100, SPEED_WINDOW_MS = 2000, CONNECT_S = 30, MAX_REDIRECTS = 10 };
static const uint64_t max_bytes = (uint64_t)16 << 30; /* no network has more */

/* What one try sees. */
typedef struct attempt {
    dnnb__download *d;
    CURL *curl;
    long code;                         /* of the answer whose body comes now */
    bool has_begun;                    /* the body */
    bool is_stopped;                   /* by the caller */
    int write_error;                   /* errno */
    dnnb_status status;                /* of what the body brought */
    uint64_t n_new;                    /* bytes */
    uint64_t range_begin, range_total; /* of Content-Range; UINT64_MAX unknown */
    char validator[DNNB__VALIDATOR_BYTES];
    char error[CURL_ERROR_SIZE];
    double shown_s, window_s, speed; /* when progress was told; speed of the last window */
    uint64_t window_bytes;
} attempt;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool tell(const dnnb__download *d, double speed, const char *message) {
    if (!d->options->on_progress) return true;
    double left = (double)NAN;
    if (speed > 0 && d->n_total > d->n_bytes) left = (double)(d->n_total - d->n_bytes) / speed;
    dnnb_fetch_progress progress = {.url = d->url,
                                    .done_bytes = d->n_bytes,
                                    .total_bytes = d->n_total,
                                    .bytes_per_second = speed > 0 ? speed : (double)NAN,
                                    .seconds_left = left,
                                    .message = message};
    return d->options->on_progress(d->options->context, &progress);
}

/* ---- what the server says ---- */

/* The value of a header line if it has that name, without the spaces around. */
static bool read_header(const char *line, size_t n, const char *name, char *out, size_t n_out) {
    size_t n_name = strlen(name);
    if (n <= n_name || line[n_name] != ':' || strncasecmp(line, name, n_name) != 0) return false;
    const char *begin = line + n_name + 1, *end = line + n;
    while (begin < end && (*begin == ' ' || *begin == '\t')) begin++;
    while (end > begin && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ')) end--;
    size_t length = (size_t)(end - begin);
    if (length >= n_out) return false;
    memcpy(out, begin, length);
    out[length] = '\0';
    return true;
}

/* "bytes 100-199/200" or, with 416, "bytes *" "/200". */
static void read_range(attempt *a, const char *value) {
    unsigned long long begin, end, total;
    if (sscanf(value, "bytes %llu-%llu/%llu", &begin, &end, &total) == 3) {
        a->range_begin = begin;
        a->range_total = total;
    } else if (sscanf(value, "bytes %llu-%llu/*", &begin, &end) == 2) {
        a->range_begin = begin;
    } else if (sscanf(value, "bytes */%llu", &total) == 1) {
        a->range_total = total;
    }
}

static size_t on_header(char *line, size_t size, size_t n, void *context) {
    attempt *a = context;
    char value[DNNB__VALIDATOR_BYTES];
    size_t length = size * n;
    if (length > 5 && strncasecmp(line, "HTTP/", 5) == 0) { /* an answer begins, after a redirect */
        a->range_begin = a->range_total = UINT64_MAX;
        a->validator[0] = '\0';
    }
    if (read_header(line, length, "content-range", value, sizeof value)) read_range(a, value);
    /* A weak ETag, W/"...", is no condition for a range. */
    if (read_header(line, length, "etag", value, sizeof value) && value[0] == '"')
        memcpy(a->validator, value, sizeof value);
    if (read_header(line, length, "last-modified", value, sizeof value) && !a->validator[0])
        memcpy(a->validator, value, sizeof value);
    return length;
}

/* ---- the body ---- */

/* Decide from the answer whether its body is added, or begins the file anew. */
static dnnb_status begin_body(attempt *a) {
    dnnb__download *d = a->d;
    curl_off_t length = -1;
    curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &a->code);
    curl_easy_getinfo(a->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (a->code == 206 && a->range_begin != d->n_bytes)
        return dnnb__fail(DNNB_ERR_IO,
                          "%s: expected the bytes from %" PRIu64 " on, found a part that begins "
                          "elsewhere",
                          d->url, d->n_bytes);
    if (a->code == 200 && d->n_bytes > 0) {
        if (dnnb__io_ftruncate(d->fd, 0) != 0) {
            a->write_error = errno;
            return dnnb__fail(DNNB_ERR_IO, "%s: cannot be begun anew: %s", d->path,
                              strerror(errno));
        }
        d->n_bytes = 0;
    }
    d->n_total = length > 0 ? d->n_bytes + (uint64_t)length : 0;
    if (a->code == 206 && a->range_total != UINT64_MAX) d->n_total = a->range_total;
    memcpy(d->validator, a->validator, sizeof d->validator);
    return DNNB_OK;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *context) {
    attempt *a = context;
    dnnb__download *d = a->d;
    size_t length = size * n;
    if (!a->has_begun) {
        a->has_begun = true;
        a->status = begin_body(a);
    }
    if (a->status != DNNB_OK) return CURL_WRITEFUNC_ERROR;
    if (a->code != 200 && a->code != 206) return length; /* a page that says what is wrong */
    if (d->n_bytes + length > max_bytes) {
        a->status = dnnb__fail(DNNB_ERR_LIMIT, "%s: expected at most %" PRIu64 " bytes, found more",
                               d->url, max_bytes);
        return CURL_WRITEFUNC_ERROR;
    }
    size_t wrote = lseek(d->fd, (off_t)d->n_bytes, SEEK_SET) < 0
                       ? 0
                       : dnnb__io_write_all(d->fd, bytes, length);
    d->n_bytes += wrote;
    a->n_new += wrote;
    if (wrote == length) return length;
    a->write_error = errno;
    a->status = dnnb__fail(DNNB_ERR_IO, "%s: cannot write: %s", d->path, strerror(errno));
    return CURL_WRITEFUNC_ERROR;
}

static int on_progress(void *context, curl_off_t total, curl_off_t done, curl_off_t up_total,
                       curl_off_t up_done) {
    attempt *a = context;
    double now = now_s();
    (void)total;
    (void)done;
    (void)up_total;
    (void)up_done;
    if (now - a->shown_s < PROGRESS_MS * 1e-3) return 0;
    a->shown_s = now;
    if (now - a->window_s >= SPEED_WINDOW_MS * 1e-3) {
        a->speed = (double)(a->n_new - a->window_bytes) / (now - a->window_s);
        a->window_s = now;
        a->window_bytes = a->n_new;
    }
    a->is_stopped = !tell(a->d, a->speed, NULL);
    return a->is_stopped;
}

/* ---- tries ---- */

/* Ask for the file from where ours ends. The list is the caller's to free. */
static CURLcode set_options(attempt *a, struct curl_slist **headers) {
    const dnnb__download *d = a->d;
    char range[32], condition[DNNB__VALIDATOR_BYTES + 16];
    CURL *c = a->curl;
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK) code = curl_easy_setopt(c, option, value);                           \
    } while (0)
    SET(CURLOPT_URL, d->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    /* A redirect may not lead from a secured connection to one that is not. */
    SET(CURLOPT_REDIR_PROTOCOLS_STR,
        strncasecmp(d->url, "https:", 6) == 0 ? "https" : "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
    SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)ceil(d->options->stall_s));
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USERAGENT, "dnnbrain/" DNNB_VERSION);
    SET(CURLOPT_ERRORBUFFER, a->error);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, a);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, a);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, a);
    if (d->n_bytes > 0) {
        (void)snprintf(range, sizeof range, "%" PRIu64 "-", d->n_bytes);
        SET(CURLOPT_RANGE, range);
    }
    if (d->n_bytes > 0 && d->validator[0]) {
        (void)snprintf(condition, sizeof condition, "If-Range: %s", d->validator);
        *headers = curl_slist_append(NULL, condition);
        if (!*headers) code = CURLE_OUT_OF_MEMORY;
        SET(CURLOPT_HTTPHEADER, *headers);
    }
#undef SET
    return code;
}

/* Whether another try may help: the connection broke, or the server is in trouble. */
static bool is_passing(CURLcode code, long answer) {
    switch (code) {
    case CURLE_OK:
        return answer >= 500 || answer == 429 || answer == 408;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

/* What a try came to. `*may_go_on`: asking again may help. */
static dnnb_status judge(attempt *a, CURLcode code, bool *may_go_on) {
    dnnb__download *d = a->d;
    *may_go_on = false;
    if (a->is_stopped)
        return dnnb__fail(DNNB_ERR_STOPPED, "%s: stopped after %" PRIu64 " bytes", d->url,
                          d->n_bytes);
    if (a->status != DNNB_OK) {
        /* A server that answers with another part than asked for is asked for the whole. */
        if (a->code == 206 && a->write_error == 0 && a->status == DNNB_ERR_IO && d->n_bytes > 0)
            *may_go_on = dnnb__io_ftruncate(d->fd, 0) == 0;
        if (*may_go_on) d->n_bytes = 0;
        return a->status;
    }
    if (code != CURLE_OK) {
        *may_go_on = is_passing(code, 0);
        return dnnb__fail(DNNB_ERR_IO, "%s: %s", d->url,
                          a->error[0] ? a->error : curl_easy_strerror(code));
    }
    curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &a->code);
    if (a->code == 200 || a->code == 206) return DNNB_OK;
    if (a->code == 416 && a->range_total == d->n_bytes) return DNNB_OK; /* nothing was missing */
    if (a->code == 416 && d->n_bytes > 0 && dnnb__io_ftruncate(d->fd, 0) == 0) {
        d->n_bytes = 0;
        *may_go_on = true;
    } else {
        *may_go_on = is_passing(CURLE_OK, a->code);
    }
    return dnnb__fail(DNNB_ERR_IO, "%s: expected the file, found the answer %ld%s", d->url, a->code,
                      a->code == 404 ? " (not there)" : "");
}

static dnnb_status try_once(dnnb__download *d, CURL *curl, bool *may_go_on, bool *has_new) {
    attempt a = {.d = d,
                 .curl = curl,
                 .range_begin = UINT64_MAX,
                 .range_total = UINT64_MAX,
                 .window_s = now_s()};
    struct curl_slist *headers = NULL;
    curl_easy_reset(curl);
    CURLcode code = set_options(&a, &headers);
    if (code == CURLE_OK) code = curl_easy_perform(curl);
    /* An empty file has no body to begin with. */
    dnnb_status status = judge(&a, code, may_go_on);
    curl_slist_free_all(headers);
    *has_new = a.n_new > 0;
    return status;
}

/* Wait before try `i`, telling what happened; false when the caller wants no more. */
static bool pause_between(const dnnb__download *d, size_t i) {
    char message[1024];
    (void)snprintf(message, sizeof message, "%s; trying again", dnnb_get_error());
    if (!tell(d, 0, message)) return false;
    double until = now_s() + (i > 0 ? 0.5 * (double)(1u << (i < 5 ? i : 5)) : 0.0);
    while (now_s() < until) {
        static const struct timespec step = {.tv_nsec = PROGRESS_MS * 1000000L};
        (void)nanosleep(&step, NULL);
        if (!tell(d, 0, NULL)) return false;
    }
    return true;
}

static CURLcode global_code;

static void init_curl(void) {
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

dnnb_status dnnb__download_run(dnnb__download *d) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    CURL *curl = global_code == CURLE_OK ? curl_easy_init() : NULL;
    if (!curl) return dnnb__fail(DNNB_ERR_MEMORY, "libcurl cannot be started");
    size_t n_idle = 0; /* tries on end that brought nothing */
    bool may_go_on, has_new;
    dnnb_status status = try_once(d, curl, &may_go_on, &has_new);
    while (status != DNNB_OK && may_go_on) {
        n_idle = has_new ? 0 : n_idle + 1;
        if (n_idle >= d->options->n_tries) break;
        if (!pause_between(d, n_idle)) {
            status = dnnb__fail(DNNB_ERR_STOPPED, "%s: stopped after %" PRIu64 " bytes", d->url,
                                d->n_bytes);
            break;
        }
        status = try_once(d, curl, &may_go_on, &has_new);
    }
    curl_easy_cleanup(curl);
    return status;
}
