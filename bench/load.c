/*
 * Seconds of processor time to load a state dict and to read a number of every page of every
 * tensor, as one JSON list.
 *
 * Usage: load FILE ROUNDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dnnbrain/tensor.h"

enum { MAX_ROUNDS = 100, FLOATS_A_PAGE = 1024 };

static dnnb_status load(const char *path, double *sum) {
    dnnb_dict *dict;
    dnnb_status status = dnnb_dict_load(&dict, path);
    if (status != DNNB_OK) return status;
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++) {
        const float *values = dnnb_tensor_get_data(dnnb_dict_get_tensor(dict, i));
        size_t n = dnnb_tensor_get_count(dnnb_dict_get_tensor(dict, i));
        for (size_t k = 0; k < n; k += FLOATS_A_PAGE) *sum += (double)values[k];
    }
    dnnb_dict_destroy(dict);
    return status;
}

int main(int argc, char **argv) {
    double seconds[MAX_ROUNDS], sum = 0;
    size_t n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (n < 1 || n > MAX_ROUNDS) {
        fprintf(stderr, "usage: load FILE ROUNDS (1 to %d)\n", MAX_ROUNDS);
        return 2;
    }
    for (size_t i = 0; i < n; i++) {
        clock_t begin = clock();
        if (load(argv[1], &sum) != DNNB_OK) {
            fprintf(stderr, "load: %s\n", dnnb_get_error());
            return 1;
        }
        seconds[i] = (double)(clock() - begin) / CLOCKS_PER_SEC;
    }
    /* The sum is of use to nobody; without it a compiler may leave the reading out. */
    fprintf(stderr, "sum %.9g\n", sum);
    for (size_t i = 0; i < n; i++) printf("%s%.6f", i ? ", " : "[", seconds[i]);
    printf("]\n");
    return 0;
}
