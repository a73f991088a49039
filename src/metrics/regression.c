/*
 * Correlation and errors of predicted numbers, in float64 in the order of the pairs.
 */
#include <math.h>

#include "dnnbrain/metrics.h"
#include "metrics/correlation.h"
#include "metrics/interval.h"

void dnnb__moments_sum(dnnb__moments *out, dnnb__pair_fn *get, const void *context, size_t n) {
    double count = (double)n, x, y;
    dnnb__moments m = {0};
    for (size_t i = 0; i < n; i++) {
        get(context, i, &x, &y);
        m.mean_x += x / count;
        m.mean_y += y / count;
    }
    for (size_t i = 0; i < n; i++) {
        get(context, i, &x, &y);
        x -= m.mean_x;
        y -= m.mean_y;
        m.xx += x * x;
        m.yy += y * y;
        m.xy += x * y;
    }
    *out = m;
}

double dnnb__moments_get_r_squared(const dnnb__moments *m) {
    return m->xx > 0 && m->yy > 0 ? m->xy * m->xy / (m->xx * m->yy) : 0.0;
}

typedef struct values {
    const double *predicted, *targets;
} values;

static void get_pair(const void *context, size_t i, double *x, double *y) {
    const values *v = context;
    *x = v->predicted[i];
    *y = v->targets[i];
}

/* By Fisher's z; its error needs four pairs. At a correlation of one the ends are one too. */
static dnnb_interval get_r_interval(double r, size_t n) {
    if (n < 4) return (dnnb_interval){(double)NAN, (double)NAN};
    double half = DNNB__METRICS_Z / sqrt((double)n - 3), z = atanh(r);
    return (dnnb_interval){tanh(z - half), tanh(z + half)};
}

static dnnb_interval square_interval(dnnb_interval r) {
    double low = r.low * r.low, high = r.high * r.high;
    bool holds_zero = r.low <= 0 && r.high >= 0;
    return (dnnb_interval){holds_zero ? 0.0 : fmin(low, high), fmax(low, high)};
}

void dnnb_metrics_score_regression(const double *predicted, const double *targets, size_t n,
                                   dnnb_regression_score *out) {
    const values v = {predicted, targets};
    dnnb__moments m;
    double squares = 0, absolutes = 0;
    dnnb__moments_sum(&m, get_pair, &v, n);
    for (size_t i = 0; i < n; i++) {
        double error = predicted[i] - targets[i];
        squares += error * error;
        absolutes += fabs(error);
    }
    double r_squared = dnnb__moments_get_r_squared(&m);
    /* Rounding may carry a perfect correlation past one. */
    double r = copysign(sqrt(fmin(r_squared, 1)), m.xy);
    *out = (dnnb_regression_score){.n = n,
                                   .r = r,
                                   .r_squared = r_squared,
                                   .r_interval = get_r_interval(r, n),
                                   .rmse = n ? sqrt(squares / (double)n) : 0.0,
                                   .mae = n ? absolutes / (double)n : 0.0,
                                   .determination = m.yy > 0 ? 1 - squares / m.yy : (double)NAN};
    out->r_squared_interval = square_interval(out->r_interval);
}
