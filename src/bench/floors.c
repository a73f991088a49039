/*
 * The floors of this machine: multiply-adds from the kernels of kernels/peak.h, bandwidth from
 * passes over more memory than the caches hold.
 *
 * Method: every thread repeats a kernel for a tenth of the time and counts what it did; the sum
 * over the threads is a try, and the best of ten is the floor, since other programs can only slow
 * it down.
 */
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "core/isa.h"
#include "core/kernel.h"
#include "core/mem.h"
#include "core/random.h"
#include "core/thread.h"
#include "kernels/kernels.h"

enum {
    TRIES = 10,
    RUNS = 16,              /* of a kernel between two looks at the clock */
    CHUNK_FLOATS = 1 << 16, /* of a pass over memory, between two looks at the clock */
    FEWEST_BYTES = 1 << 26,
    MOST_BYTES = 1 << 29
};

double dnnb__bench_now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Uniform in (-1, 1); as pairs of bfloat16 the upper ones are too, and the lower ones are set. */
static void fill_table(float *table) {
    dnnb__random_key key = dnnb__random_key_create(2, DNNB__PURPOSE_TEST);
    for (size_t i = 0; i < DNNB__PEAK_FLOATS; i++) {
        dnnb__random_block block = dnnb__random_at(key, 0, 0, i);
        uint32_t bits, upper;
        float low = (float)((double)block.word[0] * 0x1p-31 - 1);
        float high = (float)((double)block.word[1] * 0x1p-31 - 1);
        memcpy(&bits, &low, sizeof bits);
        memcpy(&upper, &high, sizeof upper);
        bits = (upper & 0xffff0000U) | bits >> 16;
        memcpy(&table[i], &bits, sizeof bits);
    }
}

/* Seconds that this thread has had a processor: on a busy machine the floors stay what they are. */
static double used_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Operations a second of one thread. */
static double run_peak(const dnnb__peak_kernel *peak, const float *table, float *sums,
                       double seconds) {
    double begin = dnnb__bench_now_s(), begin_used = used_s(), flops = 0;
    do {
        for (int i = 0; i < RUNS; i++) flops += peak->run(table, sums);
    } while (dnnb__bench_now_s() - begin < seconds);
    return flops / (used_s() - begin_used);
}

static dnnb_status measure_peak(const dnnb__peak_kernel *peak, size_t n_threads, double seconds,
                                double *out) {
    size_t n_floats;
    *out = 0;
    if (!dnnb__mul_size(n_threads, DNNB__PEAK_FLOATS, &n_floats)) n_floats = SIZE_MAX;
    float *table = dnnb__alloc(DNNB__PEAK_FLOATS, sizeof *table);
    float *sums = dnnb__calloc(n_floats, sizeof *sums);
    if (table && sums) {
        fill_table(table);
        for (int try = 0; try < TRIES; try++) {
            double total = 0;
#pragma omp parallel for schedule(static, 1) reduction(+ : total)
            for (size_t i = 0; i < n_threads; i++)
                total += run_peak(peak, table, sums + i * DNNB__PEAK_FLOATS, seconds / TRIES);
            *out = fmax(*out, total);
        }
    }
    dnnb_status status = table && sums ? DNNB_OK : dnnb__fail_memory();
    dnnb__free(sums);
    dnnb__free(table);
    return status;
}

/* With the fastest kernel of the type that may be used; none where there is none. */
static dnnb_status measure_type(dnnb__isa isa, bool is_bf16, size_t n_threads, double seconds,
                                const char **instructions, double *flops) {
    const dnnb__peak_kernel *peak = dnnb__kernels_find_peak(isa, is_bf16);
    *instructions = peak ? peak->instructions : NULL;
    *flops = 0;
    return peak ? measure_peak(peak, n_threads, seconds, flops) : DNNB_OK;
}

/* --- memory --- */

/* Whole numbers: their sum may be taken in any order, and so in wide vectors. */
DNNB__KERNEL static uint32_t read_chunk(const uint32_t *data) {
    uint32_t sum = 0;
    for (size_t i = 0; i < CHUNK_FLOATS; i++) sum += data[i];
    return sum;
}

DNNB__KERNEL static void update_chunk(float *data) {
    for (size_t i = 0; i < CHUNK_FLOATS; i++) data[i] = data[i] * 0.999f + 0.001f;
}

/* Bytes a second of one thread that goes round its part. */
static double run_memory(float *part, size_t n_chunks, bool writes, double seconds, uint32_t *sum) {
    double begin = dnnb__bench_now_s(), begin_used = used_s();
    size_t done = 0;
    do {
        float *chunk = part + done % n_chunks * CHUNK_FLOATS;
        if (writes)
            update_chunk(chunk);
        else
            *sum += read_chunk((const uint32_t *)(const void *)chunk);
        done++;
    } while (dnnb__bench_now_s() - begin < seconds);
    double bytes = (double)done * CHUNK_FLOATS * sizeof(float) * (writes ? 2 : 1);
    return bytes / (used_s() - begin_used);
}

static double measure_memory(float *data, size_t n_chunks, size_t n_threads, bool writes,
                             double seconds) {
    double best = 0;
    uint32_t sums = 0;
    for (int try = 0; try < TRIES; try++) {
        double total = 0;
#pragma omp parallel for schedule(static, 1) reduction(+ : total, sums)
        for (size_t i = 0; i < n_threads; i++) {
            uint32_t sum = 0;
            total += run_memory(data + i * n_chunks * CHUNK_FLOATS, n_chunks, writes,
                                seconds / TRIES, &sum);
            sums += sum;
        }
        best = fmax(best, total);
    }
    /* Without a use of the sums a compiler may leave the reading out. */
    return sums == 1 ? nextafter(best, 0) : best;
}

static dnnb_status measure_bandwidths(dnnb_bench_floors *out, double seconds) {
    size_t n_bytes = 8 * out->cache_bytes;
    n_bytes = n_bytes < FEWEST_BYTES ? FEWEST_BYTES : n_bytes > MOST_BYTES ? MOST_BYTES : n_bytes;
    size_t n_chunks = n_bytes / out->n_threads / (CHUNK_FLOATS * sizeof(float)) + 1;
    size_t n_floats;
    if (!dnnb__mul_size(n_chunks * CHUNK_FLOATS, out->n_threads, &n_floats)) n_floats = SIZE_MAX;
    float *data = dnnb__alloc_large(n_floats, sizeof *data);
    if (!data) return dnnb__fail_memory();
    for (size_t i = 0; i < n_floats; i++) data[i] = (float)(i % 1021) * 1e-3f;
    out->read_bytes_s = measure_memory(data, n_chunks, out->n_threads, false, seconds);
    out->update_bytes_s = measure_memory(data, n_chunks, out->n_threads, true, seconds);
    dnnb__free(data);
    return DNNB_OK;
}

static size_t find_cache_bytes(void) {
#if defined(_SC_LEVEL3_CACHE_SIZE)
    long l3 = sysconf(_SC_LEVEL3_CACHE_SIZE), l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return l3 > 0 ? (size_t)l3 : l2 > 0 ? (size_t)l2 : 0;
#else
    return 0;
#endif
}

dnnb_status dnnb_bench_measure_floors(dnnb_bench_floors *out, size_t n_threads, double seconds) {
    *out = (dnnb_bench_floors){.n_threads = n_threads ? n_threads : dnnb__threads_get_available(),
                               .cache_bytes = find_cache_bytes()};
    dnnb__isa isa;
    DNNB_TRY(dnnb__isa_get(&isa));
    size_t before = dnnb__threads_set(out->n_threads);
    dnnb_status status = measure_type(isa, false, out->n_threads, seconds, &out->f32_instructions,
                                      &out->f32_flops_s);
    if (status == DNNB_OK)
        status = measure_type(isa, true, out->n_threads, seconds, &out->bf16_instructions,
                              &out->bf16_flops_s);
    if (status == DNNB_OK) status = measure_bandwidths(out, seconds);
    (void)dnnb__threads_set(before);
    return status;
}

double dnnb__bench_get_floor_s(const dnnb_bench_floors *floors, bool is_bf16, double flops,
                               double bytes) {
    double flops_s = is_bf16 && floors->bf16_flops_s > floors->f32_flops_s ? floors->bf16_flops_s
                                                                           : floors->f32_flops_s;
    double computing_s = flops / flops_s;
    /* What a pass before has left in the cache need not come from memory. */
    double moving_s =
        (bytes - (double)floors->cache_bytes) / fmax(floors->read_bytes_s, floors->update_bytes_s);
    return fmax(computing_s, fmax(moving_s, 0));
}
