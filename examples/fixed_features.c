/*
 * DNNBrain's page on transfer learning, scenario 2: AlexNet's features stay as they are, and a new
 * last layer is trained on them.
 *
 *     fixed_features train.stim.csv validation.stim.csv [EPOCHS [alexnet.pth]]
 *
 * Writes alexnet_tl.pth, train_dict.pkl and three plots to the current folder.
 */
#include <stdio.h>
#include <stdlib.h>

#include <dnnbrain/dnnbrain.h>

#define TRY(call)                                                                                  \
    if ((call) != DNNB_OK) return fprintf(stderr, "%s\n", dnnb_get_error()), 1

int main(int argc, char **argv) {
    if (argc < 3)
        return fprintf(stderr, "usage: fixed_features TRAIN VALIDATION [EPOCHS [PTH]]\n"), 2;

    dnnb_stimulus *train, *validation;
    TRY(dnnb_stimulus_load(&train, argv[1]));
    TRY(dnnb_stimulus_load(&validation, argv[2]));

    dnnb_dnn *dnn;
    TRY(argc > 4 ? dnnb_dnn_create_from_file(&dnn, "AlexNet", argv[4], NULL)
                 : dnnb_dnn_create(&dnn, "AlexNet", NULL));
    TRY(dnnb_dnn_set_trainable(dnn, "all", false));
    TRY(dnnb_dnn_replace_head(dnn, 2)); /* new, and so trainable */

    dnnb_history *history;
    dnnb_train_options options = DNNB_TRAIN_OPTIONS_INIT;
    options.epochs = argc > 3 ? strtoul(argv[3], NULL, 10) : 50;
    options.optimizer.lr = 1e-5;
    options.score_train = true;
    TRY(dnnb_train(dnn, train, validation, &options, &history));

    TRY(dnnb_history_save_pickle(history, "train_dict.pkl"));
    TRY(dnnb_dnn_save(dnn, "alexnet_tl.pth"));
    TRY(dnnb_plot_epoch_loss(history, "epoch_loss.png"));
    TRY(dnnb_plot_step_loss(history, "step_loss.png"));
    TRY(dnnb_plot_score(history, "accuracy", 0.5, "score.png"));

    dnnb_history_destroy(history);
    dnnb_dnn_destroy(dnn);
    dnnb_stimulus_destroy(validation);
    dnnb_stimulus_destroy(train);
    return 0;
}
