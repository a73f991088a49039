/* Every command: its name in C and as it is typed ("lr-find"), and what it does in a line. To add
 * one, add a row and cli/cmd_NAME.c. */
#ifndef DNNB_CLI_CMD_LIST_H
#define DNNB_CLI_CMD_LIST_H

#define CLI_COMMAND_LIST(X)                                                                        \
    X(train, "train", "fine-tune a network, or train a new last layer on its features")            \
    X(test, "test", "score a network on stimuli")                                                  \
    X(predict, "predict", "write a network's outputs for stimuli or pictures")                     \
    X(lr_find, "lr-find", "find a learning rate by trying all of a range")                         \
    X(stim, "stim", "make a .stim.csv from a folder with a subfolder a class")                     \
    X(inspect, "inspect", "describe weights, stimuli, a history, a run folder or a network")       \
    X(convert, "convert", "convert weights between .pth, .safetensors and .npz")                   \
    X(fetch, "fetch", "download a network's official pretrained weights, or check them")           \
    X(watch, "watch", "show the report of a run in a browser while it goes on")                    \
    X(plot, "plot", "draw the plots of a run again, or lay runs over each other")                  \
    X(bench, "bench", "measure this machine's floors, and a network's speed beside them")

/* Each takes its own name as argv[0] and returns the exit status. */
#define CLI_COMMAND_DECLARE(name, typed, summary) int cli_cmd_##name(int argc, char **argv);
CLI_COMMAND_LIST(CLI_COMMAND_DECLARE)
#undef CLI_COMMAND_DECLARE

#endif
