"""A run folder through Python's own eyes: check_run.py RUN N_OUTPUTS EPOCHS SCORES.

torch.load and load_state_dict(strict=True) take the weights, pickle.load the history, json and csv
the rest; all of them tell the same. SCORES is among "none", "validation" and "both".
"""

import csv
import json
import os
import pickle
import sys
import xml.etree.ElementTree

import torch
import torchvision

run, n_outputs, n_epochs, scores = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def path(name):
    return os.path.join(run, name)


# Parameters are loaded over whatever is there: drawing them first would take seconds.
for layer in (torch.nn.Linear, torch.nn.Conv2d):
    layer.reset_parameters = lambda self: None
network = torchvision.models.alexnet(num_classes=n_outputs)
weights = ["model.pth"] + (["best.pth"] if scores != "none" else [])
for name in weights:
    state = torch.load(path(name), weights_only=True)
    network.load_state_dict(state, strict=True)
    assert list(state) == list(network.state_dict()), name
    assert all(t.dtype == torch.float32 and torch.isfinite(t).all() for t in state.values()), name

with open(path("train_dict.pkl"), "rb") as file:
    history = pickle.load(file)
assert sorted(history) == ["epoch_loss", "score_train", "score_validation", "step_loss"]
assert len(history["epoch_loss"]) == len(history["step_loss"]) == n_epochs
assert len(history["score_train"]) == (n_epochs if scores == "both" else 0)
assert len(history["score_validation"]) == (0 if scores == "none" else n_epochs)
assert all(type(x) is float for x in history["epoch_loss"] + history["step_loss"][0])
with open(path("train_dict.json")) as file:
    as_json = json.load(file)
losses = as_json.pop("loss_validation")
assert as_json == history, "train_dict.json and .pkl differ"
assert len(losses) == (0 if scores == "none" else n_epochs)
with open(path("history.csv")) as file:
    rows = list(csv.DictReader(file))
assert [float(row["loss"]) for row in rows] == history["epoch_loss"]
assert [float(row["loss_validation"]) for row in rows if row["loss_validation"]] == losses
with open(path("config.json")) as file:
    json.load(file)
with open(path("log.jsonl")) as file:
    events = [json.loads(line) for line in file]
assert events, "log.jsonl is empty"
plots = ["epoch_loss.svg", "step_loss.svg", "learning_rate.svg"]
plots += ["score.svg"] if scores != "none" else []
if os.path.exists(path("predictions.csv")):
    with open(path("predictions.csv")) as file:
        columns = next(csv.reader(file))
    plots.append("confusion.svg" if columns[1] == "label" else "regression.svg")
for name in plots:
    assert os.path.getsize(path(name[:-4] + ".png")) > 1000, name
    assert xml.etree.ElementTree.parse(path(name)).getroot().tag.endswith("svg"), name
print("the run folder is whole")
