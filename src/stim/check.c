/*
 * The check of every row's file before training: one that cannot be opened in the middle of an
 * epoch would cost the run. Reads each file's header and no pixel.
 */
#include "stim/check.h"

#include <errno.h>
#include <string.h>

#include "core/file.h"
#include "core/io.h"
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

/* Says what a file is that is no image by its first bytes; OK for one that may be. */
static dnnb_status check_head(const char *path, char *found, size_t n_found) {
    struct stat st;
    unsigned char head[HEAD_BYTES];
    size_t n = 0;
    if (dnnb__io_stat(path, &st) != 0) {
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

dnnb_status dnnb__stimulus_check_row(const dnnb_stimulus *stim, size_t row,
                                     const dnnb_decode_options *options) {
    const char *path = dnnb_stimulus_get_path(stim, row);
    char found[96];
    dnnb_status status = dnnb_image_check(path, options, NULL, NULL);
    if (status == DNNB_OK || status == DNNB_ERR_MEMORY) return status;
    dnnb_status of_head = check_head(path, found, sizeof found);
    if (of_head != DNNB_OK)
        status = dnnb__fail(of_head, "expected %s, found %s", DNNB__STIMULUS_AN_IMAGE, found);
    if (stim->file[0]) status = dnnb__fail_prefix(status, "%s", dnnb_stimulus_get_id(stim, row));
    /* The message of an image has its path, which is all there is to say without a file. */
    if (!stim->file[0] && of_head == DNNB_OK) return status;
    return dnnb__stimulus_fail_at(stim, row, status);
}

dnnb_status dnnb_stimulus_check_files(const dnnb_stimulus *stim) {
    size_t n_bad = 0;
    char *message = NULL;
    dnnb_status first = DNNB_OK;
    for (size_t i = 0; i < stim->n_rows; i++) {
        dnnb_status status = dnnb__stimulus_check_row(stim, i, NULL);
        if (status == DNNB_OK || (status != DNNB_ERR_MEMORY && n_bad++ > 0)) continue;
        dnnb__free(message);
        message = dnnb__strdup(dnnb_get_error());
        first = message ? status : dnnb__fail_memory();
        if (first == DNNB_ERR_MEMORY) break;
    }
    if (n_bad > 0 && first != DNNB_ERR_MEMORY)
        first =
            dnnb__fail(first, "%s (%zu bad row%s in all)", message, n_bad, n_bad == 1 ? "" : "s");
    dnnb__free(message);
    return first;
}
