/* The plot of a group: each run as a thin line, their mean, and a band of a standard deviation. */
#include <math.h>

#include "core/file.h"
#include "dnnbrain/plot.h"
#include "group/group.h"

/* Histories of the runs that have finished. */
typedef struct histories {
    dnnb_history **all;
    size_t n;
    bool has_scores;
} histories;

static void histories_clear(histories *h) {
    for (size_t i = 0; h->all && i < h->n; i++) dnnb_history_destroy(h->all[i]);
    dnnb__free(h->all);
}

static dnnb_status histories_load(histories *h, const dnnb_group *group) {
    h->all = dnnb__calloc(group->n_runs, sizeof(dnnb_history *));
    if (!h->all) return dnnb__fail_memory();
    for (size_t i = 0; i < group->n_runs; i++) {
        char *path;
        if (!group->runs[i].is_finished) continue;
        DNNB_TRY(dnnb__group_join(&path, group, i, "train_dict.json"));
        dnnb_status status = dnnb_history_load(&h->all[h->n], path);
        dnnb__free(path);
        if (status != DNNB_OK) return status;
        h->n++;
        h->has_scores = h->has_scores || !isnan(group->runs[i].score_last);
    }
    return DNNB_OK;
}

static dnnb_status create_plot(dnnb_plot **out, const dnnb_group *group, const histories *h) {
    const dnnb_plot_run runs = {.label = group->info.n_folds ? "folds" : "seeds",
                                .histories = (const dnnb_history *const *)h->all,
                                .n_histories = h->n,
                                .best = DNNB_PLOT_NO_BEST};
    const char *score = group->info.task == DNNB_REGRESSION ? "r squared" : "accuracy";
    return dnnb_plot_create_comparison(
        out, &runs, 1, h->has_scores ? DNNB_PLOT_SCORE : DNNB_PLOT_LOSS, score, group->info.chance);
}

dnnb_status dnnb_plot_create_group(dnnb_plot **out, const dnnb_group *group) {
    histories h = {0};
    *out = NULL;
    dnnb_status status = histories_load(&h, group);
    if (status == DNNB_OK && h.n == 0)
        status = dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected a run that has finished, found none",
                            group->folder);
    if (status == DNNB_OK) status = create_plot(out, group, &h);
    histories_clear(&h);
    return status;
}

dnnb_status dnnb__group_draw(const dnnb_group *group) {
    static const char *const endings[] = {".svg", ".png"};
    dnnb_plot *plot;
    DNNB_TRY(dnnb_plot_create_group(&plot, group));
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; status == DNNB_OK && i < 2; i++) {
        char name[32], *path;
        (void)snprintf(name, sizeof name, "%s%s", dnnb__group_get_stem(group), endings[i]);
        status = dnnb__path_join(&path, group->folder, name);
        if (status != DNNB_OK) break;
        status = dnnb_plot_save(plot, path);
        dnnb__free(path);
    }
    dnnb_plot_destroy(plot);
    return status;
}
