/* dnnbrain test: outputs and score of a network on stimuli. */
#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/network.h"
#include "cli/progress.h"

typedef struct test_command {
    cli_network network;
    const char *stim_path, *out_path;
    size_t task, on_bad_image, check;
    bool quiet;
    dnnb_train_options options;
    cli_progress progress;
} test_command;

static const char about[] =
    "The size of the last layer is taken from the weights. The last line of the output is the\n"
    "score: accuracy, or for a regression the squared correlation.\n";

static const char examples[] = "  dnnbrain test --net alexnet --weights alexnet.pth \\\n"
                               "      --stim validation.stim.csv\n"
                               "  # with the outputs for each picture\n"
                               "  dnnbrain test --net alexnet --weights alexnet.pth \\\n"
                               "      --stim validation.stim.csv --out predictions.csv\n";

static cli_parsed parse(test_command *c, int argc, char **argv) {
    size_t n_operands;
    const cli_option options[] = {
        {.type = CLI_GROUP, .name = "Network"},
        CLI_ROW_NET(c->network),
        CLI_ROW_WEIGHTS(c->network, "its parameters, such as RUN/model.pth, or 'pretrained'"),
        {.type = CLI_GROUP, .name = "Data"},
        {CLI_ROW(CLI_TEXT, "stim", "FILE", "stimuli, a .stim.csv", &c->stim_path),
         .files = CLI_STIMULI},
        {CLI_ROW(CLI_CHOICE, "task", NULL, "what was learned", &c->task), .words = cli_task_names,
         .n_words = 2},
        {CLI_ROW(CLI_TEXT, "target", "COLUMNS",
                 "regression: columns to compare with, divided by commas", &c->options.target),
         .unset = "label"},
        CLI_ROWS_IMAGES(c->options, c->on_bad_image, c->check),
        {.type = CLI_GROUP, .name = "Output"},
        {CLI_ROW(CLI_TEXT, "out", "FILE", "CSV of the labels and outputs of each picture",
                 &c->out_path),
         .files = ".csv"},
        {CLI_ROW(CLI_FLAG, "quiet", NULL, "no progress", &c->quiet)},
        CLI_ROWS_COMPUTING(c->network, c->options),
    };
    const cli_command command = {.name = "test",
                                 .summary = "Score a network on stimuli.",
                                 .arguments = "--net NET --weights FILE --stim FILE [options]",
                                 .about = about,
                                 .examples = examples,
                                 .options = options,
                                 .n_options = CLI_COUNT_OF(options)};
    return cli_parse(&command, argc, argv, &n_operands);
}

static int check_options(test_command *c) {
    int status = cli_network_check(&c->network, true);
    if (status != CLI_DONE) return status;
    if (!c->stim_path) return cli_usage_error("missing option --stim FILE");
    c->options.task = (dnnb_task)c->task;
    c->options.on_bad_image = (dnnb_on_bad_image)c->on_bad_image;
    c->options.check = (dnnb_check)c->check;
    if (c->options.task == DNNB_CLASSIFICATION && c->options.target)
        return cli_usage_error("--target: expected --task regression with it");
    c->options.on_event = cli_progress_on_event;
    c->options.context = &c->progress;
    return CLI_DONE;
}

static int test(test_command *c, dnnb_dnn *dnn, const dnnb_stimulus *stim) {
    dnnb_predictions *predictions = NULL;
    double score;
    dnnb_status tested = dnnb_test(dnn, stim, &c->options, &score, &predictions);
    cli_progress_clear(&c->progress);
    if (tested != DNNB_OK) return cli_fail();
    int status = CLI_DONE;
    if (c->out_path) {
        const char *labels = c->options.target ? c->options.target : "label";
        if (dnnb_predictions_save_csv(predictions, stim, c->options.task, labels, c->out_path) !=
            DNNB_OK)
            status = cli_fail();
    }
    if (status == CLI_DONE) {
        size_t n_used = dnnb_predictions_get_count(predictions);
        size_t n_left_out = dnnb_stimulus_get_count(stim) - n_used;
        printf("images %zu\n", n_used);
        if (n_left_out > 0) printf("left out %zu\n", n_left_out);
        printf("score %.9g\n", score);
    }
    dnnb_predictions_destroy(predictions);
    return status;
}

int cli_cmd_test(int argc, char **argv) {
    test_command c = {.options = DNNB_TRAIN_OPTIONS_INIT};
    c.network.options = (dnnb_dnn_options)DNNB_DNN_OPTIONS_INIT;
    cli_parsed parsed = parse(&c, argc, argv);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    int status = check_options(&c);
    if (status != CLI_DONE) return status;
    cli_progress_init(&c.progress, c.quiet);
    dnnb_stimulus *stim = NULL;
    dnnb_dnn *dnn = NULL;
    if (dnnb_stimulus_load(&stim, c.stim_path) != DNNB_OK) return cli_fail();
    status = cli_network_create(&dnn, &c.network, &c.progress);
    if (status == CLI_DONE) status = test(&c, dnn, stim);
    dnnb_dnn_destroy(dnn);
    dnnb_stimulus_destroy(stim);
    return status;
}
