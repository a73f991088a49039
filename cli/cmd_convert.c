/* dnnbrain convert: weights from one format to another. */
#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/options.h"

static const char about[] =
    "What is read is judged by its first bytes; what is written, by the ending of OUT. Tensors\n"
    "keep their names, shapes and types.\n";

static const char examples[] = "  dnnbrain convert alexnet.pth alexnet.safetensors\n"
                               "  dnnbrain convert alexnet.safetensors alexnet.npz\n";

int cli_cmd_convert(int argc, char **argv) {
    size_t n_operands;
    const cli_command command = {.name = "convert",
                                 .summary = "Convert weights between .pth, .safetensors and .npz.",
                                 .arguments = "IN OUT",
                                 .about = about,
                                 .examples = examples,
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
    int status = CLI_DONE;
    if (dnnb_dict_save(dict, argv[2]) != DNNB_OK)
        status = cli_fail();
    else
        printf("%s: %zu tensors\n", argv[2], dnnb_dict_get_count(dict));
    dnnb_dict_destroy(dict);
    return status;
}
