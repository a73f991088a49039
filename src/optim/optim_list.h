/* The optimisers, X(file): src/optim/<file>.c defines `dnnb__optim_<file>`; the first one is the
 * default. */
#define DNNB__OPTIM_LIST(X)                                                                        \
    X(adam)                                                                                        \
    X(adamw)                                                                                       \
    X(sgd)
