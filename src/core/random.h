/*
 * Counted random numbers: Philox 4x32 with 10 rounds.
 *
 * A number is a function of (seed, purpose) and of a place: (epoch, image), (step, layer, element).
 * So no result depends on the number of threads, and any draw can be made again.
 *
 * Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011;
 * the known answers of its Random123 library are in tests/unit/test_core_random.c.
 */
#ifndef DNNB_CORE_RANDOM_H
#define DNNB_CORE_RANDOM_H

#include <stdint.h>

/** What a draw is for: draws of different purposes are independent. Numbers are never reused, so
 *  that old runs can be made again. */
typedef enum dnnb__purpose {
    DNNB__PURPOSE_INIT = 1,
    DNNB__PURPOSE_SHUFFLE = 2,
    DNNB__PURPOSE_AUGMENT = 3,
    DNNB__PURPOSE_DROPOUT = 4,
    DNNB__PURPOSE_SPLIT = 5,
    DNNB__PURPOSE_TEST = 6,
    DNNB__PURPOSE_FOLD = 7,
    DNNB__PURPOSE_FOLD_SEED = 8
} dnnb__purpose;

typedef struct dnnb__random_key {
    uint32_t word[2];
} dnnb__random_key;

typedef struct dnnb__random_block {
    uint32_t word[4];
} dnnb__random_block;

dnnb__random_key dnnb__random_key_create(uint64_t seed, dnnb__purpose purpose);

/** The bare function: key, 128-bit counter, four words out. */
static inline dnnb__random_block dnnb__philox(dnnb__random_key key, uint32_t c0, uint32_t c1,
                                              uint32_t c2, uint32_t c3) {
    uint32_t k0 = key.word[0], k1 = key.word[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (dnnb__random_block){{c0, c1, c2, c3}};
}

/** Block `n` of the numbers at place (major, minor): (epoch, image), or (step, layer). */
static inline dnnb__random_block dnnb__random_at(dnnb__random_key key, uint32_t major,
                                                 uint32_t minor, uint64_t n) {
    return dnnb__philox(key, (uint32_t)n, (uint32_t)(n >> 32), minor, major);
}

/** A short sequence of draws at one place; state is plain and starts at draw 0. */
typedef struct dnnb__random_draws {
    dnnb__random_key key;
    uint32_t major, minor;
    uint64_t n; /* words drawn so far */
    dnnb__random_block block;
} dnnb__random_draws;

dnnb__random_draws dnnb__random_draws_create(dnnb__random_key key, uint32_t major, uint32_t minor);
uint32_t dnnb__random_u32(dnnb__random_draws *draws);
/** Uniform in [0, 1), 53 bits. */
double dnnb__random_uniform(dnnb__random_draws *draws);
/** Uniform in 0 .. n-1 without bias; n >= 1. */
uint64_t dnnb__random_below(dnnb__random_draws *draws, uint64_t n);

/** Fill `order` with a random permutation of 0 .. n-1 (Fisher-Yates) at place (major, 0). */
void dnnb__random_permutation(dnnb__random_key key, uint32_t major, uint64_t *order, uint64_t n);

#endif
