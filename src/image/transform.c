/* Crop, resize, flip and normalise in one pass, with scratch that is used again. */
#include "image/transform.h"

#include <string.h>

#include "core/mem.h"

/* Where the rows of one image go. */
typedef struct target {
    dnnb__transform *transform;
    const dnnb__image_layout *layout;
    int64_t width_px, height_px;
    bool flip;
    char *out;
} target;

static void normalize_row(const target *t, const dnnb__image_layout *layout, int64_t row,
                          const uint8_t *pixels, void *out) {
    dnnb__normalize_row(&t->transform->normalize, pixels, t->width_px, t->flip, layout, row, out);
}

/* The places of one row of squares, as they lie in a layout of one such row. */
static dnnb__image_layout get_row_layout(const dnnb__image_layout *layout) {
    dnnb__image_layout row = *layout;
    row.height = 1;
    row.padding[0] = 0;
    return row;
}

/* Squares are put together in the transform's memory, which stays in a cache, and then copied:
 * rows of pixels that write a part of each place would fetch it again and again. */
static void take_row_of_squares(const target *t, int64_t row, const uint8_t *pixels) {
    const dnnb__image_layout *l = t->layout;
    dnnb__image_layout places = get_row_layout(l);
    int64_t y = (row + l->padding[0]) / l->stride, dy = (row + l->padding[0]) % l->stride;
    size_t n_bytes = dnnb__image_layout_get_bytes(&places), part = n_bytes / (size_t)l->n_blocks;
    bool is_last = row == t->height_px - 1;
    if (row == 0 || (dy == 0 && row + l->stride > t->height_px))
        memset(t->transform->places, 0, n_bytes);
    normalize_row(t, &places, dy, pixels, t->transform->places);
    if ((dy < l->stride - 1 && !is_last) || y >= l->height) return;
    for (int64_t b = 0; b < l->n_blocks; b++)
        memcpy(t->out + (size_t)(b * l->height + y) * part, t->transform->places + (size_t)b * part,
               part);
}

static void take_row(void *context, size_t row, const uint8_t *pixels) {
    const target *t = context;
    if (t->layout->stride > 1)
        take_row_of_squares(t, (int64_t)row, pixels);
    else
        normalize_row(t, t->layout, (int64_t)row, pixels, t->out);
}

static dnnb_status reserve_places(dnnb__transform *t, const dnnb__image_layout *layout) {
    dnnb__image_layout places = get_row_layout(layout);
    size_t n_bytes = dnnb__image_layout_get_bytes(&places);
    if (layout->stride == 1 || n_bytes <= t->places_bytes) return DNNB_OK;
    dnnb__free(t->places);
    t->places = dnnb__alloc(n_bytes, 1);
    t->places_bytes = t->places ? n_bytes : 0;
    return t->places ? DNNB_OK : dnnb__fail_memory();
}

static void fill_table(dnnb__transform *t, const float mean[3], const float std[3]) {
    const dnnb__normalize *n = &t->normalize;
    if (t->has_table && memcmp(n->mean, mean, sizeof n->mean) == 0 &&
        memcmp(n->std, std, sizeof n->std) == 0)
        return;
    dnnb__normalize_fill(&t->normalize, mean, std);
    t->has_table = true;
}

dnnb_status dnnb__transform_apply(dnnb__transform *t, const dnnb_image *image, const dnnb_box *box,
                                  bool flip, int64_t width_px, int64_t height_px,
                                  const float mean[3], const float std[3],
                                  const dnnb__image_layout *layout, void *out) {
    dnnb_box inside;
    DNNB_TRY(dnnb__resample_check(&inside, image, box, width_px, height_px));
    DNNB_TRY(reserve_places(t, layout));
    fill_table(t, mean, std);
    target to = {t, layout, width_px, height_px, flip, out};
    return dnnb__resample_apply(&t->resample, image, inside, width_px, height_px, take_row, &to);
}

dnnb_status dnnb__transform_normalize(dnnb__transform *t, const dnnb_image *image,
                                      const float mean[3], const float std[3],
                                      const dnnb__image_layout *layout, void *out) {
    DNNB_TRY(reserve_places(t, layout));
    fill_table(t, mean, std);
    target to = {t, layout, image->width_px, image->height_px, false, out};
    size_t stride = (size_t)image->width_px * 3;
    for (size_t y = 0; y < (size_t)image->height_px; y++)
        take_row(&to, y, image->pixels + y * stride);
    return DNNB_OK;
}

void dnnb__transform_destroy(dnnb__transform *t) {
    dnnb__resample_destroy(&t->resample);
    dnnb__free(t->places);
    *t = (dnnb__transform){0};
}
