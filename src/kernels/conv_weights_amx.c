/*
 * The weight gradient of a convolution in bfloat16 with AMX.
 *
 * Method: dW[o][i][ky][kx] is the sum over images and pixels of out_gradient[o] times in[i] at the
 * pixel that the tap reads: for each tap a product of matrices whose long side are pixels. Both are
 * packed first. *Positions* count through the rows of the padded image, with `pitch` of them a row,
 * so that a tap reads `shift` positions further on, always by the same number. A *pair* is a
 * position and the one 16 further on. Gradients lie as [channels / 16][positions / 32][16 channels]
 * [16 pairs], zero where no output is; the input as [channels / 16][pairs][16 channels], a pair
 * from every position, so that for each tap a tile is a whole kilobyte, of which its neighbour has
 * nearly all. A row of the image ends where the next begins: what one has as padding on its right
 * the other has on its left.
 *
 * Images come in groups whose packed form the caches hold; while one group is multiplied the next
 * is packed, so that threads wait for each other once a group. A task owns two tiles of output
 * channels by one of input channels, in one row of taps or in all; three taps of a row share what
 * they read. The order of the sums does not depend on the number of threads. An infinite input may
 * become NaN in gradients that do not read it: it meets the zeros.
 */
#include "core/thread.h"
#include "kernels/amx.h"
#include "kernels/conv_weights.h"

#ifdef DNNB__HAS_X86

#include <string.h>

#define TARGET DNNB__AMX
#define VECTOR __attribute__((always_inline)) DNNB__AMX static inline

enum {
    TILE = DNNB__TILE_ROWS,   /* channels */
    DEPTH = DNNB__TILE_DEPTH, /* positions */
    TILE_BF16 = TILE * DEPTH,
    GROUP_BYTES = 2 << 20, /* packed; there are two groups at a time */
    APART = DEPTH / 2,     /* from the first position of a pair to the second */
    TAPS = 3,              /* multiplied together */
    TASKS_PER_THREAD = 4   /* that are enough */
};

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* --- the shape of what is packed --- */

/* Everything in elements of its type. */
typedef struct packing {
    int64_t in_tiles, out_tiles, taps;
    int64_t pitch;             /* positions of a row */
    int64_t n_out;             /* positions of the gradient, in whole blocks */
    int64_t n_pairs;           /* of the input, one from each position */
    int64_t in_tile, out_tile; /* bf16 of one tile's channels in one image */
    int64_t in_image, out_image;
    int64_t group; /* images */
} packing;

static packing describe(const dnnb__conv_weights_bf16 *w) {
    packing p = {.in_tiles = divide_up(w->in_channels, TILE),
                 .out_tiles = divide_up(w->out_channels, TILE),
                 .taps = w->kernel[0] * w->kernel[1]};
    int64_t right =
        w->out[1] - 1 + (w->kernel[1] - 1) * w->dilation[1] - w->padding[1] - (w->in[1] - 1);
    p.pitch = larger(w->in[1] + larger(w->padding[1], right), w->out[1]);
    p.n_out = divide_up(w->out[0] * p.pitch, DEPTH) * DEPTH;
    int64_t last_shift =
        (w->kernel[0] - 1) * w->dilation[0] * p.pitch + (w->kernel[1] - 1) * w->dilation[1];
    p.n_pairs = p.n_out - APART + last_shift;
    p.in_tile = p.n_pairs * TILE * 2;
    p.out_tile = p.n_out * TILE;
    p.in_image = p.in_tiles * p.in_tile;
    p.out_image = p.out_tiles * p.out_tile;
    int64_t bytes = (p.in_image + p.out_image) * (int64_t)sizeof(uint16_t);
    p.group = smaller(larger(GROUP_BYTES / bytes, 1), w->batch);
    return p;
}

/* A group of images, packed. */
typedef struct packed {
    uint16_t *in, *out;
    float *sums; /* of the gradient, [group][output channels in whole tiles] */
    int64_t first, n;
} packed;

/* The parts of the scratch memory, each in whole cache lines. */
typedef struct parts {
    packed groups[2];              /* in turn */
    int32_t *in_pixel, *out_pixel; /* of each position, -1: zero */
    int64_t n_in_pixels, n_bytes;
} parts;

static void *take(void *scratch, int64_t *at, int64_t n_bytes) {
    void *part = scratch ? (char *)scratch + *at : NULL;
    *at += divide_up(n_bytes, 64) * 64;
    return part;
}

static parts divide(const packing *p, void *scratch) {
    parts s = {.n_in_pixels = p->n_pairs + APART};
    int64_t at = 0;
    for (int i = 0; i < 2; i++) {
        packed *g = &s.groups[i];
        g->in = take(scratch, &at, p->group * p->in_image * (int64_t)sizeof *g->in);
        g->out = take(scratch, &at, p->group * p->out_image * (int64_t)sizeof *g->out);
        g->sums = take(scratch, &at, p->group * p->out_tiles * TILE * (int64_t)sizeof *g->sums);
    }
    s.in_pixel = take(scratch, &at, s.n_in_pixels * (int64_t)sizeof *s.in_pixel);
    s.out_pixel = take(scratch, &at, p->n_out * (int64_t)sizeof *s.out_pixel);
    s.n_bytes = at;
    return s;
}

static void find_pixels(const dnnb__conv_weights_bf16 *w, const packing *p, const parts *s) {
    for (int64_t q = 0; q < s->n_in_pixels; q++) {
        int64_t y = q / p->pitch - w->padding[0], x = q % p->pitch - w->padding[1];
        bool is_inside = y >= 0 && y < w->in[0] && x >= 0 && x < w->in[1];
        s->in_pixel[q] = is_inside ? (int32_t)(y * w->in[1] + x) : -1;
    }
    for (int64_t q = 0; q < p->n_out; q++) {
        int64_t y = q / p->pitch, x = q % p->pitch;
        bool is_inside = y < w->out[0] && x < w->out[1];
        s->out_pixel[q] = is_inside ? (int32_t)(y * w->out[1] + x) : -1;
    }
}

/* --- packing --- */

/* The channels of a tile of one image, channels last. */
typedef struct channels {
    const uint16_t *first;
    int64_t stride; /* of pixels */
    __mmask16 mask; /* those that there are */
} channels;

VECTOR channels find_channels(const uint16_t *image, int64_t n_channels, int64_t tile) {
    int64_t n = smaller(n_channels - tile * TILE, TILE);
    return (channels){
        .first = image + tile * TILE, .stride = n_channels, .mask = (__mmask16)((1u << n) - 1)};
}

VECTOR __m512i load_pixel(channels c, int32_t pixel) {
    __mmask16 mask = pixel < 0 ? 0 : c.mask;
    int64_t at = pixel < 0 ? 0 : pixel;
    return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, c.first + at * c.stride));
}

VECTOR __m512i interleave(__m512i first, __m512i second) {
    return _mm512_or_si512(first, _mm512_slli_epi32(second, 16));
}

/* Some positions at a time, whose second pixels are the first ones of the next. */
TARGET static void pack_in(const packing *p, const parts *s, channels from, uint16_t *to) {
    __m512i first[APART];
    DNNB__UNROLL for (int i = 0; i < APART; i++) first[i] = load_pixel(from, s->in_pixel[i]);
    int64_t q = 0;
    for (; q + APART <= p->n_pairs; q += APART, to += TILE_BF16)
        DNNB__UNROLL for (int i = 0; i < APART; i++) {
            __m512i second = load_pixel(from, s->in_pixel[q + APART + i]);
            _mm512_storeu_si512(to + i * TILE * 2, interleave(first[i], second));
            first[i] = second;
        }
    for (; q < p->n_pairs; q++, to += TILE * 2) {
        __m512i pixel = load_pixel(from, s->in_pixel[q]);
        _mm512_storeu_si512(to, interleave(pixel, load_pixel(from, s->in_pixel[q + APART])));
    }
}

/* 16 x 16 elements of 32 bits: rows become columns. */
VECTOR void transpose(__m512i r[TILE]) {
    __m512i t[TILE];
    DNNB__UNROLL for (int i = 0; i < TILE; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    DNNB__UNROLL for (int i = 0; i < TILE; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    /* Quarter l of r[4 g + c] holds column 4 l + c of rows 4 g to 4 g + 3. */
    DNNB__UNROLL for (int c = 0; c < 4; c++) {
        __m512i even[2], odd[2];
        DNNB__UNROLL for (int h = 0; h < 2; h++) {
            even[h] = _mm512_shuffle_i32x4(r[8 * h + c], r[8 * h + 4 + c], 0x88);
            odd[h] = _mm512_shuffle_i32x4(r[8 * h + c], r[8 * h + 4 + c], 0xdd);
        }
        t[c] = _mm512_shuffle_i32x4(even[0], even[1], 0x88);
        t[4 + c] = _mm512_shuffle_i32x4(odd[0], odd[1], 0x88);
        t[8 + c] = _mm512_shuffle_i32x4(even[0], even[1], 0xdd);
        t[12 + c] = _mm512_shuffle_i32x4(odd[0], odd[1], 0xdd);
    }
    DNNB__UNROLL for (int i = 0; i < TILE; i++) r[i] = t[i];
}

/* Also the sum of each channel. */
TARGET static void pack_out(const packing *p, const parts *s, channels from, uint16_t *to,
                            float *sums) {
    __m512 sum = _mm512_setzero_ps();
    for (int64_t q = 0; q < p->n_out; q += DEPTH, to += TILE_BF16) {
        __m512i row[TILE];
        DNNB__UNROLL for (int i = 0; i < TILE; i++) {
            __m512i first = load_pixel(from, s->out_pixel[q + i]);
            __m512i second = _mm512_slli_epi32(load_pixel(from, s->out_pixel[q + APART + i]), 16);
            sum = _mm512_add_ps(sum, _mm512_castsi512_ps(_mm512_slli_epi32(first, 16)));
            sum = _mm512_add_ps(sum, _mm512_castsi512_ps(second));
            row[i] = _mm512_or_si512(first, second);
        }
        transpose(row);
        DNNB__UNROLL for (int i = 0; i < TILE; i++) _mm512_storeu_si512(to + i * DEPTH, row[i]);
    }
    _mm512_storeu_ps(sums, sum);
}

/* --- products --- */

/* What up to three neighbouring taps multiply: elements from one tile, image and block to the next.
 */
typedef struct factors {
    const uint16_t *in[TAPS], *out;
    int64_t out_tile, in_image, out_image;
    int64_t n_images, n_blocks;
} factors;

/* The sums of n_taps taps for one tile of output channels, in tiles a, b and c: their numbers, as
 * instructions have them. */
#define FOR_TAPS(instruction, a, b, c, sums)                                                       \
    do {                                                                                           \
        instruction(a, sums, DNNB__TILE_ROW_BYTES);                                                \
        if (n_taps > 1) instruction(b, (sums) + DNNB__TILE_FLOATS, DNNB__TILE_ROW_BYTES);          \
        if (n_taps > 2) instruction(c, (sums) + 2 * DNNB__TILE_FLOATS, DNNB__TILE_ROW_BYTES);      \
    } while (0)

/* Add to n_out by n_taps tiles of sums, constants wherever this is used; from zero where is_first.
 * There are eight tiles: the input's are loaded once more for the second tile of channels, from the
 * first cache. */
VECTOR void taps_add(factors f, float *sums, int64_t next_out, bool is_first, const int n_out,
                     const int n_taps) {
    enum { ROW = DNNB__TILE_ROW_BYTES };
    float *below = sums + next_out;
    if (is_first) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        _tile_zero(4);
        _tile_zero(5);
    } else {
        FOR_TAPS(_tile_loadd, 0, 1, 2, sums);
        if (n_out > 1) FOR_TAPS(_tile_loadd, 3, 4, 5, below);
    }
    for (int64_t n = 0; n < f.n_images; n++, f.out += f.out_image) {
        int64_t at = n * f.in_image;
        const uint16_t *out = f.out;
        for (int64_t k = 0; k < f.n_blocks; k++, out += TILE_BF16, at += 2 * TILE_BF16) {
            _tile_loadd(6, out, ROW);
            _tile_loadd(7, f.in[0] + at, ROW);
            _tile_dpbf16ps(0, 6, 7);
            if (n_taps > 1) {
                _tile_loadd(7, f.in[1] + at, ROW);
                _tile_dpbf16ps(1, 6, 7);
            }
            if (n_taps > 2) {
                _tile_loadd(7, f.in[2] + at, ROW);
                _tile_dpbf16ps(2, 6, 7);
            }
            if (n_out == 1) continue;
            _tile_loadd(6, out + f.out_tile, ROW);
            if (n_taps > 2) {
                _tile_dpbf16ps(5, 6, 7);
                _tile_loadd(7, f.in[1] + at, ROW);
            }
            if (n_taps > 1) {
                _tile_dpbf16ps(4, 6, 7);
                _tile_loadd(7, f.in[0] + at, ROW);
            }
            _tile_dpbf16ps(3, 6, 7);
        }
    }
    FOR_TAPS(_tile_stored, 0, 1, 2, sums);
    if (n_out > 1) FOR_TAPS(_tile_stored, 3, 4, 5, below);
}

TARGET static void add(factors f, float *sums, int64_t next_out, bool is_first, int64_t n_out,
                       int64_t n_taps) {
    if (n_out > 1 && n_taps > 2)
        taps_add(f, sums, next_out, is_first, 2, 3);
    else if (n_out > 1 && n_taps > 1)
        taps_add(f, sums, next_out, is_first, 2, 2);
    else if (n_out > 1)
        taps_add(f, sums, next_out, is_first, 2, 1);
    else if (n_taps > 2)
        taps_add(f, sums, next_out, is_first, 1, 3);
    else if (n_taps > 1)
        taps_add(f, sums, next_out, is_first, 1, 2);
    else
        taps_add(f, sums, next_out, is_first, 1, 1);
}

/* A row of taps for a trio, a tile of input channels and up to two of output channels, over a
 * group. */
TARGET static void row_multiply(const dnnb__conv_weights_bf16 *w, const packing *p, const packed *g,
                                int64_t trio, int64_t ky, float *dw) {
    int64_t i = trio % p->in_tiles, o = trio / p->in_tiles * 2;
    const uint16_t *in = g->in + i * p->in_tile;
    for (int64_t kx = 0; kx < w->kernel[1]; kx += TAPS) {
        int64_t n_taps = smaller(TAPS, w->kernel[1] - kx);
        factors f = {.out = g->out + o * p->out_tile,
                     .out_tile = p->out_tile,
                     .in_image = p->in_image,
                     .out_image = p->out_image,
                     .n_images = g->n,
                     .n_blocks = p->n_out / DEPTH};
        for (int64_t t = 0; t < n_taps; t++) {
            int64_t shift = ky * w->dilation[0] * p->pitch + (kx + t) * w->dilation[1];
            f.in[t] = in + shift * TILE * 2;
        }
        float *sums =
            dw + ((o * p->in_tiles + i) * p->taps + ky * w->kernel[1] + kx) * DNNB__TILE_FLOATS;
        add(f, sums, p->in_tiles * p->taps * DNNB__TILE_FLOATS, g->first == 0, p->out_tiles - o,
            n_taps);
    }
}

/* Rows of taps of a task: all, which read the same, where there are tasks enough. */
static int64_t choose_rows(const dnnb__conv_weights_bf16 *w, int64_t n_trios) {
    return n_trios >= TASKS_PER_THREAD * (int64_t)dnnb__threads_get() ? w->kernel[0] : 1;
}

static void multiply(const dnnb__conv_weights_bf16 *w, const packing *p, const packed *g,
                     int64_t task, int64_t n_rows, float *dw) {
    int64_t n_tasks = w->kernel[0] / n_rows; /* of a trio */
    for (int64_t i = 0; i < n_rows; i++)
        row_multiply(w, p, g, task / n_tasks, task % n_tasks * n_rows + i, dw);
}

static void bias_add(const dnnb__conv_weights_bf16 *w, const packing *p, const packed *g,
                     float *bias) {
    if (g->first == 0) memset(bias, 0, (size_t)w->out_channels * sizeof *bias);
    for (int64_t k = 0; k < g->n; k++)
        for (int64_t o = 0; o < w->out_channels; o++)
            bias[o] += g->sums[k * p->out_tiles * TILE + o];
}

/* --- the kernel --- */

/* One tile of channels of one image. */
TARGET static void pack(const dnnb__conv_weights_bf16 *w, const packing *p, const parts *s,
                        const packed *g, int64_t task, const uint16_t *in, const uint16_t *out) {
    int64_t n_tiles = p->in_tiles + p->out_tiles;
    int64_t image = task / n_tiles, i = task % n_tiles, o = i - p->in_tiles;
    in += (g->first + image) * w->in[0] * w->in[1] * w->in_channels;
    out += (g->first + image) * w->out[0] * w->out[1] * w->out_channels;
    if (o < 0)
        pack_in(p, s, find_channels(in, w->in_channels, i),
                g->in + image * p->in_image + i * p->in_tile);
    else
        pack_out(p, s, find_channels(out, w->out_channels, o),
                 g->out + image * p->out_image + o * p->out_tile,
                 g->sums + (image * p->out_tiles + o) * TILE);
}

/* Functions of their own: what OpenMP makes of a parallel region has no target attribute in clang.
 */
TARGET static void tiles_take(void) {
    dnnb__amx_configure();
}

TARGET static void tiles_return(void) {
    _tile_release();
}

static void weights_run(const dnnb__conv_weights_bf16 *w, const uint16_t *in,
                        const uint16_t *out_gradient, float *weight_gradient, float *bias_gradient,
                        void *scratch) {
    packing p = describe(w);
    parts s = divide(&p, scratch);
    find_pixels(w, &p, &s);
    int64_t n_trios = divide_up(p.out_tiles, 2) * p.in_tiles;
    int64_t n_rows = choose_rows(w, n_trios);
    int64_t n_products = n_trios * w->kernel[0] / n_rows;
    int64_t n_groups = divide_up(w->batch, p.group);
#pragma omp parallel
    {
        tiles_take();
        for (int64_t i = 0; i <= n_groups; i++) {
            packed next = s.groups[i % 2], now = s.groups[(i + 1) % 2];
            next.first = i * p.group;
            next.n = larger(smaller(p.group, w->batch - next.first), 0);
            now.first = next.first - p.group;
            now.n = smaller(p.group, w->batch - now.first);
            int64_t n = i > 0 ? n_products + 1 : 0;
#pragma omp for schedule(dynamic, 1)
            for (int64_t task = 0; task < n + next.n * (p.in_tiles + p.out_tiles); task++)
                if (task >= n)
                    pack(w, &p, &s, &next, task - n, in, out_gradient);
                else if (task < n_products)
                    multiply(w, &p, &now, task, n_rows, weight_gradient);
                else if (bias_gradient)
                    bias_add(w, &p, &now, bias_gradient);
        }
        tiles_return();
    }
}

static size_t count_scratch(const dnnb__conv_weights_bf16 *w) {
    packing p = describe(w);
    return (size_t)divide(&p, NULL).n_bytes;
}

const dnnb__conv_weights_bf16_kernel dnnb__conv_weights_amx = {.name = "own:amx",
                                                               .can_run = dnnb__amx_can_run,
                                                               .count_scratch = count_scratch,
                                                               .run = weights_run};
#endif
