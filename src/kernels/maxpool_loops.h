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
 * Each loop is built for both types, which differ in their loads and stores; instead of
 * find_maxima() and gather() a set may have its own for bfloat16, named by the macros
 * FIND_MAXIMA_BF16 and GATHER_BF16.
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

/* The part of a window that lies inside the input: its pixels, and the place of the first. */
typedef struct window {
    int64_t y0, y1, x0, x1, place;
} window;

static inline window get_window(const dnnb__maxpool *p, int64_t oy, int64_t ox) {
    window w;
    int64_t y_corner, x_corner;
    clip_window(p, 0, oy, &y_corner, &w.y0, &w.y1);
    clip_window(p, 1, ox, &x_corner, &w.x0, &w.x1);
    w.place = (w.y0 - y_corner) * p->kernel[1] + w.x0 - x_corner;
    return w;
}

/* Of LANES channels from lane on. */
INLINE void find_maximum(const dnnb__maxpool *p, const window *w, const void *in, int64_t lane,
                         void *out, uint8_t *where, bool is_bf16) {
    floats best = set(-INFINITY);
    ints best_at = set_ints((int)w->place);
    for (int64_t y = w->y0; y < w->y1; y++) {
        int k = (int)(w->place + (y - w->y0) * p->kernel[1]);
        int64_t at = (y * p->in[1] + w->x0) * p->block + lane;
        for (int64_t x = w->x0; x < w->x1; x++, k++, at += p->block) {
            floats value = load(in, at, is_bf16);
            mask m = wins(value, best);
            best = pick(m, value, best);
            best_at = pick_ints(m, set_ints(k), best_at);
        }
    }
    if (p->relu) {
        mask is_zeroed = not_positive(best);
        best = pick(is_zeroed, set(0.0f), best);
        best_at = pick_ints(is_zeroed, set_ints(DNNB__MAXPOOL_NOWHERE), best_at);
    }
    store(out, lane, best, is_bf16);
    if (where) store_places(where + lane, best_at);
}

INLINE void find_maxima(const dnnb__maxpool *p, const void *in, int64_t oy, void *out,
                        uint8_t *where, bool is_bf16) {
    int64_t bytes = is_bf16 ? sizeof(uint16_t) : sizeof(float);
    for (int64_t ox = 0; ox < p->out[1]; ox++) {
        window w = get_window(p, oy, ox);
        for (int64_t lane = 0; lane < p->block; lane += LANES)
            find_maximum(p, &w, in, lane, (char *)out + ox * p->block * bytes,
                         where ? where + ox * p->block : NULL, is_bf16);
    }
}

/* Windows first .. end that hold place i along one dimension; i goes up by one from call to call,
 * from first = end = 0 on. */
static inline void move_windows(const dnnb__maxpool *p, int d, int64_t i, int64_t *first,
                                int64_t *end) {
    while (*end < p->out[d] && *end * p->stride[d] - p->padding[d] <= i) ++*end;
    while (*first < *end && *first * p->stride[d] - p->padding[d] + p->kernel[d] <= i) ++*first;
}

/* The windows that hold one pixel: rows and columns of them, where the first one's output is, and
 * the pixel's place in it. */
typedef struct holders {
    int64_t rows, columns, at, place;
} holders;

static inline holders get_holders(const dnnb__maxpool *p, int64_t y, int64_t x, int64_t oy0,
                                  int64_t oy1, int64_t ox0, int64_t ox1) {
    int64_t ky = y + p->padding[0] - oy0 * p->stride[0];
    int64_t kx = x + p->padding[1] - ox0 * p->stride[1];
    return (holders){.rows = oy1 - oy0,
                     .columns = ox1 - ox0,
                     .at = (oy0 * p->out[1] + ox0) * p->block,
                     .place = ky * p->kernel[1] + kx};
}

/* Each element gathers the gradients of the windows whose maximum it is, in their order. */
INLINE void gather(const dnnb__maxpool *p, const holders *h, const void *out_gradient,
                   const uint8_t *where, void *in_gradient, bool is_bf16) {
    int64_t row_places = p->stride[0] * p->kernel[1];
    for (int64_t lane = 0; lane < p->block; lane += LANES) {
        floats sum = set(0.0f), zero = sum;
        for (int64_t i = 0; i < h->rows; i++) {
            int64_t at = h->at + i * p->out[1] * p->block + lane;
            int64_t place = h->place - i * row_places;
            for (int64_t j = 0; j < h->columns; j++, at += p->block, place -= p->stride[1]) {
                mask is_here = equal(load_places(where + at), set_ints((int)place));
                sum = add(sum, pick(is_here, load(out_gradient, at, is_bf16), zero));
            }
        }
        store(in_gradient, lane, sum, is_bf16);
    }
}

#ifndef GATHER_BF16
#define GATHER_BF16(...) gather(__VA_ARGS__, true)
#endif
#ifndef FIND_MAXIMA_BF16
#define FIND_MAXIMA_BF16(...) find_maxima(__VA_ARGS__, true)
#endif

INLINE void gather_gradients(const dnnb__maxpool *p, const void *out_gradient, const uint8_t *where,
                             void *in_gradient, bool is_bf16) {
    int64_t bytes = is_bf16 ? sizeof(uint16_t) : sizeof(float);
    int64_t oy0 = 0, oy1 = 0;
    char *to = in_gradient;
    for (int64_t y = 0; y < p->in[0]; y++) {
        int64_t ox0 = 0, ox1 = 0;
        move_windows(p, 0, y, &oy0, &oy1);
        for (int64_t x = 0; x < p->in[1]; x++, to += p->block * bytes) {
            move_windows(p, 1, x, &ox0, &ox1);
            holders h = get_holders(p, y, x, oy0, oy1, ox0, ox1);
            if (is_bf16)
                GATHER_BF16(p, &h, out_gradient, where, to);
            else
                gather(p, &h, out_gradient, where, to, false);
        }
    }
}

TARGET static void row_forward(const dnnb__maxpool *p, const void *in, int64_t oy, void *out,
                               uint8_t *where) {
    find_maxima(p, in, oy, out, where, false);
}

TARGET static void row_forward_bf16(const dnnb__maxpool *p, const void *in, int64_t oy, void *out,
                                    uint8_t *where) {
    FIND_MAXIMA_BF16(p, in, oy, out, where);
}

TARGET static void plane_backward(const dnnb__maxpool *p, const void *out_gradient,
                                  const uint8_t *where, void *in_gradient) {
    gather_gradients(p, out_gradient, where, in_gradient, false);
}

TARGET static void plane_backward_bf16(const dnnb__maxpool *p, const void *out_gradient,
                                       const uint8_t *where, void *in_gradient) {
    gather_gradients(p, out_gradient, where, in_gradient, true);
}
