/*
 * The epochs of a run as they end: a table that grows by a line on a terminal, plain lines
 * elsewhere.
 *
 * Where standard output is a file and standard error is a terminal, the plain lines go to the file
 * and the table to the terminal. Where it is a pipe, whose reader may write to the same terminal,
 * there is no table.
 */
#ifndef DNNB_CLI_EPOCHS_H
#define DNNB_CLI_EPOCHS_H

#include "cli/terminal.h"
#include "dnnbrain/dnnbrain.h"

enum { CLI_MOST_EPOCH_COLUMNS = 9 };

typedef struct cli_epochs {
    cli_terminal table; /* its stream is NULL when there is none */
    bool has_lines;
    dnnb_task task;
    size_t n_shown; /* columns of the header that was printed last; 0: none yet */
    size_t shown[CLI_MOST_EPOCH_COLUMNS];
} cli_epochs;

/** @param quiet No table on standard error. */
void cli_epochs_init(cli_epochs *epochs, dnnb_task task, bool quiet);
/** Print an EPOCH event, after cli_progress_clear(). */
void cli_epochs_print(cli_epochs *epochs, const dnnb_event *event);

#endif
