/*
 * dnnbrain train: fine-tune a network, or a new last layer on its features, into a run folder.
 *
 * Everything is checked again by dnnb_run_train() before it makes the folder. SIGINT, SIGTERM and
 * SIGHUP (a terminal that is closed) end the run after the step, a second one at once.
 */
#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/run_files.h"
#include "cli/signals.h"
#include "cli/train_command.h"
#include "cli/train_group.h"

static bool on_event(void *context, const dnnb_event *event) {
    cli_train *c = context;
    cli_progress_show(&c->progress, event);
    if (event->kind == DNNB_EVENT_EPOCH) {
        if (!c->json) cli_epochs_print(&c->epochs, event);
        if (event->message) cli_progress_note(&c->progress, "%s", event->message);
    }
    return !cli_signals_get();
}

static void print_folder(cli_train *c) {
    cli_progress_note(&c->progress, "%s holds", c->run.folder);
    const cli_run_file *file;
    for (size_t i = 0; (file = cli_run_files_get(i)) != NULL; i++) {
        char path[4096];
        if (cli_join(path, sizeof path, c->run.folder, file->name) && cli_exists(path))
            cli_progress_note(&c->progress, "  %-17s %s", file->name, file->what);
    }
}

static void print_best(cli_train *c, const dnnb_history *history) {
    size_t best = dnnb_history_find_best(history, c->options.monitor);
    if (best == SIZE_MAX) return;
    const dnnb_epoch *epoch = dnnb_history_get_epoch(history, best);
    bool is_loss = c->options.monitor == DNNB_MONITOR_LOSS;
    cli_progress_note(&c->progress, "best validation %s: %.4g after epoch %zu",
                      is_loss ? "loss" : "score",
                      is_loss ? epoch->loss_validation : epoch->score_validation, best + 1);
}

/* --json: each line at once, also for a reader at the other end of a pipe. */
static void print_log(void *context, const char *line, size_t n_bytes) {
    (void)context;
    fwrite(line, 1, n_bytes, stdout);
    fflush(stdout);
}

/* What is said of a run that has ended. */
static int finish(cli_train *c, dnnb_status status, const dnnb_history *history) {
    size_t n_done = history ? dnnb_history_get_count(history) : 0;
    if (status == DNNB_ERR_STOPPED && cli_signals_get()) {
        bool is_saved = cli_run_files_has_checkpoint(c->run.folder);
        cli_error("stopped by a signal after %zu of %zu epochs%s", n_done, c->options.epochs,
                  is_saved ? "; to go on: the same command with --resume" : "");
        return 128 + cli_signals_get();
    }
    if (status != DNNB_OK) return cli_fail();
    print_folder(c);
    print_best(c, history);
    size_t n_left_out = n_done ? dnnb_history_get_epoch(history, n_done - 1)->n_left_out : 0;
    if (n_left_out > 0)
        cli_progress_note(&c->progress, "images left out, since they are bad: %zu", n_left_out);
    return CLI_DONE;
}

static int train(cli_train *c) {
    cli_signals_catch(cli_progress_get_clearing(&c->progress));
    dnnb_history *history = NULL;
    dnnb_status status =
        dnnb_run_train(c->dnn, c->train, c->validation, &c->options, &c->run, &history);
    cli_progress_clear(&c->progress);
    int code = finish(c, status, history);
    dnnb_history_destroy(history);
    return code;
}

int cli_cmd_train(int argc, char **argv) {
    cli_train c;
    cli_train_init(&c);
    cli_parsed parsed = cli_train_parse(&c, NULL, argc, argv);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    int status = cli_train_check(&c);
    if (status != CLI_DONE) return status;
    cli_progress_init(&c.progress, c.quiet || c.json);
    cli_epochs_init(&c.epochs, c.options.task, c.quiet);
    if (c.json) c.run.on_log = print_log;
    c.options.on_event = on_event;
    c.options.context = &c;
    status = cli_train_prepare(&c);
    if (status == CLI_DONE) status = c.cv || c.repeat ? cli_train_group(&c) : train(&c);
    cli_train_clear(&c);
    return status;
}
