/*
 * Writing a .stim.csv: header lines in their order with `path` made absolute, the names of the
 * columns, and the rows, quoted where a field could be read in another way.
 *
 * Invariant: what is written loads again, from any folder, with the same fields. Text that the
 * format cannot hold is refused before anything is written.
 */
#include <limits.h>
#include <string.h>

#include "core/file.h"
#include "stim/table.h"

static bool is_plain_line(const char *text) {
    return !strpbrk(text, "\r\n") && dnnb__utf8_is_valid(text, strlen(text));
}

static dnnb_status check_text(const dnnb_stimulus *stim, const char *csv_path) {
    for (size_t i = 0; i < stim->n_rows; i++)
        for (size_t c = 0; c < stim->n_columns; c++) {
            const char *field = dnnb_stimulus_get_field(stim, i, c);
            if (is_plain_line(field)) continue;
            return dnnb__fail(DNNB_ERR_FORMAT,
                              "%s: %s: expected UTF-8 without line ends, found '%s' in row %zu",
                              csv_path, dnnb_stimulus_get_column_name(stim, c),
                              dnnb__clip_create(field, strlen(field)).text, i + 1);
        }
    return DNNB_OK;
}

/* Quotes keep commas, quotes and spaces at the ends. */
static void append_field(dnnb__buf *buf, const char *field, bool first) {
    size_t n = strlen(field);
    bool edge = n && (strchr(" \t", field[0]) || strchr(" \t", field[n - 1]));
    if (!first) dnnb__buf_append(buf, ",", 1);
    if (!edge && !strpbrk(field, ",\"")) {
        dnnb__buf_append(buf, field, n);
        return;
    }
    dnnb__buf_append(buf, "\"", 1);
    for (const char *p = field; *p; p++) {
        if (*p == '"') dnnb__buf_append(buf, p, 1);
        dnnb__buf_append(buf, p, 1);
    }
    dnnb__buf_append(buf, "\"", 1);
}

/* The folder as an absolute path. A space at its end would be taken off by a reader: "/." stays. */
static dnnb_status append_folder(dnnb__buf *buf, const dnnb_stimulus *stim, const char *csv_path) {
    const char *folder = stim->folder[0] ? stim->folder : ".";
    char absolute[PATH_MAX];
    if (!realpath(folder, absolute))
        return dnnb__fail(DNNB_ERR_IO, "%s: path: expected a folder, found none at '%s'", csv_path,
                          folder);
    size_t n = strlen(absolute);
    if (!is_plain_line(absolute))
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: path: expected UTF-8 without line ends, found '%s'",
                          csv_path, dnnb__clip_create(absolute, n).text);
    dnnb__buf_printf(buf, "%s%s\n", absolute, strchr(" \t", absolute[n - 1]) ? "/." : "");
    return DNNB_OK;
}

static dnnb_status append_headers(dnnb__buf *buf, const dnnb_stimulus *stim, const char *csv_path) {
    const dnnb__stimulus_header *headers =
        (const dnnb__stimulus_header *)(const void *)stim->headers.data;
    for (size_t i = 0; i < stim->n_headers; i++) {
        const char *key = stim->text.data + headers[i].key;
        dnnb__buf_printf(buf, "%s=", key);
        if (strcmp(key, "path") == 0)
            DNNB_TRY(append_folder(buf, stim, csv_path));
        else
            dnnb__buf_printf(buf, "%s\n", stim->text.data + headers[i].value);
    }
    dnnb__buf_append(buf, "data=", 5);
    for (size_t c = 0; c < stim->n_columns; c++)
        append_field(buf, dnnb_stimulus_get_column_name(stim, c), c == 0);
    dnnb__buf_append(buf, "\n", 1);
    return dnnb__buf_get_status(buf);
}

static dnnb_status write_rows(dnnb__writer *w, const dnnb_stimulus *stim, dnnb__buf *buf) {
    for (size_t i = 0; i < stim->n_rows; i++) {
        buf->n_bytes = 0;
        for (size_t c = 0; c < stim->n_columns; c++)
            append_field(buf, dnnb_stimulus_get_field(stim, i, c), c == 0);
        dnnb__buf_append(buf, "\n", 1);
        DNNB_TRY(dnnb__buf_get_status(buf));
        DNNB_TRY(dnnb__writer_write(w, buf->data, buf->n_bytes));
    }
    return DNNB_OK;
}

dnnb_status dnnb_stimulus_save(const dnnb_stimulus *stim, const char *csv_path) {
    DNNB_TRY(check_text(stim, csv_path));
    dnnb__buf buf;
    dnnb__writer w = {0};
    dnnb__buf_init(&buf, (size_t)1 << 30);
    dnnb_status status = append_headers(&buf, stim, csv_path);
    if (status == DNNB_OK) status = dnnb__writer_create(&w, csv_path);
    if (status != DNNB_OK) goto done;
    status = dnnb__writer_write(&w, buf.data, buf.n_bytes);
    if (status == DNNB_OK) status = write_rows(&w, stim, &buf);
    if (status == DNNB_OK)
        status = dnnb__writer_commit(&w);
    else
        dnnb__writer_destroy(&w);
done:
    dnnb__buf_destroy(&buf);
    return status;
}
