/*
 * Writing pickles of protocol 2, which every Python from 2.3 on reads.
 * Source: Lib/pickletools.py of CPython.
 */
#include "formats/pickle_write.h"

#include <string.h>

static void put_byte(dnnb__buf *out, unsigned byte) {
    uint8_t b = (uint8_t)byte;
    dnnb__buf_append(out, &b, 1);
}

/* An opcode and a little-endian operand. */
static void put_op(dnnb__buf *out, unsigned op, uint64_t operand, size_t n) {
    uint8_t bytes[9] = {(uint8_t)op};
    for (size_t i = 0; i < n; i++) bytes[1 + i] = (uint8_t)(operand >> (8 * i));
    dnnb__buf_append(out, bytes, 1 + n);
}

void dnnb__pickle_put_start(dnnb__buf *out) {
    put_op(out, 0x80, 2, 1);
}

void dnnb__pickle_put(dnnb__buf *out, dnnb__pickle_op op) {
    put_byte(out, op);
}

void dnnb__pickle_put_integer(dnnb__buf *out, int64_t integer) {
    if (integer >= 0 && integer < 256)
        put_op(out, 'K', (uint64_t)integer, 1);
    else if (integer >= 0 && integer < 65536)
        put_op(out, 'M', (uint64_t)integer, 2);
    else if (integer >= INT32_MIN && integer <= INT32_MAX)
        put_op(out, 'J', (uint64_t)integer, 4);
    else { /* LONG1 of eight bytes */
        put_op(out, 0x8a, 8, 1);
        for (size_t i = 0; i < 8; i++)
            put_byte(out, (unsigned)((uint64_t)integer >> (8 * i)) & 255);
    }
}

void dnnb__pickle_put_real(dnnb__buf *out, double real) {
    uint64_t u;
    uint8_t bytes[9] = {'G'};
    memcpy(&u, &real, sizeof u);
    for (size_t i = 0; i < 8; i++) bytes[1 + i] = (uint8_t)(u >> (56 - 8 * i));
    dnnb__buf_append(out, bytes, sizeof bytes);
}

void dnnb__pickle_put_text(dnnb__buf *out, const char *text) {
    size_t n = strlen(text);
    put_op(out, 'X', n, 4);
    dnnb__buf_append(out, text, n);
}

void dnnb__pickle_put_global(dnnb__buf *out, const char *module, const char *name) {
    dnnb__buf_printf(out, "c%s\n%s\n", module, name);
}

void dnnb__pickle_put_memo(dnnb__buf *out, uint8_t i) {
    put_op(out, 'q', i, 1);
}

void dnnb__pickle_put_again(dnnb__buf *out, uint8_t i) {
    put_op(out, 'h', i, 1);
}
