/* What a run says of itself: what is trained, what is frozen, what is kept in memory. */
#include <math.h>

#include "train/trainer.h"

/* 123456 as "123.5 kB"; MB from a million on. */
static void print_bytes(dnnb__buf *text, double n_bytes) {
    bool is_small = n_bytes < 1e6;
    dnnb__buf_printf(text, "%.1f %s", n_bytes * (is_small ? 1e-3 : 1e-6), is_small ? "kB" : "MB");
}

static void print_kept(dnnb__buf *text, const dnnb__graph *graph, const dnnb__features *features,
                       size_t n_images, const char *what) {
    if (!dnnb__features_are_kept(features) || n_images == 0) return;
    dnnb__buf_printf(text, "; features of %zu images", n_images);
    if (features->n_views > 0)
        dnnb__buf_printf(text, " in %zu view%s", features->n_views,
                         features->n_views == 1 ? "" : "s");
    double n_views = features->n_views > 0 ? (double)features->n_views : 1.0;
    dnnb__buf_printf(text, " after %s kept for %s%s: ", graph->nodes[features->node].name, what,
                     features->values ? "" : " in a file");
    print_bytes(text, n_views * (double)n_images * (double)features->n * sizeof(float));
}

static void print_place(dnnb__buf *text, const dnnb__place *place) {
    if (place->step == 0)
        dnnb__buf_printf(text, "going on after epoch %zu; ", place->epoch);
    else
        dnnb__buf_printf(text, "going on after step %zu of epoch %zu; ", place->step,
                         place->epoch + 1);
}

/* 57012034 as "57,012,034". */
static void print_thousands(dnnb__buf *text, int64_t n) {
    if (n < 1000) {
        dnnb__buf_printf(text, "%lld", (long long)n);
        return;
    }
    print_thousands(text, n / 1000);
    dnnb__buf_printf(text, ",%03lld", (long long)(n % 1000));
}

static void print_trained(dnnb__buf *text, const dnnb__trainer *t) {
    const dnnb__graph *graph = t->session.dnn->graph;
    const dnnb__features *of_train = &t->train->scoring;
    const dnnb__features *of_validation = t->validation ? &t->validation->scoring : of_train;
    int64_t n_trainable, n_all;
    dnnb_dnn_count_parameters(t->session.dnn, &n_trainable, &n_all);
    print_thousands(text, n_trainable);
    dnnb__buf_printf(text, " of ");
    print_thousands(text, n_all);
    dnnb__buf_printf(text, " parameters are trained");
    size_t cut = dnnb__graph_find_cut(graph, true);
    if (cut > 0) dnnb__buf_printf(text, "; frozen up to %s", graph->nodes[cut].name);
    print_kept(text, graph, &t->train->training, t->train->n, "training");
    bool has_train = dnnb__features_are_kept(of_train);
    size_t n_scoring =
        (has_train ? t->train->n : 0) +
        (t->validation && dnnb__features_are_kept(of_validation) ? t->validation->n : 0);
    print_kept(text, graph, has_train ? of_train : of_validation, n_scoring, "scoring");
}

/* What the options ask for beyond that. */
static void print_plans(dnnb__buf *text, const dnnb__trainer *t) {
    const dnnb_train_options *o = t->options;
    if (o->lr_groups) {
        double least = t->lr, most = t->lr;
        for (size_t i = 0; i < t->n_params; i++) {
            least = fmin(least, dnnb__optimizer_get_lr(t->optimizer, i));
            most = fmax(most, dnnb__optimizer_get_lr(t->optimizer, i));
        }
        dnnb__buf_printf(text, "; learning rates %s, from %g to %g", o->lr_groups, least, most);
    }
    if (o->unfreeze) dnnb__buf_printf(text, "; more is trained from epochs on: %s", o->unfreeze);
    if (t->monitor.patience > 0)
        dnnb__buf_printf(text, "; stops after %zu epochs without a better validation %s",
                         t->monitor.patience,
                         t->monitor.kind == DNNB_MONITOR_LOSS ? "loss" : "score");
}

static dnnb_status emit(dnnb__trainer *t, dnnb_event *event, dnnb__buf *text) {
    dnnb_status status = dnnb__buf_get_status(text);
    event->message = text->data;
    if (status == DNNB_OK) status = dnnb__session_emit(&t->session, event);
    dnnb__buf_destroy(text);
    return status;
}

dnnb_status dnnb__trainer_tell_start(dnnb__trainer *t, dnnb_checkpoint *resumed) {
    dnnb__buf text;
    dnnb__buf_init(&text, 1 << 16);
    if (resumed) print_place(&text, &t->place);
    print_trained(&text, t);
    dnnb__buf_printf(&text, "; at most %.0f MB of images kept",
                     (double)atomic_load(&t->session.budget.left_bytes) * 1e-6);
    print_plans(&text, t);
    dnnb_event event = {.kind = DNNB_EVENT_START,
                        .step = t->place.step,
                        .is_last = dnnb__trainer_is_over(t),
                        .history = resumed ? t->history : NULL,
                        .checkpoint = resumed};
    return emit(t, &event, &text);
}

dnnb_status dnnb__trainer_tell_unfrozen(dnnb__trainer *t) {
    dnnb__buf text;
    dnnb__buf_init(&text, 1 << 16);
    dnnb__buf_printf(&text, "from epoch %zu on ", t->place.epoch + 1);
    print_trained(&text, t);
    dnnb_event event = {.kind = DNNB_EVENT_UNFREEZE};
    return emit(t, &event, &text);
}
