/* AdaptiveAvgPool2d: output i averages elements floor(i n / out) to ceil((i + 1) n / out) - 1. */
#include "engine/ref/ref.h"

typedef struct range {
    int64_t first, last; /* elements first .. last - 1 */
} range;

static range get_range(int64_t i, int64_t n_in, int64_t n_out) {
    return (range){i * n_in / n_out, ((i + 1) * n_in + n_out - 1) / n_out};
}

static double average(const double *in, int64_t width, range y, range x) {
    double sum = 0;
    for (int64_t i = y.first; i < y.last; i++)
        for (int64_t j = x.first; j < x.last; j++) sum += in[i * width + j];
    return sum / (double)((y.last - y.first) * (x.last - x.first));
}

static void spread(double *in_gradient, int64_t width, range y, range x, double gradient) {
    double share = gradient / (double)((y.last - y.first) * (x.last - x.first));
    for (int64_t i = y.first; i < y.last; i++)
        for (int64_t j = x.first; j < x.last; j++) in_gradient[i * width + j] += share;
}

static void pool(const dnnb__ref_call *call, bool is_backward) {
    int64_t height = call->in[0].shape->dim[1], width = call->in[0].shape->dim[2];
    int64_t out_height = call->out.shape->dim[1], out_width = call->out.shape->dim[2];
    int64_t n_planes = call->batch * call->in[0].shape->dim[0];
    for (int64_t p = 0; p < n_planes; p++)
        for (int64_t y = 0; y < out_height; y++)
            for (int64_t x = 0; x < out_width; x++) {
                range rows = get_range(y, height, out_height);
                range columns = get_range(x, width, out_width);
                int64_t in = p * height * width, out = (p * out_height + y) * out_width + x;
                if (is_backward)
                    spread(call->in[0].gradient + in, width, rows, columns,
                           call->out.gradient[out]);
                else
                    call->out.value[out] = average(call->in[0].value + in, width, rows, columns);
            }
}

static void forward(const dnnb__ref_call *call) {
    pool(call, false);
}

static void backward(const dnnb__ref_call *call) {
    if (call->in[0].gradient) pool(call, true);
}

const dnnb__ref_op dnnb__ref_op_adaptive_avgpool2d = {forward, backward};
