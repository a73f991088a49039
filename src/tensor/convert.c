/*
 * Tensors in another floating type: to the nearest number that the type has, ties to even.
 *
 * float64 goes by float32, in which this project computes; a number that float16 or bfloat16 has
 * no room for is refused, since an infinite weight would come to light much later.
 * Source: IEEE 754-2019, section 4.3.1.
 */
#include <math.h>
#include <string.h>

#include "core/bf16.h"
#include "tensor/tensor.h"

static bool is_floating(dnnb_dtype dtype) {
    return dtype == DNNB_F32 || dtype == DNNB_F64 || dtype == DNNB_F16 || dtype == DNNB_BF16;
}

static uint32_t get_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Drop the last n bits, rounding to the nearest and ties to even; a carry goes into the exponent,
 * as it should. */
static uint32_t round_off(uint32_t bits, unsigned n) {
    return (bits + (1u << (n - 1)) - 1 + (bits >> n & 1)) >> n;
}

static uint16_t to_half(float value) {
    uint32_t bits = get_bits(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u); /* NaN */
    if (magnitude == 0x7f800000u) return (uint16_t)(sign | 0x7c00u);
    if (magnitude >= 0x38800000u) { /* 2^-14 and above: normal */
        uint32_t half = round_off(magnitude - (112u << 23), 13);
        return (uint16_t)(sign | (half < 0x7c00u ? half : 0x7c00u));
    }
    /* Subnormal: a multiple of 2^-24. nearbyint rounds ties to even. */
    return (uint16_t)(sign | (uint32_t)nearbyintf(fabsf(value) * 0x1p24f));
}

/* One element; false when a finite number becomes infinite. */
static bool write_element(uint8_t *out, dnnb_dtype dtype, float value) {
    double wide = (double)value;
    uint16_t half;
    switch (dtype) {
    case DNNB_F64:
        memcpy(out, &wide, sizeof wide);
        return true;
    case DNNB_F16:
        half = to_half(value);
        memcpy(out, &half, sizeof half);
        return (half & 0x7fffu) != 0x7c00u || isinf(value);
    case DNNB_BF16:
        half = dnnb__bf16_round(value);
        memcpy(out, &half, sizeof half);
        return (half & 0x7fffu) != 0x7f80u || isinf(value);
    default:
        memcpy(out, &value, sizeof value);
        return true;
    }
}

dnnb_status dnnb_tensor_convert(dnnb_tensor **out, const dnnb_tensor *t, dnnb_dtype dtype) {
    size_t n = dnnb_tensor_get_count(t), size = dnnb_dtype_get_size(dtype);
    *out = NULL;
    if (!is_floating(dtype) || !is_floating(dnnb_tensor_get_dtype(t)))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "tensor: expected floating types, found %s to %s",
                          dnnb_dtype_get_name(dnnb_tensor_get_dtype(t)),
                          dnnb_dtype_get_name(dtype));
    if (dtype == dnnb_tensor_get_dtype(t)) return dnnb_tensor_clone(out, t);
    dnnb_tensor *made;
    DNNB_TRY(dnnb_tensor_create(&made, dtype, dnnb_tensor_get_shape(t)));
    float *values = dnnb__alloc(n, sizeof *values);
    dnnb_status status = values ? dnnb_tensor_read_f32(t, values, n) : dnnb__fail_memory();
    uint8_t *bytes = dnnb_tensor_get_writable(made);
    for (size_t i = 0; status == DNNB_OK && i < n; i++)
        if (!write_element(bytes + i * size, dtype, values[i]))
            status = dnnb__fail(DNNB_ERR_NUMERIC, "element %zu: %g is too large for %s", i,
                                (double)values[i], dnnb_dtype_get_name(dtype));
    dnnb__free(values);
    if (status != DNNB_OK) {
        dnnb_tensor_destroy(made);
        return status;
    }
    *out = made;
    return DNNB_OK;
}

dnnb_status dnnb_dict_convert(dnnb_dict **out, const dnnb_dict *dict, dnnb_dtype dtype) {
    dnnb_dict *made;
    *out = NULL;
    DNNB_TRY(dnnb_dict_create(&made));
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; status == DNNB_OK && i < dnnb_dict_get_count(dict); i++) {
        const dnnb_tensor *t = dnnb_dict_get_tensor(dict, i);
        const char *name = dnnb_dict_get_name(dict, i);
        dnnb_tensor *converted;
        status = is_floating(dnnb_tensor_get_dtype(t)) ? dnnb_tensor_convert(&converted, t, dtype)
                                                       : dnnb_tensor_clone(&converted, t);
        if (status != DNNB_OK) {
            status = dnnb__fail_prefix(status, "tensor '%s'", name);
            break;
        }
        status = dnnb_dict_add(made, name, converted);
        if (status != DNNB_OK) dnnb_tensor_destroy(converted);
    }
    if (status != DNNB_OK) {
        dnnb_dict_destroy(made);
        return status;
    }
    *out = made;
    return DNNB_OK;
}
