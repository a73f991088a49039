/* Histories: what is written reads back, and what is no train_dict is refused. */
#include "unit/unit.h"

#include <math.h>
#include <unistd.h>

#include "core/file.h"
#include "dnnbrain/history.h"
#include "formats/history.h"

static char folder[] = "/tmp/dnnb-history-XXXXXX";

static const char *path_of(const char *name) {
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const names[] = {"h.pkl", "h.json", "h.csv"};
    for (size_t i = 0; i < 3; i++) (void)unlink(path_of(names[i]));
    return rmdir(folder);
}

/* Equal bits, or both NaN. */
static void assert_number(double a, double b) {
    assert_true(isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof a) == 0);
}

static dnnb_history *make_history(bool has_scores) {
    dnnb_history *h;
    assert_ok(dnnb_history_create(&h));
    for (int i = 0; i < 3; i++) {
        double steps[3] = {1.0 / (3 + i), -0.0, 1e-310};
        dnnb_epoch epoch = {.step_loss = steps,
                            .n_steps = (size_t)i,
                            .epoch_loss = 0.1 * (i + 1),
                            .score_train = has_scores ? 0.5 + i : NAN,
                            .score_validation = has_scores && i == 1 ? 0.25 : NAN,
                            .learning_rate = 1e-3,
                            .seconds = 12.5,
                            .images_per_second = 100,
                            .n_left_out = (size_t)i,
                            .loss_validation = has_scores && i != 1 ? 0.7 : NAN,
                            .gradient_norm = i ? 2.5 : NAN,
                            .n_trained = i ? 34 : 0};
        assert_ok(dnnb_history_add(h, &epoch));
    }
    return h;
}

/* A pickle has DNNBrain's lists, and no validation loss. */
static void assert_same(const dnnb_history *a, const dnnb_history *b, bool is_pickle) {
    assert_int_equal(dnnb_history_get_count(a), dnnb_history_get_count(b));
    for (size_t i = 0; i < dnnb_history_get_count(a); i++) {
        const dnnb_epoch *x = dnnb_history_get_epoch(a, i), *y = dnnb_history_get_epoch(b, i);
        assert_int_equal(x->n_steps, y->n_steps);
        for (size_t k = 0; k < x->n_steps; k++) assert_number(x->step_loss[k], y->step_loss[k]);
        assert_number(x->epoch_loss, y->epoch_loss);
        assert_number(x->score_train, y->score_train);
        assert_number(x->score_validation, y->score_validation);
        assert_number(is_pickle ? NAN : x->loss_validation, y->loss_validation);
    }
}

static void test_formats_history__round_trips(void **state) {
    (void)state;
    for (int has_scores = 0; has_scores < 2; has_scores++) {
        dnnb_history *h = make_history(has_scores), *again;
        assert_ok(dnnb_history_save_pickle(h, path_of("h.pkl")));
        assert_ok(dnnb_history_load(&again, path_of("h.pkl")));
        assert_same(h, again, true);
        assert_true(isnan(dnnb_history_get_epoch(again, 0)->learning_rate));
        dnnb_history_destroy(again);
        assert_ok(dnnb_history_save_json(h, path_of("h.json")));
        assert_ok(dnnb_history_load(&again, path_of("h.json")));
        assert_same(h, again, false);
        dnnb_history_destroy(again);
        dnnb_history_destroy(h);
    }
}

static void assert_file(const char *path, const char *expected) {
    char *text;
    size_t n;
    assert_ok(dnnb__file_read(&text, &n, path, 1 << 20));
    assert_string_equal(text, expected);
    dnnb__free(text);
}

static void test_formats_history__texts(void **state) {
    (void)state;
    dnnb_history *h = make_history(true), *empty;
    assert_ok(dnnb_history_save_json(h, path_of("h.json")));
    assert_file(path_of("h.json"), "{\n"
                                   "  \"step_loss\": [\n"
                                   "    [],\n"
                                   "    [0.25],\n"
                                   "    [0.2, -0.0]],\n"
                                   "  \"epoch_loss\": [0.1, 0.2, 0.30000000000000004],\n"
                                   "  \"score_train\": [0.5, 1.5, 2.5],\n"
                                   "  \"score_validation\": [null, 0.25, null],\n"
                                   "  \"loss_validation\": [0.7, null, 0.7]\n"
                                   "}\n");
    assert_ok(dnnb_history_save_csv(h, path_of("h.csv")));
    assert_file(path_of("h.csv"), "epoch,loss,score_train,score_validation,learning_rate,seconds,"
                                  "images_per_second,images_left_out,loss_validation,gradient_norm,"
                                  "parameters_trained\n"
                                  "1,0.1,0.5,,0.001,12.5,100,0,0.7,,\n"
                                  "2,0.2,1.5,0.25,0.001,12.5,100,1,,2.5,34\n"
                                  "3,0.30000000000000004,2.5,,0.001,12.5,100,2,0.7,2.5,34\n");
    dnnb_history_destroy(h);
    assert_ok(dnnb_history_create(&empty));
    assert_ok(dnnb_history_save_pickle(empty, path_of("h.pkl")));
    assert_ok(dnnb_history_load(&h, path_of("h.pkl")));
    assert_int_equal(dnnb_history_get_count(h), 0);
    dnnb_history_destroy(h);
    dnnb_history_destroy(empty);
    dnnb_history_destroy(NULL);
}

static void test_formats_history__refusals(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        dnnb_status status;
        const char *text;
    } rows[] = {
#define ROW(literal, status, text) {literal, sizeof literal - 1, status, text}
#define FORMAT                     DNNB_ERR_FORMAT
        ROW("", FORMAT, "has no end"),
        ROW("~", DNNB_ERR_UNSUPPORTED, "opcode 0x7e"),
        ROW("cos\nsystem\n.", FORMAT, "global 'os.system' is not allowed"),
        ROW("].", FORMAT, "expected a train_dict, found no 'step_loss'"),
        ROW("}.", FORMAT, "expected a train_dict, found no 'step_loss'"),
        ROW("}U\x09step_loss]s.", FORMAT, "found no 'epoch_loss'"),
        ROW("}U\x09step_lossNs.", FORMAT, "'step_loss': expected a list"),
        ROW("}(U\x09step_loss]NaU\x0a"
            "epoch_loss]K\1au.",
            FORMAT, "'step_loss': item 0: expected a list"),
        ROW("}(U\x09step_loss]](K\1NeaU\x0a"
            "epoch_loss]K\1au.",
            FORMAT, "'step_loss': item 1 is no number"),
        ROW("}(U\x09step_loss]]aU\x0a"
            "epoch_loss]u.",
            FORMAT, "'epoch_loss': expected a number for each of 1 epochs, found 0"),
        ROW("}(U\x09step_loss]]aU\x0a"
            "epoch_loss]NaU\x0bscore_train]u.",
            FORMAT, "'epoch_loss': item 0 is no number"),
        ROW("}(U\x09step_loss]]aU\x0a"
            "epoch_loss]K\1aU\x0bscore_train](K\1K\2eu.",
            FORMAT, "'score_train': expected a number for each of 1 epochs, found 2"),
        ROW("{", FORMAT, "JSON line 1"),
        ROW(" \n{}", FORMAT, "found no 'step_loss'"),
        ROW("{\"step_loss\": 1, \"epoch_loss\": []}", FORMAT, "'step_loss': expected a list"),
        ROW("{\"step_loss\": [[\"a\"]], \"epoch_loss\": [1]}", FORMAT, "item 0 is no number"),
        ROW("{\"step_loss\": [], \"step_loss\": []}", FORMAT, "duplicate"),
#undef ROW
#undef FORMAT
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb_history *h;
        assert_ok(dnnb__file_write(path_of("h.pkl"), rows[i].bytes, rows[i].n));
        assert_fails(dnnb_history_load(&h, path_of("h.pkl")), rows[i].status, rows[i].text);
        assert_null(h);
        assert_ptr_equal(strstr(dnnb_get_error(), path_of("h.pkl")), dnnb_get_error());
    }
    dnnb_history *h;
    assert_fails(dnnb_history_load(&h, path_of("absent.pkl")), DNNB_ERR_IO, "cannot open");
    h = make_history(true);
    assert_fails(dnnb_history_save_json(h, path_of("absent/h.json")), DNNB_ERR_IO, "cannot create");
    dnnb_history_destroy(h);
}

/* A list of a thousand numbers, named as the steps of each of a thousand epochs. */
static void test_formats_history__a_bomb_stops_at_a_limit(void **state) {
    (void)state;
    dnnb__buf out;
    dnnb_history *h;
    dnnb__buf_init(&out, 1 << 20);
    dnnb__buf_printf(&out, "}(U%cstep_loss](](", 9);
    for (int i = 0; i < 1000; i++) dnnb__buf_printf(&out, "K%c", 1);
    dnnb__buf_printf(&out, "eq%c", 1);
    for (int i = 1; i < 1000; i++) dnnb__buf_printf(&out, "h%c", 1);
    dnnb__buf_printf(&out, "eU%cepoch_loss](", 10);
    for (int i = 0; i < 1000; i++) dnnb__buf_printf(&out, "K%c", 1);
    dnnb__buf_printf(&out, "eu.");
    assert_ok(dnnb__buf_get_status(&out));
    assert_fails(dnnb__history_read_pickle(&h, out.data, out.n_bytes, "file"), DNNB_ERR_LIMIT,
                 "file: 'step_loss': more than");
    assert_null(h);
    dnnb__buf_destroy(&out);
}

/* A literal with its NULs. */
#define append(out, literal) dnnb__buf_append(out, literal, sizeof(literal) - 1)

/* Numbers that numpy made, of the types that DNNBrain's scores can have. */
static void test_formats_history__numpy_scalars(void **state) {
    (void)state;
    static const struct {
        const char *type, *bytes;
        size_t n;
        const char *order;
        double expected; /* NaN where it is refused */
    } rows[] = {
        {"f8", "\0\0\0\0\0\0\xf8\x3f", 8, "<", 1.5}, {"f4", "\0\0\xc0\x3f", 4, "<", 1.5},
        {"i8", "\7\0\0\0\0\0\0\0", 8, "<", 7},       {"i4", "\xff\xff\xff\xff", 4, "<", -1},
        {"f8", "\0\0\0\0\0\0\xf8\x3f", 8, ">", NAN}, {"f8", "\0\0\xc0\x3f", 4, "<", NAN},
        {"c8", "\0\0\0\0\0\0\xf8\x3f", 8, "<", NAN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb__buf out;
        dnnb__buf_init(&out, 4096);
        append(&out, "}(U\x09step_loss]]aU\x0a"
                     "epoch_loss]");
        dnnb__buf_printf(&out, "cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU%c%sI0\nI1\n\x87R",
                         2, rows[i].type);
        dnnb__buf_printf(&out, "(I3\nU%c%sNNNJ", 1, rows[i].order);
        append(&out, "\xff\xff\xff\xffJ\xff\xff\xff\xffI0\ntbC");
        dnnb__buf_append(&out, (const char[]){(char)rows[i].n}, 1);
        dnnb__buf_append(&out, rows[i].bytes, rows[i].n);
        append(&out, "\x86Rau.");
        assert_ok(dnnb__buf_get_status(&out));
        dnnb_history *h;
        dnnb_status status = dnnb__history_read_pickle(&h, out.data, out.n_bytes, "file");
        if (isnan(rows[i].expected)) {
            assert_int_equal(status, DNNB_ERR_FORMAT);
            assert_string_equal(dnnb_get_error(), "file: 'epoch_loss': item 0 is no number");
        } else {
            assert_int_equal(status, DNNB_OK);
            assert_true(dnnb_history_get_epoch(h, 0)->epoch_loss == rows[i].expected);
        }
        dnnb_history_destroy(h);
        dnnb__buf_destroy(&out);
    }
}

/* Cut at every length and changed at every byte: an error or a history, and no harm. */
static void test_formats_history__cut_and_changed_files(void **state) {
    (void)state;
    dnnb_history *h = make_history(true), *again;
    assert_ok(dnnb_history_save_pickle(h, path_of("h.pkl")));
    assert_ok(dnnb_history_save_json(h, path_of("h.json")));
    dnnb_history_destroy(h);
    for (int is_json = 0; is_json < 2; is_json++) {
        char *file;
        size_t n;
        assert_ok(dnnb__file_read(&file, &n, path_of(is_json ? "h.json" : "h.pkl"), 1 << 20));
        for (size_t i = 0; i < 2 * n; i++) {
            size_t length = i < n ? i : n;
            char *bytes = dnnb__alloc(length, 1);
            assert_non_null(bytes);
            memcpy(bytes, file, length);
            if (i >= n) bytes[i - n] ^= 0x15;
            dnnb_status status = is_json ? dnnb__history_read_json(&again, bytes, length, "file")
                                         : dnnb__history_read_pickle(&again, bytes, length, "file");
            assert_true(i + 2 >= n || status != DNNB_OK); /* JSON's newline may go */
            dnnb_history_destroy(again);
            dnnb__free(bytes);
        }
        dnnb__free(file);
    }
}

static void test_formats_history__out_of_memory_anywhere(void **state) {
    (void)state;
    dnnb_history *h = make_history(true), *again;
    static const char *const names[] = {"h.pkl", "h.json", "h.csv"};
    for (size_t i = 0; i < 3; i++) {
        dnnb_status (*save)(const dnnb_history *, const char *) = i == 0 ? dnnb_history_save_pickle
                                                                  : i == 1 ? dnnb_history_save_json
                                                                           : dnnb_history_save_csv;
        dnnb_status status = DNNB_ERR_MEMORY;
        for (uint64_t n = 1; status != DNNB_OK; n++) {
            dnnb__mem_fail_at(n);
            status = save(h, path_of(names[i]));
            dnnb__mem_fail_at(0);
            assert_true(n < 1000 && (status == DNNB_OK || status == DNNB_ERR_MEMORY));
        }
        status = i == 2 ? DNNB_OK : DNNB_ERR_MEMORY;
        for (uint64_t n = 1; status != DNNB_OK; n++) {
            dnnb__mem_fail_at(n);
            status = dnnb_history_load(&again, path_of(names[i]));
            dnnb__mem_fail_at(0);
            assert_true(n < 1000 && (status == DNNB_OK || status == DNNB_ERR_MEMORY));
            dnnb_history_destroy(again);
        }
    }
    dnnb_history_destroy(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_history__round_trips),
        cmocka_unit_test(test_formats_history__texts),
        cmocka_unit_test(test_formats_history__refusals),
        cmocka_unit_test(test_formats_history__a_bomb_stops_at_a_limit),
        cmocka_unit_test(test_formats_history__numpy_scalars),
        cmocka_unit_test(test_formats_history__cut_and_changed_files),
        cmocka_unit_test(test_formats_history__out_of_memory_anywhere),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
