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
    float *red = n->out + row * n->width, *green = red + n->plane, *blue = green + n->plane;
    if (n->flip) {
        const uint8_t *pixel = pixels + n->width * 3;
        for (size_t x = 0; x < n->width; x++) {
            pixel -= 3;
            red[x] = n->table[0][pixel[0]];
            green[x] = n->table[1][pixel[1]];
            blue[x] = n->table[2][pixel[2]];
        }
    } else {
        for (size_t x = 0; x < n->width; x++, pixels += 3) {
            red[x] = n->table[0][pixels[0]];
            green[x] = n->table[1][pixels[1]];
            blue[x] = n->table[2][pixels[2]];
        }
    }
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
