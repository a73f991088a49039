"""Ours and PyTorch's speed in one run on this machine, in turn, as a table of ratios.

Usage: against_pytorch.py BUILD_FOLDER DATA_FOLDER [--rounds N] [--threads N] [--only steps|epochs]

DATA_FOLDER holds hymenoptera/. Rows give medians over all rounds; a ratio above 1 means that ours
is faster. The steps compare with PyTorch's faster layout; the epochs with DNNBrain's loop as it is
(bench/pytorch_epoch.py). Peak memory is the largest resident size of the whole process.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = [("train", 64, 3), ("frozen", 64, 4), ("test", 64, 4), ("test", 8, 12), ("train", 8, 6)]
TITLES = {"train": "training step", "frozen": "frozen step", "test": "testing"}


def run(command, threads):
    """Standard output, and the peak resident MiB of the child."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit("%s: exit status %d" % (" ".join(command), child.returncode))
        out.seek(0)
        return out.read().decode(), usage.ru_maxrss / 1024


def spread(values):
    return "%.3f to %.3f" % (min(values), max(values))


def bench_steps(arguments):
    print("| step | images/s ours | PyTorch NCHW | PyTorch channels last | ratio | s ours | s PyTorch |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for kind, batch, steps in STEPS:
        seconds = {"ours": [], "nchw": [], "nhwc": []}
        for _ in range(arguments.rounds):
            tail = [kind, str(batch), str(steps)]
            ours = [os.path.join(arguments.build, "bench", "step")] + tail
            seconds["ours"] += json.loads(run(ours + [str(arguments.threads)], arguments.threads)[0])
            for layout in ("nchw", "nhwc"):
                theirs = [sys.executable, os.path.join(HERE, "pytorch_step.py")] + tail
                seconds[layout] += json.loads(
                    run(theirs + [layout, str(arguments.threads)], arguments.threads)[0])
        median = {name: statistics.median(values) for name, values in seconds.items()}
        best = min(("nchw", "nhwc"), key=median.get)
        print("| %s, batch %d | %.1f | %.1f | %.1f | %.2f | %s | %s |" %
              (TITLES[kind], batch, batch / median["ours"], batch / median["nchw"],
               batch / median["nhwc"], median[best] / median["ours"], spread(seconds["ours"]),
               spread(seconds[best])), flush=True)


def our_epochs(arguments, scenario, folder, epochs):
    program = os.path.join(arguments.build, "dnnbrain")
    data = os.path.join(arguments.data, "hymenoptera")
    files = {}
    for part in ("train", "val"):
        files[part] = os.path.join(folder, part + ".stim.csv")
        if not os.path.exists(files[part]):
            run([program, "stim", os.path.join(data, part), "--out", files[part]],
                arguments.threads)
    options = ["--freeze", "backbone", "--lr", "1e-5"] if scenario == 2 else ["--lr", "1e-4"]
    out, peak = run([program, "train", "--net", "alexnet", "--stim", files["train"],
                     "--validation", files["val"], "--classes", "2", "--score-train",
                     "--epochs", str(epochs), "--threads", str(arguments.threads), "--quiet",
                     "--overwrite", "--out", os.path.join(folder, "run%d" % scenario)] + options,
                    arguments.threads)
    return [float(s) for s in re.findall(r"  ([0-9.]+) s  \(", out)], peak


def bench_epochs(arguments):
    print("| epoch, ants and bees, both sets scored | s ours, first | s ours, later | s PyTorch loop |"
          " ratio, first | ratio, later | MiB ours | MiB PyTorch |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    data = os.path.join(arguments.data, "hymenoptera")
    for scenario in (1, 2):
        first, later, theirs, peaks = [], [], [], {"ours": [], "theirs": []}
        for _ in range(arguments.rounds):
            with tempfile.TemporaryDirectory() as folder:
                seconds, peak = our_epochs(arguments, scenario, folder, 3)
            first.append(seconds[0])
            later += seconds[1:]
            peaks["ours"].append(peak)
            out, _ = run([sys.executable, os.path.join(HERE, "pytorch_epoch.py"), str(scenario),
                          os.path.join(data, "train"), os.path.join(data, "val"), "2",
                          str(arguments.threads)], arguments.threads)
            result = json.loads(out)
            theirs += result["seconds"]
            peaks["theirs"].append(result["peak_mib"])
        peer = statistics.median(theirs)
        print("| scenario %d | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f | %.0f |" %
              (scenario, statistics.median(first), statistics.median(later), peer,
               peer / statistics.median(first), peer / statistics.median(later),
               max(peaks["ours"]), min(peaks["theirs"])), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=("steps", "epochs"))
    arguments = parser.parse_args()
    if arguments.only != "epochs":
        bench_steps(arguments)
        print()
    if arguments.only != "steps":
        bench_epochs(arguments)


main()
