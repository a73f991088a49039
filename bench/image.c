/*
 * Processor time of decoding and of the training and testing transforms, in milliseconds an image,
 * as one JSON line. One thread, public calls; bench/image.py puts Pillow and torchvision beside it.
 *
 * Usage: image PICTURE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dnnbrain/image.h"

enum { SIDE = 224 };

static double get_ms(void) {
    return (double)clock() * 1e3 / CLOCKS_PER_SEC;
}

static dnnb_status transform(const dnnb_image *image, const dnnb_box *box, bool flip, float *out) {
    dnnb_image resized;
    dnnb_status status = dnnb_image_resize(&resized, image, box, SIDE, SIDE);
    if (status != DNNB_OK) return status;
    if (flip) dnnb_image_flip(&resized);
    dnnb_image_normalize(&resized, dnnb_imagenet_mean, dnnb_imagenet_std, out);
    dnnb_image_clear(&resized);
    return DNNB_OK;
}

int main(int argc, char **argv) {
    static float out[3 * SIDE * SIDE];
    double decode = 0, train = 0, test = 0;
    for (int i = 1; i < argc; i++) {
        dnnb_image image;
        dnnb_box box;
        bool flip;
        double start = get_ms();
        dnnb_status status = dnnb_image_load(&image, argv[i], NULL);
        double decoded = get_ms();
        if (status == DNNB_OK) {
            dnnb_augment_draw(1, 0, (uint64_t)i, image.width_px, image.height_px, 0.08, &box,
                              &flip);
            status = transform(&image, &box, flip, out);
        }
        double trained = get_ms();
        if (status == DNNB_OK) status = transform(&image, NULL, false, out);
        if (status != DNNB_OK) {
            fprintf(stderr, "%s\n", dnnb_get_error());
            return 1;
        }
        decode += decoded - start;
        train += trained - decoded;
        test += get_ms() - trained;
        dnnb_image_clear(&image);
    }
    int n = argc > 1 ? argc - 1 : 1;
    printf("{\"decode_ms\": %.4f, \"train_ms\": %.4f, \"test_ms\": %.4f}\n", decode / n, train / n,
           test / n);
    return 0;
}
