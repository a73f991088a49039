/*
 * The check of every row's file before training: one that cannot be opened in the middle of an
 * epoch would cost the run. Reads the first bytes of each file and no more.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "dnnbrain/image.h"

#include "core/file.h"
#include "stim/table.h"

enum { HEAD_BYTES = 32 };

/* The beginning of a file in words: as text where it is text, in hexadecimal otherwise. */
static void describe_head(char *out, size_t n_out, const unsigned char *head, size_t n) {
    size_t n_shown = n < 12 ? n : 12, n_text = 0;
    while (n_text < n_shown && head[n_text] >= 0x20 && head[n_text] < 0x7F) n_text++;
    if (n_text == n_shown) {
        (void)snprintf(out, n_out, "a file that begins with '%.*s'", (int)n_shown,
                       (const char *)head);
        return;
    }
    int used = snprintf(out, n_out, "a file that begins with the bytes");
    for (size_t i = 0; i < n_shown && i < 8; i++)
        used += snprintf(out + used, n_out - (size_t)used, " %02x", head[i]);
}

/* OK for an image; otherwise what was found instead. */
static dnnb_status check_file(const char *path, char *found, size_t n_found) {
    struct stat st;
    unsigned char head[HEAD_BYTES];
    size_t n = 0;
    if (stat(path, &st) != 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        (void)snprintf(found, n_found, "%s", missing ? "no such file" : strerror(errno));
        return DNNB_ERR_IO;
    }
    if (!S_ISREG(st.st_mode)) {
        (void)snprintf(found, n_found, "%s", S_ISDIR(st.st_mode) ? "a folder" : "no regular file");
        return DNNB_ERR_IO;
    }
    if (dnnb__file_read_head(path, head, sizeof head, &n) != DNNB_OK) {
        (void)snprintf(found, n_found, "a file that cannot be read");
        return DNNB_ERR_IO;
    }
    if (n == 0) {
        (void)snprintf(found, n_found, "an empty file");
        return DNNB_ERR_FORMAT;
    }
    if (dnnb_image_get_format(head, n)) return DNNB_OK;
    describe_head(found, n_found, head, n);
    return DNNB_ERR_FORMAT;
}

dnnb_status dnnb_stimulus_check_files(const dnnb_stimulus *stim) {
    char first_found[96] = "", found[96];
    size_t n_bad = 0, first_row = 0;
    dnnb_status first = DNNB_OK;
    for (size_t i = 0; i < stim->n_rows; i++) {
        dnnb_status status = check_file(dnnb_stimulus_get_path(stim, i), found, sizeof found);
        if (status == DNNB_OK) continue;
        if (n_bad++ > 0) continue;
        first = status;
        first_row = i;
        memcpy(first_found, found, sizeof found);
    }
    if (n_bad == 0) return DNNB_OK;
    first = dnnb__fail(first, "expected %s, found %s (%zu bad row%s in all)",
                       DNNB__STIMULUS_AN_IMAGE, first_found, n_bad, n_bad == 1 ? "" : "s");
    if (stim->file[0])
        first = dnnb__fail_prefix(first, "%s", dnnb_stimulus_get_id(stim, first_row));
    return dnnb__stimulus_fail_at(stim, first_row, first);
}
