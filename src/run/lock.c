/*
 * RUN/lock: taken by a lock of the system on an open file, released by unlinking it.
 *
 * Method: whoever holds the lock of the file that the name leads to has the folder. One who opened
 * the file before it was unlinked locks a file without a name, sees that, and opens again.
 */
#include "run/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/io.h"

enum {
    MAX_HOST_BYTES = 256,
    MAX_TEXT_BYTES = MAX_HOST_BYTES + 32,
    PATIENCE_MS = 2000, /* a child of a process that was killed lives on for a moment */
    PAUSE_MS = 20
};

/* Who has a lock, as its file says. */
typedef struct holder {
    pid_t pid; /* 0 when the file does not say */
    char host[MAX_HOST_BYTES];
} holder;

static dnnb_status fail_errno(const char *path) {
    return dnnb__fail(DNNB_ERR_IO, "%s: cannot lock: %s", path, strerror(errno));
}

static void get_host(char host[MAX_HOST_BYTES]) {
    if (gethostname(host, MAX_HOST_BYTES) != 0) host[0] = '\0';
    host[MAX_HOST_BYTES - 1] = '\0';
}

static holder read_holder(int fd) {
    char text[MAX_TEXT_BYTES];
    holder h = {0};
    ssize_t n = dnnb__io_read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    char *end;
    long pid = strtol(text, &end, 10);
    size_t n_host = strcspn(end + (*end == ' '), "\n");
    if (pid <= 0 || pid > INT32_MAX || *end != ' ' || n_host >= sizeof h.host) return h;
    h.pid = (pid_t)pid;
    memcpy(h.host, end + 1, n_host);
    return h;
}

/* Whether the process is known to have ended. */
static bool is_gone(const holder *h) {
    char host[MAX_HOST_BYTES];
    get_host(host);
    return strcmp(h->host, host) == 0 && kill(h->pid, 0) != 0 && errno == ESRCH;
}

static dnnb_status fail_held(const char *folder, const holder *h) {
    static const char expected[] = "expected a folder that no run works in, found";
    if (h->pid == 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: %s a process working in it", folder, expected);
    return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: %s %sprocess %ld on %s working in it", folder,
                      expected, is_gone(h) ? "a child of " : "", (long)h->pid, h->host);
}

static dnnb_status write_holder(const char *path, int fd) {
    char text[MAX_TEXT_BYTES], host[MAX_HOST_BYTES];
    get_host(host);
    size_t n = (size_t)snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), host);
    if (dnnb__io_ftruncate(fd, 0) == 0 && dnnb__io_write_all(fd, text, n) == n) return DNNB_OK;
    dnnb_status status = fail_errno(path);
    (void)dnnb__io_unlink(path);
    return status;
}

/* Some file systems of clusters have no locks. */
static bool has_no_locks(int error) {
    return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP;
}

/* There, what the file says of its holder is all there is to go by. */
static dnnb_status take_unlocked(bool *is_ours, const char *path, const char *folder, int fd) {
    holder h = read_holder(fd);
    *is_ours = h.pid == 0 || is_gone(&h);
    if (*is_ours) return write_holder(path, fd);
    return dnnb__fail_prefix(fail_held(folder, &h),
                             "this file system has no locks; remove %s if nothing runs there",
                             path);
}

/* One try. *fd stays -1 when another process may let the lock go in a moment. */
static dnnb_status try_once(int *fd, const char *path, const char *folder, bool is_last) {
    int opened = dnnb__io_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (opened < 0) return fail_errno(path);
    dnnb_status status = DNNB_OK;
    bool is_ours = false;
    if (dnnb__io_lock(opened) == 0) {
        status = dnnb__io_leads_to(&is_ours, path, opened) ? DNNB_OK : fail_errno(path);
        if (is_ours) status = write_holder(path, opened);
    } else if (errno == EAGAIN) {
        holder h = read_holder(opened);
        if (is_last || (h.pid != 0 && !is_gone(&h))) status = fail_held(folder, &h);
    } else if (has_no_locks(errno)) {
        status = take_unlocked(&is_ours, path, folder, opened);
    } else {
        status = fail_errno(path);
    }
    if (is_ours && status == DNNB_OK)
        *fd = opened;
    else
        close(opened);
    return status;
}

dnnb_status dnnb__run_lock_take(dnnb__run_lock *out, const char *folder) {
    static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    char *path;
    *out = (dnnb__run_lock){.fd = -1};
    DNNB_TRY(dnnb__path_join(&path, folder, "lock"));
    dnnb_status status = DNNB_OK;
    for (int i = 0; out->fd < 0 && status == DNNB_OK; i++) {
        if (i > 0) (void)nanosleep(&pause, NULL);
        status = try_once(&out->fd, path, folder, i >= PATIENCE_MS / PAUSE_MS);
    }
    if (status == DNNB_OK)
        out->path = path;
    else
        dnnb__free(path);
    return status;
}

void dnnb__run_lock_release(dnnb__run_lock *lock) {
    bool is_ours;
    if (!lock->path) return;
    if (dnnb__io_leads_to(&is_ours, lock->path, lock->fd) && is_ours)
        (void)dnnb__io_unlink(lock->path);
    close(lock->fd);
    dnnb__free(lock->path);
    *lock = (dnnb__run_lock){.fd = -1};
}
