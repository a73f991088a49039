/*
 * Features kept in memory, or in a file where memory has no room for them; a block for each view.
 *
 * Invariant: whether and where they are kept changes no bit of a result.
 */
#include "train/features.h"

#include <string.h>

#include "core/mem.h"

static size_t count_views(const dnnb__features *f) {
    return f->n_views ? f->n_views : 1;
}

size_t dnnb__features_get_bytes(const dnnb__features *f) {
    size_t n_images, n_values, n_bytes;
    if (!dnnb__mul_size(f->n_rows, count_views(f), &n_images) ||
        !dnnb__mul_size(n_images, f->n, &n_values) ||
        !dnnb__mul_size(n_values, sizeof *f->values, &n_bytes) || n_bytes > INT64_MAX)
        return 0;
    return n_bytes;
}

dnnb_status dnnb__features_reserve(dnnb__features *f, dnnb__budget *budget, const char *folder) {
    size_t n_bytes = dnnb__features_get_bytes(f);
    if (f->node == 0 || n_bytes == 0) return DNNB_OK;
    if (dnnb__budget_take(budget, n_bytes)) {
        f->values = dnnb__alloc_large(n_bytes, 1);
        if (!f->values) {
            dnnb__budget_give_back(budget, n_bytes);
            return dnnb__fail_memory();
        }
    } else if (folder) {
        f->folder = folder;
    } else {
        return DNNB_OK;
    }
    f->is_complete = dnnb__calloc(count_views(f), sizeof *f->is_complete);
    return f->is_complete ? DNNB_OK : dnnb__fail_memory();
}

dnnb_status dnnb__features_open(dnnb__features *f) {
    if (!f->folder || f->file) return DNNB_OK;
    return dnnb__scratch_create(&f->file, f->folder, dnnb__features_get_bytes(f));
}

void dnnb__features_release(dnnb__features *f, dnnb__budget *budget) {
    if (f->values && budget) dnnb__budget_give_back(budget, dnnb__features_get_bytes(f));
    dnnb__free(f->values);
    dnnb__free(f->is_complete);
    dnnb__scratch_destroy(f->file);
    f->values = NULL;
    f->is_complete = NULL;
    f->file = NULL;
    f->folder = NULL;
}

bool dnnb__features_are_kept(const dnnb__features *f) {
    return f->is_complete != NULL;
}

size_t dnnb__features_count_missing(const dnnb__features *f) {
    size_t n = 0;
    for (size_t i = 0; f->is_complete && i < count_views(f); i++) n += !f->is_complete[i];
    return n;
}

/* Where a row's values begin, in floats. */
static size_t find(const dnnb__features *f, size_t view, uint64_t row) {
    return (view * f->n_rows + (size_t)row) * f->n;
}

dnnb_status dnnb__features_put(dnnb__features *f, size_t view, const uint64_t *rows, size_t n,
                               const float *values) {
    size_t n_bytes = f->n * sizeof *values;
    for (size_t i = 0; i < n; i++) {
        size_t at = find(f, view, rows[i]);
        if (f->values)
            memcpy(f->values + at, values + i * f->n, n_bytes);
        else
            DNNB_TRY(dnnb__scratch_write(f->file, at * sizeof *values, values + i * f->n, n_bytes));
    }
    return DNNB_OK;
}

dnnb_status dnnb__features_get(const dnnb__features *f, size_t view, const uint64_t *rows, size_t n,
                               float *values) {
    size_t n_bytes = f->n * sizeof *values;
    for (size_t i = 0; i < n; i++) {
        size_t at = find(f, view, rows[i]);
        if (f->values)
            memcpy(values + i * f->n, f->values + at, n_bytes);
        else
            DNNB_TRY(dnnb__scratch_read(f->file, at * sizeof *values, values + i * f->n, n_bytes));
    }
    return DNNB_OK;
}
