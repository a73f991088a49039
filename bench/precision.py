"""Does bfloat16 change what a network learns? Ants and bees, some seeds in each precision.

Usage: precision.py DNNBRAIN HYMENOPTERA [--seeds N] [--epochs N] [--net NET] [--weights FILE]
                    [--lr X]
  DNNBRAIN     the program
  HYMENOPTERA  the folder with train/ and val/ of ants and bees

Each seed trains all parameters in float32 and in bfloat16. Printed: the validation accuracy after
the last epoch of each run, both means, and the mean of the differences of the pairs with its 95%
interval (Student's t).
"""
import argparse
import csv
import os
import statistics
import subprocess
import tempfile

# The 97.5% quantile of Student's t with n - 1 degrees of freedom, n from 2.
T975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093]


def accuracy(run):
    with open(os.path.join(run, "history.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    return float(rows[-1]["score_validation"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("images")
    parser.add_argument("--seeds", type=int, default=10, choices=range(2, len(T975) + 2))
    parser.add_argument("--epochs", default="5")
    parser.add_argument("--net", default="alexnet-mini")
    parser.add_argument("--weights", default="pretrained")
    parser.add_argument("--lr", default="1e-4")
    o = parser.parse_args()
    scores = {"f32": [], "bf16": []}
    with tempfile.TemporaryDirectory() as folder:
        for part in ["train", "val"]:
            subprocess.run([o.program, "stim", os.path.join(o.images, part), "--out",
                            os.path.join(folder, f"{part}.stim.csv")], check=True,
                           capture_output=True)
        for seed in range(o.seeds):
            for precision, found in scores.items():
                run = os.path.join(folder, f"{precision}.{seed}")
                command = [o.program, "train", "--net", o.net, "--weights", o.weights, "--stim",
                           os.path.join(folder, "train.stim.csv"), "--validation",
                           os.path.join(folder, "val.stim.csv"), "--epochs", o.epochs, "--lr",
                           o.lr, "--seed", str(seed), "--precision", precision, "--quiet", "--out",
                           run]
                subprocess.run(command, check=True, capture_output=True)
                found.append(accuracy(run))
            print(f"seed {seed}: f32 {scores['f32'][-1]:.4f}  bf16 {scores['bf16'][-1]:.4f}",
                  flush=True)
    differences = [b - a for a, b in zip(scores["f32"], scores["bf16"])]
    mean = statistics.mean(differences)
    half = T975[o.seeds - 2] * statistics.stdev(differences) / o.seeds**0.5
    for precision, found in scores.items():
        print(f"{precision}: mean {statistics.mean(found):.4f}, sd {statistics.stdev(found):.4f}")
    print(f"bf16 - f32: {mean:+.4f}, 95% interval {mean - half:+.4f} to {mean + half:+.4f}")


main()
