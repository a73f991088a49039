/* Pearson's correlation of pairs, whatever they are stored in. */
#ifndef DNNB_METRICS_CORRELATION_H
#define DNNB_METRICS_CORRELATION_H

#include <stddef.h>

/** Give pair i. */
typedef void dnnb__pair_fn(const void *context, size_t i, double *x, double *y);

/** Means, and sums of squares and products about them. */
typedef struct dnnb__moments {
    double mean_x, mean_y;
    double xx, yy, xy;
} dnnb__moments;

/** In two passes, in the order of the pairs. */
void dnnb__moments_sum(dnnb__moments *out, dnnb__pair_fn *get, const void *context, size_t n);
/** 0 where one side is constant, since it explains nothing. */
double dnnb__moments_get_r_squared(const dnnb__moments *moments);

#endif
