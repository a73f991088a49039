/* dnnbrain predict: outputs of a network for stimuli or pictures, as CSV. */
#include <string.h>

#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/network.h"
#include "cli/progress.h"

enum { MOST_PICTURES = 1 << 20 };

typedef struct predict_command {
    cli_network network;
    const char *stim_path, *out_path;
    char **pictures;
    size_t n_pictures;
    size_t task, on_bad_image, check;
    bool quiet;
    dnnb_train_options options;
    cli_progress progress;
} predict_command;

static const char about[] =
    "Columns: stimID, predicted, condition, output_0, ... The outputs are the network's own\n"
    "(logits); predicted is the class of the largest, or the first output of a regression.\n";

static const char examples[] = "  dnnbrain predict --net alexnet --weights alexnet.pth \\\n"
                               "      pictures/ant/ant_0.png pictures/bee/bee_0.png\n"
                               "  dnnbrain predict --net alexnet --weights alexnet.pth \\\n"
                               "      --stim validation.stim.csv --out outputs.csv\n";

static cli_parsed parse(predict_command *c, int argc, char **argv) {
    const cli_option options[] = {
        {.type = CLI_GROUP, .name = "Network"},
        CLI_ROW_NET(c->network),
        CLI_ROW_WEIGHTS(c->network, "its parameters, such as RUN/model.pth, or 'pretrained'"),
        {.type = CLI_GROUP, .name = "Data"},
        {CLI_ROW(CLI_TEXT, "stim", "FILE", "stimuli, a .stim.csv, instead of pictures",
                 &c->stim_path),
         .files = CLI_STIMULI},
        {CLI_ROW(CLI_CHOICE, "task", NULL, "what was learned", &c->task), .words = cli_task_names,
         .n_words = 2},
        CLI_ROWS_IMAGES(c->options, c->on_bad_image, c->check),
        {.type = CLI_GROUP, .name = "Output"},
        {CLI_ROW(CLI_TEXT, "out", "FILE", "CSV to write", &c->out_path), .unset = "standard output",
         .files = ".csv"},
        {CLI_ROW(CLI_FLAG, "quiet", NULL, "no progress", &c->quiet)},
        CLI_ROWS_COMPUTING(c->network, c->options),
    };
    const cli_command command = {
        .name = "predict",
        .summary = "Write a network's outputs for stimuli or pictures.",
        .arguments = "--net NET --weights FILE (--stim FILE | PICTURE...) [options]",
        .about = about,
        .examples = examples,
        .options = options,
        .n_options = CLI_COUNT_OF(options),
        .max_operands = MOST_PICTURES,
        .operand = "picture"};
    cli_parsed parsed = cli_parse(&command, argc, argv, &c->n_pictures);
    c->pictures = argv + 1;
    return parsed;
}

static int check_options(predict_command *c) {
    int status = cli_network_check(&c->network, true);
    if (status != CLI_DONE) return status;
    if (!c->stim_path && c->n_pictures == 0)
        return cli_usage_error("missing option --stim FILE, or pictures");
    if (c->stim_path && c->n_pictures > 0)
        return cli_usage_error("expected --stim or pictures, found both: --stim %s and %s",
                               c->stim_path, c->pictures[0]);
    c->options.task = (dnnb_task)c->task;
    c->options.on_bad_image = (dnnb_on_bad_image)c->on_bad_image;
    c->options.check = (dnnb_check)c->check;
    c->options.on_event = cli_progress_on_event;
    c->options.context = &c->progress;
    return CLI_DONE;
}

static int predict(predict_command *c, dnnb_dnn *dnn, const dnnb_stimulus *stim) {
    dnnb_predictions *predictions = NULL;
    dnnb_status predicted = dnnb_predict(dnn, stim, &c->options, &predictions);
    cli_progress_clear(&c->progress);
    if (predicted != DNNB_OK) return cli_fail();
    dnnb_status written;
    if (!c->out_path || strcmp(c->out_path, "-") == 0)
        written = dnnb_predictions_write_csv(predictions, stim, c->options.task, NULL, stdout);
    else
        written = dnnb_predictions_save_csv(predictions, stim, c->options.task, NULL, c->out_path);
    dnnb_predictions_destroy(predictions);
    return written == DNNB_OK ? CLI_DONE : cli_fail();
}

int cli_cmd_predict(int argc, char **argv) {
    predict_command c = {.options = DNNB_TRAIN_OPTIONS_INIT};
    c.network.options = (dnnb_dnn_options)DNNB_DNN_OPTIONS_INIT;
    cli_parsed parsed = parse(&c, argc, argv);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    int status = check_options(&c);
    if (status != CLI_DONE) return status;
    cli_progress_init(&c.progress, c.quiet);
    dnnb_stimulus *stim = NULL;
    dnnb_dnn *dnn = NULL;
    dnnb_status loaded =
        c.stim_path ? dnnb_stimulus_load(&stim, c.stim_path)
                    : dnnb_stimulus_create(&stim, (const char *const *)c.pictures, c.n_pictures);
    if (loaded != DNNB_OK) return cli_fail();
    status = cli_network_create(&dnn, &c.network, &c.progress);
    if (status == CLI_DONE) status = predict(&c, dnn, stim);
    dnnb_dnn_destroy(dnn);
    dnnb_stimulus_destroy(stim);
    return status;
}
