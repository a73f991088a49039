/* The engines, X(folder): each defines `const dnnb__engine dnnb__engine_<folder>`. */
#define DNNB__ENGINE_LIST(X)                                                                       \
    X(onednn)                                                                                      \
    X(ref)
