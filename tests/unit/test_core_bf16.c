/* Rounding to bfloat16: against the definition, and arrays against single numbers. */
#include "unit/unit.h"

#include <math.h>

#include "core/bf16.h"

enum { N = 1920, GUARD = 0xabcd };

/* The nearest of the two bfloat16 around a finite number, the even one of two as near, in float64
 * where both distances are exact. */
static uint16_t nearest(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t low = (uint16_t)(bits >> 16), high = (uint16_t)(low + 1);
    double below = fabs((double)value - (double)dnnb__bf16_widen(low));
    double step =
        fabs((double)dnnb__bf16_widen(low) - (double)dnnb__bf16_widen((uint16_t)(low - 1)));
    /* The next bfloat16 after the largest is where an infinity begins. */
    double next = isinf(dnnb__bf16_widen(high))
                      ? copysign(fabs((double)dnnb__bf16_widen(low)) + step, (double)value)
                      : (double)dnnb__bf16_widen(high);
    double above = fabs(next - (double)value);
    if (below == above) return low & 1 ? high : low;
    return below < above ? low : high;
}

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Every exponent, both signs, ties and their neighbours, then NaN of every kind and infinities. */
static void fill(float *values, size_t n) {
    static const uint32_t tails[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x18000, 0x1ffff};
    static const uint32_t special[] = {0x7f800000u, 0xff800000u, 0x7f800001u, 0xff800001u,
                                       0x7fc00000u, 0x7fffffffu, 0xffffffffu, 0x7f80ffffu};
    for (size_t i = 0; i < n; i++) {
        uint32_t exponent = (uint32_t)(i / 8 % 255) << 23, sign = (uint32_t)(i / 3 % 2) << 31;
        uint32_t mantissa = (uint32_t)(i * 7919 % 128) << 16 & 0x7e0000u;
        values[i] = from_bits(sign | exponent | (mantissa ^ tails[i % 8]));
        if (i % 13 == 0) values[i] = from_bits(special[i / 13 % 8]);
    }
}

static void test_core_bf16__a_number_becomes_the_nearest(void **state) {
    (void)state;
    float values[N];
    fill(values, N);
    for (size_t i = 0; i < N; i++) {
        uint16_t rounded = dnnb__bf16_round(values[i]);
        if (isnan(values[i])) {
            assert_true(isnan(dnnb__bf16_widen(rounded)));
            assert_int_equal(signbit(dnnb__bf16_widen(rounded)) != 0, signbit(values[i]) != 0);
        } else if (isinf(values[i])) {
            assert_true(dnnb__bf16_widen(rounded) == values[i]);
        } else {
            assert_int_equal(rounded, nearest(values[i]));
        }
    }
}

/* Rows shorter than a vector, of whole vectors, and with a rest. */
static void test_core_bf16__arrays_are_rounded_as_numbers_are(void **state) {
    (void)state;
    static const size_t rows[] = {0, 1, 2, 3, 5, 8, 15, 16, 17, 24, 32, 40, 64, 80, 96, 320};
    float values[N + 1];
    uint16_t out[N + 1];
    fill(values, N + 1);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        size_t row = rows[r], n = row == 0 ? N - 1 : N / (2 * row) * (2 * row);
        const float *in = values + r % 2; /* any alignment */
        for (size_t i = 0; i <= N; i++) out[i] = GUARD;
        dnnb__bf16_round_pairs(in, n, row, out);
        for (size_t i = 0; i < n; i++) {
            size_t at = i;
            if (row > 0) at = i / (2 * row) * (2 * row) + i % row * 2 + i / row % 2;
            assert_int_equal(out[at], dnnb__bf16_round(in[i]));
        }
        assert_int_equal(out[n], GUARD);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_bf16__a_number_becomes_the_nearest),
        cmocka_unit_test(test_core_bf16__arrays_are_rounded_as_numbers_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
