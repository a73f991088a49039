/*
 * The live view: what is known of a run folder (source), who is told of it (stream), and how a
 * request is answered (answer). All of it works in one thread.
 */
#ifndef DNNB_WATCH_WATCH_H
#define DNNB_WATCH_WATCH_H

#include <microhttpd.h>
#include <sys/types.h>

#include "core/mem.h"
#include "dnnbrain/watch.h"

/** Seconds of a steady clock. */
double dnnb__watch_now_s(void);

/* ---- source ---- */

/** A server-sent event, shared by the connections that send it. */
typedef struct dnnb__news {
    char *bytes;
    size_t n_bytes;
    size_t n_users;
} dnnb__news;

void dnnb__news_release(dnnb__news *news); /* NULL is fine */

/** What tells that a file has changed; all 0 for one that is not there. */
typedef struct dnnb__file_mark {
    dev_t device;
    ino_t inode;
    off_t n_bytes;
    struct timespec changed;
} dnnb__file_mark;

enum { DNNB__SOURCE_FILES = 6 };

typedef struct dnnb__source {
    const char *folder;                        /* borrowed */
    dnnb_record *record;                       /* as it was read last; NULL while there is none */
    dnnb__file_mark marks[DNNB__SOURCE_FILES]; /* of the files when they were read last */
    bool was_locked, has_read;
    double failing_since_s; /* reading fails since then; NaN when it does not */
    double next_look_s;
    dnnb__news *news; /* the newest: the run's data, or what is waited for */
    char *page;       /* that goes with it; NULL until it is asked for */
    size_t n_page_bytes;
} dnnb__source;

void dnnb__source_init(dnnb__source *source, const char *folder);
void dnnb__source_destroy(dnnb__source *source);
/** Look whether something has changed, and read it. */
DNNB_MUST_CHECK dnnb_status dnnb__source_look(dnnb__source *source);
/** The page as of the last look, borrowed. */
DNNB_MUST_CHECK dnnb_status dnnb__source_get_page(dnnb__source *source, const char **page,
                                                  size_t *n_bytes);
/** The run's data alone, within the news; NULL while there is no run. */
const char *dnnb__source_get_json(const dnnb__source *source, size_t *n_bytes);

/* ---- the page while there is no run ---- */

/** @param events The address of the news. @param[out] page Free with dnnb__free. */
DNNB_MUST_CHECK dnnb_status dnnb__watch_print_waiting_page(const char *folder, const char *events,
                                                           char **page, size_t *n_bytes);
/** Its script, which the page asks for as DNNB__WATCH_SCRIPT. */
#define DNNB__WATCH_SCRIPT "/waiting.js"
extern const char dnnb__watch_waiting_script[];

/* ---- the server ---- */

typedef struct dnnb__stream dnnb__stream;

struct dnnb_watch {
    char *folder;
    char url[40];
    uint16_t port;
    struct MHD_Daemon *daemon; /* holds the socket */
    int epoll_fd;
    dnnb__source source;
    dnnb__stream *streams;
    size_t n_streams;
    bool is_ending;
};

/** The response that goes on sending what is new; NULL when memory ran out or too many listen. */
struct MHD_Response *dnnb__stream_create_response(dnnb_watch *watch,
                                                  struct MHD_Connection *connection);
/** Let those go on that have something to send. */
void dnnb__stream_wake(dnnb_watch *watch);
/** Every stream has sent the newest. */
bool dnnb__stream_is_told(const dnnb_watch *watch);
enum { DNNB__MAX_STREAMS = 32 };

/** The server's handler of requests; `context` is the watch. */
enum MHD_Result dnnb__watch_answer(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *upload, size_t *n_upload_bytes, void **state);

#endif
