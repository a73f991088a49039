#!/usr/bin/env python3
"""What the pretrained AlexNet-mini is worth: two data sets, three starts, several seeds.

Usage: transfer.py BUILD_FOLDER [DATA_FOLDER] [--seeds N] [--out FOLDER]

- ants and bees: the photographs of DATA_FOLDER/hymenoptera, where they are; its train/ and val/.
- animate or inanimate: the stamps of Debian's tuxpaint-stamps-default, a quarter of them held out.

Each is trained from the pretrained parameters (all of them, and a new last layer on fixed features)
and from random ones, in N runs (5) with the seeds 1, 2, ...; the pictures held out are the same in
all. A score is the accuracy on them after the last epoch: no epoch is chosen by it. The table is
Markdown: means and standard deviations over the runs, and what pretraining adds to training from
scratch, with Welch's 95% interval of the difference of the means.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile

from scipy import stats

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PRETRAINED = ["--weights", "pretrained"]
STARTS = {
    "from scratch": ["--lr", "1e-3"],
    "fixed features": PRETRAINED + ["--freeze", "backbone", "--augment", "none", "--lr", "3e-3"],
    "fine-tuned": PRETRAINED + ["--lr", "1e-4"],
}
EPOCHS = 30


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def list_photographs(program, data, folder):
    """Options that name the stimuli of ants and bees."""
    sets = {"train": "--stim", "val": "--validation"}
    options = []
    for name, option in sets.items():
        path = os.path.join(folder, f"{name}.stim.csv")
        run(program, "stim", os.path.join(data, "hymenoptera", name), "--out", path)
        options += [option, path]
    return options


def list_stamps(program, folder):
    pictures = os.path.join(folder, "stamps")
    train, held_out = (os.path.join(folder, f"stamps-{name}.stim.csv")
                       for name in ("train", "held-out"))
    run(os.path.join(ROOT, "tools", "link-stamps"), pictures)
    run(program, "stim", pictures, "--out", train, "--split", "0.25", "--out-validation", held_out,
        "--seed", "1")
    return ["--stim", train, "--validation", held_out, "--background", "white"]


def train(program, stimuli, start, n_seeds, out):
    """Accuracy on the pictures held out after the last epoch, of each seed."""
    run(program, "train", "--net", "alexnet-mini", *stimuli, *start, "--epochs", str(EPOCHS),
        "--seed", "1", "--repeat", str(n_seeds), "--threads", "2", "--quiet", "--out", out)
    with open(os.path.join(out, "repeat.json"), encoding="utf-8") as file:
        return [r["score_last"] for r in json.load(file)["runs"]]


def difference(scores, baseline):
    """What is added to the baseline's mean, and the interval of that."""
    added = statistics.mean(scores) - statistics.mean(baseline)
    a, b = (statistics.variance(s) / len(s) for s in (scores, baseline))
    freedom = (a + b) ** 2 / (a ** 2 / (len(scores) - 1) + b ** 2 / (len(baseline) - 1))
    half = stats.t.ppf(0.975, freedom) * (a + b) ** 0.5
    return f"{added:+.3f} ({added - half:+.3f} to {added + half:+.3f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("data", nargs="?", default=os.path.join(ROOT, "..", "shared", "data"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", help="keep the run folders there")
    arguments = parser.parse_args()
    program = os.path.join(arguments.build, "dnnbrain")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.out or temporary
        os.makedirs(folder, exist_ok=True)
        sets = {"animate or inanimate": list_stamps(program, folder)}
        if os.path.isdir(os.path.join(arguments.data, "hymenoptera")):
            sets["ants and bees"] = list_photographs(program, arguments.data, folder)
        print("| pictures | start | mean | sd | seeds | above from scratch |")
        print("| --- | --- | --- | --- | --- | --- |", flush=True)
        for pictures, stimuli in sets.items():
            baseline = None
            for name, start in STARTS.items():
                out = os.path.join(folder, f"{pictures} {name}".replace(" ", "_"))
                scores = train(program, stimuli, start, arguments.seeds, out)
                baseline = baseline or scores
                above = "" if scores is baseline else difference(scores, baseline)
                print(f"| {pictures} | {name} | {statistics.mean(scores):.3f} | "
                      f"{statistics.stdev(scores):.3f} | "
                      f"{' '.join(f'{s:.3f}' for s in scores)} | {above} |", flush=True)


main()
