/*
 * Reading a .stim.csv.
 *
 * Method: the file is cut into lines here (LF, CRLF or CR), so that every message has its line.
 * Lines up to `data=` are key=value; after it each line that is not blank is one row, and libcsv in
 * strict mode takes its fields apart. A quoted field therefore ends on the line it began on. Spaces
 * around an unquoted field, a key or a value are not part of it.
 *
 * Source: DNNBrain's Stimulus.load for the format; RFC 4180 for the quoting.
 */
#include <csv.h>
#include <string.h>

#include "core/file.h"
#include "stim/table.h"

static const size_t largest_file_bytes = (size_t)1 << 30;
static const size_t largest_line_bytes = (size_t)1 << 16;

typedef struct reader {
    dnnb_stimulus *stim;
    const char *file;
    const char *at, *end; /* what is left of the file */
    size_t line;          /* 1-based number of the line read last */
    struct csv_parser csv;
    size_t n_fields; /* fields seen in this row */
    bool empty_name; /* a column without a name was seen */
    bool empty_id;   /* the row's stimID is empty */
    bool has_data;   /* the line `data=` was seen */
    size_t type_line, path_line;
} reader;

typedef struct line {
    const char *text;
    size_t n;
} line;

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static line trim(line l) {
    while (l.n && is_space(l.text[0])) {
        l.text++;
        l.n--;
    }
    while (l.n && is_space(l.text[l.n - 1])) l.n--;
    return l;
}

static dnnb_status check_line(const reader *r, line l) {
    if (l.n > largest_line_bytes)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s:%zu: expected a line of at most %zu bytes, found %zu",
                          r->file, r->line, largest_line_bytes, l.n);
    if (l.n && memchr(l.text, '\0', l.n))
        return dnnb__fail(DNNB_ERR_FORMAT, "%s:%zu: expected text, found a NUL byte", r->file,
                          r->line);
    if (!dnnb__utf8_is_valid(l.text, l.n))
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s:%zu: expected UTF-8, found bytes of another encoding: save the file "
                          "as UTF-8",
                          r->file, r->line);
    return DNNB_OK;
}

/* The next line that is not blank, spaces around it taken off; l->text is NULL at the end. */
static dnnb_status next_line(reader *r, line *l) {
    *l = (line){0};
    while (r->at < r->end) {
        const char *stop = r->at;
        while (stop < r->end && *stop != '\n' && *stop != '\r') stop++;
        line raw = {r->at, (size_t)(stop - r->at)};
        r->at = stop + (stop < r->end);
        if (stop < r->end && *stop == '\r' && r->at < r->end && *r->at == '\n') r->at++;
        r->line++;
        DNNB_TRY(check_line(r, raw));
        raw = trim(raw);
        if (raw.n) {
            *l = raw;
            return DNNB_OK;
        }
    }
    return DNNB_OK;
}

/* libcsv's callbacks have a size and no sign of failure; the table remembers its own. */
static void on_column(void *text, size_t n, void *data) {
    reader *r = data;
    if (n == 0) r->empty_name = true;
    dnnb__stimulus_add_column(r->stim, text, n);
}

static void on_field(void *text, size_t n, void *data) {
    reader *r = data;
    if (r->n_fields < r->stim->n_columns) dnnb__stimulus_add_field(r->stim, text, n);
    if (r->n_fields == r->stim->id_column && n == 0) r->empty_id = true;
    r->n_fields++;
}

static dnnb_status split_fields(reader *r, line l, void (*on_each)(void *, size_t, void *)) {
    size_t n = csv_parse(&r->csv, l.text, l.n, on_each, NULL, r);
    if (n == l.n && csv_fini(&r->csv, on_each, NULL, r) == 0) return DNNB_OK;
    if (csv_error(&r->csv) == CSV_ENOMEM) return dnnb__fail_memory();
    if (n == l.n)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s:%zu: expected a closing '\"' on the same line, found none", r->file,
                          r->line);
    return dnnb__fail(DNNB_ERR_FORMAT,
                      "%s:%zu: expected '\"' around a whole field and doubled inside it, found "
                      "'%s'",
                      r->file, r->line, dnnb__clip_create(l.text, l.n).text);
}

static dnnb_status check_type(const reader *r) {
    const char *type = dnnb_stimulus_get_header(r->stim, "type");
    if (!type)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s:%zu: expected a line 'type=image' before 'data=', found none",
                          r->file, r->line);
    if (strcmp(type, "image") == 0) return DNNB_OK;
    bool video = strcmp(type, "video") == 0 || strcmp(type, "video_clip") == 0;
    return dnnb__fail(video ? DNNB_ERR_UNSUPPORTED : DNNB_ERR_FORMAT,
                      "%s:%zu: type: expected image, found '%s'%s", r->file, r->type_line,
                      dnnb__clip_create(type, strlen(type)).text,
                      video ? ", which is not supported" : "");
}

/* Set the folder to the header's path as it stands, or else beside the CSV, whichever exists. */
static dnnb_status resolve_folder(reader *r) {
    const char *path = dnnb_stimulus_get_header(r->stim, "path");
    if (!path || path[0] == '\0')
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s:%zu: expected a line 'path=FOLDER' before 'data=', found %s", r->file,
                          path ? r->path_line : r->line, path ? "one without a folder" : "none");
    bool is_there;
    DNNB_TRY(dnnb__folder_find(&is_there, path));
    if (is_there) return dnnb__stimulus_set_folder(r->stim, path);
    char *folder = NULL, *beside = NULL;
    dnnb_status status = dnnb__path_get_folder(&folder, r->file);
    if (status == DNNB_OK) status = dnnb__path_join(&beside, folder, path);
    if (status == DNNB_OK) status = dnnb__folder_find(&is_there, beside);
    if (status != DNNB_OK) goto done;
    if (is_there)
        status = dnnb__stimulus_set_folder(r->stim, beside);
    else if (path[0] == '/' || !strchr(r->file, '/'))
        status = dnnb__fail(DNNB_ERR_IO, "%s:%zu: path: expected a folder, found none at '%s'",
                            r->file, r->path_line, path);
    else
        status = dnnb__fail(DNNB_ERR_IO,
                            "%s:%zu: path: expected a folder, found none at '%s' (from the "
                            "current folder) nor at '%s'",
                            r->file, r->path_line, path, beside);
done:
    dnnb__free(folder);
    dnnb__free(beside);
    return status;
}

static dnnb_status check_columns(const reader *r) {
    const dnnb_stimulus *stim = r->stim;
    if (stim->n_columns == 0 || r->empty_name)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s:%zu: data: expected names of columns, found %s",
                          r->file, r->line, stim->n_columns ? "a column without a name" : "none");
    for (size_t c = 0; c < stim->n_columns; c++) {
        const char *name = dnnb_stimulus_get_column_name(stim, c);
        if (dnnb_stimulus_find_column(stim, name) != c)
            return dnnb__fail(DNNB_ERR_FORMAT,
                              "%s:%zu: data: expected each column once, found '%s' twice", r->file,
                              r->line, dnnb__clip_create(name, strlen(name)).text);
    }
    if (stim->id_column == SIZE_MAX)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s:%zu: data: expected a column 'stimID', found none",
                          r->file, r->line);
    return DNNB_OK;
}

/* Whether the table could take what was put in. */
static dnnb_status check_table(const reader *r) {
    dnnb_status status = dnnb__stimulus_get_status(r->stim);
    return status == DNNB_OK ? status : dnnb__fail_prefix(status, "%s:%zu", r->file, r->line);
}

/* The line `data=` ends the headers: all that they must hold is checked here. */
static dnnb_status read_data(reader *r, line value) {
    DNNB_TRY(check_type(r));
    DNNB_TRY(resolve_folder(r));
    DNNB_TRY(split_fields(r, value, on_column));
    DNNB_TRY(check_table(r));
    DNNB_TRY(check_columns(r));
    r->has_data = true;
    return DNNB_OK;
}

static dnnb_status read_header(reader *r, line l) {
    const char *equals = memchr(l.text, '=', l.n);
    line key = trim((line){l.text, equals ? (size_t)(equals - l.text) : 0});
    if (key.n == 0)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s:%zu: expected 'key=value', or 'data=' and the names of the columns "
                          "before the first row, found '%s'",
                          r->file, r->line, dnnb__clip_create(l.text, l.n).text);
    line value = trim((line){equals + 1, l.n - (size_t)(equals + 1 - l.text)});
    if (key.n == 4 && memcmp(key.text, "data", 4) == 0) return read_data(r, value);
    if (key.n == 4 && memcmp(key.text, "type", 4) == 0) r->type_line = r->line;
    if (key.n == 4 && memcmp(key.text, "path", 4) == 0) r->path_line = r->line;
    dnnb__stimulus_add_header(r->stim, key.text, key.n, value.text, value.n);
    return check_table(r);
}

/* Two lines of one key would leave it open which is meant. */
static dnnb_status check_header_once(const reader *r) {
    const dnnb_stimulus *stim = r->stim;
    if (r->has_data || stim->n_headers == 0) return DNNB_OK;
    const dnnb__stimulus_header *headers =
        (const dnnb__stimulus_header *)(const void *)stim->headers.data;
    const char *key = stim->text.data + headers[stim->n_headers - 1].key;
    for (size_t i = 0; i + 1 < stim->n_headers; i++)
        if (strcmp(stim->text.data + headers[i].key, key) == 0)
            return dnnb__fail(DNNB_ERR_FORMAT,
                              "%s:%zu: expected each header once, found '%s=' a second time",
                              r->file, r->line, dnnb__clip_create(key, strlen(key)).text);
    return DNNB_OK;
}

static dnnb_status read_row(reader *r, line l) {
    r->n_fields = 0;
    r->empty_id = false;
    DNNB_TRY(split_fields(r, l, on_field));
    if (r->n_fields != r->stim->n_columns)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s:%zu: expected %zu field%s, found %zu", r->file,
                          r->line, r->stim->n_columns, r->stim->n_columns == 1 ? "" : "s",
                          r->n_fields);
    if (r->empty_id)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s:%zu: stimID: expected an image's path, found none",
                          r->file, r->line);
    dnnb__stimulus_end_row(r->stim, r->line);
    return DNNB_OK;
}

static dnnb_status read_lines(reader *r) {
    line l;
    for (;;) {
        DNNB_TRY(next_line(r, &l));
        if (!l.text) break;
        if (r->has_data) {
            DNNB_TRY(read_row(r, l));
        } else {
            DNNB_TRY(read_header(r, l));
            DNNB_TRY(check_header_once(r));
        }
    }
    if (!r->has_data)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: expected a line 'data=' with the names of the columns, found none",
                          r->file);
    DNNB_TRY(check_table(r));
    if (r->stim->n_rows == 0)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: expected at least one row after the line 'data=', found none",
                          r->file);
    return DNNB_OK;
}

static dnnb_status check_start(reader *r) {
    size_t n = (size_t)(r->end - r->at);
    if (n == 0)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a .stim.csv, found an empty file",
                          r->file);
    if (n >= 2 && (memcmp(r->at, "\xFF\xFE", 2) == 0 || memcmp(r->at, "\xFE\xFF", 2) == 0))
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: expected UTF-8, found UTF-16: save the file as UTF-8", r->file);
    if (n >= 3 && memcmp(r->at, "\xEF\xBB\xBF", 3) == 0) r->at += 3;
    return DNNB_OK;
}

static void *csv_grow(void *block, size_t n) {
    return dnnb__realloc(block, n, 1);
}

dnnb_status dnnb__stimulus_parse(dnnb_stimulus **out, const char *bytes, size_t n_bytes,
                                 const char *csv_path) {
    *out = NULL;
    reader r = {.file = csv_path, .at = bytes, .end = bytes + n_bytes};
    (void)csv_init(&r.csv, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_realloc_func(&r.csv, csv_grow);
    csv_set_free_func(&r.csv, dnnb__free);
    /* A small file with a long `path` must not unfold into gigabytes of joined paths. */
    size_t text_cap_bytes = ((size_t)64 << 20) + 64 * n_bytes;
    dnnb_status status = dnnb__stimulus_new(&r.stim, csv_path, "", text_cap_bytes);
    if (status == DNNB_OK) status = check_start(&r);
    if (status == DNNB_OK) status = read_lines(&r);
    csv_free(&r.csv);
    if (status == DNNB_OK)
        *out = r.stim;
    else
        dnnb_stimulus_destroy(r.stim);
    return status;
}

dnnb_status dnnb_stimulus_load(dnnb_stimulus **out, const char *csv_path) {
    *out = NULL;
    char *bytes;
    size_t n_bytes;
    DNNB_TRY(dnnb__file_read(&bytes, &n_bytes, csv_path, largest_file_bytes));
    dnnb_status status = dnnb__stimulus_parse(out, bytes, n_bytes, csv_path);
    dnnb__free(bytes);
    return status;
}
