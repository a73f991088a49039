/*
 * A table for people: columns as wide as what stands in them, numbers at the right, totals below a
 * rule. On a terminal that is too narrow, columns that may be cut lose their middle; elsewhere
 * nothing is cut.
 */
#ifndef DNNB_CLI_TABLE_H
#define DNNB_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

typedef struct cli_column {
    const char *name;
    bool is_right; /* numbers */
    bool is_cut;   /* may lose its middle on a narrow terminal */
} cli_column;

typedef struct cli_table cli_table;

/** @return NULL when memory is short; the functions below take that, and the print tells it. */
cli_table *cli_table_create(const cli_column *columns, size_t n_columns);
void cli_table_destroy(cli_table *table);
/** The next cell: of the row that is not full yet, or of a new one. */
void cli_table_add(cli_table *table, const char *format, ...) DNNB_PRINTF(2, 3);
/** What follows stands below a rule. */
void cli_table_add_rule(cli_table *table);
/** Print it on standard output. The exit status, having said what went wrong. */
int cli_table_print(const cli_table *table);

#endif
