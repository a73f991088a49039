#!/usr/bin/env python3
"""The numbers of report.html, of the history's files and of predictions.csv, of one run.

They are compared with each other, with scikit-learn and with SciPy; what the page looks like is
tested in tests/browser.
"""

import base64
import csv
import io
import json
import math
import os
import pickle
import re
import subprocess
import sys
import tempfile

import numpy
import scipy.stats
import sklearn.metrics
from PIL import Image

sys.path.insert(0, os.path.join(os.environ["DNNB_SOURCE"], "tests", "browser"))
import _run_folder

PROGRAM = os.environ["DNNB_CLI"]
SEED = 3
# The page has 15 significant digits of each number of the history, and 6 of what is drawn.
EXACT, DRAWN = 1e-14, 1e-5


def same(a, b, tolerance=EXACT):
    return abs(a - b) <= tolerance * max(1, abs(a), abs(b))


def read_page(folder):
    with open(os.path.join(folder, "report.html"), encoding="utf-8") as file:
        page = file.read()
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert len(found) == 1 and "\n" not in found[0]
    return json.loads(found[0]), page


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def make_set(folder, name, n, random, first):
    """Pictures of two colours with noise, label and reaction time; one of the training set is cut."""
    lines = ["type=image", f"path={folder}", "data=stimID,label,condition,RT"]
    for i in range(first, first + n):
        label = i % 2
        pixels = random.integers(0, 255, (40, 48, 3)) // 2
        pixels[:, :, 2 * label] += 90
        image = Image.fromarray(pixels.astype(numpy.uint8))
        image.save(os.path.join(folder, f"{i}.jpg"), quality=90)
        lines.append(f"{i}.jpg,{label},{('ant', 'bee')[label]},{0.3 + 0.2 * label + 0.01 * (i % 7)}")
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def train(folder, out, *more):
    subprocess.run([PROGRAM, "train", "--net", "alexnet-mini", "--stim", folder + "/train.stim.csv",
                    "--validation", folder + "/validation.stim.csv", "--out", out, "--epochs", "3",
                    "--batch", "8", "--augment", "none", "--seed", str(SEED), "--score-train",
                    "--on-bad-image", "skip", "--check", "full", "--quiet", *more],
                   check=True, capture_output=True)


def compare_history(run, data):
    """history.csv, train_dict.json, train_dict.pkl and the page."""
    rows = read_csv(os.path.join(run, "history.csv"))
    with open(os.path.join(run, "train_dict.json"), encoding="utf-8") as file:
        as_json = json.load(file)
    with open(os.path.join(run, "train_dict.pkl"), "rb") as file:
        as_pickle = pickle.load(file)
    page = data["epochs"]
    for key in "step_loss", "epoch_loss", "score_train", "score_validation":
        assert as_json[key] == as_pickle[key], key
    for i, row in enumerate(rows):
        assert float(row["loss"]) == as_json["epoch_loss"][i]
        for column in "score_train", "score_validation", "loss_validation":
            assert float(row[column]) == as_json[column][i], column
        for name in ("loss", "score_train", "score_validation", "loss_validation", "learning_rate",
                     "seconds", "images_per_second"):
            assert same(page[name][i], float(row[name])), (name, page[name][i], row[name])
        assert page["left_out"][i] == int(row["images_left_out"])
        assert page["n_trained"][i] == int(row["parameters_trained"])
    assert page.pop("gradient_norm") == [] and rows[0]["gradient_norm"] == ""
    assert all(len(values) == len(rows) for values in page.values())
    steps = [loss for epoch in as_json["step_loss"] for loss in epoch]
    assert data["steps"]["n"] == len(steps) and data["steps"]["group"] == 1
    assert all(same(a, b, DRAWN) for a, b in zip(data["steps"]["mean"], steps))
    with open(os.path.join(run, "config.json"), encoding="utf-8") as file:
        assert data["config"] == json.load(file)
    return as_json


def compare_pictures(data, folder):
    """Small copies of the images, as Pillow reads both."""
    shown = data["images"]["worst"] + data["images"]["best"]
    assert len(shown) == len({image["id"] for image in shown})
    for image in shown:
        picture = Image.open(io.BytesIO(base64.b64decode(image["picture"].split(",")[1])))
        assert picture.size == (image["width"], image["height"]) and max(picture.size) <= 160
        original = Image.open(os.path.join(folder, image["id"])).convert("RGB").resize(picture.size)
        # Of a noisy picture that is compressed once more, each mean colour stays within a few levels.
        difference = numpy.abs(numpy.mean(picture, (0, 1)) - numpy.mean(original, (0, 1)))
        assert difference.max() < 6, (image["id"], difference)


def compare_classification(folder):
    run = os.path.join(folder, "run")
    train(folder, run)
    data, page = read_page(run)
    history = compare_history(run, data)
    rows = read_csv(os.path.join(run, "predictions.csv"))
    labels = numpy.array([int(r["label"]) for r in rows])
    outputs = numpy.array([[float(r["output_0"]), float(r["output_1"])] for r in rows])
    predicted = outputs.argmax(1)
    found = data["classification"]
    right = int((labels == predicted).sum())
    assert (found["n"], found["n_right"]) == (len(rows), right)
    assert same(found["accuracy"], history["score_validation"][-1])
    interval = scipy.stats.binomtest(right, len(rows)).proportion_ci(0.95, method="wilson")
    assert same(found["accuracy_interval"][0], interval.low, 1e-12)
    assert same(found["accuracy_interval"][1], interval.high, 1e-12)
    matrix = sklearn.metrics.confusion_matrix(labels, predicted, labels=[0, 1])
    assert found["matrix"] == matrix.tolist()
    precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(
        labels, predicted, labels=[0, 1], zero_division=0)
    for k, row in enumerate(found["classes"]):
        assert row["n"] == support[k] and same(row["precision"], precision[k])
        assert same(row["recall"], recall[k]) and same(row["f1"], f1[k])
    assert same(found["macro_f1"], f1.mean(), 1e-12)
    assert same(found["balanced_accuracy"], recall.mean(), 1e-12)
    assert same(found["roc"]["area"],
                sklearn.metrics.roc_auc_score(labels, outputs[:, 1] - outputs[:, 0]), 1e-12)
    # Outputs of the file have 9 digits, and the history's loss is from those in memory.
    log_loss = sklearn.metrics.log_loss(labels, scipy.special.softmax(outputs, 1))
    assert same(found["loss"], log_loss, 1e-6)
    assert same(found["loss"], history["loss_validation"][-1], 1e-6)
    losses = scipy.special.logsumexp(outputs, 1) - outputs[numpy.arange(len(rows)), labels]
    order = numpy.argsort(-losses, kind="stable")
    assert [i["id"] for i in data["images"]["worst"]] == [rows[k]["stimID"] for k in order[:6]]
    for image, k in zip(data["images"]["worst"], order):
        assert same(image["loss"], losses[k], DRAWN) and image["label"] == labels[k]
    compare_pictures(data, folder)
    assert data["class_names"] == ["ant", "bee"] and data["n_left_out"] == 1
    assert data["left_out"][0]["id"] == "4.jpg" and data["left_out"][0]["set"] == "training"
    assert data["run"]["state"] == "finished" and data["run"]["best_epoch"] == 1 + int(
        numpy.argmax(history["score_validation"]))
    compare_methods(data["methods"]["text"], [
        "We trained the convolutional neural network AlexNet-mini from random initial parameters, "
        "drawn as PyTorch does.",
        "Its last layer had 2 outputs.", "were trained.",
        "The training set had 24 images and the validation set 12 images of 2 classes.",
        "Because it could not be decoded, 1 image was left out.",
        "The loss was the mean cross-entropy.",
        "It was minimised by Adam (Kingma & Ba, 2015; beta1 0.9, beta2 0.999, epsilon 1e-08) with a "
        "learning rate of 0.001, in shuffled batches of 8 images, for 3 epochs.",
        f"the random seed was {SEED}."])
    return page


def compare_methods(text, sentences):
    for sentence in sentences:
        assert sentence in text, (sentence, text)
    assert not re.search(r"unknown|nan|null|  | 1 (epochs|images|outputs|threads)\b", text), text


def compare_regression(folder):
    run = os.path.join(folder, "regression")
    train(folder, run, "--task", "regression", "--target", "RT,label")
    data, _ = read_page(run)
    history = compare_history(run, data)
    rows = read_csv(os.path.join(run, "predictions.csv"))
    targets = numpy.array([[float(r["RT"]), float(r["label"])] for r in rows])
    outputs = numpy.array([[float(r["output_0"]), float(r["output_1"])] for r in rows])
    found = data["regression"]
    r = scipy.stats.pearsonr(outputs.ravel(), targets.ravel())
    # Targets are kept as float32.
    assert same(found["r_squared"], r.statistic**2, 1e-6)
    assert same(found["r_squared"], history["score_validation"][-1], 1e-6)
    for k, name in enumerate(("RT", "label")):
        target = found["targets"][k]
        assert target["name"] == name and target["n"] == len(rows)
        assert same(target["r"], scipy.stats.pearsonr(outputs[:, k], targets[:, k]).statistic, 1e-6)
        assert same(target["rmse"], math.sqrt(numpy.mean((outputs[:, k] - targets[:, k]) ** 2)), 1e-6)
        assert same(target["determination"],
                    sklearn.metrics.r2_score(targets[:, k], outputs[:, k]), 1e-5)
        for point, x, y in zip(target["points"], targets[:, k], outputs[:, k]):
            assert same(point[0], x, DRAWN) and same(point[1], y, DRAWN)
    errors = ((outputs - targets) ** 2 / targets.var(0)).mean(1)
    worst = [i["id"] for i in data["images"]["worst"]]
    assert worst == [rows[k]["stimID"] for k in numpy.argsort(-errors, kind="stable")[: len(worst)]]
    assert "The loss was the mean squared error." in data["methods"]["text"]


def compare_many_steps(folder):
    """Groups of neighbouring steps: their means and extremes, and a page that stays small."""
    run = os.path.join(folder, "many")
    _run_folder.make_classification(run, folder, ["a", "b"], ["p0.png", "p1.png"], 250, 401)
    with open(os.path.join(run, "train_dict.json"), encoding="utf-8") as file:
        steps = numpy.concatenate(json.load(file)["step_loss"])
    subprocess.run([PROGRAM, "plot", run], check=True, capture_output=True)
    data, page = read_page(run)
    found, group = data["steps"], math.ceil(len(steps) / 1000)
    assert found["n"] == len(steps) == 100_250 and found["group"] == group
    bounds = list(range(0, len(steps), group)) + [len(steps)]
    assert found["at"] == bounds[1:]
    for i, (begin, end) in enumerate(zip(bounds, bounds[1:])):
        part = steps[begin:end]
        assert same(found["mean"][i], part.mean(), DRAWN), i
        assert same(found["low"][i], part.min(), DRAWN) and same(found["high"][i], part.max(), DRAWN)
    assert len(page) < 450_000, len(page)


def compare_options(folder):
    """Sentences of other options, in the singular too."""
    run = os.path.join(folder, "other")
    _run_folder.make_classification(run, folder, ["a", "b"], ["p0.png", "p1.png"], 1, 1)
    path = os.path.join(run, "config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config["network"].update(freeze="features.*", n_trained_parameters=54_575_938)
    config["train"]["n_images"] = 1
    config["machine"]["threads"] = 1
    config["training"].update(batch=1, augment="views:3", crop_scale=0.25, epochs=9)
    config["training"]["optimizer"].update(name="sgd", lr=0.05, momentum=0.9, nesterov=True,
                                           weight_decay=0.0005)
    config["training"]["schedule"].update(name="cosine", warmup_epochs=1)
    config["training"]["stopping"].update(monitor="loss", early_stop=1)
    config["training"]["loss"].update(class_weights={"asked": "balanced", "values": [1, 2]},
                                      label_smoothing=0.1)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    subprocess.run([PROGRAM, "plot", run], check=True, capture_output=True)
    data, _ = read_page(run)
    compare_methods(data["methods"]["text"], [
        "network AlexNet (Krizhevsky et al., 2012; Krizhevsky, 2014), starting from the pretrained "
        "parameters in the file alexnet.pth (SHA-256 cdcdcdcdcdcdcdcd...).",
        "Of its 57,012,034 parameters 54,575,938 were trained; the others were kept fixed.",
        "The training set had 1 image and the validation set 2 images of 2 classes.",
        "a random part of each image (0.25 to 1 of its area,",
        "mirrored with a probability of 0.5; 3 such views of each image were drawn once, and the "
        "epochs showed one after another in turn; for testing, the whole image was resized.",
        "in which classes were weighted inversely to their numbers of images, with label smoothing "
        "of 0.1 (Szegedy et al., 2016).",
        "by stochastic gradient descent with Nesterov momentum of 0.9 (Sutskever et al., 2013) with "
        "a learning rate of 0.05 and a weight decay of 0.0005, which followed half a cosine down to "
        "zero (Loshchilov & Hutter, 2017) after a linear warm-up over 1 epoch, in shuffled batches "
        "of 1 image, for 1 epoch; training was to end when the validation loss had not improved for "
        "1 epoch, or after 9.",
        "The validation loss was best after epoch 1.", "with 1 thread;"])
    cited = " ".join(data["methods"]["references"])
    for name, year in re.findall(r"(\w+)(?: et al\.| & \w+)?,? \(?(\d{4})\b", data["methods"]["text"]):
        assert re.search(rf"{name}.*\({year}\)", cited), (name, year, cited)


def compare_groups(folder):
    """Sentences of layers that are trained later, each at a rate of its own."""
    run = os.path.join(folder, "other")
    path = os.path.join(run, "config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config["network"].update(freeze="backbone", unfreeze="4", n_trained_parameters=57_012_034)
    config["training"]["optimizer"].update(lr_groups="features.*=1e-5,classifier.*=1e-4", clip_norm=2)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    subprocess.run([PROGRAM, "plot", run], check=True, capture_output=True)
    compare_methods(read_page(run)[0]["methods"]["text"], [
        "Of its 57,012,034 parameters 57,012,034 were trained; those that were kept fixed at first "
        "(backbone) from epoch 4 on.",
        "with a learning rate for each group of layers (features.*=1e-5,classifier.*=1e-4; others "
        "0.05) and a weight decay",
        "warm-up over 1 epoch, with gradients scaled down to a norm of at most 2, in shuffled"])


def main():
    random = numpy.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder:
        make_set(folder, "train.stim.csv", 24, random, 0)
        make_set(folder, "validation.stim.csv", 12, random, 24)
        with open(os.path.join(folder, "4.jpg"), "r+b") as file:
            file.truncate(400)
        page = compare_classification(folder)
        compare_regression(folder)
        compare_many_steps(folder)
        compare_options(folder)
        compare_groups(folder)
    print(f"reports agree with histories, predictions, scikit-learn and SciPy; {len(page):,} bytes")


if __name__ == "__main__":
    sys.exit(main())
