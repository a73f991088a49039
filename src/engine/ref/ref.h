/*
 * The reference engine: every op in the plainest way, the oracle of the other engines' tests.
 *
 * Activations and their gradients are float64, row-major [batch, shape]; parameters and their
 * gradients are float32 as in every engine. Each sum has one order whatever the number of threads:
 * an op's parallel loop gives each output to one thread.
 */
#ifndef DNNB_ENGINE_REF_REF_H
#define DNNB_ENGINE_REF_REF_H

#include "engine/engine.h"

/** One side of an op: an activation and its gradient. */
typedef struct dnnb__ref_blob {
    const dnnb_shape *shape; /* without the batch */
    size_t count;            /* elements of the whole batch */
    double *value;
    double *gradient; /* NULL when it is not wanted */
} dnnb__ref_blob;

/** What an op is called with. */
typedef struct dnnb__ref_call {
    const dnnb__node *node;
    size_t node_index;
    int64_t batch;
    bool training;
    const dnnb__step_random *random; /* NULL when not training */
    dnnb__ref_blob in[DNNB__MAX_INPUTS];
    size_t n_in;
    dnnb__ref_blob out;
    const float *param[DNNB__MAX_PARAMS_PER_LAYER];
    float *param_gradient[DNNB__MAX_PARAMS_PER_LAYER]; /* NULL when frozen */
} dnnb__ref_call;

typedef struct dnnb__ref_op {
    /** Set out.value. */
    void (*forward)(const dnnb__ref_call *call);
    /** Add to each wanted in[].gradient (several consumers share it); set each wanted
     *  param_gradient. Two inputs may be the same blob. */
    void (*backward)(const dnnb__ref_call *call);
} dnnb__ref_op;

/** Sum of a[i] * b[i * step]: eight partial sums, so that the order is fixed and can be vectors. */
static inline double dnnb__ref_dot(const double *a, const double *b, int64_t step, int64_t n) {
    double part[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int64_t k = 0; k < 8; k++) part[k] += a[i + k] * b[(i + k) * step];
    for (; i < n; i++) part[i % 8] += a[i] * b[i * step];
    return ((part[0] + part[1]) + (part[2] + part[3])) +
           ((part[4] + part[5]) + (part[6] + part[7]));
}

#endif
