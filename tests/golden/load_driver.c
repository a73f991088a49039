/*
 * Loads a file of weights for load.py, with a limit on the memory that is the process's own.
 *
 *   load_driver dict FILE MIB      the state dict, and every element of it read
 *   load_driver network FILE MIB   AlexNet with the file's parameters, and its outputs of an image
 *
 * MIB is what may be taken beyond what the process has when it starts: memory of its own, to which
 * the mapped file does not count. Prints a sum over what was read. Exit status 1 with the message
 * when it fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "dnnbrain/dnn.h"

enum { IMAGE = 3 * 224 * 224, MAX_OUTPUTS = 1000 };

/* What counts against RLIMIT_DATA, in bytes. */
static size_t get_own_memory(void) {
    char line[256];
    size_t kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    if (!file) exit(2);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmData:", 7) == 0) kib = strtoul(line + 7, NULL, 10);
    fclose(file);
    return kib << 10;
}

static dnnb_status sum_dict(const char *path, double *sum) {
    dnnb_dict *dict;
    dnnb_status status = dnnb_dict_load(&dict, path);
    if (status != DNNB_OK) return status;
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++) {
        const dnnb_tensor *t = dnnb_dict_get_tensor(dict, i);
        const float *values = dnnb_tensor_get_data(t);
        for (size_t k = 0; k < dnnb_tensor_get_count(t); k++) *sum += (double)values[k];
    }
    dnnb_dict_destroy(dict);
    return status;
}

static dnnb_status sum_outputs(const char *path, double *sum) {
    static float image[IMAGE], outputs[MAX_OUTPUTS];
    dnnb_dnn_options options = DNNB_DNN_OPTIONS_INIT;
    dnnb_dnn *dnn;
    options.n_threads = 1;
    for (size_t i = 0; i < IMAGE; i++) image[i] = (float)(i % 255) / 255 - 0.5f;
    dnnb_status status = dnnb_dnn_create_from_file(&dnn, "alexnet", path, &options);
    if (status != DNNB_OK) return status;
    status = dnnb_dnn_forward(dnn, image, 1, outputs);
    for (int64_t i = 0; i < dnnb_dnn_get_n_outputs(dnn); i++) *sum += (double)outputs[i];
    dnnb_dnn_destroy(dnn);
    return status;
}

int main(int argc, char **argv) {
    double sum = 0;
    if (argc != 4) return 2;
    size_t limit = get_own_memory() + (strtoul(argv[3], NULL, 10) << 20);
    if (setrlimit(RLIMIT_DATA, &(struct rlimit){limit, limit}) != 0) return 2;
    dnnb_status status =
        strcmp(argv[1], "dict") == 0 ? sum_dict(argv[2], &sum) : sum_outputs(argv[2], &sum);
    if (status != DNNB_OK) {
        fprintf(stderr, "%s: %s\n", dnnb_status_get_name(status), dnnb_get_error());
        return 1;
    }
    printf("%.9g\n", sum);
    return 0;
}
