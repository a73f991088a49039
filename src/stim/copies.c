/*
 * Images of a set that are the same file, byte for byte, under one name or several.
 *
 * Method: only files that have their size in common with another are read, and compared by XXH128.
 */
#include <string.h>
#include <unistd.h>

#include "core/checksum.h"
#include "core/file.h"
#include "core/io.h"
#include "dnnbrain/stimulus.h"

enum { PIECE_BYTES = 1 << 16 };

typedef struct file {
    size_t row;
    off_t n_bytes;
    char sum[DNNB__CHECKSUM_TEXT]; /* "" until it is needed, or where it cannot be had */
} file;

static int compare_sizes(const void *a, const void *b) {
    const file *x = a, *y = b;
    if (x->n_bytes != y->n_bytes) return x->n_bytes < y->n_bytes ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int compare_sums(const void *a, const void *b) {
    const file *x = a, *y = b;
    int order = strcmp(x->sum, y->sum);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* Files that are there, by size; their number. */
static size_t list_files(const dnnb_stimulus *stim, file *files) {
    size_t n = 0;
    for (size_t row = 0; row < dnnb_stimulus_get_count(stim); row++) {
        struct stat st;
        bool is_file = dnnb__io_stat(dnnb_stimulus_get_path(stim, row), &st) == 0 &&
                       S_ISREG(st.st_mode) && st.st_size > 0;
        if (is_file) files[n++] = (file){.row = row, .n_bytes = st.st_size};
    }
    qsort(files, n, sizeof *files, compare_sizes);
    return n;
}

/* The sum of a file; of one that cannot be read it stays empty. */
static void sum_file(file *f, const char *path, dnnb__checksum *sum, char *piece) {
    int fd;
    size_t n_bytes, got = 1;
    dnnb_status status = dnnb__file_open(&fd, &n_bytes, path);
    if (status != DNNB_OK) return;
    while (status == DNNB_OK && got > 0) {
        status = dnnb__file_read_next(fd, path, piece, PIECE_BYTES, &got);
        if (status == DNNB_OK) dnnb__checksum_update(sum, piece, got);
    }
    close(fd);
    dnnb__checksum_finish(sum, f->sum);
    if (status != DNNB_OK) f->sum[0] = '\0';
}

/* Files of one size: each gets the first row with its sum. */
static void find_in_group(file *files, size_t n, size_t *out) {
    qsort(files, n, sizeof *files, compare_sums);
    for (size_t i = 1, first = 0; i < n; i++) {
        if (*files[i].sum && strcmp(files[i].sum, files[first].sum) == 0)
            out[files[i].row] = files[first].row;
        else
            first = i;
    }
}

static dnnb_status find_copies(const dnnb_stimulus *stim, file *files, size_t n, size_t *out,
                               dnnb_progress_fn on_progress, void *context) {
    char *piece = dnnb__alloc(PIECE_BYTES, 1);
    dnnb__checksum *sum = NULL;
    dnnb_status status = piece ? dnnb__checksum_create(&sum) : dnnb__fail_memory();
    for (size_t begin = 0, end; status == DNNB_OK && begin < n; begin = end) {
        for (end = begin + 1; end < n && files[end].n_bytes == files[begin].n_bytes;) end++;
        if (end == begin + 1) continue;
        for (size_t i = begin; i < end && status == DNNB_OK; i++) {
            sum_file(&files[i], dnnb_stimulus_get_path(stim, files[i].row), sum, piece);
            if (on_progress && !on_progress(context, i + 1, n))
                status = dnnb__fail(DNNB_ERR_STOPPED, "stopped");
        }
        if (status == DNNB_OK) find_in_group(files + begin, end - begin, out);
    }
    dnnb__checksum_destroy(sum);
    dnnb__free(piece);
    return status;
}

dnnb_status dnnb_stimulus_find_copies(const dnnb_stimulus *stim, size_t *out,
                                      dnnb_progress_fn on_progress, void *context) {
    size_t n_rows = dnnb_stimulus_get_count(stim);
    file *files = dnnb__alloc(n_rows, sizeof *files);
    if (!files) return dnnb__fail_memory();
    for (size_t row = 0; row < n_rows; row++) out[row] = row;
    size_t n = list_files(stim, files);
    dnnb_status status = find_copies(stim, files, n, out, on_progress, context);
    dnnb__free(files);
    return status;
}
