/* A file of weights: names, shapes, types and a summary of the values. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/describe.h"

typedef struct summary {
    double mean, std; /* of the finite values; NaN without any */
    size_t n_bad;     /* NaN or infinite */
} summary;

/* Two passes, so that a small spread around a large mean keeps its digits. */
static summary summarize(const float *values, size_t n) {
    summary s = {NAN, NAN, 0};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(values[i]))
            sum += values[i];
        else
            s.n_bad++;
    }
    if (n == s.n_bad) return s;
    double n_good = (double)(n - s.n_bad);
    s.mean = sum / n_good;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) squares += (values[i] - s.mean) * (values[i] - s.mean);
    s.std = sqrt(squares / n_good);
    return s;
}

static int print_tensor(const char *name, int name_width, const dnnb_tensor *tensor,
                        size_t *n_bad) {
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
    *n_bad += s.n_bad;
    printf("%-*s  %-20s  %-9s  %12s  %11.4g  %11.4g  %5zu\n", name_width, name,
           cli_format_shape(dnnb_tensor_get_shape(tensor)).s,
           dnnb_dtype_get_name(dnnb_tensor_get_dtype(tensor)), cli_thousands((int64_t)n).s, s.mean,
           s.std, s.n_bad);
    return CLI_DONE;
}

static int print_dict(const dnnb_dict *dict) {
    size_t n = dnnb_dict_get_count(dict), n_elements = 0, n_bytes = 0, n_bad = 0;
    int width = 4;
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(dnnb_dict_get_name(dict, i));
        if (length > (size_t)width && length <= 60) width = (int)length;
    }
    printf("%-*s  %-20s  %-9s  %12s  %11s  %11s  %5s\n", width, "name", "shape", "type", "elements",
           "mean", "std", "bad");
    for (size_t i = 0; i < n; i++) {
        const dnnb_tensor *tensor = dnnb_dict_get_tensor(dict, i);
        int status = print_tensor(dnnb_dict_get_name(dict, i), width, tensor, &n_bad);
        if (status != CLI_DONE) return status;
        size_t count = dnnb_tensor_get_count(tensor);
        n_elements += count;
        n_bytes += count * dnnb_dtype_get_size(dnnb_tensor_get_dtype(tensor));
    }
    printf("%s tensors, %s elements, %s bytes", cli_thousands((int64_t)n).s,
           cli_thousands((int64_t)n_elements).s, cli_thousands((int64_t)n_bytes).s);
    if (n_bad > 0) printf(", %s NaN or infinite", cli_thousands((int64_t)n_bad).s);
    putchar('\n');
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
