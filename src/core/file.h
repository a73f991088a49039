/*
 * Files: read whole, map, and write so that a final name never holds half a file.
 *
 * A writer writes to a temporary file in the target's folder; commit flushes it to the disk,
 * renames it over the target and flushes the folder. Without commit the target stays as it was.
 */
#ifndef DNNB_CORE_FILE_H
#define DNNB_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/mem.h"
#include "core/status.h"

/** Open a regular file to read; close(*fd). @error DNNB_ERR_IO also for a folder, pipe or device.
 */
DNNB_MUST_CHECK dnnb_status dnnb__file_open(int *fd, size_t *n_bytes, const char *path);
/** Read up to n bytes; *n_read is less only at the end of the file. @param path For messages. */
DNNB_MUST_CHECK dnnb_status dnnb__file_read_next(int fd, const char *path, char *bytes, size_t n,
                                                 size_t *n_read);

/** Read a whole file; a NUL follows the bytes. Free with dnnb__free.
 *  @error DNNB_ERR_IO; DNNB_ERR_LIMIT larger than cap_bytes; DNNB_ERR_MEMORY. */
DNNB_MUST_CHECK dnnb_status dnnb__file_read(char **out, size_t *n_bytes, const char *path,
                                            size_t cap_bytes);

/** The same into a block that grows when it must and is used again: start with NULL and 0, free
 * with dnnb__free. */
DNNB_MUST_CHECK dnnb_status dnnb__file_read_into(char **bytes, size_t *capacity_bytes,
                                                 size_t *n_bytes, const char *path,
                                                 size_t cap_bytes);

/** Read at most n bytes from the start. */
DNNB_MUST_CHECK dnnb_status dnnb__file_read_head(const char *path, void *bytes, size_t n,
                                                 size_t *n_read);

/** A read-only map of a whole file. An empty file gives data NULL and n_bytes 0. */
typedef struct dnnb__map {
    const uint8_t *data;
    size_t n_bytes;
} dnnb__map;

DNNB_MUST_CHECK dnnb_status dnnb__map_create(dnnb__map *out, const char *path);
void dnnb__map_destroy(dnnb__map *map);

typedef struct dnnb__sink dnnb__sink;

typedef struct dnnb__writer {
    FILE *file; /* write with the C library's calls, or dnnb__writer_write */
    dnnb__sink *sink;
    char *path;
    char *temporary_path;
} dnnb__writer;

DNNB_MUST_CHECK dnnb_status dnnb__writer_create(dnnb__writer *out, const char *path);
DNNB_MUST_CHECK dnnb_status dnnb__writer_write(dnnb__writer *w, const void *bytes, size_t n);
/** The system's reason, an errno, why a write to the file failed; 0 when none did. */
int dnnb__writer_get_error(const dnnb__writer *w);
/** Flush, rename, close; the writer is empty afterwards whether it worked or not. */
DNNB_MUST_CHECK dnnb_status dnnb__writer_commit(dnnb__writer *w);
/** Throw the temporary file away; does nothing after a commit. */
void dnnb__writer_destroy(dnnb__writer *w);

/** Write a whole file atomically. */
DNNB_MUST_CHECK dnnb_status dnnb__file_write(const char *path, const void *bytes, size_t n);

/** Create a folder; one that exists is fine. Its parent must exist. */
DNNB_MUST_CHECK dnnb_status dnnb__folder_create(const char *path);
bool dnnb__file_exists(const char *path);
bool dnnb__folder_exists(const char *path);
/** The same where a wrong answer matters. @error DNNB_ERR_IO it may be there, and cannot be looked
 *  at. */
DNNB_MUST_CHECK dnnb_status dnnb__file_find(bool *is_there, const char *path);
DNNB_MUST_CHECK dnnb_status dnnb__folder_find(bool *is_there, const char *path);
/** "folder/name", or a copy of name when it is absolute or folder is "". Free with dnnb__free. */
DNNB_MUST_CHECK dnnb_status dnnb__path_join(char **out, const char *folder, const char *name);
/** The folder part of a path, "." when there is none. Free with dnnb__free. */
DNNB_MUST_CHECK dnnb_status dnnb__path_get_folder(char **out, const char *path);

/** SHA-256 of a file or of bytes, as 64 lower-case hex digits and a NUL. */
DNNB_MUST_CHECK dnnb_status dnnb__sha256_file(char out[65], const char *path);
void dnnb__sha256_bytes(char out[65], const void *bytes, size_t n);

#endif
