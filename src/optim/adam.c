/* Adam; weight decay is added to the gradient (L2). Source: PyTorch torch.optim.Adam. */
#include "optim/adam_update.h"

static void update(const dnnb__optim_step *step, float *weight, const float *gradient,
                   float *const *states, size_t n) {
    float decay = (float)step->options->weight_decay;
    dnnb__adam_update(step, 1.0f, decay, weight, gradient, states, n);
}

const dnnb__optim_type dnnb__optim_adam = {.name = "adam",
                                           .default_lr = 1e-3,
                                           .default_weight_decay = 0.0,
                                           .get_n_states = dnnb__adam_get_n_states,
                                           .check = dnnb__adam_check,
                                           .update = update};
