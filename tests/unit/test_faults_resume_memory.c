/* A run that goes on from a checkpoint, with each of its allocations failing once. */
#include "unit/faults_run.h"

static void test_faults_resume_memory__a_resumed_run_without_memory(void **state) {
    (void)state;
    faults_run(true, FAULT_ALLOCATION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_resume_memory__a_resumed_run_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
