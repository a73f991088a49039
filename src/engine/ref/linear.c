/* Linear: out[n][o] = bias[o] + sum over i of weight[o][i] * in[n][i]. */
#include "engine/ref/ref.h"

static void forward(const dnnb__ref_call *call) {
    int64_t n_in = call->in[0].shape->dim[0], n_out = call->out.shape->dim[0];
#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < n_out; o++)
        for (int64_t n = 0; n < call->batch; n++) {
            const float *weight = call->param[0] + o * n_in;
            const double *in = call->in[0].value + n * n_in;
            double sum = call->param[1] ? (double)call->param[1][o] : 0.0;
            for (int64_t i = 0; i < n_in; i++) sum += (double)weight[i] * in[i];
            call->out.value[n * n_out + o] = sum;
        }
}

static void backward_data(const dnnb__ref_call *call, int64_t n_in, int64_t n_out) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < call->batch; n++)
        for (int64_t o = 0; o < n_out; o++) {
            const float *weight = call->param[0] + o * n_in;
            double gradient = call->out.gradient[n * n_out + o];
            double *to = call->in[0].gradient + n * n_in;
            for (int64_t i = 0; i < n_in; i++) to[i] += (double)weight[i] * gradient;
        }
}

static void backward_weights(const dnnb__ref_call *call, int64_t n_in, int64_t n_out) {
#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < n_out; o++)
        for (int64_t i = 0; i < n_in; i++) {
            double sum = 0;
            for (int64_t n = 0; n < call->batch; n++)
                sum += call->out.gradient[n * n_out + o] * call->in[0].value[n * n_in + i];
            call->param_gradient[0][o * n_in + i] = (float)sum;
        }
}

static void backward_bias(const dnnb__ref_call *call, int64_t n_out) {
    for (int64_t o = 0; o < n_out; o++) {
        double sum = 0;
        for (int64_t n = 0; n < call->batch; n++) sum += call->out.gradient[n * n_out + o];
        call->param_gradient[1][o] = (float)sum;
    }
}

static void backward(const dnnb__ref_call *call) {
    int64_t n_in = call->in[0].shape->dim[0], n_out = call->out.shape->dim[0];
    if (call->in[0].gradient) backward_data(call, n_in, n_out);
    if (call->param_gradient[0]) backward_weights(call, n_in, n_out);
    if (call->param_gradient[1]) backward_bias(call, n_out);
}

const dnnb__ref_op dnnb__ref_op_linear = {forward, backward};
