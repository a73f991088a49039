/*
 * The table-driven option parser.
 *
 * Method: "--name value" and "--name=value"; options and operands in any order, "--" ends the
 * options. A wrong name is answered with the nearest right one, a wrong value with what was
 * expected and what was found. Invariant: nothing is run before all of the line is right.
 */
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/common.h"
#include "cli/help.h"

enum { LONGEST_WORD = 40, MOST_OPTIONS = 96 };

/* Edits (insert, delete, replace, swap neighbours) between two words, without case. */
static size_t count_edits(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST_WORD || m > LONGEST_WORD) return n > m ? n : m;
    size_t table[LONGEST_WORD + 1][LONGEST_WORD + 1];
    for (size_t i = 0; i <= n; i++) table[i][0] = i;
    for (size_t j = 0; j <= m; j++) table[0][j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            int from = tolower((unsigned char)a[i - 1]), to = tolower((unsigned char)b[j - 1]);
            size_t best = table[i - 1][j - 1] + (from != to);
            if (table[i - 1][j] + 1 < best) best = table[i - 1][j] + 1;
            if (table[i][j - 1] + 1 < best) best = table[i][j - 1] + 1;
            bool swapped = i > 1 && j > 1 && from == tolower((unsigned char)b[j - 2]) &&
                           tolower((unsigned char)a[i - 2]) == to;
            if (swapped && table[i - 2][j - 2] + 1 < best) best = table[i - 2][j - 2] + 1;
            table[i][j] = best;
        }
    return table[n][m];
}

const char *cli_nearest(const char *word, const char *const *words, size_t n) {
    const char *best = NULL;
    size_t n_word = strlen(word), fewest = n_word / 3 + 2, n_begin = 0;
    for (size_t i = 0; i < n; i++) {
        size_t edits = count_edits(word, words[i]);
        if (edits < fewest) {
            best = words[i];
            fewest = edits;
        }
        n_begin += n_word >= 3 && strncasecmp(word, words[i], n_word) == 0;
    }
    /* A beginning that only one word has is meant, however long the word. */
    for (size_t i = 0; !best && n_begin == 1 && i < n; i++)
        if (strncasecmp(word, words[i], n_word) == 0) best = words[i];
    return best;
}

bool cli_option_is_listed(const cli_option *o) {
    return o->type != CLI_GROUP && o->type != CLI_ABSENT;
}

static const cli_option *find_option(const cli_command *command, const char *name, size_t n) {
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *o = &command->options[i];
        if (o->type != CLI_GROUP && strlen(o->name) == n && memcmp(o->name, name, n) == 0) return o;
    }
    return NULL;
}

static void report_unknown(const cli_command *command, const char *argument, size_t n_name) {
    const char *names[MOST_OPTIONS + 1];
    size_t n = 0;
    for (size_t i = 0; i < command->n_options && n < MOST_OPTIONS; i++)
        if (cli_option_is_listed(&command->options[i])) names[n++] = command->options[i].name;
    names[n++] = "help";
    char name[LONGEST_WORD + 1];
    snprintf(name, sizeof name, "%.*s", (int)(n_name < LONGEST_WORD ? n_name : LONGEST_WORD),
             argument);
    const char *bare = name + strspn(name, "-");
    const char *nearest = cli_nearest(bare, names, n);
    if (nearest)
        cli_error("unknown option '%s': did you mean '--%s'?", name, nearest);
    else
        cli_error("unknown option '%s'; 'dnnbrain %s --help' lists them", name, command->name);
}

/* Message about a wrong value; always false, so that a reader can return it. */
static bool wrong_value(const cli_option *o, const char *expected, const char *found) {
    cli_error("--%s: expected %s, found '%s'", o->name, expected, found);
    return false;
}

/* Digits alone: strtoull takes signs and spaces too. */
static bool read_whole(const char *text, uint64_t *out) {
    if (!*text || text[strspn(text, "0123456789")]) return false;
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return errno == 0;
}

static bool read_count(const cli_option *o, const char *text) {
    uint64_t value;
    if (read_whole(text, &value) && (double)value >= o->min && (double)value <= o->max) {
        *(size_t *)o->target = (size_t)value;
        return true;
    }
    char expected[96];
    snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f", o->min, o->max);
    return wrong_value(o, expected, text);
}

static bool read_seed(const cli_option *o, const char *text) {
    uint64_t value;
    if (!read_whole(text, &value))
        return wrong_value(o, "a whole number from 0 to 18446744073709551615", text);
    *(uint64_t *)o->target = value;
    return true;
}

static bool read_real(const cli_option *o, const char *text) {
    char *end;
    double value = strtod(text, &end);
    bool is_number = end != text && !*end && isfinite(value) && !isspace((unsigned char)*text);
    bool fits = o->open ? value > o->min && value < o->max : value >= o->min && value <= o->max;
    if (is_number && fits) {
        *(double *)o->target = value;
        return true;
    }
    char expected[96];
    const char *above = o->open ? "above" : "of at least";
    const char *below = o->open ? "below" : "at most";
    if (isfinite(o->max))
        snprintf(expected, sizeof expected, "a number %s %g and %s %g", above, o->min, below,
                 o->max);
    else
        snprintf(expected, sizeof expected, "a number %s %g", above, o->min);
    return wrong_value(o, expected, text);
}

void cli_option_join_words(char *out, size_t n_out, const cli_option *o, const char *between,
                           const char *last) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < o->n_words && used < n_out; i++) {
        const char *comma = i == 0 ? "" : i + 1 == o->n_words ? last : between;
        used += (size_t)snprintf(out + used, n_out - used, "%s%s", comma, o->words[i]);
    }
}

static bool read_choice(const cli_option *o, const char *text) {
    for (size_t i = 0; i < o->n_words; i++)
        if (strcasecmp(text, o->words[i]) == 0) {
            *(size_t *)o->target = i;
            return true;
        }
    char expected[256];
    cli_option_join_words(expected, sizeof expected, o, ", ", " or ");
    return wrong_value(o, expected, text);
}

static bool read_size(const cli_option *o, const char *text) {
    static const char units[] = "KMG";
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    bool is_number = isdigit((unsigned char)*text) && errno == 0 && isfinite(value);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (unit) {
        value *= pow(1024.0, (double)(unit - units) + 1);
        end++;
        if (toupper((unsigned char)*end) == 'B') end++;
    }
    if (!is_number || *end || value > (double)(SIZE_MAX / 4))
        return wrong_value(o, "a size such as 512M or 2G", text);
    *(size_t *)o->target = (size_t)value;
    return true;
}

static bool read_color(const cli_option *o, const char *text) {
    dnnb_decode_options *decode = o->target;
    unsigned rgb = 0xffffff;
    if (strcasecmp(text, "black") == 0)
        rgb = 0;
    else if (text[0] == '#' && strlen(text) == 7 && strspn(text + 1, "0123456789abcdefABCDEF") == 6)
        rgb = (unsigned)strtoul(text + 1, NULL, 16);
    else if (strcasecmp(text, "white") != 0)
        return wrong_value(o, "white, black or #rrggbb", text);
    decode->use_background = true;
    for (unsigned i = 0; i < 3; i++) decode->background[i] = (uint8_t)(rgb >> (16 - 8 * i));
    return true;
}

static bool read_text(const cli_option *o, const char *text) {
    if (!*text) return wrong_value(o, o->value, text);
    *(const char **)o->target = text;
    return true;
}

static bool read_value(const cli_option *o, const char *text) {
    switch (o->type) {
    case CLI_TEXT:
        return read_text(o, text);
    case CLI_COUNT:
        return read_count(o, text);
    case CLI_SEED:
        return read_seed(o, text);
    case CLI_REAL:
        return read_real(o, text);
    case CLI_CHOICE:
        return read_choice(o, text);
    case CLI_SIZE:
        return read_size(o, text);
    case CLI_COLOR:
        return read_color(o, text);
    case CLI_GROUP:
    case CLI_FLAG:
    case CLI_ABSENT:
        break;
    }
    return false;
}

/* The option at argv[*at]; *at moves on to the last argument it took. */
static bool parse_option(const cli_command *command, int argc, char **argv, int *at) {
    const char *argument = argv[*at];
    size_t n_argument = strcspn(argument, "=");
    const cli_option *o =
        strncmp(argument, "--", 2) == 0 ? find_option(command, argument + 2, n_argument - 2) : NULL;
    if (!o) {
        report_unknown(command, argument, n_argument);
        return false;
    }
    const char *value = argument[n_argument] ? argument + n_argument + 1 : NULL;
    if (o->type == CLI_ABSENT) {
        cli_error("--%s: %s", o->name, o->help);
        return false;
    }
    if (o->type == CLI_FLAG) {
        if (value) return wrong_value(o, "no value", value);
        *(bool *)o->target = true;
        return true;
    }
    if (!value) {
        const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
        if (!next || (strncmp(next, "--", 2) == 0)) {
            cli_error("--%s: missing value, expected %s", o->name,
                      o->value ? o->value : "one of its words");
            return false;
        }
        value = next;
        ++*at;
    }
    return read_value(o, value);
}

static bool check_operands(const cli_command *command, size_t n, char **operands) {
    if (n < command->min_operands) {
        cli_error("missing %s; usage: dnnbrain %s %s", command->operand, command->name,
                  command->arguments);
        return false;
    }
    if (n > command->max_operands) {
        cli_error("unexpected argument '%s'; usage: dnnbrain %s %s",
                  operands[command->max_operands], command->name, command->arguments);
        return false;
    }
    return true;
}

cli_parsed cli_parse(const cli_command *command, int argc, char **argv, size_t *n_operands) {
    /* Help is given whatever else the line says. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            cli_help_print(command);
            return CLI_HELP_SHOWN;
        }
    size_t n = 0;
    bool options_ended = false;
    for (int i = 1; i < argc; i++) {
        if (!options_ended && strcmp(argv[i], "--") == 0)
            options_ended = true;
        else if (options_ended || argv[i][0] != '-' || !argv[i][1])
            argv[++n] = argv[i];
        else if (!parse_option(command, argc, argv, &i))
            return CLI_WRONG;
    }
    *n_operands = n;
    return check_operands(command, n, argv + 1) ? CLI_GO_ON : CLI_WRONG;
}
