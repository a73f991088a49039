/* The report's parts that other tests do not see: every call failing once, folders with little. */
#include "unit/faults.h"

#include "core/base64.h"
#include "dnnbrain/report.h"
#include "image/encode.h"
#include "unit/tiny.h"

typedef struct job {
    tiny_folder folder;
    tiny_path page;
    char *text, *whole;
} job;

static void write_file(const job *j, const char *name, const char *text) {
    assert_ok(dnnb__file_write(tiny_join(&j->folder, name).text, text, strlen(text)));
}

static char *read_text(const char *path) {
    char *bytes;
    size_t n;
    assert_ok(dnnb__file_read(&bytes, &n, path, 1 << 24));
    char *text = strdup(bytes);
    dnnb__free(bytes);
    return text;
}

static void begin(void *context) {
    job *j = context;
    free(j->text);
    j->text = NULL;
    (void)remove(j->page.text);
}

static dnnb_status act(void *context) {
    job *j = context;
    dnnb_record *record;
    dnnb_status status = dnnb_record_load(&record, j->folder.path);
    if (status == DNNB_OK) status = dnnb_report_save(record, j->page.text);
    dnnb_record_destroy(record);
    return status;
}

/* A page is whole or absent. A picture whose file could not be read may be missing in it. */
static void check(void *context, const fault *f, dnnb_status status, bool has_fired) {
    job *j = context;
    bool is_there = dnnb__file_exists(j->page.text);
    (void)has_fired;
    if (status != DNNB_OK) return;
    if (!is_there) fail_msg("%s, number %llu: no page", f->name, (unsigned long long)fault_now_at);
    j->text = read_text(j->page.text);
    if (!strstr(j->text, "</html>"))
        fail_msg("%s, number %llu: half a page", f->name, (unsigned long long)fault_now_at);
}

static void test_page_report__every_call_fails_once(void **state) {
    job j = {.folder = tiny_folder_create()};
    fault_action action = {.name = "a report", .act = act, .prepare = begin, .check = check};
    char text[512];
    (void)state;
    j.page = tiny_join(&j.folder, "report.html");
    for (unsigned i = 0; i < 2; i++) tiny_write_picture(&j.folder, i ? "1.bmp" : "0.bmp", i, i);
    (void)snprintf(text, sizeof text,
                   "{\"network\": {\"name\": \"Tiny\", \"n_parameters\": 1, "
                   "\"n_trained_parameters\": 1}, \"validation\": {\"folder\": \"%s\", "
                   "\"n_images\": 2}, \"class_names\": [\"a\", \"b\"]}",
                   j.folder.path);
    write_file(&j, "config.json", text);
    write_file(&j, "history.csv", "epoch,loss,score_validation\n1,0.5,0.5\n2,0.25,1\n");
    write_file(&j, "predictions.csv",
               "stimID,label,predicted,condition,output_0,output_1\n"
               "0.bmp,0,0,a,1,0\n1.bmp,1,1,b,0,1\n");
    assert_ok(act(&j));
    j.whole = read_text(j.page.text);
    assert_non_null(strstr(j.whole, "data:image/jpeg;base64,"));
    for (size_t i = 0; i < N_FAULTS; i++) fault_sweep(&action, &j, i);
    free(j.text);
    free(j.whole);
    tiny_folder_remove(&j.folder);
}

static void test_page_report__of_a_history_alone(void **state) {
    job j = {.folder = tiny_folder_create()};
    dnnb_record *record;
    char *json;
    size_t n;
    (void)state;
    write_file(&j, "train_dict.json", "{\"step_loss\": [[0.5, null]], \"epoch_loss\": [0.5]}");
    assert_ok(dnnb_record_load(&record, j.folder.path));
    assert_ok(dnnb_report_print_json(record, &json, &n));
    assert_int_equal(n, strlen(json));
    assert_non_null(strstr(json, "\"config\":null"));
    assert_non_null(strstr(json, "\"methods\":null"));
    assert_non_null(strstr(json, "\"images\":null"));
    assert_non_null(strstr(json, "\"mean\":[0.5,null]"));
    dnnb_free(json);
    dnnb_record_destroy(record);
    tiny_folder_remove(&j.folder);
}

static void test_page_report__nothing_can_leave_its_place(void **state) {
    static const char id[] = "</script><!--&";
    job j = {.folder = tiny_folder_create()};
    dnnb_record *record;
    char *html, *json, text[512];
    size_t n;
    (void)state;
    write_file(&j, "config.json", "{\"x\": \"</script>\"}");
    (void)snprintf(text, sizeof text,
                   "stimID,label,predicted,condition,output_0,output_1\n%s,0,0,%s,1,0\n", id, id);
    write_file(&j, "predictions.csv", text);
    assert_ok(dnnb_record_load(&record, j.folder.path));
    assert_ok(dnnb_report_print_json(record, &json, &n));
    assert_null(strpbrk(json, "<>&\n"));
    assert_non_null(strstr(json, "\\u003c/script\\u003e\\u003c!--\\u0026"));
    assert_ok(dnnb_report_print_page(record, "/a\"b<", &html, &n));
    assert_non_null(strstr(html, "data-events=\"/a&#34;b&#60;\""));
    assert_non_null(strstr(html, "connect-src 'self'"));
    /* The page's own three scripts end, and nothing else does. */
    size_t n_ends = 0;
    for (const char *at = html; (at = strstr(at, "</script")); at++) n_ends++;
    assert_int_equal(n_ends, 3);
    dnnb_free(html);
    dnnb_free(json);
    dnnb_record_destroy(record);
    tiny_folder_remove(&j.folder);
}

static void test_page_report__base64(void **state) {
    static const char *const rows[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    char sum[DNNB__SHA256_BASE64];
    (void)state; /* RFC 4648, section 10 */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb__buf out;
        dnnb__buf_init(&out, 64);
        dnnb__buf_append(&out, "", 0);
        dnnb__base64_append(&out, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(out.data, rows[i][1]);
        dnnb__buf_destroy(&out);
    }
    dnnb__base64_sha256(sum, "abc", 3); /* FIPS 180-2, B.1, in base64 */
    assert_string_equal(sum, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

static void test_page_report__a_picture_shrinks_and_comes_back(void **state) {
    uint8_t pixels[40 * 20 * 3];
    dnnb_image image = {.pixels = pixels, .width_px = 40, .height_px = 20}, small, back;
    dnnb__buf jpeg;
    (void)state;
    memset(pixels, 200, sizeof pixels);
    assert_ok(dnnb__image_shrink(&small, &image, 10));
    assert_int_equal(small.width_px, 10);
    assert_int_equal(small.height_px, 5);
    dnnb__buf_init(&jpeg, 1 << 16);
    assert_ok(dnnb__image_encode_jpeg(&jpeg, &small, 80));
    assert_ok(dnnb_image_decode(&back, jpeg.data, jpeg.n_bytes, "picture", NULL));
    assert_int_equal(back.width_px, 10);
    assert_in_range(back.pixels[7], 198, 202); /* a grey is kept but for rounding */
    dnnb_image_clear(&back);
    dnnb_image_clear(&small);
    dnnb__buf_destroy(&jpeg);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_report__every_call_fails_once),
        cmocka_unit_test(test_page_report__of_a_history_alone),
        cmocka_unit_test(test_page_report__nothing_can_leave_its_place),
        cmocka_unit_test(test_page_report__base64),
        cmocka_unit_test(test_page_report__a_picture_shrinks_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
