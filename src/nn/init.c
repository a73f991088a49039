/*
 * Initial values of parameters.
 *
 * A value is a function of the key, the parameter's path and the element's index: block i / 4 of
 * Philox at the place that the path's 64-bit FNV-1a hash names. So parameters do not depend on each
 * other, on their order or on threads. A uniform number has 24 bits, as PyTorch's for float32.
 */
#include <string.h>

#include "core/kernel.h"
#include "nn/graph.h"

enum { BLOCKS = 32, WORDS = 4 * BLOCKS }; /* blocks made together, so that they share vectors */

static uint64_t hash_path(const char *path) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *path; path++) hash = (hash ^ (unsigned char)*path) * 0x100000001b3u;
    return hash;
}

/* WORDS numbers from block `first` on. `u` below 1 makes u * 2b - b stay below b when rounded. */
DNNB__KERNEL static void fill_uniform(dnnb__random_key key, uint64_t hash, uint64_t first,
                                      float bound, float *out) {
    uint32_t major = (uint32_t)(hash >> 32), minor = (uint32_t)hash;
    float width = 2 * bound;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        dnnb__random_block block = dnnb__random_at(key, major, minor, first + i);
        for (size_t k = 0; k < 4; k++)
            out[4 * i + k] = (float)(int32_t)(block.word[k] >> 8) * 0x1p-24f * width - bound;
    }
}

void dnnb__param_initialize(const dnnb__param *param, dnnb__random_key key, float *out) {
    if (param->init.kind != DNNB__INIT_UNIFORM) {
        float value = param->init.kind == DNNB__INIT_ONES ? 1.0f : 0.0f;
        for (size_t i = 0; i < param->count; i++) out[i] = value;
        return;
    }
    uint64_t hash = hash_path(param->path);
    float bound = (float)param->init.bound, last[WORDS];
    size_t i = param->count / WORDS * WORDS;
#pragma omp parallel for schedule(static)
    for (size_t at = 0; at < i; at += WORDS) fill_uniform(key, hash, at / 4, bound, out + at);
    if (i == param->count) return;
    fill_uniform(key, hash, i / 4, bound, last);
    memcpy(out + i, last, (param->count - i) * sizeof *out);
}
