/*
 * Method: O_TMPFILE, a file that never has a name; where the file system knows none, one whose name
 * is removed as soon as it is open.
 *
 * Source: Linux open(2), fallocate(2).
 */
#include "core/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/io.h"
#include "core/mem.h"

struct dnnb__scratch {
    int fd;
    char *folder; /* for messages */
};

static dnnb_status fail_errno(const char *folder, const char *what) {
    return dnnb__fail(DNNB_ERR_IO, "%s: %s: %s", folder, what, strerror(errno));
}

static dnnb_status open_named(int *fd, const char *folder) {
    static const char name[] = "/" DNNB__SCRATCH_NAME "XXXXXX";
    size_t n = strlen(folder) + sizeof name;
    char *path = dnnb__alloc(n, 1);
    if (!path) return dnnb__fail_memory();
    (void)snprintf(path, n, "%s%s", folder, name);
    dnnb_status status = DNNB_OK;
    *fd = dnnb__io_mkstemp(path);
    if (*fd < 0) {
        status = fail_errno(folder, "cannot make a file");
    } else if (dnnb__io_unlink(path) != 0) {
        status = fail_errno(path, "cannot be removed");
        close(*fd);
        *fd = -1;
    }
    dnnb__free(path);
    return status;
}

static dnnb_status check_room(const char *folder, uint64_t n_bytes) {
    uint64_t free_bytes;
    if (dnnb__io_get_free(&free_bytes, folder) != 0)
        return fail_errno(folder, "the free space cannot be found out");
    if (n_bytes <= free_bytes / 2) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_IO,
                      "%s: expected %.1f MB free, twice the size of the file, found %.1f MB",
                      folder, (double)n_bytes * 2e-6, (double)free_bytes * 1e-6);
}

static dnnb_status open_file(dnnb__scratch *s, uint64_t n_bytes) {
    DNNB_TRY(check_room(s->folder, n_bytes));
    s->fd = dnnb__io_open(s->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0) DNNB_TRY(open_named(&s->fd, s->folder));
    if (dnnb__io_reserve(s->fd, n_bytes) == 0 || errno == EOPNOTSUPP) return DNNB_OK;
    return fail_errno(s->folder, "cannot take room for a file");
}

dnnb_status dnnb__scratch_create(dnnb__scratch **out, const char *folder, uint64_t n_bytes) {
    *out = NULL;
    dnnb__scratch *s = dnnb__calloc(1, sizeof *s);
    if (!s) return dnnb__fail_memory();
    s->fd = -1;
    s->folder = dnnb__strdup(folder);
    dnnb_status status = s->folder ? open_file(s, n_bytes) : dnnb__fail_memory();
    if (status != DNNB_OK) {
        dnnb__scratch_destroy(s);
        return status;
    }
    *out = s;
    return DNNB_OK;
}

void dnnb__scratch_destroy(dnnb__scratch *s) {
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    dnnb__free(s->folder);
    dnnb__free(s);
}

dnnb_status dnnb__scratch_write(dnnb__scratch *s, uint64_t at, const void *bytes, size_t n) {
    for (size_t done = 0; done < n;) {
        ssize_t written =
            dnnb__io_pwrite(s->fd, (const char *)bytes + done, n - done, (off_t)(at + done));
        if (written < 0 && errno == EINTR) continue;
        if (written == 0) errno = EIO;
        if (written <= 0) return fail_errno(s->folder, "a file there cannot be written");
        done += (size_t)written;
    }
    return DNNB_OK;
}

dnnb_status dnnb__scratch_read(const dnnb__scratch *s, uint64_t at, void *bytes, size_t n) {
    for (size_t done = 0; done < n;) {
        ssize_t found = dnnb__io_pread(s->fd, (char *)bytes + done, n - done, (off_t)(at + done));
        if (found < 0 && errno == EINTR) continue;
        if (found == 0) errno = EIO; /* what was written there is gone */
        if (found <= 0) return fail_errno(s->folder, "a file there cannot be read back");
        done += (size_t)found;
    }
    return DNNB_OK;
}
