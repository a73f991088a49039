/* dnnbrain stim: a .stim.csv from a folder with a subfolder a class, whole or split in two. */
#include "cli/classes.h"
#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/options.h"
#include "cli/progress.h"

typedef struct stim_command {
    const char *folder, *out_path, *out_validation_path;
    double split; /* 0: none */
    uint64_t seed;
} stim_command;

static const char about[] =
    "Classes are the subfolders in the byte order of their names; labels count from 0 and\n"
    "condition is the subfolder's name. Files that do not begin as a picture does are left out;\n"
    "folders that a run, --cv, --repeat or lr-find wrote are no classes.\n"
    "A split keeps each class's share.\n";

static const char examples[] = "  dnnbrain stim pictures --out all.stim.csv\n"
                               "  # a fifth of each class is kept for validation\n"
                               "  dnnbrain stim pictures --out some.stim.csv --split 0.2 \\\n"
                               "      --out-validation rest.stim.csv\n";

static cli_parsed parse(stim_command *c, int argc, char **argv) {
    size_t n_operands;
    const cli_option options[] = {
        {.type = CLI_GROUP, .name = "Output"},
        {CLI_ROW(CLI_TEXT, "out", "FILE", "the .stim.csv to write", &c->out_path),
         .files = CLI_STIMULI},
        {.type = CLI_GROUP, .name = "Split"},
        {CLI_ROW(CLI_REAL, "split", "X", "share of the images that go to --out-validation",
                 &c->split),
         .min = 0, .max = 1, .open = true, .unset = "none"},
        {CLI_ROW(CLI_TEXT, "out-validation", "FILE", "the .stim.csv of that share",
                 &c->out_validation_path),
         .files = CLI_STIMULI},
        {CLI_ROW(CLI_SEED, "seed", "N", "which images go follows from it", &c->seed)},
    };
    const cli_command command = {.name = "stim",
                                 .summary = "Make a .stim.csv from a folder.",
                                 .arguments = "DIR --out FILE [options]",
                                 .about = about,
                                 .examples = examples,
                                 .options = options,
                                 .n_options = CLI_COUNT_OF(options),
                                 .min_operands = 1,
                                 .max_operands = 1,
                                 .operand = "DIR"};
    cli_parsed parsed = cli_parse(&command, argc, argv, &n_operands);
    c->folder = parsed == CLI_GO_ON ? argv[1] : NULL;
    return parsed;
}

static int write_one(const stim_command *c, const dnnb_stimulus *stim) {
    static const char *const names[] = {"images"};
    if (dnnb_stimulus_save(stim, c->out_path) != DNNB_OK) return cli_fail();
    if (cli_print_classes(&stim, names, 1) != DNNB_OK) return cli_fail();
    printf("%s: %zu images\n", c->out_path, dnnb_stimulus_get_count(stim));
    return CLI_DONE;
}

static int write_two(const stim_command *c, const dnnb_stimulus *stim) {
    static const char *const names[] = {"training", "validation"};
    dnnb_stimulus *first = NULL, *second = NULL;
    if (dnnb_stimulus_split(stim, c->split, c->seed, &first, &second) != DNNB_OK) return cli_fail();
    const dnnb_stimulus *sets[] = {first, second};
    int status = CLI_DONE;
    if (dnnb_stimulus_save(first, c->out_path) != DNNB_OK ||
        dnnb_stimulus_save(second, c->out_validation_path) != DNNB_OK ||
        cli_print_classes(sets, names, 2) != DNNB_OK)
        status = cli_fail();
    else
        printf("%s: %zu images\n%s: %zu images\n", c->out_path, dnnb_stimulus_get_count(first),
               c->out_validation_path, dnnb_stimulus_get_count(second));
    dnnb_stimulus_destroy(second);
    dnnb_stimulus_destroy(first);
    return status;
}

static bool show_scan(void *context, size_t done, size_t total) {
    cli_progress_count(context, "looking at files", done, total, "files");
    return true;
}

int cli_cmd_stim(int argc, char **argv) {
    stim_command c = {0};
    cli_parsed parsed = parse(&c, argc, argv);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    if (!c.out_path) return cli_usage_error("missing option --out FILE");
    if (c.split > 0 && !c.out_validation_path)
        return cli_usage_error("--split: missing option --out-validation FILE");
    if (c.out_validation_path && c.split <= 0)
        return cli_usage_error("--out-validation: missing option --split X");
    dnnb_stimulus *stim = NULL;
    size_t n_left_out = 0;
    char *runs = NULL;
    cli_progress progress;
    cli_progress_init(&progress, false);
    dnnb_status scanned =
        dnnb_stimulus_scan_observed(&stim, c.folder, &n_left_out, &runs, show_scan, &progress);
    cli_progress_clear(&progress);
    if (scanned != DNNB_OK) return cli_fail();
    int status = c.split > 0 ? write_two(&c, stim) : write_one(&c, stim);
    if (status == CLI_DONE && n_left_out > 0)
        fprintf(stderr, "%s: %zu files left out: they do not begin as a picture does\n", c.folder,
                n_left_out);
    if (status == CLI_DONE && runs)
        cli_error("%s: folders of runs passed over: %s", c.folder, runs);
    dnnb_free(runs);
    dnnb_stimulus_destroy(stim);
    return status;
}
