#!/usr/bin/env python3
"""TensorBoard itself reads what a run told it: the numbers of the history's files and of the
report, no step twice or lost.

A run that was left alone, one that was stopped and one that was killed; these two go on, while a
reader that had seen their first part stays open.
"""

import csv
import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile

import _venv

_venv.leave_out_under_sanitizers()
_venv.enter("tensorboard", "tensorboard==2.21.0")

import numpy
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

CLI = os.environ["DNNB_CLI"]
PICTURES = os.path.join(os.environ["DNNB_SOURCE"], "tests", "cli", "make_pictures.py")
EPOCHS = 6
# The column of history.csv of each tag that has an epoch as its step.
COLUMNS = {"loss/epoch": "loss", "loss/validation": "loss_validation",
           "score/train": "score_train", "score/validation": "score_validation",
           "learning_rate": "learning_rate", "images_per_second": "images_per_second",
           "gradient_norm": "gradient_norm"}
TRAIN = [CLI, "train", "--net", "alexnet", "--stim", "train.stim.csv", "--epochs", str(EPOCHS),
         "--batch", "4", "--freeze", "backbone", "--augment", "none", "--score-train", "--schedule",
         "cosine", "--clip-norm", "1", "--checkpoint-every", "0", "--tensorboard", "--quiet"]
CLASSES = TRAIN + ["--validation", "validation.stim.csv"]


def open_board(run):
    keep_all = {"scalars": 0, "images": 0, "tensors": 0}
    return EventAccumulator(os.path.join(run, "tensorboard"), size_guidance=keep_all)


def read_csv(run):
    with open(os.path.join(run, "history.csv")) as file:
        return list(csv.DictReader(file))


def read_report(run):
    with open(os.path.join(run, "report.html"), encoding="utf-8") as file:
        (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>',
                             file.read(), re.DOTALL)
    return json.loads(data)["epochs"]


def check_epochs(board, run):
    rows = read_csv(run)
    report = read_report(run)
    for tag, column in COLUMNS.items():
        expected = [(i + 1, numpy.float32(row[column])) for i, row in enumerate(rows)
                    if row[column]]
        found = [(e.step, numpy.float32(e.value)) for e in board.Scalars(tag)] if expected else []
        assert found == expected, (run, tag, found, expected)
        assert expected or tag not in board.Tags()["scalars"], (run, tag)
        # The page has 15 significant digits, more than a float32.
        shown = [numpy.float32(value) for value in report.get(column, []) if value is not None]
        assert shown == [value for _, value in expected], (run, column, shown)


def check_steps(board, run):
    with open(os.path.join(run, "train_dict.json")) as file:
        history = json.load(file)
    with open(os.path.join(run, "train_dict.pkl"), "rb") as file:
        pickled = pickle.load(file)
    for key in "step_loss", "epoch_loss", "score_train", "score_validation":
        assert pickled[key] == history[key], (run, key)
    for row, loss in zip(read_csv(run), history["epoch_loss"], strict=True):
        assert float(row["loss"]) == loss, run
    losses = [loss for epoch in history["step_loss"] for loss in epoch]
    events = board.Scalars("loss/step")
    assert [(e.step, numpy.float32(e.value)) for e in events] == [
        (i + 1, numpy.float32(loss)) for i, loss in enumerate(losses)], (run, events)
    times = [e.wall_time for e in events]
    assert times == sorted(times), (run, times)
    return len(losses)


def check_picture(board, run, tag, name):
    with open(os.path.join(run, name), "rb") as file:
        png = file.read()
    (event,) = board.Images(tag)
    image = Image.open(io.BytesIO(event.encoded_image_string))
    image.load()
    assert image.format == "PNG" and image.size == (event.width, event.height), (run, event.width)
    assert event.encoded_image_string == png, (run, name)
    assert event.step == EPOCHS, (run, event.step)


def check_config(board, run):
    with open(os.path.join(run, "config.json")) as file:
        config = file.read()
    # This reader forgets numbers and pictures at a restart, and no texts: there is one a part.
    event = board.Tensors("config")[-1]
    (text,) = event.tensor_proto.string_val
    assert text.decode() == f"```json\n{config}```\n", run
    metadata = board.SummaryMetadata("config")
    assert metadata.plugin_data.plugin_name == "text", metadata


def check(run, board, tag="confusion_matrix", picture="confusion.png"):
    """Everything that a finished run has told, to this reader."""
    *_, name = sorted(os.listdir(os.path.join(run, "tensorboard")))
    path = os.path.join(run, "tensorboard", name) # whole by itself
    n_events = sum(1 for _ in LegacyEventFileLoader(path).Load())
    board.Reload()
    check_epochs(board, run)
    n_steps = check_steps(board, run)
    check_picture(board, run, tag, picture)
    check_config(board, run)
    assert n_events > n_steps, n_events
    return n_events


def run_until(epoch, run, number):
    """Train until an epoch has ended, then send a signal."""
    with subprocess.Popen(CLASSES + ["--out", run], stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            if line.startswith(f"epoch {epoch}/"):
                program.send_signal(number)
                break
        program.stdout.read()
    assert program.returncode != 0, (run, program.returncode)


def go_on(run, number):
    """A run that ends early and goes on; the numbers that a new and an open reader have."""
    run_until(3, run, number)
    reader = open_board(run)
    reader.Reload()
    assert reader.Scalars("loss/step"), run
    subprocess.run(CLASSES + ["--out", run, "--resume"], check=True, stdout=subprocess.DEVNULL)
    check(run, reader)
    return check(run, open_board(run))


def main():
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        subprocess.run([sys.executable, PICTURES], check=True)
        subprocess.run(CLASSES + ["--out", "whole"], check=True, stdout=subprocess.DEVNULL)
        counts.append(check("whole", open_board("whole")))
        counts.append(go_on("stopped", signal.SIGTERM))
        counts.append(go_on("killed", signal.SIGKILL))
        # What a run told nobody before it went on is told too.
        without = [word for word in CLASSES if word != "--tensorboard"]
        more = [str(EPOCHS - 2) if word == str(EPOCHS) else word for word in without]
        for options in more + ["--keep-checkpoint"], CLASSES + ["--resume"]:
            options = [word for word in options if word not in ("--schedule", "cosine")]
            subprocess.run(options + ["--out", "later"], check=True, stdout=subprocess.DEVNULL)
        counts.append(check("later", open_board("later")))
        numbers = TRAIN + ["--task", "regression", "--target", "RT", "--validation",
                           "validation.stim.csv"]
        subprocess.run(numbers + ["--out", "numbers"], check=True, stdout=subprocess.DEVNULL)
        counts.append(check("numbers", open_board("numbers"), "regression", "regression.png"))
    print(f"events of each run: {counts}; every number as in history.csv and train_dict")


if __name__ == "__main__":
    sys.exit(main())
