/* Terminals, and the width of text on them. */
#include "cli/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum { USUAL_WIDTH = 80 };

void cli_terminal_start(void) {
    /* Where the environment names a locale that is not there, the C locale stays. */
    setlocale(LC_CTYPE, "");
}

static bool is_set(const char *variable) {
    const char *value = getenv(variable);
    return value && *value;
}

cli_terminal cli_terminal_open(FILE *stream) {
    const char *type = getenv("TERM");
    bool can_move = type && *type && strcmp(type, "dumb") != 0;
    cli_terminal out = {.stream = stream};
    out.is_terminal = can_move && isatty(fileno(stream));
    out.has_colors = out.is_terminal && !is_set("NO_COLOR");
    out.has_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return out;
}

size_t cli_terminal_get_width(const cli_terminal *terminal) {
    struct winsize size;
    bool is_known = ioctl(fileno(terminal->stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : USUAL_WIDTH;
}

const char *cli_terminal_style(const cli_terminal *terminal, cli_style style) {
    static const char *const sequences[] = {"\033[0m",    "\033[1m",    "\033[2m",
                                            "\033[1;32m", "\033[1;31m", "\033[36m"};
    return terminal->has_colors ? sequences[style] : "";
}

/* Bytes of the character at `text`, and the columns that it takes. */
static size_t next_character(const char *text, size_t *width) {
    wchar_t character;
    mbstate_t state = {0};
    size_t n = mbrtowc(&character, text, MB_CUR_MAX, &state);
    *width = 1;
    if (n == 0 || n > MB_CUR_MAX) return 1;
    int columns = wcwidth(character);
    if (columns >= 0) *width = (size_t)columns;
    return n;
}

void cli_text_make_safe(char *text) {
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f) *c = '?';
        /* U+0080 to U+009F, which some terminals obey. */
        if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) c[0] = c[1] = '?';
    }
}

size_t cli_text_width(const char *text) {
    size_t total = 0, width;
    while (*text) {
        text += next_character(text, &width);
        total += width;
    }
    return total;
}

size_t cli_text_clip(const char *text, size_t width) {
    size_t used = 0, at = 0, columns;
    while (text[at]) {
        size_t n = next_character(text + at, &columns);
        if (used + columns > width) break;
        used += columns;
        at += n;
    }
    return at;
}
