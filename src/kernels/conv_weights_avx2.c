/* The weight gradient of a convolution with AVX2 (see conv_weights_loops.h): 12 of
 * the 16 registers hold sums. oneDNN's own kernel reaches half of such a processor's peak. */
#include "kernels/conv_weights.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#define TARGET DNNB__AVX2
#define VECTOR __attribute__((always_inline)) DNNB__AVX2 static inline

enum { BLOCK = 8, IN_AT_ONCE = 4 };
typedef __m256 floats;

VECTOR floats zero(void) {
    return _mm256_setzero_ps();
}

VECTOR floats load(const float *from) {
    return _mm256_loadu_ps(from);
}

VECTOR void store(float *to, floats v) {
    _mm256_storeu_ps(to, v);
}

VECTOR floats repeat(const float *from) {
    return _mm256_set1_ps(*from);
}

VECTOR floats add(floats a, floats b) {
    return _mm256_add_ps(a, b);
}

VECTOR floats multiply_add(floats a, floats b, floats c) {
    return _mm256_fmadd_ps(a, b, c);
}

#include "kernels/conv_weights_loops.h"

const dnnb__conv_weights_kernel dnnb__conv_weights_avx2 = {
    .name = "own:avx2", .block = BLOCK, .divide = weights_divide, .run = weights_run};

#endif
