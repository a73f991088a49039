/*
 * Places of a plan's buffers in the arena.
 *
 * Method: a buffer lives from the first to the last step that names it. Buffers are placed one by
 * one, each at the lowest offset where it overlaps no placed buffer that lives at the same time:
 * from the one that lives longest, which leaves the fewest gaps between what training keeps, or
 * from the largest, whichever order takes less. What the backward pass reads lives until then by
 * itself, and what a frozen part computes lives until its reader has run.
 */
#include <stdlib.h>

#include "engine/onednn/plan.h"

enum { ALIGNMENT_BYTES = 4096 };

static void find_lifetimes(dnnb__onednn_plan *plan) {
    for (size_t i = 0; i < plan->n_buffers; i++) {
        plan->buffers[i].first = SIZE_MAX;
        plan->buffers[i].last = 0;
    }
    for (size_t s = 0; s < plan->n_steps; s++) {
        const dnnb__step *step = &plan->steps[s];
        for (size_t i = 0; i < step->n_buffers; i++) {
            dnnb__buffer *buffer = &plan->buffers[step->buffers[i]];
            if (buffer->first == SIZE_MAX) buffer->first = s;
            buffer->last = s;
        }
    }
}

static int compare_sizes(const void *a, const void *b) {
    const dnnb__buffer *x = *(dnnb__buffer *const *)a, *y = *(dnnb__buffer *const *)b;
    if (x->n_bytes != y->n_bytes) return x->n_bytes < y->n_bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

static int compare_lives(const void *a, const void *b) {
    const dnnb__buffer *x = *(dnnb__buffer *const *)a, *y = *(dnnb__buffer *const *)b;
    size_t x_steps = x->last - x->first, y_steps = y->last - y->first;
    if (x_steps != y_steps) return x_steps < y_steps ? 1 : -1;
    return compare_sizes(a, b);
}

static int compare_offsets(const void *a, const void *b) {
    const dnnb__buffer *x = *(dnnb__buffer *const *)a, *y = *(dnnb__buffer *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* The lowest offset at which `buffer` fits among the placed ones; `rivals` is room for n. */
static size_t find_offset(dnnb__buffer *const *placed, size_t n, const dnnb__buffer *buffer,
                          dnnb__buffer **rivals) {
    size_t n_rivals = 0;
    for (size_t i = 0; i < n; i++)
        if (placed[i]->first <= buffer->last && buffer->first <= placed[i]->last)
            rivals[n_rivals++] = placed[i];
    qsort(rivals, n_rivals, sizeof *rivals, compare_offsets);
    size_t offset = 0;
    for (size_t i = 0; i < n_rivals; i++) {
        if (offset + buffer->n_bytes <= rivals[i]->offset) break;
        size_t end = rivals[i]->offset + rivals[i]->n_bytes;
        if (end > offset) offset = end;
    }
    return offset;
}

/* Place n buffers in this order. @param rivals Room for n. @return The end of the last. */
static size_t place(dnnb__buffer **buffers, size_t n, int (*compare)(const void *, const void *),
                    dnnb__buffer **rivals) {
    size_t end = 0;
    qsort(buffers, n, sizeof(dnnb__buffer *), compare);
    for (size_t i = 0; i < n; i++) {
        buffers[i]->offset = find_offset(buffers, i, buffers[i], rivals);
        if (buffers[i]->offset + buffers[i]->n_bytes > end)
            end = buffers[i]->offset + buffers[i]->n_bytes;
    }
    return end;
}

dnnb_status dnnb__onednn_plan_memory(dnnb__onednn_plan *plan) {
    find_lifetimes(plan);
    dnnb__buffer **order = dnnb__alloc(plan->n_buffers, 2 * sizeof *order);
    if (!order) return dnnb__fail_memory();
    size_t n = 0;
    for (size_t i = 0; i < plan->n_buffers; i++) {
        dnnb__buffer *buffer = &plan->buffers[i];
        if (buffer->kind != DNNB__BUFFER_ARENA || buffer->first == SIZE_MAX) continue;
        buffer->n_bytes = (buffer->n_bytes + ALIGNMENT_BYTES - 1) & ~(size_t)(ALIGNMENT_BYTES - 1);
        order[n++] = buffer;
    }
    dnnb__buffer **rivals = order + plan->n_buffers;
    size_t by_size = place(order, n, compare_sizes, rivals);
    size_t arena_bytes = place(order, n, compare_lives, rivals);
    if (by_size < arena_bytes) arena_bytes = place(order, n, compare_sizes, rivals);
    dnnb__free(order);
    return dnnb__onednn_net_need_arena(plan->net, arena_bytes);
}
