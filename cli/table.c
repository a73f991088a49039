/* Collecting the cells of a table, and laying them out. */
#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/terminal.h"

enum { MOST_COLUMNS = 16, CELL_BYTES = 1024, NARROWEST = 8 };

struct cli_table {
    cli_column columns[MOST_COLUMNS];
    size_t n_columns;
    char **cells; /* row after row */
    size_t n_cells, n_room;
    size_t rule; /* cells above it; SIZE_MAX: no rule */
    bool has_failed;
};

cli_table *cli_table_create(const cli_column *columns, size_t n_columns) {
    cli_table *table = calloc(1, sizeof *table);
    if (!table) return NULL;
    table->n_columns = n_columns < MOST_COLUMNS ? n_columns : MOST_COLUMNS;
    memcpy(table->columns, columns, table->n_columns * sizeof *columns);
    table->rule = SIZE_MAX;
    return table;
}

void cli_table_destroy(cli_table *table) {
    if (!table) return;
    for (size_t i = 0; i < table->n_cells; i++) free(table->cells[i]);
    free(table->cells);
    free(table);
}

static bool make_room(cli_table *table) {
    if (table->n_cells < table->n_room) return true;
    size_t n_room = table->n_room ? 2 * table->n_room : 256;
    char **cells = realloc(table->cells, n_room * sizeof *cells);
    if (!cells) return false;
    table->cells = cells;
    table->n_room = n_room;
    return true;
}

void cli_table_add(cli_table *table, const char *format, ...) {
    char text[CELL_BYTES];
    if (!table || table->has_failed) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cli_text_make_safe(text);
    char *copy = make_room(table) ? strdup(text) : NULL;
    if (copy)
        table->cells[table->n_cells++] = copy;
    else
        table->has_failed = true;
}

void cli_table_add_rule(cli_table *table) {
    if (table) table->rule = table->n_cells;
}

/* Take from the widest columns that may be cut until the table fits. One that cannot fit is left
 * whole, for the terminal to wrap. */
static void narrow(const cli_table *table, size_t *widths, size_t room) {
    size_t whole[MOST_COLUMNS];
    memcpy(whole, widths, sizeof whole);
    for (;;) {
        size_t total = 2 * (table->n_columns - 1), widest = SIZE_MAX;
        for (size_t c = 0; c < table->n_columns; c++) {
            total += widths[c];
            bool can = table->columns[c].is_cut && widths[c] > NARROWEST;
            if (can && (widest == SIZE_MAX || widths[c] > widths[widest])) widest = c;
        }
        if (total <= room) return;
        if (widest == SIZE_MAX) break;
        widths[widest]--;
    }
    memcpy(widths, whole, sizeof whole);
}

static void measure(const cli_table *table, const cli_terminal *terminal, size_t *widths) {
    for (size_t c = 0; c < table->n_columns; c++)
        widths[c] = cli_text_width(table->columns[c].name);
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t width = cli_text_width(table->cells[i]), c = i % table->n_columns;
        if (width > widths[c]) widths[c] = width;
    }
    if (terminal->is_terminal) narrow(table, widths, cli_terminal_get_width(terminal));
}

/* The text, or its beginning and its end. */
static void print_cut(const char *text, size_t width, const cli_terminal *terminal) {
    const char *gap = terminal->has_utf8 ? "\u2026" : "..";
    size_t n_gap = cli_text_width(gap), kept = width > n_gap ? width - n_gap : 0;
    const char *end = text;
    while (cli_text_width(end) > kept / 2) {
        size_t n = cli_text_clip(end, 1);
        end += n ? n : 1; /* a character wider than a column */
    }
    printf("%.*s%s%s", (int)cli_text_clip(text, kept - kept / 2), text, gap, end);
}

static void print_cell(const cli_column *column, const cli_terminal *terminal, const char *text,
                       size_t width, bool is_last) {
    size_t used = cli_text_width(text);
    int pad = used < width ? (int)(width - used) : 0;
    if (column->is_right) printf("%*s", pad, "");
    if (used > width)
        print_cut(text, width, terminal);
    else
        fputs(text, stdout);
    if (!column->is_right && !is_last) printf("%*s", pad, "");
    if (!is_last) fputs("  ", stdout);
}

static void print_rule(const cli_table *table, const cli_terminal *terminal, const size_t *widths) {
    size_t n = 2 * (table->n_columns - 1);
    for (size_t c = 0; c < table->n_columns; c++) n += widths[c];
    fputs(cli_terminal_style(terminal, CLI_DIM), stdout);
    for (size_t i = 0; i < n; i++) fputs(terminal->has_utf8 ? "\u2500" : "-", stdout);
    printf("%s\n", cli_terminal_style(terminal, CLI_PLAIN));
}

int cli_table_print(const cli_table *table) {
    if (!table || table->has_failed) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    size_t widths[MOST_COLUMNS] = {0};
    cli_terminal terminal = cli_terminal_open(stdout);
    measure(table, &terminal, widths);
    fputs(cli_terminal_style(&terminal, CLI_BOLD), stdout);
    size_t n_named = table->n_columns;
    while (n_named > 0 && !*table->columns[n_named - 1].name) n_named--;
    for (size_t c = 0; c < n_named; c++)
        print_cell(&table->columns[c], &terminal, table->columns[c].name, widths[c],
                   c + 1 == n_named);
    printf("%s\n", cli_terminal_style(&terminal, CLI_PLAIN));
    for (size_t i = 0; i + table->n_columns <= table->n_cells; i += table->n_columns) {
        size_t n_used = table->n_columns; /* no spaces at the end of a line */
        while (n_used > 0 && !*table->cells[i + n_used - 1]) n_used--;
        if (i == table->rule) print_rule(table, &terminal, widths);
        for (size_t c = 0; c < n_used; c++)
            print_cell(&table->columns[c], &terminal, table->cells[i + c], widths[c],
                       c + 1 == n_used);
        putchar('\n');
    }
    return CLI_DONE;
}
