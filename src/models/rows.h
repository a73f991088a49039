/*
 * Rows of a network's table: what AlexNet and its like are made of. Kernels are square, pooling is
 * that of AlexNet, 3 x 3 with stride 2.
 */
#ifndef DNNB_MODELS_ROWS_H
#define DNNB_MODELS_ROWS_H

#include "nn/graph.h"

#define CONV(path_, name_, channels, size, step, pad)                                              \
    {                                                                                              \
        .path = path_, .name = name_, .kind = DNNB__LAYER_CONV2D, .attr.conv2d = {                 \
            .out_channels = channels,                                                              \
            .kernel = {size, size},                                                                \
            .stride = {step, step},                                                                \
            .padding = {pad, pad}                                                                  \
        }                                                                                          \
    }
#define RELU(path_, name_)                                                                         \
    { .path = path_, .name = name_, .kind = DNNB__LAYER_RELU }
#define MAXPOOL(path_, name_)                                                                      \
    {                                                                                              \
        .path = path_, .name = name_, .kind = DNNB__LAYER_MAXPOOL2D, .attr.pool2d = {              \
            .kernel = {3, 3},                                                                      \
            .stride = {2, 2}                                                                       \
        }                                                                                          \
    }
#define DROPOUT(path_, p_)                                                                         \
    {                                                                                              \
        .path = path_, .kind = DNNB__LAYER_DROPOUT, .attr.dropout = {.p = p_ }                     \
    }
#define LINEAR(path_, name_, features)                                                             \
    {                                                                                              \
        .path = path_, .name = name_, .kind = DNNB__LAYER_LINEAR, .attr.linear = {                 \
            .out_features = features                                                               \
        }                                                                                          \
    }

#endif
