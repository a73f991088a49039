/* Normalising by table: an 8-bit pixel has 256 values, so each result is computed once. */
#ifndef DNNB_IMAGE_NORMALIZE_H
#define DNNB_IMAGE_NORMALIZE_H

#include <stdint.h>

/** table[c][v] = (v / 255 - mean[c]) / std[c], each step rounded to float32 as PyTorch's are. */
void dnnb__normalize_fill(float table[3][256], const float mean[3], const float std[3]);

#endif
