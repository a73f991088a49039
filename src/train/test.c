/* Testing and predicting: one pass over a set in test mode. */
#include "core/thread.h"
#include "train/session.h"

static dnnb_status run(dnnb_dnn *dnn, const dnnb_stimulus *stim, const dnnb_train_options *options,
                       double *score, dnnb_predictions **out) {
    dnnb__session session = {0};
    dnnb__set *set = NULL;
    bool is_lent = false;
    size_t n_outputs = (size_t)dnnb_dnn_get_n_outputs(dnn);
    *out = NULL;
    dnnb_status status = dnnb__set_create(&set, stim, options, score != NULL, (int64_t)n_outputs);
    if (status == DNNB_OK) status = dnnb__session_open(&session, dnn, options, DNNB__DNN_BATCH);
    if (status == DNNB_OK) status = dnnb__session_check_images(&session, set, false);
    if (status == DNNB_OK) status = dnnb__predictions_create(out, set->n, n_outputs);
    session.pass = DNNB_PASS_PREDICT;
    if (status == DNNB_OK && set->n <= DNNB__DNN_FEW) is_lent = dnnb__dnn_begin_lending(dnn);
    if (status == DNNB_OK) status = dnnb__session_predict(&session, set, *out);
    if (status == DNNB_OK && score) *score = dnnb__session_score(&session, set, *out);
    if (status != DNNB_OK) {
        dnnb_predictions_destroy(*out);
        *out = NULL;
    }
    if (is_lent) dnnb__dnn_end_lending(dnn);
    dnnb__session_close(&session);
    dnnb__set_destroy(set);
    return status;
}

static dnnb_status run_with_threads(dnnb_dnn *dnn, const dnnb_stimulus *stim,
                                    const dnnb_train_options *options, double *score,
                                    dnnb_predictions **out) {
    static const dnnb_train_options defaults = DNNB_TRAIN_OPTIONS_INIT;
    size_t before = dnnb__threads_set(dnnb_dnn_get_n_threads(dnn));
    dnnb_status status = run(dnn, stim, options ? options : &defaults, score, out);
    dnnb__threads_set(before);
    return status;
}

dnnb_status dnnb_predict(dnnb_dnn *dnn, const dnnb_stimulus *stim,
                         const dnnb_train_options *options, dnnb_predictions **out) {
    return run_with_threads(dnn, stim, options, NULL, out);
}

dnnb_status dnnb_test(dnnb_dnn *dnn, const dnnb_stimulus *stim, const dnnb_train_options *options,
                      double *score, dnnb_predictions **out) {
    dnnb_predictions *predictions;
    dnnb_status status = run_with_threads(dnn, stim, options, score, &predictions);
    if (out)
        *out = predictions;
    else
        dnnb_predictions_destroy(predictions);
    return status;
}
