/* Every command: its name, and what it does in a line. To add one, add a row and cli/cmd_NAME.c. */
#ifndef DNNB_CLI_CMD_LIST_H
#define DNNB_CLI_CMD_LIST_H

#define CLI_COMMAND_LIST(X)                                                                        \
    X(train, "fine-tune a network, or train a new last layer on its features")                     \
    X(test, "score a network on stimuli")                                                          \
    X(predict, "write a network's outputs for stimuli or pictures")                                \
    X(stim, "make a .stim.csv from a folder with a subfolder a class")                             \
    X(inspect, "describe weights, stimuli, a history, a run folder or a network")                  \
    X(convert, "convert weights between .pth, .safetensors and .npz")                              \
    X(plot, "draw the plots of a run again")

/* Each takes its own name as argv[0] and returns the exit status. */
#define CLI_COMMAND_DECLARE(name, summary) int cli_cmd_##name(int argc, char **argv);
CLI_COMMAND_LIST(CLI_COMMAND_DECLARE)
#undef CLI_COMMAND_DECLARE

#endif
