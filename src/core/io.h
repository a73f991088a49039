/*
 * The system's calls for files: the one place of the library that makes them.
 *
 * Each function does what the call of its name does: -1 (or NULL, MAP_FAILED) and errno when it
 * fails, no message. Beside them is a hook that makes the n-th call fail, as core/mem has one for
 * allocations.
 *
 * All but opendir and readdir may be used in a forked child and in a signal handler: they take no
 * lock and allocate nothing. What the hook counts is shared with the children of the process.
 */
#ifndef DNNB_CORE_IO_H
#define DNNB_CORE_IO_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/** What kind an operation is. Removing is apart because a full disk does not hinder it. */
enum {
    DNNB__IO_READING = 1, /* open to read, read, map, stat, opendir, readdir */
    DNNB__IO_WRITING =
        2, /* open to write, create, write, truncate, lock, fsync, rename, mkdir, close */
    DNNB__IO_REMOVING = 4, /* unlink, rmdir */
    DNNB__IO_ALL = 7
};

/** Make the n-th operation of these kinds from now fail with errno = error, and all later ones of
 *  them if and_later; 0 turns the hook off. A write of more than a byte does not fail at once: it
 *  writes half, and the next operation that writes fails, as on a disk that becomes full. */
void dnnb__io_fail_at(uint64_t n, unsigned kinds, bool and_later, int error);
/** Operations of these kinds since this hook was first used; those of forked children too. */
uint64_t dnnb__io_get_count(unsigned kinds);

/** Opening counts as writing when the file may be written or made. */
int dnnb__io_open(const char *path, int flags, mode_t mode);
/** Open a file of an open folder to read, without waiting and without following a link. */
int dnnb__io_open_in(int folder, const char *name);
int dnnb__io_stat(const char *path, struct stat *out);
int dnnb__io_fstat(int fd, struct stat *out);
ssize_t dnnb__io_read(int fd, void *bytes, size_t n);
ssize_t dnnb__io_write(int fd, const void *bytes, size_t n);
/** Write, again after a short write or a signal. Returns the bytes written: n, or fewer with errno
 *  set. */
size_t dnnb__io_write_all(int fd, const void *bytes, size_t n);
/** At a place of the file, whose own place stays. */
ssize_t dnnb__io_pread(int fd, void *bytes, size_t n, off_t at);
ssize_t dnnb__io_pwrite(int fd, const void *bytes, size_t n, off_t at);
/** Take room on the disk for so many bytes; EOPNOTSUPP where the file system cannot. */
int dnnb__io_reserve(int fd, uint64_t n_bytes);
/** Bytes of the folder's file system that this process may still write. */
int dnnb__io_get_free(uint64_t *n_bytes, const char *folder);
/** Make a file of its own, to read and write, whose name ends with XXXXXX before. */
int dnnb__io_mkstemp(char *path);
int dnnb__io_ftruncate(int fd, off_t n_bytes);
int dnnb__io_fsync(int fd);
/** Have the disk begin with what was written from `at` on, so that dnnb__io_fsync() waits less. It
 *  promises nothing and cannot fail. */
void dnnb__io_begin_flush(int fd, off_t at);
/** For files that were written, where a failure matters; the descriptor is closed in any case. */
int dnnb__io_close(int fd);
/** Lock a file for this opening of it and its duplicates, those of forked children too. -1 with
 *  EAGAIN when another has it. */
int dnnb__io_lock(int fd);
/** Whether another opening of the file has such a lock: 1 or 0, or -1 where that is not known. */
int dnnb__io_is_locked(int fd);
/** Whether the path leads to the open file, as it does not after somebody has renamed or removed
 *  it. False with errno when that is not known. */
bool dnnb__io_leads_to(bool *out, const char *path, int fd);
/** Map to read, from the file's beginning, privately. */
void *dnnb__io_mmap(size_t n_bytes, int fd);
int dnnb__io_rename(const char *from, const char *to);
int dnnb__io_unlink(const char *path);
int dnnb__io_mkdir(const char *path, mode_t mode);
int dnnb__io_rmdir(const char *path);
DIR *dnnb__io_opendir(const char *path);
/** NULL at the end with errno 0, or after a failure. */
struct dirent *dnnb__io_readdir(DIR *dir);

#endif
