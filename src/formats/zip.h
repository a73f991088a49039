/*
 * Zip archives over minizip: a directory whose entries are parts of the mapped file, and a writer
 * whose entries begin at multiples of 64 bytes.
 */
#ifndef DNNB_FORMATS_ZIP_H
#define DNNB_FORMATS_ZIP_H

#include "formats/formats.h"

typedef struct dnnb__zip_entry {
    char *name;
    size_t at_bytes, stored_bytes; /* where the entry's bytes lie in the file */
    size_t n_bytes;                /* when unpacked */
    bool is_deflated;
    uint64_t directory_at;   /* where the directory describes it */
    dnnb__storage *unpacked; /* of a deflated or misaligned entry, once it was asked for */
} dnnb__zip_entry;

typedef struct dnnb__zip {
    const char *name; /* of the file, for messages; borrowed */
    dnnb__storage *storage;
    dnnb__zip_entry *entries; /* in order of name */
    size_t n;
    size_t n_unpacked_bytes; /* of all entries so far */
    void *unzip, *file;      /* minizip's handle, and the bytes that it reads */
} dnnb__zip;

/** True when bytes begin as a zip file's first entry does. */
bool dnnb__zip_is(const uint8_t *bytes, size_t n);
/** Name of the first entry in place, NULL when there is none. */
const char *dnnb__zip_get_first_name(const uint8_t *bytes, size_t n, size_t *n_name);

/**
 * Read the directory. Entries that lie outside the file, overlap, share a name or are encrypted are
 * refused.
 *
 * @param s Borrowed until dnnb__zip_close().
 */
DNNB_MUST_CHECK dnnb_status dnnb__zip_open(dnnb__zip *zip, dnnb__storage *s, const char *name);
void dnnb__zip_close(dnnb__zip *zip);
/** The entry of that name, NULL when there is none. */
dnnb__zip_entry *dnnb__zip_find(const dnnb__zip *zip, const char *name);
/** The entry's bytes, beginning at a multiple of `alignment`; in place where that is possible. */
DNNB_MUST_CHECK dnnb_status dnnb__zip_get_part(dnnb__zip *zip, dnnb__zip_entry *entry,
                                               size_t alignment, dnnb__part *out);

typedef struct dnnb__zip_writer {
    dnnb__writer *writer; /* borrowed */
    void *zip;            /* minizip's handle */
    size_t n_entries;
} dnnb__zip_writer;

DNNB_MUST_CHECK dnnb_status dnnb__zip_writer_open(dnnb__zip_writer *out, dnnb__writer *w);
/** Begin an entry of n_bytes that are written next, stored. */
DNNB_MUST_CHECK dnnb_status dnnb__zip_writer_begin(dnnb__zip_writer *z, const char *name,
                                                   size_t n_bytes);
DNNB_MUST_CHECK dnnb_status dnnb__zip_writer_write(dnnb__zip_writer *z, const void *bytes,
                                                   size_t n);
DNNB_MUST_CHECK dnnb_status dnnb__zip_writer_write_tensor(dnnb__zip_writer *z,
                                                          const dnnb_tensor *t);
DNNB_MUST_CHECK dnnb_status dnnb__zip_writer_end(dnnb__zip_writer *z);
/** begin, write, end. */
DNNB_MUST_CHECK dnnb_status dnnb__zip_writer_add(dnnb__zip_writer *z, const char *name,
                                                 const void *bytes, size_t n);
/** Write the directory; the writer is empty afterwards whether it worked or not. */
DNNB_MUST_CHECK dnnb_status dnnb__zip_writer_finish(dnnb__zip_writer *z);
/** Let go of an archive that failed; does nothing after finish. */
void dnnb__zip_writer_destroy(dnnb__zip_writer *z);

#endif
