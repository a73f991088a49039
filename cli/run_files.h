/* What a run folder can hold, in the order in which people are told of it. */
#ifndef DNNB_CLI_RUN_FILES_H
#define DNNB_CLI_RUN_FILES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cli_run_file {
    const char *name, *what;
} cli_run_file;

/** File i; NULL behind the last. */
const cli_run_file *cli_run_files_get(size_t i);
/** Whether a run folder holds a checkpoint. */
bool cli_run_files_has_checkpoint(const char *folder);

#endif
