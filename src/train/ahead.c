/* Frozen layers behind a random one (see the header). */
#include "train/ahead.h"

#include <string.h>

/* More rows than this make it no faster: their products take longer than reading the weights. */
enum { MAX_ROWS = 256 };

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static dnnb_status get_plan(const dnnb__ahead *ahead, dnnb_dnn *dnn, size_t from, size_t n_rows,
                            dnnb__plan **out) {
    dnnb__plan_options options = {
        .mode = DNNB__MODE_TRAIN, .batch = n_rows, .from = from, .to = ahead->node};
    return dnnb__dnn_get_plan(dnn, &options, out);
}

/* Whether nodes after `from`, up to `to`, have weights to read. */
static bool has_weights(const dnnb__graph *graph, size_t from, size_t to) {
    for (size_t i = from + 1; i <= to; i++)
        if (graph->nodes[i].n_params > 0) return true;
    return false;
}

/* false: the steps do without. */
static bool make_room(dnnb__ahead *ahead, const dnnb__features *features) {
    ahead->features = dnnb__alloc_large(ahead->max_rows * features->n, sizeof *ahead->features);
    ahead->values = dnnb__alloc_large(ahead->max_rows * ahead->n, sizeof *ahead->values);
    return ahead->features && ahead->values;
}

dnnb_status dnnb__ahead_open(dnnb__ahead *ahead, dnnb_dnn *dnn, const dnnb__features *features,
                             size_t batch, size_t n_images) {
    size_t node = dnnb__graph_find_cut(dnn->graph, false);
    size_t max_rows = smaller(MAX_ROWS / batch, (n_images + batch - 1) / batch) * batch;
    dnnb__ahead_close(ahead);
    if (!dnnb__features_are_kept(features) || max_rows <= batch ||
        !has_weights(dnn->graph, features->node, node))
        return DNNB_OK;
    const dnnb_shape *shape = &dnn->graph->nodes[node].shape;
    dnnb__ahead a = {.node = node, .n = 1, .batch = batch, .max_rows = max_rows};
    for (size_t i = 0; i < shape->ndim; i++) a.n *= (size_t)shape->dim[i];
    /* A step's first, whose bits these are to be. Kernels whose rows are the same in any batch are
     * chosen by the layer alone, so plans for other numbers of rows have them too. */
    size_t sizes[] = {batch, smaller(max_rows, n_images), n_images % max_rows};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        dnnb__plan *plan;
        if (sizes[i] == 0) continue;
        DNNB_TRY(get_plan(&a, dnn, features->node, sizes[i], &plan));
        if (!dnnb__plan_is_rowwise(plan)) return DNNB_OK;
    }
    if (make_room(&a, features))
        *ahead = a;
    else
        dnnb__ahead_close(&a);
    return DNNB_OK;
}

void dnnb__ahead_close(dnnb__ahead *ahead) {
    dnnb__free(ahead->features);
    dnnb__free(ahead->values);
    *ahead = (dnnb__ahead){0};
}

/* The rows from this step on, as many as there is room for. */
static dnnb_status compute(dnnb__ahead *ahead, dnnb_dnn *dnn, const dnnb__features *features,
                           size_t view, const uint64_t *rows, size_t n_left,
                           const dnnb__step_random *random) {
    size_t n = smaller(n_left, ahead->max_rows);
    dnnb__step_random of_steps = *random;
    of_steps.n_rows = ahead->batch;
    dnnb__plan *plan;
    ahead->n_rows = 0;
    DNNB_TRY(dnnb__features_get(features, view, rows, n, ahead->features));
    DNNB_TRY(get_plan(ahead, dnn, features->node, n, &plan));
    DNNB_TRY(dnnb__plan_forward(plan, ahead->features, &of_steps));
    memcpy(ahead->values, dnnb__plan_get_output(plan), n * ahead->n * sizeof *ahead->values);
    ahead->n_rows = n;
    ahead->first_step = random->step;
    return DNNB_OK;
}

dnnb_status dnnb__ahead_get(dnnb__ahead *ahead, dnnb_dnn *dnn, const dnnb__features *features,
                            size_t view, const uint64_t *rows, size_t n, size_t n_left,
                            const dnnb__step_random *random, const float **out) {
    size_t at = (size_t)(random->step - ahead->first_step) * ahead->batch;
    if (random->step < ahead->first_step || at + n > ahead->n_rows) {
        DNNB_TRY(compute(ahead, dnn, features, view, rows, n_left, random));
        at = 0;
    }
    *out = ahead->values + at * ahead->n;
    return DNNB_OK;
}
