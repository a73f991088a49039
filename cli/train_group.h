/* Training many times: cross-validation, and repetition over seeds. */
#ifndef DNNB_CLI_TRAIN_GROUP_H
#define DNNB_CLI_TRAIN_GROUP_H

#include "cli/train_command.h"

/** Train once for each fold and each seed, and print what came of it. The exit status. */
int cli_train_group(cli_train *train);
/** Print a line a run, means and standard deviations, and pooled scores. The exit status. */
int cli_print_group(const dnnb_group *group);

#endif
