/* The public resize and flip. */
#include <string.h>

#include "core/mem.h"
#include "dnnbrain/image.h"
#include "image/resample.h"

typedef struct row_copy {
    uint8_t *pixels;
    size_t row_bytes;
} row_copy;

static void copy_row(void *context, size_t row, const uint8_t *pixels) {
    const row_copy *copy = context;
    memcpy(copy->pixels + row * copy->row_bytes, pixels, copy->row_bytes);
}

dnnb_status dnnb_image_resize(dnnb_image *out, const dnnb_image *in, const dnnb_box *box,
                              int64_t width_px, int64_t height_px) {
    *out = (dnnb_image){0};
    dnnb_box inside;
    DNNB_TRY(dnnb__resample_check(&inside, in, box, width_px, height_px));
    row_copy copy = {.row_bytes = (size_t)width_px * 3};
    copy.pixels = dnnb__alloc((size_t)height_px, copy.row_bytes);
    if (!copy.pixels) return dnnb__fail_memory();
    dnnb__resample resample = {0};
    dnnb_status status =
        dnnb__resample_apply(&resample, in, inside, width_px, height_px, copy_row, &copy);
    dnnb__resample_destroy(&resample);
    if (status != DNNB_OK) {
        dnnb__free(copy.pixels);
        return status;
    }
    *out = (dnnb_image){.pixels = copy.pixels, .width_px = width_px, .height_px = height_px};
    return DNNB_OK;
}

void dnnb_image_flip(dnnb_image *image) {
    size_t w = (size_t)image->width_px;
    for (int64_t y = 0; y < image->height_px; y++) {
        uint8_t *row = image->pixels + (size_t)y * w * 3;
        for (size_t left = 0, right = w; left + 1 < right; left++) {
            right--;
            for (size_t c = 0; c < 3; c++) {
                uint8_t kept = row[left * 3 + c];
                row[left * 3 + c] = row[right * 3 + c];
                row[right * 3 + c] = kept;
            }
        }
    }
}
