/* Philox against the known answers that Random123 publishes (kat_vectors, philox4x32 10). */
#include "unit/unit.h"

#include "core/random.h"

static void test_core_random__known_answers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb__random_key key = {{rows[i].key[0], rows[i].key[1]}};
        const uint32_t *c = rows[i].counter;
        dnnb__random_block block = dnnb__philox(key, c[0], c[1], c[2], c[3]);
        for (size_t j = 0; j < 4; j++) assert_int_equal(block.word[j], rows[i].expected[j]);
    }
}

static void test_core_random__permutation_holds_each_once(void **state) {
    (void)state;
    enum { N = 1000 };
    uint64_t order[N], again[N];
    unsigned char seen[N] = {0};
    dnnb__random_key key = dnnb__random_key_create(7, DNNB__PURPOSE_SHUFFLE);
    dnnb__random_permutation(key, 3, order, N);
    dnnb__random_permutation(key, 3, again, N);
    assert_memory_equal(order, again, sizeof order);
    size_t n_fixed = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(order[i] < N && !seen[order[i]]);
        seen[order[i]] = 1;
        n_fixed += order[i] == i;
    }
    assert_true(n_fixed < 10); /* about 1 is expected; 10 has probability 1e-7 */
    dnnb__random_permutation(key, 4, again, N);
    assert_memory_not_equal(order, again, sizeof order);
}

static void test_core_random__uniform_is_flat(void **state) {
    (void)state;
    enum { N = 100000, BINS = 10 };
    size_t count[BINS] = {0};
    dnnb__random_key key = dnnb__random_key_create(1, DNNB__PURPOSE_TEST);
    dnnb__random_draws draws = dnnb__random_draws_create(key, 0, 0);
    for (size_t i = 0; i < N; i++) {
        double u = dnnb__random_uniform(&draws);
        assert_true(u >= 0 && u < 1);
        count[(size_t)(u * BINS)]++;
    }
    /* Standard deviation of a bin is 95; five of them. */
    for (size_t i = 0; i < BINS; i++) assert_in_range(count[i], 10000 - 475, 10000 + 475);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_random__known_answers),
        cmocka_unit_test(test_core_random__permutation_holds_each_once),
        cmocka_unit_test(test_core_random__uniform_is_flat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
