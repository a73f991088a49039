/* The program: finds the command and hands the arguments on. */
#include <string.h>

#include "cli/commands.h"
#include "cli/common.h"
#include "cli/help.h"
#include "cli/terminal.h"

static int unknown_command(const char *name) {
    const char *what = name[0] == '-' ? "option" : "command";
    const char *nearest = cli_commands_suggest(name);
    if (nearest) return cli_usage_error("unknown %s '%s': did you mean '%s'?", what, name, nearest);
    return cli_usage_error("unknown %s '%s'; 'dnnbrain --help' lists the commands", what, name);
}

/* What a command answers --help with, in the form that is selected. */
static int ask_command(const cli_command_entry *entry) {
    char name[32], help[] = "--help";
    snprintf(name, sizeof name, "%s", entry->name);
    char *argv[] = {name, help, NULL};
    return entry->run(2, argv);
}

static int print_completion(cli_help_format shell) {
    const cli_command_entry *entry;
    cli_completion_begin(shell);
    for (size_t i = 0; (entry = cli_commands_get(i)) != NULL; i++) {
        int status = ask_command(entry);
        if (status != CLI_DONE) return status;
    }
    cli_completion_end(shell);
    return CLI_DONE;
}

static int print_program(cli_help_format format) {
    if (format == CLI_HELP_TEXT)
        cli_help_print_program();
    else if (format == CLI_HELP_MAN)
        cli_man_print_program();
    else
        return print_completion(format);
    return CLI_DONE;
}

/* dnnbrain help [--format FORMAT] [COMMAND]. The forms beside text are for the installation. */
static int run_help(int argc, char **argv) {
    size_t format = CLI_HELP_TEXT, n_operands;
    const cli_option options[] = {
        {CLI_ROW(CLI_CHOICE, "format", NULL,
                 "text; man: a page of the manual; bash, zsh, fish: a script that completes "
                 "command lines, of all commands",
                 &format),
         .words = cli_help_formats, .n_words = CLI_N_HELP_FORMATS},
    };
    const cli_command command = {.name = "help",
                                 .summary = "Print the help of the program or of a command.",
                                 .arguments = "[--format FORMAT] [COMMAND]",
                                 .about = "",
                                 .examples = "  dnnbrain help train\n",
                                 .options = options,
                                 .n_options = CLI_COUNT_OF(options),
                                 .max_operands = 1,
                                 .operand = "COMMAND"};
    cli_set_command("help");
    cli_parsed parsed = cli_parse(&command, argc, argv, &n_operands);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    cli_help_select((cli_help_format)format);
    if (n_operands == 0) return print_program((cli_help_format)format);
    if (format > CLI_HELP_MAN)
        return cli_usage_error("--format %s: expected no command, since the script is of all, "
                               "found '%s'",
                               cli_help_formats[format], argv[1]);
    const cli_command_entry *found = cli_commands_find(argv[1]);
    return found ? ask_command(found) : unknown_command(argv[1]);
}

static int run(int argc, char **argv) {
    if (argc < 2) return cli_usage_error("missing command; 'dnnbrain --help' lists them");
    const char *name = argv[1];
    if (strcmp(name, "help") == 0) return run_help(argc - 1, argv + 1);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        cli_help_print_program();
        return CLI_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("dnnbrain %s\n%s\n", dnnb_get_version(), dnnb_engine_get_version(NULL));
        return CLI_DONE;
    }
    const cli_command_entry *found = cli_commands_find(name);
    if (!found) return unknown_command(name);
    cli_set_command(found->name);
    return found->run(argc - 1, argv + 1);
}

int main(int argc, char **argv) {
    cli_terminal_start();
    return cli_finish_output(run(argc, argv));
}
