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

#define CLI_ROWS_STOPPING(c)                                                                       \
    {CLI_ROW(CLI_COUNT, "early-stop", "N",                                                         \
             "end the run when the validation stimuli have not got better for N epochs",           \
             &(c).options.early_stop),                                                             \
     .min = 1, .max = 1000000, .unset = "train all epochs"},                                       \
        {CLI_ROW(CLI_CHOICE, "monitor", NULL,                                                      \
                 "what makes an epoch the best one: the score or the loss of the validation "      \
                 "stimuli; best.pth and --early-stop go by it",                                    \
                 &(c).monitor),                                                                    \
         .words = cli_monitor_names, .n_words = 2},                                                \
    {                                                                                              \
        CLI_ROW(CLI_REAL, "min-delta", "X",                                                        \
                "--early-stop: an epoch counts as better when it is so by more than this",         \
                &(c).options.min_delta),                                                           \
            .min = 0, .max = INFINITY                                                              \
    }

#define CLI_ROW_LR(c)                                                                              \
    {                                                                                              \
        CLI_ROW(                                                                                   \
            CLI_TEXT, "lr", "X|PATTERN=X,...",                                                     \
            "learning rate; or one for each of some groups of layers, with a plain number for "    \
            "all others: 'features.*=1e-5,classifier.*=1e-4'",                                     \
            &(c).lr),                                                                              \
            .unset = "the optimiser's own"                                                         \
    }

#define CLI_ROW_UNFREEZE(c)                                                                        \
    {                                                                                              \
        CLI_ROW(CLI_TEXT, "unfreeze-at", "N|N=PATTERN,...",                                        \
                "epoch from which on what --freeze names is trained after all; or in parts: "      \
                "'3=classifier.*,6=all'",                                                          \
                &(c).options.unfreeze),                                                            \
            .unset = "never"                                                                       \
    }

#define CLI_ROW_AUGMENT(c)                                                                         \
    {                                                                                              \
        CLI_ROW(CLI_TEXT, "augment", "dnnbrain|none|views:K",                                      \
                "random crops and flips as DNNBrain draws them; the testing transform; or K "      \
                "fixed random crops and flips of each image, which take turns: with frozen "       \
                "layers their features are computed once",                                         \
                &(c).augment),                                                                     \
            .unset = "dnnbrain"                                                                    \
    }

#define CLI_ROW_CLIP(c)                                                                            \
    {                                                                                              \
        CLI_ROW(CLI_REAL, "clip-norm", "X",                                                        \
                "largest norm of the gradients of all trained parameters; larger ones are scaled " \
                "down to it",                                                                      \
                &(c).options.clip_norm),                                                           \
            .min = 0, .max = INFINITY, .open = true, .unset = "none are clipped"                   \
    }

#define CLI_ROWS_MANY(c)                                                                           \
    {.type = CLI_GROUP, .name = "Many runs"},                                                      \
        {CLI_ROW(CLI_COUNT, "cv", "K",                                                             \
                 "cross-validation: a run for each of K folds of the training stimuli, scored "    \
                 "with that fold; each class is spread over the folds",                            \
                 &(c).cv),                                                                         \
         .min = 2, .max = 1000, .unset = "none"},                                                  \
    {                                                                                              \
        CLI_ROW(CLI_COUNT, "repeat", "N",                                                          \
                "a run, or a cross-validation, for each of the seeds SEED, SEED+1, ...",           \
                &(c).repeat),                                                                      \
            .min = 1, .max = 1000, .unset = "one run"                                              \
    }

#endif
