/*
 * The layer types: X(KIND, file in nn/layers, PyTorch's name).
 * A new type is a line here, src/nn/layers/<file>.c, and a file and a line for each engine.
 */
#define DNNB__LAYER_LIST(X)                                                                        \
    X(CONV2D, conv2d, "Conv2d")                                                                    \
    X(LINEAR, linear, "Linear")                                                                    \
    X(RELU, relu, "ReLU")                                                                          \
    X(MAXPOOL2D, maxpool2d, "MaxPool2d")                                                           \
    X(ADAPTIVE_AVGPOOL2D, adaptive_avgpool2d, "AdaptiveAvgPool2d")                                 \
    X(DROPOUT, dropout, "Dropout")                                                                 \
    X(FLATTEN, flatten, "Flatten")                                                                 \
    X(ADD, add, "add")                                                                             \
    X(CONCAT, concat, "cat")
