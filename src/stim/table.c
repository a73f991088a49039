/* The table of a stimulus set: building it, reading it, and the text helpers of the folder. */
#include "stim/table.h"

#include <string.h>

/* Offsets are 32 bits wide: four bytes a field instead of eight. */
static const size_t largest_text_bytes = UINT32_MAX - 1u;

static const char *text_at(const dnnb_stimulus *stim, uint32_t offset) {
    return stim->text.data + offset;
}

static const uint32_t *get_offsets(const dnnb__buf *buf) {
    return (const uint32_t *)(const void *)buf->data;
}

static const dnnb__stimulus_row *get_row(const dnnb_stimulus *stim, size_t i) {
    DNNB_ASSERT(i < stim->n_rows);
    return (const dnnb__stimulus_row *)(const void *)stim->rows.data + i;
}

static const dnnb__stimulus_header *get_headers(const dnnb_stimulus *stim) {
    return (const dnnb__stimulus_header *)(const void *)stim->headers.data;
}

dnnb_status dnnb__stimulus_new(dnnb_stimulus **out, const char *file, const char *folder,
                               size_t text_cap_bytes) {
    *out = NULL;
    dnnb_stimulus *stim = dnnb__calloc(1, sizeof *stim);
    if (!stim) return dnnb__fail_memory();
    if (text_cap_bytes > largest_text_bytes) text_cap_bytes = largest_text_bytes;
    dnnb__buf_init(&stim->text, text_cap_bytes);
    dnnb__buf_init(&stim->headers, DNNB__STIMULUS_MAX_HEADERS * sizeof(dnnb__stimulus_header));
    dnnb__buf_init(&stim->columns, DNNB__STIMULUS_MAX_COLUMNS * sizeof(uint32_t));
    /* Each field and each row takes at least a byte of text, so these follow its cap. */
    dnnb__buf_init(&stim->fields, text_cap_bytes * sizeof(uint32_t));
    dnnb__buf_init(&stim->rows, text_cap_bytes * sizeof(dnnb__stimulus_row));
    stim->id_column = SIZE_MAX;
    stim->file = dnnb__strdup(file);
    stim->folder = dnnb__strdup(folder);
    if (!stim->file || !stim->folder) {
        dnnb_stimulus_destroy(stim);
        return dnnb__fail_memory();
    }
    *out = stim;
    return DNNB_OK;
}

void dnnb_stimulus_destroy(dnnb_stimulus *stim) {
    if (!stim) return;
    dnnb__buf_destroy(&stim->text);
    dnnb__buf_destroy(&stim->headers);
    dnnb__buf_destroy(&stim->columns);
    dnnb__buf_destroy(&stim->fields);
    dnnb__buf_destroy(&stim->rows);
    dnnb__free(stim->file);
    dnnb__free(stim->folder);
    dnnb__free(stim);
}

dnnb_status dnnb__stimulus_set_folder(dnnb_stimulus *stim, const char *folder) {
    DNNB_ASSERT(stim->n_rows == 0 && stim->n_pending == 0);
    char *copy = dnnb__strdup(folder);
    if (!copy) return dnnb__fail_memory();
    dnnb__free(stim->folder);
    stim->folder = copy;
    return DNNB_OK;
}

/* Append to the text and return where it begins; after a failure the value means nothing. */
static uint32_t add_text(dnnb_stimulus *stim, const char *text, size_t n) {
    uint32_t offset = (uint32_t)stim->text.n_bytes;
    dnnb__buf_append(&stim->text, text, n);
    dnnb__buf_append(&stim->text, "", 1);
    return offset;
}

void dnnb__stimulus_add_header(dnnb_stimulus *stim, const char *key, size_t n_key,
                               const char *value, size_t n_value) {
    dnnb__stimulus_header header;
    header.key = add_text(stim, key, n_key);
    header.value = add_text(stim, value, n_value);
    dnnb__buf_append(&stim->headers, &header, sizeof header);
    stim->n_headers = stim->headers.n_bytes / sizeof header;
}

void dnnb__stimulus_add_column(dnnb_stimulus *stim, const char *name, size_t n) {
    uint32_t offset = add_text(stim, name, n);
    if (stim->id_column == SIZE_MAX && n == strlen("stimID") && memcmp(name, "stimID", n) == 0)
        stim->id_column = stim->n_columns;
    dnnb__buf_append(&stim->columns, &offset, sizeof offset);
    stim->n_columns = stim->columns.n_bytes / sizeof offset;
}

void dnnb__stimulus_add_field(dnnb_stimulus *stim, const char *text, size_t n) {
    uint32_t offset;
    if (stim->n_pending++ == stim->id_column) {
        dnnb__stimulus_row row = {.path = (uint32_t)stim->text.n_bytes};
        size_t n_folder = strlen(stim->folder);
        if (n_folder && !(n && text[0] == '/')) {
            dnnb__buf_append(&stim->text, stim->folder, n_folder);
            if (stim->folder[n_folder - 1] != '/') dnnb__buf_append(&stim->text, "/", 1);
        }
        dnnb__buf_append(&stim->rows, &row, sizeof row);
    }
    offset = add_text(stim, text, n);
    dnnb__buf_append(&stim->fields, &offset, sizeof offset);
}

void dnnb__stimulus_end_row(dnnb_stimulus *stim, size_t line) {
    size_t n_fields = stim->n_pending;
    stim->n_pending = 0;
    if (stim->columns.status != DNNB_OK || stim->rows.status != DNNB_OK) return;
    DNNB_ASSERT(n_fields == stim->n_columns);
    dnnb__stimulus_row *row = (dnnb__stimulus_row *)(void *)stim->rows.data + stim->n_rows++;
    row->line = (uint32_t)line;
}

dnnb_status dnnb__stimulus_get_status(const dnnb_stimulus *stim) {
    const dnnb__buf *bufs[] = {&stim->text, &stim->headers, &stim->columns, &stim->fields,
                               &stim->rows};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++) {
        if (bufs[i]->status == DNNB_ERR_LIMIT && bufs[i] == &stim->headers)
            return dnnb__fail(DNNB_ERR_LIMIT, "expected at most %d header lines",
                              DNNB__STIMULUS_MAX_HEADERS);
        if (bufs[i]->status == DNNB_ERR_LIMIT && bufs[i] == &stim->columns)
            return dnnb__fail(DNNB_ERR_LIMIT, "expected at most %d columns",
                              DNNB__STIMULUS_MAX_COLUMNS);
        DNNB_TRY(dnnb__buf_get_status(bufs[i]));
    }
    return DNNB_OK;
}

/* Headers and columns of `from`, by text: offsets differ from set to set. */
static void copy_frame(dnnb_stimulus *to, const dnnb_stimulus *from) {
    const dnnb__stimulus_header *headers = get_headers(from);
    for (size_t i = 0; i < from->n_headers; i++) {
        const char *key = text_at(from, headers[i].key), *value = text_at(from, headers[i].value);
        dnnb__stimulus_add_header(to, key, strlen(key), value, strlen(value));
    }
    for (size_t c = 0; c < from->n_columns; c++) {
        const char *name = dnnb_stimulus_get_column_name(from, c);
        dnnb__stimulus_add_column(to, name, strlen(name));
    }
}

dnnb_status dnnb__stimulus_select(dnnb_stimulus **out, const dnnb_stimulus *stim,
                                  const uint32_t *rows, size_t n) {
    dnnb_stimulus *copy;
    *out = NULL;
    DNNB_TRY(dnnb__stimulus_new(&copy, stim->file, stim->folder, largest_text_bytes));
    copy_frame(copy, stim);
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < stim->n_columns; c++) {
            const char *field = dnnb_stimulus_get_field(stim, rows[i], c);
            dnnb__stimulus_add_field(copy, field, strlen(field));
        }
        dnnb__stimulus_end_row(copy, dnnb_stimulus_get_line(stim, rows[i]));
    }
    dnnb_status status = dnnb__stimulus_get_status(copy);
    if (status == DNNB_OK)
        *out = copy;
    else
        dnnb_stimulus_destroy(copy);
    return status;
}

dnnb_status dnnb_stimulus_create(dnnb_stimulus **out, const char *const *paths, size_t n) {
    *out = NULL;
    if (n == 0) return dnnb__fail(DNNB_ERR_ARGUMENT, "expected at least one image, found none");
    dnnb_stimulus *stim;
    DNNB_TRY(dnnb__stimulus_new(&stim, "", "", largest_text_bytes));
    dnnb__stimulus_add_header(stim, "type", 4, "image", 5);
    dnnb__stimulus_add_header(stim, "path", 4, "", 0);
    dnnb__stimulus_add_column(stim, "stimID", 6);
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; i < n && status == DNNB_OK; i++) {
        if (paths[i][0] == '\0')
            status = dnnb__fail(DNNB_ERR_ARGUMENT, "expected the path of image %zu, found \"\"", i);
        dnnb__stimulus_add_field(stim, paths[i], strlen(paths[i]));
        dnnb__stimulus_end_row(stim, 0);
    }
    if (status == DNNB_OK) status = dnnb__stimulus_get_status(stim);
    if (status == DNNB_OK)
        *out = stim;
    else
        dnnb_stimulus_destroy(stim);
    return status;
}

size_t dnnb_stimulus_get_count(const dnnb_stimulus *stim) {
    return stim->n_rows;
}

const char *dnnb_stimulus_get_file(const dnnb_stimulus *stim) {
    return stim->file;
}

const char *dnnb_stimulus_get_folder(const dnnb_stimulus *stim) {
    return stim->folder;
}

size_t dnnb_stimulus_get_line(const dnnb_stimulus *stim, size_t i) {
    return get_row(stim, i)->line;
}

const char *dnnb_stimulus_get_path(const dnnb_stimulus *stim, size_t i) {
    return text_at(stim, get_row(stim, i)->path);
}

const char *dnnb_stimulus_get_id(const dnnb_stimulus *stim, size_t i) {
    return dnnb_stimulus_get_field(stim, i, stim->id_column);
}

const char *dnnb_stimulus_get_header(const dnnb_stimulus *stim, const char *key) {
    const dnnb__stimulus_header *headers = get_headers(stim);
    for (size_t i = 0; i < stim->n_headers; i++)
        if (strcmp(text_at(stim, headers[i].key), key) == 0) return text_at(stim, headers[i].value);
    return NULL;
}

size_t dnnb_stimulus_get_n_columns(const dnnb_stimulus *stim) {
    return stim->n_columns;
}

const char *dnnb_stimulus_get_column_name(const dnnb_stimulus *stim, size_t column) {
    DNNB_ASSERT(column < stim->n_columns);
    return text_at(stim, get_offsets(&stim->columns)[column]);
}

size_t dnnb_stimulus_find_column(const dnnb_stimulus *stim, const char *name) {
    for (size_t c = 0; c < stim->n_columns; c++)
        if (strcmp(dnnb_stimulus_get_column_name(stim, c), name) == 0) return c;
    return SIZE_MAX;
}

const char *dnnb_stimulus_get_field(const dnnb_stimulus *stim, size_t row, size_t column) {
    DNNB_ASSERT(row < stim->n_rows && column < stim->n_columns);
    return text_at(stim, get_offsets(&stim->fields)[row * stim->n_columns + column]);
}

dnnb_status dnnb__stimulus_fail_at(const dnnb_stimulus *stim, size_t row, dnnb_status code) {
    if (stim->file[0] == '\0')
        return dnnb__fail_prefix(code, "%s", dnnb_stimulus_get_id(stim, row));
    return dnnb__fail_prefix(code, "%s:%zu", stim->file, dnnb_stimulus_get_line(stim, row));
}

dnnb__clip dnnb__clip_create(const char *text, size_t n) {
    dnnb__clip clip;
    size_t room = sizeof clip.text - sizeof "...";
    bool cut = n > room;
    if (cut) {
        n = room;
        while (n && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
    }
    memcpy(clip.text, text, n);
    memcpy(clip.text + n, cut ? "..." : "", cut ? sizeof "..." : 1);
    return clip;
}

/* Bytes of the character at p, 0 when there is no valid one. */
static size_t utf8_length(const unsigned char *p, size_t left) {
    static const struct {
        unsigned char first, last, second_first, second_last;
        size_t length;
    } forms[] = {
        {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        if (p[0] < forms[f].first || p[0] > forms[f].last) continue;
        if (forms[f].length > left) return 0;
        if (forms[f].length > 1 && (p[1] < forms[f].second_first || p[1] > forms[f].second_last))
            return 0;
        for (size_t i = 2; i < forms[f].length; i++)
            if ((p[i] & 0xC0) != 0x80) return 0;
        return forms[f].length;
    }
    return 0;
}

bool dnnb__utf8_is_valid(const char *text, size_t n) {
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;
    while (i < n) {
        size_t length = p[i] < 0x80 ? 1 : utf8_length(p + i, n - i);
        if (length == 0) return false;
        i += length;
    }
    return true;
}
