/*
 * Catching signals: the handler only takes down which one came.
 *
 * It has a stack of its own. Some of oneDNN's AVX-512 code lets the stack pointer of the thread
 * point into a block of the heap, where the frame of a handler would write over what lies before
 * the block. The system gives a signal of the process to its first thread, whose stack that is.
 */
#include "cli/signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/common.h"

/* Many times what the registers of a frame take. */
enum { STACK_BYTES = 256 << 10 };

static volatile sig_atomic_t stop_signal;
static const char *before_message = "\n";

static void on_signal(int number) {
    if (stop_signal) _exit(128 + number);
    stop_signal = number;
    static const char text[] = "stopping after this step; once more to stop at once\n";
    ssize_t ignored = write(STDERR_FILENO, before_message, strlen(before_message));
    ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
}

void cli_signals_catch(const char *before) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    static char stack_bytes[STACK_BYTES];
    const stack_t stack = {.ss_sp = stack_bytes, .ss_size = sizeof stack_bytes};
    before_message = before;
    bool has_stack = sigaltstack(&stack, NULL) == 0;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;
    if (has_stack) action.sa_flags |= SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < CLI_COUNT_OF(numbers); i++) {
        /* What nohup or a shell's & set to be ignored stays ignored. */
        bool is_ignored = sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN;
        if (!is_ignored) sigaction(numbers[i], &action, NULL);
    }
    /* A reader that goes away must not end a run of hours; the exit status tells of it. */
    signal(SIGPIPE, SIG_IGN);
    /* A file above the allowed size is a write that fails. */
    signal(SIGXFSZ, SIG_IGN);
}

int cli_signals_get(void) {
    return stop_signal;
}
