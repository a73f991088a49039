/*
 * Rows over libcsv.
 *
 * Method: the fields of a row are collected one after another, each ended by NUL, and handed over
 * when the row ends. libcsv's callbacks cannot stop it, so it is given the file in pieces, and what
 * it says after a failure is not heard.
 */
#include "stim/csv.h"

#include <csv.h>
#include <string.h>

#include "core/mem.h"

enum { PIECE_BYTES = 1 << 14, BLOCK_BYTES = 1 << 12, MAX_FIELD_BYTES = 1 << 20 };

typedef struct reader {
    const char *name;
    dnnb__csv_row_fn *on_row;
    void *context;
    dnnb__buf text;    /* the row's fields */
    dnnb__buf offsets; /* size_t each: where they begin in it */
    dnnb__buf fields;  /* const char * each */
    size_t n_rows, n_columns, n_fields;
    dnnb_status status;
} reader;

static void on_field(void *text, size_t n, void *data) {
    reader *r = data;
    if (r->status != DNNB_OK) return;
    size_t at = r->text.n_bytes;
    dnnb__buf_append(&r->offsets, &at, sizeof at);
    dnnb__buf_append(&r->text, text, n);
    dnnb__buf_append(&r->text, "", 1);
    r->n_fields++;
}

static dnnb_status finish_fields(reader *r) {
    DNNB_TRY(dnnb__buf_get_status(&r->text));
    DNNB_TRY(dnnb__buf_get_status(&r->offsets));
    if (r->n_columns == 0) r->n_columns = r->n_fields;
    if (r->n_fields != r->n_columns)
        return dnnb__fail(DNNB_ERR_FORMAT, "expected %zu field%s, found %zu", r->n_columns,
                          r->n_columns == 1 ? "" : "s", r->n_fields);
    const size_t *offsets = (const size_t *)(const void *)r->offsets.data;
    r->fields.n_bytes = 0;
    for (size_t i = 0; i < r->n_fields; i++) {
        const char *field = r->text.data + offsets[i];
        dnnb__buf_append(&r->fields, &field, sizeof field);
    }
    return dnnb__buf_get_status(&r->fields);
}

static void on_end(int last, void *data) {
    reader *r = data;
    (void)last;
    if (r->status != DNNB_OK) return;
    r->n_rows++;
    r->status = finish_fields(r);
    if (r->status == DNNB_OK) {
        dnnb__csv_row row = {.number = r->n_rows,
                             .n = r->n_fields,
                             .fields = (const char *const *)(const void *)r->fields.data};
        r->status = r->on_row(r->context, &row);
    }
    if (r->status != DNNB_OK)
        r->status = dnnb__fail_prefix(r->status, "%s: row %zu", r->name, r->n_rows);
    r->n_fields = r->text.n_bytes = r->offsets.n_bytes = 0;
}

/* libcsv grows by whole blocks, each time with a copy of all before. */
static void *csv_grow(void *block, size_t n) {
    return n > MAX_FIELD_BYTES ? NULL : dnnb__realloc(block, n, 1);
}

/* Spaces are a part of what was written. */
static int is_no_space(unsigned char c) {
    (void)c;
    return 0;
}

static dnnb_status fail_csv(reader *r, struct csv_parser *csv) {
    if (r->status != DNNB_OK) return r->status;
    if (csv_error(csv) == CSV_ENOMEM && csv_get_buffer_size(csv) < MAX_FIELD_BYTES)
        return dnnb__fail_memory();
    if (csv_error(csv) == CSV_ENOMEM)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: row %zu: expected fields of at most %d bytes",
                          r->name, r->n_rows + 1, MAX_FIELD_BYTES);
    return dnnb__fail(DNNB_ERR_FORMAT,
                      "%s: row %zu: expected '\"' around a whole field and doubled inside it",
                      r->name, r->n_rows + 1);
}

static dnnb_status parse(reader *r, struct csv_parser *csv, const char *bytes, size_t n_bytes) {
    for (size_t at = 0; at < n_bytes; at += PIECE_BYTES) {
        size_t n = n_bytes - at < PIECE_BYTES ? n_bytes - at : PIECE_BYTES;
        if (csv_parse(csv, bytes + at, n, on_field, on_end, r) != n || r->status != DNNB_OK)
            return fail_csv(r, csv);
    }
    if (csv_fini(csv, on_field, on_end, r) != 0 || r->status != DNNB_OK) return fail_csv(r, csv);
    if (r->n_rows > 0) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a row of names, found none", r->name);
}

dnnb_status dnnb__csv_read(const char *bytes, size_t n_bytes, const char *name,
                           dnnb__csv_row_fn *on_row, void *context) {
    reader r = {.name = name, .on_row = on_row, .context = context, .status = DNNB_OK};
    struct csv_parser csv;
    size_t cap_bytes = 16 * n_bytes + (1 << 16);
    if (n_bytes && memchr(bytes, '\0', n_bytes))
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected text, found a NUL byte", name);
    (void)csv_init(&csv, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_realloc_func(&csv, csv_grow);
    csv_set_free_func(&csv, dnnb__free);
    csv_set_blk_size(&csv, BLOCK_BYTES);
    csv_set_space_func(&csv, is_no_space);
    dnnb__buf_init(&r.text, cap_bytes);
    dnnb__buf_init(&r.offsets, cap_bytes);
    dnnb__buf_init(&r.fields, cap_bytes);
    dnnb_status status = parse(&r, &csv, bytes, n_bytes);
    csv_free(&csv);
    dnnb__buf_destroy(&r.text);
    dnnb__buf_destroy(&r.offsets);
    dnnb__buf_destroy(&r.fields);
    return status;
}
