/*
 * A file without a name, for what memory has no room for. It ends with its process, however that
 * ends: nothing of it is left behind, and nothing of it is ever read by another run.
 */
#ifndef DNNB_CORE_SCRATCH_H
#define DNNB_CORE_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/** What a name begins with that one may have for a moment, where it cannot be without. */
#define DNNB__SCRATCH_NAME "scratch.tmp-"

typedef struct dnnb__scratch dnnb__scratch;

/**
 * @param folder  On the disk that is to hold it; it must be there.
 * @param n_bytes Its size, which is taken from the disk at once where the file system can do that.
 *                At most half of what is free is taken: others write there too.
 * @error DNNB_ERR_IO no room, or it cannot be made there; DNNB_ERR_MEMORY.
 */
DNNB_MUST_CHECK dnnb_status dnnb__scratch_create(dnnb__scratch **out, const char *folder,
                                                 uint64_t n_bytes);
/** Takes NULL. */
void dnnb__scratch_destroy(dnnb__scratch *scratch);

/** @error DNNB_ERR_IO. */
DNNB_MUST_CHECK dnnb_status dnnb__scratch_write(dnnb__scratch *scratch, uint64_t at,
                                                const void *bytes, size_t n);
/** What was written there. @error DNNB_ERR_IO. */
DNNB_MUST_CHECK dnnb_status dnnb__scratch_read(const dnnb__scratch *scratch, uint64_t at,
                                               void *bytes, size_t n);

#endif
