/* The operations of a network's step, with the kernel that computes each on this processor. */
#include <string.h>

#include "cli/common.h"
#include "cli/describe.h"
#include "cli/table.h"

typedef struct plan_listing {
    cli_table *table;
    double flops, bytes;
    size_t n_ops, n_slow;
} plan_listing;

static void add_number(cli_table *table, double value) {
    if (value > 0)
        cli_table_add(table, "%.*f", value < 10 ? 2 : 1, value);
    else
        cli_table_add(table, "-");
}

/* oneDNN's longest name, of AMX, in a word: lines stay within 80 columns. */
static void add_kernel(cli_table *table, const dnnb_plan_op *op) {
    static const char amx[] = "avx512_core_amx";
    char name[128];
    size_t n = 0;
    for (const char *c = op->implementation; *c && n + sizeof amx < sizeof name;) {
        if (strncmp(c, amx, sizeof amx - 1) != 0) {
            name[n++] = *c++;
            continue;
        }
        memcpy(name + n, "amx", 3);
        n += 3;
        c += sizeof amx - 1;
    }
    name[n] = '\0';
    cli_table_add(table, "%s%s", name, op->is_slow ? " (slow)" : "");
}

static void add_op(void *context, const dnnb_plan_op *op) {
    plan_listing *list = context;
    cli_table_add(list->table, "%s", op->name);
    cli_table_add(list->table, "%s", op->pass);
    add_kernel(list->table, op);
    add_number(list->table, op->flops * 1e-9);
    add_number(list->table, op->bytes * 0x1p-20);
    list->flops += op->flops;
    list->bytes += op->bytes;
    list->n_ops++;
    list->n_slow += op->is_slow;
}

static void print_head(const dnnb_dnn *dnn, const cli_plan_options *options) {
    size_t n_threads = dnnb_dnn_get_n_threads(dnn);
    printf("%s, a step of %s on %zu image%s, %s\n%s with %s, %zu thread%s\n\n",
           dnnb_dnn_get_name(dnn), options->mode == DNNB_PLAN_TEST ? "testing" : "training",
           options->batch, options->batch == 1 ? "" : "s",
           cli_precision_type(dnnb_dnn_get_precision(dnn)), dnnb_dnn_get_engine_version(dnn),
           dnnb_dnn_get_instructions(dnn), n_threads, n_threads == 1 ? "" : "s");
}

static int print_plan(dnnb_dnn *dnn, const cli_plan_options *options) {
    static const cli_column columns[] = {{"layer", false, true},
                                         {"pass", false, true},
                                         {"kernel", false, true},
                                         {"GFLOP", true, false},
                                         {"MiB", true, false}};
    plan_listing list = {.table = cli_table_create(columns, CLI_COUNT_OF(columns))};
    dnnb_status status =
        dnnb_dnn_list_plan(dnn, (dnnb_plan_mode)options->mode, options->batch, add_op, &list);
    if (status != DNNB_OK) {
        cli_table_destroy(list.table);
        return cli_fail_options(status);
    }
    cli_table_add_rule(list.table);
    cli_table_add(list.table, "all");
    cli_table_add(list.table, " ");
    cli_table_add(list.table, "%zu operations", list.n_ops);
    add_number(list.table, list.flops * 1e-9);
    add_number(list.table, list.bytes * 0x1p-20);
    print_head(dnn, options);
    int result = cli_table_print(list.table);
    cli_table_destroy(list.table);
    if (result == CLI_DONE && list.n_slow > 0)
        printf("\n%zu operation%s marked 'slow': a plain loop, tens of times slower than other "
               "kernels.\n",
               list.n_slow, list.n_slow == 1 ? " is" : "s are");
    return result;
}

int cli_describe_plan(const char *name, const cli_plan_options *options) {
    dnnb_dnn *dnn = NULL;
    dnnb_status status = dnnb_dnn_create(&dnn, name, &options->dnn);
    if (status == DNNB_OK && options->freeze)
        status = dnnb_dnn_set_trainable(dnn, options->freeze, false);
    int result = status == DNNB_OK ? print_plan(dnn, options) : cli_fail_options(status);
    dnnb_dnn_destroy(dnn);
    return result;
}
