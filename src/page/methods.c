/*
 * A paragraph for the methods section of a paper, of the options that the run was given.
 *
 * Every sentence is true of the run or is not written. What is cited is collected beside it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "page/page.h"

typedef struct methods {
    dnnb__page *page;
    const dnnb_record *record;
    dnnb__buf text;
    json_t *references;
} methods;

static const char krizhevsky_2012[] =
    "Krizhevsky, A., Sutskever, I., & Hinton, G. E. (2012). ImageNet classification with deep "
    "convolutional neural networks. Advances in Neural Information Processing Systems, 25, "
    "1097-1105.";
static const char krizhevsky_2014[] =
    "Krizhevsky, A. (2014). One weird trick for parallelizing convolutional neural networks. "
    "arXiv:1404.5997.";
static const char kingma_2015[] =
    "Kingma, D. P., & Ba, J. (2015). Adam: A method for stochastic optimization. International "
    "Conference on Learning Representations.";
static const char loshchilov_2019[] =
    "Loshchilov, I., & Hutter, F. (2019). Decoupled weight decay regularization. International "
    "Conference on Learning Representations.";
static const char loshchilov_2017[] =
    "Loshchilov, I., & Hutter, F. (2017). SGDR: Stochastic gradient descent with warm restarts. "
    "International Conference on Learning Representations.";
static const char chen_2020[] =
    "Chen, X., Zhou, M., Gong, Z., Xu, W., Liu, X., Huang, T., Zhen, Z., & Liu, J. (2020). "
    "DNNBrain: A unifying toolbox for mapping deep neural networks and brains. Frontiers in "
    "Computational Neuroscience, 14, 580632.";
static const char wilson_1927[] =
    "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. "
    "Journal of the American Statistical Association, 22(158), 209-212.";
static const char sutskever_2013[] =
    "Sutskever, I., Martens, J., Dahl, G., & Hinton, G. (2013). On the importance of "
    "initialization and momentum in deep learning. International Conference on Machine Learning, "
    "1139-1147.";
static const char szegedy_2016[] =
    "Szegedy, C., Vanhoucke, V., Ioffe, S., Shlens, J., & Wojna, Z. (2016). Rethinking the "
    "Inception architecture for computer vision. IEEE Conference on Computer Vision and Pattern "
    "Recognition, 2818-2826.";

static void cite(methods *m, const char *reference) {
    dnnb__page_add(m->page, m->references, dnnb__json_text(reference));
}

static const char *get_text(const methods *m, const char *place) {
    const char *text = dnnb_record_get_text(m->record, place);
    return text ? text : "";
}

static bool is(const methods *m, const char *place, const char *text) {
    return strcmp(get_text(m, place), text) == 0;
}

static double get_number(const methods *m, const char *place) {
    return dnnb_record_get_number(m->record, place);
}

/* A count with commas between thousands; "an unknown number of" for NaN. */
static void put_count(methods *m, double count) {
    char digits[32];
    if (!(count >= 0 && count < 1e15)) {
        dnnb__buf_printf(&m->text, "an unknown number of");
        return;
    }
    size_t n = (size_t)snprintf(digits, sizeof digits, "%.0f", count);
    for (size_t i = 0; i < n; i++)
        dnnb__buf_printf(&m->text, "%s%c", i && (n - i) % 3 == 0 ? "," : "", digits[i]);
}

/* "1 epoch", "50 epochs". */
static void put_counted(methods *m, double count, const char *one, const char *many) {
    put_count(m, count);
    dnnb__buf_printf(&m->text, " %s", count == 1 ? one : many);
}

static void put_number(methods *m, double value) {
    char text[32];
    dnnb__text_print_f64(text, value);
    dnnb__buf_printf(&m->text, "%s", text);
}

static bool is_alexnet(const char *name) {
    return dnnb__text_equal_nocase(name, "alexnet");
}

static const char *get_file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void put_network(methods *m) {
    const char *name = get_text(m, "network.name"), *weights = get_text(m, "network.weights.file");
    const char *sum = get_text(m, "network.weights.sha256");
    dnnb__buf_printf(&m->text, "We trained the convolutional neural network %s",
                     *name ? name : "of an unknown name");
    if (is_alexnet(name)) {
        dnnb__buf_printf(&m->text, " (Krizhevsky et al., 2012; Krizhevsky, 2014)");
        cite(m, krizhevsky_2012);
        cite(m, krizhevsky_2014);
    }
    if (*weights) {
        dnnb__buf_printf(&m->text, ", starting from the pretrained parameters in the file %s",
                         get_file_name(weights));
        if (*sum) dnnb__buf_printf(&m->text, " (SHA-256 %.16s...)", sum);
        dnnb__buf_printf(&m->text, ". ");
    } else {
        dnnb__buf_printf(&m->text, " from random initial parameters, drawn as PyTorch does. ");
    }
}

/* What was frozen at first was trained later: from one epoch on, or in parts. */
static void put_unfreezing(methods *m, const char *later) {
    bool is_one_epoch = later[strspn(later, "0123456789")] == '\0';
    dnnb__buf_printf(&m->text, "Of its ");
    put_counted(m, get_number(m, "network.n_parameters"), "parameter", "parameters");
    dnnb__buf_printf(&m->text, " ");
    put_count(m, get_number(m, "network.n_trained_parameters"));
    dnnb__buf_printf(&m->text, " were trained; those that were kept fixed at first (%s) ",
                     get_text(m, "network.freeze"));
    if (is_one_epoch)
        dnnb__buf_printf(&m->text, "from epoch %s on. ", later);
    else
        dnnb__buf_printf(&m->text, "from later epochs on (epoch = layers: %s). ", later);
}

static void put_trained(methods *m) {
    double n_trained = get_number(m, "network.n_trained_parameters");
    double n_all = get_number(m, "network.n_parameters"), n = get_number(m, "network.n_outputs");
    const char *freeze = get_text(m, "network.freeze"), *later = get_text(m, "network.unfreeze");
    if (isnan(n_all)) return;
    dnnb__buf_printf(&m->text, "Its last layer had ");
    put_counted(m, n, "output", "outputs");
    dnnb__buf_printf(&m->text, ". ");
    if (*later) {
        put_unfreezing(m, later);
        return;
    }
    if (n_trained == n_all) {
        dnnb__buf_printf(&m->text, "All ");
        put_counted(m, n_all, "parameter was", "parameters were");
        dnnb__buf_printf(&m->text, " trained. ");
        return;
    }
    dnnb__buf_printf(&m->text, "Of its ");
    put_counted(m, n_all, "parameter", "parameters");
    dnnb__buf_printf(&m->text, " ");
    put_count(m, n_trained);
    if (strcmp(freeze, "backbone") == 0)
        dnnb__buf_printf(&m->text, ", those of the new last layer, were trained; all others were "
                                   "kept fixed. ");
    else
        dnnb__buf_printf(&m->text, " %s trained; the others were kept fixed. ",
                         n_trained == 1 ? "was" : "were");
}

static void put_data(methods *m) {
    bool is_regression = dnnb_record_get_task(m->record) == DNNB_REGRESSION;
    double n_validation = get_number(m, "validation.n_images");
    dnnb__buf_printf(&m->text, "The training set had ");
    put_counted(m, get_number(m, "train.n_images"), "image", "images");
    if (!isnan(n_validation)) {
        dnnb__buf_printf(&m->text, " and the validation set ");
        put_counted(m, n_validation, "image", "images");
    }
    if (is_regression) {
        dnnb__buf_printf(&m->text, "; the network learned to predict %s. ",
                         get_text(m, "training.target"));
    } else {
        dnnb__buf_printf(&m->text, " of ");
        put_counted(m, (double)dnnb_record_get_n_classes(m->record), "class", "classes");
        dnnb__buf_printf(&m->text, ". ");
    }
    size_t n_left_out = dnnb_record_get_n_left_out(m->record);
    if (n_left_out > 0) {
        dnnb__buf_printf(&m->text, "Because %s could not be decoded, ",
                         n_left_out == 1 ? "it" : "they");
        put_counted(m, (double)n_left_out, "image was", "images were");
        dnnb__buf_printf(&m->text, " left out. ");
    }
}

/* K of "views:K"; 0 of anything else. */
static size_t count_views(const char *augment) {
    static const char name[] = "views:";
    size_t n_name = sizeof name - 1;
    return strncmp(augment, name, n_name) == 0 ? (size_t)strtoul(augment + n_name, NULL, 10) : 0;
}

static void put_images(methods *m) {
    double crop_scale = get_number(m, "training.crop_scale");
    size_t n_views = count_views(get_text(m, "training.augment"));
    if (is(m, "training.augment", "none")) {
        dnnb__buf_printf(&m->text, "Images were resized to the size of the network's input, "
                                   "without augmentation, ");
    } else {
        dnnb__buf_printf(&m->text, "For training, a random part of each image (");
        put_number(m, isnan(crop_scale) ? 0.08 : crop_scale);
        dnnb__buf_printf(
            &m->text, " to 1 of its area, with an aspect ratio from 3/4 to 4/3) was resized to "
                      "the size of the network's input and mirrored with a probability of 0.5; ");
        if (n_views == 1)
            dnnb__buf_printf(&m->text, "this was done once, and every epoch showed the same view "
                                       "of an image; ");
        else if (n_views > 1)
            dnnb__buf_printf(&m->text,
                             "%zu such views of each image were drawn once, and the epochs showed "
                             "one after another in turn; ",
                             n_views);
        dnnb__buf_printf(&m->text, "for testing, the whole image was resized. Images were ");
    }
    dnnb__buf_printf(&m->text,
                     "%snormalised by the mean and the standard deviation of ImageNet's "
                     "colour channels. ",
                     is(m, "training.augment", "none") ? "and " : "");
}

static void put_loss(methods *m) {
    bool is_regression = dnnb_record_get_task(m->record) == DNNB_REGRESSION;
    double smoothing = get_number(m, "training.loss.label_smoothing");
    const char *weights = get_text(m, "training.loss.class_weights.asked");
    dnnb__buf_printf(&m->text, "The loss was the %s",
                     is_regression ? "mean squared error" : "mean cross-entropy");
    if (strcmp(weights, "balanced") == 0)
        dnnb__buf_printf(&m->text, ", in which classes were weighted inversely to their numbers of "
                                   "images");
    else if (*weights)
        dnnb__buf_printf(&m->text, ", in which classes were weighted by %s", weights);
    if (smoothing > 0) {
        dnnb__buf_printf(&m->text, ", with label smoothing of ");
        put_number(m, smoothing);
        dnnb__buf_printf(&m->text, " (Szegedy et al., 2016)");
        cite(m, szegedy_2016);
    }
    dnnb__buf_printf(&m->text, ". ");
}

/* Whether a list of rates has one that is for all other layers. */
static bool has_plain_rate(const char *groups) {
    for (size_t n; *groups; groups += n + (groups[n] == ',')) {
        n = strcspn(groups, ",");
        if (!memchr(groups, '=', n)) return true;
    }
    return false;
}

static void put_rate(methods *m) {
    const char *groups = get_text(m, "training.optimizer.lr_groups");
    if (*groups)
        dnnb__buf_printf(&m->text, " with a learning rate for each group of layers (%s%s", groups,
                         has_plain_rate(groups) ? "" : "; others ");
    else
        dnnb__buf_printf(&m->text, " with a learning rate of ");
    if (!*groups || !has_plain_rate(groups)) put_number(m, get_number(m, "training.optimizer.lr"));
    if (*groups) dnnb__buf_printf(&m->text, ")");
}

static void put_optimizer(methods *m) {
    double decay = get_number(m, "training.optimizer.weight_decay");
    double momentum = get_number(m, "training.optimizer.momentum");
    dnnb__buf_printf(&m->text, "It was minimised by ");
    if (is(m, "training.optimizer.name", "sgd")) {
        dnnb__buf_printf(&m->text, "stochastic gradient descent");
        if (momentum > 0) {
            bool is_nesterov = get_number(m, "training.optimizer.nesterov") == 1;
            dnnb__buf_printf(&m->text, " with %smomentum of ", is_nesterov ? "Nesterov " : "a ");
            put_number(m, momentum);
            dnnb__buf_printf(&m->text, " (Sutskever et al., 2013)");
            cite(m, sutskever_2013);
        }
    } else {
        bool is_adamw = is(m, "training.optimizer.name", "adamw");
        dnnb__buf_printf(&m->text, is_adamw ? "AdamW (Loshchilov & Hutter, 2019; beta1 "
                                            : "Adam (Kingma & Ba, 2015; beta1 ");
        put_number(m, get_number(m, "training.optimizer.beta1"));
        dnnb__buf_printf(&m->text, ", beta2 ");
        put_number(m, get_number(m, "training.optimizer.beta2"));
        dnnb__buf_printf(&m->text, ", epsilon ");
        put_number(m, get_number(m, "training.optimizer.eps"));
        dnnb__buf_printf(&m->text, ")");
        cite(m, is_adamw ? loshchilov_2019 : kingma_2015);
    }
    put_rate(m);
    if (decay > 0) {
        dnnb__buf_printf(&m->text, " and a weight decay of ");
        put_number(m, decay);
    }
}

static void put_schedule(methods *m) {
    double warmup = get_number(m, "training.schedule.warmup_epochs");
    if (is(m, "training.schedule.name", "cosine")) {
        dnnb__buf_printf(&m->text, ", which followed half a cosine down to zero (Loshchilov & "
                                   "Hutter, 2017)");
        cite(m, loshchilov_2017);
    } else if (is(m, "training.schedule.name", "step")) {
        dnnb__buf_printf(&m->text, ", which was multiplied by ");
        put_number(m, get_number(m, "training.schedule.gamma"));
        dnnb__buf_printf(&m->text, " every ");
        put_counted(m, get_number(m, "training.schedule.step_epochs"), "epoch", "epochs");
    }
    if (warmup > 0) {
        dnnb__buf_printf(&m->text, " after a linear warm-up over ");
        put_counted(m, warmup, "epoch", "epochs");
    }
}

static void put_course(methods *m) {
    double n_planned = get_number(m, "training.epochs");
    double n_done = (double)dnnb_history_get_count(dnnb_record_get_history(m->record));
    double patience = get_number(m, "training.stopping.early_stop");
    double norm = get_number(m, "training.optimizer.clip_norm");
    if (norm > 0) {
        dnnb__buf_printf(&m->text, ", with gradients scaled down to a norm of at most ");
        put_number(m, norm);
    }
    dnnb__buf_printf(&m->text, ", in shuffled batches of ");
    put_counted(m, get_number(m, "training.batch"), "image", "images");
    dnnb__buf_printf(&m->text, ", for ");
    put_counted(m, n_done, "epoch", "epochs");
    if (patience > 0) {
        dnnb__buf_printf(&m->text,
                         "; training was to end when the validation %s had not improved "
                         "for ",
                         is(m, "training.stopping.monitor", "loss") ? "loss" : "score");
        put_counted(m, patience, "epoch", "epochs");
        dnnb__buf_printf(&m->text, ", or after ");
        put_count(m, n_planned);
    } else if (n_planned > n_done) {
        dnnb__buf_printf(&m->text, " of the ");
        put_count(m, n_planned);
        dnnb__buf_printf(&m->text, " that were planned");
    }
    dnnb__buf_printf(&m->text, ". ");
}

static void put_score(methods *m) {
    size_t n = dnnb_record_get_n_predictions(m->record);
    size_t best = dnnb_record_get_best_epoch(m->record);
    if (n == 0) return;
    if (dnnb_record_get_task(m->record) == DNNB_REGRESSION) {
        dnnb__buf_printf(&m->text, "Performance was measured by the squared Pearson correlation of "
                                   "predicted and true values in the validation set. ");
    } else {
        dnnb__buf_printf(&m->text,
                         "Performance was measured by the accuracy in the validation set, "
                         "with the 95%% confidence interval of Wilson (1927). ");
        cite(m, wilson_1927);
    }
    if (best != SIZE_MAX) {
        dnnb__buf_printf(&m->text, "The validation %s was best after epoch %zu. ",
                         is(m, "training.stopping.monitor", "loss") ? "loss" : "score", best + 1);
    }
}

static void put_software(methods *m) {
    const char *version = get_text(m, "versions.dnnbrain"),
               *engine = get_text(m, "versions.engine");
    const char *processor = get_text(m, "machine.processor");
    double threads = get_number(m, "machine.threads"), seed = get_number(m, "training.seed");
    dnnb__buf_printf(&m->text,
                     "All was computed with dnnbrain %s, which trains networks as DNNBrain "
                     "(Chen et al., 2020) does",
                     version);
    cite(m, chen_2020);
    if (*engine) dnnb__buf_printf(&m->text, ", on %s", engine);
    dnnb__buf_printf(&m->text, ", in %s floating point",
                     is(m, "training.precision", "bf16") ? "bfloat16 and 32-bit" : "32-bit");
    if (*processor) dnnb__buf_printf(&m->text, ", on a processor of the type %s", processor);
    if (threads > 0) {
        dnnb__buf_printf(&m->text, " with ");
        put_counted(m, threads, "thread", "threads");
    }
    dnnb__buf_printf(&m->text, "; the random seed was ");
    if (isnan(seed))
        dnnb__buf_printf(&m->text, "%s", get_text(m, "training.seed"));
    else
        put_number(m, seed);
    dnnb__buf_printf(&m->text, ".");
}

json_t *dnnb__page_methods(dnnb__page *page) {
    methods m = {.page = page, .record = page->record};
    if (!dnnb_record_get_config(page->record)) return json_null();
    m.references = json_array();
    dnnb__buf_init(&m.text, 1 << 20);
    put_network(&m);
    put_trained(&m);
    put_data(&m);
    put_images(&m);
    put_loss(&m);
    put_optimizer(&m);
    put_schedule(&m);
    put_course(&m);
    put_score(&m);
    put_software(&m);
    json_t *object = json_object();
    bool is_whole = dnnb__buf_get_status(&m.text) == DNNB_OK;
    dnnb__page_put(page, object, "text", is_whole ? dnnb__json_text(m.text.data) : NULL);
    dnnb__page_put(page, object, "references", m.references);
    dnnb__buf_destroy(&m.text);
    return object;
}
