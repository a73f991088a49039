/* Flatten: row-major already, so a copy. */
#include "engine/ref/ref.h"

#include <string.h>

static void forward(const dnnb__ref_call *call) {
    memcpy(call->out.value, call->in[0].value, call->out.count * sizeof(double));
}

static void backward(const dnnb__ref_call *call) {
    if (!call->in[0].gradient) return;
    for (size_t i = 0; i < call->out.count; i++) call->in[0].gradient[i] += call->out.gradient[i];
}

const dnnb__ref_op dnnb__ref_op_flatten = {forward, backward};
