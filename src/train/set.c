/*
 * Sets: labels and targets read and checked once, rows left out, orders.
 *
 * Invariant: what is kept of an image is a function of its file, so no result depends on how much
 * is kept.
 */
#include "train/set.h"

#include <string.h>

#include "core/mem.h"
#include "core/random.h"

/* Rows that may be left out, as a share of the set: 1 / 20. */
enum { BAD_SHARE = 20 };

static const char *get_name(const dnnb_stimulus *stim) {
    const char *file = dnnb_stimulus_get_file(stim);
    return file[0] ? file : "stimuli";
}

static dnnb_status read_known(dnnb__set *set, const dnnb_train_options *options,
                              int64_t n_outputs) {
    if (options->task == DNNB_CLASSIFICATION) {
        set->labels = dnnb__alloc(set->n, sizeof *set->labels);
        if (!set->labels) return dnnb__fail_memory();
        return dnnb_stimulus_read_labels(set->stim, set->labels, n_outputs);
    }
    const char *columns = options->target ? options->target : "label";
    DNNB_TRY(dnnb_stimulus_read_targets(set->stim, columns, &set->targets, &set->n_targets));
    if ((int64_t)set->n_targets != n_outputs)
        return dnnb__fail(DNNB_ERR_SHAPE,
                          "%s: expected as many target columns as the network has outputs, %lld, "
                          "found %zu (%s)",
                          get_name(set->stim), (long long)n_outputs, set->n_targets, columns);
    return DNNB_OK;
}

dnnb_status dnnb__set_create(dnnb__set **out, const dnnb_stimulus *stim,
                             const dnnb_train_options *options, bool has_known, int64_t n_outputs) {
    *out = NULL;
    if (dnnb_stimulus_get_count(stim) == 0)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected at least one image, found none",
                          get_name(stim));
    dnnb__set *set = dnnb__calloc(1, sizeof *set);
    if (!set) return dnnb__fail_memory();
    set->stim = stim;
    set->n = dnnb_stimulus_get_count(stim);
    set->bad_since = dnnb__calloc(set->n, sizeof *set->bad_since);
    set->decoded = dnnb__calloc(set->n, sizeof *set->decoded);
    set->resized = dnnb__calloc(set->n, sizeof *set->resized);
    set->sound = dnnb__calloc(set->n, sizeof *set->sound);
    set->order = dnnb__calloc(set->n, sizeof *set->order);
    dnnb_status status = DNNB_OK;
    if (!set->bad_since || !set->decoded || !set->resized || !set->sound || !set->order)
        status = dnnb__fail_memory();
    if (status == DNNB_OK && has_known) status = read_known(set, options, n_outputs);
    if (status != DNNB_OK) {
        dnnb__set_destroy(set);
        return status;
    }
    *out = set;
    return DNNB_OK;
}

void dnnb__set_destroy(dnnb__set *set) {
    if (!set) return;
    for (size_t i = 0; set->decoded && i < set->n; i++) dnnb_image_clear(&set->decoded[i]);
    for (size_t i = 0; set->resized && i < set->n; i++) dnnb_image_clear(&set->resized[i]);
    dnnb__free(set->labels);
    dnnb_free(set->targets);
    dnnb__free(set->bad_since);
    dnnb__free(set->decoded);
    dnnb__free(set->resized);
    dnnb__free(set->sound);
    dnnb__free(set->order);
    dnnb__features_release(&set->training, NULL);
    dnnb__features_release(&set->scoring, NULL);
    dnnb__free(set);
}

dnnb_status dnnb__set_fail_at(const dnnb__set *set, size_t row, dnnb_status status) {
    size_t line = dnnb_stimulus_get_line(set->stim, row);
    if (line == 0) return status; /* the image's path, which the message has, says it all */
    return dnnb__fail_prefix(status, "%s:%zu: %s", dnnb_stimulus_get_file(set->stim), line,
                             dnnb_stimulus_get_id(set->stim, row));
}

dnnb_status dnnb__set_mark_bad(dnnb__set *set, size_t row, uint32_t since, dnnb_status status) {
    if (set->bad_since[row]) return DNNB_OK;
    set->bad_since[row] = since;
    set->n_bad++;
    if (set->n_bad * BAD_SHARE <= set->n) return DNNB_OK;
    return dnnb__fail_prefix(status,
                             "%s: expected at most 5%% of %zu images left out, found %zu so far; "
                             "the last",
                             get_name(set->stim), set->n, set->n_bad);
}

size_t dnnb__set_fill_order(dnnb__set *set) {
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++)
        if (!set->bad_since[i]) set->order[n++] = i;
    return n;
}

size_t dnnb__set_fill_shuffled(dnnb__set *set, uint64_t seed, size_t epoch) {
    dnnb__random_key key = dnnb__random_key_create(seed, DNNB__PURPOSE_SHUFFLE);
    dnnb__random_permutation(key, (uint32_t)epoch, set->order, set->n);
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        uint32_t since = set->bad_since[set->order[i]];
        if (since == 0 || since > epoch + 1) set->order[n++] = set->order[i];
    }
    return n;
}
