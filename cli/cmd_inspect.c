/*
 * dnnbrain inspect: a file of weights, stimuli, a history, a run folder or a network, described.
 *
 * Method: what is there on the disk comes first; a folder is a run, a file is told by its first
 * bytes and, for CSV, which has none of its own, by its ending. All else is a network's name.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/describe.h"
#include "cli/network.h"
#include "cli/options.h"

static const char examples[] = "  dnnbrain inspect alexnet\n"
                               "  dnnbrain inspect alexnet --plan --freeze backbone\n"
                               "  dnnbrain inspect alexnet.pth\n"
                               "  dnnbrain inspect train.stim.csv\n"
                               "  dnnbrain inspect features\n"
                               "  dnnbrain inspect features/train_dict.pkl\n";

enum { DEFAULT_BATCH = 64 };

/* A history is JSON, or a pickle that does not begin as PyTorch's oldest files of weights do. */
static bool is_history(const unsigned char *head, size_t n) {
    static const unsigned char torch_magic[] = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc};
    size_t i = 0;
    while (i < n && head[i] && strchr(" \t\r\n", head[i])) i++;
    if (i < n && head[i] == '{') return true;
    bool is_torch = n >= sizeof torch_magic && memcmp(head, torch_magic, sizeof torch_magic) == 0;
    return n > 0 && head[0] == 0x80 && !is_torch;
}

static int inspect_file(const char *path, dnnb_check check) {
    unsigned char head[32];
    FILE *file = fopen(path, "rb");
    size_t n = file ? fread(head, 1, sizeof head, file) : 0;
    bool failed = !file || ferror(file);
    int error = errno;
    if (file) fclose(file);
    if (failed) {
        cli_error("%s: %s", path, strerror(error));
        return CLI_FAILED;
    }
    if (cli_ends_with(path, ".csv")) return cli_describe_stimuli(path, check);
    /* The u64 length that a .safetensors begins with can have the first byte of a pickle. */
    if (!cli_ends_with(path, ".safetensors") && is_history(head, n))
        return cli_describe_history(path);
    return cli_describe_weights(path);
}

/* @param plan NULL: the layers. */
static int inspect_name(const char *name, const cli_plan_options *plan) {
    size_t n;
    const char *const *networks = dnnb_dnn_get_network_names(&n);
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(name, networks[i]) == 0)
            return plan ? cli_describe_plan(name, plan) : cli_describe_network(name);
    const char *nearest = cli_nearest(name, networks, n);
    if (nearest)
        cli_error("%s: expected a file, a run folder or a network's name, found none of that name; "
                  "did you mean '%s'?",
                  name, nearest);
    else
        cli_error("%s: expected a file, a run folder or a network's name, found none of that name",
                  name);
    return CLI_FAILED;
}

int cli_cmd_inspect(int argc, char **argv) {
    static const char *const modes[] = {"train", "test"};
    size_t n_operands, check = DNNB_CHECK_QUICK, precision = DNNB_PRECISION_F32;
    bool has_plan = false;
    cli_plan_options plan = {.batch = DEFAULT_BATCH, .dnn = DNNB_DNN_OPTIONS_INIT};
    const cli_option options[] = {
        {.type = CLI_GROUP, .name = "Stimuli"},
        {CLI_ROW(CLI_CHOICE, "check", NULL,
                 "how pictures are looked at: each file's header, or all of it by decoding, which "
                 "finds damage and counts grey pictures",
                 &check),
         .words = cli_check_names, .n_words = CLI_COUNT_OF(cli_check_names)},
        {.type = CLI_GROUP, .name = "A network's plan"},
        {CLI_ROW(CLI_FLAG, "plan", NULL,
                 "list the operations of a step as they run, and the kernel that computes each",
                 &has_plan)},
        {CLI_ROW(CLI_CHOICE, "mode", NULL, "of a step of training, or of testing", &plan.mode),
         .words = modes, .n_words = CLI_COUNT_OF(modes)},
        {CLI_ROW(CLI_COUNT, "batch", "N", "images a step", &plan.batch), .min = 1, .max = 1e6},
        {CLI_ROW(CLI_TEXT, "freeze", "PATTERN", "what is not trained, as for train", &plan.freeze),
         .unset = "all is trained"},
        {CLI_ROW(CLI_COUNT, "threads", "N", "threads of the computation", &plan.dnn.n_threads),
         .min = 1, .max = 1024, .unset = "every processor"},
        CLI_ROW_PRECISION(precision),
        {CLI_ROW(CLI_TEXT, "engine", "NAME", "what computes: onednn or ref", &plan.dnn.engine),
         .unset = "onednn"},
    };
    const cli_command command = {
        .name = "inspect",
        .summary = "Describe weights, stimuli, a history, a run folder or a network.",
        .arguments = "THING [options]",
        .about = "THING is a .pth, .safetensors, .npz, .stim.csv, train_dict.pkl or "
                 "train_dict.json, a run\nfolder, or a network's name.\n",
        .examples = examples,
        .options = options,
        .n_options = CLI_COUNT_OF(options),
        .min_operands = 1,
        .max_operands = 1,
        .operand = "THING",
        .files = CLI_WEIGHTS " .csv .pkl .json"};
    cli_parsed parsed = cli_parse(&command, argc, argv, &n_operands);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    plan.dnn.precision = (dnnb_precision)precision;
    if (!has_plan && cli_is_folder(argv[1]))
        return dnnb_group_is_there(argv[1]) ? cli_describe_group(argv[1])
                                            : cli_describe_run(argv[1]);
    if (has_plan) return inspect_name(argv[1], &plan);
    return cli_exists(argv[1]) ? inspect_file(argv[1], (dnnb_check)check)
                               : inspect_name(argv[1], NULL);
}
