/*
 * Event files as a reader that is not ours would see them: framing and sums by the definition,
 * messages by protobuf-c, and what a restart takes back left out.
 */
#ifndef DNNB_TESTS_BOARD_H
#define DNNB_TESTS_BOARD_H

#include "unit/unit.h"

#include <dirent.h>
#include <event.pb-c.h>
#include <math.h>

#include "core/file.h"

enum { BOARD_MAX_VALUES = 4096 };

typedef struct board_value {
    char tag[32];
    int64_t step;
    float number; /* NaN for what is none */
} board_value;

typedef struct board {
    board_value values[BOARD_MAX_VALUES];
    size_t n;
    size_t n_files, n_records;
    size_t n_rest_bytes; /* after the last whole record of the last file */
} board;

/* CRC-32C by its definition, a bit at a time. */
static inline uint32_t board_sum(const uint8_t *bytes, size_t n) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < 8 * n; i++) {
        bool bit = (crc ^ (uint32_t)(bytes[i / 8] >> i % 8)) & 1;
        crc = crc >> 1 ^ (bit ? 0x82F63B78U : 0);
    }
    crc = ~crc;
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

static inline uint64_t board_number(const uint8_t *bytes, size_t n) {
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static inline void board_forget(board *b, int64_t from_step) {
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->values[i].step < from_step) b->values[n++] = b->values[i];
    b->n = n;
}

static inline void board_take(board *b, const Tb__Event *event) {
    if (event->what_case == TB__EVENT__WHAT_SESSION_LOG) board_forget(b, event->step);
    if (event->what_case != TB__EVENT__WHAT_SUMMARY) return;
    for (size_t i = 0; i < event->summary->n_value; i++) {
        const Tb__Summary__Value *v = event->summary->value[i];
        assert_true(b->n < BOARD_MAX_VALUES);
        board_value *out = &b->values[b->n++];
        *out = (board_value){.step = event->step, .number = (float)NAN};
        assert_true(strlen(v->tag) < sizeof out->tag);
        (void)snprintf(out->tag, sizeof out->tag, "%s", v->tag);
        if (v->value_case == TB__SUMMARY__VALUE__VALUE_SIMPLE_VALUE) out->number = v->simple_value;
    }
}

/* A whole record at `bytes`, its sums right, or 0 bytes. */
static inline size_t board_read_record(board *b, const uint8_t *bytes, size_t n, bool is_first) {
    if (n < 12) return 0;
    assert_int_equal(board_number(bytes + 8, 4), board_sum(bytes, 8));
    uint64_t n_message = board_number(bytes, 8);
    if (n - 12 < n_message || n - 12 - n_message < 4) return 0;
    const uint8_t *message = bytes + 12;
    assert_int_equal(board_number(message + n_message, 4), board_sum(message, n_message));
    Tb__Event *event = tb__event__unpack(NULL, n_message, message);
    assert_non_null(event);
    assert_int_equal(event->what_case == TB__EVENT__WHAT_FILE_VERSION, is_first);
    if (is_first) assert_string_equal(event->file_version, "brain.Event:2");
    assert_true(event->wall_time > 1.5e9);
    board_take(b, event);
    tb__event__free_unpacked(event, NULL);
    b->n_records++;
    return 16 + n_message;
}

static inline void board_read_file(board *b, const char *path) {
    char *bytes;
    size_t n, at = 0, n_record = 1;
    assert_ok(dnnb__file_read(&bytes, &n, path, SIZE_MAX - 1));
    for (; n_record > 0; at += n_record)
        n_record = board_read_record(b, (const uint8_t *)bytes + at, n - at, at == 0);
    b->n_rest_bytes = n - at;
    b->n_files++;
    dnnb__free(bytes);
}

static inline int board_is_event_file(const struct dirent *entry) {
    return strncmp(entry->d_name, "events.out.tfevents.", 20) == 0;
}

/** Read a folder's event files in the order of their names. */
static inline void board_read(board *b, const char *path_of_folder) {
    struct dirent **entries;
    char path[2048]; /* room for the longest folder of a test and the longest name */
    memset(b, 0, sizeof *b);
    int n = scandir(path_of_folder, &entries, board_is_event_file, alphasort);
    for (int i = 0; i < n; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", path_of_folder, entries[i]->d_name);
        board_read_file(b, path);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

/* Speeds are never the same, and an epoch that went on after its last step has none. */
static inline void board_drop_speeds(board *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->values[i].tag, "images_per_second") != 0) b->values[n++] = b->values[i];
    b->n = n;
}

/** Whether two boards tell the same. */
static inline bool is_same_board(board *a, board *b) {
    board_drop_speeds(a);
    board_drop_speeds(b);
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        const board_value *x = &a->values[i], *y = &b->values[i];
        if (strcmp(x->tag, y->tag) == 0 && x->step == y->step &&
            memcmp(&x->number, &y->number, sizeof x->number) == 0)
            continue;
        print_message("%s of step %lld, %g; %s of step %lld, %g\n", x->tag, (long long)x->step,
                      (double)x->number, y->tag, (long long)y->step, (double)y->number);
        return false;
    }
    return a->n == b->n && a->n > 0;
}

/** Assert that, and that the second ends with a whole record. */
static inline void assert_same_board(board *a, board *b) {
    assert_true(is_same_board(a, b));
    assert_int_equal(b->n_rest_bytes, 0);
}

#endif
