/*
 * The run folder as a source of news.
 *
 * Method: files are looked at by their inode, size and time, and the lock by asking for it, so a
 * look costs some calls. Only when something has changed is the run read. A run renames files while
 * they are read one after the other, so what does not fit together is read again at the next look,
 * and what was read before stays; a failure that lasts is told while there is nothing else to show.
 */
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/io.h"
#include "dnnbrain/report.h"
#include "watch/watch.h"

static const double look_every_s = 0.5;
static const double share = 0.1; /* of a processor's time that reading may take */
static const double patience_s = 2;

static const char data_begin[] = "data: ", data_end[] = "\n\n";

/* Those whose change is news. */
static const char *const files[DNNB__SOURCE_FILES] = {
    "config.json", "train_dict.json", "history.csv", "predictions.csv", "log.jsonl", "lock"};
enum { LOCK = DNNB__SOURCE_FILES - 1 };

double dnnb__watch_now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void dnnb__news_release(dnnb__news *news) {
    if (!news || --news->n_users > 0) return;
    dnnb__free(news->bytes);
    dnnb__free(news);
}

/* Takes the bytes of `text` over. */
static dnnb_status create_news(dnnb__news **out, dnnb__buf *text) {
    dnnb_status status = dnnb__buf_get_status(text);
    *out = status == DNNB_OK ? dnnb__calloc(1, sizeof **out) : NULL;
    if (*out) {
        **out = (dnnb__news){.bytes = text->data, .n_bytes = text->n_bytes, .n_users = 1};
        return DNNB_OK;
    }
    dnnb__buf_destroy(text);
    return dnnb__fail_memory();
}

static void set_news(dnnb__source *s, dnnb__news *news) {
    dnnb__news_release(s->news);
    s->news = news;
    dnnb__free(s->page);
    s->page = NULL;
}

void dnnb__source_init(dnnb__source *s, const char *folder) {
    *s = (dnnb__source){.folder = folder, .failing_since_s = (double)NAN};
}

void dnnb__source_destroy(dnnb__source *s) {
    set_news(s, NULL);
    dnnb_record_destroy(s->record);
    s->record = NULL;
}

/* ---- looking ---- */

static bool is_locked(const char *path) {
    int fd = dnnb__io_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0) return false;
    bool answer = dnnb__io_is_locked(fd) != 0;
    close(fd);
    return answer;
}

static dnnb_status mark_files(const dnnb__source *s, dnnb__file_mark *marks, bool *locked) {
    memset(marks, 0, DNNB__SOURCE_FILES * sizeof *marks); /* padding is compared too */
    *locked = false;
    for (size_t i = 0; i < DNNB__SOURCE_FILES; i++) {
        char *path;
        struct stat st;
        DNNB_TRY(dnnb__path_join(&path, s->folder, files[i]));
        if (dnnb__io_stat(path, &st) == 0) {
            marks[i].device = st.st_dev;
            marks[i].inode = st.st_ino;
            marks[i].n_bytes = st.st_size;
            marks[i].changed = st.st_mtim;
            if (i == LOCK) *locked = is_locked(path);
        }
        dnnb__free(path);
    }
    return DNNB_OK;
}

/* ---- reading ---- */

static dnnb_status print_run(dnnb__news **out, const dnnb_record *record) {
    char *json;
    size_t n;
    dnnb__buf text;
    DNNB_TRY(dnnb_report_print_json(record, &json, &n));
    dnnb__buf_init(&text, n + 64);
    dnnb__buf_append(&text, data_begin, sizeof data_begin - 1);
    dnnb__buf_append(&text, json, n);
    dnnb__buf_append(&text, data_end, sizeof data_end - 1);
    dnnb__free(json);
    return create_news(out, &text);
}

static dnnb_status print_waiting(dnnb__news **out, const char *reason) {
    dnnb__buf text;
    dnnb__buf_init(&text, 1 << 16);
    dnnb__buf_printf(&text, "event: waiting\n%s", data_begin);
    size_t begin = text.n_bytes;
    dnnb__buf_printf(&text, "%s", reason);
    for (size_t i = begin; i < text.n_bytes; i++) /* a file's name may hold an end of line */
        if ((unsigned char)text.data[i] < 0x20) text.data[i] = '?';
    dnnb__buf_printf(&text, "%s", data_end);
    return create_news(out, &text);
}

/* There is nothing that can be read: say why, once that is no longer a run's renaming. */
static dnnb_status tell_waiting(dnnb__source *s, bool has_run) {
    bool is_lasting = dnnb__watch_now_s() - s->failing_since_s > patience_s;
    dnnb__news *news;
    if (s->record || (has_run && !is_lasting && s->news)) return DNNB_OK;
    DNNB_TRY(print_waiting(&news, has_run && is_lasting ? dnnb_get_error() : ""));
    bool is_same = s->news && s->news->n_bytes == news->n_bytes &&
                   memcmp(s->news->bytes, news->bytes, news->n_bytes) == 0;
    if (is_same)
        dnnb__news_release(news);
    else
        set_news(s, news);
    return DNNB_OK;
}

static dnnb_status read_run(dnnb__source *s, bool has_run) {
    dnnb_record *record;
    dnnb__news *news = NULL;
    dnnb_status status = dnnb_record_load(&record, s->folder);
    if (status == DNNB_OK) status = print_run(&news, record);
    if (status == DNNB_ERR_MEMORY) {
        dnnb_record_destroy(record);
        return status;
    }
    if (status != DNNB_OK) {
        dnnb_record_destroy(record);
        if (isnan(s->failing_since_s)) s->failing_since_s = dnnb__watch_now_s();
        return tell_waiting(s, has_run);
    }
    s->failing_since_s = (double)NAN;
    dnnb_record_destroy(s->record);
    s->record = record;
    set_news(s, news);
    return DNNB_OK;
}

dnnb_status dnnb__source_look(dnnb__source *s) {
    static const dnnb__file_mark absent;
    dnnb__file_mark marks[DNNB__SOURCE_FILES];
    bool locked;
    double begin_s = dnnb__watch_now_s();
    if (begin_s < s->next_look_s) return DNNB_OK;
    DNNB_TRY(mark_files(s, marks, &locked));
    bool is_same = s->has_read && isnan(s->failing_since_s) && locked == s->was_locked &&
                   memcmp(marks, s->marks, sizeof marks) == 0;
    if (!is_same) {
        bool has_run = false;
        for (size_t i = 0; i < LOCK; i++)
            has_run = has_run || memcmp(&marks[i], &absent, sizeof absent) != 0;
        DNNB_TRY(read_run(s, has_run));
        memcpy(s->marks, marks, sizeof marks);
        s->was_locked = locked;
        s->has_read = true;
    }
    double end_s = dnnb__watch_now_s();
    s->next_look_s = end_s + fmax(look_every_s, (end_s - begin_s) / share);
    return DNNB_OK;
}

/* ---- what is given out ---- */

static dnnb_status print_page(const dnnb__source *s, char **page, size_t *n_bytes) {
    static const char events[] = "/events";
    if (s->record) return dnnb_report_print_page(s->record, events, page, n_bytes);
    return dnnb__watch_print_waiting_page(s->folder, events, page, n_bytes);
}

dnnb_status dnnb__source_get_page(dnnb__source *s, const char **page, size_t *n_bytes) {
    if (!s->page) DNNB_TRY(print_page(s, &s->page, &s->n_page_bytes));
    *page = s->page;
    *n_bytes = s->n_page_bytes;
    return DNNB_OK;
}

const char *dnnb__source_get_json(const dnnb__source *s, size_t *n_bytes) {
    *n_bytes = 0;
    if (!s->record || !s->news) return NULL;
    *n_bytes = s->news->n_bytes - (sizeof data_begin - 1) - (sizeof data_end - 1);
    return s->news->bytes + sizeof data_begin - 1;
}
