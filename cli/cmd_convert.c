/* dnnbrain convert: weights from one format to another. */
#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/options.h"

static const char about[] =
    "What is read is judged by its first bytes; what is written, by the ending of OUT. Tensors\n"
    "keep their names and shapes, and their types without --dtype.\n";

static const char examples[] = "  dnnbrain convert alexnet.pth alexnet.safetensors\n"
                               "  dnnbrain convert alexnet.safetensors alexnet.npz\n"
                               "  # half the size; it loads as float32 again\n"
                               "  dnnbrain convert alexnet.pth half.safetensors --dtype float16\n";

/* The types that --dtype names, behind the word for none. */
static const char *const dtype_words[] = {"keep", "float32", "float16", "bfloat16"};
static const dnnb_dtype dtypes[] = {DNNB_F32, DNNB_F32, DNNB_F16, DNNB_BF16};

/* What is to be written: the dict as it is, or converted and the old one gone. */
static int convert_dict(dnnb_dict **dict, size_t word, const char *path) {
    dnnb_dict *converted;
    if (word == 0) return CLI_DONE;
    if (dnnb_dict_convert(&converted, *dict, dtypes[word]) != DNNB_OK) {
        cli_error("%s: %s", path, dnnb_get_error());
        return CLI_FAILED;
    }
    dnnb_dict_destroy(*dict);
    *dict = converted;
    return CLI_DONE;
}

int cli_cmd_convert(int argc, char **argv) {
    size_t n_operands, dtype = 0;
    const cli_option options[] = {
        {CLI_ROW(CLI_CHOICE, "dtype", NULL,
                 "type of the floating tensors that are written; float16 and bfloat16 round",
                 &dtype),
         .words = dtype_words, .n_words = CLI_COUNT_OF(dtype_words)},
    };
    const cli_command command = {.name = "convert",
                                 .summary = "Convert weights between .pth, .safetensors and .npz.",
                                 .arguments = "IN OUT [--dtype TYPE]",
                                 .about = about,
                                 .examples = examples,
                                 .options = options,
                                 .n_options = CLI_COUNT_OF(options),
                                 .min_operands = 2,
                                 .max_operands = 2,
                                 .operand = "IN or OUT",
                                 .files = CLI_WEIGHTS};
    cli_parsed parsed = cli_parse(&command, argc, argv, &n_operands);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    static const char *const endings[] = {".pth", ".pt", ".safetensors", ".npz"};
    bool is_known = false;
    for (size_t i = 0; i < CLI_COUNT_OF(endings); i++)
        is_known |= cli_ends_with(argv[2], endings[i]);
    if (!is_known)
        return cli_usage_error("%s: expected a name that ends in .pth, .pt, .safetensors or .npz",
                               argv[2]);
    dnnb_dict *dict = NULL;
    if (dnnb_dict_load(&dict, argv[1]) != DNNB_OK) return cli_fail();
    const char *note = dnnb_dict_get_note(dict);
    if (*note) fprintf(stderr, "%s: %s\n", argv[1], note);
    int status = convert_dict(&dict, dtype, argv[1]);
    if (status == CLI_DONE && dnnb_dict_save(dict, argv[2]) != DNNB_OK) status = cli_fail();
    if (status == CLI_DONE) printf("%s: %zu tensors\n", argv[2], dnnb_dict_get_count(dict));
    dnnb_dict_destroy(dict);
    return status;
}
