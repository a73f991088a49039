/* Best epochs and early stopping, as Keras's EarlyStopping counts. */
#include "train/monitor.h"

#include <math.h>
#include <stdio.h>

dnnb__monitor dnnb__monitor_create(const dnnb_train_options *options) {
    return (dnnb__monitor){.kind = options->monitor,
                           .patience = options->early_stop,
                           .min_delta = options->min_delta,
                           .best_epoch = SIZE_MAX,
                           .best = (double)NAN,
                           .improved = (double)NAN};
}

/* A value that is better than `than` by more than `delta`; every number is better than NaN. */
static bool is_better(dnnb_monitor kind, double value, double than, double delta) {
    if (isnan(value)) return false;
    if (isnan(than)) return true;
    return kind == DNNB_MONITOR_LOSS ? value < than - delta : value > than + delta;
}

bool dnnb__monitor_add(dnnb__monitor *m, const dnnb_epoch *epoch) {
    double value = m->kind == DNNB_MONITOR_LOSS ? epoch->loss_validation : epoch->score_validation;
    bool is_best = is_better(m->kind, value, m->best, 0);
    if (is_better(m->kind, value, m->improved, m->min_delta)) {
        m->improved = value;
        m->n_since = 0;
    } else {
        m->n_since++;
    }
    if (is_best) {
        m->best = value;
        m->best_epoch = m->n_epochs;
    }
    m->n_epochs++;
    return is_best;
}

bool dnnb__monitor_is_over(const dnnb__monitor *m) {
    return m->patience > 0 && m->n_since >= m->patience;
}

void dnnb__monitor_print_end(const dnnb__monitor *m, size_t n_planned, char *out, size_t n) {
    const char *what = m->kind == DNNB_MONITOR_LOSS ? "loss" : "score";
    char best[80] = "";
    if (m->best_epoch != SIZE_MAX)
        (void)snprintf(best, sizeof best, "; the best was %.6g after epoch %zu", m->best,
                       m->best_epoch + 1);
    (void)snprintf(out, n,
                   "stopped early after %zu of %zu epochs: %zu epoch%s without a better validation "
                   "%s%s",
                   m->n_epochs, n_planned, m->n_since, m->n_since == 1 ? "" : "s", what, best);
}

dnnb__monitor dnnb__monitor_replay(const dnnb_train_options *options, const dnnb_history *history) {
    dnnb__monitor m = dnnb__monitor_create(options);
    for (size_t i = 0; i < dnnb_history_get_count(history); i++)
        (void)dnnb__monitor_add(&m, dnnb_history_get_epoch(history, i));
    return m;
}
