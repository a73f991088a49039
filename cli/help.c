/* The help as text: a usage line, options in groups, examples; and what its other forms share. */
#include "cli/help.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/common.h"
#include "cli/terminal.h"

enum { HELP_COLUMN = 26, HELP_WIDTH = 79 };

const char *const cli_help_formats[CLI_N_HELP_FORMATS] = {"text", "man", "bash", "zsh", "fish"};
static cli_help_format selected = CLI_HELP_TEXT;

void cli_help_select(cli_help_format format) {
    selected = format;
}

void cli_option_format_default(char *out, size_t n_out, const cli_option *o) {
    out[0] = '\0';
    if (o->unset) {
        snprintf(out, n_out, "%s", o->unset);
    } else if (o->type == CLI_COUNT) {
        snprintf(out, n_out, "%zu", *(const size_t *)o->target);
    } else if (o->type == CLI_SEED) {
        snprintf(out, n_out, "%" PRIu64, *(const uint64_t *)o->target);
    } else if (o->type == CLI_REAL) {
        snprintf(out, n_out, "%g", *(const double *)o->target);
    } else if (o->type == CLI_CHOICE) {
        snprintf(out, n_out, "%s", o->words[*(const size_t *)o->target]);
    } else if (o->type == CLI_TEXT && *(const char *const *)o->target) {
        snprintf(out, n_out, "%s", *(const char *const *)o->target);
    }
}

void cli_option_format_value(char *out, size_t n_out, const cli_option *o) {
    out[0] = '\0';
    if (o->type == CLI_CHOICE)
        cli_option_join_words(out, n_out, o, "|", "|");
    else if (o->value)
        snprintf(out, n_out, "%s", o->value);
}

static void add_word(cli_completion *c, const char *word, size_t n) {
    size_t used = strlen(c->words);
    if (used + n + 2 > sizeof c->words) return;
    snprintf(c->words + used, sizeof c->words - used, "%s%.*s", used ? " " : "", (int)n, word);
}

static void add_networks(cli_completion *c) {
    size_t n;
    const char *const *names = dnnb_dnn_get_network_names(&n);
    for (size_t i = 0; i < n; i++) {
        char lower[64];
        size_t k = 0;
        for (; names[i][k] && k + 1 < sizeof lower; k++)
            lower[k] = (char)tolower((unsigned char)names[i][k]);
        add_word(c, lower, k);
    }
}

/* Whether a part of a value's name can be typed as it stands, as "views:K" cannot. */
static bool is_word(const char *part, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (isupper((unsigned char)part[i])) return false;
    return islower((unsigned char)*part);
}

/* A value's name says what it is: "none|backbone|PATTERN" has two words of its own. */
static cli_completion complete_value(const char *value, const char *endings) {
    cli_completion c = {.endings = endings};
    for (const char *part = value; *part; part += strspn(part, "|")) {
        size_t n = strcspn(part, "|");
        if (is_word(part, n)) {
            c.kind = c.kind == CLI_COMPLETES_NOTHING ? CLI_COMPLETES_WORDS : c.kind;
            add_word(&c, part, n);
        } else if (strncmp(part, "NET", n) == 0) {
            c.kind = CLI_COMPLETES_WORDS;
            add_networks(&c);
        } else if (strncmp(part, "FILE", n) == 0) {
            c.kind = CLI_COMPLETES_FILES;
        } else if (strncmp(part, "DIR", n) == 0 || strncmp(part, "RUN", n) == 0) {
            c.kind = CLI_COMPLETES_FOLDERS;
        }
        part += n;
    }
    return c;
}

cli_completion cli_complete_option(const cli_option *o) {
    cli_completion c = {.kind = CLI_COMPLETES_WORDS};
    if (o->type == CLI_CHOICE)
        for (size_t i = 0; i < o->n_words; i++) add_word(&c, o->words[i], strlen(o->words[i]));
    else if (o->type == CLI_COLOR)
        snprintf(c.words, sizeof c.words, "white black");
    else
        c = complete_value(o->value ? o->value : "", o->files);
    return c;
}

cli_completion cli_complete_operand(const cli_command *command) {
    cli_completion c = {.kind = CLI_COMPLETES_NOTHING};
    if (command->max_operands == 0) return c;
    c = complete_value(command->operand, command->files);
    if (c.kind != CLI_COMPLETES_NOTHING) return c;
    c.kind = CLI_COMPLETES_FILES;
    if (strcmp(command->operand, "THING") == 0) add_networks(&c);
    return c;
}

/* Words, from `column` on: lines are broken at HELP_WIDTH and go on at `indent`. */
static void print_filled(const char *text, size_t column, size_t indent) {
    bool is_first = true;
    for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
        size_t n = strcspn(text, " \n");
        if (!is_first && column + 1 + n > HELP_WIDTH) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (!is_first) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)n, text);
        column += n;
        text += n;
        is_first = false;
    }
    putchar('\n');
}

/* Paragraphs are divided by empty lines; one that begins with a space is kept as it is. */
static void print_paragraphs(const char *text) {
    char paragraph[2048];
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t n = end ? (size_t)(end - text) : strlen(text);
        snprintf(paragraph, sizeof paragraph, "%.*s", (int)n, text);
        putchar('\n');
        if (*text == ' ')
            printf("%s%s", paragraph, n && paragraph[n - 1] == '\n' ? "" : "\n");
        else
            print_filled(paragraph, 0, 0);
        text += n;
        text += strspn(text, "\n");
    }
}

static void print_option(const cli_option *o) {
    char value[256], initial[64], text[1024];
    cli_option_format_value(value, sizeof value, o);
    cli_option_format_default(initial, sizeof initial, o);
    int n = printf("  --%s%s%s", o->name, *value ? " " : "", value);
    if (n >= HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");
    else
        printf("%*s", HELP_COLUMN - n, "");
    snprintf(text, sizeof text, "%s%s%s%s", o->help, *initial ? " [" : "", initial,
             *initial ? "]" : "");
    print_filled(text, HELP_COLUMN, HELP_COLUMN);
}

static void print_heading(const cli_terminal *terminal, const char *before, const char *heading) {
    printf("%s%s%s%s\n", before, cli_terminal_style(terminal, CLI_BOLD), heading,
           cli_terminal_style(terminal, CLI_PLAIN));
}

static void print_text(const cli_command *command) {
    cli_terminal terminal = cli_terminal_open(stdout);
    int n_usage = printf("Usage: dnnbrain %s ", command->name);
    print_filled(command->arguments, (size_t)n_usage, (size_t)n_usage);
    print_paragraphs(command->summary);
    print_paragraphs(command->about);
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *o = &command->options[i];
        if (o->type == CLI_GROUP) print_heading(&terminal, "\n", o->name);
        if (cli_option_is_listed(o)) print_option(o);
    }
    if (command->n_options > 0)
        printf("\nBrackets hold what is taken when an option is not given.\n");
    print_heading(&terminal, "\n", "Examples");
    printf("%s", command->examples);
}

void cli_help_print(const cli_command *command) {
    if (selected == CLI_HELP_TEXT)
        print_text(command);
    else if (selected == CLI_HELP_MAN)
        cli_man_print(command);
    else
        cli_completion_print(selected, command);
}

void cli_help_print_program(void) {
    cli_terminal terminal = cli_terminal_open(stdout);
    printf("Usage: dnnbrain COMMAND [options]\n\n"
           "Transfer learning of ImageNet networks for people who study brains and networks.\n");
    print_heading(&terminal, "\n", "Commands");
    const cli_command_entry *entry;
    for (size_t i = 0; (entry = cli_commands_get(i)) != NULL; i++)
        printf("  %-10s %s\n", entry->name, entry->summary);
    size_t n;
    const char *const *networks = dnnb_dnn_get_network_names(&n);
    print_heading(&terminal, "\n", "Networks");
    putchar(' ');
    for (size_t i = 0; i < n; i++) printf(" %s", networks[i]);
    printf("\n\n  dnnbrain COMMAND --help   options and examples of a command\n"
           "  man dnnbrain-COMMAND      the same as a page of the manual\n"
           "  dnnbrain --version        the version, and that of oneDNN\n");
}
