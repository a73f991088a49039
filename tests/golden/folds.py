#!/usr/bin/env python3
"""Folds of cross-validation against scikit-learn's.

Which rows go into which fold follows from our seed; how many of each label do, fold by fold, is what
StratifiedKFold and KFold give.
"""

import os
import random
import subprocess
import sys
import tempfile
import warnings

import numpy
from sklearn.model_selection import KFold, StratifiedKFold

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "folds_driver")
failures = 0


def expect(condition, message):
    global failures
    if not condition:
        print(message)
        failures += 1


def write_stim(path, labels):
    with open(path, "w") as file:
        file.write("type=image\npath=/\ndata=stimID,label\n")
        file.writelines(f"{i}.png,{label}\n" for i, label in enumerate(labels))


def drive(path, n_folds, seed, how):
    return subprocess.run([DRIVER, path, str(n_folds), str(seed), how], capture_output=True, text=True)


def count(labels, folds, n_folds, n_labels):
    table = numpy.zeros((n_folds, n_labels), int)
    numpy.add.at(table, (folds, labels), 1)
    return table


def folds_of(splitter, labels):
    folds = numpy.full(len(labels), -1)
    for i, (_, held_out) in enumerate(splitter.split(numpy.zeros(len(labels)), labels)):
        folds[held_out] = i
    return folds


def draw_labels(generator, round_):
    """Sorted, mixed, rare and missing labels, in an order of first appearance that is not theirs."""
    n_labels = generator.randint(1, 7)
    n = generator.randint(2 * n_labels, 200)
    weights = [generator.choice((1, 1, 3, 20)) for _ in range(n_labels)]
    labels = generator.choices(range(n_labels), weights, k=n)
    return numpy.array(sorted(labels, reverse=round_ % 2) if round_ % 3 == 0 else labels)


def check(path, labels, n_folds, seed):
    n_labels = labels.max() + 1
    write_stim(path, labels)
    for how, splitter in (("stratified", StratifiedKFold(n_folds, shuffle=True, random_state=seed)),
                          ("plain", KFold(n_folds, shuffle=True, random_state=seed))):
        where = f"{how}, {n_folds} folds, seed {seed}, {len(labels)} rows of {n_labels} labels"
        done = drive(path, n_folds, seed, how)
        try:
            expected = folds_of(splitter, labels)
        except ValueError:
            expect(done.returncode == 1 and "folds: expected" in done.stderr, f"{where}: taken")
            continue
        expect(done.returncode == 0, f"{where}: {done.stderr}")
        found = numpy.array(done.stdout.split(), int)
        expect(len(found) == len(labels), f"{where}: {len(found)} rows")
        ours = count(labels, found, n_folds, n_labels)
        theirs = count(labels, expected, n_folds, n_labels)
        if how == "stratified":
            expect((ours == theirs).all(), f"{where}:\n{ours}\nscikit-learn:\n{theirs}")
        else:
            expect((ours.sum(1) == theirs.sum(1)).all(), f"{where}: {ours.sum(1)}")


def main():
    warnings.simplefilter("ignore")  # a label with fewer rows than folds
    generator = random.Random(5)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "set.stim.csv")
        for round_ in range(60):
            check(path, draw_labels(generator, round_), generator.randint(2, 12), round_)
        # Rows change places with the seed, and only with it.
        labels = numpy.arange(40) % 3
        write_stim(path, labels)
        first, again, other = (drive(path, 5, seed, "stratified").stdout for seed in (1, 1, 2))
        expect(first == again and first != other, "the folds do not follow from the seed")
    sys.exit(1 if failures else 0)


main()
