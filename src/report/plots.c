/*
 * The plots that are drawn and saved by one call.
 */
#include "report/plot_history.h"

/* Save what was created, when it was, and destroy it. */
static dnnb_status save(dnnb_plot *plot, dnnb_status status, const char *path) {
    if (status == DNNB_OK) status = dnnb_plot_save(plot, path);
    dnnb_plot_destroy(plot);
    return status;
}

dnnb_status dnnb_plot_epoch_loss(const dnnb_history *history, const char *path) {
    dnnb_plot *plot;
    dnnb_status status = dnnb_plot_create_epoch_loss(&plot, history, DNNB_PLOT_NO_BEST);
    return save(plot, status, path);
}

dnnb_status dnnb_plot_step_loss(const dnnb_history *history, const char *path) {
    dnnb_plot *plot;
    dnnb_status status = dnnb_plot_create_step_loss(&plot, history);
    return save(plot, status, path);
}

dnnb_status dnnb_plot_score(const dnnb_history *history, const char *score_name, double chance,
                            const char *path) {
    dnnb_plot *plot;
    size_t best = dnnb_history_find_best(history, DNNB_MONITOR_SCORE);
    dnnb_status status = dnnb_plot_create_score(&plot, history, score_name, chance, best);
    return save(plot, status, path);
}
