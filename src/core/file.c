/*
 * Reading, mapping and atomic writing of files, with the system's reason in every message.
 *
 * Method: a writer is a stream of the C library over our own calls, so that whatever prints to it
 * goes through core/io, and the reason of the first failure is kept until the commit tells it.
 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/io.h"

static dnnb_status fail_errno(const char *path, const char *what) {
    return dnnb__fail(DNNB_ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

/* A pipe or a folder would hang or confuse what follows. */
dnnb_status dnnb__file_open(int *out, size_t *n_bytes, const char *path) {
    int fd = dnnb__io_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0) return fail_errno(path, "cannot open");
    struct stat st;
    dnnb_status status = DNNB_OK;
    if (dnnb__io_fstat(fd, &st) != 0)
        status = fail_errno(path, "cannot read its size");
    else if (!S_ISREG(st.st_mode))
        status = dnnb__fail(DNNB_ERR_IO, "%s: expected a file, found %s", path,
                            S_ISDIR(st.st_mode) ? "a folder" : "a device or pipe");
    if (status != DNNB_OK) {
        close(fd);
        return status;
    }
    *out = fd;
    *n_bytes = (size_t)st.st_size;
    return DNNB_OK;
}

dnnb_status dnnb__file_read_next(int fd, const char *path, char *bytes, size_t n, size_t *n_read) {
    size_t at = 0;
    while (at < n) {
        ssize_t got = dnnb__io_read(fd, bytes + at, n - at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(path, "cannot read");
        if (got == 0) break;
        at += (size_t)got;
    }
    *n_read = at;
    return DNNB_OK;
}

dnnb_status dnnb__file_read_into(char **bytes, size_t *capacity_bytes, size_t *n_bytes,
                                 const char *path, size_t cap_bytes) {
    int fd;
    size_t size;
    *n_bytes = 0;
    DNNB_TRY(dnnb__file_open(&fd, &size, path));
    dnnb_status status = DNNB_OK;
    if (size > cap_bytes) {
        status = dnnb__fail(DNNB_ERR_LIMIT, "%s: expected at most %zu bytes, found %zu", path,
                            cap_bytes, size);
    } else if (size >= *capacity_bytes) {
        dnnb__free(*bytes);
        *bytes = dnnb__alloc(size + 1, 1);
        *capacity_bytes = *bytes ? size + 1 : 0;
        if (!*bytes) status = dnnb__fail_memory();
    }
    if (status == DNNB_OK) status = dnnb__file_read_next(fd, path, *bytes, size, n_bytes);
    close(fd);
    if (status == DNNB_OK) (*bytes)[*n_bytes] = '\0';
    return status;
}

dnnb_status dnnb__file_read(char **out, size_t *n_bytes, const char *path, size_t cap_bytes) {
    size_t capacity_bytes = 0;
    *out = NULL;
    dnnb_status status = dnnb__file_read_into(out, &capacity_bytes, n_bytes, path, cap_bytes);
    if (status != DNNB_OK) {
        dnnb__free(*out);
        *out = NULL;
    }
    return status;
}

dnnb_status dnnb__file_read_head(const char *path, void *bytes, size_t n, size_t *n_read) {
    int fd;
    size_t size;
    DNNB_TRY(dnnb__file_open(&fd, &size, path));
    dnnb_status status = dnnb__file_read_next(fd, path, bytes, n, n_read);
    close(fd);
    return status;
}

dnnb_status dnnb__map_create(dnnb__map *out, const char *path) {
    int fd;
    size_t size;
    *out = (dnnb__map){0};
    DNNB_TRY(dnnb__file_open(&fd, &size, path));
    dnnb_status status = DNNB_OK;
    if (size) {
        void *data = dnnb__io_mmap(size, fd);
        if (data == MAP_FAILED)
            status = fail_errno(path, "cannot map");
        else
            *out = (dnnb__map){.data = data, .n_bytes = size};
    }
    close(fd);
    return status;
}

void dnnb__map_destroy(dnnb__map *map) {
    if (map->data) munmap((void *)(uintptr_t)map->data, map->n_bytes);
    *map = (dnnb__map){0};
}

/* ---- the writer ---- */

enum { FLUSH_BYTES = 8 << 20 }; /* of a file, that are left to the system before the disk begins */

struct dnnb__sink {
    int fd;
    int error;             /* errno of the first failure */
    size_t n_behind_bytes; /* written since the disk was last told to begin */
};

static ssize_t sink_write(void *cookie, const char *bytes, size_t n) {
    dnnb__sink *sink = cookie;
    size_t written = dnnb__io_write_all(sink->fd, bytes, n);
    if (written < n && sink->error == 0) sink->error = errno;
    sink->n_behind_bytes += written;
    if (sink->n_behind_bytes >= FLUSH_BYTES) {
        off_t begin = lseek(sink->fd, 0, SEEK_CUR) - (off_t)sink->n_behind_bytes;
        dnnb__io_begin_flush(sink->fd, begin > 0 ? begin : 0);
        sink->n_behind_bytes = 0;
    }
    return (ssize_t)written;
}

static int sink_seek(void *cookie, off64_t *offset, int whence) {
    *offset = lseek(((dnnb__sink *)cookie)->fd, *offset, whence);
    return *offset < 0 ? -1 : 0;
}

static int sink_close(void *cookie) {
    return dnnb__io_close(((dnnb__sink *)cookie)->fd);
}

/* Make a file beside `path` that nobody else has. Not mkstemp: it gives no other mode than 0600,
 * and a result should be as readable as any file. */
static int open_temporary(char *temporary_path, size_t n, const char *path) {
    static atomic_uint n_made;
    int fd = -1;
    for (unsigned tries = 0; tries < 1000; tries++) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        uint64_t number = (uint64_t)t.tv_nsec * 65599 + (uint64_t)getpid() * 40503 +
                          (uint64_t)atomic_fetch_add(&n_made, 1);
        (void)snprintf(temporary_path, n, "%s.tmp-%06x", path, (unsigned)(number & 0xFFFFFF));
        fd = dnnb__io_open(temporary_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || (errno != EEXIST && errno != EINTR)) break;
    }
    return fd;
}

static dnnb_status open_stream(dnnb__writer *w, size_t n_temporary) {
    static const cookie_io_functions_t functions = {
        .write = sink_write, .seek = sink_seek, .close = sink_close};
    w->sink->fd = open_temporary(w->temporary_path, n_temporary, w->path);
    if (w->sink->fd < 0) return fail_errno(w->path, "cannot create");
    w->file = fopencookie(w->sink, "wb", functions);
    if (w->file) return DNNB_OK;
    dnnb_status status = fail_errno(w->path, "cannot open for writing");
    (void)dnnb__io_close(w->sink->fd);
    (void)dnnb__io_unlink(w->temporary_path);
    return status;
}

static void free_parts(dnnb__writer *w) {
    dnnb__free(w->sink);
    dnnb__free(w->temporary_path);
    dnnb__free(w->path);
    *w = (dnnb__writer){0};
}

dnnb_status dnnb__writer_create(dnnb__writer *out, const char *path) {
    size_t n = strlen(path) + sizeof ".tmp-000000";
    *out = (dnnb__writer){.path = dnnb__strdup(path),
                          .temporary_path = dnnb__alloc(n, 1),
                          .sink = dnnb__calloc(1, sizeof *out->sink)};
    bool is_whole = out->path && out->temporary_path && out->sink;
    dnnb_status status = is_whole ? open_stream(out, n) : dnnb__fail_memory();
    if (status != DNNB_OK) free_parts(out);
    return status;
}

/* Fails with the reason of the first write that failed: errno may be another's by now. */
static dnnb_status fail_write(const dnnb__writer *w) {
    if (w->sink->error != 0) errno = w->sink->error;
    return fail_errno(w->path, "cannot write");
}

dnnb_status dnnb__writer_write(dnnb__writer *w, const void *bytes, size_t n) {
    return n && fwrite(bytes, 1, n, w->file) != n ? fail_write(w) : DNNB_OK;
}

int dnnb__writer_get_error(const dnnb__writer *w) {
    return w->sink->error;
}

/* A rename is on the disk only once its folder is. */
static dnnb_status sync_folder_of(const char *path) {
    char *folder;
    DNNB_TRY(dnnb__path_get_folder(&folder, path));
    int fd = dnnb__io_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    dnnb_status status = DNNB_OK;
    if (fd < 0 || (dnnb__io_fsync(fd) != 0 && errno != EINVAL && errno != EROFS))
        status = fail_errno(path, "cannot flush its folder");
    if (fd >= 0) close(fd);
    dnnb__free(folder);
    return status;
}

dnnb_status dnnb__writer_commit(dnnb__writer *w) {
    dnnb_status status = DNNB_OK;
    if (fflush(w->file) != 0 || w->sink->error != 0 || dnnb__io_fsync(w->sink->fd) != 0)
        status = fail_write(w);
    if (fclose(w->file) != 0 && status == DNNB_OK) status = fail_write(w);
    w->file = NULL;
    if (status == DNNB_OK && dnnb__io_rename(w->temporary_path, w->path) != 0)
        status = fail_errno(w->path, "cannot rename into place");
    if (status != DNNB_OK)
        (void)dnnb__io_unlink(w->temporary_path);
    else
        status = sync_folder_of(w->path);
    free_parts(w);
    return status;
}

void dnnb__writer_destroy(dnnb__writer *w) {
    if (w->file) {
        fclose(w->file);
        (void)dnnb__io_unlink(w->temporary_path);
    }
    free_parts(w);
}

dnnb_status dnnb__file_write(const char *path, const void *bytes, size_t n) {
    dnnb__writer w;
    DNNB_TRY(dnnb__writer_create(&w, path));
    dnnb_status status = dnnb__writer_write(&w, bytes, n);
    if (status == DNNB_OK) return dnnb__writer_commit(&w);
    dnnb__writer_destroy(&w);
    return status;
}

dnnb_status dnnb__folder_create(const char *path) {
    if (dnnb__io_mkdir(path, 0777) == 0 || (errno == EEXIST && dnnb__folder_exists(path)))
        return DNNB_OK;
    return fail_errno(path, "cannot create the folder");
}

bool dnnb__file_exists(const char *path) {
    struct stat st;
    return dnnb__io_stat(path, &st) == 0;
}

bool dnnb__folder_exists(const char *path) {
    struct stat st;
    return dnnb__io_stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What there is. False with OK when there is nothing. */
static dnnb_status look_at(bool *is_there, struct stat *out, const char *path) {
    *is_there = dnnb__io_stat(path, out) == 0;
    if (*is_there || errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return DNNB_OK;
    return fail_errno(path, "cannot be looked at");
}

dnnb_status dnnb__file_find(bool *is_there, const char *path) {
    struct stat st;
    return look_at(is_there, &st, path);
}

dnnb_status dnnb__folder_find(bool *is_there, const char *path) {
    struct stat st;
    DNNB_TRY(look_at(is_there, &st, path));
    *is_there = *is_there && S_ISDIR(st.st_mode);
    return DNNB_OK;
}

dnnb_status dnnb__path_join(char **out, const char *folder, const char *name) {
    size_t n_folder = strlen(folder), n_name = strlen(name);
    if (name[0] == '/' || n_folder == 0) {
        *out = dnnb__strdup(name);
        return *out ? DNNB_OK : dnnb__fail_memory();
    }
    int slash = folder[n_folder - 1] != '/';
    char *path = dnnb__alloc(n_folder + n_name + 2, 1);
    *out = path;
    if (!path) return dnnb__fail_memory();
    (void)snprintf(path, n_folder + n_name + 2, "%s%s%s", folder, slash ? "/" : "", name);
    return DNNB_OK;
}

dnnb_status dnnb__path_get_folder(char **out, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        *out = dnnb__strdup(".");
    else
        *out = dnnb__strndup(path, slash == path ? 1 : (size_t)(slash - path));
    return *out ? DNNB_OK : dnnb__fail_memory();
}

static void sha256_finish(char out[65], struct sha256_ctx *context) {
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void dnnb__sha256_bytes(char out[65], const void *bytes, size_t n) {
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, n, bytes);
    sha256_finish(out, &context);
}

dnnb_status dnnb__sha256_file(char out[65], const char *path) {
    dnnb__map map;
    DNNB_TRY(dnnb__map_create(&map, path));
    dnnb__sha256_bytes(out, map.data, map.n_bytes);
    dnnb__map_destroy(&map);
    return DNNB_OK;
}
