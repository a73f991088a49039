/* The weight gradient of a convolution with AVX-512 (see conv_weights_loops.h): 24
 * of the 32 registers hold sums. */
#include "engine/kernels/kernels.h"

#ifdef DNNB__HAS_X86

#include <immintrin.h>
#include <string.h>

#define TARGET DNNB__AVX512
#define VECTOR __attribute__((always_inline)) DNNB__AVX512 static inline

enum { BLOCK = 16, IN_AT_ONCE = 8 };
typedef __m512 floats;

VECTOR floats zero(void) {
    return _mm512_setzero_ps();
}

VECTOR floats load(const float *from) {
    return _mm512_loadu_ps(from);
}

VECTOR void store(float *to, floats v) {
    _mm512_storeu_ps(to, v);
}

VECTOR floats repeat(const float *from) {
    return _mm512_set1_ps(*from);
}

VECTOR floats add(floats a, floats b) {
    return _mm512_add_ps(a, b);
}

VECTOR floats multiply_add(floats a, floats b, floats c) {
    return _mm512_fmadd_ps(a, b, c);
}

#include "engine/kernels/conv_weights_loops.h"

const dnnb__conv_weights_kernel dnnb__conv_weights_avx512 = {
    .name = "own:avx512", .block = BLOCK, .divide = weights_divide, .run = weights_run};

#endif
