/**
 * @file
 * dnnbrain: transfer learning for people who study brains and networks. All public headers.
 *
 * In tiers, each usable without the next:
 *   1. dnn.h, stimulus.h, train.h: load stimuli, create a network, train, test, predict, save.
 *      run.h does the same and leaves a run folder, record.h reads it back; history.h and plot.h
 *      are its history and plots; lr_find.h tries learning rates; fetch.h
 *      finds and fetches pretrained parameters.
 *   2. image.h, optim.h, metrics.h: the transforms, crops, schedules and metrics by themselves.
 *   3. tensor.h: tensors and state dicts, read and written in PyTorch's, numpy's and safetensors'
 *      formats.
 *
 * status.h has the errors of all; bench.h times the computation alone, plan.h lists its kernels.
 *
 * @defgroup training 1. Training
 * Stimuli, networks, training, run folders, and what comes of them.
 *
 * @defgroup parts 2. Parts
 * Transforms, optimisers and metrics by themselves.
 *
 * @defgroup tensors 3. Tensors
 * Tensors and state dicts, and their files.
 *
 * @defgroup support For all
 * Errors, and the speed of the computation.
 */
#ifndef DNNBRAIN_DNNBRAIN_H
#define DNNBRAIN_DNNBRAIN_H

#include "dnnbrain/bench.h"
#include "dnnbrain/dnn.h"
#include "dnnbrain/fetch.h"
#include "dnnbrain/group.h"
#include "dnnbrain/history.h"
#include "dnnbrain/image.h"
#include "dnnbrain/lr_find.h"
#include "dnnbrain/metrics.h"
#include "dnnbrain/optim.h"
#include "dnnbrain/plan.h"
#include "dnnbrain/plot.h"
#include "dnnbrain/record.h"
#include "dnnbrain/report.h"
#include "dnnbrain/run.h"
#include "dnnbrain/status.h"
#include "dnnbrain/stimulus.h"
#include "dnnbrain/tensor.h"
#include "dnnbrain/train.h"
#include "dnnbrain/watch.h"

#endif
