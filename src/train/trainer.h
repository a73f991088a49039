/*
 * A training run in progress: everything that its steps need, and how far it is.
 *
 * Invariant: between two steps `place` and the arrays that it goes with say all that the rest of
 * the run follows from, so a run can be saved there and go on from it.
 */
#ifndef DNNB_TRAIN_TRAINER_H
#define DNNB_TRAIN_TRAINER_H

#include "optim/optim.h"
#include "train/ahead.h"
#include "train/criterion.h"
#include "train/lr_range.h"
#include "train/monitor.h"
#include "train/saver.h"
#include "train/session.h"

/** How far a run is. */
typedef struct dnnb__place {
    size_t epoch;         /* that goes on, counted from 0 */
    size_t step;          /* its steps that are done */
    size_t at;            /* rows of its order that are done; its batches begin at multiples of the
                             batch */
    double weight;        /* of its steps' images, 1 each unless classes have weights */
    double weighted_loss; /* sum over its steps of loss times weight */
    double norm_sum;      /* over its steps of the gradients' norm, where it is clipped */
    double seconds;       /* that it took in processes before this one */
    uint32_t n_steps;     /* of all epochs: places the dropout masks */
} dnnb__place;

struct dnnb__trainer;

/** An array of the optimiser that the engine hands parts of the gradient to. */
typedef struct dnnb__handed {
    const struct dnnb__trainer *trainer;
    size_t array;
} dnnb__handed;

typedef struct dnnb__trainer {
    const dnnb_train_options *options;
    const dnnb_lr_find_options *range; /* a range test's, whose rates take the schedule's place;
                                          NULL in a training run */
    dnnb__session session;
    dnnb__set *train, *validation; /* validation NULL without one */
    dnnb_predictions *train_predictions, *validation_predictions;
    dnnb__optimizer *optimizer;
    size_t *params;    /* of the graph: those that are trained, now or later, */
    float **weights;   /* each in the engine's layout, */
    float **gradients; /* NULL while it is not trained, or its gradient is handed over, */
    size_t *sizes;     /* and of so many elements */
    size_t n_params;
    dnnb__handed *handed;    /* [n_params]; NULL before the first plans */
    bool hands_over;         /* some gradient is */
    bool is_torn;            /* a step has begun that did not end: weights may be half of one's */
    size_t *unfreeze_epochs; /* [parameters of the graph], from 1: trained from that epoch on; 0: as
                                it was given */
    double lr; /* without the schedule, of the last layer that is trained: what the history has */
    dnnb__ahead ahead;
    size_t batch; /* images a step, at most the set's */
    size_t n_outputs;
    dnnb__criterion criterion;
    float *output_gradient; /* [batch, n_outputs] */
    double *step_loss;      /* of the epoch's steps */
    size_t max_steps;       /* of an epoch */
    size_t steps_per_epoch; /* of the epoch that goes on, */
    size_t n_rows;          /* and its images */
    double chance_loss;     /* of knowing nothing about an image */
    dnnb__place place;
    double epoch_begun_s;                /* when this process began the epoch */
    double last_steps_s, last_scoring_s; /* of the epoch before; NaN in the first */
    double last_fill_s;                  /* that the features of a view took; 0 before */
    dnnb_history *history;               /* the finished epochs, */
    dnnb__monitor monitor;               /* which has seen them */
    /* With checkpoints only. */
    dnnb__saver saver;
    dnnb__buf identity;
    int64_t *train_sizes, *validation_sizes; /* of the images' files, in bytes */
    bool is_due;                             /* an epoch has ended that is not saved */
} dnnb__trainer;

/** Check everything, and make everything that the steps need. Close it also after a failure. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_open(dnnb__trainer *trainer, dnnb_dnn *dnn,
                                               const dnnb_stimulus *train,
                                               const dnnb_stimulus *validation);
void dnnb__trainer_close(dnnb__trainer *trainer);
/** Make the plans of a step, and take over the arrays of what they train. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_create_plans(dnnb__trainer *trainer);
/** The node whose output a training step reads. */
size_t dnnb__trainer_get_start(const dnnb__trainer *trainer);
/** Decide where the network is cut, and which features are kept. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_freeze(dnnb__trainer *trainer);

/** Find out what is frozen now and trained from a later epoch on. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_plan_unfreezing(dnnb__trainer *trainer);
/** Train what is to be trained by that epoch (from 1). Features that this changes are kept no more.
 *  @param[out] has_changed Something was frozen until now. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_unfreeze(dnnb__trainer *trainer, size_t epoch,
                                                   bool *has_changed);
/** Freeze it again, as the caller had it. */
void dnnb__trainer_end_unfreezing(dnnb__trainer *trainer);

/** No epoch follows. */
bool dnnb__trainer_is_over(const dnnb__trainer *trainer);
/** Tell how the run begins or goes on. @param resumed NULL for a run that begins. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_tell_start(dnnb__trainer *trainer,
                                                     dnnb_checkpoint *resumed);
DNNB_MUST_CHECK dnnb_status dnnb__trainer_tell_unfrozen(dnnb__trainer *trainer);

/** Train to the end, from where a checkpoint was if the options ask for it. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_run(dnnb__trainer *trainer);

/** Where options->resume asks for it and there is a whole checkpoint: bring the run to its place,
 *  and give the checkpoint; otherwise *out is NULL.
 *  @error DNNB_ERR_ARGUMENT it is another run's, with the first thing that differs. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_resume(dnnb__trainer *trainer, dnnb_checkpoint **out);
/** Between two steps: save the run if it is time, in the background; tell what became of the last
 *  save. A save that fails is a warning, and is tried again at the next.
 *  @param is_epoch_end An epoch has ended: save now, or as soon as the save before is done. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_save(dnnb__trainer *trainer, bool is_epoch_end);
/** Save it now, and return when that is done; nothing to do where nothing has happened since the
 *  last. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_save_now(dnnb__trainer *trainer);

/** Warn once when the loss has stayed at chance for three epochs. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_check_learning(dnnb__trainer *trainer);
/** Say where a loss stopped being finite, and what may help. */
DNNB_MUST_CHECK dnnb_status dnnb__trainer_fail_loss(const dnnb__trainer *trainer,
                                                    dnnb_status status, double learning_rate);

#endif
