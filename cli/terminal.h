/*
 * What a stream can show: whether it is a terminal, how wide, and with colours and UTF-8 or
 * without.
 *
 * NO_COLOR with any value that is not empty, and TERM=dumb, take the colours away; TERM=dumb also
 * takes away what is drawn again. Bytes above ASCII are written only where the locale is UTF-8.
 */
#ifndef DNNB_CLI_TERMINAL_H
#define DNNB_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* For a stream that is a terminal: erase from the cursor to the end of the screen; clip what is too
 * wide for the window at its edge, or break it. */
#define CLI_ERASE   "\033[J"
#define CLI_NO_WRAP "\033[?7l"
#define CLI_WRAP    "\033[?7h"

typedef struct cli_terminal {
    FILE *stream;
    bool is_terminal; /* one that can move its cursor */
    bool has_colors;
    bool has_utf8;
} cli_terminal;

/** How text stands out where there are colours; each ends with the next CLI_PLAIN. */
typedef enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_GOOD, CLI_BAD, CLI_FULL } cli_style;

/** Take the locale of the environment, for characters alone: numbers keep their point. */
void cli_terminal_start(void);
cli_terminal cli_terminal_open(FILE *stream);
/** Columns now: a window may have changed since the last call. 80 where it is not known. */
size_t cli_terminal_get_width(const cli_terminal *terminal);
/** Escape sequence of a style, "" where there are no colours. */
const char *cli_terminal_style(const cli_terminal *terminal, cli_style style);

/** Write '?' for what moves the cursor or changes the terminal: a file's name may hold it. */
void cli_text_make_safe(char *text);
/** Columns that a UTF-8 text takes; a byte that is none of UTF-8 takes one. */
size_t cli_text_width(const char *text);
/** Bytes of the longest beginning of a text that takes at most `width` columns. */
size_t cli_text_clip(const char *text, size_t width);

#endif
