/* What `train` is told at the prompt: its options, and the stimuli and the network that they name.
 * Shared by the commands that train. */
#ifndef DNNB_CLI_TRAIN_COMMAND_H
#define DNNB_CLI_TRAIN_COMMAND_H

#include "cli/epochs.h"
#include "cli/network.h"
#include "cli/progress.h"

typedef struct cli_train {
    cli_network network;
    const char *stim_path, *validation_path;
    const char *freeze, *lr, *augment;
    size_t n_classes; /* 0: from the labels */
    size_t task, on_bad_image, check, optimizer, schedule, monitor;
    size_t cv, repeat; /* folds, 0: none; seeds, 0: one run into `out` itself */
    int64_t n_outputs; /* that the stimuli ask for */
    bool quiet, json;
    dnnb_train_options options;
    dnnb_run_options run;
    dnnb_stimulus *train, *validation;
    dnnb_dnn *dnn;
    cli_progress progress;
    cli_epochs epochs;
} cli_train;

/** Defaults. */
void cli_train_init(cli_train *train);
enum { CLI_MOST_OWN_ROWS = 16 };

/** A command that has options of `train`. */
typedef struct cli_train_form {
    cli_command command;    /* without its options */
    const cli_option *rows; /* of its own: they come first, and replace those of the same name */
    size_t n_rows;          /* at most CLI_MOST_OWN_ROWS */
    const char *const *without; /* names of options that it has not; NULL behind the last */
} cli_train_form;

/** Read the command line. @param form NULL for `train` itself. */
cli_parsed cli_train_parse(cli_train *train, const cli_train_form *form, int argc, char **argv);
/** Refuse what must be there and is not, and what does not go together; fill in the library's
 *  options. The exit status. */
int cli_train_check(cli_train *train);
/** Load the stimuli, then make the network that they ask for. The exit status. */
int cli_train_prepare(cli_train *train);
/** A network like the prepared one, of another seed. */
DNNB_MUST_CHECK dnnb_status cli_train_make_network(const cli_train *train, uint64_t seed,
                                                   dnnb_dnn **out);
void cli_train_clear(cli_train *train);

#endif
