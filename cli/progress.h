/*
 * Progress on standard error.
 *
 * On a terminal one line that is drawn again, as wide as the terminal is then; elsewhere a plain
 * line now and then. Whatever else is to be printed comes after cli_progress_clear().
 */
#ifndef DNNB_CLI_PROGRESS_H
#define DNNB_CLI_PROGRESS_H

#include "cli/terminal.h"
#include "dnnbrain/dnnbrain.h"

/** A pass whose rate is measured here, since the event does not tell it. */
typedef struct cli_pass {
    int id;           /* which; -1 for none */
    size_t total;     /* of what is counted */
    size_t done_then; /* when it was seen first */
    double begun_s;
} cli_pass;

typedef struct cli_progress {
    cli_terminal terminal;
    bool quiet;         /* nothing but warnings */
    bool is_drawn;      /* a line stands there */
    double last_time_s; /* when the last line was drawn or printed */
    size_t n_warnings;
    bool has_told_machine; /* what a warning says of this machine: once for all runs of a group */
    cli_pass pass;
    size_t reserved, width; /* columns beside the bar, at this width: the bar does not jump */
} cli_progress;

void cli_progress_init(cli_progress *progress, bool quiet);
/** Take the line away. */
void cli_progress_clear(cli_progress *progress);
/** Show a STEP or SCORING event, print the message of a START or WARNING. */
void cli_progress_show(cli_progress *progress, const dnnb_event *event);
/** Show work without events: so many things of all are done; total 0 where it is not known. */
void cli_progress_count(cli_progress *progress, const char *what, size_t done, size_t total,
                        const char *things);
/** Say what goes on until the next line or cli_progress_clear(), on a terminal alone. */
void cli_progress_say(cli_progress *progress, const char *format, ...) DNNB_PRINTF(2, 3);
/** A remark for people, unless quiet. */
void cli_progress_note(cli_progress *progress, const char *format, ...) DNNB_PRINTF(2, 3);
/** What a signal handler may write before a message of its own, so that no line is left. */
const char *cli_progress_get_clearing(const cli_progress *progress);

/** dnnb_event_fn that only shows; the context is the cli_progress. */
bool cli_progress_on_event(void *context, const dnnb_event *event);

#endif
