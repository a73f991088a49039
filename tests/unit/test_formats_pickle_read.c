/* The pickle machine: what it makes of each opcode, and what it refuses. */
#include "unit/formats_files.h"

#include "formats/pickle.h"

/* A pickle, its bytes given as a literal so that NULs count. */
#define BYTES(literal) literal, sizeof(literal) - 1

static dnnb_status read_pickle(dnnb__pickle *p, dnnb__value **v, const void *bytes, size_t n) {
    dnnb__cursor in = dnnb__cursor_create(bytes, n);
    dnnb__pickle_init(p, "file", n);
    return dnnb__pickle_read(p, &in, v);
}

static void test_formats_pickle_read__numbers(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        dnnb__value_kind kind;
        int64_t integer;
    } rows[] = {
        {BYTES("N."), DNNB__VALUE_NONE, 0},
        {BYTES("\x88."), DNNB__VALUE_BOOL, 1},
        {BYTES("\x89."), DNNB__VALUE_BOOL, 0},
        {BYTES("I01\n."), DNNB__VALUE_BOOL, 1},
        {BYTES("I00\n."), DNNB__VALUE_BOOL, 0},
        {BYTES("I-12\n."), DNNB__VALUE_INT, -12},
        {BYTES("L-12L\n."), DNNB__VALUE_INT, -12},
        {BYTES("L9223372036854775807L\n."), DNNB__VALUE_INT, INT64_MAX},
        {BYTES("K\xff."), DNNB__VALUE_INT, 255},
        {BYTES("M\xff\xff."), DNNB__VALUE_INT, 65535},
        {BYTES("J\xff\xff\xff\xff."), DNNB__VALUE_INT, -1},
        {BYTES("J\x00\x00\x00\x80."), DNNB__VALUE_INT, INT32_MIN},
        {BYTES("\x8a\x00."), DNNB__VALUE_INT, 0},
        {BYTES("\x8a\x01\x80."), DNNB__VALUE_INT, -128},
        {BYTES("\x8a\x02\x80\x00."), DNNB__VALUE_INT, 128},
        {BYTES("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."), DNNB__VALUE_INT, INT64_MIN},
        {BYTES("\x8b\x02\x00\x00\x00\x01\x02."), DNNB__VALUE_INT, 513},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb__pickle p;
        dnnb__value *v;
        assert_ok(read_pickle(&p, &v, rows[i].bytes, rows[i].n));
        assert_int_equal(v->kind, rows[i].kind);
        if (v->kind != DNNB__VALUE_NONE) assert_int_equal(v->as.integer, rows[i].integer);
        dnnb__pickle_destroy(&p);
    }
    dnnb__pickle p;
    dnnb__value *v;
    assert_ok(read_pickle(&p, &v, BYTES("G\x3f\xf8\x00\x00\x00\x00\x00\x00.")));
    assert_true(v->as.real == 1.5); /* exact in binary */
    dnnb__pickle_destroy(&p);
    assert_ok(read_pickle(&p, &v, BYTES("F-1.5e3\n.")));
    assert_true(v->as.real == -1500.0);
    dnnb__pickle_destroy(&p);
    assert_ok(read_pickle(&p, &v, BYTES("\x8a\x09\1\2\3\4\5\6\7\x08\x09.")));
    assert_int_equal(v->kind, DNNB__VALUE_LONG);
    assert_int_equal(v->as.bytes.n, 9);
    dnnb__pickle_destroy(&p);
}

static void test_formats_pickle_read__texts(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *text;
    } rows[] = {
        {BYTES("U\x02hi."), "hi"},
        {BYTES("T\x02\0\0\0hi."), "hi"},
        {BYTES("X\x02\0\0\0hi."), "hi"},
        {BYTES("\x8c\x02hi."), "hi"},
        {BYTES("\x8d\x02\0\0\0\0\0\0\0hi."), "hi"},
        {BYTES("S'a\\'\\n\\x41\\101\"'\n."), "a'\nAA\""},
        {BYTES("S\"it's\"\n."), "it's"},
        {BYTES("S''\n."), ""},
        {BYTES("Vh\\u00e9\xe9\\U0001f600\n."), "h\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb__pickle p;
        dnnb__value *v;
        assert_ok(read_pickle(&p, &v, rows[i].bytes, rows[i].n));
        assert_true(dnnb__value_is_text(v, rows[i].text));
        dnnb__pickle_destroy(&p);
    }
}

static void test_formats_pickle_read__containers_and_the_memo(void **state) {
    (void)state;
    dnnb__pickle p;
    dnnb__value *v;
    /* {'a': [1, (2, 3)], 'b': the same list}, with a mark, a memo and the pops */
    assert_ok(read_pickle(&p, &v,
                          BYTES("\x80\x04\x95\x05\0\0\0\0\0\0\0}\x94(\x8c\x01"
                                "a](K\x01K\x02K\x03\x86"
                                "eq\x05\x8c\x01"
                                "bh\x05N0(N1u.")));
    assert_int_equal(v->kind, DNNB__VALUE_DICT);
    const dnnb__value *a = dnnb__value_find(v, "a");
    assert_ptr_equal(a, dnnb__value_find(v, "b"));
    assert_null(dnnb__value_find(v, "c"));
    assert_int_equal(dnnb__value_get_count(a), 2);
    assert_int_equal(dnnb__value_get_item(dnnb__value_get_item(a, 1), 1)->as.integer, 3);
    assert_null(dnnb__value_get_item(a, 2));
    dnnb__pickle_destroy(&p);
    /* A list that holds itself is freed like any other. */
    assert_ok(read_pickle(&p, &v, BYTES("]q\0h\0a.")));
    assert_ptr_equal(dnnb__value_get_item(v, 0), v);
    dnnb__pickle_destroy(&p);
    /* bytes of protocol 2 */
    assert_ok(read_pickle(&p, &v,
                          BYTES("c_codecs\nencode\nX\x03\0\0\0"
                                "A\xc3\xbfX\x06\0\0\0latin1\x86R.")));
    assert_int_equal(v->kind, DNNB__VALUE_BYTES);
    assert_memory_equal(v->as.bytes.data, "A\xff", 2);
    dnnb__pickle_destroy(&p);
}

static void test_formats_pickle_read__refusals(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        dnnb_status status;
        const char *text;
    } rows[] = {
        {BYTES("cos\nsystem\nU\x02ls\x85R."), DNNB_ERR_FORMAT, "global 'os.system' is not allowed"},
        {BYTES("cposix\nsystem\n."), DNNB_ERR_FORMAT, "'posix.system'"},
        {BYTES("c__builtin__\neval\n."), DNNB_ERR_FORMAT, "'__builtin__.eval'"},
        {BYTES("\x8c\x08"
               "builtins\x8c\x04"
               "eval\x93."),
         DNNB_ERR_FORMAT, "'builtins.eval'"},
        {BYTES("\x8c\x08"
               "builtins\x8c\x07getattr\x93."),
         DNNB_ERR_FORMAT, "'builtins.getattr'"},
        {BYTES("(U\x02lsios\nsystem\n."), DNNB_ERR_FORMAT, "'os.system'"},
        {BYTES("ctorch\nload\n."), DNNB_ERR_FORMAT, "'torch.load'"},
        {BYTES("ctorch\nFloatStorage.__init__\n."), DNNB_ERR_FORMAT, "is not allowed"},
        {BYTES("K\x01K\x02\x93."), DNNB_ERR_FORMAT, "a global has no name"},
        {BYTES("(U\x02lso."), DNNB_ERR_FORMAT, "expected a global and a tuple, found a text"},
        {BYTES("\x82\x01."), DNNB_ERR_UNSUPPORTED, "opcode 0x82"},
        {BYTES("\x97."), DNNB_ERR_UNSUPPORTED, "opcode 0x97"},
        {BYTES("\x00."), DNNB_ERR_UNSUPPORTED, "byte 0: the opcode 0x00"},
        {BYTES("\x80\x06N."), DNNB_ERR_UNSUPPORTED, "protocol of at most 5, found 6"},
        {BYTES(""), DNNB_ERR_FORMAT, "has no end"},
        {BYTES("N"), DNNB_ERR_FORMAT, "byte 1: the pickle has no end"},
        {BYTES("NN."), DNNB_ERR_FORMAT, "expected one value"},
        {BYTES("(N."), DNNB_ERR_FORMAT, "expected one value"},
        {BYTES("."), DNNB_ERR_FORMAT, "expected one value"},
        {BYTES("0."), DNNB_ERR_FORMAT, "too few values"},
        {BYTES("2."), DNNB_ERR_FORMAT, "too few values"},
        {BYTES("N(\x85."), DNNB_ERR_FORMAT, "too few values"},
        {BYTES("N(b."), DNNB_ERR_FORMAT, "too few values"},
        {BYTES("Nt."), DNNB_ERR_FORMAT, "there is no mark"},
        {BYTES("1."), DNNB_ERR_FORMAT, "there is no mark"},
        {BYTES("(o."), DNNB_ERR_FORMAT, "no class"},
        {BYTES("(Nd."), DNNB_ERR_FORMAT, "a key without a value"},
        {BYTES("}(Nu."), DNNB_ERR_FORMAT, "a key without a value"},
        {BYTES("NNa."), DNNB_ERR_FORMAT, "expected a list to add to, found None"},
        {BYTES("]NNs."), DNNB_ERR_FORMAT, "expected a dict to add to, found a list"},
        {BYTES("NNb."), DNNB_ERR_FORMAT, "given to something that has none"},
        {BYTES("NNR."), DNNB_ERR_FORMAT, "found None and None"},
        {BYTES("h\x05."), DNNB_ERR_FORMAT, "the memo does not hold"},
        {BYTES("g5\n."), DNNB_ERR_FORMAT, "the memo does not hold"},
        {BYTES("Nr\xff\xff\xff\xff."), DNNB_ERR_LIMIT, "memo number 4294967295 is too large"},
        {BYTES("Np-1\n."), DNNB_ERR_FORMAT, "a memo number is no number"},
        {BYTES("q\x01."), DNNB_ERR_FORMAT, "too few values"},
        {BYTES("X\xff\xff\xff\xff."), DNNB_ERR_FORMAT, "past the end"},
        {BYTES("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), DNNB_ERR_FORMAT, "past the end"},
        {BYTES("\x8b\xff\xff\xff\x7f."), DNNB_ERR_FORMAT, "past the end"},
        {BYTES("\x95\xff\0\0\0\0\0\0\0N."), DNNB_ERR_FORMAT, "a frame reaches past the end"},
        {BYTES("J\0\0"), DNNB_ERR_FORMAT, "in the middle of an opcode"},
        {BYTES("cos"), DNNB_ERR_FORMAT, "a line has no end"},
        {BYTES("Fx\n."), DNNB_ERR_FORMAT, "a line is no number"},
        {BYTES("I\n."), DNNB_ERR_FORMAT, "empty, too long"},
        {BYTES("I\0\n."), DNNB_ERR_FORMAT, "no text"},
        {BYTES("I1x\n."), DNNB_ERR_FORMAT, "no integer"},
        {BYTES("L99999999999999999999L\n."), DNNB_ERR_FORMAT, "no integer"},
        {BYTES("Sabc\n."), DNNB_ERR_FORMAT, "no quotes"},
        {BYTES("S'a\\'\n."), DNNB_ERR_FORMAT, "bad escape"},
        {BYTES("S'a\\x1'\n."), DNNB_ERR_FORMAT, "bad escape"},
        {BYTES("Va\\u12\n."), DNNB_ERR_FORMAT, "bad escape"},
        {BYTES("V\\Uffffffff\n."), DNNB_ERR_FORMAT, "bad escape"},
        {BYTES("c_codecs\nencode\nU\x01\xff"
               "U\x06latin1\x86R."),
         DNNB_ERR_FORMAT, "not Latin-1"},
        {BYTES("c_codecs\nencode\nU\x01xU\x03rot\x86R."), DNNB_ERR_FORMAT, "expected a text and"},
        {BYTES("ccollections\nOrderedDict\n]Na\x85R."), DNNB_ERR_FORMAT,
         "something else than pairs"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb__pickle p;
        dnnb__value *v;
        /* An exact copy, so that a sanitizer sees a read past the end. */
        dnnb__storage *s = make_storage(rows[i].bytes, rows[i].n);
        assert_fails(read_pickle(&p, &v, dnnb__storage_get_data(s), rows[i].n), rows[i].status,
                     rows[i].text);
        assert_null(v);
        dnnb__pickle_destroy(&p);
        dnnb__storage_release(s);
    }
}

/* Bytes repeated, then an end. */
static dnnb_status read_repeated(const char *bytes, size_t n, size_t times, const char *end) {
    dnnb__buf out;
    dnnb__pickle p;
    dnnb__value *v;
    dnnb__buf_init(&out, 1 << 28);
    for (size_t i = 0; i < times; i++) put(&out, bytes, n);
    put_text(&out, end);
    dnnb_status status = read_pickle(&p, &v, out.data, out.n_bytes);
    dnnb__pickle_destroy(&p);
    dnnb__buf_destroy(&out);
    return status;
}

static void test_formats_pickle_read__bombs_stop_at_a_limit(void **state) {
    (void)state;
    assert_fails(read_repeated(BYTES("("), 100000, "."), DNNB_ERR_LIMIT, "more than 4096 values");
    /* Deep nesting is no recursion: a list in a list in a list ... */
    assert_ok(read_repeated(BYTES("]"), 1, "."));
    assert_fails(read_repeated(BYTES("]"), 200000, "."), DNNB_ERR_FORMAT, "expected one value");
    assert_ok(read_repeated(BYTES(")\x85"), 1, "."));
    dnnb__buf out;
    dnnb__pickle p;
    dnnb__value *v;
    dnnb__buf_init(&out, 1 << 22);
    put_text(&out, "N");
    for (size_t i = 0; i < 300000; i++) put(&out, "\x85", 1);
    put_text(&out, ".");
    assert_ok(read_pickle(&p, &v, out.data, out.n_bytes));
    dnnb__pickle_destroy(&p);
    dnnb__buf_destroy(&out);
    /* A dict copied again and again, each copy as large as all before: x = OrderedDict(x) with
     * memo numbers, a few bytes a copy. The arena's limit ends it. */
    dnnb__buf_init(&out, 1 << 22);
    put(&out, BYTES("}q\0("));
    for (size_t i = 0; i < 100000; i++) put_text(&out, "NN");
    put(&out, BYTES("u0(ccollections\nOrderedDict\nq\1"));
    for (size_t i = 0; i < 100000; i++) put(&out, BYTES("h\1h\0\x85R"));
    put_text(&out, "t.");
    assert_fails(read_pickle(&p, &v, out.data, out.n_bytes), DNNB_ERR_LIMIT, "more than");
    dnnb__pickle_destroy(&p);
    dnnb__buf_destroy(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_pickle_read__numbers),
        cmocka_unit_test(test_formats_pickle_read__texts),
        cmocka_unit_test(test_formats_pickle_read__containers_and_the_memo),
        cmocka_unit_test(test_formats_pickle_read__refusals),
        cmocka_unit_test(test_formats_pickle_read__bombs_stop_at_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
