/* Codes, their names, and messages of one line. */
#include "unit/unit.h"

#include <pthread.h>

#include "core/status.h"

static void test_core_status__names(void **state) {
    (void)state;
    assert_string_equal(dnnb_status_get_name(DNNB_OK), "ok");
    assert_string_equal(dnnb_status_get_name(DNNB_ERR_FORMAT), "format");
    assert_string_equal(dnnb_status_get_name(DNNB_ERR_INTERNAL), "internal");
    assert_string_equal(dnnb_status_get_name((dnnb_status)99), "unknown");
    assert_string_equal(dnnb_get_version(), DNNB_VERSION);
}

static void test_core_status__a_message_stays_one_line(void **state) {
    (void)state;
    assert_fails(dnnb__fail(DNNB_ERR_IO, "a\nb\x1b[31m %d", 3), DNNB_ERR_IO, "a?b?[31m 3");
    assert_fails(dnnb__fail_prefix(DNNB_ERR_IO, "%s\n", "file"), DNNB_ERR_IO, "file?: a?b?[31m 3");
}

static void test_core_status__a_long_message_is_cut(void **state) {
    (void)state;
    char text[3000];
    memset(text, 'z', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_fails(dnnb__fail(DNNB_ERR_LIMIT, "%s", text), DNNB_ERR_LIMIT, "zzz");
    assert_int_equal(strlen(dnnb_get_error()), 1023);
    assert_fails(dnnb__fail_prefix(DNNB_ERR_LIMIT, "place"), DNNB_ERR_LIMIT, "place: zzz");
    assert_int_equal(strlen(dnnb_get_error()), 1023);
    assert_fails(dnnb__fail_prefix(DNNB_ERR_LIMIT, "%s", text), DNNB_ERR_LIMIT, "zzz");
    assert_int_equal(strlen(dnnb_get_error()), 1023);
}

static void *fail_elsewhere(void *data) {
    (void)!dnnb__fail(DNNB_ERR_IO, "of the worker");
    (void)snprintf(data, 64, "%s", dnnb_get_error());
    return NULL;
}

static void test_core_status__each_thread_has_its_message(void **state) {
    (void)state;
    char theirs[64];
    pthread_t thread;
    assert_fails(dnnb__fail(DNNB_ERR_IO, "of this thread"), DNNB_ERR_IO, "of this thread");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, theirs), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(theirs, "of the worker");
    assert_string_equal(dnnb_get_error(), "of this thread");
    dnnb__set_error(theirs);
    assert_string_equal(dnnb_get_error(), "of the worker");
}

static dnnb_status pass_on(dnnb_status status, int *n_passed) {
    DNNB_TRY(status);
    ++*n_passed;
    return DNNB_OK;
}

static void test_core_status__try_leaves_at_a_failure(void **state) {
    (void)state;
    int n_passed = 0;
    assert_int_equal(pass_on(DNNB_ERR_SHAPE, &n_passed), DNNB_ERR_SHAPE);
    assert_int_equal(n_passed, 0);
    assert_ok(pass_on(DNNB_OK, &n_passed));
    assert_int_equal(n_passed, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_status__names),
        cmocka_unit_test(test_core_status__a_message_stays_one_line),
        cmocka_unit_test(test_core_status__a_long_message_is_cut),
        cmocka_unit_test(test_core_status__each_thread_has_its_message),
        cmocka_unit_test(test_core_status__try_leaves_at_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
