/* A file of weights: names, shapes, types and a summary of the values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/describe.h"
#include "cli/table.h"

typedef struct summary {
    double mean, std; /* of the finite values; NaN without any */
    size_t n_nan, n_infinite;
} summary;

/* Two passes, so that a small spread around a large mean keeps its digits. */
static summary summarize(const float *values, size_t n) {
    summary s = {NAN, NAN, 0, 0};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(values[i]))
            sum += values[i];
        else if (isnan(values[i]))
            s.n_nan++;
        else
            s.n_infinite++;
    }
    size_t n_finite = n - s.n_nan - s.n_infinite;
    if (n_finite == 0) return s;
    s.mean = sum / (double)n_finite;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) squares += (values[i] - s.mean) * (values[i] - s.mean);
    s.std = sqrt(squares / (double)n_finite);
    return s;
}

static void add_number(cli_table *table, double value) {
    if (isnan(value))
        cli_table_add(table, "-");
    else
        cli_table_add(table, "%.4g", value);
}

static int add_tensor(cli_table *table, const char *name, const dnnb_tensor *tensor,
                      summary *total) {
    size_t n = dnnb_tensor_get_count(tensor);
    float *values = calloc(n + 1, sizeof *values);
    if (!values) {
        cli_error("%s: %zu elements: out of memory", name, n);
        return CLI_FAILED;
    }
    if (dnnb_tensor_read_f32(tensor, values, n) != DNNB_OK) {
        free(values);
        return cli_fail();
    }
    summary s = summarize(values, n);
    free(values);
    total->n_nan += s.n_nan;
    total->n_infinite += s.n_infinite;
    cli_table_add(table, "%s", name);
    cli_table_add(table, "%s", cli_format_shape(dnnb_tensor_get_shape(tensor)).s);
    cli_table_add(table, "%s", dnnb_dtype_get_name(dnnb_tensor_get_dtype(tensor)));
    add_number(table, s.mean);
    add_number(table, s.std);
    cli_table_add(table, "%s", cli_thousands((int64_t)s.n_nan).s);
    cli_table_add(table, "%s", cli_thousands((int64_t)s.n_infinite).s);
    return CLI_DONE;
}

static int print_dict(const dnnb_dict *dict) {
    static const cli_column columns[] = {{"path", false, true},   {"shape", false, false},
                                         {"dtype", false, false}, {"mean", true, false},
                                         {"std", true, false},    {"NaN", true, false},
                                         {"inf", true, false}};
    size_t n = dnnb_dict_get_count(dict), n_elements = 0, n_bytes = 0;
    summary total = {0};
    int status = CLI_DONE;
    cli_table *table = cli_table_create(columns, CLI_COUNT_OF(columns));
    for (size_t i = 0; i < n && status == CLI_DONE; i++) {
        const dnnb_tensor *tensor = dnnb_dict_get_tensor(dict, i);
        status = add_tensor(table, dnnb_dict_get_name(dict, i), tensor, &total);
        size_t count = dnnb_tensor_get_count(tensor);
        n_elements += count;
        n_bytes += count * dnnb_dtype_get_size(dnnb_tensor_get_dtype(tensor));
    }
    if (status == CLI_DONE) status = cli_table_print(table);
    cli_table_destroy(table);
    if (status != CLI_DONE) return status;
    printf("\n%s tensors, %s elements, %s bytes; ", cli_thousands((int64_t)n).s,
           cli_thousands((int64_t)n_elements).s, cli_thousands((int64_t)n_bytes).s);
    if (total.n_nan + total.n_infinite == 0)
        printf("all finite\n");
    else
        printf("%s NaN, %s infinite\n", cli_thousands((int64_t)total.n_nan).s,
               cli_thousands((int64_t)total.n_infinite).s);
    return CLI_DONE;
}

int cli_describe_weights(const char *path) {
    dnnb_dict *dict = NULL;
    if (dnnb_dict_load(&dict, path) != DNNB_OK) return cli_fail();
    const char *note = dnnb_dict_get_note(dict);
    if (*note) printf("%s\n", note);
    int status = print_dict(dict);
    dnnb_dict_destroy(dict);
    return status;
}
