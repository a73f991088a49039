/*
 * Connections that are told what is new, as server-sent events.
 *
 * Method: a stream sends one event whole, then the newest there is, passing over those between.
 * With nothing to send it is suspended, so that it costs nothing, and woken by news or to send a
 * comment, by which a reader that has gone away is noticed. A slow reader holds up nobody: it keeps
 * the event that it is being sent, which others share, until it has it or is given up by the
 * server's timeout.
 */
#include <string.h>

#include "watch/watch.h"

static const double comment_every_s = 15;
static const char comment[] = ":\n\n";
/* What a stream begins with: how soon a page asks again after its connection was lost. */
static const char retry[] = "retry: 1000\n\n";
enum { PIECE_BYTES = 1 << 16 };

struct dnnb__stream {
    dnnb_watch *watch;
    struct MHD_Connection *suspended; /* NULL while it is sending */
    struct MHD_Connection *connection;
    dnnb__news *news; /* being sent, or sent last */
    const char *bytes;
    size_t n_bytes, n_sent; /* of what is being sent */
    double sent_at_s;
    dnnb__stream *next;
};

static void send_bytes(dnnb__stream *s, const char *bytes, size_t n) {
    s->bytes = bytes;
    s->n_bytes = n;
    s->n_sent = 0;
}

static bool has_news(const dnnb__stream *s) {
    return s->watch->source.news && s->news != s->watch->source.news;
}

static bool is_due(const dnnb__stream *s) {
    return dnnb__watch_now_s() - s->sent_at_s >= comment_every_s;
}

/* Take up the next thing to send, if there is one. */
static void take_next(dnnb__stream *s) {
    if (has_news(s)) {
        dnnb__news_release(s->news);
        s->news = s->watch->source.news;
        s->news->n_users++;
        send_bytes(s, s->news->bytes, s->news->n_bytes);
    } else if (is_due(s)) {
        send_bytes(s, comment, sizeof comment - 1);
    }
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t n) {
    dnnb__stream *s = context;
    (void)position;
    if (s->watch->is_ending) return MHD_CONTENT_READER_END_OF_STREAM;
    if (s->n_sent == s->n_bytes) take_next(s);
    size_t n_left = s->n_bytes - s->n_sent;
    if (n_left == 0) {
        MHD_suspend_connection(s->connection);
        s->suspended = s->connection;
        return 0;
    }
    if (n > n_left) n = n_left;
    memcpy(out, s->bytes + s->n_sent, n);
    s->n_sent += n;
    s->sent_at_s = dnnb__watch_now_s();
    return (ssize_t)n;
}

static void destroy_stream(void *context) {
    dnnb__stream *s = context;
    dnnb__stream **at = &s->watch->streams;
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    s->watch->n_streams--;
    dnnb__news_release(s->news);
    dnnb__free(s);
}

struct MHD_Response *dnnb__stream_create_response(dnnb_watch *watch,
                                                  struct MHD_Connection *connection) {
    if (watch->n_streams >= DNNB__MAX_STREAMS) return NULL;
    dnnb__stream *s = dnnb__calloc(1, sizeof *s);
    if (!s) return NULL;
    *s = (dnnb__stream){.watch = watch, .connection = connection, .next = watch->streams};
    send_bytes(s, retry, sizeof retry - 1);
    watch->streams = s;
    watch->n_streams++;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, PIECE_BYTES, read_stream, s, destroy_stream);
    if (!response) destroy_stream(s);
    return response;
}

void dnnb__stream_wake(dnnb_watch *watch) {
    for (dnnb__stream *s = watch->streams; s; s = s->next) {
        if (!s->suspended || !(watch->is_ending || has_news(s) || is_due(s))) continue;
        MHD_resume_connection(s->suspended);
        s->suspended = NULL;
    }
}

bool dnnb__stream_is_told(const dnnb_watch *watch) {
    for (const dnnb__stream *s = watch->streams; s; s = s->next)
        if (has_news(s) || s->n_sent < s->n_bytes) return false;
    return true;
}
