/**
 * @file
 * @ingroup training
 * A network with its parameters: created by name, loaded, given a new head, frozen, saved.
 */
#ifndef DNNBRAIN_DNN_H
#define DNNBRAIN_DNN_H

#include "dnnbrain/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A network with its parameters. */
typedef struct dnnb_dnn dnnb_dnn;

/** Numbers that a network computes in. Parameters are kept, trained and saved in float32, and
 * losses and sums are float32, in each of them. */
typedef enum dnnb_precision {
    DNNB_PRECISION_F32,  /**< float32 */
    DNNB_PRECISION_BF16, /**< activations and the weights that they meet rounded to bfloat16 */
    DNNB_PRECISION_AUTO  /**< bfloat16 where the processor has instructions for matrices of it
                              (AMX), so that it is faster; elsewhere float32 */
} dnnb_precision;

/** How a network is made. */
typedef struct dnnb_dnn_options {
    uint64_t seed;            /**< parameters that are not loaded are initialised from it */
    size_t n_threads;         /**< threads of the computation; 0: every processor available */
    const char *engine;       /**< "onednn", or "ref" (slow, float64 sums); NULL: the default */
    dnnb_precision precision; /**< numbers of the computation */
} dnnb_dnn_options;

/** The default options. */
#define DNNB_DNN_OPTIONS_INIT                                                                      \
    { .seed = 0, .n_threads = 0, .engine = NULL, .precision = DNNB_PRECISION_F32 }

/** Names of the networks; any case is taken where one is asked for. */
DNNB_API const char *const *dnnb_dnn_get_network_names(size_t *n);

/**
 * A network by name, initialised as PyTorch initialises it, all parameters trainable.
 *
 * @param options NULL for DNNB_DNN_OPTIONS_INIT.
 * @error DNNB_ERR_ARGUMENT an unknown network or engine, with the nearest name;
 *        DNNB_ERR_UNSUPPORTED DNNB_PRECISION_BF16 on a processor without AVX-512, or with "ref".
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_create(dnnb_dnn **out, const char *network,
                                                     const dnnb_dnn_options *options);

/**
 * A network by name with the parameters of a file (any that dnnb_dict_load() reads).
 *
 * The head takes its size from the file. All other parameters must be there with their shapes:
 * missing, unexpected and mis-shaped ones are listed all at once.
 *
 * @error What dnnb_dnn_create() and dnnb_dict_load() give; DNNB_ERR_SHAPE parameters do not fit.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_create_from_file(dnnb_dnn **out, const char *network,
                                                               const char *weights_path,
                                                               const dnnb_dnn_options *options);
/** Takes NULL, as every destroy function. */
DNNB_API void dnnb_dnn_destroy(dnnb_dnn *dnn);

/** Load parameters from a file; strict: every name and shape must fit, the head's too.
 *  @error DNNB_ERR_SHAPE with all that is missing, unexpected and mis-shaped. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_load(dnnb_dnn *dnn, const char *weights_path);
/** The same from a dict. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_set_state(dnnb_dnn *dnn, const dnnb_dict *state);
/** A copy of all parameters, float32, with PyTorch's names, shapes and layout. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_get_state(dnnb_dnn *dnn, dnnb_dict **out);
/** Save the state dict: .pth (torch.load and load_state_dict(strict=True) take it), .safetensors
 *  or .npz, by the path's ending. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_save(dnnb_dnn *dnn, const char *path);
/** What the reader of the weights remarked ("taken from 'state_dict'"), or "". */
DNNB_API const char *dnnb_dnn_get_note(const dnnb_dnn *dnn);

/** Put a new last layer with n outputs in the place of the old one, initialised from the seed as
 *  PyTorch initialises it, and trainable. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_replace_head(dnnb_dnn *dnn, int64_t n_outputs);

/**
 * Set parameters trainable or not.
 *
 * @param pattern Globs divided by commas over parameter paths, module paths and DNNBrain's layer
 *        names ("features.*", "conv1,conv2"); "all"; "backbone": all but the head.
 * @error DNNB_ERR_ARGUMENT a glob that matches nothing, with the nearest layer's name.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_set_trainable(dnnb_dnn *dnn, const char *pattern,
                                                            bool trainable);
/** Numbers of parameters (elements): trained, and all. */
DNNB_API void dnnb_dnn_count_parameters(const dnnb_dnn *dnn, int64_t *n_trainable, int64_t *n_all);

/** The network's name as DNNBrain writes it ("AlexNet"). */
DNNB_API const char *dnnb_dnn_get_name(const dnnb_dnn *dnn);
/** Name of the engine that computes: "onednn" or "ref". */
DNNB_API const char *dnnb_dnn_get_engine(const dnnb_dnn *dnn);
/** The library that the engine computes with, and its version: "oneDNN 2.6.3". */
DNNB_API const char *dnnb_dnn_get_engine_version(const dnnb_dnn *dnn);
/** The same of an engine by its name, NULL for the default one; "" when there is no such engine. */
DNNB_API const char *dnnb_engine_get_version(const char *engine);
/** Numbers that it computes in: "f32" or "bf16", what DNNB_PRECISION_AUTO came to. */
DNNB_API const char *dnnb_dnn_get_precision(const dnnb_dnn *dnn);
/** Threads of the computation. */
DNNB_API size_t dnnb_dnn_get_n_threads(const dnnb_dnn *dnn);
/** The seed that it was made with. */
DNNB_API uint64_t dnnb_dnn_get_seed(const dnnb_dnn *dnn);
/** [channels, height, width] of the input images. */
DNNB_API const dnnb_shape *dnnb_dnn_get_input_shape(const dnnb_dnn *dnn);
/** Outputs an image. */
DNNB_API int64_t dnnb_dnn_get_n_outputs(const dnnb_dnn *dnn);

/** A layer as people see it. Borrowed text. */
typedef struct dnnb_layer_info {
    const char *path;     /**< module path in the state dict, "features.0" */
    const char *name;     /**< DNNBrain's name, "conv1", or the path */
    const char *type;     /**< PyTorch's name, "Conv2d" */
    dnnb_shape output;    /**< without the batch */
    int64_t n_inputs;     /**< elements that one image brings to the layer */
    int64_t n_parameters; /**< elements */
    int64_t n_trainable;  /**< elements */
    int64_t macs;         /**< multiply-accumulates an image, forward */
} dnnb_layer_info;

/** Number of layers that have a name. */
DNNB_API size_t dnnb_dnn_get_n_layers(const dnnb_dnn *dnn);
/** Layer i, counted from 0 in the order of the computation. */
DNNB_API dnnb_layer_info dnnb_dnn_get_layer(const dnnb_dnn *dnn, size_t i);
/** By module path or DNNBrain's name. @error DNNB_ERR_ARGUMENT with the nearest name. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_find_layer(const dnnb_dnn *dnn, const char *name,
                                                         dnnb_layer_info *out);

/**
 * Outputs of images, as the network gives them (logits), in test mode.
 *
 * @param images  [n, channels, height, width], normalised, row-major.
 * @param outputs [n, n_outputs].
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_forward(dnnb_dnn *dnn, const float *images, size_t n,
                                                      float *outputs);

#ifdef __cplusplus
}
#endif

#endif
