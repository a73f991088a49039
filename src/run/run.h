/* A run that leaves a folder, and the parts of that: the folder itself, its lock, config.json, the
 * results, log.jsonl. */
#ifndef DNNB_RUN_RUN_H
#define DNNB_RUN_RUN_H

#include <sys/types.h>

#include "core/mem.h"
#include "dnnbrain/run.h"
#include "formats/json.h"
#include "run/lock.h"
#include "tensorboard/tensorboard.h"

/** What a run folder is before a run. */
typedef enum dnnb__run_folder {
    DNNB__RUN_FOLDER_ABSENT, /* to be made */
    DNNB__RUN_FOLDER_TAKEN,  /* empty, or to be emptied of a run: there to be locked */
    DNNB__RUN_FOLDER_SAVED,  /* holds a checkpoint to go on from */
    DNNB__RUN_FOLDER_DONE    /* holds a finished run and no checkpoint */
} dnnb__run_folder;

/** Refuse a folder that cannot be used, before anything is computed.
 *  @param[out] warning One line for the user, "" for none.
 *  @error DNNB_ERR_ARGUMENT it holds a run or other files, or is none; DNNB_ERR_IO. */
DNNB_MUST_CHECK dnnb_status dnnb__run_folder_check(dnnb__run_folder *out, const char *folder,
                                                   bool overwrite, bool resume, dnnb__buf *warning);
/** Make the folder, or take away what a run left in it. @error DNNB_ERR_IO some of it stays. */
DNNB_MUST_CHECK dnnb_status dnnb__run_folder_create(const char *folder);
/** Take away what a killed process was writing. */
void dnnb__run_folder_remove_temporary(const char *folder);
/** Take away the checkpoints. @error DNNB_ERR_IO some stay. */
DNNB_MUST_CHECK dnnb_status dnnb__run_folder_remove_checkpoint(const char *folder);
/** The folder of TensorBoard's event files in a run folder. */
#define DNNB__RUN_BOARD "tensorboard"
/** Take away every file of a run but its lock. @error DNNB_ERR_IO some stay, config.json too. */
DNNB_MUST_CHECK dnnb_status dnnb__run_folder_clear(const char *folder);

/* How this folder calls them. */
#define dnnb__run_json_text dnnb__json_text
#define dnnb__run_json_real dnnb__json_real

/** Append JSON (NULL is out of memory) and the end of a line. @param flags jansson's. */
DNNB_MUST_CHECK dnnb_status dnnb__run_json_print(dnnb__buf *out, const json_t *json, size_t flags);

typedef struct dnnb__run_inputs {
    const dnnb_dnn *dnn;
    const dnnb_stimulus *train, *validation; /* validation NULL without one */
    const dnnb_train_options *options;
    const dnnb_run_options *run;
    char weights_sum[65]; /* of the file of weights; "" without one */
    char started[32];     /* when the run began, in UTC */
} dnnb__run_inputs;

/** The time now, "2026-01-31T12:00:00Z". */
void dnnb__run_print_time(char out[32]);

/** What config.json holds. Free with json_decref(). */
DNNB_MUST_CHECK dnnb_status dnnb__run_config_create(json_t **out, const dnnb__run_inputs *inputs);
/** Write config.json. */
DNNB_MUST_CHECK dnnb_status dnnb__run_config_save(const dnnb__run_inputs *inputs, const char *path);
/** Compare the config.json of a finished run with what it would be.
 *  @error DNNB_ERR_ARGUMENT the first place that differs, with both values. */
DNNB_MUST_CHECK dnnb_status dnnb__run_config_compare(const dnnb__run_inputs *inputs,
                                                     const char *path);
/** Accuracy of naming the most frequent class of a set always; NaN for a regression. */
DNNB_MUST_CHECK dnnb_status dnnb__run_get_chance(const dnnb__run_inputs *inputs, double *chance);

/** Of each class the condition that all its images share, else its label, as text.
 *  @param[out] out [outputs of the network]; the texts go with it when it is freed by dnnb__free,
 * or with the stimuli. */
DNNB_MUST_CHECK dnnb_status dnnb__run_list_class_names(const dnnb__run_inputs *inputs,
                                                       const char ***out);

/** Remember the parameters as the best so far: few in memory (*kept, NULL at first), many in the
 *  file at once, or in memory too where the file cannot be written. */
DNNB_MUST_CHECK dnnb_status dnnb__run_best_keep(dnnb_dict **kept, dnnb_dnn *dnn, const char *path);
/** Room in *kept for what changes of a network. */
DNNB_MUST_CHECK dnnb_status dnnb__run_best_create(dnnb_dict **kept, const dnnb_dnn *dnn);
/** The state of the network as it was best: views of what was kept in memory, and of the state as
 * it is for the rest. */
DNNB_MUST_CHECK dnnb_status dnnb__run_best_merge(dnnb_dict **out, const dnnb_dict *kept,
                                                 const dnnb_dict *state);

/** The log: lines wait in memory until the file is there, between flushes, and while the file
 *  cannot be written. */
typedef struct dnnb__run_log {
    int fd; /* -1 until opened */
    char *path;
    dnnb__buf waiting;
    dnnb__buf line;      /* the one that is being made */
    size_t n_dropped;    /* lines that found no room, until a line tells it */
    off_t n_bytes;       /* of the file */
    off_t n_whole_bytes; /* of its whole lines */
} dnnb__run_log;

void dnnb__run_log_init(dnnb__run_log *log);
/** Begin the file, or go on after the last whole line of one that is there. May be called again
 *  after a failure. */
DNNB_MUST_CHECK dnnb_status dnnb__run_log_open(dnnb__run_log *log, const char *path, bool append);
/** Append `object` (taken over; NULL is out of memory) as a line, with "event" and "time" first.
 *  @error DNNB_ERR_IO what waits could not be written: it goes on waiting, this line with it. */
DNNB_MUST_CHECK dnnb_status dnnb__run_log_add(dnnb__run_log *log, const char *event,
                                              json_t *object);
/** Write what waits. @error DNNB_ERR_IO what could not be written waits for the next flush. */
DNNB_MUST_CHECK dnnb_status dnnb__run_log_flush(dnnb__run_log *log);
/** Flush, and close; what cannot be written is lost, and the file ends with a whole line. */
void dnnb__run_log_close(dnnb__run_log *log);

/** A run while it goes on. */
typedef struct dnnb__run {
    dnnb__run_inputs in;
    dnnb_dnn *dnn;
    dnnb__run_lock lock;
    dnnb__run_log log;
    dnnb_history *history;   /* the finished epochs */
    dnnb_predictions *last;  /* of the validation set; NULL before the first epoch */
    dnnb_dict *best;         /* what changed, of the best epoch; NULL when it is in the file */
    double flushed_log_s;    /* when steps were flushed to it, or tried to be */
    dnnb__tensorboard board; /* has no file where none is wanted, or where it must be made anew */
    size_t n_board_steps;    /* of all epochs, that it was told */
    bool has_board_picture;  /* the last that it is told */
    double flushed_board_s;  /* when it was flushed or tried to be */
    double chance;
    double plot_s;             /* what the last drawing of the plots took */
    double plotted_at_s;       /* when it ended */
    bool is_started, was_made; /* folder made; it was not there before */
    bool is_resumed;
    bool is_over;       /* no epoch follows the last */
    bool is_behind;     /* the last epoch is not taken over whole */
    bool is_saved;      /* a checkpoint is there */
    bool has_results;   /* model.pth and what goes with it are stored */
    dnnb_status status; /* of what ends the run */
    char message[1024];
} dnnb__run;

/** config.json and log.jsonl, when the folder is there. */
DNNB_MUST_CHECK dnnb_status dnnb__run_begin(dnnb__run *run);
/** What TensorBoard is told, where that is asked for: first all that a run which goes on has done,
 *  then a step, an epoch that was added to the history. What cannot be written waits, or is made
 *  again; adding an epoch tells of it. */
DNNB_MUST_CHECK dnnb_status dnnb__run_board_begin(dnnb__run *run, const dnnb_event *start);
DNNB_MUST_CHECK dnnb_status dnnb__run_board_add_step(dnnb__run *run, double loss);
DNNB_MUST_CHECK dnnb_status dnnb__run_board_add_epoch(dnnb__run *run);
/** The last that it is told. @error DNNB_ERR_IO not all of it could be written. */
DNNB_MUST_CHECK dnnb_status dnnb__run_board_finish(dnnb__run *run);
/** Remember the parameters as the best. */
DNNB_MUST_CHECK dnnb_status dnnb__run_keep_best(dnnb__run *run);
/** What an epoch renews: history, now and then plots and report (after the last they are results).
 */
DNNB_MUST_CHECK dnnb_status dnnb__run_save_epoch(dnnb__run *run, bool is_last);
/** Draw every plot of what there is. */
DNNB_MUST_CHECK dnnb_status dnnb__run_draw_plots(const dnnb__run *run);
/** What is written once: parameters (of a network that is sound), predictions, plots and report.
 *  @param status,message What the run ends with. */
DNNB_MUST_CHECK dnnb_status dnnb__run_save_results(dnnb__run *run, dnnb_status status,
                                                   const char *message);
/** What a checkpoint needs of the run folder's side, and back. */
DNNB_MUST_CHECK dnnb_status dnnb__run_add_to_checkpoint(dnnb__run *run, dnnb_checkpoint *out);
DNNB_MUST_CHECK dnnb_status dnnb__run_read_checkpoint(dnnb__run *run, const dnnb_checkpoint *in);

#endif
