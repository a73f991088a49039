/*
 * The options of training, and what they ask for.
 *
 * Method: stimuli first, since their mistakes are the likeliest and the quickest to find; then the
 * network, its head and what is frozen.
 */
#include "cli/train_command.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/common.h"
#include "cli/train_rows.h"

static const char about[] =
    "Without --weights the parameters are initialised from the seed. The last layer is replaced\n"
    "when the number of classes (or of regression targets) differs from its own, and with\n"
    "--freeze backbone. Everything is checked before the run folder is made.\n";

static const char examples[] =
    "  # all parameters, from a file of pretrained weights\n"
    "  dnnbrain train --net alexnet --weights alexnet.pth \\\n"
    "      --stim train.stim.csv --validation validation.stim.csv \\\n"
    "      --score-train --epochs 3 --lr 1e-4 --out finetuned\n"
    "  # a new last layer on fixed features, which are computed once\n"
    "  dnnbrain train --net alexnet --weights alexnet.pth \\\n"
    "      --stim train.stim.csv --validation validation.stim.csv \\\n"
    "      --freeze backbone --augment none --epochs 10 --out features\n"
    "  # the same on four random views of each picture, which take turns\n"
    "  dnnbrain train --net alexnet --weights alexnet.pth \\\n"
    "      --stim train.stim.csv --validation validation.stim.csv \\\n"
    "      --freeze backbone --augment views:4 --epochs 8 --out views\n"
    "  # the new layer first, then all of it, the convolutions ten times as slowly\n"
    "  dnnbrain train --net alexnet --weights alexnet.pth \\\n"
    "      --stim train.stim.csv --validation validation.stim.csv \\\n"
    "      --freeze backbone --unfreeze-at 2 --epochs 3 \\\n"
    "      --lr 'features.*=1e-5,1e-4' --early-stop 2 --out gradual\n"
    "  # go on after a kill, a power cut or Ctrl-C: the same command and --resume\n"
    "  dnnbrain train --net alexnet --weights alexnet.pth \\\n"
    "      --stim train.stim.csv --validation validation.stim.csv \\\n"
    "      --score-train --epochs 3 --lr 1e-4 --out finetuned --resume\n"
    "  # reaction times, with the convolutions as they are\n"
    "  dnnbrain train --net alexnet --weights alexnet.pth \\\n"
    "      --stim train.stim.csv --task regression --target RT \\\n"
    "      --freeze 'features.*' --epochs 2 --lr 1e-5 --out regression\n"
    "  # 4-fold cross-validation: a run a fold, a table, pooled predictions\n"
    "  dnnbrain train --net alexnet --weights alexnet.pth \\\n"
    "      --stim train.stim.csv --freeze backbone --augment none \\\n"
    "      --epochs 5 --cv 4 --out folds\n";

void cli_train_init(cli_train *c) {
    *c = (cli_train){.options = DNNB_TRAIN_OPTIONS_INIT, .run = DNNB_RUN_OPTIONS_INIT};
    c->network.options = (dnnb_dnn_options)DNNB_DNN_OPTIONS_INIT;
}

static bool has_row(const cli_train_form *form, const cli_option *row) {
    for (const char *const *name = form->without; name && *name; name++)
        if (strcmp(*name, row->name) == 0) return false;
    for (size_t i = 0; i < form->n_rows; i++)
        if (form->rows[i].type != CLI_GROUP && strcmp(form->rows[i].name, row->name) == 0)
            return false;
    return true;
}

/* The rows of a form: its own, then those of training that it has. A heading that nothing follows
 * is dropped. */
static size_t collect_rows(cli_option *out, const cli_train_form *form, const cli_option *rows,
                           size_t n_rows) {
    size_t n = 0;
    for (size_t i = 0; i < form->n_rows; i++) out[n++] = form->rows[i];
    for (size_t i = 0; i < n_rows; i++) {
        if (!has_row(form, &rows[i])) continue;
        if (rows[i].type == CLI_GROUP && n > 0 && out[n - 1].type == CLI_GROUP) n--;
        out[n++] = rows[i];
    }
    return n;
}

cli_parsed cli_train_parse(cli_train *c, const cli_train_form *form, int argc, char **argv) {
    static const cli_train_form train = {
        .command = {.name = "train",
                    .summary = "Fine-tune a network, or train a new last layer on its features.",
                    .arguments = "--net NET --stim FILE --out RUN [options]",
                    .about = about,
                    .examples = examples}};
    size_t n_optimizers, n_schedules, n_operands;
    const char *const *optimizers = dnnb_optimizer_get_names(&n_optimizers);
    const char *const *schedules = dnnb_schedule_get_names(&n_schedules);
    dnnb_train_options *o = &c->options;
    const cli_option options[] = {
        {.type = CLI_GROUP, .name = "Network"},
        CLI_ROW_NET(c->network),
        CLI_ROW_WEIGHTS(c->network, "its parameters: .pth, .safetensors or .npz, or 'pretrained'"),
        {CLI_ROW(
             CLI_TEXT, "freeze", "none|backbone|PATTERN",
             "parameters that stay as they are: all but a new last layer, or a glob over layer "
             "names and parameter paths, several divided by commas ('conv1,conv2', 'features.*')",
             &c->freeze),
         .unset = "none"},
        CLI_ROW_UNFREEZE(*c),
        {CLI_ROW(CLI_COUNT, "classes", "N", "number of classes", &c->n_classes), .min = 1,
         .max = 1000000, .unset = "one more than the largest label"},
        {.type = CLI_GROUP, .name = "Data"},
        {CLI_ROW(CLI_TEXT, "stim", "FILE", "training stimuli, a .stim.csv", &c->stim_path),
         .files = CLI_STIMULI},
        {CLI_ROW(CLI_TEXT, "validation", "FILE", "stimuli to score after each epoch",
                 &c->validation_path),
         .files = CLI_STIMULI},
        {CLI_ROW(CLI_CHOICE, "task", NULL, "what is learned", &c->task), .words = cli_task_names,
         .n_words = 2},
        {CLI_ROW(CLI_TEXT, "target", "COLUMNS", "regression: columns to predict, divided by commas",
                 &o->target),
         .unset = "label"},
        CLI_ROW_AUGMENT(*c),
        {CLI_ROW(CLI_REAL, "crop-scale", "X",
                 "smallest area of a random crop, as a part of the picture's", &o->crop_scale),
         .min = 0, .max = 1},
        CLI_ROWS_IMAGES(*o, c->on_bad_image, c->check),
        {.type = CLI_GROUP, .name = "Training"},
        {CLI_ROW(CLI_COUNT, "epochs", "N", "passes over the training stimuli", &o->epochs),
         .min = 1, .max = 1000000},
        {CLI_ROW(CLI_COUNT, "batch", "N", "images a step", &o->batch), .min = 1, .max = 65536},
        {CLI_ROW(CLI_FLAG, "score-train", NULL, "score the training stimuli too after each epoch",
                 &o->score_train)},
        CLI_ROWS_LOSS(*c),
        CLI_ROWS_STOPPING(*c),
        {CLI_ROW(CLI_CHOICE, "optimizer", NULL, "optimiser", &c->optimizer), .words = optimizers,
         .n_words = n_optimizers},
        CLI_ROW_LR(*c),
        {CLI_ROW(CLI_REAL, "weight-decay", "X", "weight decay", &o->optimizer.weight_decay),
         .min = 0, .max = INFINITY, .unset = "the optimiser's own"},
        {CLI_ROW(CLI_REAL, "momentum", "X", "momentum of sgd", &o->optimizer.momentum), .min = 0,
         .max = 1},
        {CLI_ROW(CLI_FLAG, "nesterov", NULL, "Nesterov's momentum in sgd", &o->optimizer.nesterov)},
        CLI_ROW_CLIP(*c),
        {CLI_ROW(CLI_CHOICE, "schedule", NULL, "course of the learning rate", &c->schedule),
         .words = schedules, .n_words = n_schedules},
        {CLI_ROW(CLI_COUNT, "warmup", "N", "epochs in which the learning rate grows to its value",
                 &o->schedule.warmup_epochs),
         .min = 0, .max = 1000000},
        {CLI_ROW(CLI_COUNT, "step-epochs", "N", "schedule step: epochs between two falls",
                 &o->schedule.step_epochs),
         .min = 1, .max = 1000000, .unset = "a third of all epochs"},
        {CLI_ROW(CLI_REAL, "gamma", "X", "schedule step: factor of each fall", &o->schedule.gamma),
         .min = 0, .max = 1},
        {CLI_ROW(CLI_SEED, "seed", "N",
                 "new parameters, order, crops, flips and dropout follow from it", &o->seed)},
        CLI_ROWS_MANY(*c),
        {.type = CLI_GROUP, .name = "Output"},
        {CLI_ROW(CLI_TEXT, "out", "RUN", "run folder, created", &c->run.folder)},
        {CLI_ROW(CLI_FLAG, "overwrite", NULL, "write over a run that the folder holds",
                 &c->run.overwrite)},
        {CLI_ROW(CLI_FLAG, "resume", NULL,
                 "go on with the run that the folder holds, with the same bits as if it had never "
                 "been stopped; begin where there is none",
                 &o->resume)},
        {CLI_ROW(CLI_REAL, "checkpoint-every", "SECONDS",
                 "save the run at least so often within an epoch", &o->checkpoint_every_s),
         .min = 0, .max = 1e9},
        {CLI_ROW(CLI_FLAG, "keep-checkpoint", NULL,
                 "keep what --resume needs after the last epoch, so that --epochs can grow later",
                 &o->keep_checkpoint)},
        {CLI_ROW(CLI_FLAG, "tensorboard", NULL,
                 "write event files too, in RUN/tensorboard, for 'tensorboard --logdir RUN'",
                 &c->run.tensorboard)},
        {CLI_ROW(CLI_FLAG, "quiet", NULL, "no progress and no remarks; epochs are still printed",
                 &c->quiet)},
        {CLI_ROW(CLI_FLAG, "json", NULL,
                 "print the lines of log.jsonl as they come, and nothing else", &c->json)},
        CLI_ROWS_COMPUTING(c->network, *o),
    };
    if (!form) form = &train;
    cli_option rows[CLI_COUNT_OF(options) + CLI_MOST_OWN_ROWS];
    cli_command command = form->command;
    command.options = rows;
    command.n_options = collect_rows(rows, form, options, CLI_COUNT_OF(options));
    cli_parsed parsed = cli_parse(&command, argc, argv, &n_operands);
    o->optimizer.name = optimizers[c->optimizer];
    o->schedule.name = schedules[c->schedule];
    return parsed;
}

/* A rate is a number, or one for each of some groups, which the library reads. */
static int read_lr(cli_train *c) {
    char *end;
    if (!c->lr) return CLI_DONE;
    if (strpbrk(c->lr, "=,")) {
        c->options.lr_groups = c->lr;
        return CLI_DONE;
    }
    c->options.optimizer.lr = strtod(c->lr, &end);
    bool is_number = end != c->lr && !*end;
    if (is_number && c->options.optimizer.lr > 0 && isfinite(c->options.optimizer.lr))
        return CLI_DONE;
    return cli_usage_error("--lr: expected a number above 0, or PATTERN=X, several divided by "
                           "commas; found '%s'",
                           c->lr);
}

/* A word, or views and their number. */
static int read_augment(cli_train *c) {
    static const char views[] = "views:";
    const char *number = c->augment ? c->augment + sizeof views - 1 : "";
    char *end;
    for (size_t i = 0; c->augment && i < CLI_COUNT_OF(cli_augment_names); i++)
        if (strcasecmp(c->augment, cli_augment_names[i]) == 0) {
            c->options.augment = (dnnb_augment)i;
            return CLI_DONE;
        }
    if (!c->augment) return CLI_DONE;
    if (strncasecmp(c->augment, views, sizeof views - 1) == 0 && isdigit((unsigned char)*number)) {
        unsigned long long n = strtoull(number, &end, 10);
        c->options.augment = DNNB_AUGMENT_VIEWS;
        c->options.views = (size_t)n;
        if (!*end && n >= 1 && n <= 1000000) return CLI_DONE;
    }
    return cli_usage_error("--augment: expected dnnbrain, none or views:K with a whole number K "
                           "from 1 to 1000000; found '%s'",
                           c->augment);
}

/* What needs validation stimuli. */
static int check_validation(const cli_train *c) {
    bool is_loss = c->options.monitor == DNNB_MONITOR_LOSS;
    if (c->validation_path && c->cv)
        return cli_usage_error("--validation: expected without --cv, which scores each fold");
    if (c->validation_path || c->cv || (!c->options.early_stop && !is_loss)) return CLI_DONE;
    return cli_usage_error("%s: expected --validation with it",
                           c->options.early_stop ? "--early-stop" : "--monitor loss");
}

/* What the table cannot say: what must be there, and what goes with what. */
int cli_train_check(cli_train *c) {
    int status = cli_network_check(&c->network, false);
    if (status != CLI_DONE) return status;
    if (!c->stim_path) return cli_usage_error("missing option --stim FILE");
    if (!c->run.folder) return cli_usage_error("missing option --out RUN");
    if (c->options.resume && c->run.overwrite)
        return cli_usage_error("--resume: expected without --overwrite, which begins again");
    c->options.task = (dnnb_task)c->task;
    c->options.on_bad_image = (dnnb_on_bad_image)c->on_bad_image;
    c->options.check = (dnnb_check)c->check;
    c->options.monitor = (dnnb_monitor)c->monitor;
    if (c->options.task == DNNB_CLASSIFICATION && c->options.target)
        return cli_usage_error("--target: expected --task regression with it");
    if (c->options.task == DNNB_REGRESSION && c->n_classes)
        return cli_usage_error("--classes: expected --task classification with it; a regression "
                               "has an output for each --target");
    if (c->options.crop_scale <= 0) return cli_usage_error("--crop-scale: expected a part above 0");
    if (c->options.optimizer.nesterov && c->options.optimizer.momentum <= 0)
        return cli_usage_error("--nesterov: expected --momentum above 0 with it");
    if (c->options.min_delta > 0 && !c->options.early_stop)
        return cli_usage_error("--min-delta: expected --early-stop with it");
    c->network.options.seed = c->options.seed;
    c->run.network = c->network.name;
    c->run.weights_path = c->network.weights;
    if (c->freeze && strcmp(c->freeze, "none") == 0) c->freeze = NULL;
    c->run.freeze = c->freeze;
    if (c->options.unfreeze && !c->freeze)
        return cli_usage_error("--unfreeze-at: expected --freeze with it");
    status = read_augment(c);
    if (status == CLI_DONE) status = read_lr(c);
    return status == CLI_DONE ? check_validation(c) : status;
}

/* The largest label of a set, or -1 with the message printed. */
static int64_t find_largest_label(const dnnb_stimulus *stim, size_t n_classes) {
    size_t n = dnnb_stimulus_get_count(stim);
    int64_t *labels = calloc(n + 1, sizeof *labels), largest = 0;
    if (!labels) {
        cli_error("out of memory");
        return -1;
    }
    if (dnnb_stimulus_read_labels(stim, labels, (int64_t)n_classes) != DNNB_OK) {
        cli_fail();
        largest = -1;
    }
    for (size_t i = 0; largest >= 0 && i < n; i++)
        if (labels[i] > largest) largest = labels[i];
    free(labels);
    return largest;
}

/* Number of outputs that the stimuli ask for, or -1 with the message printed. */
static int64_t count_outputs(const cli_train *c) {
    const dnnb_stimulus *sets[] = {c->train, c->validation};
    int64_t n_outputs = (int64_t)c->n_classes;
    for (size_t i = 0; i < 2 && sets[i]; i++) {
        if (c->options.task == DNNB_REGRESSION) {
            float *targets;
            size_t n_targets;
            const char *columns = c->options.target ? c->options.target : "label";
            if (dnnb_stimulus_read_targets(sets[i], columns, &targets, &n_targets) != DNNB_OK) {
                cli_fail();
                return -1;
            }
            dnnb_free(targets);
            n_outputs = (int64_t)n_targets;
        } else {
            int64_t largest = find_largest_label(sets[i], c->n_classes);
            if (largest < 0) return -1;
            if (largest + 1 > n_outputs) n_outputs = largest + 1;
        }
    }
    return n_outputs;
}

static int load_stimuli(cli_train *c, int64_t *n_outputs) {
    if (dnnb_stimulus_load(&c->train, c->stim_path) != DNNB_OK) return cli_fail();
    if (c->validation_path && dnnb_stimulus_load(&c->validation, c->validation_path) != DNNB_OK)
        return cli_fail();
    *n_outputs = count_outputs(c);
    return *n_outputs < 0 ? CLI_FAILED : CLI_DONE;
}

static int prepare_network(cli_train *c, int64_t n_outputs) {
    int status = cli_network_create(&c->dnn, &c->network, &c->progress);
    if (status != CLI_DONE) return status;
    const char *note = dnnb_dnn_get_note(c->dnn);
    if (*note) cli_progress_note(&c->progress, "%s: %s", c->network.weights, note);
    if (!c->network.weights)
        cli_progress_note(&c->progress,
                          "no --weights: the parameters are random, drawn from seed %" PRIu64
                          ", not pretrained",
                          c->options.seed);
    bool is_backbone = c->freeze && strcmp(c->freeze, "backbone") == 0;
    int64_t n_before = dnnb_dnn_get_n_outputs(c->dnn);
    if (is_backbone || n_before != n_outputs) {
        if (dnnb_dnn_replace_head(c->dnn, n_outputs) != DNNB_OK) return cli_fail();
        cli_progress_note(&c->progress,
                          "new last layer with %s outputs in the place of one with %s",
                          cli_thousands(n_outputs).s, cli_thousands(n_before).s);
    }
    if (c->freeze) {
        dnnb_status frozen = dnnb_dnn_set_trainable(c->dnn, c->freeze, false);
        if (frozen != DNNB_OK) return cli_fail_options(frozen);
    }
    int64_t n_trainable, n_all;
    dnnb_dnn_count_parameters(c->dnn, &n_trainable, &n_all);
    if (n_trainable == 0)
        return cli_usage_error("--freeze %s: expected a parameter left to train, found none",
                               c->freeze);
    dnnb_status checked = dnnb_train_check(c->dnn, &c->options, c->validation || c->cv);
    if (checked != DNNB_OK) return cli_fail_options(checked);
    return CLI_DONE;
}

int cli_train_prepare(cli_train *c) {
    int status = load_stimuli(c, &c->n_outputs);
    return status == CLI_DONE ? prepare_network(c, c->n_outputs) : status;
}

dnnb_status cli_train_make_network(const cli_train *c, uint64_t seed, dnnb_dnn **out) {
    const cli_network *n = &c->network;
    dnnb_dnn_options options = n->options;
    options.seed = seed;
    dnnb_status status = n->weights ? dnnb_dnn_create_from_file(out, n->name, n->weights, &options)
                                    : dnnb_dnn_create(out, n->name, &options);
    if (status != DNNB_OK) return status;
    bool is_backbone = c->freeze && strcmp(c->freeze, "backbone") == 0;
    if (is_backbone || dnnb_dnn_get_n_outputs(*out) != c->n_outputs)
        status = dnnb_dnn_replace_head(*out, c->n_outputs);
    if (status == DNNB_OK && c->freeze) status = dnnb_dnn_set_trainable(*out, c->freeze, false);
    if (status == DNNB_OK) return DNNB_OK;
    dnnb_dnn_destroy(*out);
    *out = NULL;
    return status;
}

void cli_train_clear(cli_train *c) {
    dnnb_dnn_destroy(c->dnn);
    dnnb_stimulus_destroy(c->validation);
    dnnb_stimulus_destroy(c->train);
}
