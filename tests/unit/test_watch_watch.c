/*
 * The live view from within: requests are answered by the caller's thread, and whatever fails in
 * between, the server stays or ends in good order.
 */
#include "unit/faults.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnnbrain/history.h"
#include "dnnbrain/watch.h"
#include "unit/folder.h"

static unsigned get_port(const dnnb_watch *watch) {
    unsigned port = 0;
    assert_int_equal(sscanf(dnnb_watch_get_url(watch), "http://127.0.0.1:%u/", &port), 1);
    return port;
}

static int connect_to(unsigned port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void ask(int fd, unsigned port, const char *path) {
    char request[256];
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", path,
                     port);
    assert_int_equal(write(fd, request, (size_t)n), n);
}

/* Serve until `text` has come, the server has closed, or nothing comes any more. */
static dnnb_status serve_until(dnnb_watch *watch, int fd, const char *text, bool *has_come) {
    static char answer[1 << 20];
    size_t n = 0;
    *has_come = false;
    for (int turn = 0; turn < 300; turn++) {
        DNNB_TRY(dnnb_watch_serve(watch, 0.01));
        struct pollfd p = {.fd = fd, .events = POLLIN};
        while (n + 1 < sizeof answer && poll(&p, 1, 0) > 0) {
            ssize_t got = read(fd, answer + n, sizeof answer - 1 - n);
            if (got <= 0) return DNNB_OK;
            n += (size_t)got;
        }
        *has_come = memmem(answer, n, text, strlen(text)) != NULL;
        if (*has_come) return DNNB_OK;
    }
    return DNNB_OK;
}

static void write_run(double loss) {
    dnnb_history *history;
    dnnb_epoch epoch = {.step_loss = &loss, .n_steps = 1, .epoch_loss = loss, .seconds = 1};
    assert_ok(dnnb_history_create(&history));
    assert_ok(dnnb_history_add(history, &epoch));
    assert_ok(dnnb_history_save_json(history, in_folder("run/train_dict.json")));
    dnnb_history_destroy(history);
}

static int set_up_run(void **state) {
    if (set_up(state) != 0 || mkdir(in_folder("run"), 0777) != 0) return -1;
    write_run(0.5);
    return 0;
}

static void test_watch_watch__a_stream_is_told_what_is_new(void **state) {
    (void)state;
    dnnb_watch *watch;
    bool has_come;
    assert_ok(dnnb_watch_create(&watch, in_folder("run"), 0));
    assert_non_null(dnnb_watch_get_record(watch));
    assert_true(dnnb_watch_is_told(watch));
    unsigned port = get_port(watch);
    int fd = connect_to(port);
    ask(fd, port, "/events");
    assert_ok(serve_until(watch, fd, "\"loss\":[0.5]", &has_come));
    assert_true(has_come);
    assert_true(dnnb_watch_is_told(watch));
    write_run(0.25);
    assert_ok(serve_until(watch, fd, "\"loss\":[0.25]", &has_come));
    assert_true(has_come);
    dnnb_watch_destroy(watch); /* while it listens */
    close(fd);
}

static void test_watch_watch__what_cannot_be_served_is_refused(void **state) {
    (void)state;
    dnnb_watch *watch, *second;
    assert_fails(dnnb_watch_create(&watch, "", 0), DNNB_ERR_ARGUMENT, "expected a path");
    assert_null(watch);
    assert_fails(dnnb_watch_create(&watch, in_folder("run/train_dict.json"), 0), DNNB_ERR_ARGUMENT,
                 "expected a run folder, found a file");
    assert_ok(dnnb_watch_create(&watch, in_folder("none"), 0));
    assert_null(dnnb_watch_get_record(watch));
    assert_fails(dnnb_watch_create(&second, in_folder("run"), (uint16_t)get_port(watch)),
                 DNNB_ERR_IO, "another program uses");
    dnnb_watch_destroy(watch);
    dnnb_watch_destroy(NULL);
}

/* ---- faults ---- */

typedef struct visit {
    const char *path, *expected;
    size_t n_answered;
} visit;

static dnnb_status visit_once(void *context) {
    visit *v = context;
    dnnb_watch *watch;
    bool has_come;
    DNNB_TRY(dnnb_watch_create(&watch, in_folder("run"), 0));
    unsigned port = get_port(watch);
    int fd = connect_to(port);
    ask(fd, port, v->path);
    dnnb_status status = serve_until(watch, fd, v->expected, &has_come);
    v->n_answered += has_come;
    close(fd);
    dnnb_watch_destroy(watch);
    return status;
}

static void test_watch_watch__every_failed_call_is_survived(void **state) {
    (void)state;
    static const size_t which[] = {FAULT_ALLOCATION, FAULT_READ};
    /* 404 and 503 are answers too. */
    visit visits[] = {{.path = "/", .expected = "HTTP/1.1 "},
                      {.path = "/events", .expected = "HTTP/1.1 "},
                      {.path = "/train_dict.json", .expected = "HTTP/1.1 "}};
    for (size_t i = 0; i < sizeof visits / sizeof visits[0]; i++)
        for (size_t k = 0; k < sizeof which / sizeof which[0]; k++) {
            fault_action action = {.name = visits[i].path, .act = visit_once, .is_long = true};
            fault_sweep(&action, &visits[i], which[k]);
            assert_true(visits[i].n_answered > 0);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_watch_watch__a_stream_is_told_what_is_new, set_up_run,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_watch_watch__what_cannot_be_served_is_refused,
                                        set_up_run, tear_down),
        cmocka_unit_test_setup_teardown(test_watch_watch__every_failed_call_is_survived, set_up_run,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
