/* AdamW: weight decay shrinks the weights and stays out of the moments. Source: Loshchilov and
 * Hutter, arXiv:1711.05101; PyTorch torch.optim.AdamW. */
#include "optim/adam_update.h"

static void update(const dnnb__optim_step *step, float *weight, const float *gradient,
                   float *const *states, size_t n) {
    float keep = (float)(1 - step->lr * step->options->weight_decay);
    dnnb__adam_update(step, keep, 0.0f, weight, gradient, states, n);
}

const dnnb__optim_type dnnb__optim_adamw = {.name = "adamw",
                                            .default_lr = 1e-3,
                                            .default_weight_decay = 1e-2,
                                            .get_n_states = dnnb__adam_get_n_states,
                                            .check = dnnb__adam_check,
                                            .update = update};
