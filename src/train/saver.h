/*
 * Writing checkpoints while the training goes on.
 *
 * A forked child has a frozen copy of the process's memory: it writes that, while the parent goes
 * on changing its own. The child makes system calls and sums, and nothing that could take a lock.
 */
#ifndef DNNB_TRAIN_SAVER_H
#define DNNB_TRAIN_SAVER_H

#include <sys/types.h>

#include "train/checkpoint.h"

typedef struct dnnb__saver {
    char *folder;
    char *temporary_path;
    pid_t child; /* that writes now; 0: none */
    dnnb__checkpoint_place writing, saved;
    bool has_saved; /* `saved` is whole */
    double begun_s; /* when the last save began; of a steady clock */
} dnnb__saver;

typedef enum dnnb__saver_result {
    DNNB__SAVER_IDLE,    /* nothing is being written, nothing ended */
    DNNB__SAVER_WRITING, /* not done yet */
    DNNB__SAVER_SAVED    /* done since the last call */
} dnnb__saver_result;

DNNB_MUST_CHECK dnnb_status dnnb__saver_open(dnnb__saver *saver, const char *folder);
/** There is a whole checkpoint of that place: the one that the run goes on from. */
void dnnb__saver_set_saved(dnnb__saver *saver, const dnnb__checkpoint_place *place);
/** Begin to write; the child before must have ended. Without a fork it is written at once. */
DNNB_MUST_CHECK dnnb_status dnnb__saver_start(dnnb__saver *saver,
                                              const dnnb_checkpoint *checkpoint);
/** Write in this process, and return when it is on the disk. A child that writes is ended. */
DNNB_MUST_CHECK dnnb_status dnnb__saver_save(dnnb__saver *saver, const dnnb_checkpoint *checkpoint);
/** See how far it is. @error What the child failed with; nothing is being written any more. */
DNNB_MUST_CHECK dnnb_status dnnb__saver_poll(dnnb__saver *saver, bool wait,
                                             dnnb__saver_result *result);
/** A child that writes is ended; what is whole stays. */
void dnnb__saver_close(dnnb__saver *saver);

#endif
