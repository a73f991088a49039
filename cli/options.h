/*
 * Options of a command, from a table.
 *
 * A row names an option, its type and the variable that it sets. The variable's value before
 * parsing is the default, which the help shows; so a default stands in one place.
 */
#ifndef DNNB_CLI_OPTIONS_H
#define DNNB_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum cli_type {
    CLI_GROUP,  /* a heading of the help: name */
    CLI_FLAG,   /* bool: no value */
    CLI_TEXT,   /* const char * */
    CLI_COUNT,  /* size_t, from min to max */
    CLI_SEED,   /* uint64_t */
    CLI_REAL,   /* double, from min to max, both left out when `open` */
    CLI_CHOICE, /* size_t: index into words */
    CLI_SIZE,   /* size_t: bytes, with K, M or G */
    CLI_COLOR,  /* dnnb_decode_options */
    CLI_ABSENT  /* refused with `help` as the reason, and not listed */
} cli_type;

typedef struct cli_option {
    cli_type type;
    const char *name;
    const char *value; /* what the help calls the value: "FILE" */
    const char *help;
    void *target;
    double min, max;
    bool open;
    const char *const *words;
    size_t n_words;
    const char *unset; /* what the help says of a default that is no value: "all processors" */
    const char *files; /* endings of the files that it takes: ".pth .npz"; NULL for any */
} cli_option;

/* What stands in `files`. */
#define CLI_STIMULI ".stim.csv"
#define CLI_WEIGHTS ".pth .pt .safetensors .npz"

/* The fields of every row, to be written inside its braces. */
#define CLI_ROW(type_, name_, value_, help_, target_)                                              \
    .type = (type_), .name = (name_), .value = (value_), .help = (help_), .target = (target_)

typedef struct cli_command {
    const char *name;
    const char *summary;
    const char *arguments; /* of the usage line: "--net NET --stim FILE [options]" */
    const char *about;     /* lines after the summary; "" for none */
    const char *examples;  /* lines; the commands among them are run by the tests */
    const cli_option *options;
    size_t n_options;
    size_t min_operands, max_operands;
    const char *operand; /* what an operand is: "FILE" */
    const char *files;   /* endings of the files that operands are; NULL for any */
} cli_command;

typedef enum cli_parsed { CLI_GO_ON, CLI_HELP_SHOWN, CLI_WRONG } cli_parsed;

/** Set the variables; operands are moved to the front of argv + 1 and counted. Says on standard
 *  error what is wrong. */
cli_parsed cli_parse(const cli_command *command, int argc, char **argv, size_t *n_operands);

/** True for what the help lists: no heading, and nothing that is refused. */
bool cli_option_is_listed(const cli_option *option);
/** The words of a choice: "adam, adamw or sgd" with ", " and " or ". */
void cli_option_join_words(char *out, size_t n_out, const cli_option *option, const char *between,
                           const char *last);

/** The word nearest to `word`, NULL when none is near enough to be meant. */
const char *cli_nearest(const char *word, const char *const *words, size_t n);

#endif
