/*
 * Members of a tar archive in memory, over libarchive.
 *
 * Method: libarchive hands out a member's bytes in blocks. For an archive that is not compressed
 * they point into the memory it reads, so a member whose blocks follow each other is used where it
 * lies, and any other is copied together.
 */
#include "formats/tar.h"

#include <string.h>

#include <archive.h>
#include <archive_entry.h>

/* What of a member has been read. */
typedef struct gather {
    const uint8_t *start; /* in place so far; NULL once it is copied */
    size_t at, size;
} gather;

static dnnb_status add_block(dnnb__tar_member *m, gather *g, dnnb__storage *s, const void *block,
                             size_t n) {
    const uint8_t *data = dnnb__storage_get_data(s);
    uintptr_t from = (uintptr_t)data, at = (uintptr_t)block;
    bool is_in_place = at >= from && at - from <= dnnb__storage_get_size(s) &&
                       n <= dnnb__storage_get_size(s) - (at - from);
    if (g->at == 0 && is_in_place) {
        g->start = data + (at - from);
    } else if (!g->start || (uintptr_t)(g->start + g->at) != at) {
        if (!m->copy) {
            DNNB_TRY(dnnb__storage_create(&m->copy, g->size));
            if (g->start) memcpy(dnnb__storage_get_writable(m->copy), g->start, g->at);
            g->start = NULL;
        }
        memcpy(dnnb__storage_get_writable(m->copy) + g->at, block, n);
    }
    g->at += n;
    return DNNB_OK;
}

static dnnb_status read_member(dnnb__tar_member *m, struct archive *a, struct archive_entry *entry,
                               dnnb__storage *s, const char *name) {
    int64_t size = archive_entry_size(entry);
    if (m->is_there)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: the tar member '%s' is there twice", name, m->name);
    if (size < 0 || (uint64_t)size > dnnb__storage_get_size(s))
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: tar member '%s': %lld bytes reach past the end",
                          name, m->name, (long long)size);
    gather g = {.size = (size_t)size};
    for (;;) {
        const void *block;
        size_t n;
        la_int64_t offset;
        int code = archive_read_data_block(a, &block, &n, &offset);
        if (code == ARCHIVE_EOF) break;
        if (code != ARCHIVE_OK || offset < 0 || (uint64_t)offset != g.at || n > g.size - g.at)
            return dnnb__fail(DNNB_ERR_FORMAT, "%s: tar member '%s' is cut off, or has holes", name,
                              m->name);
        if (n) DNNB_TRY(add_block(m, &g, s, block, n));
    }
    if (g.at != g.size)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: tar member '%s': expected %zu bytes, found %zu",
                          name, m->name, g.size, g.at);
    m->is_there = true;
    if (m->copy)
        m->part = (dnnb__part){.storage = m->copy, .n_bytes = g.size};
    else
        m->part =
            (dnnb__part){.storage = s,
                         .at_bytes = g.start ? (size_t)(g.start - dnnb__storage_get_data(s)) : 0,
                         .n_bytes = g.size};
    return DNNB_OK;
}

static dnnb_status read_archive(dnnb__tar_member *members, size_t n, struct archive *a,
                                dnnb__storage *s, const char *name) {
    struct archive_entry *entry;
    if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
        archive_read_open_memory(a, dnnb__storage_get_data(s), dnnb__storage_get_size(s)) !=
            ARCHIVE_OK)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: cannot be opened as a tar archive", name);
    int code;
    while ((code = archive_read_next_header(a, &entry)) == ARCHIVE_OK || code == ARCHIVE_WARN) {
        const char *found = archive_entry_pathname(entry);
        if (!found || archive_entry_filetype(entry) != AE_IFREG) continue;
        for (size_t i = 0; i < n; i++)
            if (strcmp(found, members[i].name) == 0)
                DNNB_TRY(read_member(&members[i], a, entry, s, name));
    }
    if (code != ARCHIVE_EOF)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: the tar archive is damaged or cut off", name);
    return DNNB_OK;
}

dnnb_status dnnb__tar_read(dnnb__tar_member *members, size_t n, dnnb__storage *s,
                           const char *name) {
    struct archive *a = archive_read_new();
    if (!a) return dnnb__fail(DNNB_ERR_MEMORY, "out of memory");
    dnnb_status status = read_archive(members, n, a, s, name);
    (void)archive_read_free(a);
    return status;
}
