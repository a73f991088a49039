/*
 * Pickles, read into a tree of plain values and never executed.
 *
 * A global outside the fixed list below is refused by name. A call on a listed global gives a dict
 * where the global is a container, and otherwise an inert object that holds its arguments; what it
 * means is for the reader of the tree to say. The tree lives in an arena that dies as a whole, and
 * its texts lie in the pickle's own bytes, which must outlive it.
 *
 * Source: Lib/pickletools.py of CPython, which describes each opcode of protocols 0 to 5.
 */
#ifndef DNNB_FORMATS_PICKLE_H
#define DNNB_FORMATS_PICKLE_H

#include "core/cursor.h"
#include "core/mem.h"
#include "dnnbrain/tensor.h"

/** The only globals that a pickle may name: meaning, module, name. Those of a dtype follow in
 *  DNNB__PICKLE_STORAGE_LIST. */
#define DNNB__PICKLE_GLOBAL_LIST(X)                                                                \
    X(DICT, "collections", "OrderedDict")                                                          \
    X(DEFAULT_DICT, "collections", "defaultdict")                                                  \
    X(DICT, "collections", "Counter")                                                              \
    X(DICT, "builtins", "dict")                                                                    \
    X(DICT, "__builtin__", "dict")                                                                 \
    X(SET, "builtins", "set")                                                                      \
    X(SET, "__builtin__", "set")                                                                   \
    X(SET, "builtins", "frozenset")                                                                \
    X(SET, "__builtin__", "frozenset")                                                             \
    X(INERT, "builtins", "list")                                                                   \
    X(INERT, "__builtin__", "list")                                                                \
    X(INERT, "builtins", "int")                                                                    \
    X(INERT, "__builtin__", "int")                                                                 \
    X(INERT, "builtins", "float")                                                                  \
    X(INERT, "__builtin__", "float")                                                               \
    X(BYTES, "_codecs", "encode")                                                                  \
    X(NUMPY_SCALAR, "numpy.core.multiarray", "scalar")                                             \
    X(NUMPY_SCALAR, "numpy._core.multiarray", "scalar")                                            \
    X(NUMPY_DTYPE, "numpy", "dtype")                                                               \
    X(INERT, "numpy", "ndarray")                                                                   \
    X(INERT, "numpy.core.multiarray", "_reconstruct")                                              \
    X(INERT, "numpy._core.multiarray", "_reconstruct")                                             \
    X(INERT, "torch", "device")                                                                    \
    X(INERT, "torch", "float32")                                                                   \
    X(INERT, "torch", "float64")                                                                   \
    X(INERT, "torch", "float16")                                                                   \
    X(INERT, "torch", "bfloat16")                                                                  \
    X(INERT, "torch", "int64")                                                                     \
    X(SIZE, "torch", "Size")                                                                       \
    X(REBUILD_TENSOR, "torch._utils", "_rebuild_tensor")                                           \
    X(REBUILD_TENSOR, "torch._utils", "_rebuild_tensor_v2")                                        \
    X(REBUILD_PARAMETER, "torch._utils", "_rebuild_parameter")                                     \
    X(REBUILD_PARAMETER, "torch._utils", "_rebuild_parameter_with_state")                          \
    X(REBUILD_PARAMETER, "torch.nn.parameter", "Parameter")                                        \
    X(REBUILD_PARAMETER, "torch.autograd.variable", "Variable")

/** dtype, and the name of PyTorch's class before "Storage" or "Tensor". */
#define DNNB__PICKLE_STORAGE_LIST(X)                                                               \
    X(F32, "Float")                                                                                \
    X(F64, "Double")                                                                               \
    X(F16, "Half")                                                                                 \
    X(BF16, "BFloat16")                                                                            \
    X(I64, "Long")                                                                                 \
    X(I32, "Int")                                                                                  \
    X(I16, "Short")                                                                                \
    X(I8, "Char")                                                                                  \
    X(U8, "Byte")                                                                                  \
    X(BOOL, "Bool")

typedef enum dnnb__pickle_role {
    DNNB__PICKLE_INERT, /* may be there, means nothing here */
    DNNB__PICKLE_DICT,
    DNNB__PICKLE_DEFAULT_DICT,
    DNNB__PICKLE_SET,
    DNNB__PICKLE_BYTES,
    DNNB__PICKLE_NUMPY_SCALAR,
    DNNB__PICKLE_NUMPY_DTYPE,
    DNNB__PICKLE_SIZE,
    DNNB__PICKLE_REBUILD_TENSOR,
    DNNB__PICKLE_REBUILD_PARAMETER,
    DNNB__PICKLE_STORAGE_TYPE,
    DNNB__PICKLE_TENSOR_TYPE
} dnnb__pickle_role;

typedef struct dnnb__pickle_global {
    dnnb__pickle_role role;
    const char *module, *name;
    dnnb_dtype dtype; /* of a storage or tensor type */
} dnnb__pickle_global;

typedef enum dnnb__value_kind {
    DNNB__VALUE_NONE,
    DNNB__VALUE_BOOL,
    DNNB__VALUE_INT,
    DNNB__VALUE_LONG, /* an integer of more than 8 bytes */
    DNNB__VALUE_FLOAT,
    DNNB__VALUE_BYTES,
    DNNB__VALUE_TEXT, /* also a str of Python 2 */
    DNNB__VALUE_LIST,
    DNNB__VALUE_TUPLE,
    DNNB__VALUE_SET,
    DNNB__VALUE_DICT,
    DNNB__VALUE_GLOBAL,
    DNNB__VALUE_OBJECT,    /* a call that was not made */
    DNNB__VALUE_PERSISTENT /* a reference to something outside the pickle */
} dnnb__value_kind;

typedef struct dnnb__value dnnb__value;
struct dnnb__value {
    dnnb__value_kind kind;
    union {
        int64_t integer; /* BOOL, INT */
        double real;
        struct {
            const uint8_t *data;
            size_t n;
        } bytes; /* BYTES, TEXT; LONG: little-endian two's complement */
        struct {
            dnnb__value **items;
            uint32_t n, capacity;
        } list; /* LIST, TUPLE, SET; DICT: key and value in turn */
        const dnnb__pickle_global *global;
        struct {
            const dnnb__pickle_global *global;
            dnnb__value *args;  /* a tuple */
            dnnb__value *state; /* what BUILD gave, or NULL */
        } object;
        dnnb__value *id; /* PERSISTENT */
    } as;
};

typedef struct dnnb__pickle_block dnnb__pickle_block;

/** Pickles read from one file, and all their values. */
typedef struct dnnb__pickle {
    const char *name;           /* for messages: the file and the place in it; borrowed */
    dnnb__pickle_block *blocks; /* the arena, newest first */
    size_t n_bytes, max_bytes;  /* of the arena */
    size_t n_values;
    bool over_limit;          /* an allocation was refused for the arena's or the values' limit */
    dnnb__value **persistent; /* each persistent reference, in order; may hold one value twice */
    size_t n_persistent, persistent_capacity;
} dnnb__pickle;

/** @param n_input_bytes All the bytes that pickles will be read from; bounds the arena. */
void dnnb__pickle_init(dnnb__pickle *p, const char *name, size_t n_input_bytes);
void dnnb__pickle_destroy(dnnb__pickle *p);

/**
 * Read one pickle at the cursor, which then stands behind it.
 *
 * @error DNNB_ERR_FORMAT damaged, or a global that is not listed; DNNB_ERR_UNSUPPORTED an opcode
 *        that no state dict or history needs; DNNB_ERR_LIMIT; DNNB_ERR_MEMORY.
 */
DNNB_MUST_CHECK dnnb_status dnnb__pickle_read(dnnb__pickle *p, dnnb__cursor *in, dnnb__value **out);

/** Arena memory, 8-byte aligned; NULL with the message set. For the reader's own parts. */
void *dnnb__pickle_alloc(dnnb__pickle *p, size_t n_bytes);
/** A new value of this kind, NULL with the message set. */
dnnb__value *dnnb__pickle_new(dnnb__pickle *p, dnnb__value_kind kind);
/** What went wrong when one of these two gave NULL. */
DNNB_MUST_CHECK dnnb_status dnnb__pickle_fail_memory(const dnnb__pickle *p);
DNNB_MUST_CHECK dnnb_status dnnb__pickle_append(dnnb__pickle *p, dnnb__value *list,
                                                dnnb__value *const *items, size_t n);

/** The listed global of that name, NULL when it is not allowed. */
const dnnb__pickle_global *dnnb__pickle_find_global(const dnnb__value *module,
                                                    const dnnb__value *name);
/** The value of calling `callable` with `args`. */
DNNB_MUST_CHECK dnnb_status dnnb__pickle_call(dnnb__pickle *p, const dnnb__value *callable,
                                              dnnb__value *args, dnnb__value **out);

/* Reading the tree. Each takes NULL and answers for it as for a value of another kind. */

bool dnnb__value_is_text(const dnnb__value *v, const char *text);
bool dnnb__value_is_object(const dnnb__value *v, dnnb__pickle_role role);
/** Argument i of an object, or item i of a list or tuple; NULL when there is none. */
const dnnb__value *dnnb__value_get_item(const dnnb__value *v, size_t i);
/** Items of a list, tuple or set, or arguments of an object; 0 for anything else. */
size_t dnnb__value_get_count(const dnnb__value *v);
/** The value of a text key in a dict, NULL when there is none. The last one counts. */
const dnnb__value *dnnb__value_find(const dnnb__value *dict, const char *key);
/** For messages: "a list", "a call of torch.Size". Cut at n. */
void dnnb__value_describe(const dnnb__value *v, char *text, size_t n);
enum { DNNB__VALUE_TEXT_BYTES = 96 };

#endif
