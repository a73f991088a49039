/*
 * dnnbrain lr-find: the learning-rate range test, as a table, a plot and a suggested rate.
 *
 * The options that say what is trained are those of `train`. The rate is the last line of standard
 * output, where scripts find it.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/signals.h"
#include "cli/train_command.h"

enum { PATH_BYTES = 4096 };

static const char about[] =
    "Trains for some steps, from the least to the largest learning rate, as `train` would with "
    "the\n"
    "same options, and stops when the loss diverges. The suggested rate is where the smoothed "
    "loss\n"
    "falls fastest. Nothing is kept of the training. The last line of the output is the rate:\n"
    "`suggested_lr 0.00012`.\n";

static const char examples[] =
    "  # for a new last layer on fixed features\n"
    "  dnnbrain lr-find --net alexnet --weights alexnet.pth \\\n"
    "      --stim train.stim.csv --freeze backbone --augment none --steps 40 \\\n"
    "      --batch 4 --out rates\n"
    "  # train with the rate that it suggests, in one line of a script\n"
    "  dnnbrain train --net alexnet --weights alexnet.pth \\\n"
    "      --stim train.stim.csv --freeze backbone --augment none --epochs 5 \\\n"
    "      --out with_found_rate \\\n"
    "      --lr $(dnnbrain lr-find --net alexnet --weights alexnet.pth \\\n"
    "          --stim train.stim.csv --freeze backbone --augment none \\\n"
    "          --out rates --overwrite | tail -n 1 | cut -c 14-)\n";

static const char *const without[] = {
    "validation",  "epochs",      "score-train", "early-stop",       "monitor",
    "min-delta",   "lr",          "unfreeze-at", "schedule",         "warmup",
    "gamma",       "step-epochs", "resume",      "checkpoint-every", "keep-checkpoint",
    "tensorboard", "json",        "cv",          "repeat",           NULL};

static cli_parsed parse(cli_train *c, dnnb_lr_find_options *find, int argc, char **argv) {
    const cli_option rows[] = {
        {.type = CLI_GROUP, .name = "Learning rates"},
        {CLI_ROW(CLI_REAL, "min-lr", "X", "learning rate of the first step", &find->min_lr),
         .min = 0, .max = INFINITY, .open = true},
        {CLI_ROW(CLI_REAL, "max-lr", "X", "learning rate of the last step", &find->max_lr),
         .min = 0, .max = INFINITY, .open = true},
        {CLI_ROW(CLI_COUNT, "steps", "N", "steps from the one to the other", &find->steps),
         .min = 10, .max = 10000},
        {CLI_ROW(CLI_REAL, "smoothing", "X",
                 "what an average of the loss keeps from one step to the next; 0 for no smoothing",
                 &find->smoothing),
         .min = 0, .max = 0.9999},
        {CLI_ROW(CLI_REAL, "divergence", "X",
                 "stop when the average loss is more than so many times its least",
                 &find->divergence),
         .min = 1, .max = INFINITY, .open = true},
        {.type = CLI_GROUP, .name = "Output"},
        {CLI_ROW(CLI_TEXT, "out", "FOLDER", "folder for lr_find.csv, .svg and .png, created",
                 &c->run.folder)},
        {CLI_ROW(CLI_FLAG, "overwrite", NULL, "write over such files that the folder holds",
                 &c->run.overwrite)},
        {CLI_ROW(CLI_FLAG, "quiet", NULL, "no progress and no remarks", &c->quiet)},
    };
    const cli_train_form form = {
        .command = {.name = "lr-find",
                    .summary = "Find a learning rate by trying all of a range.",
                    .arguments = "--net NET --stim FILE --out FOLDER [options]",
                    .about = about,
                    .examples = examples},
        .rows = rows,
        .n_rows = CLI_COUNT_OF(rows),
        .without = without};
    return cli_train_parse(c, &form, argc, argv);
}

/* The folder may be there; such files in it are refused unless they may be written over. */
static int check_folder(const cli_train *c) {
    char path[PATH_BYTES];
    if (!cli_join(path, sizeof path, c->run.folder, "lr_find.csv")) {
        cli_error("%s: expected a shorter path", c->run.folder);
        return CLI_FAILED;
    }
    if (cli_exists(c->run.folder) && !cli_is_folder(c->run.folder)) {
        cli_error("%s: expected a folder, found a file", c->run.folder);
        return CLI_FAILED;
    }
    if (c->run.overwrite || !cli_exists(path)) return CLI_DONE;
    cli_error("%s: it is there already (use --overwrite)", path);
    return CLI_FAILED;
}

static bool on_event(void *context, const dnnb_event *event) {
    cli_train *c = context;
    cli_progress_show(&c->progress, event);
    return !cli_signals_get();
}

static int save(const cli_train *c, const dnnb_lr_curve *curve) {
    static const char *const names[] = {"lr_find.svg", "lr_find.png", "lr_find.csv"};
    dnnb_plot *plot = NULL;
    if (mkdir(c->run.folder, 0777) != 0 && errno != EEXIST) {
        cli_error("%s: cannot create: %s", c->run.folder, strerror(errno));
        return CLI_FAILED;
    }
    dnnb_status status = dnnb_plot_create_lr_curve(&plot, curve);
    for (size_t i = 0; status == DNNB_OK && i < CLI_COUNT_OF(names); i++) {
        char path[PATH_BYTES];
        (void)cli_join(path, sizeof path, c->run.folder, names[i]); /* it fitted before */
        status = i < 2 ? dnnb_plot_save(plot, path) : dnnb_lr_curve_save_csv(curve, path);
    }
    dnnb_plot_destroy(plot);
    return status == DNNB_OK ? CLI_DONE : cli_fail();
}

static int print_result(const cli_train *c, const dnnb_lr_curve *curve) {
    printf("steps %zu\ndiverged %s\nlowest_loss_lr %.3g\n", curve->n,
           curve->has_diverged ? "yes" : "no", curve->steps[curve->best].lr);
    if (isnan(curve->suggested_lr)) {
        printf("suggested_lr none\n"); /* which no script takes for a number */
        cli_error(
            "no learning rate is suggested: expected a loss that falls by a twentieth, found none "
            "from %.3g to %.3g (%s/lr_find.png shows it; more --steps may help)",
            curve->steps[0].lr, curve->steps[curve->n - 1].lr, c->run.folder);
        return CLI_FAILED;
    }
    printf("suggested_lr %.3g\n", curve->suggested_lr);
    return CLI_DONE;
}

static int find(cli_train *c, const dnnb_lr_find_options *options) {
    dnnb_lr_curve *curve;
    cli_signals_catch(cli_progress_get_clearing(&c->progress));
    dnnb_status status = dnnb_lr_find(c->dnn, c->train, &c->options, options, &curve);
    cli_progress_clear(&c->progress);
    if (status == DNNB_ERR_STOPPED && cli_signals_get()) {
        cli_error("%s by a signal; nothing is kept", dnnb_get_error());
        return 128 + cli_signals_get();
    }
    if (status != DNNB_OK) return cli_fail_options(status);
    int saved = save(c, curve);
    if (saved == CLI_DONE) saved = print_result(c, curve);
    dnnb_lr_curve_destroy(curve);
    return saved;
}

int cli_cmd_lr_find(int argc, char **argv) {
    cli_train c;
    dnnb_lr_find_options options = DNNB_LR_FIND_OPTIONS_INIT;
    cli_train_init(&c);
    cli_parsed parsed = parse(&c, &options, argc, argv);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    if (!c.run.folder) return cli_usage_error("missing option --out FOLDER");
    if (options.min_lr >= options.max_lr)
        return cli_usage_error("--min-lr: expected less than --max-lr, %g, found %g",
                               options.max_lr, options.min_lr);
    int status = cli_train_check(&c);
    if (status == CLI_DONE) status = check_folder(&c);
    if (status != CLI_DONE) return status;
    cli_progress_init(&c.progress, c.quiet);
    c.options.on_event = on_event;
    c.options.context = &c;
    status = cli_train_prepare(&c);
    if (status == CLI_DONE) status = find(&c, &options);
    cli_train_clear(&c);
    return status;
}
