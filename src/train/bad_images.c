/*
 * Images that cannot be used: the check before the first step, and what turns bad later.
 *
 * Method: a check is a pass of the loader, whose workers read headers, or decode, and then what
 * they decode is kept. A bad image counts when its batch is used and not when a worker meets it, so
 * nothing depends on the workers.
 *
 * Invariant: a row that is left out is missing in every pass that is started afterwards.
 */
#include <string.h>

#include "train/session.h"

enum { HEADERS_A_REPORT = 256, REASON_BYTES = 1024, MESSAGE_BYTES = 8192 };

/* A failure that is the image's, and not the machine's. */
static bool is_bad_image(dnnb_status status) {
    return status == DNNB_ERR_IO || status == DNNB_ERR_FORMAT || status == DNNB_ERR_UNSUPPORTED ||
           status == DNNB_ERR_LIMIT;
}

/* The row's message is the current one. */
static dnnb_status leave_out(dnnb__session *session, dnnb__set *set, size_t row,
                             dnnb_status status) {
    if (!is_bad_image(status)) return status;
    char reason[REASON_BYTES];
    dnnb__buf text;
    (void)snprintf(reason, sizeof reason, "%s", dnnb_get_error());
    dnnb__buf_init(&text, MESSAGE_BYTES);
    dnnb__buf_printf(&text, "%s: left out", reason);
    size_t first_epoch = session->epoch + (session->has_begun ? 1 : 0);
    status = dnnb__set_mark_bad(set, row, (uint32_t)first_epoch + 1, status);
    if (status == DNNB_OK) status = dnnb__buf_get_status(&text);
    dnnb_bad_image image = {.stim = set->stim, .row = row, .reason = reason};
    dnnb_event event = {.kind = DNNB_EVENT_WARNING, .message = text.data, .bad_image = &image};
    if (status == DNNB_OK) status = dnnb__session_emit(session, &event);
    dnnb__buf_destroy(&text);
    return status;
}

dnnb_status dnnb__session_next(dnnb__session *session, dnnb__set *set, dnnb__batch *out) {
    dnnb_status status = dnnb__loader_next(session->loader, out);
    if (status == DNNB_OK || session->options->on_bad_image != DNNB_BAD_IMAGE_SKIP) return status;
    for (size_t i = 0; i < out->n_planned; i++) {
        if (out->statuses[i] == DNNB_OK) continue;
        dnnb__set_error(out->messages[i] ? out->messages[i] : "out of memory");
        DNNB_TRY(leave_out(session, set, (size_t)out->rows[i], out->statuses[i]));
    }
    dnnb__loader_drop_failed(session->loader, out);
    return DNNB_OK;
}

/* The check of a set that ends with its first bad row, once all rows are seen. */
typedef struct check {
    dnnb__session *session;
    dnnb__set *set;
    size_t n_bad;
    dnnb_status first;
    char *message; /* of the first */
} check;

/* The row's message is the current one. */
static dnnb_status note_bad(check *c, size_t row, dnnb_status status) {
    if (c->session->options->on_bad_image == DNNB_BAD_IMAGE_SKIP)
        return leave_out(c->session, c->set, row, status);
    if (!is_bad_image(status)) return status;
    if (c->n_bad++ > 0) return DNNB_OK;
    c->first = status;
    c->message = dnnb__strdup(dnnb_get_error());
    return c->message ? DNNB_OK : dnnb__fail_memory();
}

static dnnb_status check_all(check *c, bool augment) {
    dnnb__pass pass = {.set = c->set,
                       .order = c->set->order,
                       .n = dnnb__set_fill_order(c->set),
                       .batch = DNNB__DNN_BATCH,
                       .header_only = c->session->options->check == DNNB_CHECK_QUICK,
                       .augment = augment,
                       .crop_scale = c->session->options->crop_scale,
                       .keep = true,
                       .seed = c->session->options->seed};
    dnnb__batch batch;
    size_t done = 0;
    dnnb__loader_start(c->session->loader, &pass);
    for (;;) {
        dnnb_status status = dnnb__loader_next(c->session->loader, &batch);
        for (size_t i = 0; status != DNNB_OK && i < batch.n_planned; i++) {
            if (batch.statuses[i] == DNNB_OK) continue;
            dnnb__set_error(batch.messages[i] ? batch.messages[i] : "out of memory");
            DNNB_TRY(note_bad(c, (size_t)batch.rows[i], batch.statuses[i]));
        }
        if (batch.n_planned == 0) return DNNB_OK;
        done += batch.n_planned;
        if (!pass.header_only || done % HEADERS_A_REPORT == 0) /* headers of a few take no time */
            DNNB_TRY(dnnb__session_emit_scoring(c->session, done, pass.n));
    }
}

dnnb_status dnnb__session_check_images(dnnb__session *session, dnnb__set *set, bool augment) {
    check c = {.session = session, .set = set};
    session->pass = DNNB_PASS_CHECK;
    dnnb_status status = check_all(&c, augment);
    if (status == DNNB_OK && c.n_bad > 0)
        status = dnnb__fail(c.first, "%s (%zu bad row%s in all)", c.message, c.n_bad,
                            c.n_bad == 1 ? "" : "s");
    dnnb__free(c.message);
    return status;
}
