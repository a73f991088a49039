/* Strided convolutions of few channels, converted (see the header). */
#include "engine/onednn/space_to_depth.h"

#include <string.h>

#include "core/bf16.h"

enum { FEW_CHANNELS = 4, MAX_STRIDE = 8, USUAL_BLOCK = 8 };

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

bool dnnb__space_to_depth_suits(const dnnb__conv *conv) {
    int64_t stride = conv->stride[0];
    if (conv->in_channels > FEW_CHANNELS || stride < 2 || stride > MAX_STRIDE) return false;
    if (conv->stride[1] != stride || conv->groups != 1) return false;
    if (conv->dilation[0] != 1 || conv->dilation[1] != 1) return false;
    if (conv->kernel[0] < stride || conv->kernel[1] < stride) return false;
    /* Channels are padded to whole blocks and kernels to whole strides: not for a third more. */
    dnnb__conv converted;
    dnnb__space_to_depth_convert(conv, &converted);
    int64_t work = divide_up(converted.in_channels, USUAL_BLOCK) * USUAL_BLOCK *
                   converted.kernel[0] * converted.kernel[1];
    return 3 * work < 4 * conv->in_channels * conv->kernel[0] * conv->kernel[1];
}

void dnnb__space_to_depth_convert(const dnnb__conv *conv, dnnb__conv *out) {
    *out = *conv;
    out->in_channels = conv->in_channels * conv->stride[0] * conv->stride[1];
    for (int i = 0; i < 2; i++) {
        out->kernel[i] = divide_up(conv->kernel[i], conv->stride[i]);
        out->in[i] = conv->out[i] - 1 + out->kernel[i];
        out->stride[i] = 1;
        out->padding_begin[i] = out->padding_end[i] = 0;
    }
}

/* Call `visit` for each weight with its index in both forms. */
static void move_weights(const dnnb__conv *conv, const float *from, float *to, bool expand) {
    dnnb__conv c;
    dnnb__space_to_depth_convert(conv, &c);
    int64_t s = conv->stride[0], i = 0;
    for (int64_t o = 0; o < conv->out_channels; o++)
        for (int64_t in = 0; in < conv->in_channels; in++)
            for (int64_t y = 0; y < conv->kernel[0]; y++)
                for (int64_t x = 0; x < conv->kernel[1]; x++, i++) {
                    int64_t channel = (y % s * s + x % s) * conv->in_channels + in;
                    int64_t place =
                        ((o * c.in_channels + channel) * c.kernel[0] + y / s) * c.kernel[1] + x / s;
                    if (expand)
                        to[place] = from[i];
                    else
                        to[i] = from[place];
                }
}

void dnnb__space_to_depth_expand(const dnnb__conv *conv, const float *weights, float *expanded) {
    dnnb__conv c;
    dnnb__space_to_depth_convert(conv, &c);
    size_t count = (size_t)(c.out_channels * c.in_channels * c.kernel[0] * c.kernel[1]);
    memset(expanded, 0, count * sizeof(float));
    move_weights(conv, weights, expanded, true);
}

void dnnb__space_to_depth_contract(const dnnb__conv *conv, const float *expanded, float *weights) {
    move_weights(conv, expanded, weights, false);
}

void dnnb__space_to_depth_lay_out(const dnnb__conv *conv, int64_t block, dnnb__precision precision,
                                  dnnb__image_layout *out) {
    dnnb__conv c;
    dnnb__space_to_depth_convert(conv, &c);
    *out = (dnnb__image_layout){.channels = conv->in_channels,
                                .stride = conv->stride[0],
                                .padding = {conv->padding_begin[0], conv->padding_begin[1]},
                                .height = c.in[0],
                                .width = c.in[1],
                                .block = block,
                                .n_blocks = divide_up(c.in_channels, block),
                                .is_bf16 = precision == DNNB__BF16};
}

typedef struct squares {
    int64_t batch, in[2];
    dnnb__image_layout layout; /* of the converted input; the other one is row-major float32 */
} squares;

/* Where the pixels of one converted channel in one row come from: places first .. end from every
 * stride-th element of the result, the others are zero. */
static const float *find_row(const squares *s, const float *image, int64_t channel, int64_t y,
                             int64_t *first, int64_t *end) {
    const dnnb__image_layout *l = &s->layout;
    int64_t c = channel % l->channels, square = channel / l->channels;
    int64_t dy = square / l->stride, dx = square % l->stride;
    int64_t row = y * l->stride + dy - l->padding[0];
    dnnb__image_layout_find_places(l, dx, s->in[1], first, end);
    if (dy >= l->stride || row < 0 || row >= s->in[0]) *first = *end = 0;
    return image + (c * s->in[0] + row) * s->in[1] + dx - l->padding[1];
}

/* The pixels of one converted channel in one row: from the input, or zero. */
static void gather_row(const squares *s, const float *image, int64_t channel, int64_t y,
                       float *out) {
    const dnnb__image_layout *l = &s->layout;
    int64_t first, end;
    const float *in = find_row(s, image, channel, y, &first, &end);
    for (int64_t x = 0; x < first; x++) out[x * l->block] = 0.0f;
    for (int64_t x = first; x < end; x++) out[x * l->block] = in[x * l->stride];
    for (int64_t x = end; x < l->width; x++) out[x * l->block] = 0.0f;
}

static void gather_row_bf16(const squares *s, const float *image, int64_t channel, int64_t y,
                            uint16_t *out) {
    const dnnb__image_layout *l = &s->layout;
    int64_t first, end;
    const float *in = find_row(s, image, channel, y, &first, &end);
    for (int64_t x = 0; x < first; x++) out[x * l->block] = 0;
    for (int64_t x = first; x < end; x++) out[x * l->block] = dnnb__bf16_round(in[x * l->stride]);
    for (int64_t x = end; x < l->width; x++) out[x * l->block] = 0;
}

static void forward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const squares *s = step->settings;
    const dnnb__image_layout *l = &s->layout;
    const float *in = step->data[1];
    size_t n_floats = (size_t)(l->channels * s->in[0] * s->in[1]);
    size_t n_values = dnnb__image_layout_count(l);
#pragma omp parallel for collapse(3) schedule(static)
    for (int64_t n = 0; n < s->batch; n++)
        for (int64_t b = 0; b < l->n_blocks; b++)
            for (int64_t y = 0; y < l->height; y++)
                for (int64_t channel = b * l->block; channel < (b + 1) * l->block; channel++) {
                    const float *image = in + (size_t)n * n_floats;
                    size_t place =
                        (size_t)n * n_values + (size_t)dnnb__image_layout_find_row(l, channel, y);
                    if (l->is_bf16)
                        gather_row_bf16(s, image, channel, y, (uint16_t *)step->data[0] + place);
                    else
                        gather_row(s, image, channel, y, (float *)step->data[0] + place);
                }
}

static inline float read_gradient(const squares *s, const void *gradient, size_t i) {
    return s->layout.is_bf16 ? dnnb__bf16_widen(((const uint16_t *)gradient)[i])
                             : ((const float *)gradient)[i];
}

/* Every pixel of the input lies in one square at most: its gradient is a copy, or zero. */
static void backward_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const squares *s = step->settings;
    const dnnb__image_layout *l = &s->layout;
    float *in_gradient = step->data[0];
    size_t n_values = dnnb__image_layout_count(l);
#pragma omp parallel for collapse(3) schedule(static)
    for (int64_t n = 0; n < s->batch; n++)
        for (int64_t c = 0; c < l->channels; c++)
            for (int64_t y = 0; y < s->in[0]; y++) {
                float *row = in_gradient + ((n * l->channels + c) * s->in[0] + y) * s->in[1];
                int64_t yy = (y + l->padding[0]) / l->stride, dy = (y + l->padding[0]) % l->stride;
                for (int64_t x = 0; x < s->in[1]; x++) {
                    int64_t xx = (x + l->padding[1]) / l->stride;
                    int64_t dx = (x + l->padding[1]) % l->stride;
                    int64_t channel = (dy * l->stride + dx) * l->channels + c;
                    int64_t place = dnnb__image_layout_find_row(l, channel, yy) + xx * l->block;
                    bool has_place = yy < l->height && xx < l->width;
                    row[x] = has_place ? read_gradient(s, step->data[1],
                                                       (size_t)n * n_values + (size_t)place)
                                       : 0.0f;
                }
            }
}

static dnnb_status add_step(dnnb__onednn_plan *plan, const char *layer, const dnnb__conv *conv,
                            int64_t block, dnnb__kernel kernel, const size_t buffers[2]) {
    void *memory = NULL;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof(squares)));
    squares *s = memory;
    *s = (squares){.batch = conv->batch, .in = {conv->in[0], conv->in[1]}};
    dnnb__space_to_depth_lay_out(conv, block, dnnb__dnnl_get_precision(plan->net->dnnl),
                                 &s->layout);
    return dnnb__onednn_add_kernel(plan, layer, "reorder", "own space to depth", kernel, s, buffers,
                                   2);
}

dnnb_status dnnb__space_to_depth_add(dnnb__onednn_plan *plan, const char *layer,
                                     const dnnb__conv *conv, int64_t block, size_t from,
                                     size_t to) {
    size_t buffers[] = {to, from};
    return add_step(plan, layer, conv, block, forward_run, buffers);
}

dnnb_status dnnb__space_to_depth_add_backward(dnnb__onednn_plan *plan, const char *layer,
                                              const dnnb__conv *conv, int64_t block,
                                              size_t gradient, size_t in_gradient) {
    size_t buffers[] = {in_gradient, gradient};
    return add_step(plan, layer, conv, block, backward_run, buffers);
}
