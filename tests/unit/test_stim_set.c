/* Sets of stimuli beyond reading: labels, targets, writing, scanning, splitting, file checks. */
#include "unit/folder.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnnbrain/stimulus.h"

#include "core/file.h"
#include "core/mem.h"

/* A GIF of one pixel: names mean nothing. */
static const char picture[] = "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xFF\xFF\xFF,\0\0\0\0\x01\0\x01\0\0"
                              "\x02\x02\x44\x01\0;";
static const char cut_jpeg[] = "\xFF\xD8\xFF\xE0 and so on: a signature and no header";

static void write_file(const char *name, const char *text, size_t n) {
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void make_folder(const char *name) {
    assert_int_equal(mkdir(in_folder(name), 0777), 0);
}

static dnnb_stimulus *load(const char *data_and_rows) {
    char text[2048];
    int n = snprintf(text, sizeof text, "type=image\npath=%s\ntitle=A title\n%s", folder,
                     data_and_rows);
    write_file("train.stim.csv", text, (size_t)n);
    dnnb_stimulus *stim = NULL;
    assert_ok(dnnb_stimulus_load(&stim, in_folder("train.stim.csv")));
    return stim;
}

static void assert_label_refused(const char *label, int64_t n_classes, const char *message) {
    char text[256];
    int64_t labels[3];
    (void)snprintf(text, sizeof text, "data=stimID,label\na.jpg,0\nb.jpg,1\nc.jpg,%s\n", label);
    dnnb_stimulus *stim = load(text);
    assert_fails(dnnb_stimulus_read_labels(stim, labels, n_classes), DNNB_ERR_FORMAT, message);
    assert_ptr_equal(strstr(dnnb_get_error(), folder), dnnb_get_error());
    dnnb_stimulus_destroy(stim);
}

static void test_stim_set__labels(void **state) {
    (void)state;
    int64_t labels[4];
    dnnb_stimulus *stim = load("data=stimID,label\na,0\nb,1.0\nc, 2 \nd,+3e0\n");
    assert_ok(dnnb_stimulus_read_labels(stim, labels, 4));
    for (int64_t i = 0; i < 4; i++) assert_int_equal(labels[i], i);
    assert_fails(dnnb_stimulus_read_labels(stim, labels, 3), DNNB_ERR_FORMAT,
                 "train.stim.csv:8: label: expected an integer from 0 to 2, found +3e0");
    dnnb_stimulus_destroy(stim);
    assert_label_refused("5", 2,
                         "train.stim.csv:7: label: expected an integer from 0 to 1, found 5");
    assert_label_refused("-100", 2, ":7: label: expected an integer from 0 to 1, found -100");
    assert_label_refused("-1", 0, ":7: label: expected an integer from 0 to 1000000, found -1");
    assert_label_refused("1000001", 0, "from 0 to 1000000, found 1000001");
    assert_label_refused("0.5", 2, ":7: label: expected an integer from 0 to 1, found 0.5");
    assert_label_refused("ant", 2, ":7: label: expected an integer from 0 to 1, found ant");
    assert_label_refused("", 2, ":7: label: expected an integer from 0 to 1, found nothing");
    assert_label_refused("nan", 2, "found nan");
    assert_label_refused("inf", 2, "found inf");
    assert_label_refused("0x1", 2, "found 0x1");
    assert_label_refused("99999999999999999999", 0, "found 99999999999999999999");
    stim = load("data=stimID,condition\na,0\n");
    assert_fails(dnnb_stimulus_read_labels(stim, labels, 2), DNNB_ERR_FORMAT,
                 "train.stim.csv: expected a column 'label', found only stimID, condition");
    dnnb_stimulus_destroy(stim);
}

static void test_stim_set__targets(void **state) {
    (void)state;
    float *targets = NULL;
    size_t n;
    dnnb_stimulus *stim = load("data=stimID,RT,x,y\na,0.41,-1,1e-3\nb,.5,2,1e39\n");
    assert_ok(dnnb_stimulus_read_targets(stim, " x , RT", &targets, &n));
    assert_int_equal(n, 2);
    assert_true(targets[0] == -1.0f && targets[1] == 0.41f);
    assert_true(targets[2] == 2.0f && targets[3] == 0.5f);
    dnnb_free(targets);
    assert_fails(dnnb_stimulus_read_targets(stim, "y", &targets, &n), DNNB_ERR_FORMAT,
                 "train.stim.csv:6: y: expected a finite number, found 1e39");
    assert_null(targets);
    assert_fails(dnnb_stimulus_read_targets(stim, "RT,z", &targets, &n), DNNB_ERR_FORMAT,
                 "train.stim.csv: expected a column 'z', found only stimID, RT, x, y");
    assert_fails(dnnb_stimulus_read_targets(stim, "RT,,x", &targets, &n), DNNB_ERR_ARGUMENT,
                 "targets: expected names divided by commas, found 'RT,,x'");
    assert_fails(dnnb_stimulus_read_targets(stim, "", &targets, &n), DNNB_ERR_ARGUMENT,
                 "expected names divided by commas");
    assert_fails(dnnb_stimulus_read_targets(stim, "x,x", &targets, &n), DNNB_ERR_ARGUMENT,
                 "expected each name once");
    dnnb_stimulus_destroy(stim);
    static const char *const bad[] = {"nan", "inf", "-inf", "fast", "0x10", "1,", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "data=stimID,RT\na,1\nb,\"%s\"\n", bad[i]);
        stim = load(text);
        assert_fails(dnnb_stimulus_read_targets(stim, "RT", &targets, &n), DNNB_ERR_FORMAT,
                     "train.stim.csv:6: RT: expected a finite number, found ");
        dnnb_stimulus_destroy(stim);
    }
}

static void assert_same_table(const dnnb_stimulus *a, const dnnb_stimulus *b) {
    assert_int_equal(dnnb_stimulus_get_count(a), dnnb_stimulus_get_count(b));
    assert_int_equal(dnnb_stimulus_get_n_columns(a), dnnb_stimulus_get_n_columns(b));
    for (size_t c = 0; c < dnnb_stimulus_get_n_columns(a); c++) {
        assert_string_equal(dnnb_stimulus_get_column_name(a, c),
                            dnnb_stimulus_get_column_name(b, c));
        for (size_t i = 0; i < dnnb_stimulus_get_count(a); i++)
            assert_string_equal(dnnb_stimulus_get_field(a, i, c), dnnb_stimulus_get_field(b, i, c));
    }
}

static void test_stim_set__saved_files_load_with_the_same_fields(void **state) {
    (void)state;
    dnnb_stimulus *stim = load("data=\"a,b\",stimID,\"q\"\"\"\n"
                               "\" edge \",\"x\"\"y.jpg\",\n"
                               "\"1,2\",\xC3\xA4.jpg,\"\"\"\"\n");
    dnnb_stimulus *again = NULL;
    make_folder("elsewhere");
    assert_ok(dnnb_stimulus_save(stim, in_folder("elsewhere/out.stim.csv")));
    assert_ok(dnnb_stimulus_load(&again, in_folder("elsewhere/out.stim.csv")));
    assert_same_table(stim, again);
    assert_string_equal(dnnb_stimulus_get_header(again, "title"), "A title");
    assert_string_equal(dnnb_stimulus_get_path(again, 1), dnnb_stimulus_get_path(stim, 1));
    dnnb_stimulus_destroy(stim);
    dnnb_stimulus_destroy(again);
}

static void test_stim_set__saved_path_is_absolute(void **state) {
    (void)state;
    char back[4096];
    assert_non_null(getcwd(back, sizeof back));
    make_folder("images ");
    make_folder("elsewhere");
    static const char text[] = "type=image\npath=images /.\ndata=stimID\nx.jpg\n";
    write_file("train.stim.csv", text, sizeof text - 1);
    assert_int_equal(chdir(folder), 0);
    dnnb_stimulus *stim = NULL, *again = NULL, *bare = NULL;
    assert_ok(dnnb_stimulus_load(&stim, "train.stim.csv"));
    assert_ok(dnnb_stimulus_save(stim, "elsewhere/out.stim.csv"));
    const char *paths[] = {"a b.jpg", "/c.jpg"};
    assert_ok(dnnb_stimulus_create(&bare, paths, 2));
    assert_ok(dnnb_stimulus_save(bare, "elsewhere/bare.stim.csv"));
    assert_int_equal(chdir(back), 0);
    assert_ok(dnnb_stimulus_load(&again, in_folder("elsewhere/out.stim.csv")));
    assert_non_null(strstr(dnnb_stimulus_get_path(again, 0), "/images /./x.jpg"));
    assert_int_equal(dnnb_stimulus_get_path(again, 0)[0], '/');
    dnnb_stimulus_destroy(again);
    assert_ok(dnnb_stimulus_load(&again, in_folder("elsewhere/bare.stim.csv")));
    assert_string_equal(dnnb_stimulus_get_path(again, 0), in_folder("a b.jpg"));
    assert_string_equal(dnnb_stimulus_get_path(again, 1), "/c.jpg");
    dnnb_stimulus_destroy(again);
    dnnb_stimulus_destroy(bare);
    dnnb_stimulus_destroy(stim);
}

static void test_stim_set__created_from_paths(void **state) {
    (void)state;
    const char *paths[] = {"a.jpg", "../b.png"};
    dnnb_stimulus *stim;
    assert_ok(dnnb_stimulus_create(&stim, paths, 2));
    assert_int_equal(dnnb_stimulus_get_count(stim), 2);
    assert_string_equal(dnnb_stimulus_get_file(stim), "");
    assert_string_equal(dnnb_stimulus_get_folder(stim), "");
    assert_int_equal(dnnb_stimulus_get_line(stim, 1), 0);
    assert_string_equal(dnnb_stimulus_get_id(stim, 1), "../b.png");
    assert_string_equal(dnnb_stimulus_get_path(stim, 1), "../b.png");
    assert_true(dnnb_stimulus_find_column(stim, "label") == SIZE_MAX);
    int64_t labels[2];
    assert_fails(dnnb_stimulus_read_labels(stim, labels, 2), DNNB_ERR_FORMAT,
                 "expected a column 'label', found only stimID");
    dnnb_stimulus_destroy(stim);
    assert_fails(dnnb_stimulus_create(&stim, paths, 0), DNNB_ERR_ARGUMENT, "found none");
    paths[1] = "";
    assert_fails(dnnb_stimulus_create(&stim, paths, 2), DNNB_ERR_ARGUMENT, "image 1, found \"\"");
    assert_null(stim);
}

static void test_stim_set__refuses_to_write_what_cannot_be_read(void **state) {
    (void)state;
    static const char *const bad[] = {"a\nb.jpg", "a\rb.jpg", "\xE4.jpg"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *paths[] = {"good.jpg", bad[i]};
        dnnb_stimulus *stim;
        assert_ok(dnnb_stimulus_create(&stim, paths, 2));
        assert_fails(dnnb_stimulus_save(stim, in_folder("out.stim.csv")), DNNB_ERR_FORMAT,
                     "out.stim.csv: stimID: expected UTF-8 without line ends, found '");
        assert_false(dnnb__file_exists(in_folder("out.stim.csv")));
        dnnb_stimulus_destroy(stim);
    }
    dnnb_stimulus *stim = load("data=stimID\na.jpg\n");
    assert_fails(dnnb_stimulus_save(stim, in_folder("none/out.stim.csv")), DNNB_ERR_IO,
                 "none/out.stim.csv: cannot create");
    dnnb_stimulus_destroy(stim);
}

static void test_stim_set__scan_sorts_and_judges_by_signature(void **state) {
    (void)state;
    static const char *const folders[] = {"set", "set/bee", "set/ant", "set/.cache",
                                          "set/ant/deeper"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) make_folder(folders[i]);
    write_file("set/readme.txt", "text", 4);
    write_file("set/bee/2.jpg", picture, sizeof picture);
    write_file("set/bee/10.txt", picture,
               sizeof picture); /* the first bytes decide, not the name */
    write_file("set/bee/fake.jpg", "<html>", 6);
    write_file("set/bee/empty.jpg", "", 0);
    write_file("set/bee/.hidden.jpg", picture, sizeof picture);
    write_file("set/ant/Z.jpg", picture, sizeof picture);
    write_file("set/ant/a, \"b\".jpg", picture, sizeof picture);
    write_file("set/ant/line\nend.jpg", picture, sizeof picture);
    write_file("set/ant/latin-\xE4.jpg", picture, sizeof picture);
    assert_int_equal(symlink(in_folder("set/bee/2.jpg"), in_folder("set/ant/link")), 0);
    assert_int_equal(symlink("/none/such", in_folder("set/ant/dangling")), 0);
    assert_int_equal(mkfifo(in_folder("set/ant/pipe"), 0600), 0);
    dnnb_stimulus *stim, *again;
    size_t n_left_out;
    assert_ok(dnnb_stimulus_scan(&stim, in_folder("set/"), &n_left_out));
    static const char *const expected[][3] = {
        {"ant/Z.jpg", "0", "ant"},  {"ant/a, \"b\".jpg", "0", "ant"}, {"ant/link", "0", "ant"},
        {"bee/10.txt", "1", "bee"}, {"bee/2.jpg", "1", "bee"},
    };
    assert_int_equal(dnnb_stimulus_get_count(stim), 5);
    for (size_t i = 0; i < 5; i++)
        for (size_t c = 0; c < 3; c++)
            assert_string_equal(dnnb_stimulus_get_field(stim, i, c), expected[i][c]);
    /* readme.txt, fake.jpg, empty.jpg, line end, Latin-1, dangling, pipe, deeper */
    assert_int_equal(n_left_out, 8);
    assert_ok(dnnb_stimulus_check_files(stim));
    assert_ok(dnnb_stimulus_save(stim, in_folder("all.stim.csv")));
    assert_ok(dnnb_stimulus_load(&again, in_folder("all.stim.csv")));
    assert_same_table(stim, again);
    assert_ok(dnnb_stimulus_check_files(again));
    dnnb_stimulus_destroy(again);
    dnnb_stimulus_destroy(stim);
    assert_ok(dnnb_stimulus_scan(&stim, in_folder("set"), NULL));
    dnnb_stimulus_destroy(stim);
}

/* What a scan or a comparison has told, and when it is to be stopped. */
typedef struct told {
    size_t n, stop_at, done, total;
} told;

static bool on_progress(void *context, size_t done, size_t total) {
    told *t = context;
    assert_int_equal(done, t->done + 1);
    *t = (told){t->n + 1, t->stop_at, done, total};
    return t->n != t->stop_at;
}

static void test_stim_set__scan_tells_how_far_it_is(void **state) {
    (void)state;
    make_folder("set");
    make_folder("set/ant");
    make_folder("set/bee");
    write_file("set/readme.txt", "text", 4);
    write_file("set/ant/1.gif", picture, sizeof picture);
    write_file("set/ant/no.txt", "text", 4);
    write_file("set/bee/2.gif", picture, sizeof picture);
    dnnb_stimulus *stim;
    told t = {0};
    assert_ok(dnnb_stimulus_scan_observed(&stim, in_folder("set"), NULL, NULL, on_progress, &t));
    assert_int_equal(t.n, 3);
    assert_int_equal(t.total, 3);
    dnnb_stimulus_destroy(stim);
    t = (told){.stop_at = 2};
    assert_fails(dnnb_stimulus_scan_observed(&stim, in_folder("set"), NULL, NULL, on_progress, &t),
                 DNNB_ERR_STOPPED, "stopped");
    assert_null(stim);
    assert_int_equal(t.n, 2);
}

static void test_stim_set__scan_passes_over_runs(void **state) {
    (void)state;
    static const char config[] = "{\n  \"versions\": {\n    \"dnnbrain\": \"0.1.0\"";
    static const char group[] =
        "{ \"kind\": \"cross-validation\", \"n_folds\": 2, \"n_repeats\": 1";
    static const struct {
        const char *folder, *file, *text;
    } made[] = {{"set/ant", "set/ant/config.json", "{\"camera\": 3}"}, /* of somebody else's */
                {"set/folds", "set/folds/cv.json", group},
                {"set/rates", "set/rates/lr_find.csv", "step,learning_rate,loss\n"},
                {"set/run", "set/run/config.json", config},
                {"set/seeds", "set/seeds/repeat.json", group}};
    char name[64], *runs;
    make_folder("set");
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        make_folder(made[i].folder);
        write_file(made[i].file, made[i].text, strlen(made[i].text));
        (void)snprintf(name, sizeof name, "%s/a.gif", made[i].folder);
        write_file(name, picture, sizeof picture);
    }
    make_folder("set/bee"); /* nothing that only looks like a file is waited for */
    write_file("set/bee/b.gif", picture, sizeof picture);
    assert_int_equal(mkfifo(in_folder("set/bee/config.json"), 0600), 0);
    make_folder("set/bee/cv.json");
    dnnb_stimulus *stim;
    size_t n_left_out;
    told t = {0};
    assert_ok(
        dnnb_stimulus_scan_observed(&stim, in_folder("set"), &n_left_out, &runs, on_progress, &t));
    assert_string_equal(runs, "folds, rates, run, seeds");
    dnnb_free(runs);
    assert_int_equal(dnnb_stimulus_get_count(stim), 2);
    assert_string_equal(dnnb_stimulus_get_field(stim, 1, 0), "bee/b.gif");
    assert_string_equal(dnnb_stimulus_get_field(stim, 1, 1), "1");
    assert_int_equal(n_left_out, 3); /* the other config.json, the pipe, the folder */
    assert_int_equal(t.n, 5);
    assert_int_equal(t.total, 5);
    dnnb_stimulus_destroy(stim);
    for (char i = 'a'; i < 'e'; i++) { /* of many the first few */
        (void)snprintf(name, sizeof name, "set/%c-run", i);
        make_folder(name);
        (void)snprintf(name, sizeof name, "set/%c-run/config.json", i);
        write_file(name, config, sizeof config - 1);
    }
    assert_ok(dnnb_stimulus_scan_observed(&stim, in_folder("set"), NULL, &runs, NULL, NULL));
    assert_string_equal(runs, "a-run, b-run, c-run, d-run, folds, ...");
    dnnb_free(runs);
    dnnb_stimulus_destroy(stim);
}

static bool count_calls(void *context, size_t done, size_t total) {
    told *t = context;
    assert_true(done <= total);
    return ++t->n != t->stop_at;
}

static void test_stim_set__copies_are_found(void **state) {
    (void)state;
    write_file("a.gif", "one", 3);
    write_file("b.gif", "two", 3);
    write_file("c.gif", "one", 3);
    write_file("d.gif", "alone in its size", 17);
    write_file("empty.gif", "", 0);
    write_file("empty2.gif", "", 0);
    dnnb_stimulus *stim = load("data=stimID\nb.gif\nc.gif\nnone.gif\na.gif\nd.gif\nc.gif\n"
                               "empty.gif\nempty2.gif\nnone.gif\nd.gif\n");
    static const size_t expected[] = {0, 1, 2, 1, 4, 1, 6, 7, 8, 4};
    size_t first[10];
    assert_ok(dnnb_stimulus_find_copies(stim, first, NULL, NULL));
    for (size_t i = 0; i < 10; i++) assert_int_equal(first[i], expected[i]);
    told t = {0};
    assert_ok(dnnb_stimulus_find_copies(stim, first, count_calls, &t));
    assert_int_equal(t.n, 6);
    t = (told){.stop_at = 3};
    assert_fails(dnnb_stimulus_find_copies(stim, first, count_calls, &t), DNNB_ERR_STOPPED,
                 "stopped");
    /* With any allocation failing, it says so. */
    for (uint64_t k = 1;; k++) {
        dnnb__mem_fail_at(k);
        dnnb_status status = dnnb_stimulus_find_copies(stim, first, NULL, NULL);
        dnnb__mem_fail_at(0);
        if (status == DNNB_OK) break;
        assert_int_equal(status, DNNB_ERR_MEMORY);
    }
    dnnb_stimulus_destroy(stim);
}

static void test_stim_set__scan_refuses_sets_without_images(void **state) {
    (void)state;
    dnnb_stimulus *stim;
    size_t n;
    assert_fails(dnnb_stimulus_scan(&stim, in_folder("none"), &n), DNNB_ERR_IO,
                 "none: cannot open the folder: No such file");
    make_folder("set");
    write_file("set/a.jpg", picture, sizeof picture);
    assert_fails(dnnb_stimulus_scan(&stim, in_folder("set"), &n), DNNB_ERR_FORMAT,
                 "set: expected a subfolder of images for each class, found none");
    make_folder("set/ant");
    write_file("set/ant/a.txt", "text", 4);
    assert_fails(dnnb_stimulus_scan(&stim, in_folder("set"), &n), DNNB_ERR_FORMAT,
                 "set/ant: expected an image (JPEG, PNG, WebP, TIFF, GIF or BMP) in each class's "
                 "folder, found none");
    assert_null(stim);
    assert_fails(dnnb_stimulus_scan(&stim, in_folder("set/a.jpg"), &n), DNNB_ERR_IO,
                 "Not a directory");
}

/* A set of n[k] rows of label k, labels mixed over the rows. */
static dnnb_stimulus *make_set(const size_t *n, size_t n_labels) {
    dnnb__buf buf;
    dnnb__buf_init(&buf, 1 << 20);
    dnnb__buf_printf(&buf, "type=image\npath=%s\ntitle=kept\ndata=stimID,label\n", folder);
    for (size_t i = 0, left = 1; left; i++) {
        left = 0;
        for (size_t k = 0; k < n_labels; k++) {
            if (i < n[k]) dnnb__buf_printf(&buf, "%zu/%03zu.jpg,%zu\n", k, i, k);
            left += i + 1 < n[k];
        }
    }
    write_file("set.stim.csv", buf.data, buf.n_bytes);
    dnnb__buf_destroy(&buf);
    dnnb_stimulus *stim = NULL;
    assert_ok(dnnb_stimulus_load(&stim, in_folder("set.stim.csv")));
    return stim;
}

static void count_labels(const dnnb_stimulus *stim, size_t *n) {
    for (size_t i = 0; i < dnnb_stimulus_get_count(stim); i++)
        n[dnnb_stimulus_get_field(stim, i, 1)[0] - '0']++;
}

/* The halves in the order of their lines are the whole again, with nothing lost or changed. */
static void assert_union_is_whole(const dnnb_stimulus *whole, const dnnb_stimulus *a,
                                  const dnnb_stimulus *b) {
    size_t ia = 0, ib = 0, n_a = dnnb_stimulus_get_count(a), n_b = dnnb_stimulus_get_count(b);
    assert_int_equal(n_a + n_b, dnnb_stimulus_get_count(whole));
    for (size_t i = 0; i < n_a + n_b; i++) {
        size_t line = dnnb_stimulus_get_line(whole, i);
        bool from_a = ia < n_a && dnnb_stimulus_get_line(a, ia) == line;
        const dnnb_stimulus *half = from_a ? a : b;
        size_t row = from_a ? ia++ : ib++;
        assert_int_equal(dnnb_stimulus_get_line(half, row), line);
        assert_string_equal(dnnb_stimulus_get_path(half, row), dnnb_stimulus_get_path(whole, i));
        assert_string_equal(dnnb_stimulus_get_field(half, row, 1),
                            dnnb_stimulus_get_field(whole, i, 1));
    }
}

static void test_stim_set__split_keeps_shares_and_rows(void **state) {
    (void)state;
    static const struct {
        size_t n[4];
        double fraction;
        size_t second[4];
    } rows[] = {
        {{50, 30, 20, 0}, 0.2, {10, 6, 4, 0}},
        {{5, 5, 5, 5}, 0.5, {3, 3, 2, 2}}, /* 10 of 20: two of the four halves round up */
        {{2, 2, 100, 3}, 0.1, {1, 1, 10, 1}},
        {{2, 2, 100, 3}, 0.95, {1, 1, 96, 2}}, /* small labels are held back, the large gives */
        {{1, 9, 0, 0}, 0.3, {0, 3, 0, 0}},
        {{1, 1, 1, 0}, 0.01, {1, 0, 0, 0}},
        {{1, 1, 1, 0}, 0.99, {1, 1, 0, 0}},
        {{7, 11, 13, 17}, 0.25, {2, 3, 3, 4}},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        dnnb_stimulus *whole = make_set(rows[r].n, 4), *a, *b;
        assert_ok(dnnb_stimulus_split(whole, rows[r].fraction, r, &a, &b));
        assert_union_is_whole(whole, a, b);
        size_t found[4] = {0};
        count_labels(b, found);
        for (size_t k = 0; k < 4; k++) assert_int_equal(found[k], rows[r].second[k]);
        assert_string_equal(dnnb_stimulus_get_header(b, "title"), "kept");
        assert_string_equal(dnnb_stimulus_get_file(a), dnnb_stimulus_get_file(whole));
        dnnb_stimulus_destroy(a);
        dnnb_stimulus_destroy(b);
        dnnb_stimulus_destroy(whole);
    }
}

static bool same_rows(const dnnb_stimulus *a, const dnnb_stimulus *b) {
    if (dnnb_stimulus_get_count(a) != dnnb_stimulus_get_count(b)) return false;
    for (size_t i = 0; i < dnnb_stimulus_get_count(a); i++)
        if (dnnb_stimulus_get_line(a, i) != dnnb_stimulus_get_line(b, i)) return false;
    return true;
}

static void test_stim_set__split_is_a_function_of_the_seed(void **state) {
    (void)state;
    const size_t n[] = {40, 40};
    dnnb_stimulus *whole = make_set(n, 2), *a[3], *b[3];
    assert_ok(dnnb_stimulus_split(whole, 0.25, 1, &a[0], &b[0]));
    assert_ok(dnnb_stimulus_split(whole, 0.25, 1, &a[1], &b[1]));
    assert_ok(dnnb_stimulus_split(whole, 0.25, 2, &a[2], &b[2]));
    assert_true(same_rows(b[0], b[1]));
    assert_false(same_rows(b[0], b[2]));
    /* The two labels draw apart: the same places in both would be a pattern. */
    size_t n_same = 0;
    for (size_t i = 0; i + 1 < dnnb_stimulus_get_count(b[0]); i++)
        n_same +=
            strcmp(dnnb_stimulus_get_id(b[0], i) + 1, dnnb_stimulus_get_id(b[0], i + 1) + 1) == 0;
    assert_true(n_same < 10);
    for (int i = 0; i < 3; i++) {
        dnnb_stimulus_destroy(a[i]);
        dnnb_stimulus_destroy(b[i]);
    }
    dnnb_stimulus_destroy(whole);
}

static void test_stim_set__split_of_a_regression_set(void **state) {
    (void)state;
    dnnb_stimulus *a, *b;
    dnnb_stimulus *whole = load("data=stimID,label\na,0.5\nb,0.25\nc,1\nd,-3\ne,0\n");
    assert_ok(dnnb_stimulus_split(whole, 0.4, 3, &a, &b));
    assert_int_equal(dnnb_stimulus_get_count(b), 2);
    assert_union_is_whole(whole, a, b);
    dnnb_stimulus_destroy(a);
    dnnb_stimulus_destroy(b);
    static const double bad[] = {0, 1, -0.1, 1.5};
    for (size_t i = 0; i < 4; i++)
        assert_fails(dnnb_stimulus_split(whole, bad[i], 3, &a, &b), DNNB_ERR_ARGUMENT,
                     "split: expected a share between 0 and 1, found ");
    assert_fails(dnnb_stimulus_split(whole, (double)NAN, 3, &a, &b), DNNB_ERR_ARGUMENT,
                 "found nan");
    dnnb_stimulus_destroy(whole);
    const char *one[] = {"a.jpg"};
    assert_ok(dnnb_stimulus_create(&whole, one, 1));
    assert_fails(dnnb_stimulus_split(whole, 0.5, 3, &a, &b), DNNB_ERR_ARGUMENT,
                 "split: expected at least 2 images, found 1");
    dnnb_stimulus_destroy(whole);
}

static void assert_file_refused(const char *id, dnnb_status expected, const char *message) {
    char text[256];
    (void)snprintf(text, sizeof text, "data=stimID\ngood.jpg\n%s\n", id);
    dnnb_stimulus *stim = load(text);
    assert_fails(dnnb_stimulus_check_files(stim), expected, message);
    dnnb_stimulus_destroy(stim);
}

static void test_stim_set__check_names_the_first_bad_file(void **state) {
    (void)state;
    write_file("good.jpg", picture, sizeof picture);
    write_file("empty.jpg", "", 0);
    write_file("page.jpg", "<!DOCTYPE html>", 15);
    write_file("raw.jpg", "\x01\x02\x03", 3);
    write_file("cut.jpg", cut_jpeg, sizeof cut_jpeg);
    make_folder("a folder");
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
#define EXPECTED "expected an image (JPEG, PNG, WebP, TIFF, GIF or BMP), found "
    assert_file_refused("empty.jpg", DNNB_ERR_FORMAT,
                        "train.stim.csv:6: empty.jpg: " EXPECTED
                        "an empty file (1 bad row in all)");
    assert_file_refused("page.jpg", DNNB_ERR_FORMAT,
                        EXPECTED "a file that begins with '<!DOCTYPE ht' (1 bad row in all)");
    assert_file_refused("raw.jpg", DNNB_ERR_FORMAT,
                        EXPECTED "a file that begins with the bytes 01 02 03 (");
    assert_file_refused("cut.jpg", DNNB_ERR_FORMAT, "train.stim.csv:6: cut.jpg: ");
    assert_file_refused("cut.jpg", DNNB_ERR_FORMAT, "truncated JPEG: ");
    assert_file_refused("cut.jpg", DNNB_ERR_FORMAT, " end too early (1 bad row in all)");
    assert_file_refused("none.jpg", DNNB_ERR_IO, EXPECTED "no such file (");
    assert_file_refused("good.jpg/x", DNNB_ERR_IO, EXPECTED "no such file (");
    assert_file_refused("a folder", DNNB_ERR_IO, EXPECTED "a folder (");
    assert_file_refused("pipe", DNNB_ERR_IO, EXPECTED "no regular file (");
    dnnb_stimulus *stim = load("data=label,stimID\n0,good.jpg\n\n0,empty.jpg\n1,good.jpg\n"
                               "1,none.jpg\n1,raw.jpg\n");
    assert_fails(dnnb_stimulus_check_files(stim), DNNB_ERR_FORMAT,
                 "train.stim.csv:7: empty.jpg: " EXPECTED "an empty file (3 bad rows in all)");
    dnnb_stimulus_destroy(stim);
    const char *paths[] = {in_folder("good.jpg"), in_folder("none.jpg")};
    assert_ok(dnnb_stimulus_create(&stim, paths, 2));
    assert_fails(dnnb_stimulus_check_files(stim), DNNB_ERR_IO, "none.jpg: " EXPECTED "no such");
    assert_ptr_equal(strstr(dnnb_get_error(), folder), dnnb_get_error());
    dnnb_stimulus_destroy(stim);
#undef EXPECTED
}

/* Scan, split and save, with each allocation made to fail once. */
static dnnb_status run_all(const char *set, const char *csv) {
    dnnb_stimulus *stim = NULL, *a = NULL, *b = NULL;
    float *targets = NULL;
    size_t n;
    dnnb_status status = dnnb_stimulus_scan(&stim, set, NULL);
    if (status == DNNB_OK) status = dnnb_stimulus_split(stim, 0.5, 1, &a, &b);
    if (status == DNNB_OK) status = dnnb_stimulus_read_targets(b, "label", &targets, &n);
    if (status == DNNB_OK) status = dnnb_stimulus_save(a, csv);
    dnnb_free(targets);
    dnnb_stimulus_destroy(stim);
    dnnb_stimulus_destroy(a);
    dnnb_stimulus_destroy(b);
    return status;
}

static void test_stim_set__every_failed_allocation_is_an_error(void **state) {
    (void)state;
    char set[64], csv[64];
    make_folder("set");
    make_folder("set/ant");
    write_file("set/ant/1.jpg", picture, sizeof picture);
    write_file("set/ant/2.jpg", picture, sizeof picture);
    make_folder("set/run");
    write_file("set/run/lr_find.csv", "step,learning_rate\n", 19);
    (void)snprintf(set, sizeof set, "%s/set", folder);
    (void)snprintf(csv, sizeof csv, "%s/out.stim.csv", folder);
    uint64_t n = 0;
    dnnb_status status;
    do {
        assert_false(dnnb__file_exists(csv));
        dnnb__mem_fail_at(++n);
        status = run_all(set, csv);
        dnnb__mem_fail_at(0);
        if (status != DNNB_OK) assert_int_equal(status, DNNB_ERR_MEMORY);
        /* The last one is of the flush of the folder, when the file is complete. */
        if (status != DNNB_OK && dnnb__file_exists(csv)) unlink(csv);
    } while (status != DNNB_OK);
    assert_true(n > 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stim_set__labels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__targets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__saved_files_load_with_the_same_fields,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__saved_path_is_absolute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__created_from_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__refuses_to_write_what_cannot_be_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__scan_sorts_and_judges_by_signature, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__scan_tells_how_far_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__scan_passes_over_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__copies_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__scan_refuses_sets_without_images, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__split_keeps_shares_and_rows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__split_is_a_function_of_the_seed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__split_of_a_regression_set, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__check_names_the_first_bad_file, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_stim_set__every_failed_allocation_is_an_error, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
