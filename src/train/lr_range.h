/* A range test while it goes on: its rates, and the curve that its losses become. */
#ifndef DNNB_TRAIN_LR_RANGE_H
#define DNNB_TRAIN_LR_RANGE_H

#include "core/status.h"
#include "dnnbrain/lr_find.h"

/** @error DNNB_ERR_ARGUMENT a number out of its range. */
DNNB_MUST_CHECK dnnb_status dnnb__lr_range_check(const dnnb_lr_find_options *options);
/** Factor of a step (from 0) on the first step's rate. */
double dnnb__lr_range_get_factor(const dnnb_lr_find_options *options, size_t step);

/** An empty curve with room for every step. */
DNNB_MUST_CHECK dnnb_status dnnb__lr_curve_create(dnnb_lr_curve **out,
                                                  const dnnb_lr_find_options *options);
/** Append a step; sets has_diverged. */
void dnnb__lr_curve_add(dnnb_lr_curve *curve, const dnnb_lr_find_options *options, double lr,
                        double loss);
/** Smooth the losses and set the suggested rate. */
void dnnb__lr_curve_suggest(dnnb_lr_curve *curve, const dnnb_lr_find_options *options);

#endif
