/* The opcodes of pickle protocol 2 that state dicts and histories need, appended to a buffer. */
#ifndef DNNB_FORMATS_PICKLE_WRITE_H
#define DNNB_FORMATS_PICKLE_WRITE_H

#include "core/mem.h"

/** Opcodes without an operand. */
typedef enum dnnb__pickle_op {
    DNNB__OP_MARK = '(',
    DNNB__OP_STOP = '.',
    DNNB__OP_NONE = 'N',
    DNNB__OP_FALSE = 0x89,
    DNNB__OP_TUPLE = 't',
    DNNB__OP_EMPTY_TUPLE = ')',
    DNNB__OP_EMPTY_LIST = ']',
    DNNB__OP_EMPTY_DICT = '}',
    DNNB__OP_APPENDS = 'e',
    DNNB__OP_SETITEMS = 'u',
    DNNB__OP_REDUCE = 'R',
    DNNB__OP_PERSISTENT = 'Q'
} dnnb__pickle_op;

void dnnb__pickle_put_start(dnnb__buf *out);
void dnnb__pickle_put(dnnb__buf *out, dnnb__pickle_op op);
void dnnb__pickle_put_integer(dnnb__buf *out, int64_t integer);
void dnnb__pickle_put_real(dnnb__buf *out, double real);
/** UTF-8 text. */
void dnnb__pickle_put_text(dnnb__buf *out, const char *text);
void dnnb__pickle_put_global(dnnb__buf *out, const char *module, const char *name);
/** Keep the value on top under a number of the memo below 256, or put it there again. */
void dnnb__pickle_put_memo(dnnb__buf *out, uint8_t i);
void dnnb__pickle_put_again(dnnb__buf *out, uint8_t i);

#endif
