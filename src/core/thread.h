/* Threads: how many there are, and how many the parallel loops of a call take. */
#ifndef DNNB_CORE_THREAD_H
#define DNNB_CORE_THREAD_H

#include <stddef.h>

/** Processors this process may run on; at least 1. */
size_t dnnb__threads_get_available(void);

/**
 * Let the OpenMP loops that this thread starts (ours and oneDNN's) take n threads; returns what it
 * was, to be put back with a second call before the library's function returns.
 */
size_t dnnb__threads_set(size_t n);
/** How many these loops take. */
size_t dnnb__threads_get(void);

#endif
