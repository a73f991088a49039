/* Allocation with checks, the hook that makes one fail, the growing buffer, the byte cursor. */
#include "unit/unit.h"

#include "dnnbrain/stimulus.h"

#include "core/cursor.h"
#include "core/mem.h"

static void test_core_mem__blocks_are_aligned_and_keep_their_bytes(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 1000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *block = dnnb__calloc(sizes[i], 1);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(block[k], 0);
        memset(block, 7, sizes[i]);
        block = dnnb__realloc(block, 2 * sizes[i] + 1, 1);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(block[k], 7);
        block = dnnb__realloc(block, sizes[i] / 2, 1);
        for (size_t k = 0; k < sizes[i] / 2; k++) assert_int_equal(block[k], 7);
        dnnb_free(block);
    }
    dnnb__free(NULL);
    dnnb_free(NULL);
}

static void test_core_mem__overflow_is_refused(void **state) {
    (void)state;
    assert_null(dnnb__alloc(SIZE_MAX, 2));
    assert_non_null(strstr(dnnb_get_error(), "out of memory: asked for"));
    assert_null(dnnb__alloc(SIZE_MAX, 1));
    assert_null(dnnb__alloc(SIZE_MAX - 64, 1));
    assert_null(dnnb__calloc((size_t)1 << 33, (size_t)1 << 33));
    size_t result;
    assert_false(dnnb__mul_size(SIZE_MAX / 2 + 1, 2, &result));
    assert_false(dnnb__add_size(SIZE_MAX, 1, &result));
    assert_true(dnnb__mul_size(6, 7, &result));
    assert_int_equal(result, 42);
}

static void test_core_mem__the_hook_fails_one_allocation(void **state) {
    (void)state;
    uint64_t before = dnnb__mem_get_count();
    void *blocks[4];
    dnnb__mem_fail_at(2);
    for (int i = 0; i < 4; i++) blocks[i] = dnnb__alloc(8, 1);
    dnnb__mem_fail_at(0);
    for (int i = 0; i < 4; i++) assert_int_equal(blocks[i] == NULL, i == 1);
    assert_int_equal(dnnb__mem_get_count() - before, 4);
    assert_int_equal(dnnb__fail_memory(), DNNB_ERR_MEMORY);
    char *kept = blocks[0];
    kept[0] = 'k';
    dnnb__mem_fail_at(1);
    assert_null(dnnb__realloc(kept, 1000, 1)); /* the old block stays */
    dnnb__mem_fail_at(0);
    assert_int_equal(kept[0], 'k');
    for (int i = 0; i < 4; i++) dnnb__free(blocks[i]);
}

static void test_core_mem__copies_of_text(void **state) {
    (void)state;
    char *copy = dnnb__strdup("ant"), *part = dnnb__strndup("bees and", 3);
    assert_string_equal(copy, "ant");
    assert_string_equal(part, "bee");
    dnnb__free(copy);
    dnnb__free(part);
}

static void test_core_mem__buffer_grows_to_its_cap(void **state) {
    (void)state;
    dnnb__buf buf;
    dnnb__buf_init(&buf, 1000);
    for (int i = 0; i < 100; i++) dnnb__buf_printf(&buf, "%03d,", i);
    assert_ok(dnnb__buf_get_status(&buf));
    assert_int_equal(buf.n_bytes, 400);
    assert_int_equal(strlen(buf.data), 400);
    assert_memory_equal(buf.data + 396, "099,", 4);
    char more[600];
    memset(more, 'x', sizeof more);
    dnnb__buf_append(&buf, more, 600); /* exactly full */
    assert_ok(dnnb__buf_get_status(&buf));
    dnnb__buf_append(&buf, more, 1);
    dnnb__buf_append(&buf, more, 0);
    assert_int_equal(buf.n_bytes, 1000);
    assert_fails(dnnb__buf_get_status(&buf), DNNB_ERR_LIMIT, "its limit of 1000 bytes");
    dnnb__buf_destroy(&buf);
    dnnb__buf_init(&buf, 1000);
    dnnb__mem_fail_at(1);
    dnnb__buf_printf(&buf, "ant");
    dnnb__mem_fail_at(0);
    dnnb__buf_printf(&buf, "bee");
    assert_int_equal(buf.n_bytes, 0);
    assert_int_equal(dnnb__buf_get_status(&buf), DNNB_ERR_MEMORY);
    dnnb__buf_destroy(&buf);
}

static void test_core_mem__cursor_never_leaves_the_block(void **state) {
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    dnnb__cursor c = dnnb__cursor_create(bytes, sizeof bytes);
    assert_int_equal(dnnb__cursor_u8(&c), 1);
    assert_int_equal(dnnb__cursor_u16(&c), 0x0302);
    assert_int_equal(dnnb__cursor_u32(&c), 0x07060504);
    assert_true(dnnb__cursor_u64(&c) == 0x0f0e0d0c0b0a0908u);
    assert_int_equal(dnnb__cursor_get_left(&c), 0);
    assert_false(c.failed);
    assert_int_equal(dnnb__cursor_u8(&c), 0);
    assert_true(c.failed);
    c = dnnb__cursor_create(bytes, sizeof bytes);
    assert_null(dnnb__cursor_take(&c, SIZE_MAX));
    assert_null(dnnb__cursor_take(&c, 1)); /* a failure stays */
    assert_int_equal(dnnb__cursor_get_left(&c), 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_mem__blocks_are_aligned_and_keep_their_bytes),
        cmocka_unit_test(test_core_mem__overflow_is_refused),
        cmocka_unit_test(test_core_mem__the_hook_fails_one_allocation),
        cmocka_unit_test(test_core_mem__copies_of_text),
        cmocka_unit_test(test_core_mem__buffer_grows_to_its_cap),
        cmocka_unit_test(test_core_mem__cursor_never_leaves_the_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
