/*
 * What is printed of a command's table: its help, its page of the manual, its part of a script that
 * completes command lines. All are made from the rows that the parser reads, so that none can tell
 * of what is not there.
 */
#ifndef DNNB_CLI_HELP_H
#define DNNB_CLI_HELP_H

#include "cli/options.h"

typedef enum cli_help_format {
    CLI_HELP_TEXT,
    CLI_HELP_MAN,
    CLI_HELP_BASH,
    CLI_HELP_ZSH,
    CLI_HELP_FISH
} cli_help_format;
enum { CLI_N_HELP_FORMATS = 5 };
extern const char *const cli_help_formats[CLI_N_HELP_FORMATS];

/** How --help is answered from now on; CLI_HELP_TEXT at first. */
void cli_help_select(cli_help_format format);
/** Answer --help. */
void cli_help_print(const cli_command *command);

/** The help of the program. */
void cli_help_print_program(void);
/** The manual's page of the program: man.c. */
void cli_man_print_program(void);
void cli_man_print(const cli_command *command);

/** What stands before and after the commands' parts of a completion script: completion.c. */
void cli_completion_begin(cli_help_format shell);
void cli_completion_print(cli_help_format shell, const cli_command *command);
void cli_completion_end(cli_help_format shell);

/** The default of an option as text, "" where there is none to tell. */
void cli_option_format_default(char *out, size_t n_out, const cli_option *option);
/** What the help calls an option's value, "" for a flag. */
void cli_option_format_value(char *out, size_t n_out, const cli_option *option);

/** What an option's value, or an operand, can be completed to. */
typedef enum cli_completes {
    CLI_COMPLETES_NOTHING, /* a number, a column's name */
    CLI_COMPLETES_WORDS,   /* `words` alone */
    CLI_COMPLETES_FILES,   /* files with `endings` (NULL: any), and `words` */
    CLI_COMPLETES_FOLDERS
} cli_completes;

typedef struct cli_completion {
    cli_completes kind;
    char words[512];     /* divided by spaces */
    const char *endings; /* divided by spaces; NULL for any */
} cli_completion;

cli_completion cli_complete_option(const cli_option *option);
cli_completion cli_complete_operand(const cli_command *command);

#endif
