/*
 * The identity as text: a line a fact, so that a difference can be told by name.
 *
 * Long facts (ids, labels, frozen parameters) stand there by their sum. The number of epochs is
 * a fact only where the learning rate of an epoch depends on it. Files of images are compared by
 * their size: reading them all would take as long as an epoch.
 */
#include "train/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/checksum.h"
#include "core/io.h"
#include "dnnbrain/plan.h"
#include "optim/optim.h"

enum { MAX_SHOWN = 80 };

static void print_sum(dnnb__buf *out, const char *name, dnnb__checksum *sum) {
    char text[DNNB__CHECKSUM_TEXT];
    dnnb__checksum_finish(sum, text);
    dnnb__buf_printf(out, "%s: %s\n", name, text);
}

static void print_network(dnnb__buf *out, const dnnb_dnn *dnn, dnnb__checksum *sum) {
    const dnnb__graph *graph = dnn->graph;
    dnnb__buf_printf(out, "network: %s\noutputs: %lld\ntrained parameters:", dnnb_dnn_get_name(dnn),
                     (long long)dnnb_dnn_get_n_outputs(dnn));
    for (size_t i = 0; i < graph->n_params; i++) {
        const dnnb__param *param = &graph->params[i];
        if (param->trainable) dnnb__buf_printf(out, " %s", param->path);
        if (param->trainable || param->is_buffer) continue;
        dnnb__flat flat = dnnb__net_get_flat(dnn->net, i);
        dnnb__checksum_update(sum, flat.weight, flat.n * sizeof *flat.weight);
    }
    dnnb__buf_printf(out, "\n");
    print_sum(out, "frozen parameters", sum);
    /* The instructions of bfloat16 say so: without a line for it, older checkpoints go on. */
    dnnb__buf_printf(out, "engine: %s, %s\nthreads: %zu\n", dnnb_dnn_get_engine_version(dnn),
                     dnnb_dnn_get_instructions(dnn), dnnb_dnn_get_n_threads(dnn));
}

static void print_optimizer(dnnb__buf *out, const dnnb_train_options *o,
                            const dnnb_optimizer_options *p) {
    dnnb__buf_printf(out,
                     "optimizer: %s\nlearning rate: %.17g\nweight decay: %.17g\nmomentum: %.17g\n"
                     "nesterov: %d\nbetas: %.17g %.17g\neps: %.17g\n",
                     p->name, p->lr, p->weight_decay, p->momentum, p->nesterov, p->beta1, p->beta2,
                     p->eps);
    const dnnb_schedule_options *s = &o->schedule;
    dnnb__buf_printf(out, "schedule: %s\nwarm-up epochs: %zu\nstep epochs: %zu\ngamma: %.17g\n",
                     s->name, s->warmup_epochs, s->step_epochs, s->gamma);
    bool depends =
        strcmp(s->name, "cosine") == 0 || (strcmp(s->name, "step") == 0 && s->step_epochs == 0);
    if (depends) dnnb__buf_printf(out, "epochs (which this schedule depends on): %zu\n", o->epochs);
}

static void print_loss(dnnb__buf *out, const dnnb__criterion *criterion) {
    dnnb__buf_printf(out, "class weights:%s", criterion->class_weights ? "" : " none");
    for (size_t k = 0; criterion->class_weights && k < criterion->n_outputs; k++)
        dnnb__buf_printf(out, " %.17g", criterion->class_weights[k]);
    dnnb__buf_printf(out, "\nlabel smoothing: %.17g\n", criterion->loss.label_smoothing);
}

static void print_options(dnnb__buf *out, const dnnb_train_options *o,
                          const dnnb_optimizer_options *optimizer,
                          const dnnb__criterion *criterion) {
    dnnb__buf_printf(out, "task: %s\ntarget: %s\nbatch: %zu\nscore of the training set: %d\n",
                     o->task == DNNB_REGRESSION ? "regression" : "classification",
                     o->target ? o->target : "label", o->batch, o->score_train);
    print_loss(out, criterion);
    dnnb__buf_printf(out, "monitor: %s\n", o->monitor == DNNB_MONITOR_LOSS ? "loss" : "score");
    print_optimizer(out, o, optimizer);
    dnnb__buf_printf(out, "learning rates of groups: %s\nclip norm: %.17g\nunfreezing: %s\n",
                     o->lr_groups ? o->lr_groups : "none", o->clip_norm,
                     o->unfreeze ? o->unfreeze : "none");
    if (o->augment == DNNB_AUGMENT_NONE)
        dnnb__buf_printf(out, "augment: none\n");
    else if (o->augment == DNNB_AUGMENT_VIEWS)
        dnnb__buf_printf(out, "augment: views:%zu\ncrop scale: %.17g\n", o->views, o->crop_scale);
    else
        dnnb__buf_printf(out, "augment: dnnbrain\ncrop scale: %.17g\n", o->crop_scale);
    dnnb__buf_printf(out, "seed: %" PRIu64 "\n", o->seed);
    if (o->decode.use_background)
        dnnb__buf_printf(out, "background: %d %d %d\n", o->decode.background[0],
                         o->decode.background[1], o->decode.background[2]);
    dnnb__buf_printf(out, "largest image: %" PRId64 " pixels\non a bad image: %s\n",
                     o->decode.max_pixels,
                     o->on_bad_image == DNNB_BAD_IMAGE_SKIP ? "skip" : "stop");
    if (o->on_bad_image == DNNB_BAD_IMAGE_SKIP)
        dnnb__buf_printf(out, "check: %s\n", o->check == DNNB_CHECK_FULL ? "full" : "quick");
}

static void print_set(dnnb__buf *out, const char *name, const dnnb__set *set, dnnb__checksum *sum) {
    char line[48];
    if (!set) {
        dnnb__buf_printf(out, "%s images: none\n", name);
        return;
    }
    dnnb__buf_printf(out, "%s images: %zu\n", name, set->n);
    for (size_t i = 0; i < set->n; i++) {
        const char *id = dnnb_stimulus_get_id(set->stim, i);
        dnnb__checksum_update(sum, id, strlen(id) + 1);
    }
    (void)snprintf(line, sizeof line, "%s stimulus ids", name);
    print_sum(out, line, sum);
    if (set->labels) dnnb__checksum_update(sum, set->labels, set->n * sizeof *set->labels);
    if (set->targets)
        dnnb__checksum_update(sum, set->targets, set->n * set->n_targets * sizeof *set->targets);
    (void)snprintf(line, sizeof line, "%s labels or targets", name);
    print_sum(out, line, sum);
}

dnnb_status dnnb__identity_print(dnnb__buf *out, const dnnb__session *session,
                                 const dnnb_optimizer_options *optimizer,
                                 const dnnb__criterion *criterion, const dnnb__set *train,
                                 const dnnb__set *validation) {
    dnnb__checksum *sum;
    DNNB_TRY(dnnb__checksum_create(&sum));
    print_network(out, session->dnn, sum);
    print_options(out, session->options, optimizer, criterion);
    print_set(out, "training", train, sum);
    print_set(out, "validation", validation, sum);
    dnnb__checksum_destroy(sum);
    if (session->options->identity) dnnb__buf_printf(out, "%s", session->options->identity);
    return dnnb__buf_get_status(out);
}

/* "name: value" of a line that may be missing. */
typedef struct line {
    const char *text;
    size_t n_name, n;
} line;

static line read_line(const char *text, size_t n) {
    line l = {.text = text, .n = n};
    const char *end = n ? memchr(text, '\n', n) : NULL;
    if (end) l.n = (size_t)(end - text);
    const char *colon = l.n ? memchr(text, ':', l.n) : NULL;
    l.n_name = colon ? (size_t)(colon - text) : l.n;
    return l;
}

/* The value, cut where it gets long. */
static void print_value(char out[MAX_SHOWN + 4], const line *l) {
    size_t begin = l->n_name + 2 < l->n ? l->n_name + 2 : l->n, n = l->n - begin;
    (void)snprintf(out, MAX_SHOWN + 4, "%.*s%s", (int)(n < MAX_SHOWN ? n : MAX_SHOWN),
                   l->text + begin, n < MAX_SHOWN ? "" : "...");
}

static dnnb_status fail_difference(const line *then, const line *now) {
    const line *named = then->n ? then : now;
    bool is_same_fact =
        then->n_name == now->n_name && memcmp(then->text, now->text, then->n_name) == 0;
    char expected[MAX_SHOWN + 4] = "nothing", found[MAX_SHOWN + 4] = "nothing";
    if (then->n) print_value(expected, then);
    if (now->n && (is_same_fact || !then->n)) print_value(found, now);
    return dnnb__fail(
        DNNB_ERR_ARGUMENT,
        "cannot go on with another run: %.*s: expected %s, as in the checkpoint, found "
        "%s",
        (int)named->n_name, named->text, expected, found);
}

dnnb_status dnnb__identity_compare(const char *then, size_t n_then, const char *now) {
    size_t n_now = strlen(now);
    while (n_then || n_now) {
        line a = read_line(then, n_then), b = read_line(now, n_now);
        if (a.n != b.n || (a.n && memcmp(a.text, b.text, a.n) != 0)) return fail_difference(&a, &b);
        size_t n = a.n + (a.n < n_then); /* with the end of the line */
        then += n;
        n_then -= n;
        n = b.n + (b.n < n_now);
        now += n;
        n_now -= n;
    }
    return DNNB_OK;
}

dnnb_status dnnb__identity_read_sizes(int64_t **out, const dnnb__set *set) {
    *out = dnnb__alloc(set->n, sizeof **out);
    if (!*out) return dnnb__fail_memory();
    for (size_t i = 0; i < set->n; i++) {
        const char *path = dnnb_stimulus_get_path(set->stim, i);
        struct stat st;
        bool is_known = dnnb__io_stat(path, &st) == 0;
        (*out)[i] = is_known ? (int64_t)st.st_size : -1;
        if (is_known || set->bad_since[i] || errno == ENOENT || errno == ENOTDIR) continue;
        return dnnb__set_fail_at(
            set, i, dnnb__fail(DNNB_ERR_IO, "%s: cannot be looked at: %s", path, strerror(errno)));
    }
    return DNNB_OK;
}

dnnb_status dnnb__identity_compare_sizes(const dnnb__set *set, const uint32_t *bad_since,
                                         const int64_t *then, const int64_t *now) {
    for (size_t i = 0; i < set->n; i++) {
        if (then[i] == now[i] || bad_since[i]) continue;
        dnnb_status status = dnnb__fail(DNNB_ERR_ARGUMENT,
                                        "cannot go on with other images: %s: expected %" PRId64
                                        " bytes, as in the checkpoint, "
                                        "found %" PRId64,
                                        dnnb_stimulus_get_path(set->stim, i), then[i], now[i]);
        return dnnb__set_fail_at(set, i, status);
    }
    return DNNB_OK;
}
