/*
 * Draws the plots of some histories for plots.py: "plots_driver FOLDER" writes
 * FOLDER/NAME_{epoch_loss,step_loss,score}.{svg,png} for each history below.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dnnbrain/plot.h"

typedef struct run {
    const char *name;
    size_t n_epochs, n_steps;
    double scale;        /* of the losses */
    size_t gap_every;    /* steps; 0 for never */
    double score_offset; /* NaN: no scores */
} run;

static double loss_at(const run *r, size_t step) {
    double noise = (double)((unsigned)step * 2654435761u >> 8 & 1023) / 1023;
    if (r->gap_every && step % r->gap_every == 0) return (double)NAN;
    return r->scale * (exp(-6.0 * (double)step / (double)(r->n_epochs * r->n_steps)) + noise / 10);
}

static dnnb_status fill(dnnb_history *history, const run *r, double *steps) {
    for (size_t e = 0; e < r->n_epochs; e++) {
        for (size_t i = 0; i < r->n_steps; i++) steps[i] = loss_at(r, e * r->n_steps + i);
        dnnb_epoch epoch = {.step_loss = steps,
                            .n_steps = r->n_steps,
                            .epoch_loss = steps[r->n_steps - 1],
                            .score_train = r->score_offset + sqrt((double)e) / 20,
                            .score_validation = r->score_offset + sqrt((double)e) / 25,
                            .learning_rate = 1e-3,
                            .seconds = 1,
                            .images_per_second = 1,
                            .loss_validation = (double)NAN};
        dnnb_status status = dnnb_history_add(history, &epoch);
        if (status != DNNB_OK) return status;
    }
    return DNNB_OK;
}

static dnnb_status draw(const dnnb_history *history, const char *folder, const char *name,
                        const char *ending) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s_epoch_loss.%s", folder, name, ending);
    dnnb_status status = dnnb_plot_epoch_loss(history, path);
    (void)snprintf(path, sizeof path, "%s/%s_step_loss.%s", folder, name, ending);
    if (status == DNNB_OK) status = dnnb_plot_step_loss(history, path);
    (void)snprintf(path, sizeof path, "%s/%s_score.%s", folder, name, ending);
    if (status == DNNB_OK) status = dnnb_plot_score(history, "accuracy <&> \"r\"", 0.5, path);
    return status;
}

static dnnb_status draw_run(const run *r, const char *folder) {
    dnnb_history *history;
    dnnb_status status = dnnb_history_create(&history);
    double *steps = calloc(r->n_steps, sizeof *steps);
    if (status == DNNB_OK && steps) status = fill(history, r, steps);
    if (status == DNNB_OK) status = draw(history, folder, r->name, "svg");
    if (status == DNNB_OK) status = draw(history, folder, r->name, "png");
    free(steps);
    dnnb_history_destroy(history);
    return status;
}

int main(int argc, char **argv) {
    static const run runs[] = {
        {"page", 50, 4, 1, 0, 0.5},
        {"one", 1, 1, 1, 0, 0.5},
        {"huge", 12, 40, 1e9, 0, 0.1},
        {"gaps", 10, 30, 1, 7, 0.3},
        {"many", 20, 5000, 1, 0, (double)NAN},
    };
    if (argc != 2) return 2;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
        if (draw_run(&runs[i], argv[1]) != DNNB_OK) {
            fprintf(stderr, "%s: %s\n", runs[i].name, dnnb_get_error());
            return 1;
        }
    return 0;
}
