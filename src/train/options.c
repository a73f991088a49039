/*
 * The options of training, checked before any data are read.
 */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "train/criterion.h"
#include "train/groups.h"

enum { MAX_BATCH = 65536, MAX_EPOCHS = 1000000 };

static dnnb_status check_schedule(const dnnb_train_options *o) {
    size_t n_schedules, i = 0;
    const char *const *schedules = dnnb_schedule_get_names(&n_schedules);
    const char *name = o->schedule.name ? o->schedule.name : "";
    while (i < n_schedules && strcmp(schedules[i], name) != 0) i++;
    if (i == n_schedules) {
        const char *nearest = dnnb__text_nearest(name, schedules, n_schedules);
        return dnnb__fail(DNNB_ERR_ARGUMENT, "schedule: expected %s, found '%s'",
                          nearest ? nearest : schedules[0], name);
    }
    if (o->schedule.warmup_epochs > o->epochs)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "warm-up: expected at most %zu epochs, found %zu",
                          o->epochs, o->schedule.warmup_epochs);
    if (!isfinite(o->schedule.gamma) || o->schedule.gamma < 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "gamma: expected a factor of 0 or more, found %g",
                          o->schedule.gamma);
    return DNNB_OK;
}

/* What belongs to one of the tasks. */
static dnnb_status check_task(const dnnb_train_options *o, size_t n_outputs) {
    double *weights;
    bool has_weights = o->class_weights && strcmp(o->class_weights, "none") != 0;
    if (o->task != DNNB_CLASSIFICATION && o->task != DNNB_REGRESSION)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "task: expected classification or regression");
    if (!(o->label_smoothing >= 0 && o->label_smoothing <= 1))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "label smoothing: expected 0 to 1, found %g",
                          o->label_smoothing);
    if (o->task == DNNB_REGRESSION && (has_weights || o->label_smoothing > 0))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected a classification with it",
                          has_weights ? "class weights" : "label smoothing");
    if (o->task == DNNB_CLASSIFICATION && o->target)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "target: expected a regression with it; a classification learns the "
                          "column 'label'");
    DNNB_TRY(dnnb__class_weights_read(&weights, o->class_weights, NULL, 0, n_outputs));
    dnnb__free(weights);
    return DNNB_OK;
}

static dnnb_status check_stop(const dnnb_train_options *o, bool has_validation) {
    if (o->monitor != DNNB_MONITOR_SCORE && o->monitor != DNNB_MONITOR_LOSS)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "monitor: expected score or loss");
    if (!(o->min_delta >= 0) || isinf(o->min_delta))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "min_delta: expected 0 or more, found %g",
                          o->min_delta);
    if (o->early_stop > 0 && !has_validation)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "early stop: expected validation stimuli with it");
    if (o->min_delta > 0 && o->early_stop == 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "min_delta: expected early stop with it");
    return DNNB_OK;
}

static dnnb_status check_augment(const dnnb_train_options *o) {
    bool has_views = o->augment == DNNB_AUGMENT_VIEWS;
    if (o->augment != DNNB_AUGMENT_DNNBRAIN && o->augment != DNNB_AUGMENT_NONE && !has_views)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "augment: expected dnnbrain, none or views");
    if (has_views && (o->views < 1 || o->views > MAX_EPOCHS))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "views: expected 1 to %d an image, found %zu",
                          MAX_EPOCHS, o->views);
    if (!has_views && o->views > 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "views: expected augment views with them");
    return DNNB_OK;
}

static dnnb_status check_saving(const dnnb_train_options *o) {
    if (o->checkpoint && !(o->checkpoint_every_s >= 0))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "checkpoint_every_s: expected 0 or more, found %g",
                          o->checkpoint_every_s);
    return DNNB_OK;
}

static dnnb_status check_groups(const dnnb_dnn *dnn, const dnnb_train_options *o) {
    double *rates = dnnb__alloc(dnn->graph->n_params, sizeof *rates);
    size_t *epochs = dnnb__alloc(dnn->graph->n_params, sizeof *epochs);
    dnnb_status status = rates && epochs ? DNNB_OK : dnnb__fail_memory();
    if (status == DNNB_OK) status = dnnb__groups_read_lr(rates, dnn, o->lr_groups, 0);
    if (status == DNNB_OK) status = dnnb__groups_read_unfreeze(epochs, dnn, o->unfreeze, o->epochs);
    dnnb__free(rates);
    dnnb__free(epochs);
    return status;
}

dnnb_status dnnb_train_check(const dnnb_dnn *dnn, const dnnb_train_options *o,
                             bool has_validation) {
    DNNB_TRY(check_task(o, (size_t)dnnb_dnn_get_n_outputs(dnn)));
    DNNB_TRY(check_augment(o));
    if (!(o->crop_scale > 0 && o->crop_scale <= 1))
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "crop_scale: expected a part above 0 and at most 1, found %g",
                          o->crop_scale);
    if (o->on_bad_image != DNNB_BAD_IMAGE_STOP && o->on_bad_image != DNNB_BAD_IMAGE_SKIP)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "on_bad_image: expected stop or skip");
    if (o->check != DNNB_CHECK_QUICK && o->check != DNNB_CHECK_FULL)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "check: expected quick or full");
    if (o->epochs < 1 || o->epochs > MAX_EPOCHS)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "epochs: expected 1 to %d, found %zu", MAX_EPOCHS,
                          o->epochs);
    if (o->batch < 1 || o->batch > MAX_BATCH)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "batch: expected 1 to %d images, found %zu", MAX_BATCH,
                          o->batch);
    if (!(o->clip_norm >= 0) || isinf(o->clip_norm))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "clip_norm: expected 0 or more, found %g",
                          o->clip_norm);
    DNNB_TRY(check_schedule(o));
    DNNB_TRY(check_groups(dnn, o));
    DNNB_TRY(check_stop(o, has_validation));
    return check_saving(o);
}
