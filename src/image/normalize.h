/* Normalising by table: an 8-bit pixel has 256 values, so each result is computed once. */
#ifndef DNNB_IMAGE_NORMALIZE_H
#define DNNB_IMAGE_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** table[c][v] = (v / 255 - mean[c]) / std[c], each step rounded to float32 as PyTorch's are. */
void dnnb__normalize_fill(float table[3][256], const float mean[3], const float std[3]);

/** One row of n pixels to its place in three planes, `plane` floats apart; mirrored when `flip`. */
void dnnb__normalize_row(float (*table)[256], const uint8_t *pixels, size_t n, bool flip,
                         float *out, size_t plane);

#endif
