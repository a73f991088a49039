/* Rows of the option table of training, in groups; `c` is a cli_train. */
#ifndef DNNB_CLI_TRAIN_ROWS_H
#define DNNB_CLI_TRAIN_ROWS_H

#include "cli/options.h"
#include "cli/train_command.h"

#define CLI_ROWS_LOSS(c)                                                                           \
    {CLI_ROW(CLI_TEXT, "class-weights", "none|balanced|W0,W1,...",                                 \
             "weights of the classes in the losses: balanced lets each class count alike "         \
             "however many images it has; or a number a class",                                    \
             &(c).options.class_weights),                                                          \
     .unset = "none"},                                                                             \
    {                                                                                              \
        CLI_ROW(CLI_REAL, "label-smoothing", "X",                                                  \
                "part of each label that is spread over all "                                      \
                "classes, as in PyTorch",                                                          \
                &(c).options.label_smoothing),                                                     \
            .min = 0, .max = 1                                                                     \
    }

#endif
