/* The program: finds the command and hands the arguments on. */
#include <string.h>

#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/options.h"

typedef struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} command;

static const command commands[] = {
#define COMMAND_ROW(name, summary) {#name, summary, cli_cmd_##name},
    CLI_COMMAND_LIST(COMMAND_ROW)
#undef COMMAND_ROW
};

static void print_help(void) {
    printf("Usage: dnnbrain COMMAND [options]\n\n"
           "Transfer learning of ImageNet networks for people who study brains and networks.\n\n"
           "Commands\n");
    for (size_t i = 0; i < CLI_COUNT_OF(commands); i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    size_t n;
    const char *const *networks = dnnb_dnn_get_network_names(&n);
    printf("\nNetworks\n ");
    for (size_t i = 0; i < n; i++) printf(" %s", networks[i]);
    printf("\n\n  dnnbrain COMMAND --help   options and examples of a command\n"
           "  dnnbrain --version        the version\n");
}

static const command *find_command(const char *name) {
    for (size_t i = 0; i < CLI_COUNT_OF(commands); i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

static int unknown_command(const char *name) {
    const char *names[CLI_COUNT_OF(commands)];
    for (size_t i = 0; i < CLI_COUNT_OF(commands); i++) names[i] = commands[i].name;
    const char *what = name[0] == '-' ? "option" : "command";
    const char *nearest = cli_nearest(name, names, CLI_COUNT_OF(commands));
    if (nearest) return cli_usage_error("unknown %s '%s': did you mean '%s'?", what, name, nearest);
    return cli_usage_error("unknown %s '%s'; 'dnnbrain --help' lists the commands", what, name);
}

static int run(int argc, char **argv) {
    if (argc < 2) return cli_usage_error("missing command; 'dnnbrain --help' lists them");
    const char *name = argv[1];
    bool wants_help = strcmp(name, "help") == 0 || strcmp(name, "-h") == 0;
    if (strcmp(name, "--help") == 0 || (wants_help && argc == 2)) {
        print_help();
        return CLI_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("dnnbrain %s\n", dnnb_get_version());
        return CLI_DONE;
    }
    /* "dnnbrain help train" is "dnnbrain train --help". */
    char help[] = "--help";
    char *help_argv[] = {wants_help ? argv[2] : NULL, help, NULL};
    if (wants_help) {
        name = argv[2];
        argc = 3;
    }
    const command *found = find_command(name);
    if (!found) return unknown_command(name);
    cli_set_command(found->name);
    return found->run(argc - 1, wants_help ? help_argv : argv + 1);
}

int main(int argc, char **argv) {
    return cli_finish_output(run(argc, argv));
}
