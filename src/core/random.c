/* Keys, sequences of draws and permutations over Philox 4x32-10. */
#include "core/random.h"

dnnb__random_key dnnb__random_key_create(uint64_t seed, dnnb__purpose purpose) {
    /* Seeds that differ in one bit, or purposes, must not give related keys: one Philox call mixes.
     */
    dnnb__random_key raw = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    dnnb__random_block mixed = dnnb__philox(raw, (uint32_t)purpose, 0, 0, 0x646e6e62u);
    return (dnnb__random_key){{mixed.word[0], mixed.word[1]}};
}

dnnb__random_draws dnnb__random_draws_create(dnnb__random_key key, uint32_t major, uint32_t minor) {
    return (dnnb__random_draws){.key = key, .major = major, .minor = minor};
}

uint32_t dnnb__random_u32(dnnb__random_draws *draws) {
    if (draws->n % 4 == 0)
        draws->block = dnnb__random_at(draws->key, draws->major, draws->minor, draws->n / 4);
    return draws->block.word[draws->n++ % 4];
}

static uint64_t random_u64(dnnb__random_draws *draws) {
    uint64_t low = dnnb__random_u32(draws);
    return (uint64_t)dnnb__random_u32(draws) << 32 | low;
}

double dnnb__random_uniform(dnnb__random_draws *draws) {
    return (double)(random_u64(draws) >> 11) * 0x1p-53;
}

uint64_t dnnb__random_below(dnnb__random_draws *draws, uint64_t n) {
    uint64_t rejected = (0 - n) % n; /* 2^64 mod n values at the bottom would bias */
    uint64_t value;
    do value = random_u64(draws);
    while (value < rejected);
    return value % n;
}

void dnnb__random_permutation(dnnb__random_key key, uint32_t major, uint64_t *order, uint64_t n) {
    dnnb__random_draws draws = dnnb__random_draws_create(key, major, 0);
    for (uint64_t i = 0; i < n; i++) order[i] = i;
    for (uint64_t i = n; i > 1; i--) {
        uint64_t j = dnnb__random_below(&draws, i);
        uint64_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}
