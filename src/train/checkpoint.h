/*
 * A checkpoint: named arrays, and how they get to a file and back.
 *
 * The file is a .safetensors in a folder of its own, named by how far the run was and by the
 * its own checksum: epoch-4-step-12-7be5be79d0c1f3a61b2e4f5a6c7d8e90.safetensors. It comes to that
 * name by one rename when all of it is on the disk, so what has such a name and that sum is whole.
 */
#ifndef DNNB_TRAIN_CHECKPOINT_H
#define DNNB_TRAIN_CHECKPOINT_H

#include "core/mem.h"
#include "dnnbrain/train.h"
#include "formats/formats.h"

enum { DNNB__CHECKPOINT_SUM = 32 /* hex digits */ };

/** The name of the file while it is being written. */
#define DNNB__CHECKPOINT_TEMPORARY "saving.tmp"

/** Where a run was: `step` steps of `epoch` (both counted from 0) are done. */
typedef struct dnnb__checkpoint_place {
    uint64_t epoch, step;
} dnnb__checkpoint_place;

struct dnnb_checkpoint {
    dnnb__array *arrays; /* of one to be written; names owned, data borrowed */
    size_t n, capacity;
    dnnb_dict *loaded; /* of one that was read; NULL for one to be written */
    dnnb__checkpoint_place place;
    dnnb_status status; /* not OK: something could not be added, and it must not be written */
};

/** An empty one, to be written. */
DNNB_MUST_CHECK dnnb_status dnnb__checkpoint_create(dnnb_checkpoint **out,
                                                    const dnnb__checkpoint_place *place);
void dnnb__checkpoint_destroy(dnnb_checkpoint *checkpoint);

/** Add an array of n elements (none is fine), which must stay until the checkpoint is written. */
DNNB_MUST_CHECK dnnb_status dnnb__checkpoint_add(dnnb_checkpoint *checkpoint, const char *name,
                                                 dnnb_dtype dtype, const void *data, size_t n);
/** An array of a loaded one, NULL when it is not there in that type. */
const void *dnnb__checkpoint_find(const dnnb_checkpoint *checkpoint, const char *name,
                                  dnnb_dtype dtype, size_t *n);
/** The same, which must be there. @param n Elements expected; SIZE_MAX for any, and then *found is
 *  set. @error DNNB_ERR_FORMAT. */
DNNB_MUST_CHECK dnnb_status dnnb__checkpoint_read(const dnnb_checkpoint *checkpoint,
                                                  const char *name, dnnb_dtype dtype, size_t n,
                                                  const void **out, size_t *found);

/**
 * Load the newest whole checkpoint of a folder; *out is NULL when the folder is not there or holds
 * none.
 *
 * @param[out] damaged One line about newer ones that are not whole, "" for none.
 * @error DNNB_ERR_FORMAT there are some and none is whole; DNNB_ERR_IO none can be read;
 *        DNNB_ERR_MEMORY.
 */
DNNB_MUST_CHECK dnnb_status dnnb__checkpoint_load(dnnb_checkpoint **out, const char *folder,
                                                  dnnb__buf *damaged);

/** The checkpoints' file names in a folder, the newest first; free each and the list. None when the
 *  folder is not there. */
DNNB_MUST_CHECK dnnb_status dnnb__checkpoint_list(char ***names, size_t *n, const char *folder);
void dnnb__checkpoint_list_destroy(char **names, size_t n);
/** Take a file name apart. False for one that is no checkpoint's. @param sum NULL when not wanted
 */
bool dnnb__checkpoint_parse_name(const char *name, dnnb__checkpoint_place *place,
                                 char sum[DNNB__CHECKPOINT_SUM + 1]);

#endif
