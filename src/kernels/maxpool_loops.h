/*
 * The loops of max pooling, for one instruction set. Included once by each maxpool_<set>.c, after
 * it has defined
 *   TARGET, LANES        its attribute, and elements of a vector
 *   floats, ints, mask   a vector of float32, one of int32, and a comparison's result
 *   load_f32, store_f32, load_bf16, store_bf16   of floats; storing bfloat16 rounds
 *   set, set_ints        floats and ints of one number
 *   load_places, store_places   ints from and to as many bytes
 *   wins(value, best)    where value > best, or value is a NaN
 *   not_positive(value)  where value <= 0
 *   equal(a, b)          of ints
 *   pick(m, a, b), pick_ints(m, a, b)   a where m, else b
 *   add(a, b)
 * Each loop is built for both types, which differ in their loads and stores.
 */
#define INLINE __attribute__((always_inline)) TARGET static inline

INLINE floats load(const void *from, int64_t at, bool is_bf16) {
    return is_bf16 ? load_bf16((const uint16_t *)from + at) : load_f32((const float *)from + at);
}

INLINE void store(void *to, int64_t at, floats v, bool is_bf16) {
    if (is_bf16)
        store_bf16((uint16_t *)to + at, v);
    else
        store_f32((float *)to + at, v);
}

/* The part of a window that lies inside the input, along one dimension. */
static inline void clip_window(const dnnb__maxpool *p, int i, int64_t o, int64_t *corner,
                               int64_t *first, int64_t *end) {
    *corner = o * p->stride[i] - p->padding[i];
    *first = *corner < 0 ? 0 : *corner;
    *end = *corner + p->kernel[i] < p->in[i] ? *corner + p->kernel[i] : p->in[i];
}

INLINE void find_maxima(const dnnb__maxpool *p, const void *in, int64_t oy, void *out,
                        uint8_t *where, bool is_bf16) {
    int64_t y0, y1, y_corner, x0, x1, x_corner;
    clip_window(p, 0, oy, &y_corner, &y0, &y1);
    for (int64_t ox = 0; ox < p->out[1]; ox++) {
        clip_window(p, 1, ox, &x_corner, &x0, &x1);
        for (int64_t lane = 0; lane < p->block; lane += LANES) {
            floats best = set(-INFINITY);
            ints best_at = set_ints((int)((y0 - y_corner) * p->kernel[1] + x0 - x_corner));
            for (int64_t y = y0; y < y1; y++) {
                int k = (int)((y - y_corner) * p->kernel[1] + x0 - x_corner);
                int64_t at = (y * p->in[1] + x0) * p->block + lane;
                for (int64_t x = x0; x < x1; x++, k++, at += p->block) {
                    floats value = load(in, at, is_bf16);
                    mask m = wins(value, best);
                    best = pick(m, value, best);
                    best_at = pick_ints(m, set_ints(k), best_at);
                }
            }
            if (p->relu) best = pick(not_positive(best), set(0.0f), best);
            store(out, ox * p->block + lane, best, is_bf16);
            if (where) store_places(where + ox * p->block + lane, best_at);
        }
    }
}

/* Windows first .. end that hold place i along one dimension; i goes up by one from call to call,
 * from first = end = 0 on. */
static inline void move_windows(const dnnb__maxpool *p, int d, int64_t i, int64_t *first,
                                int64_t *end) {
    while (*end < p->out[d] && *end * p->stride[d] - p->padding[d] <= i) ++*end;
    while (*first < *end && *first * p->stride[d] - p->padding[d] + p->kernel[d] <= i) ++*first;
}

/* Each element gathers the gradients of the windows whose maximum it is, in their order. */
INLINE void gather_gradients(const dnnb__maxpool *p, const void *out_gradient, const void *out,
                             const uint8_t *where, void *in_gradient, bool is_bf16) {
    int64_t oy0 = 0, oy1 = 0;
    for (int64_t y = 0; y < p->in[0]; y++) {
        int64_t ox0 = 0, ox1 = 0;
        move_windows(p, 0, y, &oy0, &oy1);
        for (int64_t x = 0; x < p->in[1]; x++) {
            move_windows(p, 1, x, &ox0, &ox1);
            for (int64_t lane = 0; lane < p->block; lane += LANES) {
                floats sum = set(0.0f), zero = sum;
                for (int64_t oy = oy0; oy < oy1; oy++)
                    for (int64_t ox = ox0; ox < ox1; ox++) {
                        int64_t at = (oy * p->out[1] + ox) * p->block + lane;
                        int64_t ky = y + p->padding[0] - oy * p->stride[0];
                        int64_t kx = x + p->padding[1] - ox * p->stride[1];
                        floats g = load(out_gradient, at, is_bf16);
                        if (p->relu) g = pick(not_positive(load(out, at, is_bf16)), zero, g);
                        mask is_here =
                            equal(load_places(where + at), set_ints((int)(ky * p->kernel[1] + kx)));
                        sum = add(sum, pick(is_here, g, zero));
                    }
                store(in_gradient, (y * p->in[1] + x) * p->block + lane, sum, is_bf16);
            }
        }
    }
}

TARGET static void row_forward(const dnnb__maxpool *p, const void *in, int64_t oy, void *out,
                               uint8_t *where) {
    find_maxima(p, in, oy, out, where, false);
}

TARGET static void row_forward_bf16(const dnnb__maxpool *p, const void *in, int64_t oy, void *out,
                                    uint8_t *where) {
    find_maxima(p, in, oy, out, where, true);
}

TARGET static void plane_backward(const dnnb__maxpool *p, const void *out_gradient, const void *out,
                                  const uint8_t *where, void *in_gradient) {
    gather_gradients(p, out_gradient, out, where, in_gradient, false);
}

TARGET static void plane_backward_bf16(const dnnb__maxpool *p, const void *out_gradient,
                                       const void *out, const uint8_t *where, void *in_gradient) {
    gather_gradients(p, out_gradient, out, where, in_gradient, true);
}
