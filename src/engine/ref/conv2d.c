/*
 * Conv2d as its definition: for each weight, one multiply-add for each output that it reaches.
 *
 * out[n][o][y][x] = bias[o] + sum over i, kh, kw of
 *     weight[o][i][kh][kw] * in[n][g + i][y * stride + kh * dilation - padding][...]
 */
#include "engine/ref/ref.h"

/* The sizes of a call: one image's planes, and the channels of a group. */
typedef struct sizes {
    int64_t in_channels, height, width;
    int64_t out_channels, out_height, out_width;
    int64_t group_in, group_out;
    int64_t kernel[2];
} sizes;

static sizes get_sizes(const dnnb__ref_call *call) {
    const int64_t *in = call->in[0].shape->dim, *out = call->out.shape->dim;
    const dnnb__conv2d_attr *attr = &call->node->attr.conv2d;
    return (sizes){in[0],
                   in[1],
                   in[2],
                   out[0],
                   out[1],
                   out[2],
                   in[0] / attr->groups,
                   out[0] / attr->groups,
                   {attr->kernel[0], attr->kernel[1]}};
}

/* Outputs first .. last - 1 along an axis read inside the input when the kernel is at tap k; output
 * i reads element i * stride + offset. */
typedef struct reach {
    int64_t first, last, stride, offset;
} reach;

static reach get_reach(const dnnb__conv2d_attr *attr, size_t axis, int64_t k, int64_t n_in,
                       int64_t n_out) {
    int64_t stride = attr->stride[axis];
    int64_t offset = k * attr->dilation[axis] - attr->padding[axis];
    int64_t first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    int64_t last = n_in - 1 - offset < 0 ? 0 : (n_in - 1 - offset) / stride + 1;
    return (reach){first, last < n_out ? last : n_out, stride, offset};
}

static void add_outputs(const dnnb__conv2d_attr *attr, const sizes *s, const float *weight,
                        const double *in, double *out) {
    for (int64_t kh = 0; kh < s->kernel[0]; kh++)
        for (int64_t kw = 0; kw < s->kernel[1]; kw++) {
            reach y = get_reach(attr, 0, kh, s->height, s->out_height);
            reach x = get_reach(attr, 1, kw, s->width, s->out_width);
            double w = (double)weight[kh * s->kernel[1] + kw];
            for (int64_t i = y.first; i < y.last; i++) {
                const double *from = in + (i * y.stride + y.offset) * s->width + x.offset;
                double *to = out + i * s->out_width;
                for (int64_t j = x.first; j < x.last; j++) to[j] += w * from[j * x.stride];
            }
        }
}

static void forward(const dnnb__ref_call *call) {
    const dnnb__conv2d_attr *attr = &call->node->attr.conv2d;
    const sizes s = get_sizes(call);
    int64_t plane = s.out_height * s.out_width, taps = s.kernel[0] * s.kernel[1];
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < call->batch; n++)
        for (int64_t o = 0; o < s.out_channels; o++) {
            double *out = call->out.value + (n * s.out_channels + o) * plane;
            double bias = call->param[1] ? (double)call->param[1][o] : 0.0;
            for (int64_t i = 0; i < plane; i++) out[i] = bias;
            int64_t first = o / s.group_out * s.group_in; /* the group's first input channel */
            for (int64_t i = 0; i < s.group_in; i++)
                add_outputs(
                    attr, &s, call->param[0] + (o * s.group_in + i) * taps,
                    call->in[0].value + (n * s.in_channels + first + i) * s.height * s.width, out);
        }
}

static void add_input_gradient(const dnnb__conv2d_attr *attr, const sizes *s, const float *weight,
                               const double *out_gradient, double *in_gradient) {
    for (int64_t kh = 0; kh < s->kernel[0]; kh++)
        for (int64_t kw = 0; kw < s->kernel[1]; kw++) {
            reach y = get_reach(attr, 0, kh, s->height, s->out_height);
            reach x = get_reach(attr, 1, kw, s->width, s->out_width);
            double w = (double)weight[kh * s->kernel[1] + kw];
            for (int64_t i = y.first; i < y.last; i++) {
                double *to = in_gradient + (i * y.stride + y.offset) * s->width + x.offset;
                const double *from = out_gradient + i * s->out_width;
                for (int64_t j = x.first; j < x.last; j++) to[j * x.stride] += w * from[j];
            }
        }
}

static void backward_data(const dnnb__ref_call *call, const sizes *s) {
    const dnnb__conv2d_attr *attr = &call->node->attr.conv2d;
    int64_t plane = s->out_height * s->out_width, taps = s->kernel[0] * s->kernel[1];
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < call->batch; n++)
        for (int64_t i = 0; i < s->in_channels; i++) {
            int64_t group = i / s->group_in;
            for (int64_t k = 0; k < s->group_out; k++) {
                int64_t o = group * s->group_out + k;
                add_input_gradient(
                    attr, s, call->param[0] + (o * s->group_in + i % s->group_in) * taps,
                    call->out.gradient + (n * s->out_channels + o) * plane,
                    call->in[0].gradient + (n * s->in_channels + i) * s->height * s->width);
            }
        }
}

/* Gradient of one weight: over the batch and the outputs that it reaches. */
static double get_weight_gradient(const dnnb__ref_call *call, const sizes *s, int64_t o,
                                  int64_t channel, const reach *y, const reach *x) {
    double sum = 0;
    for (int64_t n = 0; n < call->batch; n++) {
        const double *out_gradient =
            call->out.gradient + (n * s->out_channels + o) * s->out_height * s->out_width;
        const double *in =
            call->in[0].value + (n * s->in_channels + channel) * s->height * s->width;
        for (int64_t i = y->first; i < y->last; i++)
            if (x->last > x->first)
                sum += dnnb__ref_dot(out_gradient + i * s->out_width + x->first,
                                     in + (i * y->stride + y->offset) * s->width +
                                         x->first * x->stride + x->offset,
                                     x->stride, x->last - x->first);
    }
    return sum;
}

static void backward_weights(const dnnb__ref_call *call, const sizes *s) {
    const dnnb__conv2d_attr *attr = &call->node->attr.conv2d;
    int64_t taps = s->kernel[0] * s->kernel[1];
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t o = 0; o < s->out_channels; o++)
        for (int64_t i = 0; i < s->group_in; i++)
            for (int64_t t = 0; t < taps; t++) {
                reach y = get_reach(attr, 0, t / s->kernel[1], s->height, s->out_height);
                reach x = get_reach(attr, 1, t % s->kernel[1], s->width, s->out_width);
                int64_t channel = o / s->group_out * s->group_in + i;
                call->param_gradient[0][(o * s->group_in + i) * taps + t] =
                    (float)get_weight_gradient(call, s, o, channel, &y, &x);
            }
}

static void backward_bias(const dnnb__ref_call *call, const sizes *s) {
    int64_t plane = s->out_height * s->out_width;
    for (int64_t o = 0; o < s->out_channels; o++) {
        double sum = 0;
        for (int64_t n = 0; n < call->batch; n++)
            for (int64_t i = 0; i < plane; i++)
                sum += call->out.gradient[(n * s->out_channels + o) * plane + i];
        call->param_gradient[1][o] = (float)sum;
    }
}

static void backward(const dnnb__ref_call *call) {
    const sizes s = get_sizes(call);
    if (call->in[0].gradient) backward_data(call, &s);
    if (call->param_gradient[0]) backward_weights(call, &s);
    if (call->param_gradient[1]) backward_bias(call, &s);
}

const dnnb__ref_op dnnb__ref_op_conv2d = {forward, backward};
