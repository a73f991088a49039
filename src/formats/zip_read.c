/*
 * The directory of a zip archive in memory.
 *
 * Method: minizip reads the directory and unpacks what is deflated; a stored entry is only located,
 * so that its bytes can be used where they lie. Checksums of stored entries are not computed: that
 * would read a whole file of weights which is otherwise read on demand, and PyTorch can leave the
 * checksums out.
 * Invariant: every entry lies inside the file and no two share a byte, so that the bytes unpacked
 * are bounded by the file's size.
 * Source: PKWARE's APPNOTE; the layout of PyTorch's archives.
 */
#include <stdlib.h>
#include <string.h>

#include <minizip/unzip.h>

#include "core/cursor.h"
#include "formats/zip.h"

enum {
    MAX_ENTRIES = 1 << 20,
    MAX_NAME_BYTES = 4200, /* a tensor's name and what is put around it */
    DEFLATED = 8,
    FLAG_ENCRYPTED = 1,
    UNPACKED_BASE_BYTES = 64 << 20, /* allowed whatever the file's size ... */
    UNPACKED_PER_BYTE = 64,         /* ... and for each byte of it */
    DEFLATE_MAX_RATIO = 1032
};

/* ---- minizip's view of a block of memory ---- */

typedef struct memory_file {
    const uint8_t *data;
    size_t n, at;
    int is_short; /* the last read went past the end; minizip asks, and takes zeros otherwise */
} memory_file;

static voidpf open_memory(voidpf opaque, const void *path, int mode) {
    (void)path;
    (void)mode;
    return opaque;
}

static uLong read_memory(voidpf opaque, voidpf stream, void *buffer, uLong size) {
    (void)opaque;
    memory_file *f = stream;
    size_t left = f->n - f->at, n = size < left ? size : left;
    if (n) memcpy(buffer, f->data + f->at, n);
    f->at += n;
    f->is_short = n < size;
    return n;
}

static uLong write_memory(voidpf opaque, voidpf stream, const void *buffer, uLong size) {
    (void)opaque;
    (void)stream;
    (void)buffer;
    (void)size;
    return 0; /* minizip writes nothing when it unpacks */
}

static ZPOS64_T tell_memory(voidpf opaque, voidpf stream) {
    (void)opaque;
    return ((memory_file *)stream)->at;
}

static long seek_memory(voidpf opaque, voidpf stream, ZPOS64_T offset, int origin) {
    (void)opaque;
    memory_file *f = stream;
    size_t base = origin == ZLIB_FILEFUNC_SEEK_CUR   ? f->at
                  : origin == ZLIB_FILEFUNC_SEEK_END ? f->n
                                                     : 0;
    if (offset > f->n - base) return -1;
    f->at = base + (size_t)offset;
    return 0;
}

static int close_memory(voidpf opaque, voidpf stream) {
    (void)opaque;
    (void)stream;
    return 0;
}

static int error_memory(voidpf opaque, voidpf stream) {
    (void)opaque;
    return ((memory_file *)stream)->is_short;
}

/* ---- the directory ---- */

bool dnnb__zip_is(const uint8_t *bytes, size_t n) {
    return n >= 30 && memcmp(bytes, "PK\3\4", 4) == 0;
}

const char *dnnb__zip_get_first_name(const uint8_t *bytes, size_t n, size_t *n_name) {
    dnnb__cursor c = dnnb__cursor_create(bytes, n);
    if (!dnnb__zip_is(bytes, n)) return NULL;
    (void)dnnb__cursor_take(&c, 26);
    *n_name = dnnb__cursor_u16(&c);
    (void)dnnb__cursor_u16(&c);
    return (const char *)dnnb__cursor_take(&c, *n_name);
}

/* Describe minizip's current entry. */
static dnnb_status read_entry(dnnb__zip *zip, dnnb__zip_entry *e) {
    unz_file_info64 info;
    char name[MAX_NAME_BYTES + 1] = "";
    int method, level;
    size_t n_file = dnnb__storage_get_size(zip->storage);
    if (unzGetCurrentFileInfo64(zip->unzip, &info, name, MAX_NAME_BYTES, NULL, 0, NULL, 0) !=
        UNZ_OK)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: the zip directory is damaged", zip->name);
    if (info.size_filename >= MAX_NAME_BYTES || info.size_filename != strlen(name))
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: the name of a zip entry is too long or holds a NUL",
                          zip->name);
    if (info.flag & FLAG_ENCRYPTED)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: entry '%s' is encrypted", zip->name, name);
    if (info.compression_method != 0 && info.compression_method != DEFLATED)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED,
                          "%s: entry '%s': expected it stored or deflated, found method %lu",
                          zip->name, name, info.compression_method);
    if (unzOpenCurrentFile2(zip->unzip, &method, &level, 1) != UNZ_OK)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: entry '%s': its own header is damaged", zip->name,
                          name);
    uint64_t at = unzGetCurrentFileZStreamPos64(zip->unzip);
    (void)unzCloseCurrentFile(zip->unzip);
    if (at > n_file || info.compressed_size > n_file - at)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: entry '%s': %llu bytes at byte %llu reach past the end at %zu",
                          zip->name, name, (unsigned long long)info.compressed_size,
                          (unsigned long long)at, n_file);
    if (info.compression_method == 0 && info.compressed_size != info.uncompressed_size)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: entry '%s': stored with two sizes, %llu and %llu bytes", zip->name,
                          name, (unsigned long long)info.compressed_size,
                          (unsigned long long)info.uncompressed_size);
    *e = (dnnb__zip_entry){.at_bytes = (size_t)at,
                           .stored_bytes = (size_t)info.compressed_size,
                           .n_bytes = (size_t)info.uncompressed_size,
                           .is_deflated = info.compression_method == DEFLATED,
                           .directory_at = unzGetOffset64(zip->unzip)};
    e->name = dnnb__strdup(name);
    return e->name ? DNNB_OK : dnnb__fail_memory();
}

static dnnb_status read_directory(dnnb__zip *zip) {
    size_t capacity = 0;
    unz_global_info64 info;
    if (unzGetGlobalInfo64(zip->unzip, &info) != UNZ_OK || info.number_entry == 0)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: the zip directory is empty", zip->name);
    int code = unzGoToFirstFile(zip->unzip);
    for (; code == UNZ_OK; code = unzGoToNextFile(zip->unzip)) {
        if (zip->n == MAX_ENTRIES)
            return dnnb__fail(DNNB_ERR_LIMIT, "%s: more than %d zip entries", zip->name,
                              MAX_ENTRIES);
        if (zip->n == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            void *grown = dnnb__realloc(zip->entries, capacity, sizeof *zip->entries);
            if (!grown) return dnnb__fail_memory();
            zip->entries = grown;
        }
        DNNB_TRY(read_entry(zip, &zip->entries[zip->n]));
        zip->n++;
    }
    if (code != UNZ_END_OF_LIST_OF_FILE || zip->n != info.number_entry)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: the zip directory is damaged after %zu of %llu entries", zip->name,
                          zip->n, (unsigned long long)info.number_entry);
    return DNNB_OK;
}

static int compare_place(const void *a, const void *b) {
    const dnnb__zip_entry *x = a, *y = b;
    if (x->at_bytes != y->at_bytes) return x->at_bytes < y->at_bytes ? -1 : 1;
    return (x->stored_bytes > y->stored_bytes) - (x->stored_bytes < y->stored_bytes);
}

static int compare_name(const void *a, const void *b) {
    return strcmp(((const dnnb__zip_entry *)a)->name, ((const dnnb__zip_entry *)b)->name);
}

static dnnb_status check_directory(dnnb__zip *zip) {
    dnnb__zip_entry *e = zip->entries;
    qsort(e, zip->n, sizeof *e, compare_place);
    for (size_t i = 1; i < zip->n; i++)
        if (e[i].at_bytes - e[i - 1].at_bytes < e[i - 1].stored_bytes)
            return dnnb__fail(DNNB_ERR_FORMAT, "%s: the entries '%s' and '%s' overlap", zip->name,
                              e[i - 1].name, e[i].name);
    qsort(e, zip->n, sizeof *e, compare_name);
    for (size_t i = 1; i < zip->n; i++)
        if (strcmp(e[i - 1].name, e[i].name) == 0)
            return dnnb__fail(DNNB_ERR_FORMAT, "%s: the entry '%s' is there twice", zip->name,
                              e[i].name);
    return DNNB_OK;
}

dnnb_status dnnb__zip_open(dnnb__zip *zip, dnnb__storage *s, const char *name) {
    *zip = (dnnb__zip){.name = name, .storage = s};
    memory_file *file = dnnb__alloc(1, sizeof *file);
    if (!file) return dnnb__fail_memory();
    zip->file = file;
    *file = (memory_file){.data = dnnb__storage_get_data(s), .n = dnnb__storage_get_size(s)};
    zlib_filefunc64_def functions = {.zopen64_file = open_memory,
                                     .zread_file = read_memory,
                                     .zwrite_file = write_memory,
                                     .ztell64_file = tell_memory,
                                     .zseek64_file = seek_memory,
                                     .zclose_file = close_memory,
                                     .zerror_file = error_memory,
                                     .opaque = file};
    dnnb_status status;
    zip->unzip = unzOpen2_64(name, &functions);
    if (zip->unzip)
        status = read_directory(zip);
    else
        status =
            dnnb__fail(DNNB_ERR_FORMAT,
                       "%s: the zip directory at the end is missing: is the file cut off?", name);
    if (status == DNNB_OK) status = check_directory(zip);
    if (status != DNNB_OK) dnnb__zip_close(zip);
    return status;
}

void dnnb__zip_close(dnnb__zip *zip) {
    for (size_t i = 0; i < zip->n; i++) {
        dnnb__free(zip->entries[i].name);
        dnnb__storage_release(zip->entries[i].unpacked);
    }
    dnnb__free(zip->entries);
    if (zip->unzip) (void)unzClose(zip->unzip);
    dnnb__free(zip->file);
    *zip = (dnnb__zip){0};
}

dnnb__zip_entry *dnnb__zip_find(const dnnb__zip *zip, const char *name) {
    size_t low = 0, high = zip->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(zip->entries[middle].name, name);
        if (order == 0) return &zip->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- unpacking ---- */

static dnnb_status unpack_into(dnnb__zip *zip, const dnnb__zip_entry *e, uint8_t *out) {
    if (unzSetOffset64(zip->unzip, e->directory_at) != UNZ_OK ||
        unzOpenCurrentFile(zip->unzip) != UNZ_OK)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: entry '%s': its header is damaged", zip->name,
                          e->name);
    size_t at = 0;
    int got = 0;
    do {
        size_t left = e->n_bytes - at;
        got = unzReadCurrentFile(zip->unzip, out + at, left < 1 << 30 ? (unsigned)left : 1u << 30);
        if (got > 0) at += (size_t)got;
    } while (got > 0 && at < e->n_bytes);
    int code = unzCloseCurrentFile(zip->unzip);
    if (got < 0 || at != e->n_bytes || code != UNZ_OK)
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: entry '%s': its deflated bytes are damaged%s",
                          zip->name, e->name, code == UNZ_CRCERROR ? " (checksum)" : "");
    return DNNB_OK;
}

static dnnb_status unpack(dnnb__zip *zip, dnnb__zip_entry *e) {
    size_t limit, left;
    if (!dnnb__mul_size(dnnb__storage_get_size(zip->storage), UNPACKED_PER_BYTE, &limit) ||
        !dnnb__add_size(limit, UNPACKED_BASE_BYTES, &limit))
        limit = SIZE_MAX;
    left = limit - zip->n_unpacked_bytes;
    if (e->n_bytes > left)
        return dnnb__fail(DNNB_ERR_LIMIT,
                          "%s: entry '%s': unpacks to %zu bytes, above the limit of %zu in all",
                          zip->name, e->name, e->n_bytes, limit);
    if (e->n_bytes / DEFLATE_MAX_RATIO > e->stored_bytes)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: entry '%s': %zu deflated bytes cannot hold the %zu it promises",
                          zip->name, e->name, e->stored_bytes, e->n_bytes);
    dnnb__storage *unpacked;
    DNNB_TRY(dnnb__storage_create(&unpacked, e->n_bytes));
    dnnb_status status = unpack_into(zip, e, dnnb__storage_get_writable(unpacked));
    if (status != DNNB_OK) {
        dnnb__storage_release(unpacked);
        return status;
    }
    zip->n_unpacked_bytes += e->n_bytes;
    e->unpacked = unpacked;
    return DNNB_OK;
}

dnnb_status dnnb__zip_get_part(dnnb__zip *zip, dnnb__zip_entry *e, size_t alignment,
                               dnnb__part *out) {
    if (!e->unpacked && e->is_deflated) DNNB_TRY(unpack(zip, e));
    if (e->unpacked) { /* memory of its own is aligned for every type */
        *out = (dnnb__part){.storage = e->unpacked, .n_bytes = e->n_bytes};
        return DNNB_OK;
    }
    *out = (dnnb__part){zip->storage, e->at_bytes, e->stored_bytes};
    return dnnb__part_align(out, alignment, &e->unpacked);
}
