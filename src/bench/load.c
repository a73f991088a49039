/* Passes of the training loader alone: of each file the crop's part decoded where a pass before
 * found it sound, all of it decoded for being kept, and from the pixels that were kept. */
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

/* After a first one, which keeps what may be kept and finds which files are sound. */
static dnnb_status run_passes(dnnb__session *session, dnnb__set *set, size_t n,
                              const dnnb_bench_options *options, bool keep,
                              dnnb__bench_times *times) {
    double seconds;
    uint64_t epoch = 0;
    DNNB_TRY(run_pass(session, set, n, options->batch, epoch++, keep, &seconds));
    double start = dnnb__bench_now_s();
    do {
        DNNB_TRY(run_pass(session, set, n, options->batch, epoch++, keep, &seconds));
        DNNB_TRY(dnnb__bench_times_add(times, seconds));
    } while (dnnb__bench_now_s() - start < options->seconds);
    return DNNB_OK;
}

/* A loader, and a set of which no pixels are kept yet. */
typedef struct loading {
    dnnb__session session;
    dnnb__set *set;
    size_t n;
} loading;

static void close_loading(loading *l) {
    dnnb__session_close(&l->session);
    dnnb__set_destroy(l->set);
    *l = (loading){0};
}

static dnnb_status open_loading(loading *l, dnnb_dnn *dnn, const dnnb_train_options *train,
                                const dnnb_bench_options *options) {
    *l = (loading){0};
    DNNB_TRY(dnnb__set_create(&l->set, options->stim, train, false, dnnb_dnn_get_n_outputs(dnn)));
    DNNB_TRY(dnnb__session_open(&l->session, dnn, train, options->batch));
    size_t n = dnnb__set_fill_shuffled(l->set, 1, 0);
    l->n = n < DNNB__BENCH_LOAD_IMAGES ? n : DNNB__BENCH_LOAD_IMAGES;
    return DNNB_OK;
}

/* First passes of sets whose pixels are kept; the last set stays. */
static dnnb_status run_first_passes(loading *l, dnnb_dnn *dnn, const dnnb_train_options *train,
                                    const dnnb_bench_options *options, dnnb__bench_times *times) {
    double seconds, start = dnnb__bench_now_s();
    do {
        close_loading(l);
        DNNB_TRY(open_loading(l, dnn, train, options));
        DNNB_TRY(run_pass(&l->session, l->set, l->n, options->batch, times->n, true, &seconds));
        DNNB_TRY(dnnb__bench_times_add(times, seconds));
    } while (dnnb__bench_now_s() - start < options->seconds);
    return DNNB_OK;
}

dnnb_status dnnb__bench_load(dnnb_dnn *dnn, const dnnb_bench_options *options,
                             dnnb__bench_loads *loads) {
    dnnb_train_options train = DNNB_TRAIN_OPTIONS_INIT;
    train.n_workers = options->n_workers;
    train.decode = options->decode;
    loads->n_workers = options->n_workers ? options->n_workers : dnnb__threads_get_available();
    loading l;
    dnnb_status status = open_loading(&l, dnn, &train, options);
    loads->n_images = l.n;
    if (status == DNNB_OK)
        status = run_passes(&l.session, l.set, l.n, options, false, &loads->parts);
    if (status == DNNB_OK) status = run_first_passes(&l, dnn, &train, options, &loads->whole);
    if (status == DNNB_OK) status = run_passes(&l.session, l.set, l.n, options, true, &loads->kept);
    close_loading(&l);
    return status;
}
