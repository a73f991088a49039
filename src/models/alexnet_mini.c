/*
 * AlexNet-mini: AlexNet's layers and their names at a size that two processors train from scratch;
 * tools/pretrain-mini does. 2.7 MB in float16.
 *
 * The input is 64 x 64 pixels. Strides and kernels of the first two convolutions shrink with it, so
 * that every layer sees the same part of a picture as AlexNet's, roughly. 200 outputs: the
 * categories of Tiny ImageNet.
 *
 * Parameters start as He's uniform ones, except for the head, which like every new head starts as
 * PyTorch's. PyTorch's own bound is smaller by the square root of six; through seven layers without
 * normalisation the signal all but vanishes, and the first epochs go by without learning.
 * Source of the initialisation: He et al., arXiv:1502.01852.
 */
#include <math.h>

#include "models/models.h"
#include "models/rows.h"

static const dnnb__layer_row rows[] = {
    CONV("features.0", "conv1", 32, 5, 2, 2), /*   32 x 32 x 32 */
    RELU("features.1", "conv1_relu"),
    MAXPOOL("features.2", "conv1_maxpool"),   /*   32 x 15 x 15 */
    CONV("features.3", "conv2", 64, 3, 1, 1), /*   64 x 15 x 15 */
    RELU("features.4", "conv2_relu"),
    MAXPOOL("features.5", "conv2_maxpool"),    /*  64 x 7 x 7 */
    CONV("features.6", "conv3", 128, 3, 1, 1), /* 128 x 7 x 7 */
    RELU("features.7", "conv3_relu"),
    CONV("features.8", "conv4", 128, 3, 1, 1), /* 128 x 7 x 7 */
    RELU("features.9", "conv4_relu"),
    CONV("features.10", "conv5", 128, 3, 1, 1), /* 128 x 7 x 7 */
    RELU("features.11", "conv5_relu"),
    MAXPOOL("features.12", "conv5_maxpool"), /*   128 x 3 x 3 */
    {.path = "avgpool",
     .kind = DNNB__LAYER_ADAPTIVE_AVGPOOL2D,
     .attr.adaptive_pool2d = {.out = {3, 3}}},
    {.path = "flatten", .kind = DNNB__LAYER_FLATTEN}, /* 1152 */
    DROPOUT("classifier.0", 0.1f),
    LINEAR("classifier.1", "fc1", 512),
    RELU("classifier.2", "fc1_relu"),
    DROPOUT("classifier.3", 0.1f),
    LINEAR("classifier.4", "fc2", 512),
    RELU("classifier.5", "fc2_relu"),
    LINEAR("classifier.6", "fc3", 200),
};

static dnnb_status build(dnnb__graph *graph) {
    DNNB_TRY(dnnb__graph_add(graph, rows, sizeof rows / sizeof rows[0]));
    const dnnb__node *head = &graph->nodes[dnnb__graph_find_head(graph)];
    for (size_t i = 0; i < head->first_param; i++) {
        dnnb__param *param = &graph->params[i];
        bool is_bias = param->shape.ndim == 1;
        double fan_in = (double)param->count / (double)param->shape.dim[0];
        param->init.kind = is_bias ? DNNB__INIT_ZEROS : DNNB__INIT_UNIFORM;
        param->init.bound = is_bias ? 0 : sqrt(6 / fan_in);
    }
    return DNNB_OK;
}

const dnnb__model dnnb__model_alexnet_mini = {
    .name = "AlexNet-mini",
    .input = {.dim = {3, 64, 64}, .ndim = 3},
    .source = "this project: AlexNet's table with fewer channels; layer names of DNNBrain",
    .weights = "alexnet-mini-f106d861.safetensors",
    .own_weights = "alexnet-mini.safetensors",
    .is_shipped = true,
    .build = build,
};
