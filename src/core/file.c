/* Reading, mapping and atomic writing of files, with the system's reason in every message. */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static dnnb_status fail_errno(const char *path, const char *what) {
    return dnnb__fail(DNNB_ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

/* Open a regular file for reading: a pipe or a folder would hang or confuse what follows. */
static dnnb_status open_regular(int *out, size_t *n_bytes, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail_errno(path, "cannot open");
    struct stat st;
    dnnb_status status = DNNB_OK;
    if (fstat(fd, &st) != 0)
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

/* Read up to n bytes; *n_read is less only at the end of the file. */
static dnnb_status read_all(int fd, const char *path, char *bytes, size_t n, size_t *n_read) {
    size_t at = 0;
    while (at < n) {
        ssize_t got = read(fd, bytes + at, n - at);
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
    DNNB_TRY(open_regular(&fd, &size, path));
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
    if (status == DNNB_OK) status = read_all(fd, path, *bytes, size, n_bytes);
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
    DNNB_TRY(open_regular(&fd, &size, path));
    dnnb_status status = read_all(fd, path, bytes, n, n_read);
    close(fd);
    return status;
}

dnnb_status dnnb__map_create(dnnb__map *out, const char *path) {
    int fd;
    size_t size;
    *out = (dnnb__map){0};
    DNNB_TRY(open_regular(&fd, &size, path));
    dnnb_status status = DNNB_OK;
    if (size) {
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
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

dnnb_status dnnb__writer_create(dnnb__writer *out, const char *path) {
    *out = (dnnb__writer){0};
    dnnb__writer w = {0};
    size_t n = strlen(path) + sizeof ".tmp-XXXXXX";
    dnnb_status status = DNNB_OK;
    w.path = dnnb__strdup(path);
    w.temporary_path = dnnb__alloc(n, 1);
    if (!w.path || !w.temporary_path) {
        status = dnnb__fail_memory();
        goto failed;
    }
    (void)snprintf(w.temporary_path, n, "%s.tmp-XXXXXX", path);
    int fd = mkostemp(w.temporary_path, O_CLOEXEC);
    if (fd < 0) {
        status = fail_errno(path, "cannot create");
        goto failed;
    }
    mode_t mask = umask(0); /* mkstemp gives 0600; a result should be as readable as any file */
    umask(mask);
    (void)fchmod(fd, 0666 & ~mask);
    w.file = fdopen(fd, "w+b");
    if (!w.file) {
        status = fail_errno(path, "cannot open for writing");
        close(fd);
        unlink(w.temporary_path);
        goto failed;
    }
    *out = w;
    return DNNB_OK;
failed:
    dnnb__free(w.path);
    dnnb__free(w.temporary_path);
    return status;
}

dnnb_status dnnb__writer_write(dnnb__writer *w, const void *bytes, size_t n) {
    if (n && fwrite(bytes, 1, n, w->file) != n) return fail_errno(w->path, "cannot write");
    return DNNB_OK;
}

/* A rename is on the disk only once its folder is. */
static dnnb_status sync_folder_of(const char *path) {
    char *folder;
    DNNB_TRY(dnnb__path_get_folder(&folder, path));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dnnb_status status = DNNB_OK;
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL && errno != EROFS))
        status = fail_errno(folder, "cannot flush the folder");
    if (fd >= 0) close(fd);
    dnnb__free(folder);
    return status;
}

dnnb_status dnnb__writer_commit(dnnb__writer *w) {
    dnnb_status status = DNNB_OK;
    if (fflush(w->file) != 0 || ferror(w->file) || fsync(fileno(w->file)) != 0)
        status = fail_errno(w->path, "cannot write");
    if (fclose(w->file) != 0 && status == DNNB_OK) status = fail_errno(w->path, "cannot write");
    w->file = NULL;
    if (status == DNNB_OK && rename(w->temporary_path, w->path) != 0)
        status = fail_errno(w->path, "cannot rename into place");
    if (status != DNNB_OK)
        unlink(w->temporary_path);
    else
        status = sync_folder_of(w->path);
    dnnb__free(w->temporary_path);
    w->temporary_path = NULL;
    dnnb__writer_destroy(w);
    return status;
}

void dnnb__writer_destroy(dnnb__writer *w) {
    if (w->file) fclose(w->file);
    if (w->temporary_path) unlink(w->temporary_path);
    dnnb__free(w->temporary_path);
    dnnb__free(w->path);
    *w = (dnnb__writer){0};
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
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && dnnb__folder_exists(path))) return DNNB_OK;
    return fail_errno(path, "cannot create the folder");
}

bool dnnb__file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

bool dnnb__folder_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
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
