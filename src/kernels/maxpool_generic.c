/* Max pooling an element at a time, for blocks of channels that fill no vector (see
 * maxpool_loops.h). */
#include <math.h>

#include "core/bf16.h"
#include "kernels/maxpool.h"

#define TARGET
#define VECTOR static inline

enum { LANES = 1 };
typedef float floats;
typedef int ints;
typedef bool mask;

VECTOR floats load_f32(const float *from) {
    return *from;
}

VECTOR void store_f32(float *to, floats v) {
    *to = v;
}

VECTOR floats load_bf16(const uint16_t *from) {
    return dnnb__bf16_widen(*from);
}

VECTOR void store_bf16(uint16_t *to, floats v) {
    *to = dnnb__bf16_round(v);
}

VECTOR floats set(float value) {
    return value;
}

VECTOR ints set_ints(int value) {
    return value;
}

VECTOR ints load_places(const uint8_t *from) {
    return *from;
}

VECTOR void store_places(uint8_t *to, ints v) {
    *to = (uint8_t)v;
}

VECTOR mask wins(floats value, floats best) {
    return value > best || isnan(value);
}

VECTOR mask not_positive(floats v) {
    return v <= 0.0f;
}

VECTOR mask equal(ints a, ints b) {
    return a == b;
}

VECTOR floats pick(mask m, floats a, floats b) {
    return m ? a : b;
}

VECTOR ints pick_ints(mask m, ints a, ints b) {
    return m ? a : b;
}

VECTOR floats add(floats a, floats b) {
    return a + b;
}

#include "kernels/maxpool_loops.h"

const dnnb__maxpool_kernel dnnb__maxpool_generic = {.name = "own",
                                                    .lanes = LANES,
                                                    .row_forward = row_forward,
                                                    .plane_backward = plane_backward,
                                                    .row_forward_bf16 = row_forward_bf16,
                                                    .plane_backward_bf16 = plane_backward_bf16};
