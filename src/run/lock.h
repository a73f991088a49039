/*
 * The lock of a run folder: one process at a time works in it.
 *
 * RUN/lock names the process and is locked by the system, so that a process that is gone, however
 * it went, holds nothing: the file that it left is no hindrance.
 */
#ifndef DNNB_RUN_LOCK_H
#define DNNB_RUN_LOCK_H

#include "core/status.h"

typedef struct dnnb__run_lock {
    int fd;
    char *path; /* NULL when not held */
} dnnb__run_lock;

/** Take the lock of an existing folder.
 *  @error DNNB_ERR_ARGUMENT another process has it, named in the message; DNNB_ERR_IO;
 *  DNNB_ERR_MEMORY. */
DNNB_MUST_CHECK dnnb_status dnnb__run_lock_take(dnnb__run_lock *out, const char *folder);
/** Take the file away and let the lock go; does nothing when it is not held. */
void dnnb__run_lock_release(dnnb__run_lock *lock);

#endif
