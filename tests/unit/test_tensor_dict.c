/* Dicts of named tensors: order, names that are there once, renaming, notes. */
#include "unit/unit.h"

#include "tensor/dict.h"

static dnnb_tensor *make_tensor(int64_t n) {
    dnnb_tensor *t;
    assert_ok(dnnb_tensor_create(&t, DNNB_F32, &(dnnb_shape){{n}, 1}));
    return t;
}

static void test_tensor_dict__names_are_found_in_order_of_insertion(void **state) {
    (void)state;
    enum { N = 5000 };
    dnnb_dict *dict;
    char name[32];
    assert_ok(dnnb_dict_create(&dict));
    assert_null(dnnb_dict_find(dict, ""));
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "layer.%d.weight", i * 7919 % N);
        assert_ok(dnnb_dict_add(dict, name, make_tensor(i % 5)));
    }
    assert_int_equal(dnnb_dict_get_count(dict), N);
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "layer.%d.weight", i * 7919 % N);
        assert_string_equal(dnnb_dict_get_name(dict, (size_t)i), name);
        assert_ptr_equal(dnnb_dict_find(dict, name), dnnb_dict_get_tensor(dict, (size_t)i));
    }
    assert_null(dnnb_dict_find(dict, "layer.5000.weight"));
    dnnb_dict_destroy(dict);
    dnnb_dict_destroy(NULL);
}

static void test_tensor_dict__a_name_is_there_once(void **state) {
    (void)state;
    dnnb_dict *dict;
    dnnb_tensor *t = make_tensor(1);
    assert_ok(dnnb_dict_create(&dict));
    assert_ok(dnnb_dict_add(dict, "a", make_tensor(2)));
    assert_fails(dnnb_dict_add(dict, "a", t), DNNB_ERR_FORMAT, "'a' is there twice");
    assert_ok(dnnb_dict_add(dict, "b", t)); /* it was not taken over */
    assert_fails(dnnb__dict_rename(dict, 1, "a"), DNNB_ERR_FORMAT, "'a' is there twice");
    assert_ok(dnnb__dict_rename(dict, 1, "c"));
    assert_null(dnnb_dict_find(dict, "b"));
    assert_ptr_equal(dnnb_dict_find(dict, "c"), t);
    assert_string_equal(dnnb_dict_get_name(dict, 1), "c");
    dnnb_dict_destroy(dict);
}

static void test_tensor_dict__notes_add_up(void **state) {
    (void)state;
    dnnb_dict *dict;
    assert_ok(dnnb_dict_create(&dict));
    assert_string_equal(dnnb_dict_get_note(dict), "");
    assert_ok(dnnb__dict_add_note(dict, "one"));
    assert_ok(dnnb__dict_add_note(dict, "two"));
    assert_string_equal(dnnb_dict_get_note(dict), "one; two");
    dnnb_dict_destroy(dict);
}

static void test_tensor_dict__out_of_memory_keeps_the_dict(void **state) {
    (void)state;
    dnnb_dict *dict;
    assert_ok(dnnb_dict_create(&dict));
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%d", i);
        dnnb_tensor *t = make_tensor(1);
        dnnb_status status = DNNB_ERR_MEMORY;
        for (uint64_t n = 1; status != DNNB_OK; n++) {
            assert_true(n < 10);
            dnnb__mem_fail_at(n);
            status = dnnb_dict_add(dict, name, t);
            dnnb__mem_fail_at(0);
            assert_true(status == DNNB_OK || status == DNNB_ERR_MEMORY);
            assert_int_equal(dnnb_dict_get_count(dict), status == DNNB_OK ? i + 1 : i);
        }
        assert_ptr_equal(dnnb_dict_find(dict, name), t);
    }
    dnnb_dict_destroy(dict);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensor_dict__names_are_found_in_order_of_insertion),
        cmocka_unit_test(test_tensor_dict__a_name_is_there_once),
        cmocka_unit_test(test_tensor_dict__notes_add_up),
        cmocka_unit_test(test_tensor_dict__out_of_memory_keeps_the_dict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
