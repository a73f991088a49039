/*
 * Draws plots for plots.py: "plots_driver FOLDER" writes, for each history, matrix and regression
 * below, the data as text and the plots as FOLDER/NAME_PLOT.{svg,png,pdf}.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnnbrain/plot.h"

typedef struct run {
    const char *name;
    size_t n_epochs, n_steps;
    double scale;        /* of the losses */
    size_t gap_every;    /* steps; 0 for never */
    double score_offset; /* NaN: no scores */
    double decay;        /* of the learning rate in a fifth of the epochs */
} run;

static const run runs[] = {
    {"page", 50, 4, 1, 0, 0.5, 1},
    {"one", 1, 1, 1, 0, 0.5, 1},
    {"huge", 12, 40, 1e9, 0, 0.1, 0.1},
    {"gaps", 10, 30, 1, 7, 0.3, 0.5},
    {"many", 20, 5000, 1, 0, (double)NAN, 0.1},
};
enum { N_RUNS = sizeof runs / sizeof runs[0] };

static const char *folder;

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != DNNB_OK) {                                                                   \
            fprintf(stderr, "%s: %s\n", #call, dnnb_get_error());                                  \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static const char *path_of(const char *name, const char *ending) {
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    return path;
}

static FILE *open_text(const char *name) {
    FILE *file = fopen(path_of(name, ".txt"), "w");
    if (!file) exit(1);
    return file;
}

static void finish(dnnb_plot *plot, const char *name, const char *kind) {
    static const char *const endings[] = {"svg", "png", "pdf"};
    for (size_t i = 0; i < 3; i++) {
        char ending[64];
        (void)snprintf(ending, sizeof ending, "_%s.%s", kind, endings[i]);
        CHECK(dnnb_plot_save(plot, path_of(name, ending)));
    }
    dnnb_plot_destroy(plot);
}

static double loss_at(const run *r, size_t step) {
    double noise = (double)((unsigned)step * 2654435761u >> 8 & 1023) / 1023;
    if (r->gap_every && step % r->gap_every == 0) return (double)NAN;
    return r->scale * (exp(-6.0 * (double)step / (double)(r->n_epochs * r->n_steps)) + noise / 10);
}

static dnnb_history *create_history(const run *r) {
    dnnb_history *history;
    double *steps = calloc(r->n_steps, sizeof *steps);
    if (!steps) exit(1);
    CHECK(dnnb_history_create(&history));
    for (size_t e = 0; e < r->n_epochs; e++) {
        for (size_t i = 0; i < r->n_steps; i++) steps[i] = loss_at(r, e * r->n_steps + i);
        double loss = steps[r->n_steps - 1];
        dnnb_epoch epoch = {.step_loss = steps,
                            .n_steps = r->n_steps,
                            .epoch_loss = loss,
                            .score_train = r->score_offset + sqrt((double)e) / 20 + 0.03,
                            .score_validation = r->score_offset + sqrt((double)e) / 25,
                            .learning_rate = 1e-3 * pow(r->decay, (double)(5 * e / r->n_epochs)),
                            .seconds = 1,
                            .images_per_second = 1,
                            .loss_validation =
                                isnan(r->score_offset) ? (double)NAN : loss + 0.15 * r->scale};
        CHECK(dnnb_history_add(history, &epoch));
    }
    free(steps);
    return history;
}

static void write_history(const dnnb_history *history, const char *name) {
    FILE *file = open_text(name);
    for (size_t i = 0; i < dnnb_history_get_count(history); i++) {
        const dnnb_epoch *e = dnnb_history_get_epoch(history, i);
        fprintf(file, "%.17g %.17g %.17g %.17g %.17g\n", e->epoch_loss, e->loss_validation,
                e->score_train, e->score_validation, e->learning_rate);
    }
    fclose(file);
}

static void draw_run(const run *r, const dnnb_history *history) {
    dnnb_plot *plot;
    size_t best = r->n_epochs / 2;
    write_history(history, r->name);
    CHECK(dnnb_plot_create_epoch_loss(&plot, history, DNNB_PLOT_NO_BEST));
    finish(plot, r->name, "epoch_loss");
    CHECK(dnnb_plot_create_step_loss(&plot, history));
    finish(plot, r->name, "step_loss");
    CHECK(dnnb_plot_create_score(&plot, history, "accuracy <&> \"r\"", 0.5, best));
    finish(plot, r->name, "score");
    CHECK(dnnb_plot_create_learning_rate(&plot, history));
    finish(plot, r->name, "learning_rate");
}

static void draw_comparison(dnnb_history *const *histories) {
    dnnb_plot *plot;
    dnnb_plot_run compared[N_RUNS];
    for (size_t i = 0; i < N_RUNS; i++)
        compared[i] = (dnnb_plot_run){.label = runs[i].name,
                                      .histories = (const dnnb_history *const *)&histories[i],
                                      .n_histories = 1,
                                      .best = DNNB_PLOT_NO_BEST};
    CHECK(dnnb_plot_create_comparison(&plot, compared, N_RUNS, DNNB_PLOT_SCORE, "accuracy", 0.5));
    finish(plot, "all", "score");
}

/* Most on the diagonal, the rest spread; the second class has no image. */
static void draw_confusion(size_t n_classes) {
    char name[32];
    size_t *counts = calloc(n_classes * n_classes, sizeof *counts);
    if (!counts) exit(1);
    (void)snprintf(name, sizeof name, "classes%zu", n_classes);
    FILE *file = open_text(name);
    for (size_t i = 0; i < n_classes * n_classes; i++) {
        size_t row = i / n_classes, column = i % n_classes;
        counts[i] = row == column ? 40 + row : (i * 7919 % 13) * (i % 3);
        if (row == 1 && n_classes > 2) counts[i] = 0;
        fprintf(file, "%zu%c", counts[i], column + 1 == n_classes ? '\n' : ' ');
    }
    fclose(file);
    dnnb_plot *plot;
    CHECK(dnnb_plot_create_confusion(&plot, counts, n_classes, NULL, "validation set"));
    finish(plot, name, "confusion");
    free(counts);
}

static void draw_regression(const char *name, size_t n, size_t n_targets) {
    static const char *const names[] = {"RT", "V1 & V2"};
    float *targets = calloc(n * n_targets, sizeof *targets);
    float *predicted = calloc(n * n_targets, sizeof *predicted);
    if (!targets || !predicted) exit(1);
    FILE *file = open_text(name);
    for (size_t i = 0; i < n * n_targets; i++) {
        unsigned noise = (unsigned)i * 2654435761u >> 8 & 1023;
        targets[i] = (float)(i * 389 % 1000) / 700;
        predicted[i] = 0.6f * targets[i] + (float)noise / 2000 - 0.1f;
        fprintf(file, "%.9g %.9g\n", (double)targets[i], (double)predicted[i]);
    }
    fclose(file);
    dnnb_plot *plot;
    CHECK(dnnb_plot_create_regression(&plot, targets, predicted, n, n_targets, names,
                                      "validation set"));
    finish(plot, name, "regression");
    free(targets);
    free(predicted);
}

int main(int argc, char **argv) {
    dnnb_history *histories[N_RUNS];
    if (argc != 2) return 2;
    folder = argv[1];
    for (size_t i = 0; i < N_RUNS; i++) {
        histories[i] = create_history(&runs[i]);
        draw_run(&runs[i], histories[i]);
    }
    draw_comparison(histories);
    for (size_t i = 0; i < N_RUNS; i++) dnnb_history_destroy(histories[i]);
    draw_confusion(2);
    draw_confusion(12);
    draw_confusion(200);
    draw_regression("few", 60, 1);
    draw_regression("two", 50, 2);
    draw_regression("crowd", 20000, 1);
    return 0;
}
