/* A run that goes on from a checkpoint, with each of its file operations failing once. */
#include "unit/faults_run.h"

static void test_faults_resume_files__a_resumed_run_that_cannot_read(void **state) {
    (void)state;
    faults_run(true, FAULT_READ);
}

static void test_faults_resume_files__a_resumed_run_that_cannot_read_any_more(void **state) {
    (void)state;
    faults_run(true, FAULT_READ_LATER);
}

static void test_faults_resume_files__a_resumed_run_that_cannot_write(void **state) {
    (void)state;
    faults_run(true, FAULT_WRITE);
}

static void test_faults_resume_files__a_resumed_run_on_a_full_disk(void **state) {
    (void)state;
    faults_run(true, FAULT_DISK_FULL);
}

static void test_faults_resume_files__a_resumed_run_that_cannot_remove(void **state) {
    (void)state;
    faults_run(true, FAULT_REMOVE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_resume_files__a_resumed_run_that_cannot_read),
        cmocka_unit_test(test_faults_resume_files__a_resumed_run_that_cannot_read_any_more),
        cmocka_unit_test(test_faults_resume_files__a_resumed_run_that_cannot_write),
        cmocka_unit_test(test_faults_resume_files__a_resumed_run_on_a_full_disk),
        cmocka_unit_test(test_faults_resume_files__a_resumed_run_that_cannot_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
