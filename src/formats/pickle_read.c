/*
 * The pickle machine: one table row an opcode, a stack, marks into it, and a memo.
 *
 * Method: values are made and linked, never executed; the machine has no recursion, so that depth
 * costs nothing. Every opcode takes at least one byte and makes at most one value.
 * Invariant: the stack never sinks below the newest mark.
 * Source: Lib/pickletools.py of CPython.
 */
#include <string.h>

#include "core/text.h"
#include "formats/pickle.h"

enum {
    MAX_MARKS = 4096, /* Python's own pickler stops at about 1,000 levels */
    MAX_STACK = 1 << 24,
    NEWEST_PROTOCOL = 5,
    NAME_SHOWN = 64 /* bytes of a hostile name that a message repeats */
};

typedef struct machine {
    dnnb__pickle *pickle;
    dnnb__cursor *in;
    size_t op_at; /* where the current opcode stands, for messages */
    dnnb__value **stack;
    size_t n_stack, stack_capacity;
    size_t *marks;
    size_t n_marks, marks_capacity;
    dnnb__value **memo; /* NULL where nothing was put */
    size_t memo_size, n_memo;
    bool stopped;
} machine;

typedef dnnb_status (*op_function)(machine *m, size_t arg);

#define FAIL(m, what)                                                                              \
    dnnb__fail(DNNB_ERR_FORMAT, "%s: pickle byte %zu: %s", (m)->pickle->name, (m)->op_at, what)

static dnnb_status fail_memory(machine *m) {
    return dnnb__pickle_fail_memory(m->pickle);
}

/* Grow an array of `size`-byte elements to hold at least `need` of them, up to `cap`. */
static dnnb_status grow(machine *m, void *array, size_t *capacity, size_t need, size_t cap,
                        size_t size) {
    if (need <= *capacity) return DNNB_OK;
    if (need > cap)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: pickle byte %zu: more than %zu values at once",
                          m->pickle->name, m->op_at, cap);
    size_t wanted = *capacity ? 2 * *capacity : 64;
    if (wanted < need) wanted = need;
    void *old;
    memcpy(&old, array, sizeof old);
    void *grown = dnnb__realloc(old, wanted, size);
    if (!grown) return dnnb__fail_memory();
    memset((uint8_t *)grown + *capacity * size, 0, (wanted - *capacity) * size);
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return DNNB_OK;
}

static dnnb_status push(machine *m, dnnb__value *v) {
    if (!v) return fail_memory(m);
    DNNB_TRY(grow(m, &m->stack, &m->stack_capacity, m->n_stack + 1, MAX_STACK, sizeof v));
    m->stack[m->n_stack++] = v;
    return DNNB_OK;
}

/* Values above the newest mark. */
static size_t count_above_mark(const machine *m) {
    return m->n_stack - (m->n_marks ? m->marks[m->n_marks - 1] : 0);
}

static dnnb_status need_values(machine *m, size_t n) {
    return count_above_mark(m) < n ? FAIL(m, "the stack holds too few values") : DNNB_OK;
}

static dnnb_status pop(machine *m, dnnb__value **out) {
    DNNB_TRY(need_values(m, 1));
    *out = m->stack[--m->n_stack];
    return DNNB_OK;
}

/* The values above the newest mark, which goes. They stay in place until the next push. */
static dnnb_status pop_mark(machine *m, dnnb__value ***items, size_t *n) {
    if (!m->n_marks) return FAIL(m, "there is no mark");
    *n = count_above_mark(m);
    m->n_stack = m->marks[--m->n_marks];
    *items = m->stack ? m->stack + m->n_stack : NULL;
    return DNNB_OK;
}

/* A length or number of n_bytes bytes. */
static dnnb_status take_uint(machine *m, size_t n_bytes, uint64_t *out) {
    *out = dnnb__cursor_uint(m->in, n_bytes);
    return m->in->failed ? FAIL(m, "the pickle ends in the middle of an opcode") : DNNB_OK;
}

static dnnb_status take_bytes(machine *m, uint64_t n, const uint8_t **out) {
    *out = n <= dnnb__cursor_get_left(m->in) ? dnnb__cursor_take(m->in, (size_t)n) : NULL;
    return *out ? DNNB_OK : FAIL(m, "a length reaches past the end of the pickle");
}

/* The rest of the line, without its newline. */
static dnnb_status take_line(machine *m, const uint8_t **out, size_t *n) {
    const uint8_t *start = m->in->data + m->in->at;
    size_t left = dnnb__cursor_get_left(m->in);
    const uint8_t *end = left ? memchr(start, '\n', left) : NULL;
    if (!end) return FAIL(m, "a line has no end");
    *out = start;
    *n = (size_t)(end - start);
    m->in->at += *n + 1;
    return DNNB_OK;
}

/* The rest of the line as a NUL-ended text for the number parsers. */
static dnnb_status take_short_line(machine *m, char text[64]) {
    const uint8_t *line;
    size_t n;
    DNNB_TRY(take_line(m, &line, &n));
    if (n == 0 || n > 63 || memchr(line, '\0', n))
        return FAIL(m, "a number is empty, too long or no text");
    memcpy(text, line, n);
    text[n] = '\0';
    return DNNB_OK;
}

/* ---- constants ---- */

static dnnb_status op_proto(machine *m, size_t arg) {
    (void)arg;
    uint64_t protocol;
    DNNB_TRY(take_uint(m, 1, &protocol));
    if (protocol > NEWEST_PROTOCOL)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED,
                          "%s: pickle byte %zu: expected a protocol of at most %d, found %u",
                          m->pickle->name, m->op_at, NEWEST_PROTOCOL, (unsigned)protocol);
    return DNNB_OK;
}

/* A frame only says how much to read at once. */
static dnnb_status op_frame(machine *m, size_t arg) {
    uint64_t n;
    DNNB_TRY(take_uint(m, arg, &n));
    return n > dnnb__cursor_get_left(m->in) ? FAIL(m, "a frame reaches past the end") : DNNB_OK;
}

static dnnb_status op_none(machine *m, size_t arg) {
    (void)arg;
    return push(m, dnnb__pickle_new(m->pickle, DNNB__VALUE_NONE));
}

static dnnb_status push_integer(machine *m, dnnb__value_kind kind, int64_t integer) {
    dnnb__value *v = dnnb__pickle_new(m->pickle, kind);
    if (v) v->as.integer = integer;
    return push(m, v);
}

static dnnb_status op_bool(machine *m, size_t arg) {
    return push_integer(m, DNNB__VALUE_BOOL, (int64_t)arg);
}

static dnnb_status op_uint(machine *m, size_t arg) {
    uint64_t u;
    DNNB_TRY(take_uint(m, arg, &u));
    return push_integer(m, DNNB__VALUE_INT, (int64_t)u);
}

static dnnb_status op_int32(machine *m, size_t arg) {
    uint64_t u;
    DNNB_TRY(take_uint(m, arg, &u));
    return push_integer(m, DNNB__VALUE_INT, (int32_t)(uint32_t)u);
}

/* Two's complement of any length after a length of `arg` bytes. */
static dnnb_status op_long(machine *m, size_t arg) {
    uint64_t n;
    const uint8_t *bytes;
    DNNB_TRY(take_uint(m, arg, &n));
    DNNB_TRY(take_bytes(m, n, &bytes));
    if (n <= 8) {
        uint64_t u = n && (bytes[n - 1] & 0x80) ? UINT64_MAX : 0;
        for (uint64_t i = 0; i < n; i++)
            u = (u & ~((uint64_t)0xff << (8 * i))) | (uint64_t)bytes[i] << (8 * i);
        return push_integer(m, DNNB__VALUE_INT, (int64_t)u);
    }
    dnnb__value *v = dnnb__pickle_new(m->pickle, DNNB__VALUE_LONG);
    if (v) {
        v->as.bytes.data = bytes;
        v->as.bytes.n = (size_t)n;
    }
    return push(m, v);
}

/* INT and LONG as text: "12", "12L", and the bools "00" and "01". */
static dnnb_status op_int_line(machine *m, size_t arg) {
    (void)arg;
    char text[64];
    int64_t integer;
    DNNB_TRY(take_short_line(m, text));
    if (strcmp(text, "00") == 0 || strcmp(text, "01") == 0) return op_bool(m, text[1] == '1');
    size_t n = strlen(text);
    if (text[n - 1] == 'L') text[n - 1] = '\0';
    if (!dnnb__text_read_i64(text, &integer)) return FAIL(m, "a number is no integer of 64 bits");
    return push_integer(m, DNNB__VALUE_INT, integer);
}

static dnnb_status push_real(machine *m, double real) {
    dnnb__value *v = dnnb__pickle_new(m->pickle, DNNB__VALUE_FLOAT);
    if (v) v->as.real = real;
    return push(m, v);
}

static dnnb_status op_float_line(machine *m, size_t arg) {
    (void)arg;
    char text[64];
    double real;
    DNNB_TRY(take_short_line(m, text));
    if (!dnnb__text_read_f64(text, &real)) return FAIL(m, "a line is no number");
    return push_real(m, real);
}

/* Eight bytes, big-endian. */
static dnnb_status op_float(machine *m, size_t arg) {
    const uint8_t *bytes;
    DNNB_TRY(take_bytes(m, arg, &bytes));
    uint64_t u = 0;
    double real;
    for (size_t i = 0; i < 8; i++) u = u << 8 | bytes[i];
    memcpy(&real, &u, sizeof real);
    return push_real(m, real);
}

static dnnb_status push_bytes(machine *m, dnnb__value_kind kind, const uint8_t *bytes, size_t n) {
    dnnb__value *v = dnnb__pickle_new(m->pickle, kind);
    if (v) {
        v->as.bytes.data = bytes;
        v->as.bytes.n = n;
    }
    return push(m, v);
}

static dnnb_status push_counted(machine *m, dnnb__value_kind kind, size_t n_length_bytes) {
    uint64_t n;
    const uint8_t *bytes;
    DNNB_TRY(take_uint(m, n_length_bytes, &n));
    DNNB_TRY(take_bytes(m, n, &bytes));
    return push_bytes(m, kind, bytes, (size_t)n);
}

static dnnb_status op_text(machine *m, size_t arg) {
    return push_counted(m, DNNB__VALUE_TEXT, arg);
}

static dnnb_status op_bytes(machine *m, size_t arg) {
    return push_counted(m, DNNB__VALUE_BYTES, arg);
}

/* The value of n hex digits, or -1. */
static int32_t read_hex(const uint8_t *text, size_t n_left, size_t n) {
    uint32_t value = 0;
    if (n > n_left) return -1;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text[i], lower = c | 0x20;
        unsigned digit = c >= '0' && c <= '9' ? c - (unsigned)'0' : 16;
        if (lower >= 'a' && lower <= 'f') digit = lower - (unsigned)'a' + 10;
        if (digit > 15) return -1;
        value = value << 4 | digit;
    }
    return value > 0x10ffff ? -1 : (int32_t)value;
}

static size_t put_utf8(uint8_t *out, uint32_t c) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6) out[i] = (uint8_t)(0x80 | (c & 63));
    out[0] = (uint8_t)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
    return n;
}

/* Escapes \uXXXX and \UXXXXXXXX; every other byte is a Latin-1 character. */
static dnnb_status op_unicode_line(machine *m, size_t arg) {
    (void)arg;
    const uint8_t *line;
    size_t n, n_out = 0;
    DNNB_TRY(take_line(m, &line, &n));
    uint8_t *out = dnnb__pickle_alloc(m->pickle, 2 * n); /* a character takes at most two bytes */
    if (!out) return fail_memory(m);
    for (size_t i = 0; i < n;) {
        uint32_t c = line[i++];
        if (c == '\\' && i < n && (line[i] == 'u' || line[i] == 'U')) {
            size_t n_digits = line[i] == 'u' ? 4 : 8;
            int32_t value = read_hex(line + i + 1, n - i - 1, n_digits);
            if (value < 0) return FAIL(m, "a text holds a bad escape");
            c = (uint32_t)value;
            i += 1 + n_digits;
        }
        n_out += put_utf8(out + n_out, c);
    }
    return push_bytes(m, DNNB__VALUE_TEXT, out, n_out);
}

/* One character of a Python 2 string literal after its backslash; false when it is not known. */
static bool read_escape(const uint8_t *text, size_t n, size_t *at, uint8_t *out) {
    static const char from[] = "\\'\"nrtabfv", to[] = "\\'\"\n\r\t\a\b\f\v";
    uint8_t c = text[(*at)++];
    const char *found = c ? strchr(from, c) : NULL;
    if (found) {
        *out = (uint8_t)to[found - from];
        return true;
    }
    if (c == 'x') {
        int32_t value = read_hex(text + *at, n - *at, 2);
        *at += 2;
        *out = (uint8_t)value;
        return value >= 0;
    }
    if (c < '0' || c > '7') return false;
    unsigned value = c - (unsigned)'0';
    for (size_t i = 0; i < 2 && *at < n && text[*at] >= '0' && text[*at] <= '7'; i++)
        value = value * 8 + (text[(*at)++] - (unsigned)'0');
    *out = (uint8_t)value;
    return value < 256;
}

/* A quoted literal, as repr() of Python 2 writes it. */
static dnnb_status op_string_line(machine *m, size_t arg) {
    (void)arg;
    const uint8_t *line;
    size_t n, n_out = 0;
    DNNB_TRY(take_line(m, &line, &n));
    if (n < 2 || (line[0] != '\'' && line[0] != '"') || line[n - 1] != line[0])
        return FAIL(m, "a text has no quotes around it");
    uint8_t *out = dnnb__pickle_alloc(m->pickle, n);
    if (!out) return fail_memory(m);
    for (size_t i = 1; i < n - 1;) {
        uint8_t c = line[i++];
        if (c == '\\' && (i >= n - 1 || !read_escape(line, n - 1, &i, &c)))
            return FAIL(m, "a text holds a bad escape");
        out[n_out++] = c;
    }
    return push_bytes(m, DNNB__VALUE_TEXT, out, n_out);
}

/* ---- the stack and the memo ---- */

static dnnb_status op_mark(machine *m, size_t arg) {
    (void)arg;
    DNNB_TRY(grow(m, &m->marks, &m->marks_capacity, m->n_marks + 1, MAX_MARKS, sizeof *m->marks));
    m->marks[m->n_marks++] = m->n_stack;
    return DNNB_OK;
}

/* A pop right above a mark takes the mark. */
static dnnb_status op_pop(machine *m, size_t arg) {
    (void)arg;
    if (m->n_marks && count_above_mark(m) == 0) {
        m->n_marks--;
        return DNNB_OK;
    }
    dnnb__value *v;
    return pop(m, &v);
}

static dnnb_status op_pop_mark(machine *m, size_t arg) {
    (void)arg;
    dnnb__value **items;
    size_t n;
    return pop_mark(m, &items, &n);
}

static dnnb_status op_dup(machine *m, size_t arg) {
    (void)arg;
    DNNB_TRY(need_values(m, 1));
    return push(m, m->stack[m->n_stack - 1]);
}

static dnnb_status memo_put(machine *m, uint64_t i) {
    DNNB_TRY(need_values(m, 1));
    /* A pickler numbers from 0 or 1 with one opcode a number, so a number above the bytes read so
     * far is a lie that would cost memory. */
    if (i >= m->in->at)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: pickle byte %zu: memo number %llu is too large",
                          m->pickle->name, m->op_at, (unsigned long long)i);
    DNNB_TRY(grow(m, &m->memo, &m->memo_size, (size_t)i + 1, m->in->at, sizeof *m->memo));
    m->n_memo += !m->memo[i];
    m->memo[i] = m->stack[m->n_stack - 1];
    return DNNB_OK;
}

static dnnb_status memo_get(machine *m, uint64_t i) {
    if (i >= m->memo_size || !m->memo[i]) return FAIL(m, "the memo does not hold what is asked");
    return push(m, m->memo[i]);
}

/* A memo number of `arg` bytes, or in a line when arg is 0. */
static dnnb_status take_memo_number(machine *m, size_t arg, uint64_t *out) {
    if (arg) return take_uint(m, arg, out);
    char text[64];
    int64_t i;
    DNNB_TRY(take_short_line(m, text));
    if (!dnnb__text_read_i64(text, &i) || i < 0) return FAIL(m, "a memo number is no number");
    *out = (uint64_t)i;
    return DNNB_OK;
}

static dnnb_status op_put(machine *m, size_t arg) {
    uint64_t i;
    DNNB_TRY(take_memo_number(m, arg, &i));
    return memo_put(m, i);
}

static dnnb_status op_get(machine *m, size_t arg) {
    uint64_t i;
    DNNB_TRY(take_memo_number(m, arg, &i));
    return memo_get(m, i);
}

static dnnb_status op_memoize(machine *m, size_t arg) {
    (void)arg;
    return memo_put(m, m->n_memo);
}

/* ---- containers ---- */

static dnnb_status op_empty(machine *m, size_t arg) {
    return push(m, dnnb__pickle_new(m->pickle, (dnnb__value_kind)arg));
}

static dnnb_status push_list(machine *m, dnnb__value_kind kind, dnnb__value *const *items,
                             size_t n) {
    if (kind == DNNB__VALUE_DICT && n % 2) return FAIL(m, "a dict has a key without a value");
    dnnb__value *v = dnnb__pickle_new(m->pickle, kind);
    if (!v) return fail_memory(m);
    DNNB_TRY(dnnb__pickle_append(m->pickle, v, items, n));
    return push(m, v);
}

/* A container of the values above the mark. */
static dnnb_status op_list(machine *m, size_t arg) {
    dnnb__value **items = NULL;
    size_t n = 0;
    DNNB_TRY(pop_mark(m, &items, &n));
    return push_list(m, (dnnb__value_kind)arg, items, n);
}

static dnnb_status op_tuple_n(machine *m, size_t arg) {
    DNNB_TRY(need_values(m, arg));
    m->n_stack -= arg;
    return push_list(m, DNNB__VALUE_TUPLE, m->stack + m->n_stack, arg);
}

/* Add values to the container under them. */
static dnnb_status add_items(machine *m, dnnb__value_kind kind, dnnb__value *const *items,
                             size_t n) {
    DNNB_TRY(need_values(m, 1));
    dnnb__value *v = m->stack[m->n_stack - 1];
    if (v->kind != kind) {
        /* What is collected in an inert object means nothing here. */
        if (v->kind == DNNB__VALUE_OBJECT) return DNNB_OK;
        char found[DNNB__VALUE_TEXT_BYTES];
        dnnb__value_describe(v, found, sizeof found);
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: pickle byte %zu: expected a %s to add to, found %s",
                          m->pickle->name, m->op_at,
                          kind == DNNB__VALUE_DICT   ? "dict"
                          : kind == DNNB__VALUE_LIST ? "list"
                                                     : "set",
                          found);
    }
    if (kind == DNNB__VALUE_DICT && n % 2) return FAIL(m, "a dict has a key without a value");
    return dnnb__pickle_append(m->pickle, v, items, n);
}

static dnnb_status op_add_marked(machine *m, size_t arg) {
    dnnb__value **items = NULL;
    size_t n = 0;
    DNNB_TRY(pop_mark(m, &items, &n));
    return add_items(m, (dnnb__value_kind)arg, items, n);
}

static dnnb_status op_append(machine *m, size_t arg) {
    (void)arg;
    DNNB_TRY(need_values(m, 2));
    m->n_stack -= 1;
    return add_items(m, DNNB__VALUE_LIST, m->stack + m->n_stack, 1);
}

static dnnb_status op_set_item(machine *m, size_t arg) {
    (void)arg;
    DNNB_TRY(need_values(m, 3));
    m->n_stack -= 2;
    return add_items(m, DNNB__VALUE_DICT, m->stack + m->n_stack, 2);
}

/* ---- globals and calls ---- */

static dnnb_status push_global(machine *m, const dnnb__value *module, const dnnb__value *name) {
    const dnnb__pickle_global *global = dnnb__pickle_find_global(module, name);
    if (!global) {
        bool is_text = module->kind == DNNB__VALUE_TEXT && name->kind == DNNB__VALUE_TEXT;
        if (!is_text) return FAIL(m, "a global has no name");
        size_t n_module = module->as.bytes.n, n_name = name->as.bytes.n;
        return dnnb__fail(
            DNNB_ERR_FORMAT, "%s: pickle byte %zu: the global '%.*s.%.*s' is not allowed",
            m->pickle->name, m->op_at, (int)(n_module < NAME_SHOWN ? n_module : NAME_SHOWN),
            (const char *)module->as.bytes.data, (int)(n_name < NAME_SHOWN ? n_name : NAME_SHOWN),
            (const char *)name->as.bytes.data);
    }
    dnnb__value *v = dnnb__pickle_new(m->pickle, DNNB__VALUE_GLOBAL);
    if (v) v->as.global = global;
    return push(m, v);
}

static dnnb_status op_global(machine *m, size_t arg) {
    (void)arg;
    dnnb__value module = {.kind = DNNB__VALUE_TEXT}, name = {.kind = DNNB__VALUE_TEXT};
    DNNB_TRY(take_line(m, &module.as.bytes.data, &module.as.bytes.n));
    DNNB_TRY(take_line(m, &name.as.bytes.data, &name.as.bytes.n));
    return push_global(m, &module, &name);
}

static dnnb_status op_stack_global(machine *m, size_t arg) {
    (void)arg;
    dnnb__value *module, *name;
    DNNB_TRY(need_values(m, 2));
    DNNB_TRY(pop(m, &name));
    DNNB_TRY(pop(m, &module));
    return push_global(m, module, name);
}

/* Call with a tuple of arguments; NEWOBJ is a call too. `arg` values of keywords are dropped. */
static dnnb_status op_call(machine *m, size_t arg) {
    dnnb__value *called;
    DNNB_TRY(need_values(m, 2 + arg));
    m->n_stack -= 2 + arg;
    dnnb__value **v = m->stack + m->n_stack;
    dnnb_status status = dnnb__pickle_call(m->pickle, v[0], v[1], &called);
    if (status != DNNB_OK) return status;
    return push(m, called);
}

/* The old instances: a class by name (INST) or below the arguments (OBJ), arguments to the mark. */
static dnnb_status op_old_instance(machine *m, size_t arg) {
    dnnb__value **items = NULL, *called;
    size_t n = 0;
    if (arg) {
        DNNB_TRY(op_global(m, 0));
        dnnb__value *class = m->stack[--m->n_stack];
        DNNB_TRY(op_list(m, DNNB__VALUE_TUPLE));
        DNNB_TRY(dnnb__pickle_call(m->pickle, class, m->stack[m->n_stack - 1], &called));
        m->n_stack--;
        return push(m, called);
    }
    DNNB_TRY(pop_mark(m, &items, &n));
    if (n == 0) return FAIL(m, "an instance has no class");
    dnnb__value *class = items[0];
    DNNB_TRY(push_list(m, DNNB__VALUE_TUPLE, items + 1, n - 1));
    DNNB_TRY(dnnb__pickle_call(m->pickle, class, m->stack[m->n_stack - 1], &called));
    m->n_stack--;
    return push(m, called);
}

/* The state of a dict (_metadata) means nothing here. */
static dnnb_status op_build(machine *m, size_t arg) {
    (void)arg;
    DNNB_TRY(need_values(m, 2));
    dnnb__value *state = m->stack[--m->n_stack], *v = m->stack[m->n_stack - 1];
    if (v->kind == DNNB__VALUE_OBJECT)
        v->as.object.state = state;
    else if (v->kind != DNNB__VALUE_DICT && v->kind != DNNB__VALUE_SET)
        return FAIL(m, "a state is given to something that has none");
    return DNNB_OK;
}

/* A reference whose id is on the stack, or in a line when arg is 1. */
static dnnb_status op_persistent(machine *m, size_t arg) {
    dnnb__pickle *p = m->pickle;
    dnnb__value *id;
    if (arg) {
        const uint8_t *line;
        size_t n;
        DNNB_TRY(take_line(m, &line, &n));
        DNNB_TRY(push_bytes(m, DNNB__VALUE_TEXT, line, n));
    }
    DNNB_TRY(pop(m, &id));
    dnnb__value *v = dnnb__pickle_new(p, DNNB__VALUE_PERSISTENT);
    if (!v) return fail_memory(m);
    v->as.id = id;
    DNNB_TRY(
        grow(m, &p->persistent, &p->persistent_capacity, p->n_persistent + 1, MAX_STACK, sizeof v));
    p->persistent[p->n_persistent++] = v;
    return push(m, v);
}

static dnnb_status op_stop(machine *m, size_t arg) {
    (void)arg;
    m->stopped = true;
    return DNNB_OK;
}

/* What each byte does; the others end the reading. */
static const struct {
    op_function run;
    size_t arg;
} ops[256] = {
    [0x80] = {op_proto, 0},
    [0x95] = {op_frame, 8},
    ['.'] = {op_stop, 0},
    ['N'] = {op_none, 0},
    [0x88] = {op_bool, 1},
    [0x89] = {op_bool, 0},
    ['K'] = {op_uint, 1},
    ['M'] = {op_uint, 2},
    ['J'] = {op_int32, 4},
    [0x8a] = {op_long, 1},
    [0x8b] = {op_long, 4},
    ['I'] = {op_int_line, 0},
    ['L'] = {op_int_line, 0},
    ['F'] = {op_float_line, 0},
    ['G'] = {op_float, 8},
    ['S'] = {op_string_line, 0},
    ['U'] = {op_text, 1},
    ['T'] = {op_text, 4},
    ['V'] = {op_unicode_line, 0},
    [0x8c] = {op_text, 1},
    ['X'] = {op_text, 4},
    [0x8d] = {op_text, 8},
    ['C'] = {op_bytes, 1},
    ['B'] = {op_bytes, 4},
    [0x8e] = {op_bytes, 8},
    [0x96] = {op_bytes, 8},
    ['('] = {op_mark, 0},
    ['0'] = {op_pop, 0},
    ['1'] = {op_pop_mark, 0},
    ['2'] = {op_dup, 0},
    ['p'] = {op_put, 0},
    ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},
    [0x94] = {op_memoize, 0},
    ['g'] = {op_get, 0},
    ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
    [']'] = {op_empty, DNNB__VALUE_LIST},
    [')'] = {op_empty, DNNB__VALUE_TUPLE},
    ['}'] = {op_empty, DNNB__VALUE_DICT},
    [0x8f] = {op_empty, DNNB__VALUE_SET},
    ['l'] = {op_list, DNNB__VALUE_LIST},
    ['t'] = {op_list, DNNB__VALUE_TUPLE},
    ['d'] = {op_list, DNNB__VALUE_DICT},
    [0x91] = {op_list, DNNB__VALUE_SET},
    [0x85] = {op_tuple_n, 1},
    [0x86] = {op_tuple_n, 2},
    [0x87] = {op_tuple_n, 3},
    ['a'] = {op_append, 0},
    ['e'] = {op_add_marked, DNNB__VALUE_LIST},
    ['s'] = {op_set_item, 0},
    ['u'] = {op_add_marked, DNNB__VALUE_DICT},
    [0x90] = {op_add_marked, DNNB__VALUE_SET},
    ['c'] = {op_global, 0},
    [0x93] = {op_stack_global, 0},
    ['R'] = {op_call, 0},
    [0x81] = {op_call, 0},
    [0x92] = {op_call, 1},
    ['i'] = {op_old_instance, 1},
    ['o'] = {op_old_instance, 0},
    ['b'] = {op_build, 0},
    ['P'] = {op_persistent, 1},
    ['Q'] = {op_persistent, 0},
};

static dnnb_status run(machine *m) {
    while (!m->stopped) {
        uint64_t op;
        m->op_at = m->in->at;
        if (!dnnb__cursor_get_left(m->in)) return FAIL(m, "the pickle has no end");
        DNNB_TRY(take_uint(m, 1, &op));
        if (!ops[op].run)
            return dnnb__fail(DNNB_ERR_UNSUPPORTED,
                              "%s: pickle byte %zu: the opcode 0x%02x is not one of those allowed",
                              m->pickle->name, m->op_at, (unsigned)op);
        DNNB_TRY(ops[op].run(m, ops[op].arg));
    }
    if (m->n_marks || m->n_stack != 1)
        return FAIL(m, "expected one value at the end of the pickle");
    return DNNB_OK;
}

dnnb_status dnnb__pickle_read(dnnb__pickle *p, dnnb__cursor *in, dnnb__value **out) {
    machine m = {.pickle = p, .in = in};
    *out = NULL;
    dnnb_status status = run(&m);
    if (status == DNNB_OK) *out = m.stack[0];
    dnnb__free(m.stack);
    dnnb__free(m.marks);
    dnnb__free(m.memo);
    return status;
}
