/*
 * The rows of a plain CSV over libcsv: RFC 4180, a header row first, fields in quotes over several
 * lines too. (A .stim.csv has lines of its own kind before its table: stim/reader.c.)
 */
#ifndef DNNB_STIM_CSV_H
#define DNNB_STIM_CSV_H

#include <stddef.h>

#include "core/status.h"

/** A row; its texts end with NUL and are good until the function returns. */
typedef struct dnnb__csv_row {
    size_t number; /* 1 is the header */
    size_t n;      /* as many as the header has */
    const char *const *fields;
} dnnb__csv_row;

typedef dnnb_status dnnb__csv_row_fn(void *context, const dnnb__csv_row *row);

/**
 * Call `on_row` with each row, until it fails.
 *
 * @param name For messages: "name: row 3: ...".
 * @error DNNB_ERR_FORMAT no row, another number of fields than the header's, wrong quotes, a NUL
 *        byte; DNNB_ERR_LIMIT a field of more than 1 MiB; what on_row gives, with the row put
 * before it; DNNB_ERR_MEMORY.
 */
DNNB_MUST_CHECK dnnb_status dnnb__csv_read(const char *bytes, size_t n_bytes, const char *name,
                                           dnnb__csv_row_fn *on_row, void *context);

#endif
