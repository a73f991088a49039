/*
 * dnnbrain watch: the report of a run in a browser, while the run goes on.
 *
 * It ends by a signal, and with its terminal: a shell that is killed sends its jobs no SIGHUP, so
 * the terminal itself is looked at, unless SIGHUP was to be ignored (nohup).
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/options.h"

static const double turn_s = 0.5;
enum { TURNS_TO_TELL = 10 }; /* for a page that does not take the end of a run */

static const char about[] =
    "Prints the page's address, and serves it to this machine until Ctrl-C, or until its terminal\n"
    "is closed. RUN need not be there yet. The run is neither locked nor slowed; it may end, go "
    "on\n"
    "or begin anew in the same folder while it is watched.\n";

static const char examples[] = "  # before, during or after the training\n"
                               "  dnnbrain watch finetuned\n"
                               "  # only as long as the run\n"
                               "  dnnbrain watch finetuned --until-end\n";

typedef struct watcher {
    size_t port;
    bool until_end;
    int terminal; /* -1 for none */
    bool is_telling_wait;
} watcher;

static volatile sig_atomic_t stop_signal;

static void on_signal(int number) {
    stop_signal = number;
}

static void catch_signals(watcher *c) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < CLI_COUNT_OF(numbers); i++) {
        bool is_ignored = sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN;
        if (!is_ignored)
            sigaction(numbers[i], &action, NULL);
        else if (numbers[i] == SIGHUP)
            c->terminal = -1;
    }
    signal(SIGPIPE, SIG_IGN);
}

static bool is_terminal_gone(const watcher *c) {
    struct pollfd terminal = {.fd = c->terminal};
    return c->terminal >= 0 && poll(&terminal, 1, 0) > 0 &&
           (terminal.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

/* Say once that there is nothing to show yet. */
static void tell_wait(watcher *c, const dnnb_watch *watch, const char *folder) {
    bool is_waiting = !dnnb_watch_get_record(watch);
    if (is_waiting && !c->is_telling_wait)
        fprintf(stderr, "%s: there is no run yet; the page waits for it\n", folder);
    c->is_telling_wait = is_waiting;
}

static bool has_ended(const dnnb_watch *watch) {
    const dnnb_record *record = dnnb_watch_get_record(watch);
    if (!record) return false;
    dnnb_run_state state = dnnb_record_get_state(record);
    return state != DNNB_RUN_GOING_ON && state != DNNB_RUN_UNKNOWN;
}

static int serve(watcher *c, dnnb_watch *watch, const char *folder) {
    size_t n_turns_ended = 0;
    while (!stop_signal) {
        tell_wait(c, watch, folder);
        if (dnnb_watch_serve(watch, turn_s) != DNNB_OK) return cli_fail();
        if (is_terminal_gone(c)) return 128 + SIGHUP;
        n_turns_ended = has_ended(watch) ? n_turns_ended + 1 : 0;
        /* A turn more than is needed: a page may be about to come back for the last news. */
        bool is_told = dnnb_watch_is_told(watch) && n_turns_ended > 1;
        if (c->until_end && (is_told || n_turns_ended >= TURNS_TO_TELL)) return CLI_DONE;
    }
    return 128 + stop_signal;
}

static int watch_run(watcher *c, const char *folder) {
    dnnb_watch *watch;
    c->terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    catch_signals(c);
    dnnb_status created = dnnb_watch_create(&watch, folder, (uint16_t)c->port);
    if (created != DNNB_OK) return cli_fail_options(created);
    printf("%s\n", dnnb_watch_get_url(watch));
    int status = cli_finish_output(CLI_DONE);
    if (status == CLI_DONE) status = serve(c, watch, folder);
    dnnb_watch_destroy(watch);
    return status;
}

int cli_cmd_watch(int argc, char **argv) {
    size_t n_operands;
    watcher c = {.terminal = -1};
    const cli_option options[] = {
        {CLI_ROW(CLI_COUNT, "port", "N", "port of 127.0.0.1", &c.port), .min = 1, .max = 65535,
         .unset = "any that is free"},
        {CLI_ROW(CLI_FLAG, "until-end", NULL,
                 "end when no process works in RUN any more and every page has been told",
                 &c.until_end)},
    };
    const cli_command command = {.name = "watch",
                                 .summary =
                                     "Show the report of a run in a browser while it goes on.",
                                 .arguments = "RUN [options]",
                                 .about = about,
                                 .examples = examples,
                                 .options = options,
                                 .n_options = CLI_COUNT_OF(options),
                                 .min_operands = 1,
                                 .max_operands = 1,
                                 .operand = "RUN"};
    cli_parsed parsed = cli_parse(&command, argc, argv, &n_operands);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    return watch_run(&c, argv[1]);
}
