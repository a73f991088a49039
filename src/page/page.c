/*
 * The page: its sources and its data in one HTML file.
 *
 * Method: page.html has a mark, "<!--NAME-->", where something is put in. Scripts and styles are
 * allowed by their sums in the content security policy, and nothing else is.
 */
#include <string.h>

#include "core/base64.h"
#include "core/file.h"
#include "page/page.h"

enum { MAX_PAGE_BYTES = 1 << 27 };

typedef struct writer {
    dnnb__buf out;
    const char *events; /* NULL for none */
    const char *json;
    size_t n_json;
} writer;

static void put_source(writer *w, const dnnb__page_source *source) {
    dnnb__buf_append(&w->out, source->bytes, source->n_bytes);
}

static void put_sum(writer *w, const dnnb__page_source *source) {
    char sum[DNNB__SHA256_BASE64];
    dnnb__base64_sha256(sum, source->bytes, source->n_bytes);
    dnnb__buf_printf(&w->out, " 'sha256-%s'", sum);
}

static void put_policy(writer *w) {
    dnnb__buf_printf(&w->out, "default-src 'none'; script-src");
    put_sum(w, &dnnb__page_chart_js);
    put_sum(w, &dnnb__page_js);
    dnnb__buf_printf(&w->out, "; style-src");
    put_sum(w, &dnnb__page_css);
    dnnb__buf_printf(&w->out, "; img-src data:; base-uri 'none'; form-action 'none'%s",
                     w->events ? "; connect-src 'self'" : "");
}

/* For an attribute. */
static void put_escaped(writer *w, const char *text) {
    for (; *text; text++) {
        bool is_plain = !strchr("<>&\"'", *text);
        if (is_plain)
            dnnb__buf_append(&w->out, text, 1);
        else
            dnnb__buf_printf(&w->out, "&#%d;", *text);
    }
}

static void put_part(writer *w, const char *name, size_t n) {
    static const char *const names[] = {"policy", "style", "data", "events", "library", "script"};
    size_t i = 0;
    while (i < 6 && (strlen(names[i]) != n || memcmp(names[i], name, n) != 0)) i++;
    DNNB_ASSERT(i < 6);
    if (i == 0) put_policy(w);
    if (i == 1) put_source(w, &dnnb__page_css);
    if (i == 2) dnnb__buf_append(&w->out, w->json, w->n_json);
    if (i == 3 && w->events) put_escaped(w, w->events);
    if (i == 4) put_source(w, &dnnb__page_chart_js);
    if (i == 5) put_source(w, &dnnb__page_js);
}

/* Copy page.html and put the parts in. */
static void put_page(writer *w) {
    static const char begin[] = "<!--", end[] = "-->";
    const char *at = (const char *)dnnb__page_html.bytes;
    const char *stop = at + dnnb__page_html.n_bytes;
    while (at < stop) {
        const char *mark = memmem(at, (size_t)(stop - at), begin, strlen(begin));
        if (!mark) break;
        const char *name = mark + strlen(begin);
        const char *after = memmem(name, (size_t)(stop - name), end, strlen(end));
        DNNB_ASSERT(after);
        dnnb__buf_append(&w->out, at, (size_t)(mark - at));
        put_part(w, name, (size_t)(after - name));
        at = after + strlen(end);
    }
    dnnb__buf_append(&w->out, at, (size_t)(stop - at));
}

dnnb_status dnnb_report_print_page(const dnnb_record *record, const char *events, char **html,
                                   size_t *n_bytes) {
    writer w = {.events = events};
    char *json;
    *html = NULL;
    *n_bytes = 0;
    DNNB_TRY(dnnb_report_print_json(record, &json, &w.n_json));
    w.json = json;
    dnnb__buf_init(&w.out, MAX_PAGE_BYTES);
    put_page(&w);
    dnnb__free(json);
    dnnb_status status = dnnb__buf_get_status(&w.out);
    if (status != DNNB_OK) {
        dnnb__buf_destroy(&w.out);
        return status;
    }
    *html = w.out.data;
    *n_bytes = w.out.n_bytes;
    return DNNB_OK;
}

dnnb_status dnnb_report_save(const dnnb_record *record, const char *path) {
    char *html;
    size_t n;
    DNNB_TRY(dnnb_report_print_page(record, NULL, &html, &n));
    dnnb_status status = dnnb__file_write(path, html, n);
    dnnb__free(html);
    return status;
}
