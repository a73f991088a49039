/* Memory that may be used for keeping what would otherwise be computed again. */
#ifndef DNNB_TRAIN_BUDGET_H
#define DNNB_TRAIN_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct dnnb__budget {
    atomic_size_t left_bytes;
} dnnb__budget;

/** @param bytes SIZE_MAX: a quarter of the memory that this process may use. */
void dnnb__budget_init(dnnb__budget *budget, size_t bytes);
/** Reserve bytes; false, and nothing reserved, when fewer are left. Any thread may call it. */
bool dnnb__budget_take(dnnb__budget *budget, size_t bytes);
void dnnb__budget_give_back(dnnb__budget *budget, size_t bytes);

#endif
