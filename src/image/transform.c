/* Crop, resize, flip and normalise in one pass, with scratch that is used again. */
#include "image/transform.h"

#include <string.h>

#include "core/mem.h"
#include "image/normalize.h"

typedef struct row_normalize {
    float (*table)[256];
    float *out;
    size_t width, plane;
    bool flip;
} row_normalize;

static void normalize_row(void *context, size_t row, const uint8_t *pixels) {
    const row_normalize *n = context;
    dnnb__normalize_row(n->table, pixels, n->width, n->flip, n->out + row * n->width, n->plane);
}

dnnb_status dnnb__transform_apply(dnnb__transform *t, const dnnb_image *image, const dnnb_box *box,
                                  bool flip, int64_t width_px, int64_t height_px,
                                  const float mean[3], const float std[3], float *out) {
    dnnb_box inside;
    DNNB_TRY(dnnb__resample_check(&inside, image, box, width_px, height_px));
    if (!t->has_table || memcmp(t->mean, mean, sizeof t->mean) != 0 ||
        memcmp(t->std, std, sizeof t->std) != 0) {
        memcpy(t->mean, mean, sizeof t->mean);
        memcpy(t->std, std, sizeof t->std);
        dnnb__normalize_fill(t->table, mean, std);
        t->has_table = true;
    }
    row_normalize n = {.table = t->table,
                       .out = out,
                       .width = (size_t)width_px,
                       .plane = (size_t)width_px * (size_t)height_px,
                       .flip = flip};
    return dnnb__resample_apply(&t->resample, image, inside, width_px, height_px, normalize_row,
                                &n);
}

void dnnb__transform_destroy(dnnb__transform *t) {
    dnnb__resample_destroy(&t->resample);
    *t = (dnnb__transform){0};
}
