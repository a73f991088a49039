/* A whole run, with each of its allocations failing once. */
#include "unit/faults_run.h"

static void test_faults_run_memory__a_run_without_memory(void **state) {
    (void)state;
    faults_run(false, FAULT_ALLOCATION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_run_memory__a_run_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
