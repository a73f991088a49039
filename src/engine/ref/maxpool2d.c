/* MaxPool2d: the first of the largest elements of a window, row by row, takes the gradient; a NaN
 * is larger than any number. Both as in PyTorch. */
#include "engine/ref/ref.h"

/* Index in the plane of the window's largest element. Every window holds an element: padding is at
 * most half of the kernel. */
static int64_t find_largest(const dnnb__pool2d_attr *attr, const double *plane, int64_t height,
                            int64_t width, int64_t y, int64_t x) {
    int64_t best = -1;
    for (int64_t kh = 0; kh < attr->kernel[0]; kh++)
        for (int64_t kw = 0; kw < attr->kernel[1]; kw++) {
            int64_t i = y * attr->stride[0] + kh - attr->padding[0];
            int64_t j = x * attr->stride[1] + kw - attr->padding[1];
            if (i < 0 || i >= height || j < 0 || j >= width) continue;
            double value = plane[i * width + j];
            if (best < 0 || value > plane[best] || value != value) best = i * width + j;
        }
    return best;
}

static void pool(const dnnb__ref_call *call, bool is_backward) {
    const dnnb__pool2d_attr *attr = &call->node->attr.pool2d;
    int64_t height = call->in[0].shape->dim[1], width = call->in[0].shape->dim[2];
    int64_t out_height = call->out.shape->dim[1], out_width = call->out.shape->dim[2];
    int64_t n_planes = call->batch * call->in[0].shape->dim[0];
#pragma omp parallel for schedule(static)
    for (int64_t p = 0; p < n_planes; p++)
        for (int64_t y = 0; y < out_height; y++)
            for (int64_t x = 0; x < out_width; x++) {
                int64_t in = p * height * width, out = (p * out_height + y) * out_width + x;
                in += find_largest(attr, call->in[0].value + in, height, width, y, x);
                if (is_backward)
                    call->in[0].gradient[in] += call->out.gradient[out];
                else
                    call->out.value[out] = call->in[0].value[in];
            }
}

static void forward(const dnnb__ref_call *call) {
    pool(call, false);
}

static void backward(const dnnb__ref_call *call) {
    if (call->in[0].gradient) pool(call, true);
}

const dnnb__ref_op dnnb__ref_op_maxpool2d = {forward, backward};
