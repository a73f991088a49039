/* Where pretrained parameters are looked for, in which order, and how a wrong file is told. The
 * downloads are in tests/golden/fetch.py. */
#include "unit/folder.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/mem.h"
#include "dnnbrain/fetch.h"
#include "fetch/places.h"

static const char *const variables[] = {"DNNBRAIN_DATA", "XDG_DATA_HOME", "XDG_CACHE_HOME",
                                        "TORCH_HOME", "HOME"};

static int set_up_home(void **state) {
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) unsetenv(variables[i]);
    return set_up(state) == 0 && setenv("HOME", folder, 1) == 0 ? 0 : -1;
}

/* A file in folders below the temporary one, which are made. */
static const char *make_file(const char *name) {
    const char *path = in_folder(name);
    char above[512];
    for (size_t i = strlen(folder) + 1; path[i]; i++) {
        if (path[i] != '/') continue;
        (void)snprintf(above, sizeof above, "%.*s", (int)i, path);
        assert_ok(dnnb__folder_create(above));
    }
    assert_ok(dnnb__file_write(path, "abc", 3));
    return path;
}

static void assert_found(const char *expected, const char *place) {
    char *path;
    const char *found_place;
    assert_ok(dnnb_pretrained_find(&path, &found_place, "alexnet"));
    assert_string_equal(path, expected);
    assert_string_equal(found_place, place);
    dnnb__free(path);
}

/* Each file is made where it is found before the ones made so far. */
static void test_fetch_pretrained__is_found_in_order(void **state) {
    (void)state;
    char *path;
    assert_fails(dnnb_pretrained_find(&path, NULL, "AlexNet"), DNNB_ERR_IO,
                 "'dnnbrain fetch AlexNet' gets them");
    assert_null(path);
    assert_found(make_file(".cache/torch/hub/checkpoints/alexnet-owt-7be5be79.pth"),
                 "PyTorch's cache");
    assert_int_equal(setenv("XDG_CACHE_HOME", in_folder("cache"), 1), 0);
    assert_found(make_file("cache/torch/hub/checkpoints/alexnet-owt-7be5be79.pth"),
                 "PyTorch's cache");
    assert_int_equal(setenv("TORCH_HOME", in_folder("torch"), 1), 0);
    assert_found(make_file("torch/hub/checkpoints/alexnet.pth"), "PyTorch's cache");
    assert_found(make_file("torch/hub/checkpoints/alexnet-owt-7be5be79.pth"), "PyTorch's cache");
    const char *home = make_file(".local/share/dnnbrain/weights/alexnet.pth");
    assert_found(home, "your fetched weights");
    assert_int_equal(setenv("XDG_DATA_HOME", "relative/is/ignored", 1), 0);
    assert_found(home, "your fetched weights");
    assert_int_equal(setenv("XDG_DATA_HOME", in_folder("data"), 1), 0);
    assert_found(make_file("data/dnnbrain/weights/alexnet.pth"), "your fetched weights");
    assert_int_equal(setenv("DNNBRAIN_DATA", in_folder("dnnbrain"), 1), 0);
    assert_found(make_file("dnnbrain/models/alexnet.pth"), "DNNBRAIN_DATA");
}

static void test_fetch_pretrained__networks_without_any(void **state) {
    (void)state;
    char *path;
    const dnnb_pretrained *p;
    size_t n;
    assert_true(dnnb_pretrained_get_all(&n) && n > 0);
    assert_ok(dnnb_pretrained_get(&p, "ALEXNET"));
    assert_string_equal(p->file, "alexnet-owt-7be5be79.pth");
    assert_fails(dnnb_pretrained_get(&p, "alexnt"), DNNB_ERR_ARGUMENT, "did you mean AlexNet?");
    assert_null(p);
    assert_fails(dnnb_pretrained_find(&path, NULL, "nothing"), DNNB_ERR_ARGUMENT, "expected one");
}

static void test_fetch_pretrained__where_it_is_stored(void **state) {
    (void)state;
    char *store;
    assert_ok(dnnb__place_get_store(&store));
    assert_string_equal(store, in_folder(".local/share/dnnbrain/weights"));
    dnnb__free(store);
    unsetenv("HOME");
    assert_fails(dnnb__place_get_store(&store), DNNB_ERR_ARGUMENT, "HOME");
    assert_int_equal(setenv("DNNBRAIN_DATA", "/somewhere", 1), 0);
    assert_ok(dnnb__place_get_store(&store));
    assert_string_equal(store, "/somewhere/models");
    dnnb__free(store);
}

static void test_fetch_pretrained__digits_of_the_name(void **state) {
    (void)state;
    const char *path = make_file("abc");
    /* SHA-256 of "abc", FIPS 180-2: ba7816bf 8f01cfea ... */
    assert_ok(dnnb_pretrained_verify(path, "net-ba7816bf.pth"));
    assert_ok(dnnb_pretrained_verify(path, "net-v2-ba7816bf8f01cfea.safetensors"));
    assert_fails(dnnb_pretrained_verify(path, "net-ba7816be.pth"), DNNB_ERR_FORMAT,
                 "expected a SHA-256 of ba7816be..., found ba7816bf8f01cfea...");
    static const char *const without[] = {"net.pth", "net-ba7816b.pth", "net-ba7816bx.pth",
                                          "net-ba7816bf", ""};
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
        assert_fails(dnnb_pretrained_verify(path, without[i]), DNNB_ERR_ARGUMENT, "SHA-256");
    assert_fails(dnnb_pretrained_verify(in_folder("none"), "net-ba7816bf.pth"), DNNB_ERR_IO,
                 "none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fetch_pretrained__is_found_in_order, set_up_home,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_fetch_pretrained__networks_without_any, set_up_home,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_fetch_pretrained__where_it_is_stored, set_up_home,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_fetch_pretrained__digits_of_the_name, set_up_home,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
