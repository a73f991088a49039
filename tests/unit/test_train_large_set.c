/*
 * A set of very many images trains in memory that does not grow with it beyond its list: a bound in
 * bytes a row, of the stimuli and of what training keeps of them.
 */
#include "unit/unit.h"

#include <stdio.h>

#include "dnnbrain/train.h"
#include "unit/tiny.h"

enum {
    N_PICTURES = 8,
#ifdef DNNB_SANITIZE
    N_ROWS = 2000, /* the sanitizer's own memory grows too: only that it runs */
#else
    N_ROWS = 150000,
#endif
    /* Label 8, since when it is left out 4, place in the order 8, its kept pixels, decoded and
     * resized, 24 each, its file's checksum 8; the rest is for pages that are taken whole. */
    SET_BYTES = 76 + 12
};

static size_t get_resident_bytes(void) {
    unsigned long pages;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* n rows that name the same few pictures, n_text bytes of text in all. */
static dnnb_stimulus *write_set(const tiny_folder *f, size_t n, size_t *n_text) {
    dnnb__buf text;
    dnnb_stimulus *stim;
    dnnb__buf_init(&text, (size_t)1 << 28);
    dnnb__buf_printf(&text, "type=image\npath=%s\ndata=stimID,label\n", f->path);
    for (size_t i = 0; i < n; i++) dnnb__buf_printf(&text, "%zu.bmp,%zu\n", i % N_PICTURES, i % 2);
    tiny_path csv = tiny_join(f, "large.stim.csv");
    assert_ok(dnnb__file_write(csv.text, text.data, text.n_bytes));
    *n_text = text.n_bytes + n * strlen(f->path);
    dnnb__buf_destroy(&text);
    assert_ok(dnnb_stimulus_load(&stim, csv.text));
    return stim;
}

typedef struct witness {
    size_t n_steps, resident_bytes;
} witness;

static bool watch(void *context, const dnnb_event *event) {
    witness *w = context;
    if (event->kind != DNNB_EVENT_STEP) return true;
    w->resident_bytes = get_resident_bytes();
    return ++w->n_steps < 5;
}

static size_t train_some_steps(const dnnb_stimulus *stim) {
    witness w = {0};
    dnnb_train_options o = DNNB_TRAIN_OPTIONS_INIT;
    o.batch = 8;
    o.n_workers = 2;
    o.cache_bytes = 1 << 20; /* what is kept of images and features, and no more */
    o.on_event = watch;
    o.context = &w;
    dnnb_dnn *dnn = tiny_create(1, 2);
    assert_fails(dnnb_train(dnn, stim, NULL, &o, NULL), DNNB_ERR_STOPPED, "stopped in epoch 1");
    dnnb_dnn_destroy(dnn);
    assert_int_equal(w.n_steps, 5);
    return w.resident_bytes;
}

static void test_train_large_set__memory_grows_by_the_list_alone(void **state) {
    (void)state;
    tiny_folder f = tiny_folder_create();
    size_t n_text;
    for (unsigned i = 0; i < N_PICTURES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%u.bmp", i);
        tiny_write_picture(&f, name, i, i % 2);
    }
    dnnb_stimulus *stim = write_set(&f, 100, &n_text); /* threads, plans and buffers are made */
    size_t small = train_some_steps(stim);
    dnnb_stimulus_destroy(stim);
    stim = write_set(&f, N_ROWS, &n_text);
    size_t listed = get_resident_bytes(), trained = train_some_steps(stim);
    double of_list = ((double)listed - (double)small) / N_ROWS;
    double of_set = ((double)trained - (double)listed) / N_ROWS;
    print_message("%d rows: %.1f bytes a row for the list, with %.1f of text, and %.1f for "
                  "training\n",
                  N_ROWS, of_list, (double)n_text / N_ROWS, of_set);
#ifndef DNNB_SANITIZE
    /* Two fields and a row of 8 bytes; blocks grow by half, or double. */
    assert_true(of_list <= 2 * ((double)n_text / N_ROWS + 16) + 12);
    assert_true(of_set <= SET_BYTES);
#endif
    dnnb_stimulus_destroy(stim);
    tiny_folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_large_set__memory_grows_by_the_list_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
