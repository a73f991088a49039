/* The floors, with the instructions that may be used, and what follows from them. */
#include "unit/unit.h"

#include <stdlib.h>

#include "bench/bench.h"
#include "kernels/kernels.h"

/* As dnnbrain bench measures them under the present limit, with the kernels of this set. */
static void measure(dnnb__isa isa) {
    dnnb_bench_floors floors;
    assert_ok(dnnb_bench_measure_floors(&floors, 1, 0.01));
    const dnnb__peak_kernel *f32 = dnnb__kernels_find_peak(isa, false);
    const dnnb__peak_kernel *bf16 = dnnb__kernels_find_peak(isa, true);
    assert_string_equal(floors.f32_instructions, f32->instructions);
    assert_true(floors.f32_flops_s > 0 && floors.read_bytes_s > 0 && floors.update_bytes_s > 0);
    assert_int_equal(floors.n_threads, 1);
    if (bf16) {
        assert_string_equal(floors.bf16_instructions, bf16->instructions);
        assert_true(floors.bf16_flops_s > 0);
    } else {
        assert_null(floors.bf16_instructions);
        assert_true(floors.bf16_flops_s == 0);
    }
}

static void test_bench_floors__are_those_of_the_instructions_that_may_be_used(void **state) {
    (void)state;
    dnnb__isa processor = dnnb__isa_get_processor();
    measure(processor);
    for (int isa = 0; isa <= (int)processor; isa++) {
        assert_int_equal(setenv("DNNBRAIN_MAX_ISA", dnnb__isa_get_name((dnnb__isa)isa), 1), 0);
        measure((dnnb__isa)isa);
    }
    assert_int_equal(setenv("DNNBRAIN_MAX_ISA", "MMX", 1), 0);
    dnnb_bench_floors floors;
    assert_fails(dnnb_bench_measure_floors(&floors, 1, 0.01), DNNB_ERR_ARGUMENT,
                 "DNNBRAIN_MAX_ISA: expected SSE, AVX2 or AVX512, found 'MMX'");
    assert_int_equal(unsetenv("DNNBRAIN_MAX_ISA"), 0);
}

static void test_bench_floors__the_slower_of_computing_and_moving_counts(void **state) {
    (void)state;
    dnnb_bench_floors floors = {.f32_flops_s = 100,
                                .bf16_flops_s = 200,
                                .read_bytes_s = 10,
                                .update_bytes_s = 20,
                                .cache_bytes = 40};
    /* Quotients of small whole numbers are exact. */
    assert_true(dnnb__bench_get_floor_s(&floors, false, 1000, 0) == 10);
    assert_true(dnnb__bench_get_floor_s(&floors, true, 1000, 0) == 5);
    assert_true(dnnb__bench_get_floor_s(&floors, false, 0, 440) == 20);
    assert_true(dnnb__bench_get_floor_s(&floors, false, 1000, 440) == 20);
    assert_true(dnnb__bench_get_floor_s(&floors, false, 0, 40) == 0);
    assert_true(dnnb__bench_get_floor_s(&floors, false, 0, 7) == 0);
    /* Without instructions for bfloat16 those of float32 multiply it. */
    floors.bf16_flops_s = 0;
    assert_true(dnnb__bench_get_floor_s(&floors, true, 1000, 0) == 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bench_floors__are_those_of_the_instructions_that_may_be_used),
        cmocka_unit_test(test_bench_floors__the_slower_of_computing_and_moving_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
