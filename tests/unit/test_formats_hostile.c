/*
 * Files made to harm: every reader gives one line and an error, and reads no byte that is not its
 * own. Small valid files are cut at every length and changed at every byte.
 */
#include "unit/formats_files.h"

#include <sys/stat.h>

#include "core/file.h"

enum { CAP = 1 << 24 };

static void start(dnnb__buf *out) {
    dnnb__buf_init(out, CAP);
}

/* ---- zip archives ---- */

static void refuse_zip(const zip_row *rows, size_t n, dnnb_status status, const char *text) {
    dnnb__buf out;
    start(&out);
    put_zip(&out, rows, n);
    refuse(&out, status, text);
}

static void test_formats_hostile__zip_directories(void **state) {
    (void)state;
    static const char pkl[] = "}.";
    const zip_row overlapping[] = {
        {.name = "a/data.pkl", .data = pkl, .n = 2},
        {.name = "a/data/0", .data = "1234", .n = 4},
        {.name = "a/data/1", .data = "1234", .n = 4, .at_previous = true}};
    refuse_zip(overlapping, 3, DNNB_ERR_FORMAT, "entries 'a/data/0' and 'a/data/1' overlap");
    const zip_row twice[] = {{.name = "a/data.pkl", .data = pkl, .n = 2},
                             {.name = "a/data.pkl", .data = pkl, .n = 2}};
    refuse_zip(twice, 2, DNNB_ERR_FORMAT, "entry 'a/data.pkl' is there twice");
    const zip_row beyond[] = {{.name = "a/data.pkl", .data = pkl, .n = 2, .stored_bytes = 5000}};
    refuse_zip(beyond, 1, DNNB_ERR_FORMAT, "5000 bytes at byte 40 reach past the end");
    const zip_row two_sizes[] = {{.name = "a/data.pkl", .data = pkl, .n = 2, .n_bytes = 9}};
    refuse_zip(two_sizes, 1, DNNB_ERR_FORMAT, "stored with two sizes, 2 and 9");
    const zip_row encrypted[] = {{.name = "a/data.pkl", .data = pkl, .n = 2, .flags = 1}};
    refuse_zip(encrypted, 1, DNNB_ERR_UNSUPPORTED, "'a/data.pkl' is encrypted");
    const zip_row packed[] = {{.name = "a/data.pkl", .data = pkl, .n = 2, .method = 12}};
    refuse_zip(packed, 1, DNNB_ERR_UNSUPPORTED, "stored or deflated, found method 12");
    const zip_row damaged[] = {
        {.name = "a/data.pkl", .data = "\xff\xff", .n = 2, .method = 8, .n_bytes = 20}};
    refuse_zip(damaged, 1, DNNB_ERR_FORMAT, "its deflated bytes are damaged");
    const zip_row bomb[] = {
        {.name = "a/data.pkl", .data = pkl, .n = 2, .method = 8, .n_bytes = 0xfffffff0u}};
    refuse_zip(bomb, 1, DNNB_ERR_LIMIT, "unpacks to 4294967280 bytes");
    const zip_row no_pickle[] = {{.name = "a/b", .data = pkl, .n = 2}};
    refuse_zip(no_pickle, 1, DNNB_ERR_FORMAT, "no entry '<folder>/data.pkl'");
    const zip_row script[] = {{.name = "a/data.pkl", .data = pkl, .n = 2},
                              {.name = "a/constants.pkl", .data = pkl, .n = 2}};
    refuse_zip(script, 2, DNNB_ERR_UNSUPPORTED, "TorchScript");
    const zip_row big[] = {{.name = "a/data.pkl", .data = pkl, .n = 2},
                           {.name = "a/byteorder", .data = "big", .n = 3}};
    refuse_zip(big, 2, DNNB_ERR_UNSUPPORTED, "byte order: expected 'little', found 'big'");
}

static void test_formats_hostile__pth_pickles(void **state) {
    (void)state;
    static const struct {
        const char *pickle;
        size_t n;
        const char *text;
    } rows[] = {
#define ROW(literal, text) {literal, sizeof literal - 1, text}
        ROW("\x80\x02"
            "cos\nsystem\nX\4\0\0\0evil\x85R.",
            "global 'os.system' is not allowed"),
        ROW("\x80\x02"
            "cbuiltins\neval\nX\4\0\0\0evil\x85R.",
            "'builtins.eval'"),
        ROW("\x80\x02"
            "ctorch.hub\nload\n.",
            "'torch.hub.load'"),
        ROW("\x80\x02"
            "c\n\x1b[2J\n.",
            "global '.?[2J' is not allowed"),
        ROW("\x80\x02]q\0h\0a.", "expected a dict of tensors, found a list"),
        ROW("\x80\x02}q\0X\5\0\0\0modelh\0s.", "found a dict without any"),
        ROW("\x80\x02}U\1wctorch._utils\n_rebuild_tensor_v2\n)Rs.",
            "'w': expected a storage, found nothing"),
        ROW("\x80\x02}U\1wctorch._utils\n_rebuild_tensor_v2\n(NNNNtRs.",
            "expected a storage, found None"),
        ROW("\x80\x02}U\1wctorch._utils\n_rebuild_tensor\n(NQG\0\0\0\0\0\0\0\0NNtRs.",
            "'w': offset: expected an integer, found a float"),
        ROW("\x80\x02}U\1wctorch._utils\n_rebuild_tensor\n(NQK\0)ttRs.", "no mark"),
        ROW("\x80\x02}U\1wctorch._utils\n_rebuild_tensor\n(NQK\0))tRs.",
            "expected a storage's type"),
        ROW("\x80\x02}U\1wctorch._utils\n_rebuild_parameter\n(Nt"
            "Rs.",
            "expected a tensor, found None"),
        ROW("\x80\x02}U\1wctorch._utils\n_rebuild_parameter\n)Rq\0h\0\x85"
            "bs.",
            "expected a tensor, found nothing"),
        ROW("\x80\x02}U\0ctorch\nFloatTensor\n)Rs.", "a tensor's name is empty"),
        ROW("\x80\x02}U\2a\0ctorch\nFloatTensor\n)Rs.", "a tensor's name is empty, too long"),
        ROW("\x80\x02}U\2\xc3(ctorch\nFloatTensor\n)Rs.", "not UTF-8"),
        ROW("\x80\x02}U\3\xed\xa0\x80"
            "ctorch\nFloatTensor\n)Rs.",
            "not UTF-8"),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb__buf out;
        start(&out);
        put_pth_pickle(&out, rows[i].pickle, rows[i].n);
        refuse(&out, DNNB_ERR_FORMAT, rows[i].text);
    }
}

static void test_formats_hostile__pth_tensors(void **state) {
    (void)state;
    static const struct {
        tensor_row tensor;
        dnnb_status status;
        const char *text;
    } rows[] = {
        {{"w", "0", 6, 0, 1, {7}, {1}, NULL}, DNNB_ERR_FORMAT, "outside its storage of 24 bytes"},
        {{"w", "0", 6, 1, 1, {6}, {1}, NULL}, DNNB_ERR_FORMAT, "(6,) at byte 4 reaches outside"},
        {{"w", "0", 6, 0, 2, {2, 3}, {4, 1}, NULL}, DNNB_ERR_FORMAT, "outside its storage"},
        {{"w", "0", 6, -1, 1, {1}, {1}, NULL}, DNNB_ERR_FORMAT, "offset -1 is negative"},
        {{"w", "0", 6, INT64_MAX, 1, {1}, {1}, NULL}, DNNB_ERR_FORMAT, "is negative or too large"},
        {{"w", "0", 6, INT64_MAX / 4, 1, {1}, {1}, NULL}, DNNB_ERR_FORMAT, "outside its storage"},
        {{"w", "0", 6, 7, 1, {0}, {1}, NULL}, DNNB_ERR_FORMAT, "outside its storage"},
        {{"w", "0", 6, 0, 1, {-1}, {1}, NULL}, DNNB_ERR_FORMAT, "negative or too large"},
        {{"w", "0", 6, 0, 1, {3}, {-1}, NULL}, DNNB_ERR_FORMAT, "outside its storage"},
        {{"w", "0", 6, 0, 2, {INT64_MAX, 3}, {0, 0}, NULL}, DNNB_ERR_FORMAT, "too large"},
        {{"w", "0", 6, 0, 2, {1 << 20, 1 << 20}, {0, 0}, NULL}, DNNB_ERR_LIMIT, "repeats"},
        {{"w", "0", 6, 0, 2, {2, 3}, {INT64_MAX, 1}, NULL}, DNNB_ERR_FORMAT, "outside its storage"},
        {{"w", "0", 6, 0, 6, {1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}, NULL},
         DNNB_ERR_LIMIT,
         "at most 5 dimensions, found 6"},
        {{"w", "0", 7, 0, 1, {7}, {1}, NULL}, DNNB_ERR_FORMAT, "7 elements of 4 bytes, found 24"},
        {{"w", "0", INT64_MAX, 0, 1, {1}, {1}, NULL}, DNNB_ERR_FORMAT, "found 24 bytes"},
        {{"w", "0", -6, 0, 1, {1}, {1}, NULL}, DNNB_ERR_FORMAT, "a reference: expected"},
        {{"w", "0", 6, 0, 1, {6}, {1}, "DoubleStorage"}, DNNB_ERR_FORMAT, "found 24 bytes"},
        {{"w", "0", 6, 0, 1, {6}, {1}, "QInt8Storage"}, DNNB_ERR_FORMAT, "'torch.QInt8Storage'"},
        {{"w", "0", 6, 0, 1, {6}, {1}, "FloatTensor"}, DNNB_ERR_FORMAT, "a reference: expected"},
        {{"w", "1", 6, 0, 1, {6}, {1}, NULL}, DNNB_ERR_FORMAT, "no entry 'data/1'"},
        {{"w", "../version", 6, 0, 1, {6}, {1}, NULL},
         DNNB_ERR_FORMAT,
         "no entry 'data/../version'"},
        {{"w",
          "0000000000000000000000000000000000000000000000000000000000000000000000000",
          6,
          0,
          1,
          {6},
          {1},
          NULL},
         DNNB_ERR_FORMAT,
         "no entry"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb__buf out;
        start(&out);
        put_pth(&out, &rows[i].tensor, 1);
        refuse(&out, rows[i].status, rows[i].text);
    }
    const tensor_row twice[] = {{"w", "0", 6, 0, 1, {6}, {1}, NULL},
                                {"w", "0", 6, 0, 1, {6}, {1}, NULL}};
    dnnb__buf out;
    start(&out);
    put_pth(&out, twice, 2);
    refuse(&out, DNNB_ERR_FORMAT, "'w' is there twice");
}

/* ---- the older layouts ---- */

static void test_formats_hostile__pth_magic_number(void **state) {
    (void)state;
    const tensor_row row = {"w", "7", 2, 0, 1, {2}, {1}, NULL};
    dnnb__buf out;
    static const struct {
        const char *keys; /* the list of keys, and what follows it */
        size_t n;
        const char *text;
    } rows[] = {
#define ROW(literal, text) {literal, sizeof literal - 1, text}
        ROW("\x80\x02].", "storage '7': its elements are missing"),
        ROW("\x80\x02]U\1"
            "7a.\2\0\0\0\0\0\0\0"
            "1234567",
            "reach past the end: is the file cut off?"),
        ROW("\x80\x02]U\1"
            "7a.\3\0\0\0\0\0\0\0"
            "123456789012",
            "its number of elements"),
        ROW("\x80\x02]U\1"
            "7a.\xff\xff\xff\xff\xff\xff\xff\xff",
            "its number of elements"),
        ROW("\x80\x02]U\1"
            "8a.\2\0\0\0\0\0\0\0"
            "12345678",
            "storage '8': nothing refers to it"),
        ROW("\x80\x02](U\1"
            "7U\1"
            "7e.\2\0\0\0\0\0\0\0"
            "12345678",
            "storage '7': it is there twice"),
        ROW("\x80\x02]K\7a.", "is no text"),
        ROW("\x80\x02}.", "expected a list of storage keys"),
        ROW("\x80\x02", "has no end"),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(&out);
        put_legacy_head(&out);
        put_tensors(&out, &row, 1, true);
        put(&out, rows[i].keys, rows[i].n);
        refuse(&out, DNNB_ERR_FORMAT, rows[i].text);
    }
    const tensor_row disagree[] = {row, {"v", "7", 3, 0, 1, {2}, {1}, NULL}};
    start(&out);
    put_legacy_head(&out);
    put_tensors(&out, disagree, 2, true);
    refuse(&out, DNNB_ERR_FORMAT, "storage '7': two references disagree");
    start(&out);
    put_literal(&out, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.K\5.");
    refuse(&out, DNNB_ERR_UNSUPPORTED, "version 1001");
    start(&out);
    put_literal(&out, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.M\xe9\3.}");
    put_text(&out, "U\x0dlittle_endianI00\ns.");
    refuse(&out, DNNB_ERR_UNSUPPORTED, "byte order");
}

static void test_formats_hostile__pth_tar(void **state) {
    (void)state;
    dnnb__buf out;
    tar_parts p = make_tar_parts();
    start(&out);
    p.storages.data[p.storages.n_bytes - 20] = 9; /* elements: more than there are */
    put_tar(&out, &p);
    refuse(&out, DNNB_ERR_FORMAT, "member 'storages': elements reach past the end");
    p = make_tar_parts();
    start(&out);
    p.tensors.data[p.tensors.n_bytes - 24] = 3; /* size */
    put_tar(&out, &p);
    refuse(&out, DNNB_ERR_FORMAT, "member 'tensors': tensor 0: shape (3,) at byte 0 reaches");
    p = make_tar_parts();
    start(&out);
    p.tensors.data[p.tensors.n_bytes - 32] = 6; /* dimensions */
    put_tar(&out, &p);
    refuse(&out, DNNB_ERR_LIMIT, "at most 5 dimensions, found 6");
    p = make_tar_parts();
    start(&out);
    p.storages.n_bytes -= 4; /* of the list of views, which is empty */
    put_literal(&p.storages, "\x80\x02]((K\6K\5K\1K\2te.");
    put_tar(&out, &p);
    refuse(&out, DNNB_ERR_FORMAT, "a view reaches outside its storage");
    p = make_tar_parts();
    start(&out);
    put_tar_member(&out, "pickle", &p.object);
    put_tar(&out, &p);
    refuse(&out, DNNB_ERR_FORMAT, "tar member 'pickle' is there twice");
    p = make_tar_parts();
    start(&out);
    p.object.n_bytes = 0;
    put_literal(&p.object, "\x80\x02}U\1wU\1"
                           "8Qs.");
    put_tar(&out, &p);
    refuse(&out, DNNB_ERR_FORMAT, "tensor 'w': expected a tensor, found a reference");
    p = make_tar_parts();
    start(&out);
    put_tar_member(&out, "other", &p.object);
    for (size_t i = 0; i < 1024; i++) put(&out, "", 1);
    refuse(&out, DNNB_ERR_FORMAT, "expected a tar member 'storages'");
    start(&out);
    put_tar(&out, &p);
    out.n_bytes = 2100; /* in the last member */
    refuse(&out, DNNB_ERR_FORMAT, "cut off");
}

/* ---- safetensors ---- */

static void test_formats_hostile__safetensors(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t n_data;
        dnnb_status status;
        const char *text;
    } rows[] = {
#define ONE(fields) "{\"w\":{" fields "}}"
#define F32         "\"dtype\":\"F32\","
        {ONE(F32 "\"shape\":[2],\"data_offsets\":[0,8]"), 7, DNNB_ERR_FORMAT, "no range inside"},
        {ONE(F32 "\"shape\":[2],\"data_offsets\":[0,8]"), 9, DNNB_ERR_FORMAT, "expected 8 bytes"},
        {ONE(F32 "\"shape\":[3],\"data_offsets\":[0,8]"), 8, DNNB_ERR_FORMAT, "give two sizes"},
        {ONE(F32 "\"shape\":[-2],\"data_offsets\":[0,8]"), 8, DNNB_ERR_FORMAT, "no integer"},
        {ONE(F32 "\"shape\":[2.0],\"data_offsets\":[0,8]"), 8, DNNB_ERR_FORMAT, "no integer"},
        {ONE(F32 "\"shape\":2,\"data_offsets\":[0,8]"), 8, DNNB_ERR_FORMAT, "a list 'shape'"},
        {ONE(F32 "\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]"), 0, DNNB_ERR_FORMAT,
         "give two sizes"},
        {ONE(F32 "\"shape\":[99999999999999999999],\"data_offsets\":[0,8]"), 8, DNNB_ERR_FORMAT,
         "too big integer"},
        {ONE(F32 "\"shape\":[1,1,1,1,1,2],\"data_offsets\":[0,8]"), 8, DNNB_ERR_LIMIT, "found 6"},
        {ONE(F32 "\"shape\":[2],\"data_offsets\":[8,0]"), 8, DNNB_ERR_FORMAT, "no range inside"},
        {ONE(F32 "\"shape\":[2],\"data_offsets\":[-8,0]"), 8, DNNB_ERR_FORMAT, "no range inside"},
        {ONE(F32 "\"shape\":[2],\"data_offsets\":[0,8,9]"), 8, DNNB_ERR_FORMAT, "no range inside"},
        {ONE(F32 "\"shape\":[2]"), 8, DNNB_ERR_FORMAT, "no range inside"},
        {ONE("\"shape\":[2],\"data_offsets\":[0,8]"), 8, DNNB_ERR_FORMAT, "a text 'dtype'"},
        {ONE("\"dtype\":\"F8_E4M3\",\"shape\":[8],\"data_offsets\":[0,8]"), 8, DNNB_ERR_UNSUPPORTED,
         "'w': the type F8_E4M3"},
        {"{\"v\":{" F32 "\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"w\":{" F32 "\"shape\":[2],\"data_offsets\":[0,8]}}",
         8, DNNB_ERR_FORMAT, "'w': it overlaps"},
        {"{\"v\":{" F32 "\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"w\":{" F32 "\"shape\":[1],\"data_offsets\":[8,12]}}",
         12, DNNB_ERR_FORMAT, "'w': there is a hole"},
        {"{\"w\":{" F32 "\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"w\":{" F32 "\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, DNNB_ERR_FORMAT, "duplicate object key"},
        {"{\"__metadata__\":{\"a\":1}}", 0, DNNB_ERR_FORMAT, "a dict of texts"},
        {"{\"\":{" F32 "\"shape\":[],\"data_offsets\":[0,4]}}", 4, DNNB_ERR_FORMAT,
         "name is empty"},
        {"{\"w\":[]}", 0, DNNB_ERR_FORMAT, "'dtype'"},
        {"{\"a\\u0000\":1}", 0, DNNB_ERR_FORMAT, "JSON line 1"},
        {"{\"a\xff\":1}", 0, DNNB_ERR_FORMAT, "JSON line 1"},
        {"{} x", 0, DNNB_ERR_FORMAT, "JSON line 1"},
        {"{}", 0, DNNB_ERR_FORMAT, "expected tensors, found none"},
        {"{", 0, DNNB_ERR_FORMAT, "JSON line 1"},
#undef ONE
#undef F32
    };
    dnnb__buf out;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(&out);
        put_safetensors(&out, rows[i].header, rows[i].n_data);
        refuse(&out, rows[i].status, rows[i].text);
    }
    start(&out);
    put_uint(&out, UINT64_MAX, 8);
    put_text(&out, "{}");
    refuse(&out, DNNB_ERR_FORMAT, "a header of 18446744073709551615 bytes");
    start(&out); /* brackets by the million make no object by the million */
    put_uint(&out, 10000000, 8);
    put_text(&out, "{\"a\":");
    while (out.n_bytes < 10000008) put_text(&out, "[],[],[],[],[],[],[],[],");
    refuse(&out, DNNB_ERR_LIMIT, "more than 4194304 values");
}

/* ---- arrays ---- */

static void put_npy(dnnb__buf *out, const char *dict, size_t n_data) {
    put_literal(out, "\x93NUMPY\1\0");
    put_uint(out, strlen(dict), 2);
    put_text(out, dict);
    for (size_t i = 0; i < n_data; i++) put_literal(out, "\1");
}

static void test_formats_hostile__npy(void **state) {
    (void)state;
    static const struct {
        const char *dict;
        size_t n_data;
        dnnb_status status;
        const char *text;
    } rows[] = {
#define DICT(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape "}\n"
        {DICT("<f4", "(2,)"), 7, DNNB_ERR_FORMAT, "array (2,) of float32, found 7 bytes"},
        {DICT("<f4", "(2,)"), 9, DNNB_ERR_FORMAT, "found 9 bytes"},
        {DICT("<f4", "(9999999999999999999,)"), 8, DNNB_ERR_FORMAT, "damaged at its byte"},
        {DICT("<f4", "(4611686018427387904, 4)"), 8, DNNB_ERR_FORMAT, "found 8 bytes"},
        {DICT("<f4", "(-2,)"), 8, DNNB_ERR_FORMAT, "damaged"},
        {DICT("<f4", "(1,1,1,1,1,2)"), 8, DNNB_ERR_LIMIT, "found 6"},
        {DICT("<f4", "(2"), 8, DNNB_ERR_FORMAT, "damaged"},
        {DICT("<f4", "2"), 8, DNNB_ERR_FORMAT, "damaged"},
        {DICT("|O", "(1,)"), 8, DNNB_ERR_UNSUPPORTED, "Python objects"},
        {DICT(">f4", "(2,)"), 8, DNNB_ERR_UNSUPPORTED, "found >f4"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4,
         DNNB_ERR_UNSUPPORTED, "a structure"},
        {"{'descr': '<f4', 'fortran_order': False}", 4, DNNB_ERR_FORMAT, "damaged"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4,
         DNNB_ERR_FORMAT, "damaged"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4, DNNB_ERR_FORMAT, "damaged"},
        {"{'descr': '<f4', 'evil': False, 'shape': (1,)}", 4, DNNB_ERR_FORMAT, "damaged"},
        {"__import__('os')", 4, DNNB_ERR_FORMAT, "damaged at its byte 0"},
        {"", 0, DNNB_ERR_FORMAT, "damaged"},
#undef DICT
    };
    dnnb__buf out;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(&out);
        put_npy(&out, rows[i].dict, rows[i].n_data);
        refuse(&out, rows[i].status, rows[i].text);
    }
    start(&out);
    put_literal(&out, "\x93NUMPY\2\0\xff\xff\xff\xff");
    refuse(&out, DNNB_ERR_LIMIT, "found 4294967295");
    start(&out);
    put_literal(&out, "\x93NUMPY\4\0\0\0\0\0");
    refuse(&out, DNNB_ERR_FORMAT, "expected the header of a numpy array");
    start(&out);
    put_literal(&out, "\x93NUMPY\1\0\x20\0{}");
    refuse(&out, DNNB_ERR_FORMAT, "the header reaches past the end");
    const zip_row rows_zip[] = {{.name = "w.npy", .data = "xx", .n = 2}};
    refuse_zip(rows_zip, 1, DNNB_ERR_FORMAT, "entry 'w.npy': expected the header");
}

/* ---- cut and changed files ---- */

/* A dict of two tensors, saved as a file of this ending. */
static void put_saved(dnnb__buf *out, const char *ending) {
    char folder[] = "/tmp/dnnb-formats-XXXXXX", path[64];
    dnnb_dict *dict;
    dnnb_tensor *t;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/file%s", folder, ending);
    assert_ok(dnnb_dict_create(&dict));
    assert_ok(dnnb_tensor_create(&t, DNNB_F32, &(dnnb_shape){.dim = {2, 3}, .ndim = 2}));
    assert_ok(dnnb_dict_add(dict, "module.weight", t));
    if (strcmp(ending, ".npy") != 0) {
        assert_ok(dnnb_tensor_create(&t, DNNB_I64, &(dnnb_shape){.dim = {0}, .ndim = 0}));
        assert_ok(dnnb_dict_add(dict, "module.count", t));
    }
    assert_ok(dnnb_dict_save(dict, path));
    dnnb_dict_destroy(dict);
    char *bytes;
    size_t n;
    assert_ok(dnnb__file_read(&bytes, &n, path, CAP));
    put(out, bytes, n);
    dnnb__free(bytes);
    unlink(path);
    rmdir(folder);
}

/* Touch every element, so that a tensor outside its storage would show. */
static double sum_all(const dnnb_dict *dict) {
    double sum = 0;
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++) {
        const dnnb_tensor *t = dnnb_dict_get_tensor(dict, i);
        size_t n = dnnb_tensor_get_count(t);
        float *values = malloc((n ? n : 1) * sizeof *values);
        assert_non_null(values);
        assert_ok(dnnb_tensor_read_f32(t, values, n));
        for (size_t k = 0; k < n; k++) sum += (double)values[k];
        free(values);
    }
    return sum;
}

/* Read bytes that may be damaged: either a dict or an error with a line that names the file. */
static bool try_bytes(const void *bytes, size_t n) {
    dnnb_dict *dict;
    dnnb_status status = read_bytes(&dict, bytes, n);
    if (status == DNNB_OK) {
        (void)sum_all(dict);
        dnnb_dict_destroy(dict);
        return true;
    }
    assert_null(dict);
    assert_true(status != DNNB_ERR_INTERNAL && status != DNNB_ERR_MEMORY);
    if (strncmp(dnnb_get_error(), "file", 4) != 0) fail_msg("%s", dnnb_get_error());
    assert_null(strchr(dnnb_get_error(), '\n'));
    return false;
}

/* Goes over the file; at the end it is gone. `tail` bytes may be missing without harm. */
static void damage(dnnb__buf *file, size_t tail) {
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    assert_true(try_bytes(file->data, file->n_bytes));
    for (size_t n = 0; n < file->n_bytes; n++)
        if (try_bytes(file->data, n) && n + tail < file->n_bytes)
            fail_msg("a file cut to %zu of %zu bytes was taken", n, file->n_bytes);
    for (size_t i = 0; i < file->n_bytes; i++)
        for (size_t k = 0; k < sizeof flips; k++) {
            file->data[i] = (char)((uint8_t)file->data[i] ^ flips[k]);
            (void)try_bytes(file->data, file->n_bytes);
            file->data[i] = (char)((uint8_t)file->data[i] ^ flips[k]);
        }
    dnnb__buf_destroy(file);
}

static void test_formats_hostile__cut_and_changed_files(void **state) {
    (void)state;
    static const char *const endings[] = {".pth", ".safetensors", ".npz", ".npy"};
    dnnb__buf out;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        start(&out);
        put_saved(&out, endings[i]);
        damage(&out, 0);
    }
    start(&out);
    put_legacy(&out);
    damage(&out, 0);
    tar_parts p = make_tar_parts();
    start(&out);
    put_tar(&out, &p);
    damage(&out, 2048); /* zeros that end the archive, and pad its last member */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_hostile__zip_directories),
        cmocka_unit_test(test_formats_hostile__pth_pickles),
        cmocka_unit_test(test_formats_hostile__pth_tensors),
        cmocka_unit_test(test_formats_hostile__pth_magic_number),
        cmocka_unit_test(test_formats_hostile__pth_tar),
        cmocka_unit_test(test_formats_hostile__safetensors),
        cmocka_unit_test(test_formats_hostile__npy),
        cmocka_unit_test(test_formats_hostile__cut_and_changed_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
