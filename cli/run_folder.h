/* Reading a run folder back: its config.json and its history. */
#ifndef DNNB_CLI_RUN_FOLDER_H
#define DNNB_CLI_RUN_FOLDER_H

#include "cli/json.h"
#include "dnnbrain/dnnbrain.h"

/**
 * The text of config.json and the history of a run; NULL for what the folder lacks.
 *
 * False, with the message printed, when it has neither, or one that cannot be read. Free the text,
 * destroy the history.
 */
bool cli_run_load(const char *folder, char **config, dnnb_history **history);

#endif
