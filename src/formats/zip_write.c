/*
 * Writing a zip archive of stored entries with minizip.
 *
 * Method: an extra field in front of each entry pads its data to a multiple of 64 bytes, as
 * PyTorch's own writer does; the date is fixed. So a file is a function of its entries alone.
 */
#include <string.h>
#include <sys/types.h>

#include <minizip/zip.h>

#include "formats/zip.h"

enum {
    ALIGNMENT = 64,
    LOCAL_HEADER_BYTES = 30,
    EXTRA_HEADER_BYTES = 4,
    ZIP64_EXTRA_BYTES = 20,      /* minizip puts it behind ours */
    FIXED_DOS_DATE = 0x00210000, /* 1 January 1980, the first that a zip can hold */
    VERSION_MADE_BY = 45,
    FLAG_UTF8 = 1 << 11, /* of the name */
    MAX_ENTRIES = 65534, /* minizip counts them in the 16 bits of the classic directory */
    WRITE_CHUNK = 1 << 30
};

/* ---- minizip's view of the writer's file; it reads only to add to an old archive ---- */

static voidpf open_file(voidpf opaque, const void *path, int mode) {
    (void)path;
    (void)mode;
    return opaque;
}

static uLong write_file(voidpf opaque, voidpf stream, const void *buffer, uLong size) {
    (void)opaque;
    return fwrite(buffer, 1, size, stream);
}

static ZPOS64_T tell_file(voidpf opaque, voidpf stream) {
    (void)opaque;
    return (ZPOS64_T)ftello(stream);
}

static long seek_file(voidpf opaque, voidpf stream, ZPOS64_T offset, int origin) {
    (void)opaque;
    int whence = origin == ZLIB_FILEFUNC_SEEK_CUR   ? SEEK_CUR
                 : origin == ZLIB_FILEFUNC_SEEK_END ? SEEK_END
                                                    : SEEK_SET;
    return fseeko(stream, (off_t)offset, whence);
}

static int close_file(voidpf opaque, voidpf stream) {
    (void)opaque;
    (void)stream;
    return 0; /* the writer closes its file */
}

static int error_file(voidpf opaque, voidpf stream) {
    (void)opaque;
    return ferror(stream);
}

/* ---- entries ---- */

static dnnb_status fail_write(const dnnb__zip_writer *z) {
    int error = dnnb__writer_get_error(z->writer);
    return dnnb__fail(DNNB_ERR_IO, "%s: cannot write the archive%s%s", z->writer->path,
                      error ? ": " : "", error ? strerror(error) : "");
}

dnnb_status dnnb__zip_writer_open(dnnb__zip_writer *out, dnnb__writer *w) {
    zlib_filefunc64_def functions = {.zopen64_file = open_file,
                                     .zwrite_file = write_file,
                                     .ztell64_file = tell_file,
                                     .zseek64_file = seek_file,
                                     .zclose_file = close_file,
                                     .zerror_file = error_file,
                                     .opaque = w->file};
    *out = (dnnb__zip_writer){.writer = w};
    out->zip = zipOpen2_64(w->path, APPEND_STATUS_CREATE, NULL, &functions);
    return out->zip ? DNNB_OK : fail_write(out);
}

dnnb_status dnnb__zip_writer_begin(dnnb__zip_writer *z, const char *name, size_t n_bytes) {
    uint8_t extra[EXTRA_HEADER_BYTES + ALIGNMENT] = {'F', 'B'};
    int is_large = n_bytes >= UINT32_MAX;
    off_t at = ftello(z->writer->file);
    if (at < 0) return fail_write(z);
    if (z->n_entries == MAX_ENTRIES)
        return dnnb__fail(DNNB_ERR_LIMIT,
                          "%s: more than the %d entries of a zip: save as .safetensors",
                          z->writer->path, MAX_ENTRIES);
    z->n_entries++;
    size_t start = (size_t)at + LOCAL_HEADER_BYTES + strlen(name) + EXTRA_HEADER_BYTES +
                   (is_large ? ZIP64_EXTRA_BYTES : 0);
    size_t padding = (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
    extra[2] = (uint8_t)padding;
    memset(extra + EXTRA_HEADER_BYTES, 'Z', padding);
    zip_fileinfo info = {.dosDate = FIXED_DOS_DATE};
    int code =
        zipOpenNewFileInZip4_64(z->zip, name, &info, extra, (uInt)(EXTRA_HEADER_BYTES + padding),
                                NULL, 0, NULL, 0, 0, 0, -MAX_WBITS, DEF_MEM_LEVEL,
                                Z_DEFAULT_STRATEGY, NULL, 0, VERSION_MADE_BY, FLAG_UTF8, is_large);
    return code == ZIP_OK ? DNNB_OK : fail_write(z);
}

dnnb_status dnnb__zip_writer_write(dnnb__zip_writer *z, const void *bytes, size_t n) {
    for (size_t at = 0; at < n;) {
        size_t chunk = n - at < WRITE_CHUNK ? n - at : WRITE_CHUNK;
        if (zipWriteInFileInZip(z->zip, (const uint8_t *)bytes + at, (unsigned)chunk) != ZIP_OK)
            return fail_write(z);
        at += chunk;
    }
    return DNNB_OK;
}

static dnnb_status take_bytes(void *context, const void *bytes, size_t n) {
    return dnnb__zip_writer_write(context, bytes, n);
}

dnnb_status dnnb__zip_writer_write_tensor(dnnb__zip_writer *z, const dnnb_tensor *t) {
    return dnnb__tensor_write(t, take_bytes, z);
}

dnnb_status dnnb__zip_writer_end(dnnb__zip_writer *z) {
    return zipCloseFileInZip(z->zip) == ZIP_OK ? DNNB_OK : fail_write(z);
}

dnnb_status dnnb__zip_writer_add(dnnb__zip_writer *z, const char *name, const void *bytes,
                                 size_t n) {
    DNNB_TRY(dnnb__zip_writer_begin(z, name, n));
    DNNB_TRY(dnnb__zip_writer_write(z, bytes, n));
    return dnnb__zip_writer_end(z);
}

dnnb_status dnnb__zip_writer_finish(dnnb__zip_writer *z) {
    int code = zipClose(z->zip, NULL);
    dnnb_status status = code == ZIP_OK ? DNNB_OK : fail_write(z);
    z->zip = NULL;
    return status;
}

void dnnb__zip_writer_destroy(dnnb__zip_writer *z) {
    if (z->zip) (void)zipClose(z->zip, NULL);
    z->zip = NULL;
}
