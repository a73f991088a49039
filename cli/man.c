/*
 * Pages of the manual, from the tables of the commands.
 *
 * Method: man(7) macros alone, which groff and mandoc know alike. Text is filled here, so that no
 * line of the source is long, and every character that roff would take for its own is escaped.
 *
 * Source: man(7), groff_man_style(7).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/common.h"
#include "cli/help.h"
#include "cli/run_files.h"

enum { LINE_WIDTH = 76 };

static const char about_program[] =
    "dnnbrain trains an ImageNet network on a task of your own: all of it (fine-tuning), or a\n"
    "new last layer on features that stay as they are. It reads and writes the files of PyTorch\n"
    "and of the Python package DNNBrain.\n";

static const char program_examples[] =
    "  # stimuli from a folder with a subfolder a class; a fifth is kept for validation\n"
    "  dnnbrain stim pictures --out train.stim.csv --split 0.2 \\\n"
    "      --out-validation validation.stim.csv\n"
    "  # a new last layer on fixed features, and what came of it\n"
    "  dnnbrain train --net alexnet --weights alexnet.pth \\\n"
    "      --stim train.stim.csv --validation validation.stim.csv \\\n"
    "      --freeze backbone --augment none --out features\n"
    "  dnnbrain inspect features\n";

/* A character as roff must read it to print it; NULL for one that is written as it is. */
static const char *escape(char c) {
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    default:
        return NULL;
    }
}

static void put_text(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *escaped = escape(text[i]);
        if (escaped)
            fputs(escaped, stdout);
        else
            putchar(text[i]);
    }
}

/* Bytes that a word takes in the source, with what put_word() may put before it. */
static size_t count_bytes(const char *word, size_t n) {
    size_t n_bytes = 2;
    for (size_t i = 0; i < n; i++) n_bytes += escape(word[i]) ? strlen(escape(word[i])) : 1;
    return n_bytes;
}

/* A word at the beginning of a line is no request, and an option is not broken. */
static void put_word(const char *word, size_t n) {
    if (*word == '.') fputs("\\&", stdout);
    if (*word == '-') fputs("\\%", stdout);
    put_text(word, n);
}

/* Words, filled into lines; the last line is ended. */
static void put_filled(const char *text) {
    size_t column = 0;
    for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
        size_t n = strcspn(text, " \n"), n_bytes = count_bytes(text, n);
        bool goes_on = column + 1 + n_bytes <= LINE_WIDTH;
        if (column > 0) putchar(goes_on ? ' ' : '\n');
        column = column > 0 && goes_on ? column + 1 + n_bytes : n_bytes;
        put_word(text, n);
        text += n;
    }
    putchar('\n');
}

/* Lines as they are; their common indentation of two is taken off. */
static void put_lines(const char *text, size_t n) {
    puts(".EX");
    while (n > 0) {
        const char *end = memchr(text, '\n', n);
        size_t n_line = end ? (size_t)(end - text) : n, skip = strspn(text, " ");
        if (skip > 2) skip = 2;
        if (skip <= n_line) put_word(text + skip, n_line - skip);
        putchar('\n');
        n -= end ? n_line + 1 : n_line;
        text += n_line + 1;
    }
    puts(".EE");
}

/* Paragraphs are divided by empty lines; one whose lines begin with a space is kept as it is. */
static void put_paragraphs(const char *text) {
    char paragraph[4096];
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t n = end ? (size_t)(end - text) : strlen(text);
        puts(".PP");
        if (*text == ' ') {
            put_lines(text, n);
        } else {
            snprintf(paragraph, sizeof paragraph, "%.*s", (int)n, text);
            put_filled(paragraph);
        }
        text += n;
        text += strspn(text, "\n");
    }
}

/* "--net NET (--stim FILE | PICTURE...)": options bold, what stands for a value in italics. */
static void put_synopsis(const char *text) {
    while (*text) {
        size_t n_mark = strspn(text, " ()[]|.");
        put_text(text, n_mark);
        text += n_mark;
        size_t n = strcspn(text, " ()[]|.");
        if (n == 0) continue;
        bool is_value = isupper((unsigned char)*text);
        fputs(*text == '-' ? "\\fB" : is_value ? "\\fI" : "", stdout);
        put_text(text, n);
        fputs(*text == '-' || is_value ? "\\fR" : "", stdout);
        text += n;
    }
    putchar('\n');
}

/* The day that the pages are of: SOURCE_DATE_EPOCH's, so that a build can be repeated, or today. */
static void put_title(const char *name) {
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    time_t seconds = epoch && *epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
    struct tm day;
    char date[32] = "";
    if (gmtime_r(&seconds, &day)) strftime(date, sizeof date, "%Y-%m-%d", &day);
    fputs(".\\\" Made by `dnnbrain help --format man`.\n.TH ", stdout);
    for (const char *c = name; *c; c++) {
        if (*c == '-') putchar('\\');
        putchar(toupper((unsigned char)*c));
    }
    printf(" 1 %s \"dnnbrain %s\" \"User Commands\"\n", date, dnnb_get_version());
    puts(".ad l"); /* so that words are not spread */
}

static void put_name(const char *name, const char *summary) {
    puts(".SH NAME");
    put_text(name, strlen(name));
    puts(" \\-");
    put_filled(summary);
}

static void put_row(const char *term, const char *text) {
    fputs(".TP\n.B ", stdout);
    put_text(term, strlen(term));
    putchar('\n');
    put_filled(text);
}

static void put_option(const cli_option *o) {
    char value[256], initial[64];
    cli_option_format_value(value, sizeof value, o);
    cli_option_format_default(initial, sizeof initial, o);
    fputs(".TP\n\\fB\\-\\-", stdout);
    put_text(o->name, strlen(o->name));
    fputs("\\fR", stdout);
    if (*value) {
        bool has_words = o->type == CLI_CHOICE;
        fputs(has_words ? " \\fB" : " \\fI", stdout);
        put_text(value, strlen(value));
        fputs("\\fR", stdout);
    }
    putchar('\n');
    char text[1024];
    snprintf(text, sizeof text, "%c%s.", toupper((unsigned char)*o->help), o->help + 1);
    put_filled(text);
    if (!*initial) return;
    snprintf(text, sizeof text, "Default: %s.", initial);
    put_filled(text);
}

static void put_options(const cli_command *command) {
    puts(".SH OPTIONS");
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *o = &command->options[i];
        if (o->type == CLI_GROUP) {
            fputs(".SS ", stdout);
            put_text(o->name, strlen(o->name));
            putchar('\n');
        }
        if (cli_option_is_listed(o)) put_option(o);
    }
    if (command->n_options > 0) puts(".SS Other");
    put_row("--help", "Print the options and the examples.");
}

/* A comment, then the command that it is of. */
static void put_examples(const char *examples) {
    puts(".SH EXAMPLES");
    const char *text = examples;
    while (*text) {
        const char *end = text;
        bool is_comment = strncmp(text, "  # ", 4) == 0;
        while (*end && (end == text || (strncmp(end, "  # ", 4) == 0) == is_comment)) {
            end += strcspn(end, "\n");
            end += *end == '\n';
        }
        if (text != examples) puts(".PP");
        if (is_comment) {
            char line[512];
            snprintf(line, sizeof line, "%c%.*s", toupper((unsigned char)text[4]),
                     (int)(end - text - 6), text + 5);
            for (char *mark = line; (mark = strstr(mark, "\n  # ")) != NULL;)
                memmove(mark + 1, mark + 5, strlen(mark + 5) + 1);
            size_t used = strlen(line);
            snprintf(line + used, sizeof line - used, ":");
            put_filled(line);
        } else {
            put_lines(text, (size_t)(end - text));
        }
        text = end;
    }
}

static bool takes(const cli_command *command, const char *value) {
    for (size_t i = 0; i < command->n_options; i++) {
        const char *found = command->options[i].value;
        if (found && strcmp(found, value) == 0) return true;
    }
    return command->operand && strncmp(command->operand, value, strlen(value)) == 0;
}

static void put_exit_status(bool can_be_stopped) {
    puts(".SH EXIT STATUS");
    put_row("0", "It is done.");
    put_row("1", "It failed: a file, the data, the disk, the standard output.");
    put_row("2", "Wrong usage: an option, a network's or a layer's name.");
    if (can_be_stopped)
        put_row("130, 143, 129", "Stopped by SIGINT (Ctrl-C), SIGTERM or SIGHUP, after saving what "
                                 "train --resume needs.");
}

static void put_files(bool has_run) {
    puts(".SH FILES");
    put_row("*.stim.csv", "Stimuli: header lines with their type and the images' folder, then a "
                          "table with a row an image: stimID, label, condition and more columns.");
    put_row("*.pth, *.safetensors, *.npz", "Parameters of a network, with PyTorch's names.");
    const cli_run_file *file;
    for (size_t i = 0; has_run && (file = cli_run_files_get(i)) != NULL; i++) {
        char name[64], text[256];
        snprintf(name, sizeof name, "RUN/%s", file->name);
        snprintf(text, sizeof text, "%c%s.", toupper((unsigned char)*file->what), file->what + 1);
        put_row(name, text);
    }
}

static void put_environment(void) {
    puts(".SH ENVIRONMENT");
    put_row("NO_COLOR", "With any value that is not empty: no colours.");
    put_row("TERM", "dumb, or none: plain lines, and nothing is drawn again.");
    put_row("LC_ALL, LC_CTYPE, LANG", "Characters above ASCII are written where these name a "
                                      "locale with UTF-8.");
    put_row("TMPDIR", "The folder of temporary files. Default: /tmp.");
    put_row("DNNBRAIN_DATA, XDG_DATA_HOME", "Where pretrained weights are kept; see "
                                            "dnnbrain-fetch(1).");
}

static void put_see_also(const char *own_name) {
    const cli_command_entry *entry;
    const char *before = "";
    puts(".SH SEE ALSO");
    if (own_name) {
        printf(".BR dnnbrain (1)");
        before = ",\n";
    }
    for (size_t i = 0; (entry = cli_commands_get(i)) != NULL; i++) {
        if (own_name && strcmp(entry->name, own_name) == 0) continue;
        printf("%s.BR dnnbrain\\-", before);
        put_text(entry->name, strlen(entry->name));
        fputs(" (1)", stdout);
        before = ",\n";
    }
    putchar('\n');
}

void cli_man_print(const cli_command *command) {
    char name[64], summary[256];
    snprintf(name, sizeof name, "dnnbrain-%s", command->name);
    snprintf(summary, sizeof summary, "%c%s", tolower((unsigned char)*command->summary),
             command->summary + 1);
    size_t n = strlen(summary);
    if (n > 0 && summary[n - 1] == '.') summary[n - 1] = '\0';
    put_title(name);
    put_name(name, summary);
    fputs(".SH SYNOPSIS\n\\fBdnnbrain ", stdout);
    put_text(command->name, strlen(command->name));
    fputs("\\fR ", stdout);
    put_synopsis(command->arguments);
    puts(".SH DESCRIPTION");
    put_filled(command->summary);
    put_paragraphs(command->about);
    put_options(command);
    put_examples(command->examples);
    put_exit_status(takes(command, "RUN") && takes(command, "NET"));
    put_files(takes(command, "RUN"));
    put_environment();
    put_see_also(command->name);
}

void cli_man_print_program(void) {
    const cli_command_entry *entry;
    put_title("dnnbrain");
    put_name("dnnbrain", "transfer learning of ImageNet networks on stimuli of one's own");
    fputs(".SH SYNOPSIS\n\\fBdnnbrain\\fR ", stdout);
    put_synopsis("COMMAND [options]");
    puts(".br");
    fputs("\\fBdnnbrain help\\fR ", stdout);
    put_synopsis("[COMMAND]");
    puts(".SH DESCRIPTION");
    put_filled(about_program);
    puts(".SS Commands");
    for (size_t i = 0; (entry = cli_commands_get(i)) != NULL; i++) {
        fputs(".TP\n.BR dnnbrain\\-", stdout);
        put_text(entry->name, strlen(entry->name));
        puts(" (1)");
        char text[256];
        snprintf(text, sizeof text, "%c%s.", toupper((unsigned char)*entry->summary),
                 entry->summary + 1);
        put_filled(text);
    }
    puts(".SH OPTIONS");
    put_row("--help", "Print the commands and the networks.");
    put_row("--version", "Print the version, and that of the library that computes.");
    put_examples(program_examples);
    put_exit_status(true);
    put_files(true);
    put_environment();
    put_see_also(NULL);
}
