/* Passes over whole sets, with the frozen part computed once. */
#include "train/session.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "train/score.h"

double dnnb__session_now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

dnnb_status dnnb__session_open(dnnb__session *session, dnnb_dnn *dnn,
                               const dnnb_train_options *options, size_t max_batch) {
    const dnnb_shape *input = dnnb_dnn_get_input_shape(dnn);
    *session = (dnnb__session){.dnn = dnn,
                               .options = options,
                               .n_epochs = 1,
                               .scoring_end_s = (double)NAN,
                               .later_s = (double)NAN};
    if (input->ndim != 3 || input->dim[0] != 3)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: expected a network of RGB images",
                          dnnb_dnn_get_name(dnn));
    dnnb__budget_init(&session->budget, options->cache_bytes);
    dnnb__loader_options loader = {.height_px = input->dim[1],
                                   .width_px = input->dim[2],
                                   .max_batch = max_batch,
                                   .n_workers = options->n_workers,
                                   .decode = options->decode,
                                   .budget = &session->budget};
    DNNB_TRY(dnnb__dnn_get_image_layout(dnn, &loader.layout));
    return dnnb__loader_create(&session->loader, &loader);
}

void dnnb__session_close(dnnb__session *session) {
    dnnb__loader_destroy(session->loader);
    dnnb__free(session->features);
    session->loader = NULL;
    session->features = NULL;
}

dnnb_status dnnb__session_emit(dnnb__session *session, dnnb_event *event) {
    if (!session->options->on_event) return DNNB_OK;
    event->epoch = session->epoch;
    event->n_epochs = session->n_epochs;
    bool goes_on = session->options->on_event(session->options->context, event);
    /* A run is not stopped between having come to a place and having saved it. */
    if (goes_on || event->kind == DNNB_EVENT_SAVE || event->kind == DNNB_EVENT_SAVED)
        return DNNB_OK;
    return dnnb__fail(DNNB_ERR_STOPPED, "stopped in epoch %zu of %zu", session->epoch + 1,
                      session->n_epochs);
}

dnnb_status dnnb__session_check_kernels(dnnb__session *session) {
    char text[DNNB__DNN_SLOW_BYTES];
    if (session->has_told_kernels || !dnnb__dnn_print_slow(session->dnn, text)) return DNNB_OK;
    session->has_told_kernels = true;
    dnnb_event event = {.kind = DNNB_EVENT_WARNING, .message = text, .is_of_machine = true};
    return dnnb__session_emit(session, &event);
}

dnnb_status dnnb__session_emit_scoring(dnnb__session *session, size_t done, size_t total) {
    double left = session->scoring_end_s - dnnb__session_now_s();
    dnnb_event event = {.kind = DNNB_EVENT_SCORING,
                        .pass = session->pass,
                        .done = done,
                        .total = total,
                        .seconds_left = fmax(left, 0.0) + session->later_s};
    if (isnan(left)) event.seconds_left = (double)NAN;
    return dnnb__session_emit(session, &event);
}

dnnb_status dnnb__session_freeze(dnnb__session *session, dnnb__features *features, size_t node,
                                 size_t n_rows, size_t n_views) {
    const dnnb_shape *shape = &session->dnn->graph->nodes[node].shape;
    if (dnnb__features_are_kept(features) && features->node == node) return DNNB_OK;
    dnnb__features_release(features, &session->budget);
    *features = (dnnb__features){.node = node, .n = 1, .n_rows = n_rows, .n_views = n_views};
    if (node == 0) return DNNB_OK;
    for (size_t i = 0; i < shape->ndim; i++) features->n *= (size_t)shape->dim[i];
    if (features->n > session->largest_features) session->largest_features = features->n;
    return dnnb__features_reserve(features, &session->budget, session->options->cache_folder);
}

dnnb_status dnnb__session_reserve(dnnb__session *session, size_t max_batch) {
    size_t n_values;
    if (!dnnb__mul_size(max_batch, session->largest_features, &n_values)) n_values = SIZE_MAX;
    dnnb__free(session->features);
    session->features = dnnb__alloc_large(n_values, sizeof *session->features);
    return session->features ? DNNB_OK : dnnb__fail_memory();
}

static dnnb_status get_plan(dnnb__session *session, const dnnb__plan_options *options,
                            dnnb__plan **out) {
    DNNB_TRY(dnnb__dnn_get_plan(session->dnn, options, out));
    return dnnb__session_check_kernels(session);
}

dnnb_status dnnb__session_run_frozen(dnnb__session *session, const dnnb__features *features,
                                     const void *images, size_t n) {
    dnnb__plan_options options = {
        .mode = DNNB__MODE_TEST, .batch = n, .to = features->node, .laid_out = true};
    dnnb__plan *plan;
    DNNB_TRY(get_plan(session, &options, &plan));
    DNNB_TRY(dnnb__plan_forward(plan, images, NULL));
    memcpy(session->features, dnnb__plan_get_output(plan),
           n * features->n * sizeof *session->features);
    return DNNB_OK;
}

/* A pass over the set in its order, as testing sees the images. */
static dnnb__pass describe_pass(const dnnb__session *session, dnnb__set *set) {
    return (dnnb__pass){.set = set,
                        .order = set->order,
                        .n = dnnb__set_fill_order(set),
                        .batch = DNNB__DNN_BATCH,
                        .crop_scale = session->options->crop_scale,
                        .seed = session->options->seed};
}

dnnb_status dnnb__session_give_up_features(dnnb__session *session, dnnb__features *features,
                                           dnnb_status status) {
    char message[1280];
    if (status != DNNB_ERR_IO) return status;
    (void)snprintf(message, sizeof message,
                   "%s; frozen features cannot be kept, and are computed whenever they are needed",
                   dnnb_get_error());
    dnnb__features_release(features, &session->budget);
    dnnb_event event = {.kind = DNNB_EVENT_WARNING, .message = message};
    return dnnb__session_emit(session, &event);
}

/* Compute the features of the loader's next batch. @param[out] n Rows; 0 after the last. */
static dnnb_status fill_batch(dnnb__session *session, dnnb__set *set, dnnb__features *features,
                              size_t view, dnnb__batch *batch) {
    DNNB_TRY(dnnb__session_next(session, set, batch));
    if (batch->n == 0) return DNNB_OK;
    DNNB_TRY(dnnb__session_run_frozen(session, features, batch->images, batch->n));
    dnnb_status status =
        dnnb__features_put(features, view, batch->rows, batch->n, session->features);
    return status == DNNB_OK ? status : dnnb__session_give_up_features(session, features, status);
}

/* Compute every row's features from the images. */
static dnnb_status fill_from_images(dnnb__session *session, dnnb__set *set,
                                    dnnb__features *features, size_t view) {
    dnnb__pass pass = describe_pass(session, set);
    dnnb__batch batch;
    size_t done = 0;
    pass.augment = features->n_views > 0;
    pass.keep = dnnb__features_count_missing(features) > 1; /* decoded, for the other views */
    pass.epoch = view;
    dnnb__loader_start(session->loader, &pass);
    for (;;) {
        DNNB_TRY(fill_batch(session, set, features, view, &batch));
        if (batch.n_planned == 0 || !dnnb__features_are_kept(features)) return DNNB_OK;
        done += batch.n;
        DNNB_TRY(dnnb__session_emit_scoring(session, done, set->n - set->n_bad));
    }
}

/* Whether the images as testing sees them are kept at a layer before the features'. */
static bool has_earlier(const dnnb__features *earlier, const dnnb__features *features) {
    return dnnb__features_are_kept(earlier) && earlier->n_views == 0 && earlier->is_complete[0] &&
           earlier->node > 0 && earlier->node < features->node;
}

/* Compute every row's features from the earlier ones, in the batches in which these were made. */
static dnnb_status fill_from_earlier(dnnb__session *session, dnnb__set *set,
                                     const dnnb__features *earlier, dnnb__features *features) {
    size_t n = dnnb__set_fill_order(set);
    for (size_t done = 0; done < n;) {
        size_t batch = n - done < DNNB__DNN_BATCH ? n - done : DNNB__DNN_BATCH;
        const uint64_t *rows = set->order + done;
        dnnb__plan_options options = {
            .mode = DNNB__MODE_TEST, .batch = batch, .from = earlier->node, .to = features->node};
        dnnb__plan *plan;
        DNNB_TRY(dnnb__features_get(earlier, 0, rows, batch, session->features));
        DNNB_TRY(dnnb__dnn_get_plan(session->dnn, &options, &plan));
        DNNB_TRY(dnnb__plan_forward(plan, session->features, NULL));
        DNNB_TRY(dnnb__features_put(features, 0, rows, batch, dnnb__plan_get_output(plan)));
        done += batch;
        DNNB_TRY(dnnb__session_emit_scoring(session, done, n));
    }
    return DNNB_OK;
}

dnnb_status dnnb__session_fill_features(dnnb__session *session, dnnb__set *set,
                                        dnnb__features *features, size_t view) {
    if (!dnnb__features_are_kept(features) || features->is_complete[view]) return DNNB_OK;
    dnnb_status status = dnnb__features_open(features);
    if (status != DNNB_OK) return dnnb__session_give_up_features(session, features, status);
    dnnb_pass before = session->pass;
    session->pass = DNNB_PASS_FEATURES;
    bool is_later = features->n_views == 0 && has_earlier(&set->training, features);
    if (is_later) {
        status = fill_from_earlier(session, set, &set->training, features);
        /* A file's fault; what it was is told when the next step reads or writes it. */
        if (status == DNNB_ERR_IO)
            is_later = false;
        else if (status != DNNB_OK)
            return status;
    }
    if (!is_later) DNNB_TRY(fill_from_images(session, set, features, view));
    session->pass = before;
    if (dnnb__features_are_kept(features)) features->is_complete[view] = true;
    return DNNB_OK;
}

/* The plan of what follows the features, or of the whole network. */
static dnnb_status get_rest_plan(dnnb__session *session, const dnnb__set *set, size_t n,
                                 dnnb__plan **out) {
    dnnb__plan_options options = {.mode = DNNB__MODE_TEST,
                                  .batch = n,
                                  .from = set->scoring.node,
                                  .to = session->dnn->graph->n_nodes - 1,
                                  .laid_out = set->scoring.node == 0};
    return get_plan(session, &options, out);
}

/* What follows the features, or the whole network, for n rows from `done` on. */
static dnnb_status run_rest(dnnb__session *session, const dnnb__set *set, const void *input,
                            const uint64_t *rows, size_t n, dnnb_predictions *out) {
    dnnb__plan *plan;
    DNNB_TRY(get_rest_plan(session, set, n, &plan));
    DNNB_TRY(dnnb__plan_forward(plan, input, NULL));
    memcpy(out->outputs + out->n * out->n_outputs, dnnb__plan_get_output(plan),
           n * out->n_outputs * sizeof *out->outputs);
    for (size_t i = 0; i < n; i++) out->rows[out->n + i] = (size_t)rows[i];
    out->n += n;
    return DNNB_OK;
}

static dnnb_status predict_kept(dnnb__session *session, dnnb__set *set, dnnb_predictions *out) {
    size_t n = dnnb__set_fill_order(set);
    for (size_t done = 0; done < n;) {
        size_t batch = n - done < DNNB__DNN_BATCH ? n - done : DNNB__DNN_BATCH;
        DNNB_TRY(dnnb__features_get(&set->scoring, 0, set->order + done, batch, session->features));
        DNNB_TRY(run_rest(session, set, session->features, set->order + done, batch, out));
        done += batch;
    }
    return dnnb__session_emit_scoring(session, n, n);
}

static dnnb_status predict_images(dnnb__session *session, dnnb__set *set, dnnb_predictions *out) {
    dnnb__pass pass = describe_pass(session, set);
    dnnb__batch batch;
    dnnb__plan *plan;
    size_t n = set->n - set->n_bad;
    pass.keep = session->keeps_images;
    dnnb__loader_start(session->loader, &pass);
    /* Made while the first images are loaded. */
    if (n > 0)
        DNNB_TRY(get_rest_plan(session, set, n < DNNB__DNN_BATCH ? n : DNNB__DNN_BATCH, &plan));
    for (;;) {
        DNNB_TRY(dnnb__session_next(session, set, &batch));
        if (batch.n_planned == 0) return DNNB_OK;
        if (batch.n == 0) continue;
        const void *input = batch.images;
        if (set->scoring.node > 0) {
            DNNB_TRY(dnnb__session_run_frozen(session, &set->scoring, batch.images, batch.n));
            input = session->features;
        }
        DNNB_TRY(run_rest(session, set, input, batch.rows, batch.n, out));
        DNNB_TRY(dnnb__session_emit_scoring(session, out->n, set->n - set->n_bad));
    }
}

dnnb_status dnnb__session_predict(dnnb__session *session, dnnb__set *set, dnnb_predictions *out) {
    dnnb__features *features = &set->scoring;
    size_t bad;
    float value;
    out->n = 0;
    DNNB_TRY(dnnb__session_fill_features(session, set, features, 0));
    if (dnnb__features_are_kept(features)) {
        dnnb_status status = predict_kept(session, set, out);
        if (status != DNNB_OK) DNNB_TRY(dnnb__session_give_up_features(session, features, status));
    }
    if (!dnnb__features_are_kept(features)) {
        out->n = 0;
        DNNB_TRY(predict_images(session, set, out));
    }
    if (!dnnb__predictions_find_bad(out, &bad, &value)) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_NUMERIC, "%s: expected finite outputs of the network, found %g",
                      dnnb_stimulus_get_id(set->stim, out->rows[bad]), (double)value);
}

double dnnb__session_score(const dnnb__session *session, const dnnb__set *set,
                           const dnnb_predictions *predictions) {
    return session->options->task == DNNB_CLASSIFICATION
               ? dnnb__score_accuracy(predictions, set->labels)
               : dnnb__score_correlation(predictions, set->targets);
}
