/*
 * Adam's step in float32, with the bias corrections taken in float64 and then cast.
 *
 * Source: Kingma and Ba, arXiv:1412.6980; PyTorch torch.optim.Adam for the order of operations.
 */
#include "optim/adam_update.h"

#include <math.h>

#include "core/kernel.h"

/* A step's numbers as the float32 that PyTorch's loops use. */
typedef struct numbers {
    float keep, decay;
    float beta1, rest1, beta2, rest2; /* rest = 1 - beta */
    float step_size, bias2, eps;
} numbers;

DNNB__KERNEL static void update(const numbers *numbers_, float *restrict weight,
                                const float *restrict gradient, float *restrict m,
                                float *restrict v, size_t n) {
    const numbers k = *numbers_;
    for (size_t i = 0; i < n; i++) {
        float w = weight[i] * k.keep;
        float g = gradient[i] + k.decay * w;
        float m_i = m[i] * k.beta1 + k.rest1 * g;
        float v_i = v[i] * k.beta2 + k.rest2 * g * g;
        m[i] = m_i;
        v[i] = v_i;
        weight[i] = w - k.step_size * m_i / (sqrtf(v_i) / k.bias2 + k.eps);
    }
}

void dnnb__adam_update(const dnnb__optim_step *step, float keep, float decay, float *weight,
                       const float *gradient, float *const *states, size_t n) {
    const dnnb_optimizer_options *options = step->options;
    double bias1 = 1 - step->beta1_t, bias2 = 1 - step->beta2_t;
    numbers k = {.keep = keep,
                 .decay = decay,
                 .beta1 = (float)options->beta1,
                 .rest1 = (float)(1 - options->beta1),
                 .beta2 = (float)options->beta2,
                 .rest2 = (float)(1 - options->beta2),
                 .step_size = (float)(step->lr / bias1),
                 .bias2 = (float)sqrt(bias2),
                 .eps = (float)options->eps};
    update(&k, weight, gradient, states[0], states[1], n);
}

size_t dnnb__adam_get_n_states(const dnnb_optimizer_options *options) {
    (void)options;
    return 2;
}

dnnb_status dnnb__adam_check(const dnnb_optimizer_options *options) {
    /* 0 / (sqrt(0) + 0) would make NaN of every element that has no gradient. */
    if (!(options->eps > 0))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: eps: expected a number above 0, found %g",
                          options->name, options->eps);
    if (options->momentum == 0 && !options->nesterov) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: momentum and nesterov are options of sgd alone",
                      options->name);
}
