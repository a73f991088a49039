/* The update that Adam and AdamW share. */
#ifndef DNNB_OPTIM_ADAM_UPDATE_H
#define DNNB_OPTIM_ADAM_UPDATE_H

#include "optim/optim.h"

/**
 *   w *= keep;   g += decay w;   m = b1 m + (1 - b1) g;   v = b2 v + (1 - b2) g^2
 *   w -= step_size m / (sqrt(v) / bias2 + eps)
 *
 * States 0 and 1 are m and v. Adam sets `decay` and a keep of 1; AdamW sets `keep` and a decay of
 * 0.
 */
void dnnb__adam_update(const dnnb__optim_step *step, float keep, float decay, float *weight,
                       const float *gradient, float *const *states, size_t n);

size_t dnnb__adam_get_n_states(const dnnb_optimizer_options *options);
dnnb_status dnnb__adam_check(const dnnb_optimizer_options *options);

#endif
