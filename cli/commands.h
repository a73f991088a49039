/* The commands, as the program finds them. */
#ifndef DNNB_CLI_COMMANDS_H
#define DNNB_CLI_COMMANDS_H

#include <stddef.h>

typedef struct cli_command_entry {
    const char *name; /* as it is typed: "lr-find" */
    const char *summary;
    int (*run)(int argc, char **argv);
} cli_command_entry;

/** Entry i, in the order of cmd_list.h; NULL behind the last. */
const cli_command_entry *cli_commands_get(size_t i);
/** NULL for a name that no command has. */
const cli_command_entry *cli_commands_find(const char *name);
/** The name nearest to one that no command has, NULL when none is near. */
const char *cli_commands_suggest(const char *name);

#endif
