/*
 * dnnbrain bench: this machine's floors, and how near to them a network's steps come.
 *
 * The library measures; here are the options and the tables.
 */
#include <math.h>
#include <string.h>

#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/network.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/table.h"

typedef struct bench_command {
    const char *network, *stim_path;
    dnnb_bench_options options;
    size_t part;      /* dnnb_bench_part */
    size_t precision; /* dnnb_precision */
    bool json, quiet;
    cli_progress progress;
} bench_command;

static const char *const part_names[] = {"all", "floors", "steps", "loader"};

static const char about[] =
    "The floors are measured: multiply-adds a second of the threads that compute, and bytes a\n"
    "second from memory. The floor of an op is the time that its multiply-adds, less those with\n"
    "padding, or the bytes that no cache can hold, take at that speed; an op that saves\n"
    "multiplications (Winograd) may pass it. Images are random; with --stim the loader of\n"
    "training images is measured too.\n";

static const char examples[] = "  dnnbrain bench --net alexnet-mini --batch 8 --seconds 0.05\n"
                               "  # the loader too, and one JSON object for a script\n"
                               "  dnnbrain bench --net alexnet-mini --batch 8 --seconds 0.05 \\\n"
                               "      --stim train.stim.csv --json\n";

static cli_parsed parse(bench_command *c, int argc, char **argv) {
    size_t n_operands;
    dnnb_bench_options *o = &c->options;
    const cli_option options[] = {
        {.type = CLI_GROUP, .name = "What is measured"},
        {CLI_ROW(CLI_TEXT, "net", "NET",
                 "name of the network, in any case; 'dnnbrain --help' lists them", &c->network)},
        {CLI_ROW(CLI_COUNT, "batch", "N", "images a step", &o->batch), .min = 1, .max = 65536},
        {CLI_ROW(CLI_TEXT, "stim", "FILE", "images for the loader, a .stim.csv", &c->stim_path),
         .files = CLI_STIMULI, .unset = "the loader is left out"},
        {CLI_ROW(CLI_CHOICE, "only", NULL,
                 "a part of it: the floors, floors and steps, or the loader", &c->part),
         .words = part_names, .n_words = CLI_COUNT_OF(part_names)},
        {CLI_ROW(CLI_REAL, "seconds", "X", "for each kind of step; at least three are made",
                 &o->seconds),
         .min = 0, .max = 3600, .open = true},
        {.type = CLI_GROUP, .name = "Output"},
        {CLI_ROW(CLI_FLAG, "json", NULL, "one JSON object on standard output, no tables",
                 &c->json)},
        {CLI_ROW(CLI_FLAG, "quiet", NULL, "no progress", &c->quiet)},
        {.type = CLI_GROUP, .name = "Computing"},
        {CLI_ROW(CLI_COUNT, "threads", "N", "threads of the computation", &o->dnn.n_threads),
         .min = 1, .max = 1024, .unset = "every processor"},
        {CLI_ROW(CLI_COUNT, "workers", "N", "threads that load images", &o->n_workers), .min = 1,
         .max = 1024, .unset = "one a processor"},
        CLI_ROW_PRECISION(c->precision),
        {CLI_ROW(CLI_TEXT, "engine", "NAME", "what computes: onednn, or ref", &o->dnn.engine),
         .unset = "onednn"},
    };
    const cli_command command = {
        .name = "bench",
        .summary = "Measure this machine's floors and a network's speed beside them.",
        .arguments = "[--net NET] [options]",
        .about = about,
        .examples = examples,
        .options = options,
        .n_options = CLI_COUNT_OF(options)};
    return cli_parse(&command, argc, argv, &n_operands);
}

static bool on_progress(void *context, const char *what, size_t done, size_t total) {
    bench_command *c = context;
    if (c->progress.terminal.is_terminal)
        cli_progress_count(&c->progress, what, done, total, "parts");
    else
        cli_progress_note(&c->progress, "%zu/%zu %s", done + 1, total, what);
    return !cli_signals_get();
}

/* --- tables --- */

static void print_head(const dnnb_bench_report *r) {
    size_t n_threads = r->floors.n_threads;
    printf("%s, batch %zu, %s, %zu thread%s; %s with %s\n%s\n\n", r->network, r->batch,
           cli_precision_type(r->precision), n_threads, n_threads == 1 ? "" : "s", r->engine,
           r->instructions, r->processor);
}

static void print_floors(const dnnb_bench_floors *f) {
    printf("floors of this machine, measured\n");
    printf("  float32 multiply-adds   %9.1f GFLOP/s  %s\n", f->f32_flops_s * 1e-9,
           f->f32_instructions);
    if (f->bf16_instructions)
        printf("  bfloat16 multiply-adds  %9.1f GFLOP/s  %s\n", f->bf16_flops_s * 1e-9,
               f->bf16_instructions);
    printf("  memory, read            %9.1f GB/s\n", f->read_bytes_s * 1e-9);
    printf("  memory, read and write  %9.1f GB/s\n", f->update_bytes_s * 1e-9);
}

/* Of the floor, "" where there is none worth comparing with. */
static void add_share(cli_table *table, double floor_s, double seconds) {
    if (isfinite(floor_s) && floor_s > 0 && seconds > 0)
        cli_table_add(table, "%.0f %%", 100 * floor_s / seconds);
    else
        cli_table_add(table, "%s", "");
}

static void add_ms(cli_table *table, double seconds) {
    if (isfinite(seconds) && seconds > 0)
        cli_table_add(table, "%.3f", seconds * 1e3);
    else
        cli_table_add(table, "%s", "");
}

static void add_op(cli_table *table, const dnnb_bench_op *op) {
    cli_table_add(table, "%s", op->layer);
    cli_table_add(table, "%s", op->pass);
    add_ms(table, op->seconds);
    add_ms(table, op->floor_s);
    add_share(table, op->floor_s, op->seconds);
    if (op->flops > 0 && op->seconds > 0)
        cli_table_add(table, "%.1f", op->flops / op->seconds * 1e-9);
    else
        cli_table_add(table, "%s", "");
    cli_table_add(table, "%s", op->implementation);
}

/* One line for all ops of a pass; the text of each pass stands in the ops. */
static void add_sums(cli_table *table, const dnnb_bench_report *r) {
    dnnb_bench_op step = {.layer = "a step", .pass = "", .implementation = ""};
    for (size_t i = 0; i < r->n_ops; i++) {
        dnnb_bench_op sum = {.layer = "all", .pass = r->ops[i].pass, .implementation = ""};
        bool is_first = true;
        for (size_t k = 0; k < r->n_ops; k++) {
            if (strcmp(r->ops[k].pass, sum.pass) != 0) continue;
            if (k < i) is_first = false;
            sum.seconds += r->ops[k].seconds;
            sum.floor_s += r->ops[k].floor_s;
            sum.flops += r->ops[k].flops;
        }
        step.seconds += r->ops[i].seconds;
        step.floor_s += r->ops[i].floor_s;
        step.flops += r->ops[i].flops;
        if (is_first && strcmp(sum.pass, "optimiser") != 0) add_op(table, &sum);
    }
    add_op(table, &step);
}

static int print_ops(const dnnb_bench_report *r) {
    static const cli_column columns[] = {
        {.name = "layer", .is_cut = true},         {.name = "pass"},
        {.name = "ms", .is_right = true},          {.name = "floor", .is_right = true},
        {.name = "of floor", .is_right = true},    {.name = "GFLOP/s", .is_right = true},
        {.name = "implementation", .is_cut = true}};
    cli_table *table = cli_table_create(columns, CLI_COUNT_OF(columns));
    for (size_t i = 0; i < r->n_ops; i++) /* but what had nothing to do: copies were up to date */
        if (r->ops[i].seconds > 0) add_op(table, &r->ops[i]);
    cli_table_add_rule(table);
    add_sums(table, r);
    printf("\n");
    int status = cli_table_print(table);
    cli_table_destroy(table);
    return status;
}

static int print_rates(const dnnb_bench_report *r) {
    static const cli_column columns[] = {{.name = "scenario"},
                                         {.name = "images/s", .is_right = true},
                                         {.name = "images", .is_right = true},
                                         {.name = "ms", .is_right = true},
                                         {.name = "least", .is_right = true},
                                         {.name = "largest", .is_right = true},
                                         {.name = "floor", .is_right = true},
                                         {.name = "of floor", .is_right = true}};
    cli_table *table = cli_table_create(columns, CLI_COUNT_OF(columns));
    for (size_t i = 0; i < r->n_rates; i++) {
        const dnnb_bench_rate *rate = &r->rates[i];
        cli_table_add(table, "%s", rate->name);
        cli_table_add(table, "%.1f", rate->images_per_s);
        cli_table_add(table, "%zu", rate->n_images);
        add_ms(table, rate->median_s);
        add_ms(table, rate->least_s);
        add_ms(table, rate->largest_s);
        add_ms(table, rate->floor_s);
        add_share(table, rate->floor_s, rate->median_s);
    }
    printf("\n");
    int status = cli_table_print(table);
    cli_table_destroy(table);
    return status;
}

static int print_json(const dnnb_bench_report *r) {
    char *text;
    if (dnnb_bench_report_print_json(&text, r) != DNNB_OK) return cli_fail();
    fputs(text, stdout);
    dnnb_free(text);
    return CLI_DONE;
}

static int print(const bench_command *c, const dnnb_bench_report *r) {
    if (c->json) return print_json(r);
    print_head(r);
    if (r->floors.f32_flops_s > 0) print_floors(&r->floors);
    int status = r->n_ops > 0 ? print_ops(r) : CLI_DONE;
    return status == CLI_DONE && r->n_rates > 0 ? print_rates(r) : status;
}

static int measure(bench_command *c) {
    dnnb_bench_report *report;
    cli_signals_catch(cli_progress_get_clearing(&c->progress));
    dnnb_status status = dnnb_bench_run(&report, c->network, &c->options);
    cli_progress_clear(&c->progress);
    if (status == DNNB_ERR_STOPPED && cli_signals_get()) {
        cli_error("%s by a signal", dnnb_get_error());
        return 128 + cli_signals_get();
    }
    if (status != DNNB_OK) return cli_fail_options(status);
    if (report->warning)
        cli_progress_show(&c->progress,
                          &(dnnb_event){.kind = DNNB_EVENT_WARNING, .message = report->warning});
    int printed = print(c, report);
    dnnb_bench_report_destroy(report);
    return printed;
}

int cli_cmd_bench(int argc, char **argv) {
    bench_command c = {.network = "alexnet", .options = DNNB_BENCH_OPTIONS_INIT};
    cli_parsed parsed = parse(&c, argc, argv);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    c.options.part = (dnnb_bench_part)c.part;
    c.options.dnn.precision = (dnnb_precision)c.precision;
    if (c.options.part == DNNB_BENCH_LOADER && !c.stim_path)
        return cli_usage_error("--only loader: missing option --stim FILE");
    dnnb_stimulus *stim = NULL;
    if (c.stim_path && dnnb_stimulus_load(&stim, c.stim_path) != DNNB_OK) return cli_fail();
    cli_progress_init(&c.progress, c.quiet);
    c.options.stim = stim;
    c.options.on_progress = on_progress;
    c.options.context = &c;
    int status = measure(&c);
    dnnb_stimulus_destroy(stim);
    return status;
}
