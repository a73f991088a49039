/*
 * Progress on standard error.
 *
 * On a terminal one line that is drawn again, as wide as the terminal; elsewhere a plain line now
 * and then. Whatever else is to be printed comes after cli_progress_clear().
 */
#ifndef DNNB_CLI_PROGRESS_H
#define DNNB_CLI_PROGRESS_H

#include "dnnbrain/dnnbrain.h"

typedef struct cli_progress {
    bool quiet;         /* nothing but warnings */
    bool is_terminal;   /* standard error is one that can move its cursor */
    bool is_drawn;      /* a line stands there */
    double last_time_s; /* when the last line was drawn or printed */
    double begin_time_s;
    size_t n_warnings;
} cli_progress;

void cli_progress_init(cli_progress *progress, bool quiet);
/** Take the line away. */
void cli_progress_clear(cli_progress *progress);
/** Show a STEP or SCORING event, print the message of a START or WARNING. */
void cli_progress_show(cli_progress *progress, const dnnb_event *event);
/** A remark for people, unless quiet. */
void cli_progress_note(cli_progress *progress, const char *format, ...) DNNB_PRINTF(2, 3);

/** dnnb_event_fn that only shows; the context is the cli_progress. */
bool cli_progress_on_event(void *context, const dnnb_event *event);

#endif
