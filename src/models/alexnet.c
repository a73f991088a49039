/*
 * AlexNet, the variant of "One weird trick for parallelizing convolutional neural networks".
 *
 * Source: Krizhevsky, arXiv:1404.5997; parameter names and order as in torchvision's
 * models/alexnet.py, layer names as in DNNBrain.
 */
#include "models/models.h"
#include "models/rows.h"

static const dnnb__layer_row rows[] = {
    CONV("features.0", "conv1", 64, 11, 4, 2), /*   64 x 55 x 55 */
    RELU("features.1", "conv1_relu"),
    MAXPOOL("features.2", "conv1_maxpool"),    /*   64 x 27 x 27 */
    CONV("features.3", "conv2", 192, 5, 1, 2), /*  192 x 27 x 27 */
    RELU("features.4", "conv2_relu"),
    MAXPOOL("features.5", "conv2_maxpool"),    /*  192 x 13 x 13 */
    CONV("features.6", "conv3", 384, 3, 1, 1), /*  384 x 13 x 13 */
    RELU("features.7", "conv3_relu"),
    CONV("features.8", "conv4", 256, 3, 1, 1), /*  256 x 13 x 13 */
    RELU("features.9", "conv4_relu"),
    CONV("features.10", "conv5", 256, 3, 1, 1), /* 256 x 13 x 13 */
    RELU("features.11", "conv5_relu"),
    MAXPOOL("features.12", "conv5_maxpool"), /*    256 x 6 x 6 */
    {.path = "avgpool",
     .kind = DNNB__LAYER_ADAPTIVE_AVGPOOL2D,
     .attr.adaptive_pool2d = {.out = {6, 6}}},
    {.path = "flatten", .kind = DNNB__LAYER_FLATTEN}, /* 9216 */
    DROPOUT("classifier.0", 0.5f),
    LINEAR("classifier.1", "fc1", 4096),
    RELU("classifier.2", "fc1_relu"),
    DROPOUT("classifier.3", 0.5f),
    LINEAR("classifier.4", "fc2", 4096),
    RELU("classifier.5", "fc2_relu"),
    LINEAR("classifier.6", "fc3", 1000),
};

static dnnb_status build(dnnb__graph *graph) {
    return dnnb__graph_add(graph, rows, sizeof rows / sizeof rows[0]);
}

const dnnb__model dnnb__model_alexnet = {
    .name = "AlexNet",
    .input = {.dim = {3, 224, 224}, .ndim = 3},
    .source = "torchvision.models.alexnet; layer names of DNNBrain",
    .weights = "alexnet-owt-7be5be79.pth",
    .own_weights = "alexnet.pth",
    .build = build,
};
