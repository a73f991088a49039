/* dnnbrain train --cv K, --repeat N: many runs, one after another. */
#include "cli/train_group.h"

#include <inttypes.h>

#include "cli/common.h"
#include "cli/signals.h"

static dnnb_status create(void *context, uint64_t seed, dnnb_dnn **out) {
    cli_train *c = context;
    return cli_train_make_network(c, seed, out);
}

static bool on_run(void *context, const dnnb_group *group, size_t i) {
    cli_train *c = context;
    const dnnb_group_run *run = dnnb_group_get_run(group, i);
    cli_progress_clear(&c->progress);
    if (!run->is_finished)
        cli_progress_note(&c->progress, "%s: run %zu of %zu, seed %" PRIu64, run->folder, i + 1,
                          dnnb_group_get_count(group), run->seed);
    return !cli_signals_get();
}

static size_t count_finished(const dnnb_group *group) {
    size_t n = 0;
    for (size_t i = 0; i < dnnb_group_get_count(group); i++)
        n += dnnb_group_get_run(group, i)->is_finished;
    return n;
}

int cli_train_group(cli_train *c) {
    const dnnb_group_options options = {.n_folds = c->cv,
                                        .n_repeats = c->repeat ? c->repeat : 1,
                                        .create = create,
                                        .on_run = on_run,
                                        .context = c};
    dnnb_group *group = NULL;
    /* It was made to check what is asked for; each run makes its own. */
    dnnb_dnn_destroy(c->dnn);
    c->dnn = NULL;
    cli_signals_catch(cli_progress_get_clearing(&c->progress));
    dnnb_status status =
        dnnb_run_group(c->train, c->validation, &c->options, &c->run, &options, &group);
    cli_progress_clear(&c->progress);
    int code = CLI_DONE;
    if (status == DNNB_ERR_STOPPED && cli_signals_get()) {
        cli_error("stopped by a signal after %zu of %zu runs; to go on: the same command with "
                  "--resume",
                  count_finished(group), dnnb_group_get_count(group));
        code = 128 + cli_signals_get();
    } else if (status != DNNB_OK) {
        code = cli_fail();
    } else if (!c->json) {
        code = cli_print_group(group);
    }
    dnnb_group_destroy(group);
    return code;
}
