/**
 * @file
 * @ingroup training
 * The run folder: a training run with everything that it leaves behind.
 */
#ifndef DNNBRAIN_RUN_H
#define DNNBRAIN_RUN_H

#include "dnnbrain/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A line of log.jsonl, as it is added: an object and the end of the line. Borrowed. */
typedef void (*dnnb_log_fn)(void *context, const char *line, size_t n_bytes);

/** The folder, and what config.json is to tell of how the network was made. */
typedef struct dnnb_run_options {
    const char *folder;       /**< created; refused when it holds a run already, unless overwrite or
                                  options->resume */
    bool overwrite;           /**< take away the files of a run that is there */
    const char *network;      /**< as asked for, for config.json */
    const char *weights_path; /**< as asked for, its checksum is recorded; NULL for none */
    const char *freeze;       /**< as asked for; NULL for none */
    bool tensorboard;         /**< event files for TensorBoard too, in `tensorboard` */
    dnnb_log_fn on_log;       /**< in the thread of dnnb_run_train(); NULL for none */
    void *log_context;        /**< the first argument of on_log */
} dnnb_run_options;

/** The default options; the folder must be given. */
#define DNNB_RUN_OPTIONS_INIT                                                                      \
    {                                                                                              \
        .folder = NULL, .overwrite = false, .network = NULL, .weights_path = NULL, .freeze = NULL, \
        .tensorboard = false, .on_log = NULL, .log_context = NULL                                  \
    }

/**
 * dnnb_train(), with the run folder of docs/run-folder.md: config.json, model.pth, best.pth,
 * train_dict.pkl and .json, history.csv, the plots, predictions.csv, log.jsonl.
 *
 * The folder is made only after all inputs were checked, and history, plots and log are renewed
 * after each epoch; what cannot be written then is a warning and is tried again. It is locked while
 * the run goes on. After DNNB_ERR_STOPPED it holds what the finished epochs gave.
 *
 * Checkpoints go to `checkpoint` in the folder (options->checkpoint is not used), and are taken
 * away when the run has finished, unless options->keep_checkpoint. With options->resume a run that
 * the folder holds goes on; where there is none it begins; where it has finished, the history is
 * given.
 *
 * @error As dnnb_train(); DNNB_ERR_ARGUMENT the folder is taken, or another process works in it;
 * DNNB_ERR_IO the results could not be written.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_run_train(dnnb_dnn *dnn, const dnnb_stimulus *train,
                                                    const dnnb_stimulus *validation,
                                                    const dnnb_train_options *options,
                                                    const dnnb_run_options *run,
                                                    dnnb_history **history);

#ifdef __cplusplus
}
#endif

#endif
