/*
 * Max pooling with vectors of four, which the compiler makes of whatever every processor of its
 * kind has: SSE2 on x86-64 (see maxpool_loops.h).
 */
#include <math.h>

#include "core/bf16.h"
#include "kernels/maxpool.h"

#define TARGET
#define VECTOR static inline

enum { LANES = 4 };
typedef float floats __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(16), aligned(4), may_alias));
typedef ints mask;

VECTOR floats load_f32(const float *from) {
    return *(const floats *)from;
}

VECTOR void store_f32(float *to, floats v) {
    *(floats *)to = v;
}

VECTOR floats load_bf16(const uint16_t *from) {
    ints bits = {from[0], from[1], from[2], from[3]};
    return (floats)(bits << 16);
}

VECTOR void store_bf16(uint16_t *to, floats v) {
    for (int i = 0; i < LANES; i++) to[i] = dnnb__bf16_round(v[i]);
}

VECTOR floats set(float value) {
    return (floats){value, value, value, value};
}

VECTOR ints set_ints(int value) {
    return (ints){value, value, value, value};
}

VECTOR ints load_places(const uint8_t *from) {
    return (ints){from[0], from[1], from[2], from[3]};
}

VECTOR void store_places(uint8_t *to, ints v) {
    for (int i = 0; i < LANES; i++) to[i] = (uint8_t)v[i];
}

VECTOR mask wins(floats value, floats best) {
    return (mask)(value > best) | (mask)(value != value);
}

VECTOR mask not_positive(floats v) {
    return (mask)(v <= set(0.0f));
}

VECTOR mask equal(ints a, ints b) {
    return (mask)(a == b);
}

VECTOR ints pick_ints(mask m, ints a, ints b) {
    return (m & a) | (~m & b);
}

VECTOR floats pick(mask m, floats a, floats b) {
    return (floats)pick_ints(m, (ints)a, (ints)b);
}

VECTOR floats add(floats a, floats b) {
    return a + b;
}

#include "kernels/maxpool_loops.h"

const dnnb__maxpool_kernel dnnb__maxpool_sse = {.name = "own:sse",
                                                .lanes = LANES,
                                                .row_forward = row_forward,
                                                .plane_backward = plane_backward,
                                                .row_forward_bf16 = row_forward_bf16,
                                                .plane_backward_bf16 = plane_backward_bf16};
