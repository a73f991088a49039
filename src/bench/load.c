/* Passes of the training loader alone: files decoded anew, and from decoded pixels that are kept.
 */
#include "bench/bench.h"
#include "core/thread.h"
#include "train/session.h"

/* One pass over the first n rows in a random order. */
static dnnb_status run_pass(dnnb__session *session, dnnb__set *set, size_t n, size_t batch,
                            uint64_t epoch, bool keep, double *seconds) {
    double start = dnnb__bench_now_s();
    dnnb__pass pass = {.set = set,
                       .order = set->order,
                       .n = n,
                       .batch = batch,
                       .augment = true,
                       .crop_scale = session->options->crop_scale,
                       .keep = keep,
                       .seed = 1,
                       .epoch = epoch};
    dnnb__loader_start(session->loader, &pass);
    dnnb__batch loaded = {.n_planned = 1};
    while (loaded.n_planned > 0) DNNB_TRY(dnnb__session_next(session, set, &loaded));
    *seconds = dnnb__bench_now_s() - start;
    return DNNB_OK;
}

static dnnb_status run_passes(dnnb__session *session, dnnb__set *set, size_t n,
                              const dnnb_bench_options *options, bool keep,
                              dnnb__bench_times *times) {
    double seconds, start = dnnb__bench_now_s();
    uint64_t epoch = times->n;
    do {
        DNNB_TRY(run_pass(session, set, n, options->batch, epoch++, keep, &seconds));
        DNNB_TRY(dnnb__bench_times_add(times, seconds));
    } while (dnnb__bench_now_s() - start < options->seconds);
    return DNNB_OK;
}

dnnb_status dnnb__bench_load(dnnb_dnn *dnn, const dnnb_bench_options *options,
                             dnnb__bench_times *anew, dnnb__bench_times *kept, size_t *n_images,
                             size_t *n_workers) {
    dnnb_train_options train = DNNB_TRAIN_OPTIONS_INIT;
    dnnb__session session = {0};
    dnnb__set *set = NULL;
    double seconds;
    train.n_workers = options->n_workers;
    train.decode = options->decode;
    *n_workers = options->n_workers ? options->n_workers : dnnb__threads_get_available();
    dnnb_status status =
        dnnb__set_create(&set, options->stim, &train, false, dnnb_dnn_get_n_outputs(dnn));
    if (status == DNNB_OK) status = dnnb__session_open(&session, dnn, &train, options->batch);
    if (status == DNNB_OK) {
        size_t n = dnnb__set_fill_shuffled(set, 1, 0);
        *n_images = n < DNNB__BENCH_LOAD_IMAGES ? n : DNNB__BENCH_LOAD_IMAGES;
        status = run_passes(&session, set, *n_images, options, false, anew);
    }
    /* The first pass that keeps decodes. */
    if (status == DNNB_OK)
        status = run_pass(&session, set, *n_images, options->batch, 0, true, &seconds);
    if (status == DNNB_OK) status = run_passes(&session, set, *n_images, options, true, kept);
    dnnb__session_close(&session);
    dnnb__set_destroy(set);
    return status;
}
