/*
 * The images that were predicted worst and best, with small copies of them.
 *
 * Order: by the loss of the image alone, the cross-entropy of its label or the mean squared error
 * of its targets in units of their variance. Pictures are at most THUMBNAIL_PX wide and high, and
 * all of them together at most MAX_PICTURE_BYTES; one that cannot be shown is passed over.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/file.h"
#include "image/encode.h"
#include "page/page.h"

enum {
    N_SHOWN = 12, /* of the worst, and of the best */
    N_OUTPUTS_SHOWN = 3,
    THUMBNAIL_PX = 160,
    QUALITY = 80,
    MAX_PICTURE_BYTES = 1 << 19
};
static const int64_t max_pixels = 50000000; /* a larger one takes too long for a report */

typedef struct ranked {
    size_t i;
    double loss;
} ranked;

static int compare_worst(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->loss != y->loss) return x->loss < y->loss ? 1 : -1;
    return (x->i > y->i) - (x->i < y->i);
}

/* ---- losses ---- */

double dnnb__page_get_log_sum(const float *outputs, size_t n) {
    double largest = -INFINITY, sum = 0;
    for (size_t k = 0; k < n; k++) largest = fmax(largest, (double)outputs[k]);
    for (size_t k = 0; k < n; k++) sum += exp((double)outputs[k] - largest);
    return log(sum) + largest;
}

static double get_variance(const dnnb_record *record, size_t target) {
    size_t n = dnnb_record_get_n_predictions(record);
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        mean += (double)dnnb_record_get_prediction(record, i).targets[target] / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = (double)dnnb_record_get_prediction(record, i).targets[target] - mean;
        sum += d * d / (double)n;
    }
    return sum > 0 ? sum : 1;
}

static void rank_classification(const dnnb_record *record, ranked *out) {
    size_t n_outputs = dnnb_record_get_n_outputs(record);
    for (size_t i = 0; i < dnnb_record_get_n_predictions(record); i++) {
        dnnb_prediction p = dnnb_record_get_prediction(record, i);
        out[i] =
            (ranked){i, dnnb__page_get_log_sum(p.outputs, n_outputs) - (double)p.outputs[p.label]};
    }
}

static size_t count_pairs(const dnnb_record *record) {
    size_t n_outputs = dnnb_record_get_n_outputs(record);
    size_t n_targets = dnnb_record_get_n_targets(record);
    return n_outputs < n_targets ? n_outputs : n_targets;
}

static void rank_regression(const dnnb_record *record, ranked *out) {
    size_t n = dnnb_record_get_n_predictions(record), n_pairs = count_pairs(record);
    for (size_t i = 0; i < n; i++) out[i] = (ranked){i, 0};
    for (size_t k = 0; k < n_pairs; k++) {
        double variance = get_variance(record, k);
        for (size_t i = 0; i < n; i++) {
            dnnb_prediction p = dnnb_record_get_prediction(record, i);
            double d = (double)p.outputs[k] - (double)p.targets[k];
            out[i].loss += d * d / variance / (double)n_pairs;
        }
    }
}

/* ---- pictures ---- */

/* A data URI, or null for an image that cannot be shown. */
static json_t *make_picture(const dnnb_record *record, const char *id, size_t *n_left,
                            dnnb_image *shown) {
    const char *folder = dnnb_record_get_images_folder(record);
    dnnb_decode_options options = DNNB_DECODE_OPTIONS_INIT;
    dnnb_image image = {0};
    dnnb__buf jpeg, uri;
    char *path = NULL;
    json_t *json = NULL;
    options.use_background = true;
    options.max_pixels = max_pixels;
    dnnb__buf_init(&jpeg, MAX_PICTURE_BYTES);
    dnnb__buf_init(&uri, 2 * MAX_PICTURE_BYTES);
    dnnb_status status = folder ? dnnb__path_join(&path, folder, id) : DNNB_ERR_IO;
    if (status == DNNB_OK) status = dnnb_image_load(&image, path, &options);
    if (status == DNNB_OK) status = dnnb__image_shrink(shown, &image, THUMBNAIL_PX);
    if (status == DNNB_OK) status = dnnb__image_encode_jpeg(&jpeg, shown, QUALITY);
    if (status == DNNB_OK && jpeg.n_bytes <= *n_left) {
        *n_left -= jpeg.n_bytes;
        dnnb__buf_printf(&uri, "data:image/jpeg;base64,");
        dnnb__base64_append(&uri, jpeg.data, jpeg.n_bytes);
        if (dnnb__buf_get_status(&uri) == DNNB_OK) json = json_stringn(uri.data, uri.n_bytes);
    } else if (status != DNNB_ERR_MEMORY) {
        json = json_null();
    }
    dnnb__buf_destroy(&uri);
    dnnb__buf_destroy(&jpeg);
    dnnb_image_clear(&image);
    dnnb__free(path);
    return json;
}

/* ---- one image ---- */

/* The classes with the largest outputs and their probabilities, and the label's own. */
static void put_probabilities(dnnb__page *page, json_t *entry, const dnnb_prediction *p) {
    size_t n = dnnb_record_get_n_outputs(page->record), shown[N_OUTPUTS_SHOWN], n_shown = 0;
    double log_sum = dnnb__page_get_log_sum(p->outputs, n);
    while (n_shown < N_OUTPUTS_SHOWN && n_shown < n) {
        size_t best = SIZE_MAX;
        for (size_t k = 0; k < n; k++) {
            bool is_shown = false;
            for (size_t j = 0; j < n_shown; j++) is_shown |= shown[j] == k;
            if (!is_shown && (best == SIZE_MAX || p->outputs[k] > p->outputs[best])) best = k;
        }
        shown[n_shown++] = best;
    }
    json_t *list = json_array();
    for (size_t j = 0; j < n_shown; j++) {
        json_t *pair = json_array();
        dnnb__page_add(page, pair, json_integer((json_int_t)shown[j]));
        dnnb__page_add(page, pair, dnnb__page_rounded(exp((double)p->outputs[shown[j]] - log_sum)));
        dnnb__page_add(page, list, pair);
    }
    dnnb__page_put(page, entry, "label", json_integer((json_int_t)p->label));
    dnnb__page_put(page, entry, "predicted", json_integer((json_int_t)p->predicted));
    dnnb__page_put(page, entry, "probabilities", list);
    dnnb__page_put(page, entry, "label_probability",
                   dnnb__page_rounded(exp((double)p->outputs[p->label] - log_sum)));
}

static void put_numbers(dnnb__page *page, json_t *entry, const dnnb_prediction *p) {
    json_t *outputs = json_array(), *targets = json_array();
    for (size_t k = 0; k < count_pairs(page->record) && k < N_OUTPUTS_SHOWN; k++) {
        dnnb__page_add(page, outputs, dnnb__page_rounded((double)p->outputs[k]));
        dnnb__page_add(page, targets, dnnb__page_rounded((double)p->targets[k]));
    }
    dnnb__page_put(page, entry, "outputs", outputs);
    dnnb__page_put(page, entry, "targets", targets);
}

static json_t *describe_image(dnnb__page *page, const ranked *r, size_t *n_left) {
    dnnb_prediction p = dnnb_record_get_prediction(page->record, r->i);
    dnnb_image shown = {0};
    json_t *entry = json_object();
    dnnb__page_put(page, entry, "id", dnnb__json_text(p.id));
    dnnb__page_put(page, entry, "loss", dnnb__page_rounded(r->loss));
    if (p.targets)
        put_numbers(page, entry, &p);
    else
        put_probabilities(page, entry, &p);
    dnnb__page_put(page, entry, "picture", make_picture(page->record, p.id, n_left, &shown));
    dnnb__page_put(page, entry, "width", json_integer((json_int_t)shown.width_px));
    dnnb__page_put(page, entry, "height", json_integer((json_int_t)shown.height_px));
    dnnb_image_clear(&shown);
    return entry;
}

json_t *dnnb__page_images(dnnb__page *page) {
    const dnnb_record *record = page->record;
    size_t n = dnnb_record_get_n_predictions(record), n_left = MAX_PICTURE_BYTES;
    if (n == 0) return json_null();
    ranked *order = dnnb__alloc(n, sizeof *order);
    if (!order) return NULL;
    if (dnnb_record_get_task(record) == DNNB_CLASSIFICATION)
        rank_classification(record, order);
    else
        rank_regression(record, order);
    qsort(order, n, sizeof *order, compare_worst);
    /* No image is shown twice. */
    size_t n_worst = n < 2 * N_SHOWN ? (n + 1) / 2 : N_SHOWN;
    size_t n_best = n < 2 * N_SHOWN ? n / 2 : N_SHOWN;
    json_t *object = json_object(), *worst = json_array(), *best = json_array();
    for (size_t i = 0; i < n_worst; i++)
        dnnb__page_add(page, worst, describe_image(page, &order[i], &n_left));
    for (size_t i = 0; i < n_best; i++)
        dnnb__page_add(page, best, describe_image(page, &order[n - 1 - i], &n_left));
    dnnb__page_put(page, object, "worst", worst);
    dnnb__page_put(page, object, "best", best);
    dnnb__free(order);
    return object;
}
