/*
 * The rows and columns behind a dnnb_stimulus.
 *
 * Method: every string lies in one block of text, ended by NUL, and the table holds offsets into
 * it, so that a million rows are a handful of allocations. A stimID is stored with the folder in
 * front ("folder/ants/x.jpg"): the path starts at the row's offset, the stimID at the field's.
 *
 * Invariant: fields holds n_rows * n_columns offsets, and rows holds n_rows entries, between calls
 * of dnnb__stimulus_end_row.
 */
#ifndef DNNB_STIM_TABLE_H
#define DNNB_STIM_TABLE_H

#include "dnnbrain/stimulus.h"

#include "core/mem.h"
#include "core/status.h"

enum { DNNB__STIMULUS_MAX_COLUMNS = 4096, DNNB__STIMULUS_MAX_HEADERS = 1000 };

/** What messages say of a file that is no image. */
#define DNNB__STIMULUS_AN_IMAGE "an image (JPEG, PNG, WebP, TIFF, GIF or BMP)"

typedef struct dnnb__stimulus_row {
    uint32_t line; /* 1-based; 0 when the row did not come from a file */
    uint32_t path; /* offset of the image's path */
} dnnb__stimulus_row;

typedef struct dnnb__stimulus_header {
    uint32_t key, value; /* offsets */
} dnnb__stimulus_header;

struct dnnb_stimulus {
    char *file;   /* as given to load, or "" */
    char *folder; /* as resolved; "" when the stimIDs are paths of their own */
    dnnb__buf text;
    dnnb__buf headers; /* dnnb__stimulus_header each */
    dnnb__buf columns; /* uint32_t each: offsets of the names */
    dnnb__buf fields;  /* uint32_t each, row after row */
    dnnb__buf rows;    /* dnnb__stimulus_row each */
    size_t n_headers, n_columns, n_rows;
    size_t id_column; /* index of stimID; SIZE_MAX until that column is added */
    size_t n_pending; /* fields added to the row that is not ended yet */
};

/** A .stim.csv in memory; csv_path stands for it in messages and beside it lies the folder. */
DNNB_MUST_CHECK dnnb_status dnnb__stimulus_parse(dnnb_stimulus **out, const char *bytes,
                                                 size_t n_bytes, const char *csv_path);

/** A new table without headers, columns or rows. @param text_cap_bytes Limit of all text in it. */
DNNB_MUST_CHECK dnnb_status dnnb__stimulus_new(dnnb_stimulus **out, const char *file,
                                               const char *folder, size_t text_cap_bytes);

/* The text need not end with NUL. After a failure these do nothing more:
 * dnnb__stimulus_get_status tells at the end. All columns come before the first field. */
void dnnb__stimulus_add_header(dnnb_stimulus *stim, const char *key, size_t n_key,
                               const char *value, size_t n_value);
void dnnb__stimulus_add_column(dnnb_stimulus *stim, const char *name, size_t n);
void dnnb__stimulus_add_field(dnnb_stimulus *stim, const char *text, size_t n);
void dnnb__stimulus_end_row(dnnb_stimulus *stim, size_t line);
DNNB_MUST_CHECK dnnb_status dnnb__stimulus_get_status(const dnnb_stimulus *stim);

/** Put another folder in; only before the first field. */
DNNB_MUST_CHECK dnnb_status dnnb__stimulus_set_folder(dnnb_stimulus *stim, const char *folder);

/** A new set of the same headers and columns with these rows of it. */
DNNB_MUST_CHECK dnnb_status dnnb__stimulus_select(dnnb_stimulus **out, const dnnb_stimulus *stim,
                                                  const uint32_t *rows, size_t n);

/** Put "file:line: " before the message, or the stimID where there is no file; returns `code`. */
DNNB_MUST_CHECK dnnb_status dnnb__stimulus_fail_at(const dnnb_stimulus *stim, size_t row,
                                                   dnnb_status code);

/** The beginning of a text for a message, cut between characters. */
typedef struct dnnb__clip {
    char text[64];
} dnnb__clip;
dnnb__clip dnnb__clip_create(const char *text, size_t n);

/** True when the bytes are UTF-8: shortest forms only, no surrogates, at most U+10FFFF. */
bool dnnb__utf8_is_valid(const char *text, size_t n);

#endif
