/*
 * Scripts that complete command lines in bash, zsh and fish, from the tables of the commands.
 *
 * Method: a script begins with a few functions of its own; then each command adds what it takes,
 * and the end ties them together. Nothing is asked of the program when a line is completed, so that
 * it is quick, also on a machine whose program is another version.
 *
 * Source: bash(1) Programmable Completion, zshcompsys(1) _arguments, fish's complete(1).
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/common.h"
#include "cli/help.h"

enum { LONGEST_DESCRIPTION = 72 };

/* Inside single quotes, as each shell writes a quote and, in fish, a backslash there. In zsh, text
 * stands in brackets too. */
static void put_quoted(cli_help_format shell, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool is_escaped = (shell == CLI_HELP_FISH && strchr("\\'", text[i])) ||
                          (shell == CLI_HELP_ZSH && strchr("\\[]", text[i]));
        if (shell != CLI_HELP_FISH && text[i] == '\'')
            fputs("'\\''", stdout);
        else
            printf("%s%c", is_escaped ? "\\" : "", text[i]);
    }
}

/* A line's worth of a help text. */
static void put_description(cli_help_format shell, const char *text) {
    size_t n = strlen(text);
    bool is_cut = n > LONGEST_DESCRIPTION;
    if (is_cut)
        for (n = LONGEST_DESCRIPTION - 3; n > 1 && text[n] != ' ';) n--;
    put_quoted(shell, text, n);
    if (is_cut) fputs("...", stdout);
}

/* Words divided by spaces, each with something around it. */
static void put_each(const char *words, const char *before, const char *between) {
    for (const char *word = words; *word; word += strspn(word, " ")) {
        size_t n = strcspn(word, " ");
        printf("%s%s%.*s", word == words ? "" : between, before, (int)n, word);
        word += n;
    }
}

/* ---- bash ---- */

static const char bash_begin[] =
    "# Completion of dnnbrain for bash, made by `dnnbrain help --format bash`.\n"
    "# $word is what stands before the cursor, $before the option that it may be a value of.\n"
    "\n"
    "__dnnbrain_words() {\n"
    "    local IFS=$' \\t\\n'\n"
    "    COMPREPLY+=($(compgen -W \"$*\" -- \"$word\"))\n"
    "}\n"
    "\n"
    "__dnnbrain_paths() {\n"
    "    local path\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    while IFS= read -r path; do COMPREPLY+=(\"$path\"); done < <(compgen \"$@\" -- "
    "\"$word\")\n"
    "}\n"
    "\n"
    "__dnnbrain_files() {\n"
    "    local ending\n"
    "    __dnnbrain_paths -d\n"
    "    for ending; do __dnnbrain_paths -f -X \"!*$ending\"; done\n"
    "}\n";

static const char bash_end[] =
    "\n"
    "_dnnbrain() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    COMPREPLY=()\n"
    "    # \"--name=value\" is three words.\n"
    "    if [[ $word == = ]]; then\n"
    "        word=''\n"
    "    elif [[ $before == = ]]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n"
    "    if ((COMP_CWORD == 1)); then\n"
    "        __dnnbrain_words \"$__dnnbrain_commands\" help --help --version\n"
    "    elif [[ ${COMP_WORDS[1]} == help ]]; then\n"
    "        __dnnbrain_words \"$__dnnbrain_commands\"\n"
    "    elif declare -F \"__dnnbrain_of_${COMP_WORDS[1]}\" >/dev/null; then\n"
    "        \"__dnnbrain_of_${COMP_WORDS[1]}\"\n"
    "    fi\n"
    "}\n"
    "complete -F _dnnbrain dnnbrain\n";

static void put_bash_values(const cli_completion *c) {
    const char *space = "";
    if (*c->words) printf("__dnnbrain_words %s", c->words), space = "; ";
    if (c->kind == CLI_COMPLETES_FOLDERS) printf("%s__dnnbrain_paths -d", space);
    if (c->kind != CLI_COMPLETES_FILES) return;
    if (c->endings)
        printf("%s__dnnbrain_files %s", space, c->endings);
    else
        printf("%s__dnnbrain_paths -f", space);
}

static void put_bash(const cli_command *command) {
    printf("\n__dnnbrain_of_%s() {\n    case $before in\n", command->name);
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *o = &command->options[i];
        if (!cli_option_is_listed(o) || o->type == CLI_FLAG) continue;
        cli_completion c = cli_complete_option(o);
        printf("    --%s) ", o->name);
        put_bash_values(&c);
        puts(" ;;");
    }
    cli_completion operand = cli_complete_operand(command);
    fputs("    *)\n", stdout);
    if (operand.kind != CLI_COMPLETES_NOTHING) {
        fputs("        if [[ $word != -* ]]; then ", stdout);
        put_bash_values(&operand);
        fputs("; return; fi\n", stdout);
    }
    fputs("        __dnnbrain_words", stdout);
    for (size_t i = 0; i < command->n_options; i++)
        if (cli_option_is_listed(&command->options[i])) printf(" --%s", command->options[i].name);
    puts(" --help ;;\n    esac\n}");
}

static void end_bash(void) {
    const cli_command_entry *entry;
    fputs("\n__dnnbrain_commands='", stdout);
    for (size_t i = 0; (entry = cli_commands_get(i)) != NULL; i++)
        printf("%s%s", i ? " " : "", entry->name);
    puts("'");
    fputs(bash_end, stdout);
}

/* ---- zsh ---- */

static const char zsh_begin[] =
    "#compdef dnnbrain\n"
    "# Completion of dnnbrain for zsh, made by `dnnbrain help --format zsh`.\n"
    "\n"
    "__dnnbrain_words_or_files() {\n"
    "  _alternative \"words:word:($1)\" \"files:file:_files ${2:+-g \\\"$2\\\"}\"\n"
    "}\n";

static const char zsh_end[] =
    "  _arguments -C '(- *)--help[print the commands]' '(- *)--version[print the version]' \\\n"
    "    '1:command:->command' '*::argument:->argument'\n"
    "  case $state in\n"
    "  command)\n"
    "    _describe -t commands command commands ;;\n"
    "  argument)\n"
    "    if [[ $words[1] == help ]]; then\n"
    "      _describe -t commands command commands\n"
    "    elif (( $+functions[__dnnbrain_of_$words[1]] )); then\n"
    "      __dnnbrain_of_$words[1]\n"
    "    fi ;;\n"
    "  esac\n"
    "}\n"
    "\n"
    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
    "  _dnnbrain \"$@\"\n"
    "else\n"
    "  compdef _dnnbrain dnnbrain\n"
    "fi\n";

static void put_zsh_values(const char *what, const cli_completion *c) {
    putchar(':');
    put_quoted(CLI_HELP_ZSH, what, strlen(what));
    putchar(':');
    if (c->kind == CLI_COMPLETES_WORDS) printf("(%s)", c->words);
    if (c->kind == CLI_COMPLETES_FOLDERS) fputs("_files -/", stdout);
    if (c->kind != CLI_COMPLETES_FILES) return;
    if (*c->words)
        printf(" __dnnbrain_words_or_files \"%s\" \"", c->words);
    else
        fputs(c->endings ? "_files -g \"" : "_files", stdout);
    put_each(c->endings ? c->endings : "", "*", " ");
    if (*c->words || c->endings) putchar('"');
}

static void put_zsh(const cli_command *command) {
    printf("\n__dnnbrain_of_%s() {\n  _arguments -S \\\n", command->name);
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *o = &command->options[i];
        if (!cli_option_is_listed(o)) continue;
        printf("    '--%s%s[", o->name, o->type == CLI_FLAG ? "" : "=");
        put_description(CLI_HELP_ZSH, o->help);
        putchar(']');
        if (o->type != CLI_FLAG) {
            cli_completion c = cli_complete_option(o);
            put_zsh_values(o->value ? o->value : o->name, &c);
        }
        puts("' \\");
    }
    cli_completion operand = cli_complete_operand(command);
    if (operand.kind != CLI_COMPLETES_NOTHING) {
        fputs(command->max_operands > 1 ? "    '*" : "    '1", stdout);
        put_zsh_values(command->operand, &operand);
        puts("' \\");
    }
    puts("    '(- *)--help[print the options and the examples]'\n}");
}

static void end_zsh(void) {
    const cli_command_entry *entry;
    puts("\n_dnnbrain() {\n  local state line\n  typeset -A opt_args\n  local -a commands=(");
    for (size_t i = 0; (entry = cli_commands_get(i)) != NULL; i++) {
        printf("    '%s:", entry->name);
        put_quoted(CLI_HELP_ZSH, entry->summary, strlen(entry->summary));
        puts("'");
    }
    puts("    'help:print the help of a command'\n  )");
    fputs(zsh_end, stdout);
}

/* ---- fish ---- */

static const char fish_begin[] =
    "# Completion of dnnbrain for fish, made by `dnnbrain help --format fish`.\n"
    "\n"
    "function __dnnbrain_is\n"
    "    set -l words (commandline -opc)\n"
    "    test (count $words) -ge 2; and test $words[2] = $argv[1]\n"
    "end\n"
    "\n"
    "# Folders, and files with one of the endings.\n"
    "function __dnnbrain_files\n"
    "    set -l begin (commandline -ct | string replace -r -- '^--[^=]*=' '')\n"
    "    set -l pattern (string join '|' / (string escape --style=regex -- $argv))\n"
    "    __fish_complete_path $begin | string match -r -- \"^[^\\t]*(?:$pattern)(?:\\t.*)?\\$\"\n"
    "end\n"
    "\n"
    "complete -c dnnbrain -f\n"
    "complete -c dnnbrain -n 'test (count (commandline -opc)) -eq 1' -l version -d 'print the "
    "version'\n"
    "complete -c dnnbrain -l help -d 'print the options and the examples'\n";

static void put_fish_values(const cli_completion *c) {
    if (c->kind == CLI_COMPLETES_NOTHING) return;
    printf(" -a '%s", c->words);
    const char *space = *c->words ? " " : "";
    if (c->kind == CLI_COMPLETES_FOLDERS) printf("%s(__dnnbrain_files)", space);
    if (c->kind == CLI_COMPLETES_FILES && c->endings)
        printf("%s(__dnnbrain_files %s)", space, c->endings);
    else if (c->kind == CLI_COMPLETES_FILES)
        printf("%s(__fish_complete_path (commandline -ct))", space);
    putchar('\'');
}

static void put_fish(const cli_command *command) {
    putchar('\n');
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *o = &command->options[i];
        if (!cli_option_is_listed(o)) continue;
        printf("complete -c dnnbrain -n '__dnnbrain_is %s' -l %s", command->name, o->name);
        if (o->type != CLI_FLAG) {
            cli_completion c = cli_complete_option(o);
            fputs(" -x", stdout);
            put_fish_values(&c);
        }
        fputs(" -d '", stdout);
        put_description(CLI_HELP_FISH, o->help);
        puts("'");
    }
    cli_completion operand = cli_complete_operand(command);
    if (operand.kind == CLI_COMPLETES_NOTHING) return;
    printf("complete -c dnnbrain -n '__dnnbrain_is %s'", command->name);
    put_fish_values(&operand);
    putchar('\n');
}

static void end_fish(void) {
    const cli_command_entry *entry;
    putchar('\n');
    for (size_t i = 0; (entry = cli_commands_get(i)) != NULL; i++) {
        printf("complete -c dnnbrain -n 'test (count (commandline -opc)) -eq 1; or __dnnbrain_is "
               "help' -a %s -d '",
               entry->name);
        put_quoted(CLI_HELP_FISH, entry->summary, strlen(entry->summary));
        puts("'");
    }
    puts("complete -c dnnbrain -n 'test (count (commandline -opc)) -eq 1' -a help -d 'print the "
         "help of a command'");
}

void cli_completion_begin(cli_help_format shell) {
    fputs(shell == CLI_HELP_BASH  ? bash_begin
          : shell == CLI_HELP_ZSH ? zsh_begin
                                  : fish_begin,
          stdout);
}

void cli_completion_print(cli_help_format shell, const cli_command *command) {
    if (shell == CLI_HELP_BASH)
        put_bash(command);
    else if (shell == CLI_HELP_ZSH)
        put_zsh(command);
    else
        put_fish(command);
}

void cli_completion_end(cli_help_format shell) {
    if (shell == CLI_HELP_BASH)
        end_bash();
    else if (shell == CLI_HELP_ZSH)
        end_zsh();
    else
        end_fish();
}
