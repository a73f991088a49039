/* The networks by name: src/models/<file>.c defines dnnb__model_<file>, model_list.h lists it. */
#ifndef DNNB_MODELS_MODELS_H
#define DNNB_MODELS_MODELS_H

#include "nn/graph.h"

typedef struct dnnb__model {
    const char *name;   /* "AlexNet", as DNNBrain writes it; any case is taken */
    dnnb_shape input;   /* [3, height, width] */
    const char *source; /* where names and shapes come from */
    /* The file of its pretrained parameters, ending in the first digits of its SHA-256:
     * torchvision's, or the one in data/weights/ that ships. NULL when there is none. */
    const char *weights;
    const char *own_weights; /* the name that DNNBrain gives the file: "alexnet.pth" */
    bool is_shipped;
    dnnb_status (*build)(dnnb__graph *graph); /* appends the rows, the head with its own outputs */
} dnnb__model;

/** All models, in the order of model_list.h. */
const dnnb__model *const *dnnb__model_get_all(size_t *n);
/** By name, in any case. @error DNNB_ERR_ARGUMENT: names the nearest and lists them all. */
DNNB_MUST_CHECK dnnb_status dnnb__model_find(const dnnb__model **out, const char *name);

#endif
