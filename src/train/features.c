/* Features kept in memory, a block for each view. */
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
        !dnnb__mul_size(n_values, sizeof *f->values, &n_bytes))
        return 0;
    return n_bytes;
}

dnnb_status dnnb__features_reserve(dnnb__features *f, dnnb__budget *budget) {
    size_t n_bytes = dnnb__features_get_bytes(f);
    if (f->node == 0 || n_bytes == 0 || !dnnb__budget_take(budget, n_bytes)) return DNNB_OK;
    f->values = dnnb__alloc(n_bytes, 1);
    f->is_complete = dnnb__calloc(count_views(f), sizeof *f->is_complete);
    return f->values && f->is_complete ? DNNB_OK : dnnb__fail_memory();
}

void dnnb__features_release(dnnb__features *f, dnnb__budget *budget) {
    if (f->values && budget) dnnb__budget_give_back(budget, dnnb__features_get_bytes(f));
    dnnb__free(f->values);
    dnnb__free(f->is_complete);
    f->values = NULL;
    f->is_complete = NULL;
}

bool dnnb__features_are_kept(const dnnb__features *f) {
    return f->is_complete != NULL;
}

size_t dnnb__features_count_missing(const dnnb__features *f) {
    size_t n = 0;
    for (size_t i = 0; f->is_complete && i < count_views(f); i++) n += !f->is_complete[i];
    return n;
}

static float *find(const dnnb__features *f, size_t view, uint64_t row) {
    return f->values + (view * f->n_rows + (size_t)row) * f->n;
}

void dnnb__features_put(dnnb__features *f, size_t view, const uint64_t *rows, size_t n,
                        const float *values) {
    for (size_t i = 0; i < n; i++)
        memcpy(find(f, view, rows[i]), values + i * f->n, f->n * sizeof *values);
}

void dnnb__features_get(const dnnb__features *f, size_t view, const uint64_t *rows, size_t n,
                        float *values) {
    for (size_t i = 0; i < n; i++)
        memcpy(values + i * f->n, find(f, view, rows[i]), f->n * sizeof *values);
}
