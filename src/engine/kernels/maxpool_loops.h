/*
 * The loops of max pooling, for one instruction set. Included once by each maxpool_<set>.c, after
 * it has defined
 *   TARGET, LANES        its attribute, and elements of a vector
 *   floats, ints, mask   a vector of float32, one of int32, and a comparison's result
 *   load, store, set     of floats; set_ints, to make ints of one number
 *   load_places, store_places   ints from and to as many bytes
 *   wins(value, best)    where value > best, or value is a NaN
 *   not_positive(value)  where value <= 0
 *   equal(a, b)          of ints
 *   pick(m, a, b), pick_ints(m, a, b)   a where m, else b
 *   add(a, b)
 */

/* The part of a window that lies inside the input, along one dimension. */
static inline void clip_window(const dnnb__maxpool *p, int i, int64_t o, int64_t *corner,
                               int64_t *first, int64_t *end) {
    *corner = o * p->stride[i] - p->padding[i];
    *first = *corner < 0 ? 0 : *corner;
    *end = *corner + p->kernel[i] < p->in[i] ? *corner + p->kernel[i] : p->in[i];
}

TARGET static void row_forward(const dnnb__maxpool *p, const float *in, int64_t oy, float *out,
                               uint8_t *where) {
    int64_t y0, y1, y_corner, x0, x1, x_corner;
    clip_window(p, 0, oy, &y_corner, &y0, &y1);
    for (int64_t ox = 0; ox < p->out[1]; ox++) {
        clip_window(p, 1, ox, &x_corner, &x0, &x1);
        for (int64_t lane = 0; lane < p->block; lane += LANES) {
            floats best = set(-INFINITY);
            ints best_at = set_ints((int)((y0 - y_corner) * p->kernel[1] + x0 - x_corner));
            for (int64_t y = y0; y < y1; y++) {
                int at = (int)((y - y_corner) * p->kernel[1] + x0 - x_corner);
                const float *pixel = in + (y * p->in[1] + x0) * p->block + lane;
                for (int64_t x = x0; x < x1; x++, at++, pixel += p->block) {
                    floats value = load(pixel);
                    mask m = wins(value, best);
                    best = pick(m, value, best);
                    best_at = pick_ints(m, set_ints(at), best_at);
                }
            }
            if (p->relu) best = pick(not_positive(best), set(0.0f), best);
            store(out + ox * p->block + lane, best);
            if (where) store_places(where + ox * p->block + lane, best_at);
        }
    }
}

/* Each window adds its gradient to the place of its maximum and nothing to the others, which is
 * faster than to go to a place of its own for each element. */
TARGET static void plane_backward(const dnnb__maxpool *p, const float *out_gradient,
                                  const float *out, const uint8_t *where, float *in_gradient) {
    memset(in_gradient, 0, (size_t)(p->in[0] * p->in[1] * p->block) * sizeof(float));
    int64_t y0, y1, y_corner, x0, x1, x_corner;
    for (int64_t oy = 0; oy < p->out[0]; oy++) {
        clip_window(p, 0, oy, &y_corner, &y0, &y1);
        for (int64_t ox = 0; ox < p->out[1]; ox++) {
            clip_window(p, 1, ox, &x_corner, &x0, &x1);
            for (int64_t lane = 0; lane < p->block; lane += LANES) {
                int64_t at = (oy * p->out[1] + ox) * p->block + lane;
                floats g = load(out_gradient + at), zero = set(0.0f);
                if (p->relu) g = pick(not_positive(load(out + at)), zero, g);
                ints place = load_places(where + at);
                for (int64_t y = y0; y < y1; y++) {
                    int k = (int)((y - y_corner) * p->kernel[1] + x0 - x_corner);
                    float *pixel = in_gradient + (y * p->in[1] + x0) * p->block + lane;
                    for (int64_t x = x0; x < x1; x++, k++, pixel += p->block)
                        store(pixel, add(load(pixel), pick(equal(place, set_ints(k)), g, zero)));
                }
            }
        }
    }
}
