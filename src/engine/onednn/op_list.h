/* The operations of this engine: X(layer kind, file). */
#define DNNB__ONEDNN_OP_LIST(X)                                                                    \
    X(CONV2D, conv2d)                                                                              \
    X(LINEAR, linear)                                                                              \
    X(RELU, relu)                                                                                  \
    X(MAXPOOL2D, maxpool2d)                                                                        \
    X(ADAPTIVE_AVGPOOL2D, adaptive_avgpool2d)                                                      \
    X(DROPOUT, dropout)                                                                            \
    X(FLATTEN, flatten)                                                                            \
    X(ADD, add)                                                                                    \
    X(CONCAT, concat)
