/* The table of commands. */
#include "cli/commands.h"

#include <string.h>

#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/options.h"

static const cli_command_entry commands[] = {
#define COMMAND_ROW(name, typed, summary) {typed, summary, cli_cmd_##name},
    CLI_COMMAND_LIST(COMMAND_ROW)
#undef COMMAND_ROW
};

const cli_command_entry *cli_commands_get(size_t i) {
    return i < CLI_COUNT_OF(commands) ? &commands[i] : NULL;
}

const cli_command_entry *cli_commands_find(const char *name) {
    for (size_t i = 0; i < CLI_COUNT_OF(commands); i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

const char *cli_commands_suggest(const char *name) {
    const char *names[CLI_COUNT_OF(commands) + 1];
    for (size_t i = 0; i < CLI_COUNT_OF(commands); i++) names[i] = commands[i].name;
    names[CLI_COUNT_OF(commands)] = "help";
    return cli_nearest(name, names, CLI_COUNT_OF(names));
}
