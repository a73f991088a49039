/* A network's layers, with the names that the options take. */
#include <string.h>

#include "cli/common.h"
#include "cli/describe.h"

int cli_describe_network(const char *name) {
    dnnb_dnn *dnn = NULL;
    if (dnnb_dnn_create(&dnn, name, NULL) != DNNB_OK) return cli_fail();
    int64_t n_trainable, n_all, macs = 0;
    int widths[2] = {4, 4};
    size_t n = dnnb_dnn_get_n_layers(dnn);
    for (size_t i = 0; i < n; i++) {
        dnnb_layer_info layer = dnnb_dnn_get_layer(dnn, i);
        const char *names[] = {layer.name, layer.path};
        for (size_t k = 0; k < 2; k++)
            if (strlen(names[k]) > (size_t)widths[k]) widths[k] = (int)strlen(names[k]);
    }
    printf("%s, input %s, %s outputs\n", dnnb_dnn_get_name(dnn),
           cli_format_shape(dnnb_dnn_get_input_shape(dnn)).s,
           cli_thousands(dnnb_dnn_get_n_outputs(dnn)).s);
    printf("%-*s  %-*s  %-18s  %-16s  %9s  %11s  %13s\n", widths[0], "name", widths[1], "path",
           "type", "output", "inputs", "parameters", "MACs");
    for (size_t i = 0; i < n; i++) {
        dnnb_layer_info layer = dnnb_dnn_get_layer(dnn, i);
        macs += layer.macs;
        printf("%-*s  %-*s  %-18s  %-16s  %9s  %11s  %13s\n", widths[0], layer.name, widths[1],
               layer.path, layer.type, cli_format_shape(&layer.output).s,
               cli_thousands(layer.n_inputs).s, cli_thousands(layer.n_parameters).s,
               cli_thousands(layer.macs).s);
    }
    dnnb_dnn_count_parameters(dnn, &n_trainable, &n_all);
    printf("%s parameters, %s multiply-accumulates an image\n", cli_thousands(n_all).s,
           cli_thousands(macs).s);
    dnnb_dnn_destroy(dnn);
    return CLI_DONE;
}
