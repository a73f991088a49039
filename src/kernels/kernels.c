/* The table of kernels by instruction set. */
#include "kernels/kernels.h"

static const dnnb__kernels rows[DNNB__ISA_COUNT] = {
    [DNNB__ISA_SSE] = {.maxpool = &dnnb__maxpool_sse,
                       .resample = &dnnb__resample_plain,
                       .peaks = {&dnnb__peak_sse}},
#ifdef DNNB__HAS_X86
    [DNNB__ISA_AVX2] = {.maxpool = &dnnb__maxpool_avx2,
                        .conv_weights = &dnnb__conv_weights_avx2,
                        .linear = &dnnb__linear_avx2,
                        .resample = &dnnb__resample_avx2,
                        .peaks = {&dnnb__peak_avx2}},
    [DNNB__ISA_AVX512] = {.maxpool = &dnnb__maxpool_avx512,
                          .conv_weights_bf16 = &dnnb__conv_weights_amx,
                          .linear = &dnnb__linear_avx512,
                          .linear_bf16 = &dnnb__linear_bf16_amx,
                          .linear_gradient = &dnnb__linear_gradient_amx,
                          .winograd = &dnnb__winograd_avx512,
                          .winograd_bf16 = &dnnb__winograd_amx,
                          .peaks = {&dnnb__peak_amx, &dnnb__peak_avx512_bf16, &dnnb__peak_avx512}},
#endif
};

const dnnb__kernels *dnnb__kernels_get_row(dnnb__isa isa) {
    return &rows[isa];
}

const dnnb__maxpool_kernel *dnnb__kernels_find_maxpool(dnnb__isa isa, int64_t block) {
    for (int i = (int)isa; i >= 0; i--)
        if (rows[i].maxpool && block % rows[i].maxpool->lanes == 0) return rows[i].maxpool;
    return &dnnb__maxpool_generic;
}

const dnnb__conv_weights_kernel *dnnb__kernels_find_conv_weights(dnnb__isa isa, int64_t block) {
    for (int i = (int)isa; i >= 0; i--)
        if (rows[i].conv_weights && rows[i].conv_weights->block == block)
            return rows[i].conv_weights;
    return NULL;
}

const dnnb__conv_weights_bf16_kernel *dnnb__kernels_find_conv_weights_bf16(dnnb__isa isa) {
    for (int i = (int)isa; i >= 0; i--)
        if (rows[i].conv_weights_bf16 && rows[i].conv_weights_bf16->can_run())
            return rows[i].conv_weights_bf16;
    return NULL;
}

const dnnb__linear_kernel *dnnb__kernels_find_linear(dnnb__isa isa) {
    for (int i = (int)isa; i >= 0; i--)
        if (rows[i].linear) return rows[i].linear;
    return NULL;
}

const dnnb__linear_bf16_kernel *dnnb__kernels_find_linear_bf16(dnnb__isa isa) {
    for (int i = (int)isa; i >= 0; i--)
        if (rows[i].linear_bf16 && rows[i].linear_bf16->can_run()) return rows[i].linear_bf16;
    return NULL;
}

const dnnb__linear_gradient_kernel *dnnb__kernels_find_linear_gradient(dnnb__isa isa) {
    for (int i = (int)isa; i >= 0; i--)
        if (rows[i].linear_gradient && rows[i].linear_gradient->can_run())
            return rows[i].linear_gradient;
    return NULL;
}

const dnnb__resample_kernel *dnnb__kernels_find_resample(dnnb__isa isa) {
    int i = (int)isa;
    while (!rows[i].resample) i--; /* the first row has one */
    return rows[i].resample;
}

const dnnb__winograd_kernel *dnnb__kernels_find_winograd(dnnb__isa isa) {
    for (int i = (int)isa; i >= 0; i--)
        if (rows[i].winograd) return rows[i].winograd;
    return NULL;
}

const dnnb__winograd_kernel *dnnb__kernels_find_winograd_bf16(dnnb__isa isa) {
    for (int i = (int)isa; i >= 0; i--)
        if (rows[i].winograd_bf16 && rows[i].winograd_bf16->can_run()) return rows[i].winograd_bf16;
    return NULL;
}

/* Measured by `dnnbrain bench`: with AVX512_BF16 an AMD of Zen 4 multiplies twice as many numbers
 * of bfloat16 a second as of float32, but a Xeon that has AMX for them, and does not offer it to
 * its virtual machines, half as many. Cooper Lake, Intel's one generation with AVX512_BF16 before
 * AMX, was not measured, and keeps oneDNN's kernels for it. */
bool dnnb__kernels_bf16_is_slow(void) {
#ifdef DNNB__HAS_X86
    __builtin_cpu_init();
    bool has_fast = !__builtin_cpu_is("intel") || __builtin_cpu_is("cooperlake");
    return !has_fast || !__builtin_cpu_supports("avx512bf16");
#else
    return true;
#endif
}

const dnnb__peak_kernel *dnnb__kernels_find_peak(dnnb__isa isa, bool is_bf16) {
    for (int i = (int)isa; i >= 0; i--)
        for (size_t j = 0; j < DNNB__KERNELS_MAX_PEAKS && rows[i].peaks[j]; j++) {
            const dnnb__peak_kernel *peak = rows[i].peaks[j];
            if (peak->is_bf16 == is_bf16 && (!peak->can_run || peak->can_run())) return peak;
        }
    return NULL;
}
