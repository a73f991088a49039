/*
 * Wrappers of the system's calls for files, with a failure hook.
 *
 * Method: the hook's state lies in a page that forked children share, made when the hook is first
 * used. Until then an operation costs one atomic load more than the call itself.
 */
#include "core/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { N_KINDS = 3 };

typedef struct hook {
    atomic_uint_fast64_t counts[N_KINDS]; /* by bit of the kind */
    atomic_uint_fast64_t fail_at;         /* 0: never */
    atomic_uint_fast64_t n_seen;          /* operations of the hook's kinds since it was set */
    atomic_uint kinds;
    atomic_bool and_later;
    atomic_bool next_write_fails; /* half of a failing write is written */
    atomic_int error;
} hook;

static _Atomic(hook *) shared_hook;

static hook *get_hook(void) {
    hook *h = atomic_load(&shared_hook);
    if (h) return h;
    void *page =
        mmap(NULL, sizeof(hook), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return NULL;
    if (atomic_compare_exchange_strong(&shared_hook, &h, page)) return page;
    munmap(page, sizeof(hook)); /* another thread was first */
    return h;
}

void dnnb__io_fail_at(uint64_t n, unsigned kinds, bool and_later, int error) {
    hook *h = get_hook();
    if (!h) return;
    atomic_store(&h->fail_at, 0);
    atomic_store(&h->n_seen, 0);
    atomic_store(&h->next_write_fails, false);
    atomic_store(&h->kinds, kinds);
    atomic_store(&h->and_later, and_later);
    atomic_store(&h->error, error);
    atomic_store(&h->fail_at, n);
}

uint64_t dnnb__io_get_count(unsigned kinds) {
    hook *h = get_hook();
    uint64_t count = 0;
    for (unsigned i = 0; h && i < N_KINDS; i++)
        if (kinds & 1U << i) count += atomic_load(&h->counts[i]);
    return count;
}

typedef enum verdict { GOES_ON, FAILS, FAILS_AS_NTH } verdict;

/* Count an operation and say whether it is to fail. */
static verdict judge(unsigned kind) {
    hook *h = atomic_load_explicit(&shared_hook, memory_order_acquire);
    if (!h) return GOES_ON;
    for (unsigned i = 0; i < N_KINDS; i++)
        if (kind & 1U << i) atomic_fetch_add(&h->counts[i], 1);
    uint64_t at = atomic_load(&h->fail_at);
    if (!at || !(atomic_load(&h->kinds) & kind)) return GOES_ON;
    uint64_t n = atomic_fetch_add(&h->n_seen, 1) + 1;
    if (n == at) return FAILS_AS_NTH;
    bool is_due = kind == DNNB__IO_WRITING && atomic_exchange(&h->next_write_fails, false);
    return is_due || (n > at && atomic_load(&h->and_later)) ? FAILS : GOES_ON;
}

static bool fails(unsigned kind) {
    if (judge(kind) == GOES_ON) return false;
    errno = atomic_load(&atomic_load(&shared_hook)->error);
    return true;
}

int dnnb__io_open(const char *path, int flags, mode_t mode) {
    bool reads = (flags & O_ACCMODE) == O_RDONLY && !(flags & O_CREAT);
    return fails(reads ? DNNB__IO_READING : DNNB__IO_WRITING) ? -1 : open(path, flags, mode);
}

int dnnb__io_open_in(int folder, const char *name) {
    return fails(DNNB__IO_READING)
               ? -1
               : openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

int dnnb__io_stat(const char *path, struct stat *out) {
    return fails(DNNB__IO_READING) ? -1 : stat(path, out);
}

int dnnb__io_fstat(int fd, struct stat *out) {
    return fails(DNNB__IO_READING) ? -1 : fstat(fd, out);
}

ssize_t dnnb__io_read(int fd, void *bytes, size_t n) {
    return fails(DNNB__IO_READING) ? -1 : read(fd, bytes, n);
}

/* What is to be written of n bytes: all, half in a write that fails, or nothing, with errno. */
static size_t judge_write(size_t n) {
    verdict v = judge(DNNB__IO_WRITING);
    if (v == GOES_ON) return n;
    hook *h = atomic_load(&shared_hook);
    if (v == FAILS_AS_NTH && n > 1) {
        atomic_store(&h->next_write_fails, true);
        return n / 2;
    }
    errno = atomic_load(&h->error);
    return 0;
}

ssize_t dnnb__io_write(int fd, const void *bytes, size_t n) {
    size_t allowed = judge_write(n);
    return allowed || !n ? write(fd, bytes, allowed) : -1;
}

ssize_t dnnb__io_pwrite(int fd, const void *bytes, size_t n, off_t at) {
    size_t allowed = judge_write(n);
    return allowed || !n ? pwrite(fd, bytes, allowed, at) : -1;
}

ssize_t dnnb__io_pread(int fd, void *bytes, size_t n, off_t at) {
    return fails(DNNB__IO_READING) ? -1 : pread(fd, bytes, n, at);
}

int dnnb__io_reserve(int fd, uint64_t n_bytes) {
    return fails(DNNB__IO_WRITING) ? -1 : fallocate(fd, 0, 0, (off_t)n_bytes);
}

int dnnb__io_get_free(uint64_t *n_bytes, const char *folder) {
    struct statvfs st;
    if (fails(DNNB__IO_READING) || statvfs(folder, &st) != 0) return -1;
    *n_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
}

int dnnb__io_mkstemp(char *path) {
    return fails(DNNB__IO_WRITING) ? -1 : mkostemp(path, O_CLOEXEC);
}

size_t dnnb__io_write_all(int fd, const void *bytes, size_t n) {
    size_t at = 0;
    while (at < n) {
        ssize_t written = dnnb__io_write(fd, (const char *)bytes + at, n - at);
        if (written < 0 && errno == EINTR) continue;
        if (written == 0) errno = EIO; /* POSIX lets a write of nothing happen; waiting is no use */
        if (written <= 0) break;
        at += (size_t)written;
    }
    return at;
}

int dnnb__io_ftruncate(int fd, off_t n_bytes) {
    return fails(DNNB__IO_WRITING) ? -1 : ftruncate(fd, n_bytes);
}

int dnnb__io_fsync(int fd) {
    return fails(DNNB__IO_WRITING) ? -1 : fsync(fd);
}

void dnnb__io_begin_flush(int fd, off_t at) {
    int error = errno;
    (void)sync_file_range(fd, at, 0, SYNC_FILE_RANGE_WRITE);
    errno = error;
}

int dnnb__io_close(int fd) {
    bool failed = fails(DNNB__IO_WRITING);
    int error = errno;
    int result = close(fd);
    if (!failed) return result;
    errno = error;
    return -1;
}

int dnnb__io_lock(int fd) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fails(DNNB__IO_WRITING)) return -1;
    int result = fcntl(fd, F_OFD_SETLK, &whole);
    if (result != 0 && errno == EINVAL) result = flock(fd, LOCK_EX | LOCK_NB);
    if (result != 0 && errno == EACCES) errno = EAGAIN; /* POSIX allows either */
    return result;
}

int dnnb__io_is_locked(int fd) {
    struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    if (fails(DNNB__IO_READING) || fcntl(fd, F_OFD_GETLK, &whole) != 0) return -1;
    return whole.l_type != F_UNLCK;
}

bool dnnb__io_leads_to(bool *out, const char *path, int fd) {
    struct stat of_path, of_fd;
    *out = false;
    if (dnnb__io_fstat(fd, &of_fd) != 0) return false;
    if (dnnb__io_stat(path, &of_path) != 0) return errno == ENOENT;
    *out = of_path.st_dev == of_fd.st_dev && of_path.st_ino == of_fd.st_ino;
    return true;
}

void *dnnb__io_mmap(size_t n_bytes, int fd) {
    return fails(DNNB__IO_READING) ? MAP_FAILED
                                   : mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
}

int dnnb__io_rename(const char *from, const char *to) {
    return fails(DNNB__IO_WRITING) ? -1 : rename(from, to);
}

int dnnb__io_unlink(const char *path) {
    return fails(DNNB__IO_REMOVING) ? -1 : unlink(path);
}

int dnnb__io_mkdir(const char *path, mode_t mode) {
    return fails(DNNB__IO_WRITING) ? -1 : mkdir(path, mode);
}

int dnnb__io_rmdir(const char *path) {
    return fails(DNNB__IO_REMOVING) ? -1 : rmdir(path);
}

DIR *dnnb__io_opendir(const char *path) {
    return fails(DNNB__IO_READING) ? NULL : opendir(path);
}

struct dirent *dnnb__io_readdir(DIR *dir) {
    errno = 0;
    return fails(DNNB__IO_READING) ? NULL : readdir(dir);
}
