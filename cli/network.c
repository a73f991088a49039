/* Creating the network that the options name. */
#include "cli/network.h"

#include <string.h>

#include "cli/common.h"

/* "pretrained" is a file's name too where there is one of that name. */
static int find_pretrained(cli_network *network) {
    char *path;
    dnnb_status status = dnnb_pretrained_find(&path, &network->place, network->name);
    if (status != DNNB_OK) return cli_fail_options(status);
    int length = snprintf(network->found, sizeof network->found, "%s", path);
    dnnb_free(path);
    if (length < 0 || (size_t)length >= sizeof network->found) {
        cli_error("the path of the pretrained weights is too long");
        return CLI_FAILED;
    }
    network->weights = network->found;
    return CLI_DONE;
}

int cli_network_check(cli_network *network, bool needs_weights) {
    if (!network->name) return cli_usage_error("missing option --net NET");
    if (needs_weights && !network->weights) return cli_usage_error("missing option --weights FILE");
    network->options.precision = (dnnb_precision)network->precision;
    if (network->weights && strcmp(network->weights, "pretrained") == 0 &&
        !cli_exists(network->weights))
        return find_pretrained(network);
    return CLI_DONE;
}

int cli_network_create(dnnb_dnn **out, const cli_network *network, cli_progress *progress) {
    if (network->place)
        cli_progress_note(progress, "pretrained weights: %s (%s)", network->weights,
                          network->place);
    if (network->weights)
        cli_progress_say(progress, "loading %s", network->weights);
    else
        cli_progress_say(progress, "initialising %s", network->name);
    dnnb_status status =
        network->weights
            ? dnnb_dnn_create_from_file(out, network->name, network->weights, &network->options)
            : dnnb_dnn_create(out, network->name, &network->options);
    cli_progress_clear(progress);
    if (status != DNNB_OK) return cli_fail_options(status);
    if (network->options.precision != DNNB_PRECISION_F32)
        cli_progress_note(progress, "precision: %s (%s)", dnnb_dnn_get_precision(*out),
                          dnnb_dnn_get_instructions(*out));
    return CLI_DONE;
}
