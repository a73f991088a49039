/* Reading .stim.csv files: what is taken, and the message of everything that is not. */
#include "unit/unit.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dnnbrain/stimulus.h"

#include "core/random.h"
#include "stim/table.h"

static char folder[] = "/tmp/dnnb-stim-XXXXXX";
static char csv_path[64], images_path[64];

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    (void)snprintf(csv_path, sizeof csv_path, "%s/train.stim.csv", folder);
    (void)snprintf(images_path, sizeof images_path, "%s/images", folder);
    return mkdir(images_path, 0777);
}

static int tear_down(void **state) {
    (void)state;
    unlink(csv_path);
    rmdir(images_path);
    return rmdir(folder);
}

static void write_csv(const char *text, size_t n) {
    FILE *file = fopen(csv_path, "wb"); /* not flushed to the disk: there are thousands */
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static dnnb_stimulus *load(const char *text) {
    dnnb_stimulus *stim = NULL;
    write_csv(text, strlen(text));
    assert_ok(dnnb_stimulus_load(&stim, csv_path));
    return stim;
}

static void assert_refused_bytes(const char *text, size_t n, dnnb_status expected,
                                 const char *message) {
    dnnb_stimulus *stim = (dnnb_stimulus *)csv_path; /* must become NULL */
    write_csv(text, n);
    assert_fails(dnnb_stimulus_load(&stim, csv_path), expected, message);
    assert_null(stim);
    assert_ptr_equal(strstr(dnnb_get_error(), csv_path), dnnb_get_error());
}

static void assert_refused(const char *text, dnnb_status expected, const char *message) {
    assert_refused_bytes(text, strlen(text), expected, message);
}

#define HEAD "type=image\npath=images\n"

static void test_stim_reader__keeps_headers_columns_rows_and_lines(void **state) {
    (void)state;
    dnnb_stimulus *stim = load("type=image\n"
                               "\n"
                               "path=images\n"
                               "title=a=b, with = signs\n"
                               "data=stimID,label,condition,RT\n"
                               "ant/0013035.jpg,0,ant,0.41\n"
                               "   \n"
                               "bee/1.jpg,1,bee,0.37");
    assert_int_equal(dnnb_stimulus_get_count(stim), 2);
    assert_int_equal(dnnb_stimulus_get_n_columns(stim), 4);
    assert_string_equal(dnnb_stimulus_get_file(stim), csv_path);
    assert_string_equal(dnnb_stimulus_get_folder(stim), images_path);
    assert_string_equal(dnnb_stimulus_get_header(stim, "title"), "a=b, with = signs");
    assert_string_equal(dnnb_stimulus_get_header(stim, "path"), "images");
    assert_null(dnnb_stimulus_get_header(stim, "author"));
    assert_string_equal(dnnb_stimulus_get_id(stim, 0), "ant/0013035.jpg");
    assert_string_equal(dnnb_stimulus_get_field(stim, 1, 3), "0.37");
    assert_string_equal(dnnb_stimulus_get_column_name(stim, 3), "RT");
    assert_int_equal(dnnb_stimulus_find_column(stim, "condition"), 2);
    assert_true(dnnb_stimulus_find_column(stim, "Condition") == SIZE_MAX);
    assert_int_equal(dnnb_stimulus_get_line(stim, 0), 6);
    assert_int_equal(dnnb_stimulus_get_line(stim, 1), 8);
    char expected[128];
    (void)snprintf(expected, sizeof expected, "%s/bee/1.jpg", images_path);
    assert_string_equal(dnnb_stimulus_get_path(stim, 1), expected);
    dnnb_stimulus_destroy(stim);
}

static void test_stim_reader__byte_order_mark_and_line_ends(void **state) {
    (void)state;
    const char *const texts[] = {
        "\xEF\xBB\xBFtype=image\r\npath=images\r\ndata=stimID,label\r\na.jpg,0\r\n\r\nb.jpg,1\r\n",
        "type=image\rpath=images\rdata=stimID,label\ra.jpg,0\r\rb.jpg,1",
        " type = image \n path = images\t\ndata = stimID , label\na.jpg , 0\n\n b.jpg, 1 \n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        dnnb_stimulus *stim = load(texts[i]);
        assert_int_equal(dnnb_stimulus_get_count(stim), 2);
        assert_string_equal(dnnb_stimulus_get_header(stim, "type"), "image");
        assert_string_equal(dnnb_stimulus_get_id(stim, 1), "b.jpg");
        assert_string_equal(dnnb_stimulus_get_field(stim, 1, 1), "1");
        assert_int_equal(dnnb_stimulus_get_line(stim, 1), 6);
        dnnb_stimulus_destroy(stim);
    }
}

static void test_stim_reader__quoted_fields(void **state) {
    (void)state;
    dnnb_stimulus *stim = load(HEAD "data=\"condition\",stimID,\"a, b\"\n"
                                    "\"say \"\"ant\"\"\",\" a,1.jpg \",\"\"\n"
                                    "\xC3\xA4mse,\xE8\x9A\x81/\xF0\x9F\x90\x9C.jpg,x\n");
    assert_string_equal(dnnb_stimulus_get_column_name(stim, 2), "a, b");
    assert_string_equal(dnnb_stimulus_get_field(stim, 0, 0), "say \"ant\"");
    assert_string_equal(dnnb_stimulus_get_id(stim, 0), " a,1.jpg ");
    assert_string_equal(dnnb_stimulus_get_field(stim, 0, 2), "");
    assert_string_equal(dnnb_stimulus_get_id(stim, 1), "\xE8\x9A\x81/\xF0\x9F\x90\x9C.jpg");
    dnnb_stimulus_destroy(stim);
}

static void test_stim_reader__absolute_and_parent_ids(void **state) {
    (void)state;
    char expected[128];
    dnnb_stimulus *stim = load("type=image\npath=images/\ndata=stimID\n/data/a.jpg\n../b.jpg\n");
    assert_string_equal(dnnb_stimulus_get_path(stim, 0), "/data/a.jpg");
    (void)snprintf(expected, sizeof expected, "%s/../b.jpg", images_path);
    assert_string_equal(dnnb_stimulus_get_path(stim, 1), expected);
    dnnb_stimulus_destroy(stim);
}

static void test_stim_reader__path_from_the_current_folder_first(void **state) {
    (void)state;
    char back[4096], nested[128], text[256];
    assert_non_null(getcwd(back, sizeof back));
    (void)snprintf(nested, sizeof nested, "%s/images/images", folder);
    assert_int_equal(mkdir(nested, 0777), 0);
    (void)snprintf(text, sizeof text, "%sdata=stimID\na.jpg\n", HEAD);
    assert_int_equal(chdir(images_path), 0);
    dnnb_stimulus *stim = load(text);
    assert_string_equal(dnnb_stimulus_get_folder(stim), "images");
    dnnb_stimulus_destroy(stim);
    (void)snprintf(text, sizeof text, "type=image\npath=%s\ndata=stimID\na.jpg\n", nested);
    stim = load(text);
    assert_string_equal(dnnb_stimulus_get_folder(stim), nested);
    dnnb_stimulus_destroy(stim);
    assert_int_equal(chdir(back), 0);
    assert_int_equal(rmdir(nested), 0);
}

static void test_stim_reader__refuses_bad_headers(void **state) {
    (void)state;
    assert_refused("", DNNB_ERR_FORMAT, "found an empty file");
    assert_refused("path=images\ndata=stimID\na.jpg\n", DNNB_ERR_FORMAT,
                   ":2: expected a line 'type=image' before 'data=', found none");
    assert_refused("type=image\ndata=stimID\na.jpg\n", DNNB_ERR_FORMAT,
                   ":2: expected a line 'path=FOLDER' before 'data=', found none");
    assert_refused("type=image\npath=\ndata=stimID\na.jpg\n", DNNB_ERR_FORMAT,
                   ":2: expected a line 'path=FOLDER' before 'data=', found one without a folder");
    assert_refused(HEAD, DNNB_ERR_FORMAT, "expected a line 'data=' with the names of the columns");
    assert_refused(HEAD "a.jpg,0\n", DNNB_ERR_FORMAT,
                   ":3: expected 'key=value', or 'data=' and the names of the columns before the "
                   "first row, found 'a.jpg,0'");
    assert_refused(HEAD "=x\n", DNNB_ERR_FORMAT, ":3: expected 'key=value'");
    assert_refused("type=image\ntitle=a\n\ntitle=b\n", DNNB_ERR_FORMAT,
                   ":4: expected each header once, found 'title=' a second time");
    assert_refused("type=audio\npath=images\ndata=stimID\na\n", DNNB_ERR_FORMAT,
                   ":1: type: expected image, found 'audio'");
    assert_refused("path=images\ntype=video\ndata=stimID\n1\n", DNNB_ERR_UNSUPPORTED,
                   ":2: type: expected image, found 'video', which is not supported");
    assert_refused("type=video_clip\npath=images\ndata=stimID\n1\n", DNNB_ERR_UNSUPPORTED,
                   ":1: type: expected image, found 'video_clip', which is not supported");
}

static void test_stim_reader__refuses_a_missing_folder(void **state) {
    (void)state;
    char both[128];
    (void)snprintf(both, sizeof both,
                   ":2: path: expected a folder, found none at 'pictures' (from the current "
                   "folder) nor at '%s/pictures'",
                   folder);
    assert_refused("type=image\npath=pictures\ndata=stimID\na\n", DNNB_ERR_IO, both);
    assert_refused("type=image\npath=/none/such\ndata=stimID\na\n", DNNB_ERR_IO,
                   ":2: path: expected a folder, found none at '/none/such'");
}

static void test_stim_reader__refuses_bad_columns(void **state) {
    (void)state;
    assert_refused(HEAD "data=\na.jpg\n", DNNB_ERR_FORMAT,
                   ":3: data: expected names of columns, found none");
    assert_refused(HEAD "data=stimID,label,\na.jpg\n", DNNB_ERR_FORMAT,
                   ":3: data: expected names of columns, found a column without a name");
    assert_refused(HEAD "data=stimId,label\na.jpg,0\n", DNNB_ERR_FORMAT,
                   ":3: data: expected a column 'stimID', found none");
    assert_refused(HEAD "data=stimID,label,label\na.jpg,0,0\n", DNNB_ERR_FORMAT,
                   ":3: data: expected each column once, found 'label' twice");
    assert_refused(HEAD "data=stimID,stimID\na.jpg,0\n", DNNB_ERR_FORMAT, "found 'stimID' twice");
}

static void test_stim_reader__refuses_bad_rows(void **state) {
    (void)state;
    assert_refused(HEAD "data=stimID,label\n\n \n", DNNB_ERR_FORMAT,
                   "expected at least one row after the line 'data=', found none");
    assert_refused(HEAD "data=stimID,label,condition,RT\na.jpg,0,ant,1\n\nb.jpg,0,ant\n",
                   DNNB_ERR_FORMAT, "train.stim.csv:6: expected 4 fields, found 3");
    assert_refused(HEAD "data=stimID\na.jpg,0,ant\n", DNNB_ERR_FORMAT,
                   ":4: expected 1 field, found 3");
    assert_refused(HEAD "data=label,stimID\n0,\n", DNNB_ERR_FORMAT,
                   ":4: stimID: expected an image's path, found none");
    assert_refused(HEAD "data=stimID,label\na 5\" disc.jpg,0\n", DNNB_ERR_FORMAT,
                   ":4: expected '\"' around a whole field and doubled inside it, found 'a 5\" "
                   "disc.jpg,0'");
    assert_refused(HEAD "data=stimID,label\n\"a\nb.jpg\",0\n", DNNB_ERR_FORMAT,
                   ":4: expected a closing '\"' on the same line, found none");
}

static void test_stim_reader__refuses_what_is_not_text(void **state) {
    (void)state;
    assert_refused(HEAD "data=stimID\na.jpg\nb\xE4.jpg\n", DNNB_ERR_FORMAT,
                   ":5: expected UTF-8, found bytes of another encoding");
    static const char nul[] = HEAD "data=stimID\na\0b.jpg\n";
    assert_refused_bytes(nul, sizeof nul - 1, DNNB_ERR_FORMAT, ":4: expected text, found a NUL");
    assert_refused_bytes("\xFF\xFEt\0y\0", 6, DNNB_ERR_FORMAT, "expected UTF-8, found UTF-16");
    size_t n = 100000;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text, "type=image\n", 11);
    assert_refused_bytes(text, n, DNNB_ERR_LIMIT,
                         ":2: expected a line of at most 65536 bytes, found 99989");
    free(text);
    dnnb_stimulus *stim;
    assert_fails(dnnb_stimulus_load(&stim, images_path), DNNB_ERR_IO, "found a folder");
    assert_fails(dnnb_stimulus_load(&stim, "/none/such.stim.csv"), DNNB_ERR_IO,
                 "/none/such.stim.csv: cannot open");
}

static void test_stim_reader__refuses_too_many_headers_and_columns(void **state) {
    (void)state;
    dnnb__buf buf;
    dnnb__buf_init(&buf, 1 << 20);
    for (int i = 0; i < 1001; i++) dnnb__buf_printf(&buf, "k%d=v\n", i);
    assert_refused(buf.data, DNNB_ERR_LIMIT, ":1001: expected at most 1000 header lines");
    buf.n_bytes = 0;
    dnnb__buf_printf(&buf, HEAD "data=stimID");
    for (int i = 0; i < 4096; i++) dnnb__buf_printf(&buf, ",c%d", i);
    assert_refused(buf.data, DNNB_ERR_LIMIT, ":3: expected at most 4096 columns");
    dnnb__buf_destroy(&buf);
}

static void test_stim_reader__utf8(void **state) {
    (void)state;
    static const char *const good[] = {"", "a", "\xC2\x80", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xC0\xAF",
                                      "\xE0\x80\xAF",
                                      "\xED\xA0\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF8\x88\x80\x80\x80",
                                      "\xE2\x82",
                                      "a\xFF",
                                      "\xF0\x9F\x90"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(dnnb__utf8_is_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(dnnb__utf8_is_valid(bad[i], strlen(bad[i])));
}

static void test_stim_reader__clips_between_characters(void **state) {
    (void)state;
    char text[101];
    for (size_t i = 0; i < 100; i += 2) memcpy(text + i, "\xC3\xA4", 3);
    text[0] = 'x'; /* and one that shifts the characters by a byte */
    memmove(text + 1, text + 2, 99);
    for (size_t shift = 0; shift < 2; shift++) {
        dnnb__clip clip = dnnb__clip_create(text + shift, 98 - shift);
        assert_true(strlen(clip.text) < sizeof clip.text);
        assert_true(dnnb__utf8_is_valid(clip.text, strlen(clip.text)));
        assert_non_null(strstr(clip.text, "..."));
    }
    assert_string_equal(dnnb__clip_create("ant", 3).text, "ant");
}

static const char sample[] = "\xEF\xBB\xBFtype=image\r\npath=images\r\ntitle=a=b\r\n"
                             "data=stimID,label,\"con,dition\",RT\r\n"
                             "ant/1.jpg,0,\"an \"\"ant\"\"\",0.41\r\n\r\n"
                             "bee/2.jpg,1,b\xC3\xA9\x65,1e-3\r\nbee/3.jpg,1,\"\",-2\r\n";

/* Whatever the bytes, loading ends with a set that can be read in whole, or with a message. */
static void try_bytes(const char *text, size_t n) {
    dnnb_stimulus *stim;
    write_csv(text, n);
    dnnb_status status = dnnb_stimulus_load(&stim, csv_path);
    if (status != DNNB_OK) {
        assert_null(stim);
        assert_true(dnnb_get_error()[0] != '\0');
        return;
    }
    size_t n_rows = dnnb_stimulus_get_count(stim), sum = 0;
    assert_true(n_rows > 0);
    for (size_t i = 0; i < n_rows; i++) {
        sum += strlen(dnnb_stimulus_get_path(stim, i)) + dnnb_stimulus_get_line(stim, i);
        for (size_t c = 0; c < dnnb_stimulus_get_n_columns(stim); c++)
            sum += strlen(dnnb_stimulus_get_field(stim, i, c));
    }
    assert_true(sum > 0);
    dnnb_stimulus_destroy(stim);
}

static void test_stim_reader__survives_truncation_and_flips(void **state) {
    (void)state;
    char bytes[sizeof sample];
    for (size_t n = 0; n < sizeof sample - 1; n++) try_bytes(sample, n);
    dnnb__random_key key = dnnb__random_key_create(7, DNNB__PURPOSE_TEST);
    dnnb__random_draws draws = dnnb__random_draws_create(key, 0, 0);
    for (int i = 0; i < 1500; i++) {
        memcpy(bytes, sample, sizeof bytes);
        for (uint64_t k = 1 + dnnb__random_below(&draws, 4); k > 0; k--)
            bytes[dnnb__random_below(&draws, sizeof sample - 1)] ^=
                (char)(1u << dnnb__random_below(&draws, 8));
        try_bytes(bytes, sizeof sample - 1);
    }
}

static void test_stim_reader__every_failed_allocation_is_an_error(void **state) {
    (void)state;
    write_csv(sample, sizeof sample - 1);
    int n_failed = 0;
    for (uint64_t n = 1;; n++) {
        dnnb_stimulus *stim;
        dnnb__mem_fail_at(n);
        dnnb_status status = dnnb_stimulus_load(&stim, csv_path);
        dnnb__mem_fail_at(0);
        if (status == DNNB_OK) {
            dnnb_stimulus_destroy(stim);
            break;
        }
        assert_int_equal(status, DNNB_ERR_MEMORY);
        assert_null(stim);
        n_failed++;
    }
    assert_true(n_failed >= 8);
}

static void test_stim_reader__many_rows_are_quick_and_compact(void **state) {
    (void)state;
    enum { N = 200000 };
    FILE *file = fopen(csv_path, "wb");
    assert_non_null(file);
    fputs(HEAD "data=stimID,label,condition,RT\n", file);
    for (int i = 0; i < N; i++)
        fprintf(file, "class%03d/image_%06d.jpg,%d,class%03d,0.%06d\n", i % 100, i, i % 100,
                i % 100, i);
    assert_int_equal(fclose(file), 0);
    struct timespec before, after;
    uint64_t n_before = dnnb__mem_get_count();
    dnnb_stimulus *stim;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    assert_ok(dnnb_stimulus_load(&stim, csv_path));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    uint64_t n_allocations = dnnb__mem_get_count() - n_before;
    assert_int_equal(dnnb_stimulus_get_count(stim), N);
    assert_string_equal(dnnb_stimulus_get_id(stim, 199999), "class099/image_199999.jpg");
    assert_int_equal(dnnb_stimulus_get_line(stim, 199999), 200003);
    /* Each field costs its text and 4 bytes, each row its folder and 8; doubling gives a factor. */
    size_t held = stim->text.capacity_bytes + stim->fields.capacity_bytes +
                  stim->rows.capacity_bytes + stim->columns.capacity_bytes;
    size_t text = (strlen(images_path) + 60) * (size_t)N;
    assert_true(held < 2 * (text + (4 * 4 + 8) * (size_t)N));
    assert_true(n_allocations < 100); /* a growing block doubles: never one a row */
    /* About 0.3 s plain; the bound leaves room for sanitizers and a busy machine. */
    double seconds =
        (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
    assert_true(seconds < 5);
    dnnb_stimulus_destroy(stim);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stim_reader__keeps_headers_columns_rows_and_lines),
        cmocka_unit_test(test_stim_reader__byte_order_mark_and_line_ends),
        cmocka_unit_test(test_stim_reader__quoted_fields),
        cmocka_unit_test(test_stim_reader__absolute_and_parent_ids),
        cmocka_unit_test(test_stim_reader__path_from_the_current_folder_first),
        cmocka_unit_test(test_stim_reader__refuses_bad_headers),
        cmocka_unit_test(test_stim_reader__refuses_a_missing_folder),
        cmocka_unit_test(test_stim_reader__refuses_bad_columns),
        cmocka_unit_test(test_stim_reader__refuses_bad_rows),
        cmocka_unit_test(test_stim_reader__refuses_what_is_not_text),
        cmocka_unit_test(test_stim_reader__refuses_too_many_headers_and_columns),
        cmocka_unit_test(test_stim_reader__utf8),
        cmocka_unit_test(test_stim_reader__clips_between_characters),
        cmocka_unit_test(test_stim_reader__survives_truncation_and_flips),
        cmocka_unit_test(test_stim_reader__every_failed_allocation_is_an_error),
        cmocka_unit_test(test_stim_reader__many_rows_are_quick_and_compact),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
