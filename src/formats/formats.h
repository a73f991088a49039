/*
 * The readers and writers of state dicts, each on its own.
 *
 * A reader takes the whole file as a storage, mapped or in memory, so that its tensors can be views
 * of it; `name` stands for the file in messages. It adds what it finds to a dict, and leaves the
 * dict to be thrown away when it fails. A writer takes an open temporary file.
 */
#ifndef DNNB_FORMATS_FORMATS_H
#define DNNB_FORMATS_FORMATS_H

#include "tensor/dict.h"
#include "tensor/tensor.h"

/* Signature tests on a file's bytes. */
bool dnnb__pth_zip_is(const uint8_t *bytes, size_t n);
bool dnnb__pth_legacy_is(const uint8_t *bytes, size_t n);
bool dnnb__pth_tar_is(const uint8_t *bytes, size_t n);
bool dnnb__safetensors_is(const uint8_t *bytes, size_t n);
bool dnnb__npz_is(const uint8_t *bytes, size_t n);
bool dnnb__npy_is(const uint8_t *bytes, size_t n);

DNNB_MUST_CHECK dnnb_status dnnb__pth_zip_read(dnnb_dict *dict, dnnb__storage *s, const char *name);
DNNB_MUST_CHECK dnnb_status dnnb__pth_legacy_read(dnnb_dict *dict, dnnb__storage *s,
                                                  const char *name);
DNNB_MUST_CHECK dnnb_status dnnb__pth_tar_read(dnnb_dict *dict, dnnb__storage *s, const char *name);
DNNB_MUST_CHECK dnnb_status dnnb__safetensors_read(dnnb_dict *dict, dnnb__storage *s,
                                                   const char *name);
DNNB_MUST_CHECK dnnb_status dnnb__npz_read(dnnb_dict *dict, dnnb__storage *s, const char *name);
DNNB_MUST_CHECK dnnb_status dnnb__npy_read(dnnb_dict *dict, dnnb__storage *s, const char *name);

DNNB_MUST_CHECK dnnb_status dnnb__pth_write(const dnnb_dict *dict, dnnb__writer *w);
DNNB_MUST_CHECK dnnb_status dnnb__safetensors_write(const dnnb_dict *dict, dnnb__writer *w);
DNNB_MUST_CHECK dnnb_status dnnb__npz_write(const dnnb_dict *dict, dnnb__writer *w);
DNNB_MUST_CHECK dnnb_status dnnb__npy_write(const dnnb_dict *dict, dnnb__writer *w);

/** Any format, by the first bytes; what dnnb_dict_load does after mapping the file. */
DNNB_MUST_CHECK dnnb_status dnnb__dict_read(dnnb_dict **out, dnnb__storage *s, const char *name);

/** dnnb_dict_load() without a copy of elements that do not lie aligned in the file, as in most
 * files of the older .pth layouts: what dnnb__storage_allow_unaligned() says holds for the tensors.
 */
DNNB_MUST_CHECK dnnb_status dnnb__dict_load_in_place(dnnb_dict **out, const char *path);

/** Where the raw elements of tensors lie: a part of a storage. */
typedef struct dnnb__part {
    dnnb__storage *storage;
    size_t at_bytes, n_bytes;
} dnnb__part;

/**
 * Make a part begin at a multiple of `alignment` in memory: itself when it does, or need not,
 * otherwise a copy.
 *
 * @param[in,out] part On success it names `*copy` when a copy was made.
 * @param[out]    copy The copy with one reference for the caller, or NULL.
 */
DNNB_MUST_CHECK dnnb_status dnnb__part_align(dnnb__part *part, size_t alignment,
                                             dnnb__storage **copy);

/** Bytes of a tensor's elements, packed. */
size_t dnnb__tensor_get_packed_bytes(const dnnb_tensor *t);
/** A tensor's elements packed in row-major order: its own where it is contiguous, otherwise in
 *  `*copy`, to be freed with dnnb__free. They stay until the next are packed. */
DNNB_MUST_CHECK dnnb_status dnnb__tensor_pack(const dnnb_tensor *t, const void **bytes,
                                              void **copy);

/** Takes the next bytes of something. */
typedef dnnb_status (*dnnb__bytes_take)(void *context, const void *bytes, size_t n);
/** The same elements to `take`, in one part or several: those that are made when they are wanted
 *  are not all there at once. @error What `take` says; DNNB_ERR_MEMORY. */
DNNB_MUST_CHECK dnnb_status dnnb__tensor_write(const dnnb_tensor *t, dnnb__bytes_take take,
                                               void *context);

/** Such a one, of a dnnb__writer. */
DNNB_MUST_CHECK dnnb_status dnnb__bytes_take_to_writer(void *writer, const void *bytes, size_t n);

/** A name that every format can hold: UTF-8 without a NUL, not empty, at most 4,096 bytes. */
bool dnnb__name_is_valid(const char *name, size_t n);
enum { DNNB__NAME_MAX_BYTES = 4096 };

/** A flat array, borrowed. */
typedef struct dnnb__array {
    const char *name;
    dnnb_dtype dtype;
    const void *data;
    size_t n; /* elements */
} dnnb__array;

/** What stands before the elements of a .safetensors file that holds `arrays` in their order; wider
 *  types come first, so that all are aligned. */
DNNB_MUST_CHECK dnnb_status dnnb__safetensors_print_header(dnnb__buf *out,
                                                           const dnnb__array *arrays, size_t n);

#endif
