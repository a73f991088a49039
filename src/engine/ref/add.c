/* add: the sum of the inputs in their order; each input's gradient is the output's. */
#include "engine/ref/ref.h"

static void forward(const dnnb__ref_call *call) {
    for (size_t i = 0; i < call->out.count; i++) {
        double sum = call->in[0].value[i];
        for (size_t k = 1; k < call->n_in; k++) sum += call->in[k].value[i];
        call->out.value[i] = sum;
    }
}

static void backward(const dnnb__ref_call *call) {
    for (size_t k = 0; k < call->n_in; k++)
        for (size_t i = 0; call->in[k].gradient && i < call->out.count; i++)
            call->in[k].gradient[i] += call->out.gradient[i];
}

const dnnb__ref_op dnnb__ref_op_add = {forward, backward};
