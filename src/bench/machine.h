/* What the processor calls itself. */
#ifndef DNNB_BENCH_MACHINE_H
#define DNNB_BENCH_MACHINE_H

#include <stddef.h>

/** Its name, without spaces around it; "unknown" where it has none. */
void dnnb__bench_get_processor(char *out, size_t n);

#endif
