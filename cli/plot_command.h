/* The command that draws plots: what one run and what several share. */
#ifndef DNNB_CLI_PLOT_COMMAND_H
#define DNNB_CLI_PLOT_COMMAND_H

#include "cli/common.h"

enum { CLI_MOST_RUNS = 40, CLI_PLOT_PATH_BYTES = 4096 };

typedef struct cli_plot_command {
    const char *out;    /* folder; NULL: RUN, and of several runs the one we are in */
    const char *labels; /* divided by commas; NULL: the folders' names */
    const char *formats;
    size_t width_px, height_px; /* 0: each plot's own */
    const char *endings[3];     /* those asked for */
    size_t n_endings;
} cli_plot_command;

/** Save a plot that was created as OUT/NAME with each ending, say so, and destroy it.
 *  @param created What creating it gave. */
int cli_plot_save(const cli_plot_command *command, const char *folder, const char *name,
                  dnnb_plot *plot, dnnb_status created);

/** Lay runs, or groups of them, over each other. */
int cli_plot_runs(const cli_plot_command *command, char *const *folders, size_t n_folders);

/** True when a folder holds no run itself but those of a group: seed-*, fold-*. */
bool cli_plot_is_group(const char *folder);

#endif
