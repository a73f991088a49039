/*
 * The optimiser's arrays and its step.
 *
 * All arrays are cut into chunks of one size, and the chunks of all arrays are shared among the
 * threads, so that one large array keeps each of them busy. An update is elementwise: the result
 * does not depend on who takes which chunk.
 */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "core/bf16.h"
#include "core/kernel.h"
#include "core/text.h"
#include "optim/optim.h"
#include "optim/optim_list.h"

/* Elements of a chunk: large enough that its start costs nothing, a multiple of every vector. And
 * of a piece, which is still in the first cache when its copy is made. */
enum { CHUNK = 1 << 16, PIECE = 1 << 10, MAX_ROW = PIECE / 2 };

typedef struct array {
    size_t n;
    size_t first_chunk; /* its chunks' place among those of all arrays */
    float *states[DNNB__OPTIM_MAX_STATES];
    uint16_t *copy; /* of the weight in bfloat16, in pairs of rows of `row`; NULL for none */
    size_t row;
    double lr;
    uint64_t begin; /* steps of the others before its first */
    bool is_left_out;
    dnnb__optim_step step; /* that has begun */
    /* Of this step's gradients that came in parts, without their signs and as whole numbers: so
     * they have the same order, and NaN comes last. */
    atomic_uint largest;
} array;

struct dnnb__optimizer {
    const dnnb__optim_type *type;
    dnnb_optimizer_options options;
    array *arrays;
    size_t n_arrays, n_chunks, n_states;
    double *sums; /* [n_chunks], of squares */
    uint64_t n_steps;
};

#define DECLARE_OPTIM(file) extern const dnnb__optim_type dnnb__optim_##file;
DNNB__OPTIM_LIST(DECLARE_OPTIM)
#undef DECLARE_OPTIM

static const dnnb__optim_type *const types[] = {
#define OPTIM_ROW(file) &dnnb__optim_##file,
    DNNB__OPTIM_LIST(OPTIM_ROW)
#undef OPTIM_ROW
};
static const char *const names[] = {
#define OPTIM_NAME(file) #file,
    DNNB__OPTIM_LIST(OPTIM_NAME)
#undef OPTIM_NAME
};
enum { N_TYPES = sizeof types / sizeof types[0] };

const char *const *dnnb_optimizer_get_names(size_t *n) {
    *n = N_TYPES;
    return names;
}

static dnnb_status find_type(const dnnb__optim_type **out, const char *name) {
    for (size_t i = 0; i < N_TYPES; i++) {
        *out = types[i];
        if (dnnb__text_equal_nocase(names[i], name)) return DNNB_OK;
    }
    const char *nearest = dnnb__text_nearest(name, names, N_TYPES);
    return dnnb__fail(DNNB_ERR_ARGUMENT, "optimizer: unknown name '%s'; did you mean %s?", name,
                      nearest ? nearest : names[0]);
}

static dnnb_status check_range(const char *type, const char *what, double value, double limit) {
    if (value >= 0 && value < limit) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: %s: expected a number from 0%s, found %g", type, what,
                      limit == 1 ? " to below 1" : " on", value);
}

/* Defaults filled in, every number in its range. */
static dnnb_status resolve(dnnb_optimizer_options *options, const dnnb__optim_type *type) {
    options->name = type->name;
    if (isnan(options->lr)) options->lr = type->default_lr;
    if (isnan(options->weight_decay)) options->weight_decay = type->default_weight_decay;
    DNNB_TRY(check_range(type->name, "learning rate", options->lr, HUGE_VAL));
    DNNB_TRY(check_range(type->name, "weight decay", options->weight_decay, HUGE_VAL));
    DNNB_TRY(check_range(type->name, "momentum", options->momentum, HUGE_VAL));
    DNNB_TRY(check_range(type->name, "beta1", options->beta1, 1));
    DNNB_TRY(check_range(type->name, "beta2", options->beta2, 1));
    DNNB_TRY(check_range(type->name, "eps", options->eps, HUGE_VAL));
    return type->check ? type->check(options) : DNNB_OK;
}

static dnnb_status make_arrays(dnnb__optimizer *optimizer, const size_t *sizes, size_t n_arrays) {
    optimizer->arrays = dnnb__calloc(n_arrays, sizeof *optimizer->arrays);
    if (!optimizer->arrays) return dnnb__fail_memory();
    optimizer->n_arrays = n_arrays;
    optimizer->n_states = optimizer->type->get_n_states(&optimizer->options);
    for (size_t i = 0; i < n_arrays; i++) {
        array *a = &optimizer->arrays[i];
        a->n = sizes[i];
        a->lr = optimizer->options.lr;
        a->first_chunk = optimizer->n_chunks;
        optimizer->n_chunks += sizes[i] / CHUNK + (sizes[i] % CHUNK != 0);
        for (size_t k = 0; k < optimizer->n_states; k++) {
            a->states[k] = dnnb__calloc_large(sizes[i], sizeof *a->states[k]);
            if (!a->states[k]) return dnnb__fail_memory();
        }
    }
    optimizer->sums = dnnb__alloc(optimizer->n_chunks, sizeof *optimizer->sums);
    return optimizer->sums ? DNNB_OK : dnnb__fail_memory();
}

dnnb_status dnnb__optimizer_create(dnnb__optimizer **out, const dnnb_optimizer_options *options,
                                   const size_t *sizes, size_t n_arrays) {
    *out = NULL;
    const dnnb__optim_type *type;
    dnnb_optimizer_options resolved = *options;
    DNNB_TRY(find_type(&type, options->name));
    DNNB_TRY(resolve(&resolved, type));
    dnnb__optimizer *optimizer = dnnb__calloc(1, sizeof *optimizer);
    if (!optimizer) return dnnb__fail_memory();
    optimizer->type = type;
    optimizer->options = resolved;
    dnnb_status status = make_arrays(optimizer, sizes, n_arrays);
    if (status != DNNB_OK) {
        dnnb__optimizer_destroy(optimizer);
        return status;
    }
    *out = optimizer;
    return DNNB_OK;
}

void dnnb__optimizer_destroy(dnnb__optimizer *optimizer) {
    if (!optimizer) return;
    for (size_t i = 0; i < optimizer->n_arrays; i++)
        for (size_t k = 0; k < DNNB__OPTIM_MAX_STATES; k++)
            dnnb__free(optimizer->arrays[i].states[k]);
    dnnb__free(optimizer->arrays);
    dnnb__free(optimizer->sums);
    dnnb__free(optimizer);
}

const dnnb_optimizer_options *dnnb__optimizer_get_options(const dnnb__optimizer *optimizer) {
    return &optimizer->options;
}

/* The array that holds a chunk: the last one that begins at or before it and is not empty. */
static size_t find_array(const dnnb__optimizer *optimizer, size_t chunk) {
    size_t low = 0, high = optimizer->n_arrays;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (optimizer->arrays[middle].first_chunk <= chunk)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The chunk's array, and its part of that. */
static size_t find_chunk(const dnnb__optimizer *optimizer, size_t chunk, size_t *start, size_t *n) {
    size_t i = find_array(optimizer, chunk);
    const array *a = &optimizer->arrays[i];
    *start = (chunk - a->first_chunk) * CHUNK;
    *n = a->n - *start < CHUNK ? a->n - *start : CHUNK;
    return i;
}

/* Elements `start` to start + n of array i, whose gradient these begin with. */
static void update(const dnnb__optimizer *optimizer, size_t i, size_t start, size_t n,
                   float *weight, const float *gradient) {
    const array *a = &optimizer->arrays[i];
    float *states[DNNB__OPTIM_MAX_STATES] = {0};
    size_t piece = a->copy ? PIECE : n;
    for (size_t end = start + n, at = start; at < end; at += piece, gradient += piece) {
        if (end - at < piece) piece = end - at;
        for (size_t k = 0; k < optimizer->n_states; k++) states[k] = a->states[k] + at;
        optimizer->type->update(&a->step, weight + at, gradient, states, piece);
        if (a->copy) dnnb__bf16_round_pairs(weight + at, piece, a->row, a->copy + at);
    }
}

void dnnb__optimizer_begin_step(dnnb__optimizer *optimizer, double lr_factor) {
    const dnnb_optimizer_options *options = &optimizer->options;
    optimizer->n_steps++;
    for (size_t i = 0; i < optimizer->n_arrays; i++) {
        array *a = &optimizer->arrays[i];
        double t = (double)(optimizer->n_steps - a->begin);
        a->step = (dnnb__optim_step){.options = options,
                                     .lr = a->lr * lr_factor,
                                     .t = optimizer->n_steps - a->begin,
                                     .beta1_t = pow(options->beta1, t),
                                     .beta2_t = pow(options->beta2, t)};
        atomic_init(&a->largest, 0);
    }
}

void dnnb__optimizer_end_step(dnnb__optimizer *optimizer, float *const *weights,
                              const float *const *gradients) {
    /* In turn: arrays that were updated in parts lie side by side, and so do the others. */
#pragma omp parallel for schedule(static, 1)
    for (size_t chunk = 0; chunk < optimizer->n_chunks; chunk++) {
        size_t start, n, i = find_chunk(optimizer, chunk, &start, &n);
        if (!optimizer->arrays[i].is_left_out && gradients[i])
            update(optimizer, i, start, n, weights[i], gradients[i] + start);
    }
}

void dnnb__optimizer_step(dnnb__optimizer *optimizer, double lr_factor, float *const *weights,
                          const float *const *gradients) {
    dnnb__optimizer_begin_step(optimizer, lr_factor);
    dnnb__optimizer_end_step(optimizer, weights, gradients);
}

/* --- in parts --- */

DNNB__KERNEL static uint32_t find_largest(const float *gradient, size_t n) {
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &gradient[i], sizeof bits);
        bits &= 0x7fffffffu;
        largest = bits > largest ? bits : largest;
    }
    return largest;
}

void dnnb__optimizer_update_part(dnnb__optimizer *optimizer, size_t i, size_t first, size_t n,
                                 float *weight, const float *gradient) {
    array *a = &optimizer->arrays[i];
    unsigned largest = find_largest(gradient, n), before = atomic_load(&a->largest);
    while (largest > before && !atomic_compare_exchange_weak(&a->largest, &before, largest)) {
    }
    update(optimizer, i, first, n, weight, gradient);
}

float dnnb__optimizer_get_largest(const dnnb__optimizer *optimizer, size_t i) {
    uint32_t bits = atomic_load(&optimizer->arrays[i].largest);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    return largest;
}

/* Sums of every LANES-th element, then those in order: what a vector of any width computes. The
 * square of a float32 is exact in float64. */
enum { LANES = 16 };
DNNB__KERNEL static double sum_squares(const float *x, size_t n) {
    double sums[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++) sums[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < n; i++) sum += (double)x[i] * (double)x[i];
    for (size_t k = 0; k < LANES; k++) sum += sums[k];
    return sum;
}

DNNB__KERNEL static void scale(float *x, float factor, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

double dnnb__optimizer_clip(dnnb__optimizer *optimizer, double max_norm, float *const *gradients) {
    static const double eps = 1e-6; /* PyTorch's */
#pragma omp parallel for schedule(static)
    for (size_t chunk = 0; chunk < optimizer->n_chunks; chunk++) {
        size_t start, n, i = find_chunk(optimizer, chunk, &start, &n);
        bool is_left_out = optimizer->arrays[i].is_left_out;
        optimizer->sums[chunk] = is_left_out ? 0 : sum_squares(gradients[i] + start, n);
    }
    double sum = 0;
    for (size_t chunk = 0; chunk < optimizer->n_chunks; chunk++) sum += optimizer->sums[chunk];
    double norm = sqrt(sum), factor = max_norm / (norm + eps);
    if (!isfinite(norm) || factor >= 1) return norm;
#pragma omp parallel for schedule(static)
    for (size_t chunk = 0; chunk < optimizer->n_chunks; chunk++) {
        size_t start, n, i = find_chunk(optimizer, chunk, &start, &n);
        if (!optimizer->arrays[i].is_left_out) scale(gradients[i] + start, (float)factor, n);
    }
    return norm;
}

void dnnb__optimizer_set_lr(dnnb__optimizer *optimizer, size_t i, double lr) {
    optimizer->arrays[i].lr = lr;
}

double dnnb__optimizer_get_lr(const dnnb__optimizer *optimizer, size_t i) {
    return optimizer->arrays[i].lr;
}

void dnnb__optimizer_set_copy(dnnb__optimizer *optimizer, size_t i, uint16_t *copy, size_t row) {
    DNNB_ASSERT(!copy || row == 0 || MAX_ROW % row == 0);
    optimizer->arrays[i].copy = copy;
    optimizer->arrays[i].row = row;
}

void dnnb__optimizer_leave_out(dnnb__optimizer *optimizer, size_t i) {
    optimizer->arrays[i].is_left_out = true;
}

bool dnnb__optimizer_is_left_out(const dnnb__optimizer *optimizer, size_t i) {
    return optimizer->arrays[i].is_left_out;
}

void dnnb__optimizer_begin(dnnb__optimizer *optimizer, size_t i) {
    optimizer->arrays[i].is_left_out = false;
    optimizer->arrays[i].begin = optimizer->n_steps;
}

uint64_t dnnb__optimizer_get_begin(const dnnb__optimizer *optimizer, size_t i) {
    return optimizer->arrays[i].begin;
}

void dnnb__optimizer_set_begin(dnnb__optimizer *optimizer, size_t i, uint64_t begin) {
    optimizer->arrays[i].begin = begin;
}

float *dnnb__optimizer_get_state(dnnb__optimizer *optimizer, size_t i, size_t state) {
    if (i >= optimizer->n_arrays || state >= optimizer->n_states) return NULL;
    return optimizer->arrays[i].states[state];
}

uint64_t dnnb__optimizer_get_steps(const dnnb__optimizer *optimizer) {
    return optimizer->n_steps;
}

void dnnb__optimizer_set_steps(dnnb__optimizer *optimizer, uint64_t steps) {
    optimizer->n_steps = steps;
}
