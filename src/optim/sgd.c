/*
 * Stochastic gradient descent with momentum and Nesterov's variant.
 *
 *   g += weight_decay w;   v = momentum v + g;   w -= lr (nesterov ? g + momentum v : v)
 *
 * v begins at 0, so that the first v is g, as in PyTorch. State 0 is v; without momentum there is
 * none. Source: PyTorch torch.optim.SGD (its float32 arithmetic, dampening 0).
 */
#include "core/kernel.h"
#include "optim/optim.h"

static size_t get_n_states(const dnnb_optimizer_options *options) {
    return options->momentum > 0 ? 1 : 0;
}

static dnnb_status check(const dnnb_optimizer_options *options) {
    if (!options->nesterov || options->momentum > 0) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT, "sgd: nesterov needs a momentum above 0, found %g",
                      options->momentum);
}

DNNB__KERNEL static void update_plain(float lr, float decay, float *restrict weight,
                                      const float *restrict gradient, size_t n) {
    for (size_t i = 0; i < n; i++) weight[i] -= lr * (gradient[i] + decay * weight[i]);
}

DNNB__KERNEL static void update_momentum(float lr, float decay, float momentum,
                                         float *restrict weight, const float *restrict gradient,
                                         float *restrict velocity, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float v = momentum * velocity[i] + (gradient[i] + decay * weight[i]);
        velocity[i] = v;
        weight[i] -= lr * v;
    }
}

DNNB__KERNEL static void update_nesterov(float lr, float decay, float momentum,
                                         float *restrict weight, const float *restrict gradient,
                                         float *restrict velocity, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float g = gradient[i] + decay * weight[i];
        float v = momentum * velocity[i] + g;
        velocity[i] = v;
        weight[i] -= lr * (g + momentum * v);
    }
}

static void update(const dnnb__optim_step *step, float *weight, const float *gradient,
                   float *const *states, size_t n) {
    float lr = (float)step->lr, decay = (float)step->options->weight_decay;
    float momentum = (float)step->options->momentum;
    if (!states[0])
        update_plain(lr, decay, weight, gradient, n);
    else if (step->options->nesterov)
        update_nesterov(lr, decay, momentum, weight, gradient, states[0], n);
    else
        update_momentum(lr, decay, momentum, weight, gradient, states[0], n);
}

const dnnb__optim_type dnnb__optim_sgd = {.name = "sgd",
                                          .default_lr = 1e-3,
                                          .default_weight_decay = 0.0,
                                          .get_n_states = get_n_states,
                                          .check = check,
                                          .update = update};
