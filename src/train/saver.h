/*
 * Writing checkpoints while the training goes on.
 *
 * A forked child has a frozen copy of the process's memory: it writes that, while the parent goes
 * on changing its own. The child makes system calls and sums, and nothing that could take a lock.
 * A small checkpoint is copied, and written by a thread: a child costs more the more memory the
 * process has, whatever it is there for.
 */
#ifndef DNNB_TRAIN_SAVER_H
#define DNNB_TRAIN_SAVER_H

#include <sys/types.h>

#include "train/checkpoint.h"

typedef struct dnnb__saver {
    char *folder;
    char *temporary_path;
    pid_t child;                       /* that writes now; 0: none */
    struct dnnb__saver_thread *thread; /* likewise; NULL: none */
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
/** Whether one is being written, or was and dnnb__saver_poll() has not been asked. */
bool dnnb__saver_is_writing(const dnnb__saver *saver);
/** Begin to write; the one before must have ended. Without child or thread it is written at once.
 */
DNNB_MUST_CHECK dnnb_status dnnb__saver_start(dnnb__saver *saver,
                                              const dnnb_checkpoint *checkpoint);
/** Write here, and return when it is on the disk. A child that writes is ended, a thread waited
 *  for. */
DNNB_MUST_CHECK dnnb_status dnnb__saver_save(dnnb__saver *saver, const dnnb_checkpoint *checkpoint);
/** See how far it is. @error What the writing failed with; nothing is being written any more. */
DNNB_MUST_CHECK dnnb_status dnnb__saver_poll(dnnb__saver *saver, bool wait,
                                             dnnb__saver_result *result);
/** A child that writes is ended, a thread waited for; what is whole stays. */
void dnnb__saver_close(dnnb__saver *saver);

/** For tests: the most bytes that are copied for a thread, from now on; 0: always a child. */
void dnnb__saver_set_most_copied(size_t n_bytes);

#endif
