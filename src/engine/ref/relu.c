/* ReLU; its gradient at 0 is 0, and NaN stays NaN, as in PyTorch. */
#include "engine/ref/ref.h"

static void forward(const dnnb__ref_call *call) {
    const double *in = call->in[0].value;
    for (size_t i = 0; i < call->out.count; i++) call->out.value[i] = in[i] < 0 ? 0.0 : in[i];
}

static void backward(const dnnb__ref_call *call) {
    if (!call->in[0].gradient) return;
    for (size_t i = 0; i < call->out.count; i++)
        if (!(call->out.value[i] <= 0)) call->in[0].gradient[i] += call->out.gradient[i];
}

const dnnb__ref_op dnnb__ref_op_relu = {forward, backward};
