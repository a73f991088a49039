/*
 * The server: a socket on 127.0.0.1, and the loop that answers and looks at the folder in turn.
 *
 * Method: libmicrohttpd works without a thread of its own. The loop waits at its epoll descriptor
 * until something comes or it is time to look. No write to a socket waits for its reader.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/file.h"
#include "watch/watch.h"

enum { MAX_CONNECTIONS = 64, IDLE_S = 20, MAX_WAIT_MS = 500, BACKLOG = 64 };

static dnnb_status fail_port(uint16_t port) {
    int error = errno;
    if (error == EADDRINUSE)
        return dnnb__fail(DNNB_ERR_IO,
                          "127.0.0.1:%u: expected a free port, found one that another program "
                          "uses (port 0 takes any that is free)",
                          port);
    return dnnb__fail(DNNB_ERR_IO, "127.0.0.1:%u: cannot listen: %s", port, strerror(error));
}

/* A socket that listens; the port that it got. */
static dnnb_status open_socket(int *out, uint16_t *port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(*port)};
    socklen_t n = sizeof address;
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return fail_port(*port);
    /* A server that has just ended leaves connections that would hold its port for a minute. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, BACKLOG) != 0 || getsockname(fd, (struct sockaddr *)&address, &n) != 0) {
        dnnb_status status = fail_port(*port);
        close(fd);
        return status;
    }
    *port = ntohs(address.sin_port);
    *out = fd;
    return DNNB_OK;
}

/* The daemon takes the socket over. */
static dnnb_status start_daemon(dnnb_watch *w, int fd) {
    w->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                                 dnnb__watch_answer, w, MHD_OPTION_LISTEN_SOCKET, fd,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                                 MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (!w->daemon) {
        close(fd);
        return dnnb__fail(DNNB_ERR_IO, "%s: the server cannot start", w->url);
    }
    w->epoll_fd = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return DNNB_OK;
}

static dnnb_status open_server(dnnb_watch *w) {
    int fd;
    DNNB_TRY(open_socket(&fd, &w->port));
    (void)snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u/", w->port);
    return start_daemon(w, fd);
}

static dnnb_status check_folder(const char *folder) {
    bool is_there, is_folder;
    if (!folder || !*folder)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "run folder: expected a path, found none");
    DNNB_TRY(dnnb__file_find(&is_there, folder));
    DNNB_TRY(dnnb__folder_find(&is_folder, folder));
    if (is_there && !is_folder)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected a run folder, found a file", folder);
    return DNNB_OK;
}

dnnb_status dnnb_watch_create(dnnb_watch **out, const char *folder, uint16_t port) {
    *out = NULL;
    DNNB_TRY(check_folder(folder));
    dnnb_watch *w = dnnb__calloc(1, sizeof *w);
    if (!w) return dnnb__fail_memory();
    w->port = port;
    w->folder = dnnb__strdup(folder);
    dnnb__source_init(&w->source, w->folder);
    dnnb_status status = w->folder ? open_server(w) : dnnb__fail_memory();
    if (status == DNNB_OK) status = dnnb__source_look(&w->source);
    if (status != DNNB_OK) {
        dnnb_watch_destroy(w);
        return status;
    }
    *out = w;
    return DNNB_OK;
}

void dnnb_watch_destroy(dnnb_watch *w) {
    if (!w) return;
    if (w->daemon) {
        w->is_ending = true; /* a daemon cannot stop while connections are suspended */
        dnnb__stream_wake(w);
        (void)MHD_run(w->daemon);
        MHD_stop_daemon(w->daemon);
    }
    dnnb__source_destroy(&w->source);
    dnnb__free(w->folder);
    dnnb__free(w);
}

const char *dnnb_watch_get_url(const dnnb_watch *w) {
    return w->url;
}

const dnnb_record *dnnb_watch_get_record(const dnnb_watch *w) {
    return w->source.record;
}

bool dnnb_watch_is_told(const dnnb_watch *w) {
    return dnnb__stream_is_told(w);
}

/* Until something has to be done, in milliseconds. */
static int get_wait_ms(const dnnb_watch *w, double end_s) {
    double now_s = dnnb__watch_now_s(), until_s = fmin(end_s, w->source.next_look_s);
    double wait_ms = fmin(fmax(until_s - now_s, 0) * 1e3, MAX_WAIT_MS);
    MHD_UNSIGNED_LONG_LONG daemon_ms;
    if (MHD_get_timeout(w->daemon, &daemon_ms) == MHD_YES && (double)daemon_ms < wait_ms)
        wait_ms = (double)daemon_ms;
    return (int)ceil(wait_ms);
}

dnnb_status dnnb_watch_serve(dnnb_watch *w, double timeout_s) {
    double end_s = dnnb__watch_now_s() + timeout_s;
    do {
        struct pollfd server = {.fd = w->epoll_fd, .events = POLLIN};
        bool is_interrupted = poll(&server, 1, get_wait_ms(w, end_s)) < 0;
        if (is_interrupted && errno != EINTR)
            return dnnb__fail(DNNB_ERR_IO, "%s: cannot wait: %s", w->url, strerror(errno));
        DNNB_TRY(dnnb__source_look(&w->source));
        dnnb__stream_wake(w);
        if (MHD_run(w->daemon) != MHD_YES)
            return dnnb__fail(DNNB_ERR_IO, "%s: the server cannot go on", w->url);
        if (is_interrupted) break;
    } while (dnnb__watch_now_s() < end_s);
    return DNNB_OK;
}
