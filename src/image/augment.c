/*
 * The training augmentation's draws: a random resized crop and a flip.
 *
 * Up to ten times an area and a log-uniform aspect are drawn; the first box that fits is placed
 * uniformly. Otherwise the largest box in the middle whose aspect is allowed. The flip is the last
 * draw. Source: torchvision 0.14, RandomResizedCrop.get_params and RandomHorizontalFlip.
 */
#include <math.h>

#include "core/random.h"
#include "dnnbrain/image.h"

enum { N_TRIES = 10 };

static const double aspect_min = 3.0 / 4.0, aspect_max = 4.0 / 3.0;

static double draw_between(dnnb__random_draws *draws, double low, double high) {
    return low + (high - low) * dnnb__random_uniform(draws);
}

static int64_t draw_offset(dnnb__random_draws *draws, int64_t room) {
    return (int64_t)dnnb__random_below(draws, (uint64_t)room + 1);
}

static bool draw_box(dnnb__random_draws *draws, int64_t width, int64_t height, double crop_scale,
                     dnnb_box *box) {
    double area = (double)width * (double)height;
    for (int i = 0; i < N_TRIES; i++) {
        double target = area * draw_between(draws, crop_scale, 1.0);
        double aspect = exp(draw_between(draws, log(aspect_min), log(aspect_max)));
        /* rint rounds halves to even, as Python's round() does. */
        double w = rint(sqrt(target * aspect)), h = rint(sqrt(target / aspect));
        if (w < 1 || w > (double)width || h < 1 || h > (double)height) continue;
        box->width_px = (int64_t)w;
        box->height_px = (int64_t)h;
        box->top_px = draw_offset(draws, height - box->height_px);
        box->left_px = draw_offset(draws, width - box->width_px);
        return true;
    }
    return false;
}

static dnnb_box centre_box(int64_t width, int64_t height) {
    dnnb_box box = {.width_px = width, .height_px = height};
    double aspect = (double)width / (double)height;
    if (aspect < aspect_min)
        box.height_px = (int64_t)rint((double)width / aspect_min);
    else if (aspect > aspect_max)
        box.width_px = (int64_t)rint((double)height * aspect_max);
    box.left_px = (width - box.width_px) / 2;
    box.top_px = (height - box.height_px) / 2;
    return box;
}

void dnnb_augment_draw(uint64_t seed, uint64_t epoch, uint64_t index, int64_t width_px,
                       int64_t height_px, double crop_scale, dnnb_box *box, bool *flip) {
    dnnb__random_key key = dnnb__random_key_create(seed, DNNB__PURPOSE_AUGMENT);
    dnnb__random_draws draws = dnnb__random_draws_create(key, (uint32_t)epoch, (uint32_t)index);
    if (!draw_box(&draws, width_px, height_px, crop_scale, box))
        *box = centre_box(width_px, height_px);
    *flip = dnnb__random_uniform(&draws) < 0.5;
}
