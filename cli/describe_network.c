/* A network's layers, with the names that the options take. */
#include <inttypes.h>
#include <string.h>

#include "cli/common.h"
#include "cli/describe.h"
#include "cli/table.h"
#include "cli/terminal.h"

/* "64x55x55": channels, rows, columns; shorter than the library's tuples, of which many stand below
 * each other here. */
static cli_shape_text format_output(const dnnb_shape *shape, bool has_utf8) {
    cli_shape_text out = {""};
    size_t used = 0;
    for (size_t i = 0; i < shape->ndim && used < sizeof out.s; i++)
        used += (size_t)snprintf(out.s + used, sizeof out.s - used, "%s%" PRId64,
                                 i == 0     ? ""
                                 : has_utf8 ? "\u00d7"
                                            : "x",
                                 shape->dim[i]);
    return out;
}

/* Millions, since all digits would not fit into 80 columns; none as a dash. */
static void add_operations(cli_table *table, int64_t n) {
    if (n == 0)
        cli_table_add(table, "-");
    else
        cli_table_add(table, "%.*f M", n < 100000 ? 3 : 1, (double)n * 1e-6);
}

static void add_layers(cli_table *table, const dnnb_dnn *dnn, int64_t n_all,
                       int64_t *n_operations) {
    bool has_utf8 = cli_terminal_open(stdout).has_utf8;
    *n_operations = 0;
    for (size_t i = 0; i < dnnb_dnn_get_n_layers(dnn); i++) {
        dnnb_layer_info layer = dnnb_dnn_get_layer(dnn, i);
        *n_operations += layer.macs;
        cli_table_add(table, "%s", layer.name);
        cli_table_add(table, "%s", layer.path);
        cli_table_add(table, "%s", layer.type);
        cli_table_add(table, "%s", format_output(&layer.output, has_utf8).s);
        cli_table_add(table, "%s", layer.n_parameters ? cli_thousands(layer.n_parameters).s : "-");
        add_operations(table, layer.macs);
    }
    cli_table_add_rule(table);
    const char *const totals[] = {"all", "", "", ""};
    for (size_t i = 0; i < CLI_COUNT_OF(totals); i++) cli_table_add(table, "%s", totals[i]);
    cli_table_add(table, "%s", cli_thousands(n_all).s);
    add_operations(table, *n_operations);
}

int cli_describe_network(const char *name) {
    static const cli_column columns[] = {{"name", false, true},       {"path", false, true},
                                         {"type", false, true},       {"output", false, false},
                                         {"parameters", true, false}, {"mult-adds", true, false}};
    dnnb_dnn *dnn = NULL;
    int64_t n_trainable, n_all, n_operations;
    if (dnnb_dnn_create(&dnn, name, NULL) != DNNB_OK) return cli_fail();
    dnnb_dnn_count_parameters(dnn, &n_trainable, &n_all);
    printf("%s, input %s, %s outputs\n\n", dnnb_dnn_get_name(dnn),
           cli_format_shape(dnnb_dnn_get_input_shape(dnn)).s,
           cli_thousands(dnnb_dnn_get_n_outputs(dnn)).s);
    cli_table *table = cli_table_create(columns, CLI_COUNT_OF(columns));
    add_layers(table, dnn, n_all, &n_operations);
    int status = cli_table_print(table);
    cli_table_destroy(table);
    if (status == CLI_DONE)
        printf("\n%s parameters (%s bytes as float32), %s operations\n"
               "(a multiplication with an addition) for one image forward. --freeze takes names\n"
               "and paths.\n",
               cli_thousands(n_all).s, cli_thousands(4 * n_all).s, cli_thousands(n_operations).s);
    dnnb_dnn_destroy(dnn);
    return status;
}
