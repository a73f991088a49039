/* The parts of a run folder: the folder itself, config.json, log.jsonl. */
#ifndef DNNB_RUN_RUN_H
#define DNNB_RUN_RUN_H

#include "core/mem.h"
#include "dnnbrain/run.h"
#include "formats/json.h"

/** Refuse a folder that cannot be used, before anything is computed.
 *  @error DNNB_ERR_ARGUMENT it holds a run or other files, or is none; DNNB_ERR_IO. */
DNNB_MUST_CHECK dnnb_status dnnb__run_folder_check(const char *folder, bool overwrite);
/** Make the folder, or take away what a run left in it. @param[out] was_made It was not there. */
DNNB_MUST_CHECK dnnb_status dnnb__run_folder_create(const char *folder, bool *was_made);
/** Take away every file of a run, and the folder itself if it was made for this run. */
void dnnb__run_folder_remove(const char *folder, bool was_made);

/** JSON of text (other bytes than UTF-8 become '?'; NULL is null) and of numbers (null when not
 *  finite, which JSON cannot say). */
json_t *dnnb__run_json_text(const char *text);
json_t *dnnb__run_json_real(double value);

/** Append JSON (NULL is out of memory) and the end of a line. @param flags jansson's. */
DNNB_MUST_CHECK dnnb_status dnnb__run_json_print(dnnb__buf *out, const json_t *json, size_t flags);

typedef struct dnnb__run_inputs {
    const dnnb_dnn *dnn;
    const dnnb_stimulus *train, *validation; /* validation NULL without one */
    const dnnb_train_options *options;
    const dnnb_run_options *run;
} dnnb__run_inputs;

/** Write config.json. */
DNNB_MUST_CHECK dnnb_status dnnb__run_config_save(const dnnb__run_inputs *inputs, const char *path);
/** Accuracy of naming the most frequent class of a set always; NaN for a regression. */
DNNB_MUST_CHECK dnnb_status dnnb__run_get_chance(const dnnb__run_inputs *inputs, double *chance);

/** Remember the parameters as the best so far: few in memory (*kept, NULL at first), many in the
 *  file at once. */
DNNB_MUST_CHECK dnnb_status dnnb__run_best_keep(dnnb_dict **kept, dnnb_dnn *dnn, const char *path);
/** Write the file from what was kept in memory. */
DNNB_MUST_CHECK dnnb_status dnnb__run_best_save(const dnnb_dict *kept, dnnb_dnn *dnn,
                                                const char *path);

/** The log: lines wait in memory until the file is there, and between flushes. */
typedef struct dnnb__run_log {
    FILE *file; /* NULL until opened */
    dnnb__buf waiting;
    char *path;
} dnnb__run_log;

void dnnb__run_log_init(dnnb__run_log *log);
DNNB_MUST_CHECK dnnb_status dnnb__run_log_open(dnnb__run_log *log, const char *path);
/** Append `object` (taken over; NULL is out of memory) as a line, with "event" and "time" first. */
DNNB_MUST_CHECK dnnb_status dnnb__run_log_add(dnnb__run_log *log, const char *event,
                                              json_t *object);
DNNB_MUST_CHECK dnnb_status dnnb__run_log_flush(dnnb__run_log *log);
void dnnb__run_log_close(dnnb__run_log *log);

#endif
