/**
 * @file
 * @ingroup training
 * Training, testing and predicting, exactly as DNNBrain's train and test do unless asked otherwise.
 */
#ifndef DNNBRAIN_TRAIN_H
#define DNNBRAIN_TRAIN_H

#include <stdio.h>

#include "dnnbrain/dnn.h"
#include "dnnbrain/history.h"
#include "dnnbrain/image.h"
#include "dnnbrain/optim.h"
#include "dnnbrain/stimulus.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is learnt: the loss and the score. */
typedef enum dnnb_task {
    DNNB_CLASSIFICATION, /**< mean cross-entropy; the score is the accuracy */
    DNNB_REGRESSION      /**< mean squared error; the score is the squared Pearson correlation */
} dnnb_task;

/** What is done to training images. */
typedef enum dnnb_augment {
    DNNB_AUGMENT_DNNBRAIN, /**< random resized crop and random flip */
    DNNB_AUGMENT_NONE,     /**< the testing transform: resize to the input's size */
    DNNB_AUGMENT_VIEWS     /**< `views` fixed random crops and flips of each image, in turn */
} dnnb_augment;

/** What an image that cannot be decoded leads to. */
typedef enum dnnb_on_bad_image {
    DNNB_BAD_IMAGE_STOP, /**< an image that cannot be decoded ends the run */
    DNNB_BAD_IMAGE_SKIP  /**< it is left out and reported; more than 5% end the run */
} dnnb_on_bad_image;

/** How images are checked before the first step. */
typedef enum dnnb_check {
    DNNB_CHECK_QUICK, /**< the header of each file */
    DNNB_CHECK_FULL   /**< each file is decoded */
} dnnb_check;

/** What the loop tells while it goes on. Pointers are borrowed and end with the call. */
typedef enum dnnb_event_kind {
    DNNB_EVENT_START,    /**< before the first step */
    DNNB_EVENT_STEP,     /**< after a training step */
    DNNB_EVENT_SCORING,  /**< some images of a scoring pass are done */
    DNNB_EVENT_EPOCH,    /**< after an epoch and its scores */
    DNNB_EVENT_WARNING,  /**< something to tell the user: `message` */
    DNNB_EVENT_UNFREEZE, /**< before the first step of an epoch that trains more than the last */
    DNNB_EVENT_SAVE,     /**< a checkpoint is about to be made */
    DNNB_EVENT_SAVED     /**< one is whole and on the disk: of `step` steps after `done` epochs */
} dnnb_event_kind;

/** What is done with the images of a set in a SCORING event. */
typedef enum dnnb_pass {
    DNNB_PASS_CHECK,            /**< looked at before they are used */
    DNNB_PASS_FEATURES,         /**< what frozen layers give is computed, to be kept */
    DNNB_PASS_SCORE_TRAIN,      /**< the training set is scored */
    DNNB_PASS_SCORE_VALIDATION, /**< the validation set is scored */
    DNNB_PASS_PREDICT           /**< dnnb_test() and dnnb_predict() */
} dnnb_pass;

/** Outputs of the images of a set. */
typedef struct dnnb_predictions dnnb_predictions;
/** A run that is being saved, or going on; the library's own. */
typedef struct dnnb_checkpoint dnnb_checkpoint;

/** An image that is left out since it cannot be used. */
typedef struct dnnb_bad_image {
    const dnnb_stimulus *stim; /**< its set */
    size_t row;                /**< of that set */
    const char *reason;        /**< one line */
} dnnb_bad_image;

/** An event; a field belongs to the kinds that it names. */
typedef struct dnnb_event {
    dnnb_event_kind kind; /**< which of the fields below are set */
    const char *message;  /**< START: what is kept frozen and cached; WARNING: the warning; EPOCH:
                               why the run stops early, NULL when it does not; UNFREEZE: what is
                               trained now */
    size_t epoch;         /**< counted from 0 */
    size_t n_epochs;      /**< of the whole run */
    size_t step;          /**< STEP: of the epoch, counted from 0; START: steps done of `epoch` */
    size_t n_steps;       /**< of an epoch */
    dnnb_pass pass;       /**< SCORING: what is done with the images */
    size_t done;          /**< SCORING: images that are done */
    size_t total;         /**< SCORING: all images */
    double loss;          /**< STEP: of the batch */
    double learning_rate; /**< STEP */
    double gradient_norm; /**< STEP: of all gradients before clipping; NaN without clip_norm */
    double images_per_second; /**< STEP: of the epoch so far */
    double seconds_left;      /**< STEP, SCORING: estimate for the whole run; NaN when unknown */
    const dnnb_epoch *result; /**< EPOCH */
    bool is_best;             /**< EPOCH: the best so far of what options->monitor names */
    bool is_last;             /**< EPOCH, START: no epoch follows */
    const dnnb_predictions *validation; /**< EPOCH: of the validation set; NULL without one */
    const dnnb_history *history;     /**< START: epochs of a run that goes on; NULL for a new one */
    const dnnb_bad_image *bad_image; /**< WARNING: the image that it is about; NULL for others */
    bool is_of_machine; /**< WARNING: about this machine, so that each run of a group has it */
    dnnb_checkpoint *checkpoint; /**< START of a run that goes on, and SAVE: the library's own */
} dnnb_event;

/** Called in the thread of dnnb_train(). False stops the run with DNNB_ERR_STOPPED. */
typedef bool (*dnnb_event_fn)(void *context, const dnnb_event *event);

/** Everything that training and testing can be asked for. */
typedef struct dnnb_train_options {
    dnnb_task task;       /**< what is learnt */
    size_t epochs;        /**< passes over the training set */
    size_t batch;         /**< images a step; the last short batch of an epoch is kept */
    bool score_train;     /**< score the training set after each epoch */
    dnnb_monitor monitor; /**< what makes an epoch the best, and an improvement */
    size_t early_stop; /**< so many epochs on end without an improvement end the run; 0: none do. It
                            needs validation stimuli */
    double min_delta;  /**< an improvement is better than the last by more than this */
    const char *target; /**< regression: columns divided by commas; NULL: "label" */
    /** Classification: NULL or "none"; "balanced", n / (k n_c) for each of the k classes that have
     *  n_c of the n training images, as scikit-learn; or a number above 0 a class, divided by
     *  commas. All losses are then means weighted by the images' classes, as in PyTorch's
     *  CrossEntropyLoss(weight); no score is. */
    const char *class_weights;
    /** Classification: 0 to 1; this part of a label is spread over all classes, as in PyTorch's
     *  CrossEntropyLoss(label_smoothing). */
    double label_smoothing;
    dnnb_optimizer_options optimizer; /**< Adam, unless set */
    dnnb_schedule_options schedule;   /**< of the learning rate */
    /** Rates of groups of parameters, "features.*=1e-5,classifier.*=1e-4": patterns as for
     *  dnnb_dnn_set_trainable(), one a rate; the first that names a parameter counts. A plain
     * number among them is the rate of all others, else they have optimizer.lr. The schedule acts
     * on all. NULL for none. */
    const char *lr_groups;
    /** What is frozen is trained from an epoch on (counted from 1): "4" all of it, or
     *  "3=classifier.*,6=all" in parts. The optimiser's state of it begins there. NULL for none.
     *  After dnnb_train() the same is trainable as before it. */
    const char *unfreeze;
    double clip_norm; /**< gradients whose norm, over all trained parameters, is larger are scaled
                           down to it, as by PyTorch's clip_grad_norm_; 0: none are */
    dnnb_augment augment; /**< of training images */
    size_t views; /**< DNNB_AUGMENT_VIEWS: so many of each image; 0 with the others. Epoch e, from
                     0, shows view e % views, which is dnnb_augment_draw() of (seed, view, row).
                     With frozen layers the features of every view are computed once */
    double crop_scale; /**< smallest area of a random crop, as a part of the picture's: 0 to 1 */
    dnnb_decode_options decode;     /**< of every image */
    dnnb_on_bad_image on_bad_image; /**< one that cannot be decoded */
    dnnb_check check;               /**< of training and validation images, before the first step */
    uint64_t seed;                  /**< order, crops, flips and dropout */
    size_t n_workers; /**< threads that load images; 0: one a processor. No result depends on it */
    size_t cache_bytes; /**< memory for decoded images and frozen features; SIZE_MAX: a quarter of
                             the machine's. No result depends on it */
    const char *cache_folder; /**< folder of a file, without a name, for the frozen features that
                                   cache_bytes has no room for; it must be there at the first step.
                                   NULL: they are then computed again in each epoch. No result
                                   depends on it */
    const char *checkpoint;   /**< folder that the run saves itself into, made when it is not there;
                                   NULL: none */
    double checkpoint_every_s; /**< it is saved at least so often; see dnnb_train() */
    bool resume;               /**< go on from the newest whole checkpoint; without one, begin */
    bool keep_checkpoint; /**< save after the last epoch too, so that a later run can have more */
    const char *identity; /**< more lines "name: value\n" that a run which goes on must have equal;
                               NULL for none */
    dnnb_event_fn on_event; /**< NULL for none */
    void *context;          /**< for on_event */
} dnnb_train_options;

/** The default options: what DNNBrain does. */
#define DNNB_TRAIN_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .task = DNNB_CLASSIFICATION, .epochs = 50, .batch = 64, .score_train = false,              \
        .monitor = DNNB_MONITOR_SCORE, .early_stop = 0, .min_delta = 0, .target = NULL,            \
        .class_weights = NULL, .label_smoothing = 0, .optimizer = DNNB_OPTIMIZER_OPTIONS_INIT,     \
        .schedule = DNNB_SCHEDULE_OPTIONS_INIT, .lr_groups = NULL, .unfreeze = NULL,               \
        .clip_norm = 0, .augment = DNNB_AUGMENT_DNNBRAIN, .views = 0,                              \
        .crop_scale = DNNB_CROP_SCALE, .decode = DNNB_DECODE_OPTIONS_INIT,                         \
        .on_bad_image = DNNB_BAD_IMAGE_STOP, .check = DNNB_CHECK_QUICK, .seed = 0, .n_workers = 0, \
        .cache_bytes = SIZE_MAX, .cache_folder = NULL, .checkpoint = NULL,                         \
        .checkpoint_every_s = 60, .resume = false, .keep_checkpoint = false, .identity = NULL,     \
        .on_event = NULL, .context = NULL                                                          \
    }

/**
 * Check options against a network, before any data are read: what dnnb_train() would refuse for the
 * options' sake alone.
 *
 * @param dnn Its number of outputs and its layers count.
 * @error DNNB_ERR_ARGUMENT; DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_train_check(const dnnb_dnn *dnn,
                                                      const dnnb_train_options *options,
                                                      bool has_validation);

/**
 * Train a network's trainable parameters.
 *
 * Everything is checked before the first step: options, files, labels or targets of both sets. Then
 * as DNNBrain: shuffled batches, the loss and score of the task, scores after each epoch over whole
 * sets with the testing transform. Equal seed, data, options and number of threads give equal bits.
 *
 * With options->checkpoint the run saves itself into that folder from a forked process, at the end
 * of every epoch (where epochs are short, a second for each 50 MB after the save before) and at
 * least every checkpoint_every_s seconds; and before it returns with a failure, unless that is
 * DNNB_ERR_NUMERIC or comes before the first epoch is done and saved. A save
 * that fails is a warning, and is tried again. The last two checkpoints are kept. With
 * options->resume it goes on from the newest whole one, and ends with the bits of a run that was
 * never stopped; a checkpoint of another network, data set or option is refused by name. `epochs`
 * may grow, unless the schedule depends on it, and so may `early_stop`. The folder has one writer:
 * the caller sees to that.
 *
 * @param dnn        Its head must have as many outputs as there are classes (labels 0 .. n - 1), or
 *                   targets.
 * @param validation NULL for none.
 * @param options    NULL for DNNB_TRAIN_OPTIONS_INIT.
 * @param[out] history NULL when it is not wanted. Also given after DNNB_ERR_STOPPED, with the
 * epochs that were finished.
 * @error DNNB_ERR_ARGUMENT; DNNB_ERR_FORMAT or DNNB_ERR_IO data, with file and line;
 * DNNB_ERR_NUMERIC a loss that is not finite, with step, learning rate and largest gradient;
 * DNNB_ERR_STOPPED (DNNB_ERR_IO when the stopped run could not be saved); DNNB_ERR_MEMORY.
 * @source DNNBrain dnnbrain/dnn/base.py, DNN.train.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_train(dnnb_dnn *dnn, const dnnb_stimulus *train,
                                                const dnnb_stimulus *validation,
                                                const dnnb_train_options *options,
                                                dnnb_history **history);

/**
 * Outputs of every image of a set, in order, with the testing transform.
 *
 * Uses of the options: decode, on_bad_image, check, n_workers, cache_bytes, on_event (SCORING,
 * WARNING, also of an operation that the engine has no good kernel for).
 *
 * Before anything else was computed, a few images read the weights where the file has them, which
 * saves more than it costs; such outputs differ from those of later calls by rounding.
 * @error As dnnb_train().
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_predict(dnnb_dnn *dnn, const dnnb_stimulus *stim,
                                                  const dnnb_train_options *options,
                                                  dnnb_predictions **out);

/**
 * Outputs and score of every image of a set.
 *
 * @param[out] score Accuracy, or squared Pearson correlation over all targets, ravelled.
 * @param[out] out   NULL when not wanted.
 * @source DNNBrain dnnbrain/dnn/base.py, DNN.test.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_test(dnnb_dnn *dnn, const dnnb_stimulus *stim,
                                               const dnnb_train_options *options, double *score,
                                               dnnb_predictions **out);

/** Takes NULL. */
DNNB_API void dnnb_predictions_destroy(dnnb_predictions *predictions);
/** Number of images. */
DNNB_API size_t dnnb_predictions_get_count(const dnnb_predictions *predictions);
/** Outputs of each. */
DNNB_API size_t dnnb_predictions_get_n_outputs(const dnnb_predictions *predictions);
/** Row of the stimulus set that prediction i is for (rows of skipped images are missing). */
DNNB_API size_t dnnb_predictions_get_row(const dnnb_predictions *predictions, size_t i);
/** [n_outputs] of prediction i. */
DNNB_API const float *dnnb_predictions_get_outputs(const dnnb_predictions *predictions, size_t i);
/**
 * Write stimID,predicted,condition,output_0,... in %.9g, atomically; with labels, `label` follows
 * stimID. `predicted` is the class of the largest output; for a regression the first output.
 * `condition` is left empty where the stimuli have none. Regression with labels: the target
 * columns.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_predictions_save_csv(const dnnb_predictions *predictions,
                                                               const dnnb_stimulus *stim,
                                                               dnnb_task task, const char *labels,
                                                               const char *path);
/** The same into a stream; whether all of it was written, the stream tells. @error No such label
 *  column; DNNB_ERR_LIMIT. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_predictions_write_csv(const dnnb_predictions *predictions,
                                                                const dnnb_stimulus *stim,
                                                                dnnb_task task,
                                                                const char *label_columns,
                                                                FILE *file);

#ifdef __cplusplus
}
#endif

#endif
