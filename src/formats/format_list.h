/*
 * The formats of state dicts. To add one: its signature test, reader and writer in a file of its
 * own, declared in formats.h, and a row here.
 *
 * Row: name, signature test, reader, the endings that choose its writer, writer. The first test
 * that holds decides, so a row with a narrower test stands before a wider one. A layout that is
 * only read has no endings.
 */
#ifndef DNNB_FORMATS_FORMAT_LIST_H
#define DNNB_FORMATS_FORMAT_LIST_H

#include "formats/formats.h"

#define DNNB__FORMAT_LIST(X)                                                                       \
    X("npz", dnnb__npz_is, dnnb__npz_read, ".npz", dnnb__npz_write)                                \
    X("pth, zip", dnnb__pth_zip_is, dnnb__pth_zip_read, ".pth,.pt", dnnb__pth_write)               \
    X("pth, legacy", dnnb__pth_legacy_is, dnnb__pth_legacy_read, "", NULL)                         \
    X("pth, tar", dnnb__pth_tar_is, dnnb__pth_tar_read, "", NULL)                                  \
    X("npy", dnnb__npy_is, dnnb__npy_read, ".npy", dnnb__npy_write)                                \
    X("safetensors", dnnb__safetensors_is, dnnb__safetensors_read, ".safetensors",                 \
      dnnb__safetensors_write)

#endif
