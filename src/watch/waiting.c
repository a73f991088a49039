/* The page while there is no run yet: it says so, and gives way to the report when there is one. */
#include <string.h>

#include "watch/watch.h"

static const char before_name[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n"
    "<title>dnnbrain: waiting for a run</title>\n"
    "<style>\n"
    "body { margin: 18vh auto 0; max-width: 34rem; padding: 0 1.2rem;\n"
    "       font: 1rem/1.5 system-ui, 'DejaVu Sans', sans-serif; color: #1b1f24;\n"
    "       background: #ffffff; }\n"
    "h1 { font-size: 1.5rem; line-height: 1.3; overflow-wrap: anywhere; }\n"
    "p { overflow-wrap: anywhere; }\n"
    "#reason { border-left: 0.25rem solid #b35900; padding-left: 0.8rem; }\n"
    "#reason:empty { display: none; }\n"
    "@media (prefers-color-scheme: dark) { body { color: #e6e9ec; background: #14181c; } }\n"
    "</style>\n"
    "</head>\n"
    "<body data-events=\"";
static const char before_folder[] =
    "\">\n<main>\n<h1>Waiting for a run</h1>\n<p>There is none yet in <code>";
static const char after_folder[] =
    "</code>. When one begins, this page shows its report.</p>\n"
    "<p id=\"reason\" role=\"status\"></p>\n"
    "<noscript><p>JavaScript is switched off: reload the page by hand.</p></noscript>\n"
    "</main>\n"
    "<script src=\"" DNNB__WATCH_SCRIPT "\"></script>\n"
    "</body>\n"
    "</html>\n";

const char dnnb__watch_waiting_script[] =
    "'use strict';\n"
    "const events = new EventSource(document.body.dataset.events);\n"
    "events.addEventListener('waiting', event => {\n"
    "  document.getElementById('reason').textContent = event.data;\n"
    "});\n"
    "events.addEventListener('message', () => {\n"
    "  events.close();\n"
    "  location.reload();\n"
    "});\n";

/* Text of a page or an attribute. Bytes that are no UTF-8 are shown by the browser as such. */
static void append_escaped(dnnb__buf *out, const char *text) {
    for (; *text; text++) {
        if (strchr("<>&\"'", *text))
            dnnb__buf_printf(out, "&#%d;", *text);
        else
            dnnb__buf_append(out, text, 1);
    }
}

dnnb_status dnnb__watch_print_waiting_page(const char *folder, const char *events, char **page,
                                           size_t *n_bytes) {
    dnnb__buf out;
    dnnb__buf_init(&out, 1 << 20);
    dnnb__buf_printf(&out, "%s", before_name);
    append_escaped(&out, events);
    dnnb__buf_printf(&out, "%s", before_folder);
    append_escaped(&out, folder);
    dnnb__buf_printf(&out, "%s", after_folder);
    dnnb_status status = dnnb__buf_get_status(&out);
    if (status != DNNB_OK) dnnb__buf_destroy(&out);
    *page = status == DNNB_OK ? out.data : NULL;
    *n_bytes = out.n_bytes;
    return status;
}
