/*
 * dnnbrain fetch: the official pretrained weights of a network, downloaded once.
 *
 * SIGINT, SIGTERM and SIGHUP end the download between two blocks; what has arrived stays, and the
 * same command goes on from there.
 */
#include <signal.h>
#include <string.h>

#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/options.h"
#include "cli/progress.h"

enum { BYTES_OF_MB = 1000000 };

static const char about[] =
    "'dnnbrain fetch NET' downloads the network's file, 233 MiB for AlexNet, over HTTPS into\n"
    "$DNNBRAIN_DATA/models where that variable is set, otherwise into\n"
    "$XDG_DATA_HOME/dnnbrain/weights, which is\n"
    "~/.local/share/dnnbrain/weights without the variable.\n"
    "--weights pretrained takes it from there. A download that was broken off goes on where it "
    "ended. The file gets\n"
    "its name when its SHA-256 is right. Proxies are those of the environment (https_proxy).\n";

static const char examples[] = "  # the networks that have pretrained weights, and where they are\n"
                               "  dnnbrain fetch --list\n"
                               "  # are the files that are here the right ones?\n"
                               "  dnnbrain fetch --verify\n";

typedef struct fetch_command {
    const char *url, *mirror;
    bool list, verify, quiet;
    const dnnb_pretrained *what;
    cli_progress progress;
} fetch_command;

static volatile sig_atomic_t stop_signal;

static void on_signal(int number) {
    stop_signal = number;
}

static bool on_progress(void *context, const dnnb_fetch_progress *p) {
    fetch_command *c = context;
    if (p->message) cli_progress_note(&c->progress, "%s", p->message);
    if (!p->url) {
        cli_progress_say(&c->progress, "checking %s", c->what->file);
        return !stop_signal;
    }
    cli_progress_count(&c->progress, c->what->file, (size_t)p->done_bytes / BYTES_OF_MB,
                       (size_t)p->total_bytes / BYTES_OF_MB, "MB");
    return !stop_signal;
}

static int fetch(fetch_command *c) {
    dnnb_fetch_options options = DNNB_FETCH_OPTIONS_INIT;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    char *path;
    options.url = c->url;
    if (c->mirror) options.mirror = c->mirror;
    options.on_progress = on_progress;
    options.context = c;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    cli_progress_init(&c->progress, c->quiet);
    dnnb_status status = dnnb_fetch(c->what->network, &options, &path);
    cli_progress_clear(&c->progress);
    if (status == DNNB_ERR_STOPPED && stop_signal) {
        cli_error("stopped by a signal; the same command goes on from there");
        return 128 + stop_signal;
    }
    if (status != DNNB_OK) return cli_fail_options(status);
    printf("%s\n", path);
    dnnb_free(path);
    return CLI_DONE;
}

static int list(void) {
    size_t n;
    const dnnb_pretrained *all = dnnb_pretrained_get_all(&n);
    for (size_t i = 0; i < n; i++) {
        char *path;
        const char *place;
        bool is_here = dnnb_pretrained_find(&path, &place, all[i].network) == DNNB_OK;
        printf("%-14s %s\n", all[i].network, all[i].file);
        if (is_here)
            printf("%-14s here: %s (%s)\n", "", path, place);
        else
            printf("%-14s not here: %s/%s\n", "", DNNB_FETCH_MIRROR, all[i].file);
        dnnb_free(path);
    }
    return CLI_DONE;
}

/* One network's file; one that is not here is wrong only where it was asked for. */
static int verify_one(const dnnb_pretrained *p, bool is_asked_for) {
    char *path;
    dnnb_status status = dnnb_pretrained_find(&path, NULL, p->network);
    if (status != DNNB_OK && !is_asked_for) {
        printf("%-14s not here\n", p->network);
        return CLI_DONE;
    }
    if (status == DNNB_OK) status = dnnb_pretrained_verify(path, p->file);
    if (status == DNNB_OK) printf("%-14s right: %s\n", p->network, path);
    dnnb_free(path);
    return status == DNNB_OK ? CLI_DONE : cli_fail();
}

static int verify(const dnnb_pretrained *what) {
    if (what) return verify_one(what, true);
    int worst = CLI_DONE;
    size_t n;
    const dnnb_pretrained *all = dnnb_pretrained_get_all(&n);
    for (size_t i = 0; i < n; i++)
        if (verify_one(&all[i], false) != CLI_DONE) worst = CLI_FAILED;
    return worst;
}

static int check(fetch_command *c, size_t n_operands, const char *network) {
    if (c->list && c->verify) return cli_usage_error("--list: expected without --verify");
    if (c->list && n_operands > 0)
        return cli_usage_error("--list: expected no network, found '%s'", network);
    if ((c->list || c->verify) && (c->url || c->mirror))
        return cli_usage_error("--%s: expected only where a network is fetched",
                               c->url ? "url" : "mirror");
    if (c->url && c->mirror) return cli_usage_error("--url: expected without --mirror");
    if (!c->list && !c->verify && n_operands == 0)
        return cli_usage_error("missing network; 'dnnbrain fetch --list' names them");
    if (n_operands == 0) return CLI_DONE;
    dnnb_status status = dnnb_pretrained_get(&c->what, network);
    return status == DNNB_OK ? CLI_DONE : cli_fail_options(status);
}

int cli_cmd_fetch(int argc, char **argv) {
    fetch_command c = {0};
    size_t n_operands;
    const cli_option options[] = {
        {CLI_ROW(CLI_TEXT, "mirror", "URL", "folder of a private copy that holds the file",
                 &c.mirror),
         .unset = DNNB_FETCH_MIRROR},
        {CLI_ROW(CLI_TEXT, "url", "URL", "address of a private copy of the file", &c.url)},
        {CLI_ROW(CLI_FLAG, "list", NULL, "list the networks, their files and where they are",
                 &c.list)},
        {CLI_ROW(CLI_FLAG, "verify", NULL, "check the SHA-256 of the files that are here",
                 &c.verify)},
        {CLI_ROW(CLI_FLAG, "quiet", NULL, "no progress and no remarks", &c.quiet)},
    };
    const cli_command command = {.name = "fetch",
                                 .summary = "Download a network's official pretrained weights.",
                                 .arguments = "NET | --list | --verify [NET]",
                                 .about = about,
                                 .examples = examples,
                                 .options = options,
                                 .n_options = CLI_COUNT_OF(options),
                                 .max_operands = 1,
                                 .operand = "NET"};
    cli_parsed parsed = cli_parse(&command, argc, argv, &n_operands);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    int status = check(&c, n_operands, n_operands > 0 ? argv[1] : "");
    if (status != CLI_DONE) return status;
    if (c.list) return list();
    if (c.verify) return verify(c.what);
    return fetch(&c);
}
