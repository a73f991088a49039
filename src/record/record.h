/*
 * A run folder read back: its parts, and the readers that fill them.
 *
 * Every text lies in one block and is named by its offset. A reader takes bytes, so that a fuzzer
 * can call it; `name` stands for the file in messages.
 */
#ifndef DNNB_RECORD_RECORD_H
#define DNNB_RECORD_RECORD_H

#include "core/mem.h"
#include "dnnbrain/record.h"
#include "formats/json.h"

typedef struct dnnb__record_prediction {
    size_t id, condition; /* offsets */
    int64_t label, predicted;
} dnnb__record_prediction;

typedef struct dnnb__record_warning {
    double time_s;
    size_t message; /* offset */
} dnnb__record_warning;

typedef struct dnnb__record_left_out {
    bool is_validation;
    size_t id, reason; /* offsets */
} dnnb__record_left_out;

struct dnnb_record {
    char *folder;
    char *config_text; /* NULL without config.json */
    json_t *config;    /* likewise */
    dnnb_history *history;
    bool owns_history;
    dnnb_task task;
    dnnb__buf text; /* of everything below */

    dnnb__buf predictions;  /* dnnb__record_prediction each */
    dnnb__buf outputs;      /* float each, [n_predictions, n_outputs] */
    dnnb__buf targets;      /* float each, [n_predictions, n_targets] */
    dnnb__buf target_names; /* size_t each: offsets */
    size_t n_predictions, n_outputs, n_targets;

    dnnb__buf class_names; /* size_t each: offsets */
    size_t n_classes;

    dnnb__buf warnings; /* dnnb__record_warning each */
    dnnb__buf left_out; /* dnnb__record_left_out each */
    size_t n_warnings, n_left_out;
    dnnb__buf open_steps; /* double each */
    size_t n_open_steps;

    dnnb_run_state state;
    bool has_message;
    size_t message; /* offset */
    double started_s, ended_s, worked_s;
};

/** What a run knows of itself and its folder does not tell yet. */
typedef struct dnnb__record_known {
    const dnnb_history *history; /* borrowed: it must outlive the record */
    dnnb_run_state state;        /* DNNB_RUN_UNKNOWN: as the folder says */
    const char *message;         /* of a run that stopped or failed; NULL for none */
} dnnb__record_known;

/** dnnb_record_load(), with what is known. @param known NULL for nothing. */
DNNB_MUST_CHECK dnnb_status dnnb__record_load(dnnb_record **out, const char *folder,
                                              const dnnb__record_known *known);
/** An empty record, for the readers below. */
DNNB_MUST_CHECK dnnb_status dnnb__record_create(dnnb_record **out, const char *folder);

/** Remember a text; gives its offset. Failures are found by dnnb__buf_get_status(&record->text). */
size_t dnnb__record_keep_text(dnnb_record *record, const char *text);

DNNB_MUST_CHECK dnnb_status dnnb__record_read_config(dnnb_record *record, const char *bytes,
                                                     size_t n, const char *name);
/** Names of the classes from config.json, else from the predictions, else their labels. */
DNNB_MUST_CHECK dnnb_status dnnb__record_name_classes(dnnb_record *record);
/** The columns of history.csv that a train_dict lacks, into a history of the same epochs. */
DNNB_MUST_CHECK dnnb_status dnnb__record_read_history(dnnb_history **history, const char *bytes,
                                                      size_t n, const char *name);
/** Needs the task. */
DNNB_MUST_CHECK dnnb_status dnnb__record_read_predictions(dnnb_record *record, const char *bytes,
                                                          size_t n, const char *name);

/** The log, line after line as the bytes come. */
typedef struct dnnb__record_log {
    dnnb_record *record;
    const char *name;
    size_t line;                       /* 1-based number of the line at hand */
    dnnb__buf rest;                    /* of a line that has not ended */
    dnnb__buf steps;                   /* the lines of steps since the last epoch ended */
    double part_began_s, part_ended_s; /* of the run's part at hand; NaN before the first */
    bool has_start, has_end;
} dnnb__record_log;

void dnnb__record_log_init(dnnb__record_log *log, dnnb_record *record, const char *name);
DNNB_MUST_CHECK dnnb_status dnnb__record_log_feed(dnnb__record_log *log, const char *bytes,
                                                  size_t n);
/** Take what was read into the record; needs the history. The log is empty afterwards. */
DNNB_MUST_CHECK dnnb_status dnnb__record_log_finish(dnnb__record_log *log);
void dnnb__record_log_destroy(dnnb__record_log *log);

#endif
