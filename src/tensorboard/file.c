/*
 * An event file that grows.
 *
 * Method: each flush writes from the end of the file's whole records on, so what a failed one left
 * there is written over with the same bytes. Nothing needs to be on the disk before the end: what
 * a power cut takes away is made again from the run's history.
 * Invariant: the names of a folder's files sort in the order of their making, also when the clock
 * was set back: TensorBoard reads them in that order.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/io.h"
#include "tensorboard/tensorboard.h"

enum { CAP_BYTES = 1 << 28, MAX_NAME = 128 };

static const char prefix[] = DNNB__TENSORBOARD_PREFIX;

void dnnb__tensorboard_init(dnnb__tensorboard *board) {
    *board = (dnnb__tensorboard){.fd = -1};
    dnnb__buf_init(&board->waiting, CAP_BYTES);
}

/* The largest number of seconds in the names of a folder's event files; 0 for none. */
static dnnb_status find_latest(long long *seconds, const char *folder) {
    DIR *dir = dnnb__io_opendir(folder);
    *seconds = 0;
    if (!dir) return dnnb__fail(DNNB_ERR_IO, "%s: cannot open: %s", folder, strerror(errno));
    const struct dirent *entry;
    while ((entry = dnnb__io_readdir(dir))) {
        const char *number = entry->d_name + sizeof prefix - 1;
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0 || !isdigit(*number)) continue;
        long long found = strtoll(number, NULL, 10);
        /* A name with more digits than a clock has is nobody's, and would leave no room. */
        if (found > *seconds && found < 10000000000) *seconds = found;
    }
    int error = errno;
    closedir(dir);
    if (error != 0) return dnnb__fail(DNNB_ERR_IO, "%s: cannot read: %s", folder, strerror(error));
    return DNNB_OK;
}

static void get_host(char out[64]) {
    if (gethostname(out, 64) != 0 || !out[0]) (void)snprintf(out, 64, "localhost");
    out[63] = '\0';
    for (char *c = out; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '.') *c = '_';
}

dnnb_status dnnb__tensorboard_open(dnnb__tensorboard *board, const char *folder) {
    long long latest, seconds = (long long)dnnb__tensorboard_now_s();
    char host[64], name[MAX_NAME];
    DNNB_TRY(find_latest(&latest, folder));
    if (seconds <= latest) seconds = latest + 1;
    get_host(host);
    (void)snprintf(name, sizeof name, "%s%010lld.%s", prefix, seconds, host);
    dnnb__free(board->path);
    board->path = NULL;
    DNNB_TRY(dnnb__path_join(&board->path, folder, name));
    board->fd = dnnb__io_open(board->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (board->fd < 0)
        return dnnb__fail(DNNB_ERR_IO, "%s: cannot create: %s", board->path, strerror(errno));
    board->n_bytes = 0;
    board->waiting.n_bytes = 0;
    dnnb__tensorboard_add_version(&board->waiting, dnnb__tensorboard_now_s());
    return dnnb__buf_get_status(&board->waiting);
}

static dnnb_status fail_write(const dnnb__tensorboard *board) {
    return dnnb__fail(DNNB_ERR_IO, "%s: cannot write: %s", board->path, strerror(errno));
}

dnnb_status dnnb__tensorboard_flush(dnnb__tensorboard *board) {
    dnnb__buf *waiting = &board->waiting;
    DNNB_TRY(dnnb__buf_get_status(waiting));
    if (board->fd < 0 || waiting->n_bytes == 0) return DNNB_OK;
    if (lseek(board->fd, board->n_bytes, SEEK_SET) < 0 ||
        dnnb__io_write_all(board->fd, waiting->data, waiting->n_bytes) < waiting->n_bytes)
        return fail_write(board);
    board->n_bytes += (off_t)waiting->n_bytes;
    waiting->n_bytes = 0;
    return DNNB_OK;
}

dnnb_status dnnb__tensorboard_sync(dnnb__tensorboard *board) {
    DNNB_TRY(dnnb__tensorboard_flush(board));
    if (board->fd < 0 || dnnb__io_fsync(board->fd) == 0) return DNNB_OK;
    return fail_write(board);
}

static void close_file(dnnb__tensorboard *board) {
    if (board->fd >= 0) close(board->fd);
    dnnb__buf_destroy(&board->waiting);
    dnnb__free(board->path);
    dnnb__tensorboard_init(board);
}

void dnnb__tensorboard_close(dnnb__tensorboard *board) {
    if (dnnb__tensorboard_flush(board) != DNNB_OK && board->fd >= 0)
        (void)dnnb__io_ftruncate(board->fd, board->n_bytes);
    close_file(board);
}

void dnnb__tensorboard_discard(dnnb__tensorboard *board) {
    if (board->fd >= 0) (void)dnnb__io_unlink(board->path);
    close_file(board);
}
