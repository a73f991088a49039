/* cat: an image's output is its inputs one after another. */
#include "engine/ref/ref.h"

#include <string.h>

static void forward(const dnnb__ref_call *call) {
    double *to = call->out.value;
    for (int64_t n = 0; n < call->batch; n++)
        for (size_t k = 0; k < call->n_in; k++) {
            size_t count = call->in[k].count / (size_t)call->batch;
            memcpy(to, call->in[k].value + (size_t)n * count, count * sizeof *to);
            to += count;
        }
}

static void backward(const dnnb__ref_call *call) {
    const double *from = call->out.gradient;
    for (int64_t n = 0; n < call->batch; n++)
        for (size_t k = 0; k < call->n_in; k++) {
            size_t count = call->in[k].count / (size_t)call->batch;
            for (size_t i = 0; call->in[k].gradient && i < count; i++)
                call->in[k].gradient[(size_t)n * count + i] += from[i];
            from += count;
        }
}

const dnnb__ref_op dnnb__ref_op_concat = {forward, backward};
