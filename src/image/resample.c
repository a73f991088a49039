/* Weights of the triangle filter, and the two passes over an image. */
#include "image/resample.h"

#include <math.h>
#include <string.h>

#include "core/isa.h"
#include "core/mem.h"
#include "kernels/kernels.h"

enum { CHANNELS = 3 };

static double triangle(double x) {
    if (x < 0.0) x = -x;
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* Room for the weights of n_out outputs with n_padded each. */
static dnnb_status axis_reserve(dnnb__resample_axis *a, size_t n_out, size_t n_padded) {
    size_t n_weights;
    if (!dnnb__mul_size(n_out, n_padded, &n_weights))
        return dnnb__fail(DNNB_ERR_LIMIT, "resize: a size too large to compute with");
    if (n_out > a->bounds_capacity) {
        dnnb__free(a->first);
        dnnb__free(a->count);
        a->bounds_capacity = 0;
        a->first = dnnb__alloc(n_out, sizeof *a->first);
        a->count = dnnb__alloc(n_out, sizeof *a->count);
        if (!a->first || !a->count) return dnnb__fail_memory();
        a->bounds_capacity = n_out;
    }
    if (n_weights > a->weight_capacity) {
        dnnb__free(a->weight);
        dnnb__free(a->low);
        dnnb__free(a->high);
        a->weight_capacity = 0;
        size_t n = n_weights + n_weights / 2; /* so that growth ends soon */
        a->weight = dnnb__alloc(n, sizeof *a->weight);
        a->low = dnnb__alloc(n, sizeof *a->low);
        a->high = dnnb__alloc(n, sizeof *a->high);
        if (!a->weight || !a->low || !a->high) return dnnb__fail_memory();
        a->weight_capacity = n;
    }
    a->n_out = n_out;
    a->n_padded = n_padded;
    return DNNB_OK;
}

static void axis_destroy(dnnb__resample_axis *a) {
    dnnb__free(a->first);
    dnnb__free(a->count);
    dnnb__free(a->weight);
    dnnb__free(a->low);
    dnnb__free(a->high);
    *a = (dnnb__resample_axis){0};
}

/* One output's weights: triangle values around its centre, normalised to the sum of one, rounded.
 * The values are computed twice rather than kept, as the sum is needed before the first division.
 */
static void axis_fill_one(dnnb__resample_axis *a, size_t i, double centre, double scale,
                          double support, int64_t n_in) {
    int64_t first = (int64_t)(centre - support + 0.5), end = (int64_t)(centre + support + 0.5);
    if (first < 0) first = 0;
    if (end > n_in) end = n_in;
    size_t count = (size_t)(end - first);
    int32_t *weight = a->weight + i * a->n_padded;
    int16_t *low = a->low + i * a->n_padded, *high = a->high + i * a->n_padded;
    double sum = 0.0, inverse = 1.0 / scale;
    for (size_t j = 0; j < count; j++)
        sum += triangle(((double)((int64_t)j + first) - centre + 0.5) * inverse);
    for (size_t j = 0; j < a->n_padded; j++) {
        double w = 0.0;
        if (j < count) w = triangle(((double)((int64_t)j + first) - centre + 0.5) * inverse);
        if (sum != 0.0) w /= sum;
        weight[j] = (int32_t)(0.5 + w * (1 << DNNB__RESAMPLE_BITS));
        low[j] = (int16_t)(weight[j] & ((1 << DNNB__RESAMPLE_LOW_BITS) - 1));
        high[j] = (int16_t)(weight[j] >> DNNB__RESAMPLE_LOW_BITS);
    }
    a->first[i] = (int32_t)first;
    a->count[i] = (int32_t)count;
}

static dnnb_status axis_fill(dnnb__resample_axis *a, int64_t n_in, int64_t n_out) {
    double scale = (double)(float)n_in / (double)n_out; /* Pillow keeps box sides in float32 */
    double stretch = scale < 1.0 ? 1.0 : scale;
    size_t n_taps = (size_t)ceil(stretch) * 2 + 1;
    size_t group = DNNB__RESAMPLE_GROUP, n_padded = (n_taps + group - 1) / group * group;
    DNNB_TRY(axis_reserve(a, (size_t)n_out, n_padded));
    size_t max_count = 1;
    for (size_t i = 0; i < (size_t)n_out; i++) {
        axis_fill_one(a, i, ((double)i + 0.5) * scale, stretch, stretch, n_in);
        if ((size_t)a->count[i] > max_count) max_count = (size_t)a->count[i];
    }
    a->n_used = (max_count + group - 1) / group * group;
    return DNNB_OK;
}

dnnb_status dnnb__resample_check(dnnb_box *out, const dnnb_image *image, const dnnb_box *box,
                                 int64_t width_px, int64_t height_px) {
    const int64_t limit = INT32_MAX / 4;
    int64_t w = image->width_px, h = image->height_px;
    dnnb_box b = box ? *box : (dnnb_box){0, 0, w, h};
    if (!image->pixels || w < 1 || h < 1 || w > limit || h > limit)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "resize: expected an image with pixels, found none");
    if (width_px < 1 || height_px < 1 || width_px > limit || height_px > limit)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "resize: expected a positive size, found %lld x %lld",
                          (long long)width_px, (long long)height_px);
    if (b.left_px < 0 || b.top_px < 0 || b.width_px < 1 || b.height_px < 1 || b.width_px > w ||
        b.height_px > h || b.left_px > w - b.width_px || b.top_px > h - b.height_px)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "resize: expected a box inside %lld x %lld, found %lld x %lld at "
                          "(%lld, %lld)",
                          (long long)w, (long long)h, (long long)b.width_px, (long long)b.height_px,
                          (long long)b.left_px, (long long)b.top_px);
    *out = b;
    return DNNB_OK;
}

static dnnb_status reserve(uint8_t **block, size_t *capacity_bytes, size_t n_rows,
                           size_t stride_bytes) {
    size_t n_bytes;
    if (!dnnb__mul_size(n_rows, stride_bytes, &n_bytes) ||
        !dnnb__add_size(n_bytes, DNNB__RESAMPLE_SLACK, &n_bytes))
        return dnnb__fail(DNNB_ERR_LIMIT, "resize: a size too large to compute with");
    if (n_bytes <= *capacity_bytes) return DNNB_OK;
    dnnb__free(*block);
    size_t n = n_bytes + n_bytes / 4;
    *block = dnnb__alloc(n, 1);
    *capacity_bytes = *block ? n : 0;
    return *block ? DNNB_OK : dnnb__fail_memory();
}

/* n_rows rows of a box through the horizontal weights into r->rows. Rows too near to the end of the
 * image for the kernels' slack go by way of r->line. */
static dnnb_status pass_horizontal(dnnb__resample *r, const uint8_t *in, size_t in_stride,
                                   size_t box_bytes, size_t n_rows, const uint8_t *image_end,
                                   size_t out_stride) {
    DNNB_TRY(reserve(&r->rows, &r->rows_capacity_bytes, n_rows, out_stride));
    size_t reach = box_bytes + r->x.n_used * CHANNELS; /* and the slack */
    DNNB_TRY(reserve(&r->line, &r->line_capacity_bytes, 1, reach));
    memset(r->line + box_bytes, 0, reach - box_bytes + DNNB__RESAMPLE_SLACK);
    for (size_t y = 0; y < n_rows; y++, in += in_stride) {
        bool is_near_end = (size_t)(image_end - in) < reach + DNNB__RESAMPLE_SLACK;
        if (is_near_end) memcpy(r->line, in, box_bytes);
        r->kernel->row(&r->x, is_near_end ? r->line : in, r->rows + y * out_stride);
    }
    return DNNB_OK;
}

dnnb_status dnnb__resample_apply(dnnb__resample *r, const dnnb_image *image, dnnb_box box,
                                 int64_t width_px, int64_t height_px, dnnb__resample_sink *sink,
                                 void *context) {
    dnnb__isa isa;
    DNNB_TRY(dnnb__isa_get(&isa));
    r->kernel = dnnb__kernels_find_resample(isa);
    size_t stride = (size_t)image->width_px * CHANNELS, out_bytes = (size_t)width_px * CHANNELS;
    const uint8_t *rows =
        image->pixels + (size_t)box.top_px * stride + (size_t)box.left_px * CHANNELS;
    size_t n_rows = (size_t)box.height_px, n_out = (size_t)height_px;
    bool is_vertical = box.height_px != height_px;
    size_t first = 0;
    if (is_vertical) {
        DNNB_TRY(axis_fill(&r->y, box.height_px, height_px));
        first = (size_t)r->y.first[0];
        n_rows = (size_t)(r->y.first[n_out - 1] + r->y.count[n_out - 1]) - first;
        rows += first * stride;
    }
    if (box.width_px != width_px) {
        DNNB_TRY(axis_fill(&r->x, box.width_px, width_px));
        const uint8_t *image_end = image->pixels + (size_t)image->height_px * stride;
        DNNB_TRY(pass_horizontal(r, rows, stride, (size_t)box.width_px * CHANNELS, n_rows,
                                 image_end, out_bytes));
        rows = r->rows;
        stride = out_bytes;
    }
    if (!is_vertical) {
        for (size_t y = 0; y < n_out; y++) sink(context, y, rows + y * stride);
        return DNNB_OK;
    }
    DNNB_TRY(reserve(&r->line, &r->line_capacity_bytes, 1, out_bytes));
    for (size_t y = 0; y < n_out; y++) {
        dnnb__resample_column(r->y.weight + y * r->y.n_padded, (size_t)r->y.count[y],
                              rows + ((size_t)r->y.first[y] - first) * stride, stride, out_bytes,
                              r->line);
        sink(context, y, r->line);
    }
    return DNNB_OK;
}

void dnnb__resample_destroy(dnnb__resample *r) {
    axis_destroy(&r->x);
    axis_destroy(&r->y);
    dnnb__free(r->rows);
    dnnb__free(r->line);
    *r = (dnnb__resample){0};
}
