/* The networks, X(file): src/models/<file>.c defines `const dnnb__model dnnb__model_<file>`. */
#define DNNB__MODEL_LIST(X) X(alexnet) X(alexnet_mini)
