/* Creating the network that the options name. */
#include "cli/network.h"

#include <string.h>

#include "cli/common.h"

int cli_network_check(const cli_network *network, bool needs_weights) {
    if (!network->name) return cli_usage_error("missing option --net NET");
    if (needs_weights && !network->weights) return cli_usage_error("missing option --weights FILE");
    if (network->weights && strcmp(network->weights, "pretrained") == 0 &&
        !cli_exists(network->weights))
        return cli_usage_error("--weights pretrained: this version stores no pretrained networks; "
                               "name a file of weights");
    return CLI_DONE;
}

int cli_network_create(dnnb_dnn **out, const cli_network *network, cli_progress *progress) {
    if (network->weights)
        cli_progress_say(progress, "loading %s", network->weights);
    else
        cli_progress_say(progress, "initialising %s", network->name);
    dnnb_status status =
        network->weights
            ? dnnb_dnn_create_from_file(out, network->name, network->weights, &network->options)
            : dnnb_dnn_create(out, network->name, &network->options);
    cli_progress_clear(progress);
    return status == DNNB_OK ? CLI_DONE : cli_fail_options(status);
}
