/* The ops that this engine has, X(KIND, file): <file>.c defines `dnnb__ref_op_<file>`. */
#define DNNB__REF_OP_LIST(X)                                                                       \
    X(CONV2D, conv2d)                                                                              \
    X(LINEAR, linear)                                                                              \
    X(RELU, relu)                                                                                  \
    X(MAXPOOL2D, maxpool2d)                                                                        \
    X(ADAPTIVE_AVGPOOL2D, adaptive_avgpool2d)                                                      \
    X(DROPOUT, dropout)                                                                            \
    X(FLATTEN, flatten)                                                                            \
    X(ADD, add)                                                                                    \
    X(CONCAT, concat)
