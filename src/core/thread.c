/* The number of threads of OpenMP's parallel loops, which is a setting of the calling thread. */
#include "core/thread.h"

#include <omp.h>
#include <sched.h>

size_t dnnb__threads_get_available(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (size_t)n : 1;
}

size_t dnnb__threads_set(size_t n) {
    int before = omp_get_max_threads();
    omp_set_num_threads(n > 0 && n < 4096 ? (int)n : 1);
    return (size_t)before;
}

size_t dnnb__threads_get(void) {
    return (size_t)omp_get_max_threads();
}
