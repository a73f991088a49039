#!/usr/bin/env python3
"""Metrics and their intervals, against scikit-learn and SciPy."""

import math
import os
import subprocess
import sys
import warnings

import numpy
import scipy.optimize
import scipy.stats
import sklearn.metrics

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "metrics_driver")
# Both sides compute in float64 and may sum in another order: some roundings of numbers near 1.
TOLERANCE = 1e-12
Z = scipy.stats.norm.ppf(0.975)
n_compared = 0


def drive(mode, first, second, *arguments):
    lines = "".join(f"{a!r} {b!r}\n" for a, b in zip(first.tolist(), second.tolist()))
    output = subprocess.run([DRIVER, mode, *map(str, arguments)], input=lines, check=True,
                            capture_output=True, text=True).stdout
    return {name: float(value) for name, value in map(str.split, output.splitlines())}


def expect(found, wanted, what):
    global n_compared
    n_compared += 1
    same = found == wanted or (math.isnan(found) and math.isnan(wanted))
    assert same or abs(found - wanted) <= TOLERANCE * max(1, abs(wanted)), (what, found, wanted)


def compare_classes(labels, predicted, n_classes):
    found = drive("classes", labels, predicted, n_classes)
    names = list(range(n_classes))
    matrix = sklearn.metrics.confusion_matrix(labels, predicted, labels=names)
    precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(
        labels, predicted, labels=names, zero_division=0)
    for k in names:
        expect(found[f"precision_{k}"], precision[k], f"precision {k}")
        expect(found[f"recall_{k}"], recall[k], f"recall {k}")
        expect(found[f"f1_{k}"], f1[k], f"f1 {k}")
        expect(found[f"support_{k}"], support[k], f"support {k}")
        for j in names:
            expect(found[f"count_{k}_{j}"], matrix[k, j], f"count {k} {j}")
    balanced = sklearn.metrics.balanced_accuracy_score(labels, predicted)
    expect(found["balanced_accuracy"], balanced, "balanced accuracy")
    expect(found["accuracy"], sklearn.metrics.accuracy_score(labels, predicted), "accuracy")
    expect(found["macro_f1"], sklearn.metrics.f1_score(labels, predicted, average="macro",
                                                       zero_division=0), "macro F1")
    wanted = scipy.stats.binomtest(int((labels == predicted).sum()), len(labels))
    interval = wanted.proportion_ci(0.95, method="wilson")
    expect(found["accuracy_low"], interval.low, "accuracy, low end")
    expect(found["accuracy_high"], interval.high, "accuracy, high end")


def compare_wilson():
    pairs = numpy.array([(k, n) for n in (1, 2, 7, 153, 100_000) for k in {0, 1, n // 3, n - 1, n}])
    found = drive("wilson", pairs[:, 0], pairs[:, 1])
    for i, (k, n) in enumerate(pairs.tolist()):
        wanted = scipy.stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
        expect(found[f"wilson_{i}_low"], wanted.low, ("low", k, n))
        expect(found[f"wilson_{i}_high"], wanted.high, ("high", k, n))
    nothing = drive("wilson", numpy.array([0]), numpy.array([0]))
    assert math.isnan(nothing["wilson_0_low"]) and math.isnan(nothing["wilson_0_high"])


def area_interval(area, m, n):
    """Newcombe's method 5 by its defining equation: Hanley and McNeil's error at the end itself."""
    def reach(t):
        more = (m + n) / 2 - 1
        variance = t * (1 - t) / (m * n) * (1 + more * (1 - t) / (2 - t) + more * t / (1 + t))
        return Z * math.sqrt(variance)
    # A little within: at an area of 0 or 1 the area itself solves the equation too.
    low = scipy.optimize.brentq(lambda t: area - t - reach(t), 0, area - 1e-9) if area > 0 else 0
    high = scipy.optimize.brentq(lambda t: t - area - reach(t), area + 1e-9, 1) if area < 1 else 1
    return low, high


def compare_roc(scores, positive):
    found = drive("roc", scores, positive.astype(int))
    fpr, tpr, thresholds = sklearn.metrics.roc_curve(positive, scores, drop_intermediate=False)
    for i in range(len(fpr)):
        expect(found[f"fpr_{i}"], fpr[i], f"false positive rate {i}")
        expect(found[f"tpr_{i}"], tpr[i], f"true positive rate {i}")
        expect(found[f"threshold_{i}"], thresholds[i] if i else math.inf, f"threshold {i}")
    assert f"fpr_{len(fpr)}" not in found, "more points than scikit-learn's"
    area = sklearn.metrics.roc_auc_score(positive, scores)
    expect(found["area"], area, "area")
    low, high = area_interval(area, int(positive.sum()), int((~positive).sum()))
    # brentq's own tolerance is 2e-12.
    assert abs(found["area_low"] - low) < 1e-11 and abs(found["area_high"] - high) < 1e-11, (
        found["area_low"], low, found["area_high"], high)


def compare_regression(predicted, targets):
    found = drive("regression", predicted, targets)
    r = scipy.stats.pearsonr(predicted, targets)
    low, high = r.confidence_interval(0.95)
    expect(found["r"], r.statistic, "r")
    expect(found["r_squared"], r.statistic**2, "r squared")
    expect(found["r_low"], low, "r, low end")
    expect(found["r_high"], high, "r, high end")
    ends = sorted((low**2, high**2))
    expect(found["r_squared_low"], 0 if low <= 0 <= high else ends[0], "r squared, low end")
    expect(found["r_squared_high"], ends[1], "r squared, high end")
    expect(found["rmse"], math.sqrt(sklearn.metrics.mean_squared_error(targets, predicted)), "rmse")
    expect(found["mae"], sklearn.metrics.mean_absolute_error(targets, predicted), "mae")
    expect(found["determination"], sklearn.metrics.r2_score(targets, predicted), "determination")


def main():
    warnings.simplefilter("ignore")  # of SciPy at 0 and 1, of scikit-learn about classes without images
    random = numpy.random.default_rng(5)
    compare_wilson()
    for n, n_classes in ((1, 2), (12, 2), (153, 2), (4000, 7), (300, 100)):
        labels = random.integers(0, n_classes, n)
        wrong = random.random(n) < 0.3
        compare_classes(labels, numpy.where(wrong, random.integers(0, n_classes, n), labels),
                        n_classes)
        compare_classes(labels, labels, n_classes)
        compare_classes(labels * 0, labels, n_classes)  # classes without an image
    for n, digits in ((2, 3), (153, 8), (5000, 1), (2000, 0)):  # few digits give many ties
        positive = numpy.arange(n) % 3 == 0
        scores = random.normal(size=n) + positive
        compare_roc(numpy.round(scores, digits), positive)
    compare_roc(numpy.array([1.0, 2, 3, 4]), numpy.array([False, False, True, True]))
    compare_roc(numpy.array([4.0, 3, 2, 1]), numpy.array([False, False, True, True]))
    compare_roc(numpy.zeros(9), numpy.arange(9) < 4)
    one_class = drive("roc", numpy.zeros(3), numpy.ones(3))
    assert math.isnan(one_class["area"]) and math.isnan(one_class["area_low"])
    for n, noise, slope in ((4, 0.1, 1), (50, 1, 2), (1000, 20, -1), (200, 0.3, -0.5)):
        targets = random.normal(3, 2, n)
        compare_regression(slope * targets + random.normal(0, noise, n), targets)
    constant = drive("regression", numpy.ones(5), numpy.arange(5.0))
    assert constant["r"] == 0 and constant["r_squared"] == 0, constant
    print(f"{n_compared} numbers agree with scikit-learn {sklearn.__version__} and SciPy")


if __name__ == "__main__":
    sys.exit(main())
