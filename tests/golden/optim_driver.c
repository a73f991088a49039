/*
 * Optimisers over values that a script gives, and schedules.
 *
 *   optim_driver step STEPS SCHEDULE STEPS_PER_EPOCH FOLDER NAME LR DECAY MOMENTUM NESTEROV BETA1
 *                BETA2 EPS SIZE...
 *     FOLDER/weights.f32 (the arrays one after another) and FOLDER/gradients.f32 (STEPS times) to
 *     FOLDER/trajectory.f32, the weights after each step. LR and DECAY may be nan.
 *   optim_driver factors NAME WARMUP STEP_EPOCHS GAMMA EPOCHS STEPS    one factor a line
 *   optim_driver speed NAME N THREADS STEPS                            GB/s read and written
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/thread.h"
#include "optim/optim.h"

enum { MAX_ARRAYS = 16 };

static void check(dnnb_status status) {
    if (status == DNNB_OK) return;
    fprintf(stderr, "optim_driver: %s\n", dnnb_get_error());
    exit(1);
}

static FILE *open_file(const char *folder, const char *name, const char *mode) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.f32", folder, name);
    FILE *file = fopen(path, mode);
    if (!file) exit(1);
    return file;
}

static size_t read_size(const char *text) {
    return (size_t)strtoull(text, NULL, 10);
}

static void run_steps(char **argv, int argc) {
    size_t n_steps = read_size(argv[2]), steps_per_epoch = read_size(argv[4]);
    dnnb_schedule_options schedule = DNNB_SCHEDULE_OPTIONS_INIT;
    schedule.name = argv[3];
    dnnb_optimizer_options options = {.name = argv[6],
                                      .lr = strtod(argv[7], NULL),
                                      .weight_decay = strtod(argv[8], NULL),
                                      .momentum = strtod(argv[9], NULL),
                                      .nesterov = strtol(argv[10], NULL, 10) != 0,
                                      .beta1 = strtod(argv[11], NULL),
                                      .beta2 = strtod(argv[12], NULL),
                                      .eps = strtod(argv[13], NULL)};
    size_t sizes[MAX_ARRAYS], n_arrays = 0, n = 0;
    for (int i = 14; i < argc && n_arrays < MAX_ARRAYS; i++) {
        sizes[n_arrays++] = read_size(argv[i]);
        n += sizes[n_arrays - 1];
    }
    float *values = malloc(n * sizeof *values), *gradient = malloc(n * sizeof *gradient);
    float *weights[MAX_ARRAYS];
    const float *gradients[MAX_ARRAYS];
    for (size_t i = 0, at = 0; i < n_arrays; at += sizes[i++]) {
        weights[i] = values + at;
        gradients[i] = gradient + at;
    }
    FILE *file = open_file(argv[5], "weights", "rb");
    if (fread(values, sizeof *values, n, file) != n) exit(1);
    fclose(file);
    dnnb__optimizer *optimizer;
    check(dnnb__optimizer_create(&optimizer, &options, sizes, n_arrays));
    file = open_file(argv[5], "gradients", "rb");
    FILE *out = open_file(argv[5], "trajectory", "wb");
    for (size_t step = 0; step < n_steps; step++) {
        double factor =
            dnnb_schedule_get_factor(&schedule, n_steps / steps_per_epoch, steps_per_epoch,
                                     step / steps_per_epoch, step % steps_per_epoch);
        if (fread(gradient, sizeof *gradient, n, file) != n) exit(1);
        dnnb__optimizer_step(optimizer, factor, weights, gradients);
        if (fwrite(values, sizeof *values, n, out) != n) exit(1);
    }
    fclose(file);
    if (fclose(out) != 0) exit(1);
    dnnb__optimizer_destroy(optimizer);
    free(values);
    free(gradient);
}

static void print_factors(char **argv) {
    dnnb_schedule_options options = {.name = argv[2],
                                     .warmup_epochs = read_size(argv[3]),
                                     .step_epochs = read_size(argv[4]),
                                     .gamma = strtod(argv[5], NULL)};
    check(dnnb__schedule_check(&options));
    size_t n_epochs = read_size(argv[6]), n_steps = read_size(argv[7]);
    for (size_t epoch = 0; epoch < n_epochs; epoch++)
        for (size_t step = 0; step < n_steps; step++)
            printf("%.17g\n", dnnb_schedule_get_factor(&options, n_epochs, n_steps, epoch, step));
}

static double get_time_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void measure(char **argv) {
    size_t n = read_size(argv[3]), n_steps = read_size(argv[5]);
    dnnb_optimizer_options options = DNNB_OPTIMIZER_OPTIONS_INIT;
    options.name = argv[2];
    options.momentum = strcmp(argv[2], "sgd") == 0 ? 0.9 : 0.0;
    dnnb__threads_set(read_size(argv[4]));
    float *weight = dnnb__alloc(n, sizeof *weight), *gradient = dnnb__alloc(n, sizeof *gradient);
    for (size_t i = 0; i < n; i++) {
        weight[i] = (float)(i % 1000) * 1e-3f;
        gradient[i] = (float)((i * 7919) % 1000) * 1e-4f - 0.05f;
    }
    dnnb__optimizer *optimizer;
    check(dnnb__optimizer_create(&optimizer, &options, &n, 1));
    const float *const_gradient = gradient;
    dnnb__optimizer_step(optimizer, 1, &weight, &const_gradient);
    double best = 1e9;
    for (size_t i = 0; i < n_steps; i++) {
        double start = get_time_s();
        dnnb__optimizer_step(optimizer, 1, &weight, &const_gradient);
        double seconds = get_time_s() - start;
        if (seconds < best) best = seconds;
    }
    size_t n_states = 0;
    while (dnnb__optimizer_get_state(optimizer, 0, n_states)) n_states++;
    double n_bytes = (double)n * sizeof(float) * (double)(3 + 2 * n_states);
    printf("%s: %.1f ms a step, %.1f GB/s\n", argv[2], best * 1e3, n_bytes / best * 1e-9);
    dnnb__optimizer_destroy(optimizer);
    dnnb__free(weight);
    dnnb__free(gradient);
}

int main(int argc, char **argv) {
    if (argc > 14 && strcmp(argv[1], "step") == 0) {
        run_steps(argv, argc);
    } else if (argc == 8 && strcmp(argv[1], "factors") == 0) {
        print_factors(argv);
    } else if (argc == 6 && strcmp(argv[1], "speed") == 0) {
        measure(argv);
    } else {
        fprintf(stderr, "optim_driver: wrong arguments\n");
        return 1;
    }
    return 0;
}
