/* Reading groups: items divided by commas, each PATTERN=RATE or EPOCH=PATTERN. */
#include "train/groups.h"

#include <math.h>
#include <string.h>

#include "core/text.h"

enum { MAX_ITEM = 256, MAX_PATTERN = 4096 };

/* Copy the next item and move behind it. False when it is too long. */
static bool take_item(const char **rest, char item[MAX_ITEM]) {
    size_t n = strcspn(*rest, ",");
    if (n >= MAX_ITEM) return false;
    memcpy(item, *rest, n);
    item[n] = '\0';
    *rest += n + ((*rest)[n] == ',');
    return true;
}

/* ---- learning rates ---- */

typedef struct lr_reader {
    const dnnb_dnn *dnn;
    double *rates;
    bool *matches, *is_set; /* [parameters] */
    double others;          /* NaN until it was given */
} lr_reader;

static dnnb_status fail_lr(const char *item) {
    return dnnb__fail(
        DNNB_ERR_ARGUMENT,
        "learning rate: expected a number above 0, or PATTERN=NUMBER, several divided "
        "by commas; found '%.80s'",
        item);
}

static dnnb_status read_lr(lr_reader *r, char *item) {
    char *equals = strchr(item, '=');
    double lr;
    if (!dnnb__text_read_f64(equals ? equals + 1 : item, &lr) || !(lr > 0) || isinf(lr))
        return fail_lr(item);
    if (!equals) {
        if (!isnan(r->others))
            return dnnb__fail(DNNB_ERR_ARGUMENT,
                              "learning rate: expected one number for all others, found %g and %g",
                              r->others, lr);
        r->others = lr;
        return DNNB_OK;
    }
    *equals = '\0';
    dnnb_status status = dnnb__dnn_match(r->dnn, item, r->matches);
    if (status != DNNB_OK) return dnnb__fail_prefix(status, "learning rate");
    for (size_t i = 0; i < r->dnn->graph->n_params; i++) {
        if (!r->matches[i] || r->is_set[i]) continue;
        r->rates[i] = lr;
        r->is_set[i] = true;
    }
    return DNNB_OK;
}

dnnb_status dnnb__groups_read_lr(double *rates, const dnnb_dnn *dnn, const char *text,
                                 double base) {
    size_t n = dnn->graph->n_params;
    char item[MAX_ITEM];
    for (size_t i = 0; i < n; i++) rates[i] = base;
    if (!text) return DNNB_OK;
    lr_reader r = {.dnn = dnn,
                   .rates = rates,
                   .matches = dnnb__calloc(n, sizeof *r.matches),
                   .is_set = dnnb__calloc(n, sizeof *r.is_set),
                   .others = (double)NAN};
    dnnb_status status = r.matches && r.is_set ? DNNB_OK : dnnb__fail_memory();
    const char *rest = text;
    do {
        if (status == DNNB_OK) status = take_item(&rest, item) ? read_lr(&r, item) : fail_lr(rest);
    } while (status == DNNB_OK && *rest);
    for (size_t i = 0; status == DNNB_OK && i < n; i++)
        if (!r.is_set[i] && !isnan(r.others)) rates[i] = r.others;
    dnnb__free(r.matches);
    dnnb__free(r.is_set);
    return status;
}

/* ---- unfreezing ---- */

typedef struct unfreeze_reader {
    const dnnb_dnn *dnn;
    size_t n_epochs;
    size_t *epochs;
    bool *matches; /* [parameters] */
    size_t epoch;  /* of the entry that goes on; 0: none yet */
    char pattern[MAX_PATTERN];
} unfreeze_reader;

static dnnb_status fail_unfreeze(const char *item) {
    return dnnb__fail(DNNB_ERR_ARGUMENT,
                      "unfreezing: expected an epoch, or EPOCH=PATTERN, several divided by commas; "
                      "found '%.80s'",
                      item);
}

/* The entry's pattern is whole. */
static dnnb_status end_entry(unfreeze_reader *r) {
    const dnnb__graph *graph = r->dnn->graph;
    size_t n_new = 0;
    if (r->epoch == 0) return DNNB_OK;
    dnnb_status status = dnnb__dnn_match(r->dnn, r->pattern, r->matches);
    if (status != DNNB_OK) return dnnb__fail_prefix(status, "unfreezing");
    for (size_t i = 0; i < graph->n_params; i++) {
        if (!r->matches[i] || graph->params[i].trainable || r->epochs[i] > 0) continue;
        r->epochs[i] = r->epoch;
        n_new++;
    }
    if (n_new > 0) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT,
                      "unfreezing: epoch %zu: expected a pattern that names frozen parameters, "
                      "found '%.80s', which are trained by then",
                      r->epoch, r->pattern);
}

/* EPOCH or EPOCH=GLOB begins an entry; another glob belongs to the one that goes on. */
static dnnb_status read_unfreeze(unfreeze_reader *r, const char *item) {
    char number[MAX_ITEM];
    const char *equals = strchr(item, '=');
    const char *glob = equals ? equals + 1 : "all";
    int64_t epoch;
    if (r->epoch > 0 && !equals) {
        size_t used = strlen(r->pattern), n = strlen(item);
        if (used + n + 2 > sizeof r->pattern) return fail_unfreeze(item);
        (void)snprintf(r->pattern + used, sizeof r->pattern - used, ",%s", item);
        return DNNB_OK;
    }
    DNNB_TRY(end_entry(r));
    (void)snprintf(number, sizeof number, "%.*s", (int)(equals ? equals - item : MAX_ITEM), item);
    if (!dnnb__text_read_i64(number, &epoch) || !*glob) return fail_unfreeze(item);
    if (epoch < 2 || (uint64_t)epoch > r->n_epochs)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "unfreezing: expected an epoch from 2 to %zu, found %s", r->n_epochs,
                          number);
    if ((size_t)epoch <= r->epoch)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "unfreezing: expected epochs in rising order, found %zu after %zu",
                          (size_t)epoch, r->epoch);
    r->epoch = (size_t)epoch;
    (void)snprintf(r->pattern, sizeof r->pattern, "%s", glob);
    return DNNB_OK;
}

dnnb_status dnnb__groups_read_unfreeze(size_t *epochs, const dnnb_dnn *dnn, const char *text,
                                       size_t n_epochs) {
    size_t n = dnn->graph->n_params;
    char item[MAX_ITEM];
    memset(epochs, 0, n * sizeof *epochs);
    if (!text) return DNNB_OK;
    unfreeze_reader r = {.dnn = dnn,
                         .n_epochs = n_epochs,
                         .epochs = epochs,
                         .matches = dnnb__calloc(n, sizeof *r.matches)};
    dnnb_status status = r.matches ? DNNB_OK : dnnb__fail_memory();
    const char *rest = text;
    do {
        if (status == DNNB_OK)
            status = take_item(&rest, item) ? read_unfreeze(&r, item) : fail_unfreeze(rest);
    } while (status == DNNB_OK && *rest);
    if (status == DNNB_OK) status = end_entry(&r);
    dnnb__free(r.matches);
    return status;
}
